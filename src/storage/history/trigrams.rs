//! Trigrams (runs of three characters) of log lines, and which lines of a segment have one: what the index of the past
//! is made of. Nothing here knows of tables.

use std::fmt;

/// A trigram as the index knows it. Few trigrams share a term; who searches looks into the lines anyway.
pub type Term = u32;

/// The terms of all runs of three characters of a text, from its beginning to its end; a term comes as often as its run.
pub fn terms(text: &str) -> impl Iterator<Item = Term> + '_ {
    let third = text.chars().skip(2);
    text.chars().zip(text.chars().skip(1)).zip(third).map(|((first, second), third)| term([first, second, third]))
}

/// Written to disk: what it makes of a trigram must stay the same (Fibonacci hashing of its 63 bits).
fn term(trigram: [char; 3]) -> Term {
    let key = trigram.into_iter().fold(0u64, |key, character| key << 21 | u64::from(u32::from(character)));
    (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as Term
}

/// Which lines of a segment have which term, while the segment is being made.
#[derive(Debug, Default)]
pub struct Occurrences {
    /// The term in the upper half, the line's place in the segment in the lower one.
    all: Vec<u64>,
    /// The places of large lines.
    large: Vec<u64>,
    lines: u16,
}

impl Occurrences {
    /// Adds the segment's next line. Of one that is larger than this the terms are not noted.
    pub fn add(&mut self, line: &str, large: usize) {
        let place = u64::from(self.lines);
        if line.len() > large {
            self.large.push(place);
        } else {
            self.all.extend(terms(line).map(|term| u64::from(term) << 32 | place));
        }
        self.lines += 1;
    }

    /// The list of the large lines as it is stored.
    pub fn large(&self) -> Vec<u8> {
        encode(&self.large, self.lines.into())
    }

    /// The terms in ascending order, each with its list of lines as it is stored.
    pub fn into_postings(mut self) -> impl Iterator<Item = (Term, Vec<u8>)> {
        self.all.sort_unstable();
        self.all.dedup();
        let (all, lines) = (self.all, usize::from(self.lines));
        let mut at = 0;
        std::iter::from_fn(move || {
            let term = all.get(at)? >> 32;
            let of_term = &all[at..];
            let of_term = &of_term[..of_term.iter().take_while(|occurrence| *occurrence >> 32 == term).count()];
            at += of_term.len();
            Some((term as Term, encode(of_term, lines)))
        })
    }
}

/// A list of lines as it is stored: their places, 16 bits each, lowest byte first; or, where that is not shorter, one
/// bit for each line of the segment, the lowest bit of the first byte for the first line. Its length tells which.
fn encode(occurrences: &[u64], lines: usize) -> Vec<u8> {
    let bits = lines.div_ceil(8);
    if occurrences.len() * 2 < bits {
        return occurrences.iter().flat_map(|occurrence| (*occurrence as u16).to_le_bytes()).collect();
    }
    let mut set = vec![0; bits];
    for occurrence in occurrences {
        let place = *occurrence as u16 as usize;
        set[place / 8] |= 1 << (place % 8);
    }
    set
}

/// A stored list of lines that can't be one of its segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged;

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the index of log lines is damaged")
    }
}

impl std::error::Error for Damaged {}

/// Lines of a segment by their place, to be narrowed down.
#[derive(Debug)]
pub struct Selection {
    /// A bit for each line; those beyond the last line are 0.
    words: Vec<u64>,
}

impl Selection {
    /// All lines of a segment of so many.
    pub fn all(lines: usize) -> Selection {
        let mut words = vec![u64::MAX; lines.div_ceil(64)];
        if let Some(last) = words.last_mut().filter(|_| !lines.is_multiple_of(64)) {
            *last = (1 << (lines % 64)) - 1;
        }
        Selection { words }
    }

    /// The lines of a list, as it is stored for a segment of so many.
    ///
    /// # Errors
    /// Where the list names lines that the segment does not have.
    pub fn read(list: &[u8], lines: usize) -> Result<Selection, Damaged> {
        let mut words = vec![0; lines.div_ceil(64)];
        if list.len() == lines.div_ceil(8) {
            for (word, bits) in words.iter_mut().zip(list.chunks(8)) {
                let mut bytes = [0; 8];
                bytes[..bits.len()].copy_from_slice(bits);
                *word = u64::from_le_bytes(bytes);
            }
        } else {
            let (places, rest) = list.as_chunks::<2>();
            for place in places.iter().map(|place| usize::from(u16::from_le_bytes(*place))) {
                if place >= lines {
                    return Err(Damaged);
                }
                words[place / 64] |= 1 << (place % 64);
            }
            if !rest.is_empty() {
                return Err(Damaged);
            }
        }
        Ok(Selection { words })
    }

    /// Keeps the lines that are in the other one, too.
    pub fn keep(&mut self, other: &Selection) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= other);
    }

    /// Adds the lines of the other one.
    pub fn add(&mut self, other: &Selection) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word |= other);
    }

    /// Whether none is left.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// The places of the lines that are left, in order.
    pub fn places(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(at, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros() as usize)?;
                left &= left - 1;
                Some(at * 64 + bit)
            })
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn the_terms_of_a_text_are_those_of_its_runs() {
        assert_eq!(terms("ab").count(), 0);
        assert_eq!(terms("").count(), 0);
        assert_eq!(terms("abab").collect::<Vec<_>>(), [term(['a', 'b', 'a']), term(['b', 'a', 'b'])]);
        assert_eq!(terms("é語😀").collect::<Vec<_>>(), [term(['é', '語', '😀'])]);
        // Stored: another value is another layout of the store.
        assert_eq!(term(['a', 'b', 'c']), 0x33db_372c);
    }

    #[test]
    fn a_damaged_list_is_an_error() {
        let read = |list: &[u8]| Selection::read(list, 40).map(|lines| lines.places().collect::<Vec<_>>());
        assert_eq!(read(&[40, 0]), Err(Damaged));
        assert_eq!(read(&[1, 0, 2]), Err(Damaged));
        assert_eq!(read(&[1, 0, 39, 0]), Ok(vec![1, 39]));
        assert_eq!(read(&[1, 0, 0, 0, 128]), Ok(vec![0, 39]));
    }

    #[test]
    fn a_selection_of_all_has_each_line_once() {
        for lines in [0, 1, 63, 64, 65, 128] {
            assert_eq!(Selection::all(lines).places().collect::<Vec<_>>(), (0..lines).collect::<Vec<_>>());
        }
    }

    const LARGE: usize = 10;

    proptest! {
        #[test]
        fn what_is_stored_selects_the_lines_that_have_the_terms(
            lines in prop::collection::vec("[abc]{0,12}", 1..200),
            text in "[abc]{3,5}",
        ) {
            let mut occurrences = Occurrences::default();
            lines.iter().for_each(|line| occurrences.add(line, LARGE));
            let large = Selection::read(&occurrences.large(), lines.len()).unwrap();
            let postings: Vec<(Term, Vec<u8>)> = occurrences.into_postings().collect();
            prop_assert!(postings.is_sorted_by(|a, b| a.0 < b.0));
            let postings: BTreeMap<Term, Vec<u8>> = postings.into_iter().collect();
            let mut selection = Selection::all(lines.len());
            for term in terms(&text) {
                let list = postings.get(&term).map_or(&[][..], |list| list);
                selection.keep(&Selection::read(list, lines.len()).unwrap());
            }
            prop_assert_eq!(selection.is_empty(), selection.places().next().is_none());
            selection.add(&large);
            let has_all = |line: &String| {
                let of_line: BTreeSet<Term> = terms(line).collect();
                line.len() > LARGE || terms(&text).all(|term| of_line.contains(&term))
            };
            let wanted: Vec<usize> = (0..lines.len()).filter(|place| has_all(&lines[*place])).collect();
            prop_assert_eq!(selection.places().collect::<Vec<_>>(), wanted);
        }
    }
}
