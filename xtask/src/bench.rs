//! Measures the engine as it is shipped. Nothing is asserted: a number is for a person to judge.
//!
//! The measurements themselves are tests/bench/, in Python, where the simulator is at hand.

use clap::{Args, ValueEnum};

use crate::{
    process::{become_program, program, show},
    python, repository,
};

#[derive(Debug, Args)]
pub struct Bench {
    /// Only this measurement; may be given more than once
    #[arg(long, value_enum)]
    only: Vec<Measurement>,
    /// How long the idle engine is watched
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// How many Mayas are simulated
    #[arg(long, default_value_t = 10)]
    sessions: u32,
    /// How many other processes there are
    #[arg(long, default_value_t = 600)]
    processes: u32,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Measurement {
    /// What the engine costs while nothing happens
    Idle,
    /// How soon a Maya that starts is listed, and ready
    Start,
    /// What the helper costs inside Maya: time of a call, output, memory
    Link,
    /// What the endpoint adds to that, and how soon it tells what it knows
    Endpoint,
    /// What it costs to publish an event to fifty subscribers, and whether many of them fill the memory
    Bus,
}

pub fn bench(options: &Bench) -> anyhow::Result<()> {
    let (in_rust, others): (Vec<Measurement>, Vec<Measurement>) =
        options.only.iter().copied().partition(|one| matches!(one, Measurement::Bus));
    if options.only.is_empty() || !in_rust.is_empty() {
        show(program("cargo").args([
            "run",
            "--release",
            "--package",
            "maya-mcp-notify",
            "--example",
            "bus",
        ]))?;
    }
    if others.is_empty() && !in_rust.is_empty() {
        return Ok(());
    }
    python::packages()?;
    println!("· release build …");
    show(program("cargo").args(["build", "--release", "--package", "maya-mcp-cli"]))?;
    let mut bench = program(python::tool("python"));
    bench.args(["-m", "bench"]).env("PYTHONPATH", repository::root().join("tests"));
    bench.arg("--cli").arg(repository::released("maya-mcp")?);
    for (name, number) in
        [("--seconds", options.seconds), ("--sessions", options.sessions), ("--processes", options.processes)]
    {
        bench.arg(name).arg(number.to_string());
    }
    for measurement in others {
        let name = measurement.to_possible_value().expect("none is hidden");
        bench.arg("--only").arg(name.get_name());
    }
    become_program(&mut bench)
}
