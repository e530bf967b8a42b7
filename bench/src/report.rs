//! The rows, as JSON and as a table of ratios, and the targets.

use std::collections::BTreeMap;
use std::env::consts::ARCH;
use std::fmt::Write as _;
use std::fs;

use jiff::Timestamp;
use serde::Serialize;

use crate::measure::{Sample, Usage};
use crate::stats::Spread;
use crate::subjects::{Kind, SAME_STEP, Subject};

/// Everything known of one subject.
#[derive(Debug)]
pub struct Measured {
    pub name: String,
    pub kind: Kind,
    pub zip_bytes: u64,
    /// One for each round, in the same order for every subject: the n-th of all were taken together.
    pub samples: Vec<Sample>,
    /// Until the first request for an event, by callgrind.
    pub init_instructions: Option<u64>,
    /// Until the second one.
    pub first_instructions: Option<u64>,
    /// Connections to each host during the first event.
    pub connections: BTreeMap<&'static str, u32>,
}

impl Measured {
    pub fn new(subject: &Subject) -> Self {
        Self {
            name: subject.name.clone(),
            kind: subject.kind,
            zip_bytes: subject.zip_bytes,
            samples: Vec::new(),
            init_instructions: None,
            first_instructions: None,
            connections: BTreeMap::new(),
        }
    }

    fn spread(&self, of: impl Fn(&Sample) -> f64) -> Spread {
        Spread::of(self.samples.iter().map(of))
    }

    /// The ratio to another subject, taken round by round.
    fn ratio(&self, other: &Self, of: impl Fn(&Sample) -> f64) -> Spread {
        let rounds = self.samples.iter().zip(&other.samples);
        Spread::of(rounds.map(|(mine, theirs)| of(mine) / of(theirs)))
    }
}

/// One row of `--json`.
#[derive(Debug, Serialize)]
pub struct Row<'a> {
    name: &'a str,
    kind: Kind,
    /// Processor time, user and system, from the start to the first request for an event.
    init_cpu_ms: f64,
    /// The same to the second request: the initialisation and the first event together.
    first_event_cpu_ms: f64,
    /// Peak resident memory with the first event.
    rss_mb: f64,
    zip_mb: f64,
    /// Null where valgrind is missing or does not run it.
    init_instructions: Option<u64>,
}

/// `{"rows": […]}`; milliseconds and megabytes (10^6 bytes) are medians.
#[derive(Debug, Serialize)]
pub struct Rows<'a> {
    rows: Vec<Row<'a>>,
}

impl<'a> Rows<'a> {
    pub fn of(all: &'a [Measured]) -> Self {
        let thousandths = |number: f64| (number * 1e3).round() / 1e3;
        let rows = all.iter().map(|m| Row {
            name: &m.name,
            kind: m.kind,
            init_cpu_ms: thousandths(m.spread(INIT).median),
            first_event_cpu_ms: thousandths(m.spread(FIRST).median),
            rss_mb: thousandths(m.spread(RSS).median),
            zip_mb: thousandths(megabytes(m.zip_bytes)),
            init_instructions: m.init_instructions,
        });
        Self { rows: rows.collect() }
    }
}

/// A number of a sample.
type Number = fn(&Sample) -> f64;

const INIT: Number = |sample| sample.init.cpu_ms;
const FIRST: Number = |sample| sample.first.cpu_ms;
const RSS: Number = |sample| sample.first.rss_mb;

fn megabytes(bytes: u64) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "packages are far below 2^52 bytes")]
    let bytes = bytes as f64;
    bytes / 1e6
}

/// What a function may use, against the empty Lambda.
const OF_EMPTY: [(&str, Number, f64); 3] = [
    ("init", INIT, 1.1),
    ("init + first event", FIRST, 2.5),
    ("peak RSS", RSS, 2.5),
];
/// How far ahead of a peer the function with the same step is to be: init, then init and first event.
const OF_PEERS: [(&str, f64, f64); 3] = [("python", 100.0, 60.0), ("node", 80.0, 50.0), ("go", 1.5, 3.0)];
const ZIP_MB: f64 = 2.5;

/// The table, in Markdown.
pub fn table(all: &[Measured]) -> String {
    let mut text = String::from(
        "| | init CPU, ms | × empty | init + first event CPU, ms | × empty | wall, ms | peak RSS, MB | × empty | minor faults | zip, MB | init, 10⁶ instructions | connections |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    let Some(empty) = all.iter().find(|m| m.kind == Kind::Limit) else {
        return text;
    };
    for m in all {
        let with_spread = |spread: Spread| format!("{:.2} ({:.2}–{:.2})", spread.median, spread.low, spread.high);
        let instructions = m
            .init_instructions
            .map_or_else(|| "–".to_owned(), |n| format!("{:.2}", megabytes(n)));
        let connections: Vec<String> = m
            .connections
            .iter()
            .map(|(host, count)| format!("{host} {count}"))
            .collect();
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {:.1} | {:.1} | {:.2} | {:.0} | {:.2} | {instructions} | {} |",
            m.name,
            with_spread(m.spread(INIT)),
            with_spread(m.ratio(empty, INIT)),
            with_spread(m.spread(FIRST)),
            with_spread(m.ratio(empty, FIRST)),
            m.spread(|s| s.first.wall_ms).median,
            m.spread(RSS).median,
            m.ratio(empty, RSS).median,
            m.spread(|s| faults(&s.first)).median,
            megabytes(m.zip_bytes),
            connections.join(", "),
        );
    }
    text
}

fn faults(usage: &Usage) -> f64 {
    usage.minor_faults
}

/// Where, when and how it was measured: one line below the table.
pub fn provenance(rounds: usize) -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or(ARCH, |text| text.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let command: Vec<String> = std::env::args().skip(1).collect();
    format!(
        "{model}, {cores} cores, Linux {}, {}, `cargo compare {}`: medians of {rounds} rounds, in parentheses the middle half.\n",
        kernel.trim(),
        Timestamp::now().strftime("%-d %B %Y"),
        command.join(" "),
    )
    .replace(" `:", "`:")
}

/// One line for each target that is missed, and how many are met.
pub fn targets(all: &[Measured]) -> String {
    let (mut met, mut missed) = (0, Vec::new());
    let mut check = |holds: bool, line: String| {
        if holds {
            met += 1;
        } else {
            missed.push(line);
        }
    };
    let Some(empty) = all.iter().find(|m| m.kind == Kind::Limit) else {
        return String::new();
    };
    for m in all.iter().filter(|m| m.kind == Kind::Function) {
        for (what, of, at_most) in OF_EMPTY {
            let ratio = m.ratio(empty, of).median;
            check(
                ratio <= at_most,
                format!("{}: {what} is {ratio:.2} × empty; the target is {at_most}", m.name),
            );
        }
        let zip = megabytes(m.zip_bytes);
        check(
            zip <= ZIP_MB,
            format!("{}: zip of {zip:.2} MB; the target is {ZIP_MB}", m.name),
        );
    }
    if let Some(ours) = all.iter().find(|m| m.name == SAME_STEP) {
        for (name, init, first) in OF_PEERS {
            let Some(peer) = all.iter().find(|m| m.name == name) else {
                continue;
            };
            for (what, of, at_least) in [("init", INIT, init), ("init + first event", FIRST, first)] {
                let ratio = peer.ratio(ours, of);
                let line = format!(
                    "{what} of {name} is {:.1} × {SAME_STEP} ({:.1}–{:.1}); the target is {at_least}",
                    ratio.median, ratio.low, ratio.high
                );
                check(ratio.median >= at_least, line);
            }
        }
    }
    let mut text = format!("{met} targets met, {} missed\n", missed.len());
    for line in missed {
        let _ = writeln!(text, "  {line}");
    }
    text
}

/// How far ahead of each peer the function with the same step is.
pub fn ahead(all: &[Measured]) -> String {
    let mut text = String::new();
    let Some(ours) = all.iter().find(|m| m.name == SAME_STEP) else {
        return text;
    };
    for peer in all.iter().filter(|m| m.kind == Kind::Peer) {
        let (init, first) = (peer.ratio(ours, INIT), peer.ratio(ours, FIRST));
        let _ = writeln!(
            text,
            "{} against {SAME_STEP}: init {:.1} × ({:.1}–{:.1}), init + first event {:.1} × ({:.1}–{:.1}), RSS {:.1} ×, zip {:.1} ×",
            peer.name,
            init.median,
            init.low,
            init.high,
            first.median,
            first.low,
            first.high,
            peer.ratio(ours, RSS).median,
            megabytes(peer.zip_bytes) / megabytes(ours.zip_bytes),
        );
    }
    text
}
