//! The figures for a person.

use std::fmt::Write as _;

use crate::Result;
use crate::assumed::{AIVEN_CALLS_PER_MINUTE, EC2_CALLS_PER_SECOND, HCP_CALLS_PER_MINUTE};
use crate::clouds::PHASES;
use crate::front::{DOLLARS_TARGET, LATE_TARGET, Row};
use crate::prices::Prices;

/// The deployed schedule under each temper, and every shape by its worst.
///
/// # Errors
/// When the price table lacks a row.
pub fn of(rows: &[Row], prices: &Prices) -> Result<String> {
    let mut text = String::new();
    for row in rows.iter().filter(|row| row.deployed) {
        let _ = writeln!(
            text,
            "The deployed schedule: seconds until a change is seen, p50/p95/p99 (at p95 within {LATE_TARGET} s), and what 1,000 cost (within ${DOLLARS_TARGET:.2})\n"
        );
        let _ = write!(text, "{:<15}", "the clouds");
        for phase in PHASES {
            let _ = write!(text, "{:>17}", phase.key());
        }
        let _ = writeln!(
            text,
            "{:>8}{:>13}{:>10}{:>10}",
            "looks", "transitions", "made", "removed"
        );
        for score in &row.scores {
            let _ = write!(text, "{:<15}", score.temper);
            for late in score.late {
                let cell = format!("{:.1}/{:.1}/{:.1}", late.p50, late.p95, late.p99);
                let _ = write!(text, "{cell:>17}");
            }
            let _ = writeln!(
                text,
                "{:>8.1}{:>13.1}{:>10}{:>10}",
                score.looks,
                score.transitions,
                format!("${:.2}", score.dollars_per_1000),
                format!("${:.2}", score.dollars_per_1000_removals)
            );
        }
        if let Some(score) = row.scores.first() {
            let _ = writeln!(
                text,
                "\n100 that wait at once, each somewhere on its way: {:.0} calls a minute if all are Aiven's (seen as a limit: {AIVEN_CALLS_PER_MINUTE}), \
                 {:.0} if all are HCP's ({HCP_CALLS_PER_MINUTE}),\n{:.1} a second to EC2 if all are in one account and region ({EC2_CALLS_PER_SECOND}).\n",
                score.aiven_per_minute, score.hcp_per_minute, score.ec2_per_second
            );
        }
    }
    let _ = writeln!(
        text,
        "{:<62}{:>10}{:>10}{:>10}{:>8}{:>9}",
        "the way to wait (* no other is better in both)", "worst p95", "worst $", "made for", "looks", "Aiven/min"
    );
    let mut sorted: Vec<&Row> = rows.iter().collect();
    sorted.sort_by(|one, other| one.worst_dollars().total_cmp(&other.worst_dollars()));
    for row in sorted {
        let made_for = row.scores.first();
        let _ = writeln!(
            text,
            "{:<62}{:>9.1}s{:>10.2}{:>10.2}{:>8.1}{:>9.0}",
            format!("{}{}", row.name, if row.best { " *" } else { "" }),
            row.worst_late(),
            row.worst_dollars(),
            row.dollars(),
            made_for.map_or(0.0, |score| score.looks),
            made_for.map_or(0.0, |score| score.aiven_per_minute)
        );
    }
    let _ = writeln!(
        text,
        "\nDollars are for 1,000 connections, all of the workflow's states, functions, logs and rows among them. Besides, Lambda's look into a \
         queue in which\nnothing is: ${:.2} a month.",
        prices.idle_queue_a_month()?
    );
    Ok(text)
}
