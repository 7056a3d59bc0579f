//! The live view: frames on a terminal until somebody quits.

use super::super::connection::Session;
use super::figures::Figures;
use super::frame;
use super::look::Look;
use crate::client::ClientError;
use anyhow::Context;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;
use std::time::Duration;

/// How long a key waits at most.
const KEYS: Duration = Duration::from_millis(100);

/// Takes the screen until `q`, Escape or Ctrl-C.
///
/// # Errors
/// Where the terminal can't be used, or the server refuses.
pub fn run(session: Session, first: Look, interval: Duration) -> anyhow::Result<()> {
    let looks = looks(session, first, interval);
    let mut terminal = ratatui::try_init().context("cannot use the terminal")?;
    let ended = show(&mut terminal, &looks);
    ratatui::try_restore().context("cannot give the terminal back")?;
    ended
}

/// Looks again and again, on a thread of its own: keys do not wait for a server that does not answer. It ends with the
/// program.
fn looks(session: Session, first: Look, interval: Duration) -> Receiver<anyhow::Result<Figures>> {
    let (tell, looks) = mpsc::channel();
    thread::spawn(move || {
        let mut before = first;
        loop {
            thread::sleep(interval);
            let told = match Look::at(&session) {
                Ok(now) => {
                    let figures = Figures::between(&before, &now);
                    before = now;
                    tell.send(Ok(figures))
                }
                Err(error) => tell.send(Err(error)),
            };
            if told.is_err() {
                return;
            }
        }
    });
    looks
}

fn show(terminal: &mut DefaultTerminal, looks: &Receiver<anyhow::Result<Figures>>) -> anyhow::Result<()> {
    let (mut figures, mut trouble): (Option<Figures>, Option<String>) = (None, None);
    loop {
        match looks.try_recv() {
            Ok(Ok(new)) => (figures, trouble) = (Some(new), None),
            Ok(Err(error)) if error.downcast_ref().is_some_and(ClientError::may_pass) => {
                trouble = Some(format!("{error:#}; trying again"))
            }
            Ok(Err(error)) => return Err(error),
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => {}
        }
        terminal.draw(|screen| match &figures {
            Some(figures) => frame::draw(figures, trouble.as_deref(), screen.area(), screen.buffer_mut()),
            None => screen.render_widget(trouble.as_deref().unwrap_or("looking..."), screen.area()),
        })?;
        if event::poll(KEYS)? && quits(&event::read()?) {
            return Ok(());
        }
    }
}

fn quits(event: &Event) -> bool {
    let Event::Key(KeyEvent { code, modifiers, kind, .. }) = event else { return false };
    let interrupt = *code == KeyCode::Char('c') && modifiers.contains(KeyModifiers::CONTROL);
    *kind != KeyEventKind::Release && (interrupt || matches!(code, KeyCode::Char('q' | 'Q') | KeyCode::Esc))
}
