//! What at HCP does not fit a request, each with the field that it is about.

use crate::{Error, ErrorName, Result};

/// Something in HCP that does not fit the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// JSON pointer into the request.
    pub(super) path: &'static str,
    pub(super) message: String,
}

impl Problem {
    pub(super) fn at(path: &'static str, message: impl Into<String>) -> Self {
        Self {
            path,
            message: message.into(),
        }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::invalid_at(problem.path, problem.message)
    }
}

/// One error for all problems, if there is any.
pub(super) fn report(problems: &[Problem]) -> Result<()> {
    if problems.is_empty() {
        Ok(())
    } else {
        Err(unfit(problems))
    }
}

/// The error of these problems, each on its own line.
pub(super) fn unfit(problems: &[Problem]) -> Error {
    let (what, it) = match problems.len() {
        1 => ("something at HCP does".to_owned(), "it"),
        n => (format!("{n} things at HCP do"), "them"),
    };
    let lines: Vec<String> = problems
        .iter()
        .map(|p| format!("\n{}: {}", p.path, p.message))
        .collect();
    Error::new(
        ErrorName::InvalidRequest,
        format!(
            "{what} not fit the request; nothing was changed. Correct {it} and start again.{}",
            lines.concat()
        ),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn network() -> Problem {
        Problem::at("/provider/hvn_id", "there is none.")
    }

    fn cluster() -> Problem {
        Problem::at("/provider/vault_cluster_id", "there is none.")
    }

    #[test]
    fn every_problem_is_a_line_of_one_error() {
        assert_eq!(report(&[]), Ok(()));
        let one = report(&[network()]).unwrap_err();
        assert!(
            one.message.lines().nth(1).unwrap().starts_with("/provider/hvn_id: "),
            "{one}"
        );
        let two = report(&[network(), cluster()]).unwrap_err();
        assert_eq!(two.name, ErrorName::InvalidRequest);
        let lines: Vec<&str> = two.message.lines().collect();
        assert!(
            lines[1].starts_with("/provider/hvn_id: ") && lines[2].starts_with("/provider/vault_cluster_id: "),
            "{two}"
        );
    }
}
