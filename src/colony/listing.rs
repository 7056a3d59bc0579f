//! How much of a list goes into one reply: replies are built in memory.

use crate::limits;

/// The rows that fit into one reply, about; the first always does.
pub fn fitting<T>(rows: impl Iterator<Item = T>, bytes: impl Fn(&T) -> usize) -> impl Iterator<Item = T> {
    let mut taken = 0usize;
    rows.take_while(move |row| {
        let is_first = taken == 0;
        taken = taken.saturating_add(bytes(row).max(1));
        is_first || taken <= limits::LIST_BYTES
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_ends_where_the_reply_is_full() {
        let half = limits::LIST_BYTES / 2;
        assert_eq!(fitting([1, 2, 3].into_iter(), |_| 1).count(), 3);
        assert_eq!(fitting([half, half, 1].into_iter(), |&bytes| bytes).count(), 2);
        assert_eq!(fitting([3 * half, 1].into_iter(), |&bytes| bytes).count(), 1, "the first always fits");
        assert_eq!(fitting([0, half, half, 1].into_iter(), |&bytes| bytes).count(), 2, "every row counts");
    }
}
