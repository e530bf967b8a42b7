//! The deployed schedule meets its targets, and its picture is the one in the documentation.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;

use waiting::assumed::{AIVEN_CALLS_PER_MINUTE, EC2_CALLS_PER_SECOND, HCP_CALLS_PER_MINUTE};
use waiting::clouds::{MAKING, PHASES, Temper};
use waiting::deployed::Deployed;
use waiting::front::{AT_ONCE, DOLLARS_TARGET, LATE_TARGET, RUNS, Row, play};
use waiting::picture;
use waiting::play::changes;
use waiting::prices::Prices;
use waiting::shapes::{Carrier, Gaps, Shape};

/// No other shape of the design may be better in both by more than so much.
const NEAR: f64 = 0.02;

/// Runs at once of a fleet that does not say.
const FLEET: f64 = 40.0;

fn rows() -> Vec<Row> {
    play(&Deployed::load().unwrap(), &Prices::load().unwrap(), RUNS).unwrap()
}

#[test]
fn the_deployed_schedule_meets_its_targets_on_the_front_of_its_design() {
    let rows = rows();
    let deployed = rows.iter().find(|row| row.deployed).unwrap();
    for score in &deployed.scores {
        for (phase, late) in PHASES.iter().zip(score.late) {
            assert!(
                late.p95 <= LATE_TARGET,
                "{} is seen late by {} s: {}",
                phase.key(),
                late.p95,
                score.temper
            );
            assert!(
                late.p95 > 1.0 && late.p50 < late.p95 && late.p95 <= late.p99,
                "{late:?}"
            );
        }
    }
    assert!(
        deployed.dollars() <= DOLLARS_TARGET,
        "1,000 connections cost ${}",
        deployed.dollars()
    );
    for row in rows.iter().filter(|row| row.in_design && !row.deployed) {
        let late = row.worst_late() < deployed.worst_late() * (1.0 - NEAR);
        let cheap = row.dollars() < deployed.dollars() * (1.0 - NEAR);
        assert!(
            !(late && cheap),
            "{} is better in both: {} s, ${}",
            row.name,
            row.worst_late(),
            row.dollars()
        );
    }

    let fleet = include_str!("../../../infra/fleet.asl.json");
    assert!(fleet.contains(&format!("{{'max_concurrency': {FLEET},")), "not {FLEET}");
    for score in &deployed.scores {
        let temper = score.temper;
        assert!(score.hcp_per_minute <= HCP_CALLS_PER_MINUTE, "HCP: {temper}");
        assert!(score.ec2_per_second <= EC2_CALLS_PER_SECOND, "EC2: {temper}");
        let of_a_fleet = score.aiven_per_minute * FLEET / AT_ONCE;
        assert!(of_a_fleet <= AIVEN_CALLS_PER_MINUTE, "Aiven: {of_a_fleet}, {temper}");
    }
    // 100 at once at Aiven are beyond what looks can do that see in time, as the README says.
    for row in rows
        .iter()
        .filter(|row| row.name != "who knows when" && row.worst_late() <= LATE_TARGET + 0.5)
    {
        let calls = row.scores[0].aiven_per_minute;
        assert!(calls > AIVEN_CALLS_PER_MINUTE + 10.0, "{}: {calls} a minute", row.name);
    }

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/waiting.svg");
    let drawn = std::fs::read_to_string(path).unwrap();
    assert!(
        drawn == picture::svg(&rows),
        "draw it again: cargo waiting --picture > docs/waiting.svg"
    );
}

/// The product's own code and this simulation's wait alike, given the same numbers.
#[test]
fn the_deployed_schedule_is_played_as_the_shape_of_its_numbers() {
    let deployed = Deployed::load().unwrap();
    let turn = deployed.transitions_of_a_turn().unwrap();
    assert!((turn - 3.0).abs() < f64::EPSILON, "wait, task, choice");
    let first = PHASES.map(|phase| {
        let schedule = deployed.schedule(phase);
        f64::from(Deployed::first_wait(phase).unwrap_or(schedule.first_wait_seconds))
    });
    let mut seen_held = 0;
    for (n, phase) in PHASES.into_iter().enumerate() {
        let schedule = deployed.schedule(phase);
        let shape = Shape {
            name: String::new(),
            first,
            gaps: Gaps::Constant(schedule.interval_seconds.into()),
            carrier: if n < MAKING {
                Carrier::Held(schedule.hold_seconds.into())
            } else {
                Carrier::Turns
            },
            notified: false,
            memory_mb: 128.0,
        };
        for temper in Temper::ALL {
            for change in changes(temper, 500, 7) {
                let (own, other) = (
                    deployed.visit(phase, change[n], turn, 128.0).unwrap(),
                    shape.visit(n, change[n], turn),
                );
                assert!(
                    (own.late - other.late).abs() < 1e-6,
                    "{} {}: {own:?} {other:?}",
                    phase.key(),
                    change[n]
                );
                assert_eq!(
                    (own.turns, own.usage),
                    (other.turns, other.usage),
                    "{} {}",
                    phase.key(),
                    change[n]
                );
                seen_held += u32::from(own.looks > own.turns + 1);
            }
        }
    }
    assert!(seen_held > 1_000, "hardly an invocation looked twice");
}

/// A turn costs as much as so many seconds of the function, so that longer waits are the state machine's.
#[test]
fn an_invocation_waits_itself_as_long_as_that_is_cheaper() {
    let (deployed, prices) = (Deployed::load().unwrap(), Prices::load().unwrap());
    let turn = deployed.transitions_of_a_turn().unwrap() * prices.of_one("step_functions_transition").unwrap();
    for phase in &PHASES[..MAKING] {
        let gb = deployed.memory_mb(&deployed.task(*phase).unwrap()) / 1_024.0;
        let seconds = turn / (gb * prices.of_one("lambda_gb_second").unwrap());
        let longest = f64::from(shared::progress::LONGEST_HELD_WAIT_SECONDS);
        assert!((longest - seconds).abs() < 1.0, "{}: {seconds} s", phase.key());
    }
}

#[test]
fn the_states_of_a_run_are_those_of_the_definition() {
    let deployed = Deployed::load().unwrap();
    let once = deployed.states("provision", &[]).unwrap();
    assert_eq!(
        (once[0].as_str(), once.last().map(String::as_str)),
        ("Validate", Some("Connected"))
    );
    let twice = deployed.states("provision", &[1, 2]).unwrap();
    assert_eq!(twice.len(), once.len() + 9);
    assert_eq!(twice.iter().filter(|state| *state == "EnsureAccepted").count(), 3);
    let removal = deployed.states("deprovision", &[0, 0, 0, 4]).unwrap();
    assert_eq!(removal.iter().filter(|state| *state == "Deprovision").count(), 5);
    assert_eq!(
        deployed.states("plan", &[]).unwrap().last().map(String::as_str),
        Some("Planned")
    );
}

#[test]
fn each_price_has_a_source_and_what_is_used_has_a_price() {
    let prices = Prices::load().unwrap();
    assert!(prices.as_of.contains("2026"));
    for price in &prices.prices {
        assert!(
            price.source.starts_with("https://aws.amazon.com/") && price.usd > 0.0 && price.per >= 1.0,
            "{price:?}"
        );
    }
    for (name, _) in waiting::prices::Usage::default().by_name() {
        assert!(prices.of_one(name).unwrap() > 0.0, "{name}");
    }
}
