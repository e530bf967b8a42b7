//! What a rehearsal can meet, as knobs and faults of the simulators.

use std::time::Duration;

use clap::ValueEnum;
use rehearsal::Environment;
use simulators::knobs::Knobs;
use simulators::recorder::{Api, Fault, FaultKind};

/// A scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// Both clouds on a normal day: about twelve simulated minutes.
    Happy,
    /// The vendor rejects every endpoint: it is made again twice, then the run fails.
    Rejected,
    /// The vendor never accepts an endpoint, and each expires, after ten minutes here and after days at AWS: else as rejected.
    Expired,
    /// Every API asks for patience: rate limits, and throttled creations.
    Throttled,
    /// Everything takes as long as vendors say it may, and Aiven misses the endpoint until it is asked to look again.
    Slow,
}

const MINUTE: Duration = Duration::from_secs(60);

impl Scenario {
    /// How the simulators behave from the start.
    pub(crate) fn knobs(self) -> Knobs {
        let mut knobs = Knobs::default();
        match self {
            Self::Happy => {}
            Self::Rejected => knobs.ec2.reject = true,
            Self::Expired => {
                knobs.ec2.acceptance = None;
                knobs.ec2.expiry = 10 * MINUTE;
            }
            Self::Throttled => {
                // More than one look takes, and less than a minute of looks.
                knobs.hcp.requests_per_minute = Some(8);
                knobs.aiven.requests_per_minute = Some(5);
            }
            Self::Slow => {
                knobs.hcp.creation = 20 * MINUTE;
                knobs.hcp.update = 10 * MINUTE;
                knobs.aiven.creation = 20 * MINUTE;
                knobs.aiven.component_lag = 5 * MINUTE;
                knobs.aiven.listing_lag = None;
                knobs.ec2.acceptance = Some(30 * MINUTE);
                knobs.ec2.provisioning = 3 * MINUTE;
            }
        }
        knobs
    }

    /// What goes wrong on the way.
    pub(crate) fn inject(self, environment: &Environment) {
        if self != Self::Throttled {
            return;
        }
        for kth in [1, 2] {
            environment.simulators.recorder.inject(Fault {
                api: Api::Ec2,
                operation: Some("CreateVpcEndpoint".to_owned()),
                kth: Some(kth),
                kind: FaultKind::Status {
                    status: 503,
                    retry_after: Some(1),
                },
            });
        }
    }
}
