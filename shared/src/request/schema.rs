//! The JSON Schema of a request, generated from its types.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::Request;

/// The schema (draft 2020-12, everything in line).
pub fn json_schema() -> Value {
    schema_of::<Request>()
}

/// The schema as the text of `infra/request.schema.json`.
///
/// # Errors
/// None in practice: a schema is plain JSON.
pub fn schema_text() -> serde_json::Result<String> {
    text_of(&json_schema())
}

/// The schema of a type (draft 2020-12, everything in line).
pub(crate) fn schema_of<T: JsonSchema>() -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// A schema as it stands in `infra`.
pub(crate) fn text_of(schema: &Value) -> serde_json::Result<String> {
    serde_json::to_string_pretty(schema).map(|text| text + "\n")
}
