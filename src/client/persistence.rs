//! Questions that are asked again while a server is away, as when it is restarted.

use super::{Client, ClientError};
use std::thread;
use std::time::Duration;

/// Before the second try; each later pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What is told while a client waits for its server.
#[derive(Debug)]
pub enum Contact<'a> {
    /// The server is away, for this reason; it is asked again until it answers.
    Lost(&'a ClientError),
    /// It answers again.
    Regained,
}

/// Who is told.
pub(super) type Tell = Box<dyn Fn(Contact<'_>) + Send + Sync>;

impl Client {
    /// Makes whatever waits for something (as [`Client::wait_for_end`]) outlive an absence of the server: it asks again
    /// until the server answers, and says so through `tell`. What is asked once still fails at once.
    #[must_use]
    pub fn persistent(mut self, tell: impl Fn(Contact<'_>) + Send + Sync + 'static) -> Client {
        self.tell = Some(Box::new(tell));
        self
    }

    /// Asks again and again while the server is away, if this client does that.
    pub(super) fn persist<T>(&self, ask: impl Fn() -> Result<T, ClientError>) -> Result<T, ClientError> {
        let Some(tell) = &self.tell else { return ask() };
        let (mut pause, mut lost) = (FIRST_PAUSE, false);
        loop {
            match ask() {
                Err(error) if error.may_pass() => {
                    if !lost {
                        tell(Contact::Lost(&error));
                    }
                    lost = true;
                    thread::sleep(pause);
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                answer => {
                    if lost {
                        tell(Contact::Regained);
                    }
                    return answer;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};

    fn away() -> ClientError {
        ClientError::Unreachable { url: "http://h:1".to_owned(), reason: "refused".to_owned() }
    }

    #[test]
    fn an_absence_is_told_once_and_outlived() {
        let told: Arc<Mutex<Vec<String>>> = Arc::default();
        let telling = told.clone();
        let client = Client::new("http://h:1").persistent(move |contact| {
            if let Ok(mut told) = telling.lock() {
                told.push(format!("{contact:?}").chars().take(4).collect());
            }
        });
        let tries = AtomicUsize::new(0);
        let answer = client.persist(|| match tries.fetch_add(1, Ordering::Relaxed) {
            0 => Err(away()),
            1 => Err(ClientError::Refused { status: 503, message: "replaying".to_owned() }),
            _ => Ok(7),
        });
        assert_eq!(answer.ok(), Some(7));
        assert_eq!(told.lock().map(|told| told.clone()).unwrap_or_default(), ["Lost", "Rega"]);
        let refused = client.persist(|| Err::<(), _>(ClientError::Refused { status: 403, message: String::new() }));
        assert!(refused.is_err_and(|error| error.is_refused_with(403)), "a refusal stays one");
    }

    #[test]
    fn whoever_did_not_ask_for_it_does_not_wait() {
        assert!(Client::new("http://h:1").persist(|| Err::<(), _>(away())).is_err());
    }
}
