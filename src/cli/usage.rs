//! Wrong usage in one line.

use clap::error::ErrorKind;
use std::process::ExitCode;

/// The exit code of wrong usage.
const WRONG_USAGE: u8 = 2;

/// Prints what was asked for (help, version), or what is wrong with the command line.
pub fn report(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // A closed stdout wants no help.
            let _ = error.print();
            ExitCode::SUCCESS
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            ExitCode::from(WRONG_USAGE)
        }
        _ => {
            eprintln!("colonies: {}", one_line(&error.to_string()));
            ExitCode::from(WRONG_USAGE)
        }
    }
}

/// clap's paragraphs in one line, with the command whose help says more.
fn one_line(text: &str) -> String {
    let (said, usage) = text.split_once("Usage: ").unwrap_or((text, ""));
    let said = said.split("For more information").next().unwrap_or_default();
    let said = said.strip_prefix("error: ").unwrap_or(said);
    let said: Vec<_> = said.split_whitespace().collect();
    let command: Vec<_> = usage.split_whitespace().take_while(|word| !word.starts_with(['[', '<', '-'])).collect();
    let command = if command.is_empty() { "colonies".to_owned() } else { command.join(" ") };
    format!("{} (see {command} --help)", said.join(" "))
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn a_paragraph_becomes_a_line() {
        let text = "error: unexpected argument '--nme' found\n\n  tip: a similar argument exists: '--name'\n\n\
                    Usage: colonies user get --name <NAME>\n\nFor more information, try '--help'.\n";
        let line = "unexpected argument '--nme' found tip: a similar argument exists: '--name' \
                    (see colonies user get --help)";
        assert_eq!(one_line(text), line);
        assert_eq!(one_line("error: no"), "no (see colonies --help)");
    }
}
