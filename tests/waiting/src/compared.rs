//! The ways to wait that are compared.

use crate::assumed::SMALLEST_MB;
use crate::clock::Functions;
use crate::deployed::Deployed;
use crate::shapes::{Carrier, Gaps, Shape};

const NONE: [f64; 4] = [0.0; 4];
const HALF: [f64; 4] = [50.0, 175.0, 50.0, 15.0];
/// The same for all, where nothing else is said.
const GAP: f64 = 15.0;
/// For so long a queue goes on, and an invocation waits.
const QUEUE: Carrier = Carrier::Queue(300.0);
const HELD: Carrier = Carrier::Held(600.0);

fn shape(name: String, first: [f64; 4], gaps: Gaps, carrier: Carrier, watch_is_traced: bool) -> Shape {
    Shape {
        name,
        first,
        gaps,
        carrier,
        notified: false,
        functions: Functions {
            // What looks once and ends has the memory of the other steps.
            step_mb: match carrier {
                Carrier::Turns | Carrier::Queue(_) => 2.0 * SMALLEST_MB,
                _ => SMALLEST_MB,
            },
            watch_mb: SMALLEST_MB,
            watch_is_traced,
        },
    }
}

/// All of them; who knows when is the last.
pub fn all(deployed: &Deployed) -> Vec<Shape> {
    let mut all = Vec::new();
    let mut add = |name: String, first, gaps, carrier| {
        all.push(shape(name, first, gaps, carrier, deployed.watch_is_traced()));
    };
    for gap in [15.0, 20.0, 30.0, 60.0] {
        add(format!("turns of {gap} s"), NONE, Gaps::Constant(gap), Carrier::Turns);
    }
    for gap in [15.0, 20.0, 30.0] {
        let name = format!("half the minimum, then turns of {gap} s");
        add(name, HALF, Gaps::Constant(gap), Carrier::Turns);
    }
    let name = "exponential, 5 s x 1.5 up to 60 s".to_owned();
    add(name, NONE, Gaps::Exponential(5.0, 1.5, 60.0), Carrier::Turns);
    let name = "16 looks made for the distribution".to_owned();
    add(name, NONE, Gaps::Shares, Carrier::Turns);
    for gap in [15.0, 20.0] {
        let name = format!("half the minimum, then retries of {gap} s");
        add(name, HALF, Gaps::Constant(gap), Carrier::Retries);
    }
    for gap in [2.0, 5.0, 10.0, 15.0, 18.0, 20.0, 30.0] {
        let name = format!("half the minimum, then held, a look each {gap} s");
        add(name, HALF, Gaps::Constant(gap), HELD);
    }
    for most in [60.0, 300.0, 840.0] {
        let name = format!("half the minimum, then held at most {most} s, a look each {GAP} s");
        add(name, HALF, Gaps::Constant(GAP), Carrier::Held(most));
    }
    let name = format!("held from the start, a look each {GAP} s");
    add(name, NONE, Gaps::Constant(GAP), Carrier::Held(840.0));
    for gap in [2.0, 15.0] {
        let name = format!("an Express workflow, a look each {gap} s");
        add(name, NONE, Gaps::Constant(gap), Carrier::Express);
    }
    for gap in [2.0, 5.0, 10.0, 15.0, 18.0, 20.0, 30.0] {
        let name = format!("half the minimum, then a queue, a look each {gap} s");
        add(name, HALF, Gaps::Constant(gap), QUEUE);
    }
    for most in [120.0, 600.0, 840.0] {
        let name = format!("half the minimum, then a queue for {most} s, a look each {GAP} s");
        add(name, HALF, Gaps::Constant(GAP), Carrier::Queue(most));
    }
    for gap in [10.0, 15.0] {
        let name = format!("a queue from the start, a look each {gap} s");
        add(name, NONE, Gaps::Constant(gap), QUEUE);
    }
    for (else_by, carrier) in [("turns", Carrier::Turns), ("held", HELD), ("a queue", QUEUE)] {
        let name = format!("EC2's notification, else {else_by}, a look each {GAP} s");
        let notified = shape(name, HALF, Gaps::Constant(GAP), carrier, deployed.watch_is_traced());
        all.push(Shape {
            notified: true,
            ..notified
        });
    }
    let name = "who knows when".to_owned();
    all.push(shape(name, NONE, Gaps::Constant(0.0), Carrier::Oracle, false));
    all
}
