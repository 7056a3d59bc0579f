//! The port that the environment names, to serve on and to connect to.

use anyhow::Context;

/// The port where none was chosen, as all documents of the reference have it.
pub const DEFAULT_PORT: u16 = 50_080;

/// The port in the environment.
///
/// # Errors
/// Where it is no port.
pub fn port_of_environment() -> anyhow::Result<Option<u16>> {
    first_of(&["COLONIES_SERVER_HTTP_PORT", "COLONIES_SERVER_PORT"])
}

/// The port in the environment to serve metrics on.
///
/// # Errors
/// Where it is no port.
pub fn monitor_port_of_environment() -> anyhow::Result<Option<u16>> {
    first_of(&["COLONIES_MONITOR_PORT"])
}

fn first_of(names: &[&str]) -> anyhow::Result<Option<u16>> {
    for name in names {
        if let Ok(text) = std::env::var(name)
            && !text.is_empty()
        {
            return Ok(Some(text.parse().with_context(|| format!("{name} is not a port: {text}"))?));
        }
    }
    Ok(None)
}
