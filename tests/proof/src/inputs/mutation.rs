//! Mutations of JSON, and of any text: each a function of a seed.

use serde_json::{Map, Value, json};

use crate::trial::next_random;

/// A source of choices.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The same choices for the same seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Below `most`; 0 for none.
    pub fn below(&mut self, most: usize) -> usize {
        let most = u64::try_from(most).unwrap_or(u64::MAX).max(1);
        usize::try_from(next_random(&mut self.0) % most).unwrap_or_default()
    }

    fn one_of<T: Clone>(&mut self, items: &[T]) -> Option<T> {
        items.get(self.below(items.len())).cloned()
    }
}

/// A document with one to four changes, or rarely another text altogether.
pub fn mutated(text: &str, dice: &mut Dice) -> String {
    let mut mutant = match serde_json::from_str::<Value>(text) {
        Ok(mut document) if dice.below(5) > 0 => {
            for _ in 0..=dice.below(3) {
                mutate_json(&mut document, dice);
            }
            document.to_string()
        }
        _ => text.to_owned(),
    };
    if mutant == text || dice.below(6) == 0 {
        for _ in 0..=dice.below(3) {
            mutant = mutated_text(&mutant, dice);
        }
    }
    mutant
}

fn mutate_json(document: &mut Value, dice: &mut Dice) {
    let mut pointers = Vec::new();
    collect(document, String::new(), &mut pointers);
    let Some(pointer) = dice.one_of(&pointers) else { return };
    let Some(value) = document.pointer_mut(&pointer) else {
        return;
    };
    match (dice.below(8), &mut *value) {
        (0, Value::Object(fields)) => {
            let keys: Vec<String> = fields.keys().cloned().collect();
            dice.one_of(&keys).map(|key| fields.remove(&key));
        }
        (1, Value::Object(fields)) => {
            fields.insert(strange_text(dice), strange(dice, 2));
        }
        (2, Value::Object(fields)) => {
            let keys: Vec<String> = fields.keys().cloned().collect();
            if let Some(value) = dice.one_of(&keys).and_then(|key| fields.remove(&key)) {
                fields.insert(strange_text(dice), value);
            }
        }
        (0 | 1, Value::Array(items)) => {
            if !items.is_empty() {
                items.remove(dice.below(items.len()));
            }
        }
        (2, Value::Array(items)) => {
            let twice = dice.one_of(items).unwrap_or_else(|| strange(dice, 2));
            items.push(twice);
        }
        (3, Value::Array(items)) => items.push(strange(dice, 2)),
        (0..=3, Value::String(text)) => *text = mutated_text(text, dice),
        _ => *value = strange(dice, 2),
    }
}

fn collect(value: &Value, pointer: String, into: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let key = key.replace('~', "~0").replace('/', "~1");
                collect(value, format!("{pointer}/{key}"), into);
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                collect(item, format!("{pointer}/{at}"), into);
            }
        }
        _ => {}
    }
    into.push(pointer);
}

fn strange(dice: &mut Dice, depth: usize) -> Value {
    match dice.below(if depth == 0 { 7 } else { 10 }) {
        0 => Value::Null,
        1 => json!(dice.below(2) == 1),
        2 => json!(dice.below(100_000)),
        3 => json!(-1),
        4 => json!(u64::MAX),
        5 => json!(1e300),
        6 => json!(strange_text(dice)),
        7 => (0..dice.below(4)).map(|_| strange(dice, depth - 1)).collect(),
        8 => {
            let count = dice.below(4);
            let fields: Map<_, _> = (0..count)
                .map(|_| (strange_text(dice), strange(dice, depth - 1)))
                .collect();
            fields.into()
        }
        _ => (0..dice.below(200)).fold(json!([]), |inner, _| json!([inner])),
    }
}

fn strange_text(dice: &mut Dice) -> String {
    let texts = [
        "",
        " ",
        "\0",
        "a",
        "null",
        "\u{200b}",
        "\u{202e}",
        "\u{feff}",
        "é",
        "𝟙",
        "../..",
        "${x}",
        "{% $x %}",
        "<a>&b;",
        "%00",
        "-1",
        "9999999999999999999999",
        "2026-13-45T99:99:99Z",
        "arn:aws:iam::*:root",
        "available",
        "ACTIVE",
        "state",
        "type",
        "id",
    ];
    match dice.below(12) {
        0 => "x".repeat(dice.below(20_000)),
        1 => "\u{1d7d9}".repeat(dice.below(200)),
        _ => dice.one_of(&texts).unwrap_or_default().to_owned(),
    }
}

/// A text with a part cut out, doubled, put in, or with a markup element lost or doubled.
pub fn mutated_text(text: &str, dice: &mut Dice) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    let from = dice.below(chars.len());
    let to = (from + 1 + dice.below(24)).min(chars.len());
    match dice.below(8) {
        0 => chars.truncate(from),
        1 => drop(chars.drain(from..to)),
        2 => {
            let part: Vec<char> = chars[from..to].to_vec();
            chars.splice(from..from, part.repeat(1 + dice.below(30)));
        }
        3 => {
            let part = strange_text(dice);
            chars.splice(from..to, part.chars());
        }
        4 => {
            if let Some(c) = chars.get_mut(from) {
                *c = dice
                    .one_of(&['<', '>', '&', '"', '{', ']', '\0', '\u{fffd}', '0', ' '])
                    .unwrap_or(' ');
            }
        }
        5 | 6 => return without_element(text, dice),
        _ => {
            let part = strange_text(dice);
            chars.splice(from..from, part.chars());
        }
    }
    chars.into_iter().collect()
}

/// One element of XML gone, doubled, or with another text.
fn without_element(text: &str, dice: &mut Dice) -> String {
    let starts: Vec<usize> = text.match_indices('<').map(|(at, _)| at).collect();
    let Some(start) = dice.one_of(&starts) else {
        return text.chars().rev().collect();
    };
    let name: String = text[start + 1..].chars().take_while(|c| c.is_alphanumeric()).collect();
    let close = format!("</{name}>");
    let Some(end) = text[start..].find(&close).map(|at| start + at + close.len()) else {
        return text[..start].to_owned();
    };
    let (before, element, after) = (&text[..start], &text[start..end], &text[end..]);
    match dice.below(3) {
        0 => format!("{before}{after}"),
        1 => format!("{before}{element}{element}{after}"),
        _ => format!("{before}<{name}>{}{close}{after}", strange_text(dice)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_the_same_mutant_and_seeds_make_many() {
        let sample = r#"{"a":{"b":["c",1]},"d":null}"#;
        let mutant = |seed| mutated(sample, &mut Dice::new(seed));
        assert_eq!(mutant(7), mutant(7));
        let different: std::collections::BTreeSet<String> = (0..500).map(mutant).collect();
        assert!(different.len() > 300, "{}", different.len());
        let xml = "<a><b>1</b><c>2</c></a>";
        assert!((0..5000).any(|seed| mutated(xml, &mut Dice::new(seed)) == "<a><c>2</c></a>"));
    }
}
