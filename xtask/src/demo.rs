//! Plays the main job from end to end: two simulated Mayas, the tray application, and a client as Claude Desktop starts it.
//!
//! The play itself is tests/demo/, in Python, where the simulator and an MCP client by other people are at hand.

use clap::Args;

use crate::{
    debian::{BUILD, RUN, SCREEN, SIMULATOR},
    process::{become_program, program},
    python, repository,
    run::build,
};

#[derive(Debug, Args)]
pub struct Demo {
    /// Leave everything running until Ctrl-C, to play with
    #[arg(long)]
    keep: bool,
}

pub fn demo(options: &Demo) -> anyhow::Result<()> {
    build(&[BUILD, RUN, SIMULATOR, SCREEN])?;
    python::packages()?;
    let mut play = program(python::tool("python"));
    play.args(["-m", "demo"]).env("PYTHONPATH", repository::root().join("tests"));
    play.arg("--tray").arg(repository::built("maya-mcp-tray")?);
    play.arg("--cli").arg(repository::built("maya-mcp")?);
    if options.keep {
        play.arg("--keep");
    }
    become_program(&mut play)
}
