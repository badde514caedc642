//! Debian's packages: which are needed for what, which are missing, and how they get here.
//!
//! Invariant: what is there is never touched; without the means to install, the one line that installs is told.

use std::{
    collections::BTreeSet,
    io::{self, IsTerminal},
    process::{Command, Stdio},
};

use anyhow::{Context, anyhow, bail};

use crate::{
    narrate::step,
    process::{on_path, program, quiet, show},
};

/// A package, and the program that makes it needless when it is on the PATH already.
#[derive(Debug, Clone, Copy)]
pub struct Package {
    name: &'static str,
    program: Option<&'static str>,
}

pub type Group = &'static [Package];

/// To compile and link the tray application.
pub const BUILD: Group = &[
    library("libwebkit2gtk-4.1-dev"),
    library("libdbus-1-dev"),
    library("libssl-dev"),
    library("libc6-dev"),
    tool("gcc", "gcc"),
    tool("pkg-config", "pkg-config"),
];

/// To check the types for Windows: what brings its resources into a program, and the C compiler that is asked for.
pub const CROSS: Group = &[
    tool("binutils-mingw-w64-x86-64", "x86_64-w64-mingw32-windres"),
    tool("gcc-mingw-w64-x86-64", "x86_64-w64-mingw32-gcc"),
];

/// To see its icon in the tray. It is loaded at run time.
pub const RUN: Group = &[library("libayatana-appindicator3-1")];

/// What PySide6 loads inside a simulated Maya; the rest of it comes with these.
pub const SIMULATOR: Group = &[
    library("libegl1"),
    library("libgl1"),
    library("libxkbcommon0"),
    library("libfontconfig1"),
    library("libdbus-1-3"),
];

/// To make a Python environment. Other Pythons than Debian's bring it along.
pub const PYTHON_VENV: Group = &[library("python3-venv")];

/// Another Python, under which the helper has to work as well.
pub const PYPY: Group = &[tool("pypy3", "pypy3")];

/// The same as for the other Python.
pub const PYPY_VENV: Group = &[library("pypy3-venv")];

/// What locales are made from: a Maya's need not be UTF-8.
pub const LOCALES: Group = &[library("locales")];

/// A screen and a session bus where there are none.
pub const SCREEN: Group = &[tool("xvfb", "Xvfb"), tool("xauth", "xauth"), tool("dbus", "dbus-daemon")];

/// To work the tray and the window as a person does, inside the window's own web view, and to look at the screen.
pub const HANDS: Group = &[
    tool("webkit2gtk-driver", "WebKitWebDriver"),
    tool("openbox", "openbox"),
    tool("wmctrl", "wmctrl"),
    tool("xdotool", "xdotool"),
    tool("imagemagick", "import"),
    library("python3-gi"),
    library("gir1.2-gtk-3.0"),
];

/// To work the window in a browser.
pub const BROWSER: Group = &[tool("chromium", "chromium")];

const fn library(name: &'static str) -> Package {
    Package { name, program: None }
}

const fn tool(name: &'static str, program: &'static str) -> Package {
    Package { name, program: Some(program) }
}

/// Installs what is missing of these groups.
pub fn packages(groups: &[Group]) -> anyhow::Result<()> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    step("Debian packages", || {
        let wanted = groups.iter().copied().flatten().filter(|package| !is_on_path(package));
        let wanted = wanted.map(|package| package.name).collect::<BTreeSet<_>>();
        if on_path("dpkg-query").is_none() {
            return Ok(format!(
                "this is no Debian; make sure that you have what it calls {}",
                listed(&wanted)
            ));
        }
        let missing = missing(&wanted)?;
        if missing.is_empty() {
            return Ok("all there".to_owned());
        }
        install(&missing).map_err(|error| {
            anyhow!("{error:#}\nThese packages are missing. As root:\n  apt-get install {}", listed(&missing))
        })?;
        Ok(format!("installed {}", listed(&missing)))
    })
}

fn is_on_path(package: &Package) -> bool {
    package.program.is_some_and(|program| on_path(program).is_some())
}

fn missing(wanted: &BTreeSet<&'static str>) -> anyhow::Result<BTreeSet<&'static str>> {
    let mut query = program("dpkg-query");
    query.args(["--show", "--showformat", "${Package} ${db:Status-Status}\n"]).args(wanted);
    // It ends with an error when it does not know one of them, which is an answer.
    let answer = query.output().context("starting dpkg-query")?;
    let installed = installed(&String::from_utf8_lossy(&answer.stdout));
    Ok(wanted.iter().copied().filter(|name| !installed.contains(*name)).collect())
}

fn installed(answer: &str) -> BTreeSet<String> {
    answer.lines().filter_map(|line| line.strip_suffix(" installed")).map(str::to_owned).collect()
}

fn install(wanted: &BTreeSet<&'static str>) -> anyhow::Result<()> {
    let rights = rights()?;
    apt_get(rights, &["update"])?;
    let arguments = ["install", "--yes", "--no-install-recommends"];
    apt_get(rights, &arguments.into_iter().chain(wanted.iter().copied()).collect::<Vec<_>>())?;
    match missing(wanted)? {
        left if left.is_empty() => Ok(()),
        left => bail!("apt-get ended well, and yet these are not there: {}", listed(&left)),
    }
}

#[derive(Debug, Clone, Copy)]
enum Rights {
    Root,
    Sudo,
    /// sudo will ask for the password.
    SudoAsks,
}

fn rights() -> anyhow::Result<Rights> {
    if on_path("apt-get").is_none() {
        bail!("there is no apt-get here");
    }
    if quiet(program("id").arg("-u"))?.trim() == "0" {
        return Ok(Rights::Root);
    }
    if on_path("sudo").is_none() {
        bail!("you are not root, and there is no sudo");
    }
    if quiet(program("sudo").args(["-n", "true"])).is_ok() {
        return Ok(Rights::Sudo);
    }
    if io::stdin().is_terminal() {
        return Ok(Rights::SudoAsks);
    }
    bail!("sudo asks for a password, and nobody is there to type it");
}

fn apt_get(rights: Rights, arguments: &[&str]) -> anyhow::Result<()> {
    match rights {
        Rights::Root => quiet(unattended(&mut program("apt-get")).args(arguments)).map(drop),
        Rights::Sudo => {
            quiet(program("sudo").args(["-n", "DEBIAN_FRONTEND=noninteractive", "apt-get"]).args(arguments))
                .map(drop)
        }
        Rights::SudoAsks => {
            println!();
            show(program("sudo").arg("apt-get").args(arguments).stdin(Stdio::inherit()))
        }
    }
}

fn unattended(command: &mut Command) -> &mut Command {
    command.env("DEBIAN_FRONTEND", "noninteractive")
}

fn listed(names: &BTreeSet<&'static str>) -> String {
    names.iter().copied().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_that_was_removed_is_not_there() {
        let answer = "libdbus-1-dev installed\nxvfb not-installed\ndunst config-files\n";
        assert_eq!(installed(answer), BTreeSet::from(["libdbus-1-dev".to_owned()]), "only what is whole");
    }
}
