//! The register of connections, as far as a reference needs it.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use shared::document::Origin;
use shared::{Result, aws};

/// The DynamoDB table of all connections, if the stack has one.
pub struct Register {
    client: Client,
    table: Option<String>,
}

/// What the register knows of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The full request, as JSON text.
    pub request: String,
    /// The vending profile that made the request.
    pub origin: Option<Origin>,
}

impl Register {
    /// The register of this stack.
    pub fn new(client: Client) -> Self {
        let table = std::env::var("REGISTER_TABLE").ok().filter(|name| !name.is_empty());
        Self { client, table }
    }

    /// A connection by its id.
    ///
    /// # Errors
    /// As DynamoDB answers.
    pub async fn get(&self, connection_id: &str) -> Result<Option<Row>> {
        let Some(table) = &self.table else {
            return Ok(None);
        };
        let answer = self
            .client
            .get_item()
            .table_name(table)
            .key("id", AttributeValue::S(format!("connection/{connection_id}")))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| aws::error(&error, &format!("reading {connection_id} from the register")))?;
        Ok(answer.item.and_then(|row| {
            Some(Row {
                request: row.get("request")?.as_s().ok()?.clone(),
                origin: None,
            })
        }))
    }
}
