//! Deliberate bugs in the product, each with the test that must fail by it; `cargo run --bin mutate` tries them.

use rehearsal::{Error, Result};
use serde::Deserialize;

/// A bug: a text of a file that becomes another one.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutant {
    pub name: String,
    /// From the root of the workspace.
    pub file: String,
    /// Is there just once.
    pub find: String,
    pub replace: String,
    /// The arguments of cargo, the last of which picks the test.
    pub caught_by: Vec<String>,
}

/// All of them.
///
/// # Errors
/// When `tests/proof/mutations.json` is wrong.
pub fn mutants() -> Result<Vec<Mutant>> {
    serde_json::from_str(include_str!("../mutations.json"))
        .map_err(|error| Error::new("reading tests/proof/mutations.json", error))
}

impl Mutant {
    /// The file with the bug.
    ///
    /// # Errors
    /// When what it replaces is not there just once: the product has changed, and so must the mutant.
    pub fn of(&self, text: &str) -> Result<String> {
        match text.matches(&self.find).count() {
            1 => Ok(text.replacen(&self.find, &self.replace, 1)),
            count => Err(Error::new(
                format!("making the mutant {}", self.name),
                format!("{} has {count} times {:?}", self.file, self.find),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    #[test]
    fn each_mutant_fits_the_product_as_it_is() {
        let mutants = mutants().unwrap();
        assert!(mutants.len() >= 10);
        for mutant in mutants {
            let file = rehearsal::paths::workspace_root().join(&mutant.file);
            let text = std::fs::read_to_string(file).unwrap();
            assert_ne!(mutant.of(&text).unwrap(), text);
        }
    }
}
