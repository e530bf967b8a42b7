//! One exchange at a time with each host, so that one connection is enough, while hosts are asked side by side.
//!
//! The remotes speak HTTP/1.1, on which a second request at the same time is a second connection with a handshake of its own. With
//! one connection to each host instead of up to four, the instructions of a cold start with its first event went from 15.2 to 7.4
//! million (`ensure-endpoint`), from 18.1 to 13.6 (`preflight`) and from 10.5 to 6.6 (`ensure-access`); after it a function of 256 MB
//! has a seventh of a processor. What that trades away: look-ups at one host wait for each other's answers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as Lane, OwnedMutexGuard};
use url::Url;

/// The lanes of a client, one for each host and port.
#[derive(Debug, Clone, Default)]
pub(super) struct Lanes(Arc<Mutex<BTreeMap<String, Arc<Lane<()>>>>>);

/// The lane is the holder's until this is dropped.
pub(super) type Turn = OwnedMutexGuard<()>;

impl Lanes {
    /// Waits for the turn at a host, in the order of asking; none after `limit`, so that behind a host that is silent everybody
    /// fails at the same time, and not one after the other.
    pub(super) async fn turn(&self, url: &Url, limit: Duration) -> Option<Turn> {
        let lane = {
            let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(lanes.entry(url.authority().to_owned()).or_default())
        };
        tokio::time::timeout(limit, lane.lock_owned()).await.ok()
    }
}
