//! The JSON Schema of a request, generated from its types.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::Request;

/// The schema (draft 2020-12, everything in line).
pub fn json_schema() -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    let schema = settings.into_generator().into_root_schema_for::<Request>();
    schema.to_value()
}

/// The schema as the text of `infra/request.schema.json`.
///
/// # Errors
/// None in practice: a schema is plain JSON.
pub fn schema_text() -> serde_json::Result<String> {
    serde_json::to_string_pretty(&json_schema()).map(|text| text + "\n")
}
