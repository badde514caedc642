//! The window's page: its npm packages, and the files in ui/dist that the tray application carries.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, bail};

use crate::{
    narrate::step,
    process::{program, quiet},
    repository::{self, newest},
};

/// As package.json says.
const NODE_AT_LEAST: (u32, u32) = (20, 19);

/// A script of ui/package.json.
pub fn script(name: &str) -> Command {
    let mut command = npm();
    command.args(["run", "--silent", name]);
    command
}

/// Installs the npm packages when the lock file is newer than they are.
pub fn packages() -> anyhow::Result<()> {
    step("npm packages", || {
        let wanted = newest(&[ui("package-lock.json")]).context("ui/package-lock.json is missing")?;
        if newest(&[ui("node_modules/.package-lock.json")]).is_some_and(|installed| installed >= wanted) {
            return Ok("all there".to_owned());
        }
        need_node()?;
        quiet(npm().args(["ci", "--no-audit", "--no-fund"]))?;
        Ok("installed".to_owned())
    })
}

/// Builds ui/dist when a source is newer. Needs the packages.
pub fn page() -> anyhow::Result<()> {
    step("the window's page", || {
        let sources =
            ["src", "index.html", "vite.config.ts", "svelte.config.js", "tsconfig.json", "package-lock.json"];
        let changed = newest(&sources.map(ui));
        if newest(&[ui("dist/index.html")]) >= changed {
            return Ok("up to date".to_owned());
        }
        quiet(&mut script("build"))?;
        Ok("built".to_owned())
    })
}

fn need_node() -> anyhow::Result<()> {
    let (major, minor) = NODE_AT_LEAST;
    let hint = format!("Node.js {major}.{minor} or newer and npm are needed: https://nodejs.org");
    let version = quiet(program("node").arg("--version")).with_context(|| hint.clone())?;
    if parse(&version).is_none_or(|found| found < NODE_AT_LEAST) {
        bail!("{hint}; this is {}", version.trim());
    }
    quiet(npm().arg("--version")).map(drop).context(hint)
}

fn parse(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.trim().strip_prefix('v')?.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

fn npm() -> Command {
    let mut command = program(if cfg!(windows) { "npm.cmd" } else { "npm" });
    command.current_dir(ui(""));
    command
}

fn ui(path: &str) -> PathBuf {
    repository::root().join("ui").join(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_node_is_understood() {
        for (text, version) in
            [("v20.19.2\n", Some((20, 19))), ("v22.1.0", Some((22, 1))), ("nonsense", None)]
        {
            assert_eq!(parse(text), version, "{text}");
        }
    }
}
