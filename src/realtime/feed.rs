//! What a channel's listener has still to be told (chapter 4, 6.5 and 6.6).

use crate::colony::channels::{Entry, page};
use crate::colony::subscriptions::{Said, Subscriber};
use crate::limits;
use crate::refusal::Refusal;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::Notify;

/// Between a colony, which leaves entries here, and the connection that writes them.
#[derive(Default)]
pub struct Feed {
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

#[derive(Default)]
struct Waiting {
    /// What was there when the subscription began.
    backlog: VecDeque<Arc<Entry>>,
    /// What has come since.
    entries: VecDeque<Arc<Entry>>,
    end: Option<End>,
}

/// How a subscription to a channel ends, but for its time-out.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// The process has ended: the list without entries.
    Closed,
    /// The listener may not listen any more: an error.
    Refused(Refusal),
    /// It was too slow and has been told so: nothing more.
    TooSlow,
}

/// What is to be written next.
#[derive(Debug)]
pub enum Next {
    /// Entries in one frame.
    Entries(Vec<Arc<Entry>>),
    /// Nothing comes after this.
    End(End),
}

impl Subscriber for Feed {
    fn tell(&self, said: Said) {
        let mut waiting = self.waiting.lock();
        if waiting.end.is_some() {
            return;
        }
        match said {
            Said::Backlog(entries) => waiting.backlog.extend(entries),
            Said::Entry(entry) if waiting.entries.len() < limits::ENTRIES_PER_SUBSCRIBER => {
                waiting.entries.push_back(entry);
            }
            Said::Entry(_) => {
                waiting.entries.pop_front();
                waiting.entries.push_back(Arc::new(Entry::too_slow()));
                waiting.end = Some(End::TooSlow);
            }
            Said::Closed => waiting.end = Some(End::Closed),
            Said::Refused(refusal) => waiting.end = Some(End::Refused(refusal)),
            // Not for those who listen to a channel.
            Said::Event(_) => return,
        }
        drop(waiting);
        self.arrived.notify_one();
    }
}

impl Feed {
    /// What is to be written next, where there is something: all that was there in as few frames as it fits in, then
    /// each entry in a frame of its own, then the end.
    pub fn take(&self) -> Option<Next> {
        let mut waiting = self.waiting.lock();
        if !waiting.backlog.is_empty() {
            let count = page(waiting.backlog.make_contiguous(), limits::CHANNEL_FRAME_BYTES).len();
            return Some(Next::Entries(waiting.backlog.drain(..count).collect()));
        }
        match waiting.entries.pop_front() {
            Some(entry) => Some(Next::Entries(vec![entry])),
            None => waiting.end.clone().map(Next::End),
        }
    }

    /// Waits for what is to be written next.
    pub async fn next(&self) -> Next {
        loop {
            if let Some(next) = self.take() {
                return next;
            }
            self.arrived.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colony::channels::Draft;
    use crate::colony::channels::room::Room;
    use crate::crypto::Identity;
    use crate::time::Time;

    fn entry(sequence: i64, bytes: usize) -> Arc<Entry> {
        let draft = Draft { sequence, payload: Some(vec![0; bytes]), ..Draft::default() };
        let room = Room::new(usize::MAX).take(draft.bytes()).expect("room");
        Arc::new(Entry::new(draft, Identity::from_text("u"), Time::EPOCH, room))
    }

    fn frames(feed: &Feed) -> (Vec<Vec<i64>>, Option<End>) {
        let mut frames = Vec::new();
        loop {
            match feed.take() {
                Some(Next::Entries(entries)) => frames.push(entries.iter().map(|entry| entry.sequence()).collect()),
                Some(Next::End(end)) => return (frames, Some(end)),
                None => return (frames, None),
            }
        }
    }

    #[test]
    fn what_was_there_is_one_frame_and_each_entry_after_it_another() {
        let feed = Feed::default();
        feed.tell(Said::Backlog(vec![entry(1, 3), entry(2, 3)]));
        feed.tell(Said::Entry(entry(3, 3)));
        feed.tell(Said::Entry(entry(4, 3)));
        assert_eq!(frames(&feed), (vec![vec![1, 2], vec![3], vec![4]], None));
        feed.tell(Said::Entry(entry(5, 3)));
        feed.tell(Said::Closed);
        feed.tell(Said::Entry(entry(6, 3)));
        assert_eq!(frames(&feed), (vec![vec![5]], Some(End::Closed)));
    }

    #[test]
    fn a_large_beginning_is_spread_over_frames() {
        let feed = Feed::default();
        feed.tell(Said::Backlog((0..5).map(|n| entry(n, 3 << 19)).collect()));
        assert_eq!(frames(&feed), (vec![vec![0, 1], vec![2, 3], vec![4]], None));
        feed.tell(Said::Backlog(vec![entry(5, 10 << 20), entry(6, 1)]));
        assert_eq!(frames(&feed), (vec![vec![5], vec![6]], None));
    }

    #[test]
    fn a_slow_listener_loses_one_entry_and_hears_why() {
        let feed = Feed::default();
        feed.tell(Said::Backlog(vec![entry(-1, 1)]));
        (0..=10_005).for_each(|n| feed.tell(Said::Entry(entry(n, 0))));
        let (frames, end) = frames(&feed);
        // The beginning does not count, the oldest of the others makes room for the notice.
        assert_eq!(frames.len(), 1 + 10_000);
        assert_eq!(
            (&frames[0], &frames[1], &frames[9_999], &frames[10_000]),
            (&vec![-1], &vec![1], &vec![9_999], &vec![0])
        );
        assert_eq!(end, Some(End::TooSlow));
    }
}
