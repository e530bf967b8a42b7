//! Every call fails once: each call of a life, times each fault that its protocol can give.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rehearsal::{Error, Result};
use simulators::recorder::{Api, FaultKind};

use crate::life::{self, Kind, Mishap, Quiet};
use crate::pool::Pool;
use crate::trial::{Trial, Trials, Verdict};
use crate::world::{Situation, differences};

/// Real time, longer than a function waits for an answer.
const TOO_SLOW: Duration = Duration::from_secs(23);
/// A call that did not come up is tried again in a new world so often.
const ATTEMPTS: usize = 2;

/// The lives without mishaps, and the calls that they have every time.
pub struct Recorded {
    pub lives: BTreeMap<Situation, Arc<Quiet>>,
}

/// Plays each life twice without mishaps: what is in both can be counted on.
///
/// # Errors
/// When such a life is not right, or the machinery fails.
pub async fn record(pool: &Arc<Pool>, situations: &[Situation]) -> Result<Recorded> {
    let mut playing = tokio::task::JoinSet::new();
    for situation in situations.iter().copied() {
        let pool = Arc::clone(pool);
        playing.spawn(async move { record_one(&pool, situation).await.map(|quiet| (situation, quiet)) });
    }
    let mut lives = BTreeMap::new();
    while let Some(played) = playing.join_next().await {
        let played = played.map_err(|error| Error::new("recording a life", error))?;
        let (situation, quiet) = played?;
        lives.insert(situation, Arc::new(quiet));
    }
    Ok(Recorded { lives })
}

async fn record_one(pool: &Pool, situation: Situation) -> Result<Quiet> {
    let (first, second) = tokio::join!(quiet(pool, situation), quiet(pool, situation));
    let (first, second) = (first?, second?);
    for (act, own) in &first.after {
        let other = second.after.get(act).cloned().unwrap_or_default();
        let different = differences(&other, own);
        if !different.is_empty() {
            let what = format!("playing the life {} twice", situation.name());
            return Err(Error::new(what, different.join("\n")));
        }
    }
    Ok(in_both(first, &second))
}

async fn quiet(pool: &Pool, situation: Situation) -> Result<Quiet> {
    let stage = pool.take().await?;
    let played = life::play(&stage, situation, pool.world_number(), None, None).await?;
    pool.give_back(stage);
    if played.findings.is_empty() {
        return Ok(played.quiet);
    }
    let what = format!("playing the life {} without mishaps", situation.name());
    Err(Error::new(what, played.told().join("\n")))
}

fn in_both(mut first: Quiet, second: &Quiet) -> Quiet {
    for (kind, (_, times)) in &mut first.calls {
        *times = (*times).min(second.calls.get(kind).map_or(0, |(_, times)| *times));
    }
    first
}

/// One trial for each call and fault.
pub fn trials(recorded: &Recorded) -> Trials {
    let mut trials = Vec::new();
    let mut calls = 0;
    for (situation, quiet) in &recorded.lives {
        for (kind, api, nth) in calls_of(quiet) {
            calls += 1;
            for (word, fault) in faults_of(api, &kind) {
                let name = format!("faults/{}/{}.{nth}/{word}", situation.name(), place(&kind));
                let mishap = mishap(&kind, api, Some(nth), fault);
                trials.push(trial(name, *situation, mishap, Arc::clone(quiet)));
            }
        }
    }
    Trials {
        row: "calls × faults",
        source: format!(
            "{calls} calls of {} lives, by the faults of each call's protocol",
            recorded.lives.len()
        ),
        trials,
    }
}

/// One trial for each kind of call in each act, which fails as long as the act lasts: every retry, and what takes back.
pub fn outages(recorded: &Recorded) -> Trials {
    let mut trials = Vec::new();
    for (situation, quiet) in &recorded.lives {
        for (kind, (api, _)) in quiet.calls.iter().filter(|(_, (_, times))| *times > 0) {
            let status = |status| FaultKind::Status {
                status,
                retry_after: None,
            };
            for (word, fault) in [
                ("503", status(503)),
                ("403", status(403)),
                ("killed", FaultKind::KillBefore),
            ] {
                let name = format!("outages/{}/{}/{word}", situation.name(), place(kind));
                let mishap = mishap(kind, *api, None, fault);
                trials.push(trial(name, *situation, mishap, Arc::clone(quiet)));
            }
        }
    }
    Trials {
        row: "outages",
        source: format!(
            "each kind of call of {} lives, out of order, refused or deadly for a whole run",
            recorded.lives.len()
        ),
        trials,
    }
}

/// Every call of a life.
pub(crate) fn calls_of(quiet: &Quiet) -> Vec<(Kind, Api, u32)> {
    let calls = quiet.calls.iter();
    calls
        .flat_map(|(kind, (api, times))| (1..=*times).map(|nth| (kind.clone(), *api, nth)))
        .collect()
}

pub(crate) fn place(kind: &Kind) -> String {
    format!("{}/{}.{}", kind.act.name(), kind.api, kind.operation)
}

pub(crate) fn mishap(kind: &Kind, api: Api, nth: Option<u32>, fault: FaultKind) -> Mishap {
    Mishap {
        act: kind.act,
        api,
        operation: kind.operation.clone(),
        nth,
        kind: fault,
    }
}

/// A life with a mishap.
pub(crate) fn trial(name: String, situation: Situation, mishap: Mishap, quiet: Arc<Quiet>) -> Trial {
    Trial::new(name, move |pool| {
        let (mishap, quiet) = (mishap.clone(), Arc::clone(&quiet));
        async move {
            match play(&pool, situation, &mishap, &quiet).await {
                Ok(verdict) => verdict,
                Err(error) => Verdict::Wrong(format!("{error}")),
            }
        }
    })
}

async fn play(pool: &Pool, situation: Situation, mishap: &Mishap, quiet: &Quiet) -> Result<Verdict> {
    for _ in 0..ATTEMPTS {
        let stage = pool.take().await?;
        // An environment in which a run does not end is not used again.
        let played = life::play(&stage, situation, pool.world_number(), Some(mishap), Some(quiet)).await?;
        pool.give_back(stage);
        if played.hit {
            return Ok(Verdict::of(&played.told()));
        }
    }
    Ok(Verdict::Empty)
}

/// The faults that a call can meet. A read that was answered and then lost is, to its caller, one that was never answered: it
/// is tried once.
fn faults_of(api: Api, kind: &Kind) -> Vec<(&'static str, FaultKind)> {
    let status = |status, retry_after| FaultKind::Status { status, retry_after };
    let mut faults = vec![
        ("500", status(500, None)),
        ("502-html", FaultKind::Html { status: 502 }),
        ("503", status(503, None)),
        ("reset-before", FaultKind::ResetBefore),
        ("truncated", FaultKind::Truncate),
        ("slow", FaultKind::Slow(TOO_SLOW)),
        ("403", status(403, None)),
    ];
    match api {
        Api::Ec2 => {
            faults.push(("throttled", status(503, Some(1))));
            faults.push(("401", status(401, None)));
        }
        Api::Route53 | Api::Sts | Api::AwsJson => faults.push(("throttled", status(400, Some(1)))),
        Api::Hcp | Api::Aiven => {
            faults.push(("429-wait", status(429, Some(7))));
            faults.push(("429-bare", FaultKind::Bare { status: 429 }));
            faults.push(("401", status(401, None)));
            if kind.write {
                faults.push(("409", status(409, None)));
            }
        }
    }
    if kind.write {
        faults.push(("reset-after", FaultKind::ResetAfter));
    }
    faults
}
