//! Every test there is, by its own runner.
//!
//! Invariant: one group that fails does not keep the others from running.

use clap::{Args, ValueEnum};

use crate::{
    checkers,
    debian::{self, BROWSER, BUILD, HANDS, LOCALES, PYPY, RUN, SCREEN, SIMULATOR},
    narrate::Report,
    process::{on_path, program, show},
    python::{self, Environment},
    repository, window,
};

#[derive(Debug, Args)]
pub struct Test {
    /// Only this group; may be given more than once
    #[arg(long, value_enum)]
    only: Vec<Group>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Group {
    /// The helper and the simulator of Maya
    Python,
    /// The window's page, by itself and in a browser
    Ui,
    /// The crates, and the whole engine against simulated Mayas
    Rust,
    /// Other people's MCP clients and conformance suite against the endpoint
    Checkers,
    /// The tray, the notices and the window on a screen of their own
    Desktop,
}

/// The quick ones first.
const ALL: [Group; 5] = [Group::Python, Group::Ui, Group::Rust, Group::Checkers, Group::Desktop];

pub fn test(options: &Test) -> anyhow::Result<()> {
    let groups = ALL.into_iter().filter(|group| options.only.is_empty() || options.only.contains(group));
    let groups = groups.collect::<Vec<_>>();
    set_up(&groups)?;
    let mut report = Report::default();
    for group in groups {
        match group {
            Group::Python => {
                // A run each: the helper's tests put a module `maya` of their own into the interpreter.
                report.part("helper in Maya", || pytest(&python::TESTS, "tests/helper"));
                pypy(&mut report)?;
                report.part("simulated Maya", || pytest(&python::TESTS, "tests/maya_sim_tests"));
            }
            Group::Ui => {
                report.part("window's page", || show(&mut window::script("test")));
                report.part("window's page in a browser", || show(&mut window::script("e2e")));
            }
            Group::Rust => {
                report.part("building", build);
                report.part("crates and whole engine", rust);
            }
            Group::Checkers => report.part("other people's checkers", || {
                checkers::endpoint_with_fixtures()?;
                build()?;
                pytest(&python::TESTS, "tests/checkers")
            }),
            Group::Desktop => report.part("tray, notices and window", || {
                build()?;
                pytest(&python::TESTS, "tests/desktop")
            }),
        }
    }
    report.finish()
}

fn set_up(groups: &[Group]) -> anyhow::Result<()> {
    let any = |wanted: &[Group]| groups.iter().any(|group| wanted.contains(group));
    let mut needed = Vec::new();
    if any(&[Group::Rust, Group::Checkers, Group::Desktop]) {
        needed.extend([BUILD, RUN]);
    }
    if any(&[Group::Python, Group::Rust, Group::Checkers, Group::Desktop]) {
        needed.push(SIMULATOR);
    }
    if any(&[Group::Python]) {
        needed.push(LOCALES);
        // Where nothing could install it, the tests under it are left out.
        if on_path("apt-get").is_some() {
            needed.push(PYPY);
        }
    }
    if any(&[Group::Ui]) {
        needed.push(BROWSER);
    }
    if any(&[Group::Desktop]) {
        needed.extend([SCREEN, HANDS]);
    }
    debian::packages(&needed)?;
    if any(&[Group::Python, Group::Rust, Group::Checkers, Group::Desktop]) {
        python::packages()?;
    }
    if any(&[Group::Python]) {
        // Its list of packages is Linux's, where the simulated Maya runs.
        if cfg!(target_os = "linux") {
            python::PUBLISHED.packages()?;
        }
        if python::PYPY.version()?.is_some() {
            python::PYPY.packages()?;
        }
    }
    if any(&[Group::Checkers]) {
        checkers::packages()?;
    }
    if any(&[Group::Ui, Group::Rust, Group::Checkers, Group::Desktop]) {
        window::packages()?;
        window::page()?;
    }
    Ok(())
}

/// Programs and tests in one go: built apart, they would take other features of the same crates, and each of these twice.
fn build() -> anyhow::Result<()> {
    show(program("cargo").args(["build", "--workspace", "--all-targets"]))
}

fn rust() -> anyhow::Result<()> {
    // Documentation has no examples that run, hence --all-targets in place of cargo's own choice.
    if on_path("cargo-nextest").is_some() {
        show(program("cargo").args(["nextest", "run", "--workspace", "--all-targets", "--no-fail-fast"]))
    } else {
        show(program("cargo").args(["test", "--workspace", "--all-targets", "--no-fail-fast"]))
    }
}

/// The helper's tests once more, under a Python that counts no references and stops no running code.
fn pypy(report: &mut Report) -> anyhow::Result<()> {
    let Some(version) = python::PYPY.version()? else {
        report.part("helper in Maya, PyPy (left out)", || {
            println!("There is no pypy3 here, and no apt-get that could install it.");
            Ok(())
        });
        return Ok(());
    };
    report.part(&format!("helper in Maya, PyPy {version}"), || pytest(&python::PYPY, "tests/helper"));
    Ok(())
}

fn pytest(python: &Environment, folder: &str) -> anyhow::Result<()> {
    let mut tests = program(python.tool("python"));
    tests.args(["-m", "pytest", "-q"]).arg(folder).env("MAYA_MCP_TRAY", repository::built("maya-mcp-tray")?);
    show(&mut tests)
}
