//! Asking before something is gone for good.

use std::io::{self, BufRead, Write};

/// Asks on stderr, and takes only `YES` for an answer; the end of the input is a no.
///
/// # Errors
/// Where it was not confirmed.
pub fn confirm(question: &str, confirmed: bool) -> anyhow::Result<()> {
    if confirmed {
        return Ok(());
    }
    write!(io::stderr(), "{question} This cannot be undone! (YES, no): ")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if answer.trim_end_matches(['\r', '\n']) != "YES" {
        anyhow::bail!("aborted, nothing was removed: answer YES, or give --yes");
    }
    Ok(())
}
