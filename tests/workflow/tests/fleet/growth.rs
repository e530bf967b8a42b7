//! What a connection calls stays the same however many there are.

use std::collections::BTreeMap;

use rehearsal::growth::{Calls, by_kind};
use serde_json::json;

use crate::stage::stage;

/// So many connections at a vendor's service let their runs wait for each other, each turn with some more looks: by at most so much
/// may reads grow. Writes may not at all.
const READS_GROW_AT_MOST: f64 = 2.0;
const FEW: usize = 8;
const MANY: usize = 40;

/// Calls by kind of a fleet in which nothing is wrong.
async fn calls(count: usize) -> BTreeMap<(String, String), Calls> {
    let stage = stage(count, &[]).await;
    let summary = stage
        .succeeds(&json!({ "name": "growth", "items": stage.items() }))
        .await;
    assert_eq!(summary["succeeded"], json!(count));
    stage.assert_connected_once(&stage.members);
    by_kind(&stage.environment.simulators.recorder.calls())
}

fn of_each(calls: usize, count: usize) -> f64 {
    f64::from(u32::try_from(calls).unwrap()) / f64::from(u32::try_from(count).unwrap())
}

/// Of a vendor's service itself, which the first of its consumers makes: the rest change it.
const OF_THE_SERVICE: [&str; 4] = [
    "ServicePrivatelinkAWSCreate",
    "ServicePrivatelinkAWSUpdate",
    "CreatePrivateLinkService",
    "UpdatePrivateLinkService",
];

/// Aiven's components are switched on for all consumers of a service by whoever comes first.
const ONCE_FOR_A_SERVICE: &str = "ServiceUpdate";

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_a_connection_do_not_grow_with_the_number_of_connections() {
    let (few, many) = tokio::join!(calls(FEW), calls(MANY));
    let kinds = |calls: &BTreeMap<(String, String), Calls>| calls.keys().cloned().collect::<Vec<_>>();
    for kind in kinds(&few).into_iter().chain(kinds(&many)) {
        let (few, many) = (
            few.get(&kind).copied().unwrap_or_default(),
            many.get(&kind).copied().unwrap_or_default(),
        );
        let (of_few, of_many) = (of_each(few.made, FEW), of_each(many.made, MANY));
        let (api, operation) = (kind.0.as_str(), kind.1.as_str());
        // The register is written when a state is news, of which waiting for a turn is one.
        let shared = OF_THE_SERVICE.contains(&operation) || operation == ONCE_FOR_A_SERVICE;
        let is_write = (few.write || many.write) && api != "AwsJson" && !shared;
        if is_write {
            assert!(
                (of_few - of_many).abs() < f64::EPSILON,
                "{kind:?}: {of_few} of each of {FEW}, {of_many} of each of {MANY}"
            );
        } else {
            let most = of_few.max(1.0) * READS_GROW_AT_MOST;
            assert!(
                of_many <= most,
                "{kind:?}: {of_few} of each of {FEW}, {of_many} of each of {MANY}"
            );
        }
    }
    // A service is made once, and changed for each other consumer: together one call each, but for a change that is made anew
    // since somebody else's was in between.
    let of_services = |calls: &BTreeMap<(String, String), Calls>, count: usize| {
        let made = calls
            .iter()
            .filter(|((_, operation), _)| OF_THE_SERVICE.contains(&operation.as_str()));
        of_each(made.map(|(_, calls)| calls.made).sum(), count)
    };
    let (of_few, of_many) = (of_services(&few, FEW), of_services(&many, MANY));
    assert!(
        (1.0..1.5).contains(&of_few) && (1.0..1.5).contains(&of_many),
        "{of_few}, {of_many}"
    );
}
