//! Everything that can be said of the sources without running them.
//!
//! Invariant: what is quick comes first, and one check that fails does not keep the others from running.

use std::path::Path;

use clap::Args;

use crate::{
    checkers, cross,
    debian::{self, BUILD},
    narrate::{Report, step},
    process::{on_path, program, quiet, show},
    python, repository, window,
};

const CARGO_DENY: &str = "0.20.2";

#[derive(Debug, Args)]
pub struct Check {
    /// Ask for known vulnerabilities too; their database is fetched from GitHub
    #[arg(long)]
    advisories: bool,
    /// Check the types for Windows and macOS too
    #[arg(long)]
    cross: bool,
}

pub fn check(options: &Check) -> anyhow::Result<()> {
    debian::packages(&[BUILD])?;
    python::packages()?;
    window::packages()?;
    window::page()?;
    let rust = if options.cross { Some(cross::set_up()?) } else { None };
    let mut report = Report::default();
    report.part("rustfmt", || show(program("cargo").args(["fmt", "--all", "--check"])));
    report.part("ruff", || show(program(python::tool("ruff")).args(["check", "."])));
    report.part("ruff format", || show(program(python::tool("ruff")).args(["format", "--check", "."])));
    report.part("biome", || show(&mut window::script("lint")));
    report.part("svelte-check", || show(&mut window::script("check")));
    report.part("clippy", || {
        show(program("cargo").args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--keep-going",
            "--",
            "--deny",
            "warnings",
        ]))
    });
    report.part("clippy, conformance fixtures", || {
        let clippy = ["clippy", "--workspace", "--bin=maya-mcp", "--examples", checkers::FIXTURES];
        show(program("cargo").args(clippy).args(["--", "--deny", "warnings"]))
    });
    if let Some(rust) = &rust {
        cross::check(&mut report, rust);
    }
    report.part("cargo-deny", || deny(options));
    report.finish()
}

fn deny(options: &Check) -> anyhow::Result<()> {
    let tools = repository::root().join("target/tools");
    let deny = on_path("cargo-deny").unwrap_or_else(|| tools.join("bin/cargo-deny"));
    if !deny.is_file() {
        step("cargo-deny is not here yet", || install(&tools))?;
    }
    let mut command = program(deny);
    // Doubled crates are no failure; `cargo deny check bans` lists them.
    command.args(["--log-level", "error", "check", "licenses", "bans", "sources"]);
    if options.advisories {
        command.arg("advisories");
    } else {
        println!("not asked: known vulnerabilities (--advisories, which needs github.com)");
    }
    show(&mut command)
}

/// Optimized little: it runs for a second, and is built for minutes otherwise.
fn install(tools: &Path) -> anyhow::Result<String> {
    let mut install = program("cargo");
    install.args(["install", "cargo-deny", "--version", CARGO_DENY, "--locked", "--root"]).arg(tools);
    install.env("CARGO_PROFILE_RELEASE_LTO", "off").env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1");
    install.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    quiet(&mut install)?;
    Ok("built".to_owned())
}
