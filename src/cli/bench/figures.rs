//! The figures of a load as tables.

use crate::cli::table::Grid;
use crate::load::{Beside, Comparison, Report};

/// One load.
pub fn of_report(report: &Report) -> Grid {
    let grid = Grid::of_pairs(&title(report))
        .pair("Steps a second", format!("{:.0}", report.per_second))
        .pair("p50", time(report.p50_us as f64))
        .pair("p90", time(report.p90_us as f64))
        .pair("p99", time(report.p99_us as f64))
        .pair("p99.9", time(report.p999_us as f64))
        .pair("Longest", time(report.max_us as f64))
        .pair("Client's CPU a step", time(report.client_cpu_us))
        .pair("Signing", format!("{}, {:.0} % of that", time(report.signing_us), report.signing_part * 100.0));
    let grid = match report.server_cpu_us {
        Some(used) => grid.pair("Server's CPU a step", time(used)),
        None => grid,
    };
    let grid = grid.pair("Acknowledged", format!("{} submits, {} closes: none lost", report.submitted, report.closed));
    report.details.iter().fold(grid, |grid, (name, value)| match value.as_f64() {
        Some(number) if number.fract() != 0.0 => grid.pair(&name.replace('_', " "), format!("{number:.2}")),
        _ => grid.pair(&name.replace('_', " "), value),
    })
}

/// The real server beside the stand-in.
pub fn of_comparison(comparison: &Comparison) -> Grid {
    let first = comparison.rounds.first().map(|round| title(&round.server)).unwrap_or_default();
    let about = format!(
        "{first}\nmedians of {} rounds in turn; fdatasync of 512 bytes: p50 {}",
        comparison.rounds.len(),
        time(comparison.fdatasync_us)
    );
    let mut grid = Grid::with_headers(&["", "Server", "Limit", "Ratio"]).titled(&about);
    let mut row = |name: &str, beside: Beside, show: fn(f64) -> String| {
        grid.row([name.to_owned(), show(beside.server), show(beside.limit), format!("{:.2}", beside.ratio)]);
    };
    let medians = &comparison.medians;
    row("Steps a second", medians.per_second, |rate| format!("{rate:.0}"));
    row("p50", medians.p50_us, time);
    row("p99", medians.p99_us, time);
    row("Server's CPU a step", medians.server_cpu_us, time);
    row("Client's CPU a step", medians.client_cpu_us, time);
    grid
}

fn title(report: &Report) -> String {
    format!(
        "{}: {} connections, {:.1} s, {} bytes; {} messages a step",
        report.scenario, report.connections, report.seconds, report.payload, report.messages_a_step
    )
}

fn time(micros: f64) -> String {
    if micros < 1_000.0 { format!("{micros:.0} µs") } else { format!("{:.2} ms", micros / 1e3) }
}
