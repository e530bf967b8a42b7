//! The table: what was tried, what was right, and how to play again what was wrong.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

/// A trial that did not end as it must.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The trial's name, which `--only` takes.
    pub name: String,
    /// What was seen, and what was expected.
    pub what: String,
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub name: &'static str,
    /// Where the number of trials comes from.
    pub source: String,
    pub tried: usize,
    /// Trials that were chosen and have no verdict, since an interrupt came first.
    pub unplayed: usize,
    /// Trials of which it turned out that there is nothing to try, such as a call that did not come this time.
    pub empty: Vec<String>,
    pub wrong: Vec<Wrong>,
}

impl Row {
    /// Trials that ended as they must.
    pub fn right(&self) -> usize {
        self.tried.saturating_sub(self.wrong.len())
    }
}

/// The whole table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub rows: Vec<Row>,
    pub seed: u64,
    pub took: Duration,
}

impl Report {
    /// Nothing is wrong, nothing was left out, and something was tried in every row.
    pub fn is_proven(&self) -> bool {
        self.rows
            .iter()
            .all(|row| row.wrong.is_empty() && row.unplayed == 0 && row.tried > 0)
    }

    /// For a program.
    pub fn json(&self) -> Value {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| {
                let wrong: Vec<Value> = row
                    .wrong
                    .iter()
                    .map(
                        |wrong| json!({"name": wrong.name, "what": wrong.what, "again": again(&wrong.name, self.seed)}),
                    )
                    .collect();
                json!({
                    "name": row.name, "tried": row.tried, "right": row.right(), "wrong": row.wrong.len(),
                    "empty": row.empty.len(), "unplayed": row.unplayed, "source": row.source, "wrongs": wrong,
                })
            })
            .collect();
        json!({"rows": rows, "seed": self.seed, "seconds": self.took.as_secs()})
    }

    /// For a person.
    pub fn text(&self) -> String {
        let mut text = format!("{:<18} {:>6} {:>6} {:>6}  {}\n", "", "tried", "right", "wrong", "from");
        for row in &self.rows {
            let mut more = String::new();
            if !row.empty.is_empty() {
                let _ = write!(more, " ({} more did not come up)", row.empty.len());
            }
            if row.unplayed > 0 {
                let _ = write!(more, " ({} NOT PLAYED)", row.unplayed);
            }
            let _ = writeln!(
                text,
                "{:<18} {:>6} {:>6} {:>6}  {}{more}",
                row.name,
                row.tried,
                row.right(),
                row.wrong.len(),
                row.source
            );
        }
        for wrong in self.rows.iter().flat_map(|row| &row.wrong) {
            let _ = writeln!(
                text,
                "\n{}\n  {}\n  again: {}",
                wrong.name,
                wrong.what.replace('\n', "\n  "),
                again(&wrong.name, self.seed)
            );
        }
        let seconds = self.took.as_secs();
        let _ = writeln!(
            text,
            "\n{}:{:02} minutes, seed {}",
            seconds / 60,
            seconds % 60,
            self.seed
        );
        text
    }
}

fn again(name: &str, seed: u64) -> String {
    format!("cargo proof --seed {seed} --only '{name}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(wrong: &[&str]) -> Report {
        let wrong = wrong.iter().map(|name| Wrong {
            name: (*name).to_owned(),
            what: "an endpoint is left".to_owned(),
        });
        Report {
            rows: vec![Row {
                name: "calls × faults",
                source: "2 lives".to_owned(),
                tried: 3,
                unplayed: 0,
                empty: Vec::new(),
                wrong: wrong.collect(),
            }],
            seed: 7,
            took: Duration::from_secs(61),
        }
    }

    #[test]
    fn what_is_wrong_is_counted_and_can_be_played_again() {
        let report = report(&["faults/x"]);
        assert!(!report.is_proven());
        assert_eq!(
            (&report.json()["rows"][0]["right"], &report.json()["rows"][0]["wrong"]),
            (&json!(2), &json!(1))
        );
        assert!(report.text().contains("cargo proof --seed 7 --only 'faults/x'"));
        assert!(report.text().contains("1:01 minutes"));
    }

    #[test]
    fn what_was_interrupted_proves_nothing() {
        let mut interrupted = report(&[]);
        interrupted.rows[0].unplayed = 2;
        assert!(!interrupted.is_proven());
        assert_eq!(interrupted.json()["rows"][0]["unplayed"], json!(2));
        assert!(interrupted.text().contains("2 NOT PLAYED"));
    }

    #[test]
    fn a_row_without_trials_proves_nothing() {
        let mut empty = report(&[]);
        assert!(empty.is_proven());
        empty.rows[0].tried = 0;
        assert!(!empty.is_proven());
    }
}
