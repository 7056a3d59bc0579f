//! Any text as a log search's pattern, and any line: found where a slow and simple matcher finds it.

#![no_main]

use colonies::colony::logs::pattern::Pattern;
use libfuzzer_sys::fuzz_target;

/// More than any of these inputs costs.
const STEPS: usize = 1 << 30;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Some((pattern, line)) = text.split_once('\n') else { return };
    if pattern.len() > 100 || line.len() > 300 {
        return;
    }
    let tokens = tokens(pattern);
    assert_eq!(Pattern::read(pattern).is_some(), tokens.is_some());
    let (Some(read), Some(tokens)) = (Pattern::read(pattern), tokens) else { return };
    let mut steps = STEPS;
    let found = read.is_in(line, &mut steps);
    assert_eq!(found, Some(is_in(&tokens, line)), "{pattern:?} in {line:?}");
    if found == Some(true) {
        assert!(read.literals().iter().all(|literal| line.contains(literal.as_str())));
    }
    // Too few steps stop the search, and never change what it says.
    let mut few = line.len() / 2;
    assert!(read.is_in(line, &mut few).is_none_or(|answer| Some(answer) == found));
});

#[derive(Clone, Copy)]
enum Token {
    Any,
    One,
    Is(char),
}

fn tokens(pattern: &str) -> Option<Vec<Token>> {
    let mut characters = pattern.chars();
    let mut tokens = vec![Token::Any];
    while let Some(character) = characters.next() {
        tokens.push(match character {
            '%' => Token::Any,
            '_' => Token::One,
            '\\' => Token::Is(characters.next()?),
            character => Token::Is(character),
        });
    }
    tokens.push(Token::Any);
    Some(tokens)
}

/// All places where the tokens so far may end, token by token.
fn is_in(tokens: &[Token], line: &str) -> bool {
    let line: Vec<char> = line.chars().collect();
    let mut ends = vec![false; line.len() + 1];
    ends[0] = true;
    for token in tokens {
        ends = match token {
            Token::Any => {
                let first = ends.iter().position(|&end| end).unwrap_or(ends.len());
                (0..ends.len()).map(|place| place >= first).collect()
            }
            token => (0..ends.len())
                .map(|place| {
                    place > 0 && ends[place - 1] && matches!(token, Token::One)
                        || place > 0 && ends[place - 1] && matches!(token, Token::Is(is) if *is == line[place - 1])
                })
                .collect(),
        };
    }
    ends[line.len()]
}
