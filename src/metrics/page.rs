//! The text format 0.0.4 of Prometheus.

use super::histogram::Snapshot;
use std::fmt::{Display, Write};

/// A label and its value. Both are constants of the program: nothing that a client says can make a series, and nothing
/// has to be escaped.
pub type Label = (&'static str, &'static str);

/// What kind of metric a family is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, until the server ends.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Counts by size.
    Histogram,
}

/// A page that is being written.
#[derive(Debug, Default)]
pub struct Page {
    text: String,
    name: &'static str,
}

impl Page {
    /// Begins a family; its samples follow.
    pub fn family(&mut self, name: &'static str, kind: Kind, help: &'static str) {
        self.name = name;
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    /// A sample of the family.
    pub fn sample(&mut self, labels: &[Label], value: impl Display) {
        self.write("", labels, None, value);
    }

    /// The samples of a histogram, whose values are divided by `unit`: that many of them make one of the family's unit.
    pub fn histogram(&mut self, labels: &[Label], histogram: &Snapshot, unit: f64) {
        for (bound, count) in &histogram.buckets {
            self.write("_bucket", labels, Some(&(*bound as f64 / unit)), count);
        }
        self.write("_bucket", labels, Some(&"+Inf"), histogram.count);
        self.write("_sum", labels, None, histogram.sum as f64 / unit);
        self.write("_count", labels, None, histogram.count);
    }

    /// A family of one sample.
    pub fn single(&mut self, name: &'static str, kind: Kind, help: &'static str, value: impl Display) {
        self.family(name, kind, help);
        self.sample(&[], value);
    }

    /// The page.
    pub fn into_text(self) -> String {
        self.text
    }

    fn write(&mut self, suffix: &str, labels: &[Label], bound: Option<&dyn Display>, value: impl Display) {
        let mut all = String::new();
        for (label, text) in labels {
            // Writing to a string does not fail, here and below.
            let _ = write!(all, "{}{label}=\"{text}\"", if all.is_empty() { "" } else { "," });
        }
        if let Some(bound) = bound {
            let _ = write!(all, "{}le=\"{bound}\"", if all.is_empty() { "" } else { "," });
        }
        let name = self.name;
        if all.is_empty() {
            self.line(format_args!("{name}{suffix} {value}"));
        } else {
            self.line(format_args!("{name}{suffix}{{{all}}} {value}"));
        }
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        let _ = self.text.write_fmt(line);
        self.text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_reads_as_the_format_wants_it() {
        let mut page = Page::default();
        page.single("a_bytes", Kind::Gauge, "Bytes of a.", -1);
        page.family("b_seconds", Kind::Histogram, "Seconds of b.");
        let took = Snapshot { buckets: vec![(100_000, 2), (1_000_000_000, 3)], count: 4, sum: 2_500_000_000 };
        page.histogram(&[("kind", "x")], &took, 1e9);
        let expected = "# HELP a_bytes Bytes of a.\n\
                        # TYPE a_bytes gauge\n\
                        a_bytes -1\n\
                        # HELP b_seconds Seconds of b.\n\
                        # TYPE b_seconds histogram\n\
                        b_seconds_bucket{kind=\"x\",le=\"0.0001\"} 2\n\
                        b_seconds_bucket{kind=\"x\",le=\"1\"} 3\n\
                        b_seconds_bucket{kind=\"x\",le=\"+Inf\"} 4\n\
                        b_seconds_sum{kind=\"x\"} 2.5\n\
                        b_seconds_count{kind=\"x\"} 4\n";
        assert_eq!(page.into_text(), expected);
    }
}
