//! The runs of three characters by which a search asks the index.
//!
//! A run costs the index a walk over all lines that have it, so that all runs of a text cost several times what the few
//! would that tell most: which ones these are is guessed from a sample of lines.

/// Runs that are looked up for one search at most.
const MOST: usize = 12;
/// Runs that tell most, at most.
const TELLING: usize = 4;

/// All runs of these texts, or as many as may be looked up. Empty where no text has one.
pub fn of(literals: &[String]) -> Vec<String> {
    let mut runs: Vec<String> = Vec::new();
    for literal in literals {
        let characters: Vec<char> = literal.chars().collect();
        runs.extend(characters.windows(3).map(|run| run.iter().collect::<String>()));
    }
    runs.dedup();
    // Spread over the whole text: neighbours say nearly the same.
    let step = runs.len().div_ceil(MOST).max(1);
    runs.into_iter().step_by(step).collect()
}

/// The runs that tell most by these lines: the rarest one, then whichever is with the ones before in the fewest lines,
/// until it is none.
pub fn telling(runs: &[String], sample: &[String]) -> Vec<String> {
    let mut left: Vec<(&String, Vec<bool>)> =
        runs.iter().map(|run| (run, sample.iter().map(|line| line.contains(run.as_str())).collect())).collect();
    let mut together = vec![true; sample.len()];
    let mut chosen = Vec::new();
    while chosen.len() < TELLING && (chosen.is_empty() || together.contains(&true)) {
        let lines = |has: &[bool]| has.iter().filter(|has| **has).count();
        let with = |has: &[bool]| has.iter().zip(&together).filter(|(has, together)| **has && **together).count();
        let best = left.iter().enumerate().min_by_key(|(_, (_, has))| (with(has), lines(has)));
        let Some((best, _)) = best else {
            break;
        };
        let (run, has) = left.remove(best);
        together.iter_mut().zip(has).for_each(|(together, has)| *together &= has);
        chosen.push(run.clone());
    }
    chosen
}

/// What the index is asked for: lines with all of these runs.
pub fn expression(runs: &[String]) -> String {
    let terms: Vec<String> = runs.iter().map(|run| format!("\"{}\"", run.replace('"', "\"\""))).collect();
    terms.join(" AND ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn texts_have_runs_of_three() {
        assert_eq!(of(&texts(&["ab", "é"])), texts(&[]));
        assert_eq!(of(&texts(&["abcd", "xyz"])), texts(&["abc", "bcd", "xyz"]));
        let many = of(&texts(&[&"abcdefghij".repeat(10)]));
        assert!((2..=MOST).contains(&many.len()));
        assert_eq!(expression(&texts(&["abc", "a\"b"])), "\"abc\" AND \"a\"\"b\"");
    }

    #[test]
    fn the_telling_ones_are_rare_or_never_together() {
        let runs = of(&texts(&["restarting"]));
        let sample = texts(&["status restart", "status tarting", "status", "status restart", "status tarting"]);
        let chosen = telling(&runs, &sample);
        assert_eq!(chosen.len(), 2, "{chosen:?}");
        assert!(!sample.iter().any(|line| chosen.iter().all(|run| line.contains(run.as_str()))));
        // One that is nowhere says all.
        assert_eq!(telling(&texts(&["sta", "xyz"]), &sample), texts(&["xyz"]));
        // Where all are everywhere, as many as may be.
        assert_eq!(telling(&of(&texts(&["status"])), &texts(&["status"])).len(), TELLING);
        assert_eq!(telling(&texts(&["abc"]), &[]), texts(&["abc"]));
    }
}
