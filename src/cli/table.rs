//! Tables for people.

use super::output::styles_on;
use crate::time::Time;
use comfy_table::{
    Attribute, Cell, Color, ColumnConstraint, ContentArrangement, ContentLineStyle, LineStyle, Row, Table, TableStyle,
    presets,
};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};
use std::fmt;
use std::io::{IsTerminal, stdout};

/// Lines around a table, between its columns, and below its headers.
const BOX: TableStyle = TableStyle::new()
    .top_border(LineStyle::new('╭', '─', '┬', '╮'))
    .header_lines(ContentLineStyle::new('│', '│', '│'))
    .header_separator(LineStyle::new('├', '─', '┼', '┤'))
    .content_lines(ContentLineStyle::new('│', '│', '│'))
    .bottom_border(LineStyle::new('╰', '─', '┴', '╯'));

/// A table, as wide as its content or, on a terminal, at most as wide as that.
pub struct Grid {
    title: Option<String>,
    table: Table,
    styled: bool,
}

impl Grid {
    /// A table with a row of headers. Each row is one line, cut where a terminal is too narrow.
    pub fn with_headers(headers: &[&str]) -> Grid {
        let mut grid = Grid::new(None);
        let bold = |&header| {
            let cell = Cell::new(header);
            if grid.styled { cell.add_attribute(Attribute::Bold) } else { cell }
        };
        let mut header: Row = headers.iter().map(bold).collect::<Vec<_>>().into();
        header.max_height(1);
        grid.table.set_header(header);
        for (column, header) in grid.table.column_iter_mut().zip(headers) {
            // Half an id is none: what is beside it is cut instead.
            if header.ends_with("ID") {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        grid
    }

    /// A table of names and values.
    pub fn of_pairs(title: &str) -> Grid {
        Grid::new(Some(title.to_owned()))
    }

    fn new(title: Option<String>) -> Grid {
        let mut table = Table::new();
        let ascii = std::env::var("COLONIES_CLI_ASCII").is_ok_and(|value| value == "true");
        let style = if ascii { presets::ASCII_FULL_CONDENSED } else { BOX };
        table.load_style(style).set_content_arrangement(ContentArrangement::Dynamic);
        if !stdout().is_terminal() {
            // There is no width to fit in.
            table.force_no_tty();
        }
        Grid { title, table, styled: styles_on(&stdout()) }
    }

    /// The same under a title.
    #[must_use]
    pub fn titled(mut self, title: &str) -> Grid {
        self.title = Some(title.to_owned());
        self
    }

    /// One more row.
    pub fn row<I>(&mut self, cells: I)
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let styled = self.styled;
        let mut row: Row = cells.into_iter().map(|text| cell(text.as_ref(), styled)).collect::<Vec<_>>().into();
        if self.table.header().is_some() {
            row.max_height(1);
        }
        self.table.add_row(row);
    }

    /// One more name and value.
    #[must_use]
    pub fn pair(mut self, name: &str, value: impl fmt::Display) -> Grid {
        self.row([name.to_owned(), value.to_string()]);
        self
    }

    /// The same where there is a value.
    #[must_use]
    pub fn pair_unless_empty(self, name: &str, value: &str) -> Grid {
        if value.is_empty() { self } else { self.pair(name, value) }
    }
}

impl fmt::Display for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(title) = &self.title {
            writeln!(f, "{}", plain(title))?;
        }
        write!(f, "{}", self.table)
    }
}

/// A cell; the words for states have colours where they are wanted.
fn cell(text: &str, styled: bool) -> Cell {
    let cell = Cell::new(plain(text));
    match text {
        _ if !styled => cell,
        "Successful" | "Approved" => cell.fg(Color::Green),
        "Failed" | "Rejected" => cell.fg(Color::Red),
        "Running" => cell.fg(Color::Blue),
        "Cancelled" | "Unregistered" | "Pending" => cell.fg(Color::Yellow),
        _ => cell,
    }
}

/// A text without characters that a terminal would obey: names and outputs come from anybody.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{FFFD}' } else { c }).collect()
}

/// A time in the system's zone; `-` where there is none.
pub fn when(time: Time) -> String {
    if !time.is_set() {
        return "-".to_owned();
    }
    match Timestamp::from_microsecond(time.micros()) {
        Ok(timestamp) => TimeZone::system().to_datetime(timestamp).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => time.to_text(),
    }
}

/// A JSON value as people read it: texts without quotes.
pub fn value(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Values beside each other.
pub fn values(values: &[Value]) -> String {
    values.iter().map(value).collect::<Vec<_>>().join(" ")
}

/// Named values beside each other, as in `key:value`.
pub fn named_values(values: &Map<String, Value>) -> String {
    values.iter().map(|(key, one)| format!("{key}:{}", value(one))).collect::<Vec<_>>().join(" ")
}

/// At most so many characters.
pub fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// Names beside each other; `None` where there is none.
pub fn names(names: &[String]) -> String {
    if names.is_empty() { "None".to_owned() } else { names.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nothing_in_a_table_is_obeyed_by_a_terminal() {
        let mut grid = Grid::with_headers(&["NAME"]);
        grid.row(["\u{1b}[2Jgone\u{7}"]);
        let text = grid.to_string();
        assert!(text.contains("gone") && !text.contains(['\u{1b}', '\u{7}']), "{text}");
    }

    #[test]
    fn values_are_shown_as_people_read_them() {
        assert_eq!(values(&[json!("a b"), json!(1.5), json!({"k": [true]})]), "a b 1.5 {\"k\":[true]}");
        let kwargs = json!({ "image": "nginx:1.21", "n": 2 });
        assert_eq!(named_values(kwargs.as_object().expect("an object")), "image:nginx:1.21 n:2");
        assert_eq!(shortened("äöü", 2), "äö...");
        assert_eq!(shortened("äöü", 3), "äöü");
        assert_eq!(when(Time::UNSET), "-");
    }
}
