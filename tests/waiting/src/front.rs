//! Every shape under all tempers of the clouds, what is late and what it costs; and which shapes no other beats in both.

use serde::Serialize;

use crate::Result;
use crate::assumed::{AIVEN_SERVICE_CALLS, HCP_SERVICE_CALLS, aiven_access_calls};
use crate::clock::Visit;
use crate::clouds::{MAKING, PHASES, Temper};
use crate::compared;
use crate::deployed::Deployed;
use crate::play::{changes, once};
use crate::prices::{Prices, Usage};
use crate::shapes::Shape;

/// Seconds within which 19 of 20 changes are to be seen.
pub const LATE_TARGET: f64 = 20.0;
/// Dollars for 1,000 connections.
pub const DOLLARS_TARGET: f64 = 1.50;
/// Runs of each shape under each temper.
pub const RUNS: usize = 10_000;
pub const SEED: u64 = 6;
/// Connections that wait at once.
pub const AT_ONCE: f64 = 100.0;

/// How late a phase was.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Late {
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
}

/// A shape under one temper.
#[derive(Debug, Clone, Serialize)]
pub struct Score {
    pub temper: &'static str,
    /// Of each of [`PHASES`].
    pub late: [Late; 4],
    /// Means of the runs that make a connection.
    pub looks: f64,
    pub transitions: f64,
    pub seconds: f64,
    pub dollars_per_1000: f64,
    /// Of runs that take one away.
    pub dollars_per_1000_removals: f64,
    /// Calls a minute to Aiven and to HCP, and a second to EC2, of 100 connections that wait at once, wherever each stands.
    pub aiven_per_minute: f64,
    pub hcp_per_minute: f64,
    pub ec2_per_second: f64,
}

/// A shape under all of them.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    pub name: String,
    pub deployed: bool,
    pub scores: Vec<Score>,
    /// Of no other shape both are better.
    pub best: bool,
    /// Nothing outside of the stack takes part.
    pub of_the_stack: bool,
}

impl Row {
    /// The 95th percentile of the worst phase under the worst temper.
    pub fn worst_late(&self) -> f64 {
        let all = self
            .scores
            .iter()
            .flat_map(|score| score.late.iter().map(|late| late.p95));
        all.fold(0.0, f64::max)
    }

    /// 1,000 connections under the temper that the schedule was made for.
    pub fn dollars(&self) -> f64 {
        self.scores.first().map_or(0.0, |score| score.dollars_per_1000)
    }

    /// 1,000 connections under the worst temper.
    pub fn worst_dollars(&self) -> f64 {
        let all = self.scores.iter().map(|score| score.dollars_per_1000);
        all.fold(0.0, f64::max)
    }
}

/// Who plays a phase.
enum Player<'a> {
    Deployed,
    Shape(&'a Shape),
}

/// Plays all of them.
///
/// # Errors
/// When what is deployed is not understood, or the price table lacks a row.
pub fn play(deployed: &Deployed, prices: &Prices, runs: usize) -> Result<Vec<Row>> {
    let shapes = compared::all(deployed);
    let players = std::iter::once(("deployed", Player::Deployed))
        .chain(shapes.iter().map(|shape| (shape.name.as_str(), Player::Shape(shape))));
    let mut rows = Vec::new();
    for (name, player) in players {
        let scores = Temper::ALL
            .into_iter()
            .map(|temper| score(deployed, prices, &player, temper, runs))
            .collect::<Result<Vec<_>>>()?;
        rows.push(Row {
            name: name.to_owned(),
            deployed: matches!(player, Player::Deployed),
            scores,
            best: false,
            of_the_stack: match player {
                Player::Deployed => true,
                Player::Shape(shape) => shape.is_of_the_stack(),
            },
        });
    }
    let points: Vec<(f64, f64)> = rows.iter().map(|row| (row.worst_late(), row.worst_dollars())).collect();
    for (row, (late, dollars)) in rows.iter_mut().zip(&points) {
        // Nobody knows when.
        let known = points.iter().take(points.len() - 1);
        row.best = !known
            .into_iter()
            .any(|(l, d)| l <= late && d <= dollars && (l < late || d < dollars));
    }
    Ok(rows)
}

fn score(deployed: &Deployed, prices: &Prices, player: &Player<'_>, temper: Temper, runs: usize) -> Result<Score> {
    let turn = deployed.transitions_of_a_turn()?;
    let [service, acceptance, access, removal] = PHASES.map(|phase| deployed.functions(phase));
    let functions = [service?, acceptance?, access?, removal?];
    let mut visits: [Vec<Visit>; 4] = std::array::from_fn(|_| Vec::with_capacity(runs));
    for run in changes(temper, runs, SEED) {
        for (n, ((change, visits), functions)) in run.into_iter().zip(&mut visits).zip(functions).enumerate() {
            visits.push(match player {
                Player::Deployed => deployed.visit(PHASES[n], change, turn, functions)?,
                Player::Shape(shape) => shape.visit(n, change, turn),
            });
        }
    }
    let count = f64::from(u32::try_from(runs)?);
    let mean = |of: &dyn Fn(&Visit) -> f64, phase: usize| visits[phase].iter().map(of).sum::<f64>() / count;
    let usage = |phase: usize| {
        visits[phase]
            .iter()
            .fold(Usage::default(), |sum, visit| sum.plus(&visit.usage))
    };
    let dollars = |action: &str, phases: std::ops::Range<usize>| -> Result<f64> {
        let waits = phases.fold(Usage::default(), |sum, phase| sum.plus(&usage(phase)));
        Ok((prices.dollars(&once(deployed, action)?)? + prices.dollars(&waits)? / count) * 1_000.0)
    };
    let making: f64 = (0..MAKING).map(|phase| usage(phase).transitions).sum::<f64>() / count;
    let seconds: f64 = (0..MAKING).map(|phase| mean(&|visit| visit.took, phase)).sum();
    let looks = |phase: usize| mean(&|visit| visit.looks.into(), phase);
    // As long as a connection waits it calls so often, and 100 of them are spread over their phases as those take long.
    let per_second = |calls: f64| calls / seconds * AT_ONCE;
    let aiven = AIVEN_SERVICE_CALLS * looks(0) + mean(&|visit| aiven_access_calls(visit.looks, visit.ready), 2);
    Ok(Score {
        temper: temper.name(),
        late: std::array::from_fn(|phase| late(visits[phase].iter().map(|visit| visit.late).collect())),
        looks: (0..MAKING).map(looks).sum(),
        transitions: once(deployed, "provision")?.transitions + making,
        seconds,
        dollars_per_1000: dollars("provision", 0..MAKING)?,
        dollars_per_1000_removals: dollars("deprovision", MAKING..PHASES.len())?,
        aiven_per_minute: per_second(aiven) * 60.0,
        hcp_per_minute: per_second(HCP_SERVICE_CALLS * looks(0)) * 60.0,
        ec2_per_second: per_second(looks(1)),
    })
}

fn late(mut all: Vec<f64>) -> Late {
    all.sort_by(f64::total_cmp);
    let at = |percent: usize| all.get(all.len() * percent / 100).copied().unwrap_or_default();
    Late {
        p50: at(50),
        p95: at(95),
        p99: at(99),
    }
}
