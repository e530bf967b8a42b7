//! The deployed schedule meets its targets, and its picture is the one in the documentation.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;

use waiting::assumed::{
    AIVEN_CALLS_PER_MINUTE, EC2_CALLS_PER_SECOND, HCP_CALLS_PER_MINUTE, LOG_BYTES, LONGEST_HELD_WAIT_SECONDS, LOOK_MS,
    REQUESTS_OF_A_MESSAGE, SMALLEST_MB, TELL_MS,
};
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
    for score in &deployed.scores {
        for dollars in [score.dollars_per_1000, score.dollars_per_1000_removals] {
            assert!(dollars <= DOLLARS_TARGET, "1,000 cost ${dollars}: {}", score.temper);
        }
    }
    for row in rows.iter().filter(|row| row.of_the_stack && !row.deployed) {
        let late = row.worst_late() < deployed.worst_late() * (1.0 - NEAR);
        let cheap = row.worst_dollars() < deployed.worst_dollars() * (1.0 - NEAR);
        assert!(
            !(late && cheap),
            "{} is better in both: {} s, ${}",
            row.name,
            row.worst_late(),
            row.worst_dollars()
        );
    }
    // Of what needs nothing outside of the stack, only a queue's messages keep within both under all tempers.
    for row in rows.iter().filter(|row| row.of_the_stack && !row.deployed) {
        assert!(
            row.name.contains("a queue") || row.worst_late() > LATE_TARGET || row.worst_dollars() > DOLLARS_TARGET,
            "{} does it without a queue",
            row.name
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
    roxmltree::Document::parse(&drawn).unwrap();
}

/// The product's own code and this simulation's wait alike, given the same numbers.
#[test]
fn the_deployed_schedule_is_played_as_the_shape_of_its_numbers() {
    let deployed = Deployed::load().unwrap();
    let turn = deployed.transitions_of_a_turn().unwrap();
    assert!((turn - 3.0).abs() < f64::EPSILON, "watch, task, choice");
    let first = PHASES.map(|phase| {
        let schedule = deployed.schedule(phase);
        f64::from(Deployed::first_wait(phase).unwrap_or(schedule.first_wait_seconds))
    });
    let mut seen_watched = 0;
    for (n, phase) in PHASES.into_iter().enumerate() {
        let schedule = deployed.schedule(phase);
        let functions = deployed.functions(phase).unwrap();
        let shape = Shape {
            name: String::new(),
            first,
            gaps: Gaps::Constant(schedule.interval_seconds.into()),
            carrier: if n < MAKING {
                Carrier::Queue(schedule.watch_seconds.into())
            } else {
                Carrier::Turns
            },
            notified: false,
            functions,
        };
        for temper in Temper::ALL {
            for change in changes(temper, 500, 7) {
                let (own, other) = (
                    deployed.visit(phase, change[n], turn, functions).unwrap(),
                    shape.visit(n, change[n], turn),
                );
                assert!(
                    (own.late - other.late).abs() < 1e-6,
                    "{} {}: {own:?} {other:?}",
                    phase.key(),
                    change[n]
                );
                assert_eq!(
                    (own.turns, own.looks, own.usage),
                    (other.turns, other.looks, other.usage),
                    "{} {}",
                    phase.key(),
                    change[n]
                );
                seen_watched += u32::from(own.looks > own.turns + 2);
            }
        }
    }
    assert!(seen_watched > 1_000, "the watch hardly looked twice");
}

/// The watch goes on for so long and no longer, sees just what the step sees next, and each of its messages is paid.
#[test]
fn the_watch_is_played_message_by_message() {
    let deployed = Deployed::load().unwrap();
    let turn = deployed.transitions_of_a_turn().unwrap();
    let functions = deployed.functions(PHASES[0]).unwrap();
    let visit = |change: f64| deployed.visit(PHASES[0], change, turn, functions).unwrap();
    let (at_once, soon, later, much_later) = (visit(0.0), visit(20.0), visit(100.0), visit(700.0));
    assert_eq!((at_once.looks, at_once.ready, at_once.turns), (1, 1, 0));
    assert_eq!(at_once.usage.sqs_requests, 0.0);
    // After 50 s the watch sees it, and the step again.
    assert_eq!((soon.looks, soon.ready, soon.turns), (3, 2, 1));
    assert_eq!(soon.usage.sqs_requests, REQUESTS_OF_A_MESSAGE);
    assert_eq!(soon.usage.lambda_requests, 3.0);
    // 50 s and four times 15.
    assert_eq!((later.looks, later.ready, later.turns), (7, 2, 1));
    assert_eq!(later.usage.sqs_requests, 5.0 * REQUESTS_OF_A_MESSAGE);
    // 50 s and 16 times 15, of which the last look is the step's; then 20 times 15, and again.
    assert_eq!(much_later.turns, 3);
    assert_eq!(much_later.usage.transitions, 9.0);
    assert!(later.late < 20.0 && much_later.late < 20.0, "{later:?} {much_later:?}");
}

/// Its price is what a turn of the state machine is beside a look of the watch, and beside seconds of a function that waits itself.
#[test]
fn a_turn_costs_as_much_as_many_looks_of_the_watch() {
    let (deployed, prices) = (Deployed::load().unwrap(), Prices::load().unwrap());
    let of_one = |name: &str| prices.of_one(name).unwrap();
    let turn = deployed.transitions_of_a_turn().unwrap() * of_one("step_functions_transition");
    let second = |mb: f64| mb / 1_024.0 * of_one("lambda_gb_second");
    let held = turn / second(SMALLEST_MB);
    assert!((held - LONGEST_HELD_WAIT_SECONDS).abs() < 1.0, "{held} s");

    assert_eq!(deployed.watch_mb(), SMALLEST_MB);
    let look = REQUESTS_OF_A_MESSAGE * of_one("sqs_request")
        + of_one("lambda_request")
        + (LOOK_MS + TELL_MS) / 1_000.0 * second(SMALLEST_MB)
        + LOG_BYTES / 1e9 * of_one("logs_gb");
    assert!(turn > 25.0 * look, "{} looks", turn / look);
    for phase in &PHASES[..MAKING] {
        // Long enough that turns are few, and shorter than the state waits for its token.
        let watched = f64::from(deployed.schedule(*phase).watch_seconds);
        assert!((240.0..=600.0).contains(&watched), "{}: {watched} s", phase.key());
    }
}

/// Lambda looks into the queue also when nothing is in it: cheaper than two hundred connections.
#[test]
fn an_idle_queue_costs_cents_a_month() {
    let dollars = Prices::load().unwrap().idle_queue_a_month().unwrap();
    assert!((0.25..0.27).contains(&dollars), "${dollars}");
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
