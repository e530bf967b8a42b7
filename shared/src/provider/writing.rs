//! The right to write at a vendor, which many runs share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Error, ErrorName, Result};

/// Whether a provider may write, or only finds out that it would have to.
///
/// Most looks only look, and need no turn; one that would write is repeated when its run has the turn.
#[derive(Debug, Clone, Default)]
pub enum Writing {
    #[default]
    Allowed,
    Withheld(Withheld),
}

/// Remembers whether a write was wanted.
#[derive(Debug, Clone, Default)]
pub struct Withheld(Arc<AtomicBool>);

impl Withheld {
    /// A provider with this came to a write.
    pub fn was_wanted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Writing {
    /// Before each write.
    ///
    /// # Errors
    /// `Unavailable` where it may not write; whoever withheld it repeats the look, so that nobody sees this.
    pub(crate) fn claim(&self) -> Result<()> {
        let Self::Withheld(withheld) = self else {
            return Ok(());
        };
        withheld.0.store(true, Ordering::Relaxed);
        Err(Error::new(
            ErrorName::Unavailable,
            "a change at the vendor waits for its turn. It is tried again.",
        ))
    }
}
