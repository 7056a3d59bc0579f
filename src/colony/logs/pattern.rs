//! What a search looks for: the text within a line, with SQL's wildcards (chapter 4, 2.5).

/// A text with wildcards, to be found anywhere in a line.
#[derive(Debug, PartialEq)]
pub struct Pattern {
    /// What lies between two `%`: found one after the other.
    parts: Vec<Part>,
}

#[derive(Debug, PartialEq)]
enum Part {
    /// A text as it is.
    Plain(String),
    /// Characters, or any character where there is none; and the longest run of them that is in it as it is.
    Wild(Vec<Option<char>>, String),
}

impl Pattern {
    /// Reads a text: `%` is any run of characters, `_` any one, `\` makes the next one stand for itself. `None` where a
    /// `\` is the last character: that finds nothing.
    pub fn read(text: &str) -> Option<Pattern> {
        let mut parts = Vec::new();
        let mut part = Vec::new();
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            match character {
                '%' => parts.push(std::mem::take(&mut part)),
                '_' => part.push(None),
                '\\' => part.push(Some(characters.next()?)),
                character => part.push(Some(character)),
            }
        }
        parts.push(part);
        let parts = parts.into_iter().filter(|part| !part.is_empty()).map(Part::of).collect();
        Some(Pattern { parts })
    }

    /// The texts that a line must have in it as they are.
    pub fn literals(&self) -> Vec<String> {
        let runs = |part: &Part| match part {
            Part::Plain(text) => vec![text.clone()],
            Part::Wild(characters, _) => runs_of(characters).collect(),
        };
        self.parts.iter().flat_map(runs).collect()
    }

    /// Whether it is in this line. Takes from `steps` what looking cost; `None` where they did not suffice.
    pub fn is_in(&self, line: &str, steps: &mut usize) -> Option<bool> {
        let mut rest = line;
        for part in &self.parts {
            // The first place is as good as any: what follows has the most room then.
            match part.find(rest, steps)? {
                Some(end) => rest = &rest[end..],
                None => return Some(false),
            }
        }
        Some(true)
    }
}

/// The runs of characters between those that may be any.
fn runs_of(characters: &[Option<char>]) -> impl Iterator<Item = String> + '_ {
    characters.split(Option::is_none).map(|run| run.iter().flatten().collect())
}

impl Part {
    fn of(characters: Vec<Option<char>>) -> Part {
        let plain: Option<String> = characters.iter().copied().collect();
        match plain {
            Some(text) => Part::Plain(text),
            None => {
                let longest = runs_of(&characters).max_by_key(String::len).unwrap_or_default();
                Part::Wild(characters, longest)
            }
        }
    }

    /// Where its first place in the text ends; the outer `None` where the steps did not suffice.
    fn find(&self, text: &str, steps: &mut usize) -> Option<Option<usize>> {
        match self {
            Part::Plain(part) => {
                let end = text.find(part.as_str()).map(|at| at + part.len());
                // Looking for a text as it is goes about this much faster than character by character.
                *steps = steps.checked_sub(end.unwrap_or(text.len()) / 8 + 1)?;
                Some(end)
            }
            Part::Wild(part, longest) => {
                // Character by character is dear, and few lines come as far.
                *steps = steps.checked_sub(text.len() / 8 + 1)?;
                if !text.contains(longest.as_str()) {
                    return Some(None);
                }
                for (at, _) in text.char_indices() {
                    if let Some(length) = starts(&text[at..], part, steps)? {
                        return Some(Some(at + length));
                    }
                }
                Some(None)
            }
        }
    }
}

/// The bytes at the beginning of the text that are the part; the outer `None` where the steps did not suffice.
fn starts(text: &str, part: &[Option<char>], steps: &mut usize) -> Option<Option<usize>> {
    let mut characters = text.chars();
    for wanted in part {
        *steps = steps.checked_sub(1)?;
        match (characters.next(), wanted) {
            (Some(_), None) => {}
            (Some(character), Some(wanted)) if character == *wanted => {}
            _ => return Some(None),
        }
    }
    Some(Some(text.len() - characters.as_str().len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_in(pattern: &str, line: &str) -> bool {
        Pattern::read(pattern).is_some_and(|pattern| pattern.is_in(line, &mut 1_000_000).expect("enough steps"))
    }

    #[test]
    fn wildcards_and_escapes() {
        for (pattern, line) in [
            ("", ""),
            ("o%e", "one\n"),
            ("o%e", "xoxexx"),
            ("t_o", "two"),
            ("50\\%", "50% off"),
            ("a\\_b", "a_b"),
            ("\\\\", "a\\b"),
            ("_", "é"),
            ("b__%_d", "abéåcd"),
            ("%%", ""),
            ("\\x", "x"),
        ] {
            assert!(is_in(pattern, line), "{pattern:?} in {line:?}");
        }
        for (pattern, line) in
            [("a\\_b", "axb"), ("50\\%", "500"), ("_", ""), ("\\", "\\"), ("ab%ab", "ab"), ("A", "a"), ("a__", "aé")]
        {
            assert!(!is_in(pattern, line), "{pattern:?} in {line:?}");
        }
    }

    #[test]
    fn work_is_bounded() {
        let line = "a".repeat(1_000);
        for pattern in ["_a_a_a_b", "b", "a%a%b"] {
            assert_eq!(Pattern::read(pattern).expect("a pattern").is_in(&line, &mut 100), None, "{pattern}");
        }
    }

    /// LIKE as its definition has it.
    fn like(pattern: &[char], line: &[char]) -> bool {
        match pattern {
            [] => line.is_empty(),
            ['%', rest @ ..] => (0..=line.len()).any(|at| like(rest, &line[at..])),
            ['_', rest @ ..] => line.split_first().is_some_and(|(_, line)| like(rest, line)),
            ['\\', wanted, rest @ ..] | [wanted, rest @ ..] => {
                line.split_first().is_some_and(|(first, line)| first == wanted && like(rest, line))
            }
        }
    }

    proptest! {
        #[test]
        fn finds_what_like_finds(pattern in "([ab%_]|\\\\[ab%_]){0,6}", line in "[ab%_é]{0,8}") {
            let whole: Vec<char> = format!("%{pattern}%").chars().collect();
            let letters: Vec<char> = line.chars().collect();
            prop_assert_eq!(is_in(&pattern, &line), like(&whole, &letters));
        }
    }
}
