//! What CI, the README and people call: `cargo xtask demo | run | test | check | bench`.
//!
//! Invariant: each command installs what it needs and lacks, so that a fresh clone on a bare Debian is enough.

mod bench;
mod check;
mod checkers;
mod cross;
mod debian;
mod demo;
mod narrate;
mod node;
mod process;
mod python;
mod repository;
mod run;
mod test;
mod window;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "Build, try out and test Maya MCP Tray")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Play the main job from end to end with two simulated Mayas, and tell each step
    Demo(demo::Demo),
    /// Build the tray application and start it
    Run(run::Run),
    /// Run every test
    Test(test::Test),
    /// Look at formatting, lints, types and licenses
    Check(check::Check),
    /// Measure what the engine costs, and how quick it is
    Bench(bench::Bench),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Demo(options) => demo::demo(&options),
        Command::Run(options) => run::run(&options),
        Command::Test(options) => test::test(&options),
        Command::Check(options) => check::check(&options),
        Command::Bench(options) => bench::bench(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // On the same stream as the rest, so that it comes last.
            println!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
