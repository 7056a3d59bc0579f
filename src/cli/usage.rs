//! Wrong usage in one line.

use clap::Command;
use clap::error::ErrorKind;
use std::process::ExitCode;

/// The exit code of wrong usage.
const WRONG_USAGE: u8 = 2;

/// Prints what was asked for (help, version), or what is wrong with the command line of this process.
pub fn report(error: &clap::Error, program: &Command) -> ExitCode {
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
            eprintln!("colonies: {}", one_line(&error.to_string(), &command(program, words())));
            ExitCode::from(WRONG_USAGE)
        }
    }
}

/// clap's paragraphs in one line, with the command whose help says more.
fn one_line(text: &str, command: &str) -> String {
    let said = text.split("Usage: ").next().unwrap_or_default();
    let said = said.split("For more information").next().unwrap_or_default();
    let said = said.strip_prefix("error: ").unwrap_or(said);
    let paragraphs = said.split("\n\n").map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    let paragraphs: Vec<_> = paragraphs.filter(|text| !text.is_empty()).collect();
    format!("{} (see {command} --help)", paragraphs.join("; "))
}

/// The words of this process's command line, whatever bytes are in them.
fn words() -> impl Iterator<Item = String> {
    std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned())
}

/// The command that somebody began to write: as far as the words are commands. Not all of clap's errors name it.
fn command(program: &Command, words: impl Iterator<Item = String>) -> String {
    let (mut path, mut here) = (program.get_name().to_owned(), program);
    for word in words {
        if let Some(next) = here.find_subcommand(&word) {
            path = format!("{path} {}", next.get_name());
            here = next;
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::{command, one_line};
    use clap::Command;

    #[test]
    fn paragraphs_become_a_line() {
        let text = "error: unexpected argument '--nme' found\n\n  tip: a similar argument exists: '--name'\n\n\
                    Usage: colonies user get --name <NAME>\n\nFor more information, try '--help'.\n";
        let line = "unexpected argument '--nme' found; tip: a similar argument exists: '--name' \
                    (see colonies user get --help)";
        assert_eq!(one_line(text, "colonies user get"), line);
        assert_eq!(one_line("error: no", "colonies"), "no (see colonies --help)");
        let text = "error: these are missing:\n  --name <NAME>\n\nUsage: x\n";
        assert_eq!(one_line(text, "x"), "these are missing: --name <NAME> (see x --help)");
    }

    #[test]
    fn the_command_is_what_was_begun() {
        let list = Command::new("ls").alias("list");
        let program = Command::new("colonies").subcommand(Command::new("user").subcommand(list));
        let command = |words: &str| command(&program, words.split(' ').map(str::to_owned));
        assert_eq!(command("user --port x list --count many"), "colonies user ls");
        assert_eq!(command("usr ls"), "colonies");
    }
}
