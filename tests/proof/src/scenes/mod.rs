//! What is more than one connection: a fleet, the register's commands, a sweep. Each fails at each of its calls, too.
//!
//! A run in a fleet or a sweep is the run that [`crate::life`] lets fail in every way: here each of its calls fails in one way, that a
//! caller can know least of.

mod play;

use std::collections::BTreeMap;
use std::sync::Arc;

use rehearsal::{Error, Result};

use crate::pool::{Pool, Stage};
use crate::trial::{Trial, Verdict};
use crate::trouble::{self, Callee, Calls, Strike, Trouble};
use crate::world::Things;

/// A call that did not come up is tried again in new worlds so often.
const ATTEMPTS: usize = 2;

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scene {
    /// Two accounts' connections, one at each vendor, are made by a fleet and taken away.
    Fleet,
    /// The row of a connection is lost, made again from the tags, listed and read.
    Register,
    /// A connection has drifted in AWS and at the vendor; a sweep mends it.
    Sweep,
    /// An account is vended, and a profile connects it.
    Vending,
}

impl Scene {
    pub const ALL: [Self; 4] = [Self::Fleet, Self::Register, Self::Sweep, Self::Vending];

    /// As in the names of trials.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fleet => "fleet",
            Self::Register => "register",
            Self::Sweep => "sweep",
            Self::Vending => "vending",
        }
    }

    fn troubles_of(self, callee: &Callee, api: Option<simulators::recorder::Api>) -> Vec<(&'static str, Trouble)> {
        let mut troubles = trouble::troubles_of(callee, api);
        let is_write = matches!(callee, Callee::Remote { write: true, .. });
        match (self, callee) {
            (Self::Register | Self::Vending, _) | (_, Callee::Task(_)) => {}
            _ => troubles.retain(|(word, _)| *word == if is_write { "reset-after" } else { "503" }),
        }
        troubles
    }

    async fn play(self, stage: &Stage, number: impl Fn() -> u32, course: Course<'_>) -> Result<Shown> {
        let mut play = play::Play {
            stage,
            course,
            shown: Shown::default(),
        };
        let denied = stage.environment.denied()?.len();
        match self {
            Self::Fleet => play.fleet([number(), number()]).await?,
            Self::Register => play.register(number()).await?,
            Self::Sweep => play.sweep(number()).await?,
            Self::Vending => play.vending(number()).await?,
        }
        let refused = stage.environment.denied()?;
        if refused.len() > denied {
            play.find(format!("rights that the template does not grant: {refused:?}"));
        }
        Ok(play.shown)
    }
}

/// What is to happen in a scene.
#[derive(Clone, Copy, Default)]
struct Course<'a> {
    strike: Option<&'a Strike>,
    /// The same scene without trouble.
    quiet: Option<&'a Shown>,
}

/// A scene that was played.
#[derive(Debug, Default)]
pub struct Shown {
    calls: Calls,
    /// What is ours when all is connected, and when all is taken away, by world.
    own: BTreeMap<(usize, &'static str), Things>,
    hit: bool,
    findings: Vec<String>,
    ends: Vec<String>,
}

/// The scenes without trouble.
pub struct Recorded(BTreeMap<Scene, Arc<Shown>>);

/// Plays each scene twice without trouble: what is called both times can be counted on.
///
/// # Errors
/// When such a scene is not right, or the machinery fails.
pub async fn record(pool: &Arc<Pool>, scenes: &[Scene]) -> Result<Recorded> {
    let mut playing = tokio::task::JoinSet::new();
    for scene in scenes.iter().copied() {
        let pool = Arc::clone(pool);
        playing.spawn(async move {
            let (first, second) = tokio::try_join!(quiet(&pool, scene), quiet(&pool, scene))?;
            Ok::<_, Error>((scene, in_both(first, &second)))
        });
    }
    let mut recorded = BTreeMap::new();
    while let Some(played) = playing.join_next().await {
        let (scene, shown) = played.map_err(|error| Error::new("recording a scene", error))??;
        recorded.insert(scene, Arc::new(shown));
    }
    Ok(Recorded(recorded))
}

async fn quiet(pool: &Pool, scene: Scene) -> Result<Shown> {
    let stage = pool.take().await?;
    let shown = scene.play(&stage, || pool.world_number(), Course::default()).await?;
    pool.give_back(stage);
    if shown.findings.is_empty() {
        return Ok(shown);
    }
    let what = format!("playing the scene {} without trouble", scene.name());
    Err(Error::new(what, shown.findings.join("\n")))
}

fn in_both(mut first: Shown, second: &Shown) -> Shown {
    for (callee, (_, times)) in &mut first.calls {
        *times = (*times).min(second.calls.get(callee).map_or(0, |(_, times)| *times));
    }
    first
}

impl Recorded {
    /// A trial for each call and each of its faults; and the number of the calls.
    pub fn faults(&self) -> (Vec<Trial>, u32) {
        self.of_each_call("faults", Scene::troubles_of)
    }

    /// A trial for each call and each moment at which its function can be killed; and the number of the calls.
    pub fn crashes(&self) -> (Vec<Trial>, u32) {
        let deaths_of = |_, callee: &Callee, api| match callee {
            Callee::Remote { .. } => trouble::deaths_of(callee, api),
            // A fleet that is stopped is among the tests of fleets.
            Callee::Task(_) => Vec::new(),
        };
        self.of_each_call("crashes", deaths_of)
    }

    fn of_each_call(
        &self,
        row: &str,
        troubles: impl Fn(Scene, &Callee, Option<simulators::recorder::Api>) -> Vec<(&'static str, Trouble)>,
    ) -> (Vec<Trial>, u32) {
        let (mut trials, mut count) = (Vec::new(), 0);
        for (scene, shown) in &self.0 {
            for (callee, (api, times)) in &shown.calls {
                let troubles = troubles(*scene, callee, *api);
                count += if troubles.is_empty() { 0 } else { *times };
                for nth in 1..=*times {
                    for (word, trouble) in troubles.clone() {
                        let name = format!("{row}/{}/{}.{nth}/{word}", scene.name(), callee.name());
                        let strike = Strike {
                            nth: Some(nth),
                            trouble,
                        };
                        trials.push(trial(name, *scene, strike, Arc::clone(shown)));
                    }
                }
            }
        }
        (trials, count)
    }
}

fn trial(name: String, scene: Scene, strike: Strike, quiet: Arc<Shown>) -> Trial {
    Trial::new(name, move |pool| {
        let (strike, quiet) = (strike.clone(), Arc::clone(&quiet));
        async move {
            let played = struck(&pool, scene, &strike, &quiet).await;
            played.unwrap_or_else(|error| Verdict::Wrong(format!("{error}")))
        }
    })
}

async fn struck(pool: &Pool, scene: Scene, strike: &Strike, quiet: &Shown) -> Result<Verdict> {
    for _ in 0..ATTEMPTS {
        let stage = pool.take().await?;
        let course = Course {
            strike: Some(strike),
            quiet: Some(quiet),
        };
        let mut shown = scene.play(&stage, || pool.world_number(), course).await?;
        pool.give_back(stage);
        if shown.hit {
            if !shown.findings.is_empty() {
                shown.findings.push(format!("ends: {}", shown.ends.join("; ")));
            }
            return Ok(Verdict::of(&shown.findings));
        }
    }
    Ok(Verdict::Empty)
}
