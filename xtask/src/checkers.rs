//! Other people's programs that check the endpoint, below target/, and the endpoint that the conformance suite needs.

use std::fs;

use anyhow::Context;

use crate::{
    narrate::step,
    node::{self, npm},
    process::{program, quiet, show},
    repository,
};

const FOLDER: &str = "target/checkers";
/// Never in what is shipped.
pub const FIXTURES: &str = "--features=maya-mcp-cli/conformance-fixtures";

/// Installs the npm packages when the lock file has changed.
pub fn packages() -> anyhow::Result<()> {
    step("checkers", || {
        let wanted = repository::root().join("tests/checkers");
        let folder = repository::root().join(FOLDER);
        let lock = fs::read(wanted.join("package-lock.json")).context("reading the checkers' lock file")?;
        // Written last, so it is there only when everything was installed.
        let stamp = folder.join("installed.json");
        if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
            return Ok("all there".to_owned());
        }
        node::needed()?;
        fs::create_dir_all(&folder).context("making the checkers' folder")?;
        for file in ["package.json", "package-lock.json"] {
            fs::copy(wanted.join(file), folder.join(file)).with_context(|| format!("copying {file}"))?;
        }
        // Nothing of theirs runs while it is installed; the tests start each program by its path.
        quiet(npm(&folder).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]))?;
        fs::write(&stamp, &lock).context("remembering what is installed")?;
        Ok(format!("installed in {FOLDER}"))
    })
}

/// Builds `maya-mcp` with the suite's fixtures, and puts it aside: in its place belongs the one without, which is built next.
pub fn endpoint_with_fixtures() -> anyhow::Result<()> {
    // All packages, and the examples that none has: so the crates of others take the features that they are built with anyway.
    show(program("cargo").args(["build", "--workspace", "--bin=maya-mcp", "--examples", FIXTURES]))?;
    let built = repository::built("maya-mcp")?;
    let folder = built.with_file_name("fixtures");
    let aside = folder.join(built.file_name().expect("it is a program"));
    fs::create_dir_all(&folder).context("making the folder for the endpoint with fixtures")?;
    fs::copy(&built, &aside).context("putting the endpoint with fixtures aside").map(drop)
}
