//! What EC2 remembers of calls: client tokens, and the throttle's buckets.

use std::collections::HashMap;
use std::time::Duration;

use crate::fabric::{Endpoint, EndpointState, FabricState};
use crate::knobs::Ec2Knobs;

use super::caller::Caller;
use super::error::Ec2Error;

type Place = (String, String);

/// Tokens and buckets of all accounts and regions.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    tokens: HashMap<(Place, String), Creation>,
    buckets: HashMap<Place, Bucket>,
    organization: Bucket,
}

#[derive(Debug)]
struct Creation {
    fingerprint: String,
    endpoint: Endpoint,
}

#[derive(Debug, Default)]
struct Bucket {
    /// Tokens that are missing from a full bucket.
    taken: f64,
    at: Duration,
}

impl Bucket {
    /// Whether there is a token now. `size`: capacity, and tokens that come back in a second; none is no limit.
    fn refilled(&mut self, size: Option<(f64, f64)>, now: Duration) -> bool {
        let Some((capacity, refill)) = size else {
            return true;
        };
        self.taken = (self.taken - now.saturating_sub(self.at).as_secs_f64() * refill).max(0.0);
        self.at = now;
        capacity - self.taken >= 1.0
    }

    /// Without a limit there is nothing to take from, so that one that is set later begins with a full bucket.
    fn take(&mut self, size: Option<(f64, f64)>) {
        if size.is_some() {
            self.taken += 1.0;
        }
    }
}

fn place(caller: &Caller) -> Place {
    (caller.account.clone(), caller.region.clone())
}

impl Ledger {
    /// Takes one token of the bucket that Create and Modify share, and one of the organization's.
    ///
    /// # Errors
    /// `RequestLimitExceeded` when one of them is empty; none is taken then.
    pub(super) fn take_token(&mut self, caller: &Caller, knobs: &Ec2Knobs, now: Duration) -> Result<(), Ec2Error> {
        let own = self.buckets.entry(place(caller)).or_default();
        let has_own = own.refilled(knobs.create_bucket, now);
        let has_shared = self.organization.refilled(knobs.organization_create_bucket, now);
        if !has_own || !has_shared {
            return Err(Ec2Error::request_limit());
        }
        own.take(knobs.create_bucket);
        self.organization.take(knobs.organization_create_bucket);
        Ok(())
    }

    /// What an earlier creation with the same client token made.
    ///
    /// # Errors
    /// `IdempotentParameterMismatch` when its other parameters were different.
    pub(super) fn earlier(
        &self,
        caller: &Caller,
        token: &str,
        fingerprint: &str,
        state: &FabricState,
        knobs: &Ec2Knobs,
    ) -> Result<Option<Endpoint>, Ec2Error> {
        let Some(creation) = self.tokens.get(&(place(caller), token.to_owned())) else {
            return Ok(None);
        };
        let alive = state.endpoints.get(&creation.endpoint.id);
        let gone =
            alive.is_none_or(|endpoint| matches!(endpoint.state, EndpointState::Deleting | EndpointState::Deleted));
        if gone && !knobs.token_outlives_endpoint {
            return Ok(None);
        }
        if creation.fingerprint != fingerprint {
            let message = format!("The client token '{token}' was used before, with other parameters.");
            return Err(Ec2Error::bad("IdempotentParameterMismatch", message));
        }
        Ok(Some(alive.cloned().unwrap_or_else(|| {
            let mut corpse = creation.endpoint.clone();
            corpse.state = EndpointState::Deleted;
            corpse
        })))
    }

    pub(super) fn remember(&mut self, caller: &Caller, token: &str, fingerprint: String, endpoint: &Endpoint) {
        self.tokens.insert(
            (place(caller), token.to_owned()),
            Creation {
                fingerprint,
                endpoint: endpoint.clone(),
            },
        );
    }
}
