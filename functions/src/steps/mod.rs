//! One module per step, in the workflow's order.

pub mod deprovision;
pub mod ensure_accepted;
pub mod ensure_access;
pub mod ensure_endpoint;
pub mod ensure_service;
pub mod preflight;
pub mod publish;
pub mod retire;
pub mod undo;
pub mod validate;

use shared::document::{Document, Preflight, VendorFacts};
use shared::progress::Phase;
use shared::{Error, Result};

/// What an earlier step left; the state machine's order makes it sure to be there.
fn needs<'a, T>(phase: Option<&'a Phase<T>>, key: &str) -> Result<&'a T> {
    phase.and_then(Phase::ready).ok_or_else(|| {
        Error::unexpected(format!(
            "the state document has no finished \"{key}\", which this step needs: this is a defect of the state machine."
        ))
    })
}

/// What preflight found, of a run that provisions.
fn found(document: &Document) -> Result<(&Preflight, &VendorFacts)> {
    let facts = needs(document.preflight.as_ref(), "preflight")?;
    let vendor = facts.vendor.as_ref().ok_or_else(|| {
        Error::unexpected(
            "preflight left nothing about the vendor, which this step needs: this is a defect of the state machine.",
        )
    })?;
    Ok((facts, vendor))
}
