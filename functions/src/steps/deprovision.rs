//! Deprovision: takes the connection away, from the request alone, whatever of it is still there.

use shared::Result;
use shared::document::{Document, Removed};
use shared::progress::Phase;
use shared::settings::PhaseName;

use super::needs;
use crate::context::Context;
use crate::removal::connection;

/// One look: removes what it can, and says what is left.
///
/// # Errors
/// None that a look can name: a failure of a removal is part of the answer.
pub async fn run(context: &Context, document: &Document) -> Result<Phase<Removed>> {
    let facts = needs(document.preflight.as_ref(), "preflight")?;
    let outcome = connection::deprovision(context, document, facts).await;
    let removed = Removed {
        connection_id: facts.connection_id.clone(),
        complete: !outcome.unseen,
        left: outcome.left.clone(),
    };
    let schedule = context.settings.schedule(PhaseName::Removal, &document.request);
    outcome.conclude(
        document.removal.as_ref(),
        &schedule,
        PhaseName::Removal,
        &document.execution.name,
        removed,
    )
}
