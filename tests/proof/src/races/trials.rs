//! The races.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use rehearsal::{Outcome, Result};
use simulators::knobs::Knobs;

use super::crowd::{Crowd, Race, others_principal};
use super::judge::{all_are_named, all_succeed, deprovisions, ends, principals, requests};
use crate::lives::life::Vendor;
use crate::pool::Pool;
use crate::trial::{Trial, Trials, Verdict};

/// Capacity, and tokens a second, of EC2's bucket for calls that create endpoints (recalled, see the simulators' knobs).
const CREATE_BUCKET: (f64, f64) = (4.0, 0.3);
/// Calls to Aiven's API in a minute of simulated time.
const AIVEN_CALLS: u32 = 120;
/// Aiven's limit of principals of a service.
const AIVEN_PRINCIPALS: usize = 16;
/// HCP's limits of accounts and of endpoints of a service.
const HCP_ACCOUNTS: usize = 10;
const HCP_ENDPOINTS: usize = 20;
/// Executions at once.
const MANY: usize = 100;
/// Simulated time between two edits of the list by somebody outside.
const EDITS: Duration = Duration::from_secs(20);

const AIVEN: Race = Race {
    vendor: Vendor::Aiven,
    accounts: AIVEN_PRINCIPALS,
    vpcs: MANY,
    others: 0,
    knobs: |_| {},
};
const HCP: Race = Race {
    vendor: Vendor::Hcp,
    accounts: HCP_ACCOUNTS,
    vpcs: HCP_ENDPOINTS,
    ..AIVEN
};

/// The races of at most so many executions at once; the seed decides the order of the starts.
pub fn trials(seed: u64, at_once: usize) -> Trials {
    let mut races = vec![
        trial("aiven/100-vpcs-of-16-accounts", MANY, seed, |pool, seed| {
            in_and_out(pool, AIVEN, 1, seed)
        }),
        trial("hcp/100-for-20-vpcs-of-10-accounts", MANY, seed, |pool, seed| {
            in_and_out(pool, HCP, MANY / HCP_ENDPOINTS, seed)
        }),
        trial("aiven/100-under-120-calls-a-minute", MANY, seed, |pool, seed| {
            let knobs: fn(&mut Knobs) = |knobs| knobs.aiven.requests_per_minute = Some(AIVEN_CALLS);
            in_and_out(pool, Race { knobs, ..AIVEN }, 1, seed)
        }),
        trial("ec2/100-under-its-create-bucket", MANY, seed, |pool, seed| {
            let knobs: fn(&mut Knobs) = |knobs| knobs.ec2.create_bucket = Some(CREATE_BUCKET);
            let race = Race {
                knobs,
                accounts: 1,
                ..AIVEN
            };
            in_and_out(pool, race, 1, seed)
        }),
    ];
    for (word, race, limit) in [("aiven", AIVEN, AIVEN_PRINCIPALS), ("hcp", HCP, HCP_ACCOUNTS)] {
        // More accounts than there are places.
        let crowded = Race {
            accounts: limit + 4,
            vpcs: limit + 4,
            others: 3,
            ..race
        };
        races.push(trial(
            format!("{word}/more-than-fit"),
            crowded.vpcs,
            seed,
            move |pool, seed| more_than_fit(pool, crowded, limit, seed),
        ));
        let half = Race {
            accounts: limit - 1,
            vpcs: 2 * (limit - 1),
            others: 1,
            ..race
        };
        races.push(trial(
            format!("{word}/some-come-and-some-go"),
            half.vpcs,
            seed,
            move |pool, seed| come_and_go(pool, half, seed),
        ));
        races.push(trial(
            format!("{word}/somebody-edits-the-list"),
            half.vpcs,
            seed,
            move |pool, seed| edited(pool, half, seed),
        ));
        for times in [2, 10, 50] {
            let one = Race {
                accounts: 1,
                vpcs: 1,
                ..race
            };
            races.push(trial(
                format!("{word}/the-same-request-{times}-times"),
                times,
                seed,
                move |pool, seed| alike(pool, one, times, seed),
            ));
        }
    }
    races.retain(|(executions, _)| *executions <= at_once);
    Trials {
        row: "races",
        source: format!(
            "{} races, each of up to {at_once} executions at once on one service of a vendor, within its documented limits",
            races.len()
        ),
        trials: races.into_iter().map(|(_, trial)| trial).collect(),
    }
}

/// With how many executions it starts at once.
fn trial<F>(
    name: impl Into<String>,
    executions: usize,
    seed: u64,
    race: impl Fn(Arc<Pool>, u64) -> F + Send + Sync + 'static,
) -> (usize, Trial)
where
    F: Future<Output = Result<Vec<String>>> + Send + 'static,
{
    let trial = Trial::new(format!("races/{}", name.into()), move |pool| {
        let playing = race(pool, seed);
        async move {
            match playing.await {
                Ok(findings) => Verdict::of(&findings),
                Err(error) => Verdict::Wrong(error.to_string()),
            }
        }
    });
    (executions, trial.of_a_crowd())
}

/// All connect at once, each by as many executions as `times`; then all go at once.
async fn in_and_out(pool: Arc<Pool>, race: Race, times: usize, seed: u64) -> Result<Vec<String>> {
    let crowd = Crowd::new(&pool, race, seed).await?;
    let each: Vec<_> = (0..times).flat_map(|_| crowd.members.clone()).collect();
    let outcomes = crowd.run(requests(&each)).await?;
    let mut findings = all_succeed(&outcomes);
    findings.extend(crowd.are_connected_once(&each, &outcomes));
    findings.extend(crowd.list_is(principals(&each)));
    if findings.is_empty() {
        findings.extend(all_go(&crowd).await?);
        findings.extend(crowd.has_no_service());
    }
    Ok(findings)
}

async fn all_go(crowd: &Crowd) -> Result<Vec<String>> {
    let outcomes = crowd.run(deprovisions(&crowd.members)).await?;
    let mut findings = all_succeed(&outcomes);
    findings.extend(crowd.have_nothing(&crowd.members));
    Ok(findings)
}

/// As many connect as there are places; the others end with the limit's name, and leave nothing.
async fn more_than_fit(pool: Arc<Pool>, race: Race, limit: usize, seed: u64) -> Result<Vec<String>> {
    let crowd = Crowd::new(&pool, race, seed).await?;
    let outcomes = crowd.run(requests(&crowd.members)).await?;
    let mut findings = Vec::new();
    let found = ends(&outcomes);
    let count = |name: &str| found.get(name).copied().unwrap_or_default();
    let places = limit - race.others;
    if count("success") != places || count("LimitExceeded") != race.vpcs - places {
        findings.push(format!(
            "the {} executions for {places} places ended with {found:?}",
            race.vpcs
        ));
    }
    let (inside, outside): (Vec<_>, Vec<_>) = (crowd.members.iter().cloned().zip(outcomes))
        .partition(|(_, outcome)| matches!(outcome, Outcome::Succeeded(_)));
    let (inside, outcomes): (Vec<_>, Vec<_>) = inside.into_iter().unzip();
    let (outside, _): (Vec<_>, Vec<_>) = outside.into_iter().unzip();
    findings.extend(crowd.are_connected_once(&inside, &outcomes));
    findings.extend(crowd.have_nothing(&outside));
    findings.extend(crowd.list_is(principals(&inside).chain((0..race.others).map(others_principal))));
    Ok(findings)
}

/// One half is connected; it goes while the other half comes.
async fn come_and_go(pool: Arc<Pool>, race: Race, seed: u64) -> Result<Vec<String>> {
    let crowd = Crowd::new(&pool, race, seed).await?;
    // The accounts come by turns: the first ones go with both of their VPCs, the last ones come.
    let (going, coming): (Vec<_>, Vec<_>) =
        (crowd.members.iter().cloned().enumerate()).partition(|(n, _)| n % race.accounts < race.accounts / 2);
    let members = |half: Vec<(usize, super::crowd::Member)>| -> Vec<_> { half.into_iter().map(|(_, m)| m).collect() };
    let (going, coming) = (members(going), members(coming));
    let mut findings = all_succeed(&crowd.run(requests(&going)).await?);
    let mut both = deprovisions(&going);
    both.extend(requests(&coming));
    let mut outcomes = crowd.run(both).await?;
    findings.extend(all_succeed(&outcomes));
    let came = outcomes.split_off(going.len());
    findings.extend(crowd.have_nothing(&going));
    findings.extend(crowd.are_connected_once(&coming, &came));
    findings.extend(crowd.list_is(principals(&coming).chain((0..race.others).map(others_principal))));
    Ok(findings)
}

/// Meanwhile somebody adds to the list, looks after it as the vendors' guides advise, and once takes out what is ours. Then the
/// same requests again: all is there.
async fn edited(pool: Arc<Pool>, race: Race, seed: u64) -> Result<Vec<String>> {
    let crowd = Crowd::new(&pool, race, seed).await?;
    let newcomer = others_principal(99);
    let clock = crowd.environment.simulators.fabric.clock;
    let racing = crowd.run(requests(&crowd.members));
    let editing = async {
        let mut took = false;
        loop {
            // At once, too: where the runs are quick, the list is full before the second time.
            crowd.change_principals(|list| {
                let theirs = list.iter().position(|entry| entry.starts_with("arn:aws:iam::9"));
                if let Some(ours) = theirs.filter(|_| !took && list.len() > 3) {
                    list.remove(ours);
                    took = true;
                }
                // A PUT at Aiven replaces the list: whoever edits it beside a run must look whether it came to stay.
                if !list.contains(&newcomer) && list.len() < race.accounts {
                    list.insert(0, newcomer.clone());
                }
            });
            tokio::time::sleep(clock.real(EDITS)).await;
        }
    };
    let mut findings = Vec::new();
    tokio::select! {
        outcomes = racing => findings.extend(all_are_named(&outcomes?)),
        () = editing => {}
    }
    let list = crowd.principals().unwrap_or_default();
    if !list.contains(&others_principal(0)) {
        findings.push(format!("the list lost what was there at the start: {list:?}"));
    }
    let was_there = list.contains(&newcomer);
    crowd.change_principals(|list| list.retain(|entry| *entry != newcomer));
    let outcomes = crowd.run(requests(&crowd.members)).await?;
    findings.extend(all_succeed(&outcomes));
    findings.extend(crowd.are_connected_once(&crowd.members, &outcomes));
    findings.extend(crowd.list_is(principals(&crowd.members).chain([others_principal(0)])));
    if !was_there {
        findings.push("the list lost what somebody added meanwhile".to_owned());
    }
    Ok(findings)
}

/// The same request so many times at once: one connection. Who does not join it ends with a name.
async fn alike(pool: Arc<Pool>, race: Race, times: usize, seed: u64) -> Result<Vec<String>> {
    let crowd = Crowd::new(&pool, race, seed).await?;
    let each: Vec<_> = (0..times).flat_map(|_| crowd.members.clone()).collect();
    let outcomes = crowd.run(requests(&each)).await?;
    let mut findings = all_are_named(&outcomes);
    findings.extend(crowd.are_connected_once(&each, &outcomes));
    findings.extend(crowd.list_is(principals(&crowd.members)));
    if !ends(&outcomes).contains_key("success") {
        findings.push(format!("none of {times} connected: {:?}", ends(&outcomes)));
    }
    if findings.is_empty() {
        findings.extend(all_go(&crowd).await?);
        findings.extend(crowd.has_no_service());
    }
    Ok(findings)
}
