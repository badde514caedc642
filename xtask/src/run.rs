//! Builds the programs, and starts the tray application.

use std::ffi::OsString;

use clap::Args;

use crate::{
    debian::{self, BUILD, Group, RUN},
    process::{become_program, program, show},
    repository, window,
};

#[derive(Debug, Args)]
pub struct Run {
    /// Arguments for the tray application
    #[arg(last = true)]
    arguments: Vec<OsString>,
}

pub fn run(options: &Run) -> anyhow::Result<()> {
    build(&[BUILD, RUN])?;
    become_program(program(repository::built("maya-mcp-tray")?).args(&options.arguments))
}

/// Both programs, side by side as they are shipped.
pub fn build(groups: &[Group]) -> anyhow::Result<()> {
    debian::packages(groups)?;
    window::packages()?;
    window::page()?;
    println!("· programs …");
    show(program("cargo").args(["build", "--package", "maya-mcp-tray", "--package", "maya-mcp-cli"]))
}
