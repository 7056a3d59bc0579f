//! Failures in one line that says what to do.

use crate::client::ClientError;
use crate::object_store::StoreError;
use std::error::Error;
use std::io;
use wal::OpenError;

/// The line; `None` where whoever read the output has gone, which needs no words.
pub fn line(error: &anyhow::Error) -> Option<String> {
    if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        return None;
    }
    let said = format!("{error:#}");
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let hint = error.chain().find_map(hint);
    Some(match hint {
        Some(hint) => format!("{said}; {hint}"),
        None => said,
    })
}

fn hint(cause: &(dyn Error + 'static)) -> Option<&'static str> {
    if let Some(error) = cause.downcast_ref::<ClientError>() {
        return about_asking(error);
    }
    if let Some(error) = cause.downcast_ref::<StoreError>() {
        return about_storing(error);
    }
    about_opening(cause.downcast_ref::<OpenError>()?)
}

fn about_opening(error: &OpenError) -> Option<&'static str> {
    match error {
        OpenError::Corrupt { .. } | OpenError::Missing { .. } => Some(
            "with the same --datadir, `colonies wal verify` says where the good part ends, `colonies wal inspect` shows \
             what is there, and `colonies wal repair` cuts what is behind",
        ),
        _ => None,
    }
}

fn about_asking(error: &ClientError) -> Option<&'static str> {
    match error {
        ClientError::Unreachable { url, reason } if url.starts_with("https:") && is_about_tls(reason) => Some(
            "if the server speaks plain HTTP, export COLONIES_TLS=false or give --insecure; if nobody vouches for its \
             certificate, give --skip-tls-verify",
        ),
        ClientError::Unreachable { .. } => {
            Some("is it running, and do COLONIES_SERVER_HOST and COLONIES_SERVER_PORT (or --host and --port) name it?")
        }
        ClientError::Strange(_) => {
            Some("do COLONIES_SERVER_HOST, COLONIES_SERVER_PORT and COLONIES_TLS name a Colonies server?")
        }
        ClientError::Refused { .. } => None,
    }
}

fn about_storing(error: &StoreError) -> Option<&'static str> {
    match error {
        StoreError::Unreachable { .. } => {
            Some("is it running, and do AWS_S3_ENDPOINT and AWS_S3_TLS say where it is and whether it speaks TLS?")
        }
        StoreError::Refused { status: 401 | 403, .. } => {
            Some("do AWS_S3_ACCESSKEY and AWS_S3_SECRETKEY belong together, and may they use AWS_S3_BUCKET?")
        }
        StoreError::Refused { status: 404, .. } => Some("is AWS_S3_BUCKET the bucket that it was put into?"),
        StoreError::Refused { reason, .. } if reason.contains("Bucket") => Some("is AWS_S3_BUCKET what it should be?"),
        _ => None,
    }
}

fn is_about_tls(reason: &str) -> bool {
    ["tls", "certificate", "corrupt", "InvalidContentType"].iter().any(|word| reason.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_line_that_says_what_to_do() {
        let unreachable = |url: &str, reason: &str| {
            let error = ClientError::Unreachable { url: url.to_owned(), reason: reason.to_owned() };
            line(&anyhow::Error::from(error).context("asking")).unwrap_or_default()
        };
        let refused = unreachable("http://h:1", "Connection\nrefused");
        assert!(
            refused.starts_with("asking: cannot reach the server at http://h:1: Connection refused; is it running")
        );
        assert!(unreachable("https://h:1", "tls: corrupt message").contains("COLONIES_TLS=false"));
        let refused = ClientError::Refused { status: 403, message: "no".to_owned() };
        assert_eq!(line(&refused.into()).as_deref(), Some("no (403)"));
        assert_eq!(line(&io::Error::from(io::ErrorKind::BrokenPipe).into()), None);
    }

    #[test]
    fn a_damaged_log_names_the_commands_that_help() {
        let missing =
            |next: &str| OpenError::Missing { dir: "d".into(), first_missing: 2, last_missing: 3, next: next.into() };
        let said = line(&anyhow::Error::from(missing("x.log")).context("cannot open the log")).unwrap_or_default();
        assert!(
            said.starts_with("cannot open the log: batches 2 to 3") && said.contains("colonies wal verify"),
            "{said}"
        );
        let locked = OpenError::Locked { dir: "d".into(), holder: "number 7".to_owned() };
        assert!(!line(&locked.into()).unwrap_or_default().contains("colonies wal"));
    }
}
