//! A frame: the figures as tables one below the other.

use super::figures::{Figures, Latency, Rates, Server};
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Cell, Paragraph, Row, Table, Widget};

/// Latencies that are shown; a server has eighty kinds of messages.
const LATENCIES: usize = 8;

/// Executors that are printed; on a terminal as many as there is room for.
const PRINTED_EXECUTORS: usize = 40;

/// Lines of a table beside its rows: the border and the headers.
const AROUND: u16 = 3;

/// Draws a frame. `trouble` is what went wrong since.
pub fn draw(figures: &Figures, trouble: Option<&str>, area: Rect, buffer: &mut Buffer) {
    let latencies = figures.latencies.len().clamp(1, LATENCIES) as u16;
    let [head, queues, rates, took, executors, foot] = Layout::vertical([
        Constraint::Length(2),
        Constraint::Length(figures.queues.len() as u16 + AROUND),
        Constraint::Length(1 + AROUND),
        Constraint::Length(latencies + AROUND),
        Constraint::Min(AROUND),
        Constraint::Length(1),
    ])
    .areas(area);
    Paragraph::new(vec![title(&figures.server), about(figures)]).render(head, buffer);
    queue_table(figures).render(queues, buffer);
    rate_table(&figures.rates).render(rates, buffer);
    latency_table(figures).render(took, buffer);
    executor_table(figures).render(executors, buffer);
    let foot_line = match trouble {
        Some(trouble) => Line::styled(trouble.to_owned(), Style::new().fg(Color::Red)),
        None => Line::styled("q quits", Style::new().add_modifier(Modifier::DIM)),
    };
    foot_line.render(foot, buffer);
}

/// A frame as text, with as many lines as it needs.
pub fn text(figures: &Figures, width: u16) -> String {
    let executors = figures.executors.len().clamp(1, PRINTED_EXECUTORS);
    let rows = figures.queues.len() + 1 + figures.latencies.len().clamp(1, LATENCIES) + executors;
    let area = Rect::new(0, 0, width, rows as u16 + 4 * AROUND + 3);
    let mut buffer = Buffer::empty(area);
    draw(figures, None, area, &mut buffer);
    // The last line says which key quits, which is of no use here.
    (0..area.height - 1).map(|y| line_of(&buffer, y)).collect()
}

fn line_of(buffer: &Buffer, y: u16) -> String {
    let symbols: String = (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect();
    format!("{}\n", symbols.trim_end())
}

fn title(server: &Server) -> Line<'_> {
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let state = match server.ready {
        true => Span::styled("ready", Style::new().fg(Color::Green)),
        false => Span::styled("NOT READY", Style::new().fg(Color::Red).add_modifier(Modifier::BOLD)),
    };
    let up = server.uptime.map(|seconds| format!(", up {}", span(seconds))).unwrap_or_default();
    Line::from(vec![
        Span::styled(server.url.as_str(), bold),
        Span::raw(format!("  version {}, ", server.version)),
        state,
        Span::raw(up),
    ])
}

fn about(figures: &Figures) -> Line<'_> {
    let server = &figures.server;
    let mut parts = Vec::new();
    if let Some(cores) = server.cores {
        parts.push(format!("{cores:.2} cores"));
    }
    if let Some(bytes) = server.resident_bytes {
        parts.push(format!("{} MiB", bytes >> 20));
    }
    parts.push(format!("{} connections", server.connections));
    parts.push(format!("{} websockets", server.websockets));
    parts.push(format!("rates and latencies of {:.1} s", figures.seconds));
    Line::raw(parts.join(", "))
}

/// A table with a border, headers, and columns of which the first is for names.
fn table<'a>(title: String, headers: &[&'static str], widths: &[u16], rows: Vec<Row<'a>>) -> Table<'a> {
    let name = Constraint::Min(widths.first().copied().unwrap_or(0));
    let widths = std::iter::once(name).chain(widths.iter().skip(1).map(|&width| Constraint::Length(width)));
    let bold = Style::new().add_modifier(Modifier::BOLD);
    Table::new(rows, widths)
        .header(
            Row::new(headers.iter().enumerate().map(|(column, header)| cell(column, (*header).to_owned()))).style(bold),
        )
        .block(Block::bordered().title(title))
}

/// Names are at the left, figures at the right of their columns.
fn cell(column: usize, text: String) -> Cell<'static> {
    let line = Line::raw(text);
    Cell::from(if column == 0 { line.left_aligned() } else { line.right_aligned() })
}

fn row(cells: Vec<String>) -> Row<'static> {
    Row::new(cells.into_iter().enumerate().map(|(column, text)| cell(column, text)))
}

fn queue_table(figures: &Figures) -> Table<'static> {
    let rows = figures.queues.iter().map(|queue| {
        let counts = queue.counts.iter().map(|count| count.map_or_else(|| "-".to_owned(), |count| count.to_string()));
        row(std::iter::once(queue.of.clone()).chain(counts).collect())
    });
    let headers = ["", "WAITING", "RUNNING", "SUCCESSFUL", "FAILED", "CANCELLED"];
    table(" Queues ".to_owned(), &headers, &[16, 11, 11, 11, 11, 11], rows.collect())
}

fn rate_table(rates: &Rates) -> Table<'static> {
    let Rates { submitted, assigned, closed, requests, refused, failed, syncs } = *rates;
    let figures = [submitted, assigned, closed, requests, refused, failed, syncs].map(|rate| format!("{rate:.1}"));
    let headers = ["", "SUBMITTED", "ASSIGNED", "CLOSED", "MESSAGES", "REFUSED", "FAILED", "SYNCS"];
    let cells = std::iter::once("a second".to_owned()).chain(figures).collect();
    table(" Rates ".to_owned(), &headers, &[9, 10, 10, 10, 10, 10, 10, 10], vec![row(cells)])
}

fn latency_table(figures: &Figures) -> Table<'static> {
    let line = |Latency { what, rate, median, p99 }: &Latency| {
        row(vec![what.clone(), format!("{rate:.1}"), duration(*median), duration(*p99)])
    };
    let rows = figures.latencies.iter().take(LATENCIES).map(line);
    let headers = ["", "A SECOND", "HALF WITHIN", "99 % WITHIN"];
    table(" Latencies ".to_owned(), &headers, &[24, 11, 12, 12], rows.collect())
}

fn executor_table(figures: &Figures) -> Table<'static> {
    let rows = figures.executors.iter().map(|executor| {
        let silent = executor.silent.map_or_else(|| "never".to_owned(), |seconds| format!("{} ago", span(seconds)));
        row(vec![executor.name.clone(), executor.kind.clone(), executor.state.to_string(), silent])
    });
    let title = match figures.executors.len() {
        0 => format!(" Executors: {} wait for work ", figures.executors_waiting),
        all => format!(" Executors: {all}; on the server {} wait for work ", figures.executors_waiting),
    };
    table(title, &["NAME", "TYPE", "STATE", "HEARD OF"], &[20, 28, 12, 12], rows.collect())
}

/// Seconds as people say them.
fn span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

fn duration(seconds: f64) -> String {
    if seconds < 0.001 {
        format!("{:.0} µs", seconds * 1e6)
    } else if seconds < 1.0 {
        format!("{:.1} ms", seconds * 1e3)
    } else {
        format!("{seconds:.1} s")
    }
}

#[cfg(test)]
mod tests {
    use super::super::figures::tests::sample;
    use super::*;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    #[test]
    fn a_frame_shows_queues_rates_and_latencies() -> Result<(), std::convert::Infallible> {
        let mut terminal = Terminal::new(TestBackend::new(90, 24))?;
        let figures = sample();
        terminal.draw(|frame| draw(&figures, Some("cannot reach it"), frame.area(), frame.buffer_mut()))?;
        let buffer = terminal.backend().buffer();
        let lines: Vec<_> = (0..24).map(|y| line_of(buffer, y).trim_end().to_owned()).collect();
        assert_eq!(lines[0], "http://h:1  version 1.2.3, ready, up 1 h 1 min");
        let with = |text: &str| lines.iter().find(|line| line.contains(text)).map_or("", |line| line.as_str());
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
        assert_eq!(words(with("processes of the server")), "│processes of the server 7 - - - -│");
        assert_eq!(words(with("a second")), "│a second 50.0 0.0 0.0 50.0 0.0 0.0 0.0│");
        assert_eq!(words(with("submitfuncspecmsg")), "│submitfuncspecmsg 50.0 1.0 ms 9.8 ms│");
        assert!(with("Executors").contains("3 wait for work"));
        assert_eq!(lines[23], "cannot reach it");
        Ok(())
    }

    #[test]
    fn a_frame_fits_any_terminal() -> Result<(), std::convert::Infallible> {
        for (width, height) in [(1, 1), (20, 5), (300, 100)] {
            let mut terminal = Terminal::new(TestBackend::new(width, height))?;
            let figures = sample();
            terminal.draw(|frame| draw(&figures, None, frame.area(), frame.buffer_mut()))?;
        }
        Ok(())
    }

    #[test]
    fn a_printed_frame_has_the_lines_that_it_needs() {
        let text = text(&sample(), 90);
        assert!(text.starts_with("http://h:1") && text.ends_with("┘\n") && !text.contains("q quits"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 90));
    }
}
