//! Asking before something is gone or overwritten.

use std::io::{self, BufRead, Write};

/// Asks on stderr whether something may be removed, and takes only `YES` for an answer; the end of the input is a no.
///
/// # Errors
/// Where it was not confirmed.
pub fn confirm(question: &str, confirmed: bool) -> anyhow::Result<()> {
    if !confirmed && answer(&format!("{question} This cannot be undone! (YES, no): "))? != "YES" {
        anyhow::bail!("aborted, nothing was removed: answer YES, or give --yes");
    }
    Ok(())
}

/// Asks on stderr whether to go on; `yes` and `y` are a yes.
///
/// # Errors
/// Where it was not confirmed.
pub fn agree(question: &str, agreed: bool) -> anyhow::Result<()> {
    if !agreed && !["yes", "y"].contains(&answer(&format!("{question} (yes, no): "))?.as_str()) {
        anyhow::bail!("aborted, nothing was changed: answer yes, or give --yes");
    }
    Ok(())
}

fn answer(question: &str) -> io::Result<String> {
    write!(io::stderr(), "{question}")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim_end_matches(['\r', '\n']).to_owned())
}
