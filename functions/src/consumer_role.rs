//! The role by which the consumer's account is reached, where that is not the function's own.

use std::collections::BTreeMap;

use shared::aws::AssumeRole;
use shared::document::Document;
use shared::identity::{TAG_CONNECTION, TAG_EXECUTION};
use shared::progress::Phase;
use shared::request::Consumer;
use shared::settings::Settings;
use shared::{Error, ErrorName};

/// Longer names of sessions are refused by STS.
const SESSION_NAME_MAX: usize = 64;

/// Where a function runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// `aws`, `aws-cn`, …
    pub partition: String,
    pub account_id: String,
}

impl Home {
    /// Of `arn:aws:lambda:<region>:<account>:function:<name>`.
    pub fn of(function_arn: &str) -> Option<Self> {
        let mut parts = function_arn.split(':').skip(1);
        let partition = parts.next()?.to_owned();
        let account_id = parts.nth(2).filter(|id| id.len() == 12)?.to_owned();
        Some(Self { partition, account_id })
    }
}

/// As whom the function acts in another account: what CloudTrail shows there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    name: String,
    tags: BTreeMap<String, String>,
}

impl Session {
    /// Of a function that works for no execution.
    pub fn of_function(function: &str) -> Self {
        Self {
            name: session_name(function),
            tags: BTreeMap::new(),
        }
    }

    /// Of a run, with its connection once that is known.
    pub fn of_run(document: &Document) -> Self {
        let execution = &document.execution.name;
        let mut tags = BTreeMap::from([(TAG_EXECUTION.to_owned(), in_tags(execution))]);
        if let Some(found) = document.preflight.as_ref().and_then(Phase::ready) {
            tags.insert(TAG_CONNECTION.to_owned(), found.connection_id.to_string());
        }
        Self {
            name: session_name(execution),
            tags,
        }
    }
}

/// An account to reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account<'a> {
    pub id: &'a str,
    /// The role that a request names.
    pub role_arn: Option<&'a str>,
}

impl<'a> From<&'a Consumer> for Account<'a> {
    fn from(consumer: &'a Consumer) -> Self {
        Self {
            id: &consumer.account_id,
            role_arn: consumer.role_arn.as_deref(),
        }
    }
}

/// The role to assume for an account; none where the function is in it and no role is named.
pub fn role(account: Account<'_>, home: Option<&Home>, settings: &Settings, session: &Session) -> Option<AssumeRole> {
    let role_arn = match (account.role_arn, home) {
        (Some(arn), _) => arn.to_owned(),
        (None, Some(home)) if home.account_id != account.id => format!(
            "arn:{}:iam::{}:role/{}",
            home.partition, account.id, settings.consumer_role_name
        ),
        (None, _) => return None,
    };
    Some(AssumeRole {
        role_arn,
        external_id: settings.consumer_external_id.clone(),
        session_name: session.name.clone(),
        session_tags: session.tags.clone(),
    })
}

/// A failed assumption for a person: at the field that named the role, and with what to do.
pub fn explained(error: Error, account: Account<'_>) -> Error {
    let path = match account.role_arn {
        Some(_) => "/consumer/role_arn",
        None => "/consumer/account_id",
    };
    let advice = match (error.name, account.role_arn) {
        (ErrorName::Denied, Some(_)) => {
            " AWS says the same of a role that does not exist: look that it does, that it trusts this stack's function roles as \
             infra/consumer-role.yaml has it, with the stack's external id (ConsumerExternalId), and that the stack's ConsumerRoleArns \
             names it."
                .to_owned()
        }
        (ErrorName::Denied, None) => format!(
            " AWS says the same of a role that does not exist: deploy infra/consumer-role.yaml in account {}, with this stack's account and \
             name, and with its external id (ConsumerExternalId) and role name (ConsumerRoleName).",
            account.id
        ),
        _ => return error,
    };
    Error::new(error.name, format!("{path}: {}{advice}", error.message))
}

/// `plw-` and the name, of the characters that STS takes.
fn session_name(of: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    let name = of.chars().map(|c| if allowed(c) { c } else { '-' });
    "plw-".chars().chain(name).take(SESSION_NAME_MAX).collect()
}

/// Executions may have names that tags may not.
fn in_tags(execution: &str) -> String {
    let allowed = |c: char| c.is_alphanumeric() || "_.:/=+-@".contains(c);
    execution.chars().map(|c| if allowed(c) { c } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn account(role_arn: Option<&str>) -> Account<'_> {
        Account {
            id: "444455556666",
            role_arn,
        }
    }

    fn arn_of(account: Account<'_>, function_arn: &str) -> Option<String> {
        let settings = Settings::from_lookup(|_| None).unwrap();
        let session = Session::of_function("preflight");
        role(account, Home::of(function_arn).as_ref(), &settings, &session).map(|role| role.role_arn)
    }

    const ELSEWHERE: &str = "arn:aws-cn:lambda:cn-north-1:111122223333:function:preflight";
    const THERE: &str = "arn:aws:lambda:eu-west-1:444455556666:function:preflight";

    #[test]
    fn another_account_is_reached_by_the_stacks_role_name_in_the_functions_partition() {
        assert_eq!(
            arn_of(account(None), ELSEWHERE).as_deref(),
            Some("arn:aws-cn:iam::444455556666:role/privatelink-workflow-consumer")
        );
    }

    #[test]
    fn the_own_account_is_reached_by_no_role_but_one_that_is_named() {
        assert_eq!(arn_of(account(None), THERE), None);
        let named = "arn:aws:iam::444455556666:role/network/vending";
        for function_arn in [THERE, ELSEWHERE] {
            assert_eq!(arn_of(account(Some(named)), function_arn).as_deref(), Some(named));
        }
    }

    #[test]
    fn names_of_sessions_are_what_sts_takes() {
        assert_eq!(session_name("wave-1_a"), "plw-wave-1_a");
        assert_eq!(session_name("it's (ü)"), "plw-it-s----");
        assert_eq!(session_name(&"x".repeat(80)).len(), 64);
        assert_eq!(in_tags("it's ü!"), "it-s-ü-");
    }

    #[test]
    fn a_refusal_says_where_and_what_to_do() {
        let refused = || Error::new(ErrorName::Denied, "assuming x: no.");
        for (role_arn, words) in [
            (
                None,
                [
                    "/consumer/account_id: ",
                    "infra/consumer-role.yaml in account 444455556666",
                ],
            ),
            (
                Some("arn:aws:iam::444455556666:role/x"),
                ["/consumer/role_arn: ", "ConsumerRoleArns"],
            ),
        ] {
            let message = explained(refused(), account(role_arn)).message;
            assert!(words.iter().all(|word| message.contains(word)), "{message}");
        }
        let throttled = Error::new(ErrorName::Throttled, "slow down");
        assert_eq!(explained(throttled.clone(), account(None)), throttled);
    }
}
