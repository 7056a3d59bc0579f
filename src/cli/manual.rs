//! `colonies completion` and `colonies man`: what shells and manuals are told about the commands.

use super::Cli;
use super::output::print;
use anyhow::Context;
use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};
use clap_mangen::Man;
use std::path::{Path, PathBuf};

/// Print a script that completes commands in a shell.
#[derive(Args)]
pub struct Completion {
    /// The shell
    shell: Shell,
}

/// Write the manual, a page a command.
#[derive(Args)]
pub struct Manual {
    /// Directory for the pages; made if it is not there
    #[arg(long)]
    dir: PathBuf,
}

impl Completion {
    /// Runs the command.
    ///
    /// # Errors
    /// Where stdout is closed.
    pub fn run(self) -> anyhow::Result<()> {
        let mut script = Vec::new();
        generate(self.shell, &mut Cli::command(), "colonies", &mut script);
        Ok(print(&String::from_utf8(script)?)?)
    }
}

impl Manual {
    /// Runs the command.
    ///
    /// # Errors
    /// Where the directory can't be written.
    pub fn run(self) -> anyhow::Result<()> {
        std::fs::create_dir_all(&self.dir).with_context(|| format!("cannot make {}", self.dir.display()))?;
        let mut command = Cli::command();
        command.build();
        write_pages(&command, "colonies", &self.dir)
    }
}

/// Writes the page of a command and those of its subcommands.
fn write_pages(command: &clap::Command, name: &str, dir: &Path) -> anyhow::Result<()> {
    let mut page = Vec::new();
    Man::new(command.clone()).title(name).render(&mut page)?;
    let path = dir.join(format!("{name}.1"));
    std::fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))?;
    let visible = command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help");
    visible.into_iter().try_for_each(|sub| write_pages(sub, &format!("{name}-{}", sub.get_name()), dir))
}
