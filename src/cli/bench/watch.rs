//! A bar on a terminal that says how far a load is.

use crate::cli::progress::Line;
use crate::load::{Length, Pulse};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

const EVERY: Duration = Duration::from_millis(200);
const WIDTH: usize = 30;

/// The bar; it goes when this is dropped.
pub struct Watch {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Shows how far it is, where stderr is a terminal.
    pub fn begin(pulse: Arc<Pulse>) -> Watch {
        let mut line = Line::new();
        if !line.is_on() {
            return Watch { end: None, thread: None };
        }
        let (end, ended) = channel();
        let thread = std::thread::spawn(move || {
            while ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                if let Some(text) = text(&pulse) {
                    line.show(&text);
                }
            }
        });
        Watch { end: Some(end), thread: Some(thread) }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end = None;
        // A bar that panicked has taken nothing with it.
        self.thread.take().map(JoinHandle::join);
    }
}

fn text(pulse: &Pulse) -> Option<String> {
    let (phase, part, steps) = pulse.look()?;
    let full = (part * WIDTH as f64) as usize;
    let bar = format!("{}{}", "#".repeat(full), "-".repeat(WIDTH - full));
    let how_far = match phase.length {
        Length::Time(all) => format!("{:.0} of {:.0} s, {steps} steps", all.as_secs_f64() * part, all.as_secs_f64()),
        Length::Steps(all) => format!("{steps} of {all}"),
    };
    Some(format!("[{bar}] {}: {how_far}", phase.what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_fills() {
        let pulse = Pulse::default();
        assert_eq!(text(&pulse), None);
        pulse.begin("submitting", Length::Steps(2));
        pulse.step();
        let half = format!("[{}{}] submitting: 1 of 2", "#".repeat(15), "-".repeat(15));
        assert_eq!(text(&pulse), Some(half));
        (0..5).for_each(|_| pulse.step());
        assert!(text(&pulse).is_some_and(|text| text.contains(&"#".repeat(30))));
    }
}
