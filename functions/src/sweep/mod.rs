//! What the sweep looks at: every connection of the register, and every account of every vending profile.
//!
//! | module | holds |
//! |---|---|
//! | [`items`] | the list, made of rows, profiles and accounts |
//! | [`organization`] | the accounts of the organization, each with its unit |
//!
//! The register and the events that start runs may miss something; this list is made from what should be there.

pub mod items;
pub mod organization;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::{Error, ErrorName, Result, register};

use crate::context::Context;
use items::{Item, Known};
use organization::Account;

/// Items of one page: with a child execution's few words for each, far below the 256 KiB that a state may hand on.
const PAGE: usize = 500;

/// What the state machine asks for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The key of the last item of the page before; empty at first.
    #[serde(default)]
    pub after: String,
    /// In place of what the profiles say.
    #[serde(default)]
    pub repair: Option<bool>,
}

/// A page of the list.
#[derive(Debug, Serialize)]
pub struct Page {
    pub items: Vec<Item>,
    /// The key after which the next page begins; empty when there is none.
    pub after: String,
    /// What could not be listed, and why.
    pub notes: Vec<String>,
}

/// The page of the list after a key. Each page looks again, so that none can grow old.
///
/// # Errors
/// `InvalidRequest` for an input that is not the state machine's; otherwise as DynamoDB and SSM answer.
pub async fn run(context: &Context, input: Value) -> Result<Page> {
    let input: Input = serde_json::from_value(input).map_err(|error| {
        Error::new(
            ErrorName::InvalidRequest,
            format!("the function's input is not the sweep's ({error}). Start the state machine of the sweep."),
        )
    })?;
    let mut notes = Vec::new();
    let kept = context.profiles().await.kept().await?;
    for error in kept.broken {
        tracing::error!(message = error.message, "a vending profile cannot be used");
        notes.push(error.message);
    }
    let rows = match context.register().await {
        Some(register) => register.scan().await?,
        None => Vec::new(),
    };
    let known = Known {
        rows: &rows,
        profiles: &kept.good,
        accounts: &accounts(context, &mut notes).await?,
        now: register::now(),
    };
    notes.extend(known.unlistable());
    Ok(page(known.items(input.repair), &input.after, notes))
}

/// The organization's accounts; none where the stack may not list them, or cannot.
async fn accounts(context: &Context, notes: &mut Vec<String>) -> Result<Option<Vec<Account>>> {
    if !context.settings.organizations_access {
        return Ok(None);
    }
    match organization::accounts(&context.organizations().await).await {
        Ok(accounts) => Ok(Some(accounts)),
        Err(error) if error.name.is_retried() => Err(error),
        Err(error) => {
            // What else there is to look at does not depend on it.
            tracing::error!(message = error.message, "the organization's accounts cannot be listed");
            notes.push(error.message);
            Ok(None)
        }
    }
}

fn page(items: Vec<Item>, after: &str, notes: Vec<String>) -> Page {
    let mut items: Vec<Item> = items.into_iter().filter(|item| item.key.as_str() > after).collect();
    let is_last = items.len() <= PAGE;
    items.truncate(PAGE);
    let last = items.last().filter(|_| !is_last);
    Page {
        after: last.map(|item| item.key.clone()).unwrap_or_default(),
        items,
        notes,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pages_follow_each_other_without_gap_or_overlap() {
        let all: Vec<Item> = (0..PAGE * 2 + 1)
            .map(|n| Item {
                key: format!("connection/plw-{n:016x}"),
                reference: json!({}),
                repair: false,
            })
            .collect();
        let mut seen = Vec::new();
        let mut after = String::new();
        loop {
            let page = page(all.clone(), &after, Vec::new());
            seen.extend(page.items);
            after = page.after;
            if after.is_empty() {
                break;
            }
        }
        assert_eq!(seen, all);
        assert_eq!(page(Vec::new(), "", Vec::new()).after, "");
    }
}
