//! The Pythons of tests and demo: one environment below target/ for each list of packages.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

use crate::{
    debian::{self, PYPY_VENV, PYTHON_VENV},
    narrate::step,
    process::{on_path, program, quiet},
    repository,
};

/// A Python with packages of its own.
#[derive(Debug)]
pub struct Environment {
    /// What its packages are called while they are installed.
    name: &'static str,
    folder: &'static str,
    requirements: &'static str,
    python: &'static str,
    at_least: (u32, u32),
    /// What Debian's own of this Python needs before it makes an environment.
    venv: debian::Group,
}

/// What all tests, the demo and the checks use.
pub const TESTS: Environment = Environment {
    name: "Python packages",
    folder: "target/venv",
    requirements: "tests/requirements.txt",
    python: if cfg!(windows) { "python" } else { "python3" },
    // The simulated Maya is written for this one: that of Maya 2025 and 2026, and of Debian 12.
    at_least: (3, 11),
    venv: PYTHON_VENV,
};

/// The server that others published. It has its own ideas of what the versions of its packages are.
pub const PUBLISHED: Environment = Environment {
    name: "Published server",
    folder: "target/venv-published",
    requirements: "tests/requirements-published.txt",
    ..TESTS
};

/// Another Python than the helper was written on, and an older one.
pub const PYPY: Environment = Environment {
    name: "PyPy packages",
    folder: "target/venv-pypy",
    requirements: "tests/requirements-pypy.txt",
    python: "pypy3",
    at_least: (3, 9),
    venv: PYPY_VENV,
};

/// A program of the environment for tests.
pub fn tool(name: &str) -> PathBuf {
    TESTS.tool(name)
}

/// Makes the environment for tests, and brings it up to date.
pub fn packages() -> anyhow::Result<()> {
    TESTS.packages()
}

impl Environment {
    pub fn tool(&self, name: &str) -> PathBuf {
        let folder = if cfg!(windows) { "Scripts" } else { "bin" };
        self.path().join(folder).join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
    }

    /// Makes the environment, and brings it up to date when the list of packages has changed.
    pub fn packages(&self) -> anyhow::Result<()> {
        let wanted = repository::root().join(self.requirements);
        let wanted_text =
            fs::read_to_string(&wanted).with_context(|| format!("reading {}", self.requirements))?;
        // A copy of the list is written last, so it is there only when everything was installed.
        let stamp = self.path().join("requirements.txt");
        let whole = quiet(program(self.tool("python")).args(["-c", ""])).is_ok();
        if whole && fs::read_to_string(&stamp).is_ok_and(|text| text == wanted_text) {
            return step(self.name, || Ok("all there".to_owned()));
        }
        if !whole && quiet(program(self.python).args(["-c", "import ensurepip"])).is_err() {
            debian::packages(&[self.venv])?;
        }
        step(self.name, || {
            if !whole {
                self.make()?;
            }
            quiet(
                program(self.tool("python"))
                    .args(["-m", "pip", "install", "--quiet", "--requirement"])
                    .arg(&wanted),
            )?;
            fs::write(&stamp, &wanted_text).context("remembering the list of packages")?;
            Ok(format!("installed in {}", shown(&self.path())))
        })
    }

    /// Its version as in "3.11"; `None` where this Python is not installed.
    pub fn version(&self) -> anyhow::Result<Option<String>> {
        if on_path(self.python).is_none() {
            return Ok(None);
        }
        let ask = "import sys; print(*sys.version_info[:2], sep='.')";
        Ok(Some(quiet(program(self.python).args(["-c", ask]))?.trim().to_owned()))
    }

    fn make(&self) -> anyhow::Result<()> {
        let (major, minor) = self.at_least;
        let Some(version) = self.version()? else {
            bail!("{} is needed, of version {major}.{minor} or newer", self.python);
        };
        let found = version.split_once('.').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
        if found.is_none_or(|found: (u32, u32)| found < self.at_least) {
            bail!("{} is {version}, and {major}.{minor} or newer is needed", self.python);
        }
        quiet(program(self.python).args(["-m", "venv", "--clear"]).arg(self.path())).map(drop)
    }

    fn path(&self) -> PathBuf {
        repository::root().join(self.folder)
    }
}

fn shown(path: &Path) -> String {
    path.strip_prefix(repository::root()).unwrap_or(path).display().to_string()
}
