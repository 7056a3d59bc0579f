//! Which names a colony, user, executor or location may bear.

use crate::crypto::Identity;
use crate::refusal::Refusal;

/// Refuses a name that the protocol advises to refuse (chapter 1, 6 and 14, W4 and W5): empty, longer than
/// `bytes`, or with a colon or a control character in it.
///
/// # Errors
/// 400 with `prefix` in front of what is wrong with the `kind` of name.
pub fn check_name(prefix: &str, kind: &str, name: &str, bytes: usize) -> Result<(), Refusal> {
    let wrong = if name.is_empty() {
        "is empty"
    } else if name.len() > bytes {
        "is too long"
    } else if name.contains(':') {
        "must not contain a colon"
    } else if name.chars().any(char::is_control) {
        "must not contain a control character"
    } else {
        return Ok(());
    };
    Err(Refusal::bad_request(format!("{prefix}, {kind} {wrong}")))
}

/// Refuses what the reference's store refuses of any stored text: a zero byte (chapter 1, 6).
///
/// # Errors
/// 400 with `prefix` in front of the `kind` of text.
pub fn check_text(prefix: &str, kind: &str, text: &str) -> Result<(), Refusal> {
    if text.contains('\0') {
        return Err(Refusal::bad_request(format!("{prefix}, {kind} contains a zero byte")));
    }
    Ok(())
}

/// Refuses an id with a control character in it: no key has such an id, and texts with one break logs and terminals.
///
/// # Errors
/// 400 with `prefix` in front of the `kind` of id.
pub fn check_id(prefix: &str, kind: &str, id: &Identity) -> Result<(), Refusal> {
    if id.as_bytes().is_none() && id.to_string().chars().any(char::is_control) {
        return Err(Refusal::bad_request(format!("{prefix}, {kind} contains a control character")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check_name;

    #[test]
    fn odd_names_are_refused() {
        for bad in ["", "a:b", "a\0", "a\nb", &"x".repeat(2_049)] {
            assert_eq!(check_name("p", "name", bad, 2_048).map_err(|refusal| refusal.status), Err(400), "{bad:?}");
        }
        for good in ["a", "<b>", "å ä", "*", &"x".repeat(2_048)] {
            assert_eq!(check_name("p", "name", good, 2_048), Ok(()));
        }
    }
}
