//! What commands print: answers on stdout, as tables or JSON, and what was done on stderr.

use super::connection::Global;
use super::table::Grid;
use serde::Serialize;
use serde_json::{Map, Value};
use std::io::{self, IsTerminal, Write};

/// Where answers go.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// JSON instead of tables.
    pub json: bool,
}

impl Output {
    /// As the flags say.
    pub fn new(global: &Global) -> Output {
        Output { json: global.json }
    }

    /// Shows an answer: as JSON, or as the tables that `grids` makes of it.
    ///
    /// # Errors
    /// Where stdout is closed.
    pub fn show<T: Serialize>(self, answer: &T, grids: impl FnOnce() -> Vec<Grid>) -> io::Result<()> {
        if self.json {
            return print_json(answer);
        }
        grids().iter().try_for_each(|grid| print(&format!("{grid}\n")))
    }

    /// Shows a list: as JSON (`[]` when it is empty), or as one table. Of an empty one, people are told.
    ///
    /// # Errors
    /// Where stdout is closed.
    pub fn list<T: Serialize>(self, rows: &[T], nothing: &str, grid: impl FnOnce() -> Grid) -> io::Result<()> {
        if rows.is_empty() && !self.json {
            note(nothing, &[]);
            return Ok(());
        }
        self.show(&rows, || vec![grid()])
    }

    /// Says what was done, about what: on stderr, or as a JSON object.
    ///
    /// # Errors
    /// Where stdout is closed.
    pub fn done(self, what: &str, about: &[(&str, &str)]) -> io::Result<()> {
        let members = about.iter().map(|&(key, value)| (key.to_lowercase(), Value::from(value)));
        let mut object: Map<_, _> = members.collect();
        object.insert("message".to_owned(), what.into());
        self.made(what, about, &object)
    }

    /// Says what was done, about what: on stderr, or as the JSON of what came of it.
    ///
    /// # Errors
    /// Where stdout is closed.
    pub fn made<T: Serialize>(self, what: &str, about: &[(&str, &str)], result: &T) -> io::Result<()> {
        if self.json {
            return print_json(result);
        }
        note(what, about);
        Ok(())
    }
}

/// Writes text to stdout.
///
/// # Errors
/// Where stdout is closed.
pub fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

fn print_json<T: Serialize>(value: &T) -> io::Result<()> {
    print(&format!("{}\n", serde_json::to_string_pretty(value)?))
}

/// Says something on stderr, with what it is about as `Key=value`, which scripts look for.
pub fn note(what: &str, about: &[(&str, &str)]) {
    let mut line = if styles_on(&io::stderr()) { format!("\u{1b}[1m{what}\u{1b}[0m") } else { what.to_owned() };
    for (key, value) in about {
        line.push_str(&format!(" {key}={}", quoted(value)));
    }
    line.push('\n');
    // Nobody listens to a closed stderr.
    let _ = io::stderr().lock().write_all(line.as_bytes());
}

/// A value as it is unless something in it would be misread.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-._/@^+:".contains(c);
    if !value.is_empty() && value.chars().all(plain) { value.to_owned() } else { format!("{value:?}") }
}

/// Whether colours and the like are wanted on this stream.
pub fn styles_on(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn values_are_quoted_where_they_need_it() {
        for (value, shown) in
            [("ab-1", "ab-1"), ("a@b.se", "a@b.se"), ("", "\"\""), ("a b", "\"a b\""), ("a\"\n", "\"a\\\"\\n\"")]
        {
            assert_eq!(quoted(value), shown);
        }
    }
}
