//! The Python of tests and demo: target/venv, with the packages of tests/requirements.txt.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

use crate::{
    debian::{self, PYTHON_VENV},
    narrate::step,
    process::{program, quiet},
    repository,
};

/// The simulated Maya is written for this one: that of Maya 2025 and 2026, and of Debian 12.
const AT_LEAST: (u32, u32) = (3, 11);

/// A program of the environment.
pub fn tool(name: &str) -> PathBuf {
    let folder = if cfg!(windows) { "Scripts" } else { "bin" };
    environment().join(folder).join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// Makes the environment, and brings it up to date when the list of packages has changed.
pub fn packages() -> anyhow::Result<()> {
    let wanted = repository::root().join("tests/requirements.txt");
    let wanted_text = fs::read_to_string(&wanted).context("reading tests/requirements.txt")?;
    // A copy of the list is written last, so it is there only when everything was installed.
    let stamp = environment().join("requirements.txt");
    let whole = quiet(program(tool("python")).args(["-c", ""])).is_ok();
    if whole && fs::read_to_string(&stamp).is_ok_and(|text| text == wanted_text) {
        return step("Python packages", || Ok("all there".to_owned()));
    }
    if !whole && quiet(system_python().args(["-c", "import ensurepip"])).is_err() {
        debian::packages(&[PYTHON_VENV])?;
    }
    step("Python packages", || {
        if !whole {
            make()?;
        }
        quiet(
            program(tool("python")).args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(&wanted),
        )?;
        fs::write(&stamp, &wanted_text).context("remembering the list of Python packages")?;
        Ok(format!("installed in {}", shown(&environment())))
    })
}

fn make() -> anyhow::Result<()> {
    let version = quiet(system_python().args(["-c", "import sys; print(*sys.version_info[:2])"]))
        .context("Python is needed")?;
    let found = version.trim().split_once(' ').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    if found.is_none_or(|found: (u32, u32)| found < AT_LEAST) {
        let (major, minor) = AT_LEAST;
        bail!(
            "Python {major}.{minor} or newer is needed, and python3 is {}",
            version.trim().replace(' ', ".")
        );
    }
    quiet(system_python().args(["-m", "venv", "--clear"]).arg(environment())).map(drop)
}

fn system_python() -> std::process::Command {
    program(if cfg!(windows) { "python" } else { "python3" })
}

fn environment() -> PathBuf {
    repository::root().join("target/venv")
}

fn shown(path: &Path) -> String {
    path.strip_prefix(repository::root()).unwrap_or(path).display().to_string()
}
