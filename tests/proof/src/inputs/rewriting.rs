//! How an answer is written anew: in a JSON document by a pointer, in XML by an element's name, and with fields that are new everywhere.

use serde_json::{Value, json};

pub(super) fn swapped(text: &str) -> String {
    let swap = |c: char| {
        if c.is_ascii_uppercase() {
            c.to_ascii_lowercase()
        } else {
            c.to_ascii_uppercase()
        }
    };
    text.chars().map(swap).collect()
}

pub(super) fn in_json(body: &str, pointer: &str, make: &mut dyn FnMut(Option<&Value>) -> Option<Value>) -> String {
    let Ok(mut document) = serde_json::from_str::<Value>(body) else {
        return body.to_owned();
    };
    let parts: Vec<&str> = pointer.split('/').skip(1).collect();
    at(&mut document, &parts, make);
    document.to_string()
}

fn at(value: &mut Value, parts: &[&str], make: &mut dyn FnMut(Option<&Value>) -> Option<Value>) {
    let Some((part, rest)) = parts.split_first() else {
        return;
    };
    match value {
        Value::Array(items) if *part == "*" => {
            for item in items {
                if rest.is_empty() {
                    *item = make(Some(item)).unwrap_or_default();
                } else {
                    at(item, rest, make);
                }
            }
        }
        Value::Object(fields) if rest.is_empty() => {
            if !fields.contains_key(*part) {
                return;
            }
            match make(fields.get(*part)) {
                Some(new) => drop(fields.insert((*part).to_owned(), new)),
                None => drop(fields.remove(*part)),
            }
        }
        Value::Object(fields) => {
            if let Some(inner) = fields.get_mut(*part) {
                at(inner, rest, make);
            }
        }
        _ => {}
    }
}

pub(super) fn in_xml(body: &str, name: &str, make: &dyn Fn(&str) -> Option<String>) -> String {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let (mut made, mut rest) = (String::with_capacity(body.len()), body);
    while let Some((before, after)) = rest.split_once(&open) {
        let Some((text, following)) = after.split_once(&close) else {
            break;
        };
        made.push_str(before);
        if let Some(new) = make(text) {
            made.push_str(&format!("{open}{new}{close}"));
        }
        rest = following;
    }
    made + rest
}

/// The answer with a new field in each of its objects, or a new element in each that has any.
pub(super) fn with_more_fields(body: &str) -> String {
    match serde_json::from_str::<Value>(body) {
        // A table's items are maps of typed values, in which nothing is a field.
        Ok(mut document) if body.contains("\"Item\"") || body.contains("\"Items\"") => {
            document["zzAdded"] = json!({"new": [1]});
            document.to_string()
        }
        Ok(mut document) => {
            add_fields(&mut document);
            document.to_string()
        }
        Err(_) => add_elements(body),
    }
}

fn add_fields(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(add_fields);
            fields.insert("zz_added".to_owned(), json!({"new": [1, "two", null]}));
        }
        Value::Array(items) => items.iter_mut().for_each(add_fields),
        _ => {}
    }
}

fn add_elements(xml: &str) -> String {
    let mut made = String::with_capacity(xml.len() * 2);
    let mut rest = xml;
    let mut after_end = false;
    while let Some(start) = rest.find('<') {
        let (text, tag) = rest.split_at(start);
        let end = tag.find('>').map_or(tag.len(), |end| end + 1);
        let is_end = tag.starts_with("</");
        made.push_str(text);
        if is_end && after_end && text.trim().is_empty() {
            made.push_str("<zzAdded><new>1</new></zzAdded>");
        }
        made.push_str(&tag[..end]);
        after_end = is_end || tag[..end].ends_with("/>");
        rest = &tag[end..];
    }
    made + rest
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    #[test]
    fn more_fields_come_everywhere() {
        let more: Value = serde_json::from_str(&with_more_fields(r#"{"a":[{"b":1}]}"#)).unwrap();
        assert!(more["zz_added"].is_object() && more["a"][0]["zz_added"].is_object());
        let xml = with_more_fields("<a><set><item><b>1</b></item></set><c/></a>");
        assert_eq!(xml.matches("<zzAdded>").count(), 3);
    }
}
