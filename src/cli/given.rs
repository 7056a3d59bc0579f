//! What users give on the command line and in files: specifications, lists, ids.

use crate::client::{FunctionSpec, WorkflowSpec};
use crate::json;
use anyhow::{Context, bail};
use serde::de::DeserializeOwned;
use std::path::Path;

/// Reads a JSON file, member names without regard to case.
///
/// # Errors
/// Names the file, and the place where it is no JSON.
pub fn read_file<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    parse(&text).with_context(|| path.display().to_string())
}

fn parse<T: DeserializeOwned>(text: &str) -> anyhow::Result<T> {
    json::decode(text.as_bytes()).map_err(|error| {
        let line = error.line().checked_sub(1).and_then(|line| text.lines().nth(line)).unwrap_or_default();
        match line.trim() {
            // Where the text ends too early there is no line to show.
            "" => anyhow::anyhow!("{error}"),
            line => anyhow::anyhow!("{error}: {line}"),
        }
    })
}

/// Reads a function specification. Times that are not given have no limit, a colony that is not named is `colony`.
///
/// # Errors
/// As [`read_file`], and for a workflow.
pub fn read_function_spec(path: &Path, colony: &str) -> anyhow::Result<FunctionSpec> {
    let value: serde_json::Value = read_file(path)?;
    if value.is_array() {
        bail!("{} is a workflow: submit it with colonies workflow submit --spec", path.display());
    }
    let mut spec: FunctionSpec = read_file(path)?;
    for limit in [&mut spec.maxwaittime, &mut spec.maxexectime] {
        if *limit == 0 {
            *limit = -1;
        }
    }
    name_colony(&mut spec, colony);
    Ok(spec)
}

/// Reads a workflow: a list of function specifications, or an object with the member `functionspecs`. A colony that is
/// not named is `colony`.
///
/// # Errors
/// As [`read_file`], and for a function that is none.
pub fn read_workflow_spec(path: &Path, colony: &str) -> anyhow::Result<WorkflowSpec> {
    let value: serde_json::Value = read_file(path)?;
    let functionspecs = match &value {
        serde_json::Value::Array(_) => read_file(path)?,
        serde_json::Value::Object(members) if members.contains_key("functionspecs") => {
            read_file::<WorkflowSpec>(path)?.functionspecs
        }
        _ => bail!("{} is one function: submit it with colonies function submit --spec", path.display()),
    };
    let mut workflow = WorkflowSpec { colonyname: colony.to_owned(), functionspecs };
    workflow.functionspecs.iter_mut().for_each(|spec| name_colony(spec, colony));
    Ok(workflow)
}

fn name_colony(spec: &mut FunctionSpec, colony: &str) {
    if spec.conditions.colonyname.is_empty() {
        colony.clone_into(&mut spec.conditions.colonyname);
    }
}

/// A list of words as CSV has it: `a,"b,c"` is two.
///
/// # Errors
/// Where a quote is left open.
pub fn words(text: &str) -> anyhow::Result<Vec<String>> {
    let mut words = Vec::new();
    let mut word = String::new();
    let (mut quoted, mut characters) = (false, text.chars().peekable());
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                word.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if word.is_empty() => quoted = true,
            ',' if !quoted => words.push(std::mem::take(&mut word)),
            other => word.push(other),
        }
    }
    if quoted {
        bail!("a quote is left open in {text}");
    }
    if !text.is_empty() {
        words.push(word);
    }
    Ok(words)
}

/// Pairs in such a list, divided at the first `mark`.
///
/// # Errors
/// Where one is no pair; `example` shows how it should look.
pub fn pairs(text: &str, mark: char, example: &str) -> anyhow::Result<Vec<(String, String)>> {
    let pair = |word: String| match word.split_once(mark) {
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => bail!("{word} is no pair of key and value, try for example {example}"),
    };
    words(text)?.into_iter().map(pair).collect()
}

/// An id: 64 characters.
///
/// # Errors
/// For any other length, for clap.
pub fn parse_id(text: &str) -> Result<String, String> {
    match text.chars().count() {
        64 => Ok(text.to_owned()),
        length => Err(format!("an id has 64 characters, not {length}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_csv() {
        for (text, expected) in [
            ("", &[][..]),
            ("a", &["a"]),
            ("a,b", &["a", "b"]),
            ("\"a,b\",c", &["a,b", "c"]),
            ("a,,b,", &["a", "", "b", ""]),
            ("\"say \"\"hi\"\"\"", &["say \"hi\""]),
            ("5\" disk", &["5\" disk"]),
        ] {
            assert_eq!(words(text).expect(text), expected, "{text}");
        }
        assert!(words("\"a").is_err());
    }

    #[test]
    fn pairs_are_divided_once() {
        let found = pairs("image:nginx:1.21,n:", ':', "k:v").expect("pairs");
        assert_eq!(found, [("image".to_owned(), "nginx:1.21".to_owned()), ("n".to_owned(), String::new())]);
        assert!(pairs("A", '=', "A=1").is_err());
    }

    #[test]
    fn what_is_no_json_is_shown_with_its_line() {
        let error = parse::<FunctionSpec>("{\n  \"funcname\" \"echo\"\n}").expect_err("no JSON").to_string();
        assert!(error.contains("line 2") && error.ends_with("\"funcname\" \"echo\""), "{error}");
        assert!(parse_id(&"a".repeat(64)).is_ok() && parse_id("a").is_err());
    }
}
