//! The function `register`: for people, and for programs that they write.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::register::{Row, Status};
use shared::{Error, ErrorName, Result, request};

use super::Register;
use super::rebuild::{self, Place};
use crate::context::Context;
use crate::runtime::to_json;

/// Connections in one answer: Lambda's answers end at 6 MB.
const ROWS_AT_ONCE: usize = 1000;
/// Of a connection's id.
const CONNECTION_PREFIX: &str = "plw-";

/// The rows that have all of these, without their requests.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct List {
    #[serde(rename = "action")]
    _action: String,
    #[serde(default)]
    #[schemars(with = "Status")]
    status: Option<Status>,
    #[serde(default)]
    account_id: Option<String>,
    #[serde(default)]
    provider: Option<String>,
    /// The `next` of the answer before.
    #[serde(default)]
    after: Option<String>,
}

/// One row, with its request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Get {
    #[serde(rename = "action")]
    _action: String,
    /// `plw-` and 16 hex digits.
    #[schemars(length(max = 64))]
    connection_id: String,
}

/// Rows for connections that have none, from the tags of their endpoints.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Rebuild {
    #[serde(rename = "action")]
    _action: String,
    /// Default: the accounts and regions that the register has rows of.
    #[serde(default)]
    accounts: Vec<Account>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Account {
    /// 12 digits, as a string.
    #[schemars(regex(pattern = r"^[0-9]{12}$"))]
    account_id: String,
    /// Each like `eu-west-1`.
    #[schemars(inner(regex(pattern = r"^[a-z]{2}(-[a-z]+)+-[0-9]$")))]
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
    let action = input
        .get("action")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let register = async || {
        let no_register = || {
            Error::new(
                ErrorName::InvalidRequest,
                "the stack has no register: set REGISTER_TABLE.",
            )
        };
        context.register().await.ok_or_else(no_register)
    };
    match action.as_str() {
        "list" => {
            let command = read(&input)?;
            list(&register().await?, &command).await
        }
        "get" => {
            let command: Get = read(&input)?;
            get(&register().await?, &command.connection_id).await
        }
        "rebuild" => {
            let command: Rebuild = read(&input)?;
            let register = register().await?;
            let places = places(&register, command.accounts).await?;
            to_json(&rebuild::rebuild(context, &register, &places).await?)
        }
        _ => {
            let path = if input.is_object() { "/action" } else { "/" };
            Err(Error::invalid_at(
                path,
                "must be a command: invoke it with {\"action\":\"list\"}, {\"action\":\"get\",\"connection_id\":\"plw-…\"} or \
                 {\"action\":\"rebuild\",\"accounts\":[{\"account_id\":\"…\",\"regions\":[\"…\"]}]}; the action is missing, or none of \
                 list, get, rebuild.",
            ))
        }
    }
}

fn read<T: JsonSchema + DeserializeOwned>(input: &Value) -> Result<T> {
    request::read_document("the command", input)
}

async fn list(register: &Register, command: &List) -> Result<Value> {
    let List {
        status,
        account_id,
        provider,
        after,
        ..
    } = command;
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

async fn get(register: &Register, connection_id: &str) -> Result<Value> {
    // The table has leases, too.
    let row = match connection_id.starts_with(CONNECTION_PREFIX) {
        true => register.get(connection_id).await?,
        false => None,
    };
    let row = row.ok_or_else(|| {
        Error::invalid_at(
            "/connection_id",
            format!("the register has no {connection_id}. List what it has, or have it rebuilt."),
        )
    })?;
    let mut shown = to_json(&row)?;
    shown["request"] = serde_json::from_str(&row.request).unwrap_or_else(|_| json!(row.request));
    Ok(shown)
}

async fn places(register: &Register, accounts: Vec<Account>) -> Result<Vec<Place>> {
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
    Ok(places)
}

fn without_request(row: &Row) -> Result<Value> {
    let mut shown = to_json(row)?;
    if let Some(fields) = shown.as_object_mut() {
        fields.remove("request");
    }
    Ok(shown)
}
