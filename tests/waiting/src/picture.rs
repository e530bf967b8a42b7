//! What is late against what it costs, as SVG.

use std::fmt::Write as _;

use crate::front::{DOLLARS_TARGET, LATE_TARGET, Row};

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 590.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 50.0;
const PLOT: (f64, f64) = (480.0, 480.0);
/// Seconds, on a logarithmic scale; what is later stands at the edge.
const SECONDS: (f64, f64) = (2.0, 64.0);
const DOLLARS: f64 = 6.5;

fn x(seconds: f64) -> f64 {
    let (from, to) = SECONDS;
    LEFT + PLOT.0 * (seconds.clamp(from, to) / from).ln() / (to / from).ln()
}

fn y(dollars: f64) -> f64 {
    TOP + PLOT.1 * (1.0 - dollars.clamp(0.0, DOLLARS) / DOLLARS)
}

/// The picture. Only what `rows` say is in it.
pub fn svg(rows: &[Row]) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"11\" fill=\"#24292f\">\n\
         <!-- Drawn by cargo waiting. -->\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n\
         <text x=\"{LEFT}\" y=\"20\" font-size=\"14\" font-weight=\"bold\">Ways to wait: how late a change is seen, and what 1,000 connections cost, at the worst</text>\n\
         <text x=\"{LEFT}\" y=\"38\">Shaded: the targets. Large: deployed. Dark: no other is better in both. Hollow: it needs more than this stack.</text>\n"
    );
    axes(&mut svg);
    // Nobody knows when; it is in the table only.
    let mut rows: Vec<&Row> = rows.iter().filter(|row| row.worst_late() > SECONDS.0).collect();
    rows.sort_by(|one, other| one.worst_dollars().total_cmp(&other.worst_dollars()));
    let front: Vec<String> = front(&rows);
    let _ = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"#0969da\" stroke-dasharray=\"4 3\"/>",
        front.join(" ")
    );
    for (n, row) in rows.iter().enumerate() {
        let (x, y) = (x(row.worst_late()), y(row.worst_dollars()));
        let radius = if row.deployed { 8 } else { 4 };
        let color = match (row.deployed, row.best) {
            (true, _) => "#cf222e",
            (_, true) => "#0969da",
            _ => "#8c959f",
        };
        let fill = if row.of_the_stack { color } else { "#ffffff" };
        let name = row.name.as_str();
        let _ = writeln!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" fill=\"{fill}\" stroke=\"{color}\" stroke-width=\"1.5\"><title>{name}: {:.1} s, ${:.2}</title></circle>",
            row.worst_late(),
            row.worst_dollars()
        );
        let weight = if row.deployed { " font-weight=\"bold\"" } else { "" };
        let line = TOP + 12.0 * f64::from(u32::try_from(n).unwrap_or_default());
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{line:.1}\" font-size=\"9\" fill=\"{color}\"{weight}>{:.1} s  ${:.2}  {name}</text>",
            LEFT + PLOT.0 + 20.0,
            row.worst_late(),
            row.worst_dollars()
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn front(rows: &[&Row]) -> Vec<String> {
    let mut best: Vec<(f64, f64)> = rows
        .iter()
        .filter(|row| row.best)
        .map(|row| (row.worst_late(), row.worst_dollars()))
        .collect();
    best.sort_by(|one, other| one.0.total_cmp(&other.0));
    best.iter()
        .map(|(late, dollars)| format!("{:.1},{:.1}", x(*late), y(*dollars)))
        .collect()
}

fn axes(svg: &mut String) {
    let (right, bottom) = (LEFT + PLOT.0, TOP + PLOT.1);
    let (left, top) = (x(SECONDS.0), y(DOLLARS_TARGET));
    let _ = writeln!(
        svg,
        "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"#dafbe1\"/>",
        x(LATE_TARGET) - left,
        bottom - top
    );
    let _ = writeln!(
        svg,
        "<path d=\"M{LEFT} {TOP}V{bottom}H{right}\" fill=\"none\" stroke=\"#57606a\"/>"
    );
    for seconds in [2.0, 5.0, 10.0, 20.0, 30.0, 60.0] {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{seconds} s</text>",
            x(seconds),
            bottom + 16.0
        );
    }
    for dollars in [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0] {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">${dollars:.2}</text>",
            LEFT - 6.0,
            y(dollars) + 4.0
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">95th percentile of the worst phase, and dollars, each under the worst of five tempers of the clouds</text>",
        LEFT + PLOT.0 / 2.0,
        bottom + 34.0
    );
}
