//! What the operating system says of a server's process, and allows this one.

use super::Server;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs;

/// Raises the limit on open files to the hard one, and gives it: the soft limit is often a thousand.
pub fn allow_open_files() -> usize {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    limit.maximum.map_or(usize::MAX, |files| files as usize)
}

/// Kilobytes of the server's resident memory.
pub fn resident(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Files and sockets that the server has open.
pub fn open_files(server: &Server) -> usize {
    fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count()
}
