//! The register, as its commands and its table show it.

use std::fmt;

use rehearsal::{Environment, Error, Result};
use serde_json::{Value, json};
use shared::error::ErrorName;

use crate::world::World;

/// What the function answered.
pub(crate) struct Answer(pub(crate) Value);

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Answer {
    pub(crate) fn is_error(&self) -> bool {
        self.0["errorType"].is_string()
    }

    /// It is about the connection.
    pub(crate) fn tells_of(&self, connection: &str) -> bool {
        !self.is_error() && self.0.to_string().contains(connection)
    }

    /// An answer, or an error with a name. A function that was killed has only Lambda's.
    pub(crate) fn is_named(&self, killed: bool) -> bool {
        match self.0["errorType"].as_str() {
            None => self.0.is_object() || self.0.is_array() || self.0.is_null(),
            Some("Runtime.ExitError") => killed,
            Some(error) => ErrorName::ALL.iter().any(|name| name.as_str() == error),
        }
    }
}

/// Makes the row again, lists it, reads it.
pub(crate) fn questions(world: &World<'_>, connection: &str) -> [Value; 3] {
    let (account, region) = world.place();
    [
        json!({"action": "rebuild", "accounts": [{"account_id": account, "regions": [region]}]}),
        json!({"action": "list", "account_id": account}),
        json!({"action": "get", "connection_id": connection}),
    ]
}

pub(crate) async fn ask(environment: &Environment, question: &Value) -> Result<Answer> {
    let function = environment
        .outputs
        .get("RegisterFunctionName")
        .map_or("", String::as_str);
    environment.aws.invoke(function, question).await.map(Answer)
}

/// Deletes the rows whose id has a text.
pub(crate) async fn forget(environment: &Environment, text: &str) -> Result<()> {
    let table = environment
        .outputs
        .get("RegisterTableName")
        .ok_or_else(|| Error::new("looking for the register", "the stack has no output RegisterTableName"))?;
    let dynamodb = |operation: &'static str, body: Value| async move {
        let target = format!("DynamoDB_20120810.{operation}");
        environment.aws.expect_json("dynamodb", &target, &body).await
    };
    let found = dynamodb("Scan", json!({"TableName": table})).await?;
    for row in found["Items"].as_array().into_iter().flatten() {
        if row["id"]["S"].as_str().is_some_and(|id| id.contains(text)) {
            let gone = json!({"TableName": table, "Key": {"id": row["id"]}});
            dynamodb("DeleteItem", gone).await?;
        }
    }
    Ok(())
}
