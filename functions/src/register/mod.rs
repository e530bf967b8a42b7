//! The register in DynamoDB: rows of connections, and leases of vendors' services, in one table.
//!
//! | module | holds |
//! |---|---|
//! | `rows` | what is written around the looks of a run |
//! | [`lease`] | one run at a time writes at a vendor's service |
//! | [`commands`] | the function `register`: list, get, rebuild |
//! | `rebuild` | rows made of the tags of endpoints |
//! | `items` | DynamoDB's way to write JSON |

pub mod commands;
mod items;
pub mod lease;

mod rebuild;
mod rows;

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use shared::register::Row;
use shared::{Error, Result, aws};

pub(crate) use rows::Record;

/// The attribute that is the table's key.
const ID: &str = "id";
/// Ids of rows start with this.
const CONNECTIONS: &str = "connection/";
const CONDITION_FAILED: &str = "ConditionalCheckFailedException";

type Item = HashMap<String, AttributeValue>;

/// The register of the stack.
#[derive(Debug, Clone)]
pub struct Register {
    dynamodb: Client,
    table: String,
}

/// A page of rows.
#[derive(Debug)]
pub struct Rows {
    pub rows: Vec<Row>,
    /// The connection after which the next page begins.
    pub next: Option<String>,
}

impl Register {
    /// The register in a table.
    pub fn new(dynamodb: Client, table: String) -> Self {
        Self { dynamodb, table }
    }

    /// The row of a connection, as last written.
    ///
    /// # Errors
    /// As DynamoDB answers; `Unexpected` for a row that cannot be read.
    pub async fn get(&self, connection_id: &str) -> Result<Option<Row>> {
        let answer = self
            .dynamodb
            .get_item()
            .table_name(&self.table)
            .key(ID, key_of(connection_id))
            .consistent_read(true)
            .send()
            .await
            .map_err(|e| aws::error(&e, "reading the register"))?;
        answer.item().map(row_of).transpose()
    }

    /// Every row.
    ///
    /// # Errors
    /// As [`Register::get`].
    pub async fn scan(&self) -> Result<Vec<Row>> {
        let (mut rows, mut after) = (Vec::new(), None);
        loop {
            let page = self.page(after.as_deref(), usize::MAX).await?;
            rows.extend(page.rows);
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(rows),
            }
        }
    }

    /// Rows after a connection, or from the first, until there are so many or no more.
    ///
    /// # Errors
    /// As [`Register::get`].
    pub async fn page(&self, after: Option<&str>, at_least: usize) -> Result<Rows> {
        let mut rows = Vec::new();
        let mut start = after.map(|id| HashMap::from([(ID.to_owned(), key_of(id))]));
        loop {
            let answer = self
                .dynamodb
                .scan()
                .table_name(&self.table)
                .filter_expression("begins_with(#id, :connections)")
                .expression_attribute_names("#id", ID)
                .expression_attribute_values(":connections", AttributeValue::S(CONNECTIONS.to_owned()))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|e| aws::error(&e, "reading the register"))?;
            for item in answer.items() {
                rows.push(row_of(item)?);
            }
            start = answer.last_evaluated_key().cloned();
            if start.is_none() || rows.len() >= at_least {
                break;
            }
        }
        // A page can end at a lease, after which the next one begins as well as after the row before it.
        let next = start.and_then(|_| rows.last().map(|row| row.connection_id.to_string()));
        Ok(Rows { rows, next })
    }

    /// Writes a row over the one that is there.
    ///
    /// # Errors
    /// As DynamoDB answers.
    pub async fn put(&self, row: &Row) -> Result<()> {
        self.dynamodb
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item_of(row)?))
            .send()
            .await
            .map(drop)
            .map_err(|e| aws::error(&e, "writing to the register"))
    }

    /// Writes a row unless there is one; false where there is.
    ///
    /// # Errors
    /// As DynamoDB answers.
    pub async fn put_if_absent(&self, row: &Row) -> Result<bool> {
        let answer = self
            .dynamodb
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item_of(row)?))
            .condition_expression("attribute_not_exists(#id)")
            .expression_attribute_names("#id", ID)
            .send()
            .await;
        match answer {
            Ok(_) => Ok(true),
            Err(error) if aws::code(&error) == Some(CONDITION_FAILED) => Ok(false),
            Err(error) => Err(aws::error(&error, "writing to the register")),
        }
    }
}

fn key_of(connection_id: &str) -> AttributeValue {
    AttributeValue::S(format!("{CONNECTIONS}{connection_id}"))
}

fn item_of(row: &Row) -> Result<Item> {
    let json =
        serde_json::to_value(row).map_err(|e| Error::unexpected(format!("a row is no JSON ({e}): report it.")))?;
    let mut item = items::of_object(&json);
    item.insert(ID.to_owned(), key_of(&row.connection_id.to_string()));
    Ok(item)
}

fn row_of(item: &Item) -> Result<Row> {
    let mut json = items::to_object(item);
    let id = json.remove(ID);
    serde_json::from_value(json.into()).map_err(|error| {
        Error::unexpected(format!(
            "the register's row {} cannot be read ({error}). Delete it, and have the register rebuilt.",
            id.unwrap_or_default()
        ))
    })
}
