//! Messages about a colony itself (chapter 1, 7.4 to 7.6). The list of colonies is the server's.

pub mod change_id;
pub mod get;
pub mod pause;
pub mod pause_status;
pub mod resume;
pub mod statistics;
