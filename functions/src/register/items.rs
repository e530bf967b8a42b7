//! DynamoDB's way to write JSON.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Map, Number, Value};

use super::Item;

/// The fields of an object; none of anything else.
pub(super) fn of_object(value: &Value) -> Item {
    let fields = value.as_object().into_iter().flatten();
    fields.map(|(key, value)| (key.clone(), of_value(value))).collect()
}

fn of_value(value: &Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(yes) => AttributeValue::Bool(*yes),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::String(text) => AttributeValue::S(text.clone()),
        Value::Array(all) => AttributeValue::L(all.iter().map(of_value).collect()),
        Value::Object(_) => AttributeValue::M(of_object(value)),
    }
}

/// The object that these are the fields of.
pub(super) fn to_object(item: &Item) -> Map<String, Value> {
    item.iter().map(|(key, value)| (key.clone(), to_value(value))).collect()
}

/// Sets and binary values, of which the register writes none, are null.
fn to_value(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::Bool(yes) => Value::Bool(*yes),
        AttributeValue::N(number) => number.parse::<Number>().map_or(Value::Null, Value::Number),
        AttributeValue::S(text) => Value::String(text.clone()),
        AttributeValue::L(all) => all.iter().map(to_value).collect(),
        AttributeValue::M(fields) => Value::Object(to_object(fields)),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let row = json!({"a": "text", "b": 7, "c": -1.5, "d": true, "e": null, "f": ["x", {"g": {}}], "h": {"i": []}});
        assert_eq!(Value::Object(to_object(&of_object(&row))), row);
    }
}
