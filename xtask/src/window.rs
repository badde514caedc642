//! The window's page: its npm packages, and the files in ui/dist that the tray application carries.

use std::{path::PathBuf, process::Command};

use anyhow::Context;

use crate::{
    narrate::step,
    node::{self, npm},
    process::quiet,
    repository::{self, newest},
};

/// A script of ui/package.json.
pub fn script(name: &str) -> Command {
    let mut command = npm(ui(""));
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
        node::needed()?;
        quiet(npm(ui("")).args(["ci", "--no-audit", "--no-fund"]))?;
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

fn ui(path: &str) -> PathBuf {
    repository::root().join("ui").join(path)
}
