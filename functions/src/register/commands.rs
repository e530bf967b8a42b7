//! The function `register`: for people, and for programs that they write.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::register::{Row, Status};
use shared::{Error, ErrorName, Result};

use super::rebuild::{self, Place};
use crate::context::Context;
use crate::runtime::to_json;

/// Connections in one answer: Lambda's answers end at 6 MB.
const ROWS_AT_ONCE: usize = 1000;

/// What the function is asked for.
#[derive(Debug, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
enum Command {
    /// The rows that have all of these, without their requests.
    List {
        #[serde(default)]
        status: Option<Status>,
        #[serde(default)]
        account_id: Option<String>,
        #[serde(default)]
        provider: Option<String>,
        /// The `next` of the answer before.
        #[serde(default)]
        after: Option<String>,
    },
    /// One row, with its request.
    Get { connection_id: String },
    /// Rows for connections that have none, from the tags of their endpoints.
    Rebuild {
        /// Default: the accounts and regions that the register has rows of.
        #[serde(default)]
        accounts: Vec<Account>,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Account {
    account_id: String,
    regions: Vec<String>,
}

/// A part of the register.
#[derive(Debug, Serialize)]
struct Listed {
    connections: Vec<Value>,
    /// There is more: what to give as `after`.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Does what is asked for.
///
/// # Errors
/// `InvalidRequest` for what is no command, or names no connection; else as DynamoDB and EC2 answer.
pub async fn run(context: &Context, input: Value) -> Result<Value> {
    let command: Command = serde_json::from_value(input).map_err(|error| {
        Error::new(
            ErrorName::InvalidRequest,
            format!(
                "{error}. Invoke it with {{\"action\":\"list\"}}, {{\"action\":\"get\",\"connection_id\":\"plw-…\"}} or \
                 {{\"action\":\"rebuild\",\"accounts\":[{{\"account_id\":\"…\",\"regions\":[\"…\"]}}]}}."
            ),
        )
    })?;
    let register = context.register().await.ok_or_else(|| {
        Error::new(
            ErrorName::InvalidRequest,
            "the stack has no register: set REGISTER_TABLE.",
        )
    })?;
    match command {
        Command::List {
            status,
            account_id,
            provider,
            after,
        } => {
            let page = register.page(after.as_deref(), ROWS_AT_ONCE).await?;
            let is_wanted = |row: &&Row| {
                status.is_none_or(|status| status == row.status)
                    && account_id.as_ref().is_none_or(|id| *id == row.account_id)
                    && provider.as_ref().is_none_or(|provider| *provider == row.provider)
            };
            let connections = page.rows.iter().filter(is_wanted).map(without_request);
            to_json(&Listed {
                connections: connections.collect::<Result<_>>()?,
                next: page.next,
            })
        }
        Command::Get { connection_id } => {
            let row = register.get(&connection_id).await?.ok_or_else(|| {
                Error::invalid_at(
                    "/connection_id",
                    format!("the register has no {connection_id}. List what it has, or have it rebuilt."),
                )
            })?;
            let mut shown = to_json(&row)?;
            shown["request"] = serde_json::from_str(&row.request).unwrap_or_else(|_| json!(row.request));
            Ok(shown)
        }
        Command::Rebuild { accounts } => {
            let mut places: Vec<Place> = if accounts.is_empty() {
                let rows = register.scan().await?.into_iter();
                rows.map(|row| (row.account_id, row.region)).collect()
            } else {
                let named = accounts.into_iter();
                named
                    .flat_map(|account| {
                        account
                            .regions
                            .into_iter()
                            .map(move |r| (account.account_id.clone(), r))
                    })
                    .collect()
            };
            places.sort();
            places.dedup();
            if places.is_empty() {
                return Err(Error::invalid_at(
                    "/accounts",
                    "the register is empty, so say where to look: accounts, each with its regions.",
                ));
            }
            to_json(&rebuild::rebuild(context, &register, &places).await?)
        }
    }
}

fn without_request(row: &Row) -> Result<Value> {
    let mut shown = to_json(row)?;
    if let Some(fields) = shown.as_object_mut() {
        fields.remove("request");
    }
    Ok(shown)
}
