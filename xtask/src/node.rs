//! Node.js and npm, as they are on this machine.

use std::{path::Path, process::Command};

use anyhow::{Context, bail};

use crate::process::{program, quiet};

/// As package.json says.
const AT_LEAST: (u32, u32) = (20, 19);

/// npm, at work in this folder.
pub fn npm(folder: impl AsRef<Path>) -> Command {
    let mut command = program(if cfg!(windows) { "npm.cmd" } else { "npm" });
    command.current_dir(folder);
    command
}

pub fn needed() -> anyhow::Result<()> {
    let (major, minor) = AT_LEAST;
    let hint = format!("Node.js {major}.{minor} or newer and npm are needed: https://nodejs.org");
    let version = quiet(program("node").arg("--version")).with_context(|| hint.clone())?;
    if parse(&version).is_none_or(|found| found < AT_LEAST) {
        bail!("{hint}; this is {}", version.trim());
    }
    quiet(npm(".").arg("--version")).map(drop).context(hint)
}

fn parse(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.trim().strip_prefix('v')?.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
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
