//! What no workflow can be faster than with a fleet, whatever it does.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use rehearsal::fleet::{Defect, Member};
use simulators::knobs::Knobs;

use crate::live::clock;

/// Capacity, and tokens a second, of the bucket of EC2's calls that create and modify endpoints.
pub(crate) const CREATE_BUCKET: (f64, f64) = (4.0, 0.3);
/// Endpoints that a run makes for a vendor who rejects each: the first, and the template's EndpointReplacementsMax.
const ENDPOINTS_UNTIL_REJECTED: u32 = 3;

/// What no workflow can be faster than, in simulated time.
#[derive(Debug)]
pub(crate) struct Minimum {
    endpoints: u32,
    /// Until the last endpoint may be made, by the organization's bucket, and is connected.
    throttle: Duration,
    /// Consumers of the HCP service that has most.
    consumers: u32,
    /// Until that service has let in one after the other, and the last is connected.
    vendor: Duration,
    /// All endpoints' waits, so many at once.
    slots: Duration,
    /// Of an account whose endpoints are all rejected: one after the other, each after its wait.
    rejected: Duration,
    concurrency: u32,
}

impl Minimum {
    /// Of these accounts, so many at once.
    pub(crate) fn of(members: &[Member], knobs: &Knobs, concurrency: u32) -> Self {
        let ec2 = &knobs.ec2;
        let connected = ec2.acceptance.unwrap_or_default() + ec2.provisioning;
        let (mut endpoints, mut waits, mut rejected) = (0_u32, Duration::ZERO, Duration::ZERO);
        let mut consumers: BTreeMap<&str, u32> = BTreeMap::new();
        for member in members {
            match member.defect {
                None => {
                    endpoints += 1;
                    waits += connected;
                    if member.item["provider"]["type"] == "hcp_vault" {
                        *consumers.entry(&member.service).or_default() += 1;
                    }
                }
                Some(Defect::Rejected) => {
                    endpoints += ENDPOINTS_UNTIL_REJECTED;
                    rejected = ec2.acceptance.unwrap_or_default() * ENDPOINTS_UNTIL_REJECTED;
                    waits += rejected;
                }
                Some(_) => {}
            }
        }
        let (capacity, refill) = CREATE_BUCKET;
        let last = (f64::from(endpoints) - capacity).max(0.0) / refill;
        let most = consumers.values().copied().max().unwrap_or_default();
        Self {
            endpoints,
            throttle: Duration::from_secs_f64(last) + connected,
            consumers: most,
            vendor: knobs.hcp.creation + knobs.hcp.update * most.saturating_sub(1) + connected,
            slots: waits / concurrency.max(1),
            rejected,
            concurrency,
        }
    }

    /// The longest, how often `took` has it, and what each is.
    pub(crate) fn told(&self, took: Duration) -> String {
        let (capacity, refill) = CREATE_BUCKET;
        let bounds = [
            (
                self.throttle,
                format!(
                    "EC2 lets the organization make {capacity} endpoints at once and then one each {:.1} s, which are {}, and the last has to be \
                     accepted",
                    1.0 / refill,
                    self.endpoints
                ),
            ),
            (
                self.vendor,
                format!(
                    "an HCP service lets in its {} accounts one after the other, and the last endpoint has to be accepted",
                    self.consumers
                ),
            ),
            (
                self.slots,
                format!("every endpoint waits to be accepted, {} at once", self.concurrency),
            ),
            (
                self.rejected,
                format!(
                    "an account whose endpoints are all rejected has {ENDPOINTS_UNTIL_REJECTED} of them, one after the other"
                ),
            ),
        ];
        let least = bounds.iter().map(|(bound, _)| *bound).max().unwrap_or_default();
        let times = took.as_secs_f64() / least.as_secs_f64();
        let mut text = format!(
            "No less than {} was possible ({times:.1} times that), the longest of:",
            clock(least)
        );
        for (bound, reason) in bounds.iter().filter(|(bound, _)| !bound.is_zero()) {
            let _ = write!(text, "\n  {}  {reason}", clock(*bound));
        }
        text
    }
}
