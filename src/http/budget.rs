//! How much memory the bodies of all requests in flight may take together.

use crate::limits;
use crate::refusal::Refusal;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What all bodies share. A body counts from the arrival of its bytes until its request is answered; what was only
/// announced does not count, so that nobody takes room with a header.
#[derive(Debug)]
pub struct BodyBudget {
    bytes: usize,
    used: AtomicUsize,
}

impl BodyBudget {
    /// A budget of so many bytes.
    pub fn new(bytes: usize) -> Self {
        BodyBudget { bytes, used: AtomicUsize::new(0) }
    }

    /// Bytes that large bodies may take together. The rest is for small ones, so that uploads don't hold up the
    /// ordinary work.
    pub fn for_large(&self) -> usize {
        self.bytes - self.bytes / 16
    }

    /// Room for a body whose bytes are still to come.
    pub fn begin(self: &Arc<Self>) -> Room {
        Room { budget: self.clone(), bytes: 0 }
    }
}

/// The room that one body takes; given back when this is dropped.
#[derive(Debug)]
pub struct Room {
    budget: Arc<BodyBudget>,
    bytes: usize,
}

impl Room {
    /// Takes room for more bytes of the body.
    ///
    /// # Errors
    /// 503 where all bodies together would take too much.
    pub fn take(&mut self, more: usize) -> Result<(), Refusal> {
        // Counted here first, so that a refusal gives back all of it.
        self.bytes += more;
        let used = self.budget.used.fetch_add(more, Ordering::Relaxed).saturating_add(more);
        let allowed = if self.bytes > limits::LARGE_BODY_BYTES { self.budget.for_large() } else { self.budget.bytes };
        if used > allowed {
            return Err(Refusal::unavailable(
                "the bodies of the requests under way take all the memory that is set aside for them: nothing was \
                 changed, try again soon",
            ));
        }
        Ok(())
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_bodies_leave_room_for_small_ones() {
        let budget = Arc::new(BodyBudget::new(16 << 20));
        let (mut first, mut second, mut small) = (budget.begin(), budget.begin(), budget.begin());
        assert_eq!(first.take(15 << 20), Ok(()));
        assert_eq!(second.take(limits::LARGE_BODY_BYTES + 1).map_err(|refusal| refusal.status), Err(503));
        // A refused body gives its room back when it goes, not before.
        drop(second);
        assert_eq!(small.take(limits::LARGE_BODY_BYTES), Ok(()));
        assert_eq!(first.take(1).map_err(|refusal| refusal.status), Err(503));
        drop(first);
        assert_eq!(small.take(limits::LARGE_BODY_BYTES), Ok(()));
        drop(small);
        assert_eq!(budget.used.load(Ordering::Relaxed), 0);
    }
}
