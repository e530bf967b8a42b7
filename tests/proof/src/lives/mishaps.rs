//! The faults of an act, as the simulators take them.

use simulators::recorder::{Api, Asked, FaultKind, Recorder};

use crate::trouble::TOO_SLOW;

use super::life::{Calls, Misfortune, Mishap};

const NONSENSE: &str = "This is not the answer that was expected.";

/// Asks for it.
pub(crate) fn arm(recorder: &Recorder, mishap: &Mishap) {
    let calls = mishap.calls;
    let nth = mishap.nth.map(u32::from);
    recorder.inject_where(move |asked| is_among(calls, asked), nth, fault(mishap.kind, calls));
}

fn is_among(calls: Calls, asked: &Asked<'_>) -> bool {
    match calls {
        Calls::All => true,
        Calls::Writes => is_write(asked),
        Calls::Ec2 => asked.api == Api::Ec2,
        Calls::Route53 => asked.api == Api::Route53,
        Calls::Vendor => matches!(asked.api, Api::Aiven | Api::Hcp),
        Calls::AwsJson => asked.api == Api::AwsJson,
    }
}

fn is_write(asked: &Asked<'_>) -> bool {
    match asked.api {
        Api::Ec2 => !asked.operation.starts_with("Describe"),
        Api::Route53 => asked.method != "GET",
        // A token is asked for by POST.
        Api::Aiven | Api::Hcp => asked.method != "GET" && !asked.path.contains("oauth2"),
        Api::Sts | Api::AwsJson => false,
    }
}

/// A throttle is told as most of these APIs tell it; where another one is hit, the status is a fault of its own.
fn fault(kind: Misfortune, calls: Calls) -> FaultKind {
    let status = |status, retry_after| FaultKind::Status { status, retry_after };
    match kind {
        Misfortune::InternalError => status(500, None),
        Misfortune::Unavailable => status(503, None),
        Misfortune::Throttled => match calls {
            Calls::Ec2 => status(503, Some(1)),
            Calls::Route53 | Calls::AwsJson => status(400, Some(1)),
            Calls::Vendor | Calls::All | Calls::Writes => status(429, Some(7)),
        },
        Misfortune::Unauthorized => status(401, None),
        Misfortune::Forbidden => status(403, None),
        Misfortune::Conflict => status(409, None),
        Misfortune::HtmlPage => FaultKind::Html { status: 502 },
        Misfortune::BareThrottle => FaultKind::Bare { status: 429 },
        Misfortune::ResetBefore => FaultKind::ResetBefore,
        Misfortune::ResetAfter => FaultKind::ResetAfter,
        Misfortune::Truncated => FaultKind::Truncate,
        Misfortune::Slow => FaultKind::Slow(TOO_SLOW),
        Misfortune::Nonsense => FaultKind::Body(NONSENSE.to_owned()),
        Misfortune::KilledBefore => FaultKind::KillBefore,
        Misfortune::KilledAfter => FaultKind::KillAfter,
    }
}
