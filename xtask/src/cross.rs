//! Type checks for Windows and macOS, the tray application included, from a machine that is neither.
//!
//! Invariant: nothing is linked, so no system's own libraries are needed; what C there is in others' crates is left out.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;

use crate::{
    debian::{self, CROSS},
    narrate::{Report, step},
    process::{program, quiet, show},
    repository,
};

const WINDOWS: &str = "x86_64-pc-windows-gnu";
const MACOS: &str = "aarch64-apple-darwin";

/// Tests of the whole engine and this program itself run on Linux alone.
const NOT_THERE: [&str; 2] = ["maya-mcp-system-tests", "xtask"];

/// "Compiles" into nothing, and says that it went well.
const COMPILER: &str = "#!/bin/sh
while [ $# -gt 0 ]; do
  [ \"$1\" != -o ] || : >\"$2\"
  shift
done
";

/// Puts nothing into an archive.
const ARCHIVER: &str = "#!/bin/sh
[ -e \"$2\" ] || printf '!<arch>\\n' >\"$2\"
";

/// Where Rust's own library for the other systems comes from.
#[derive(Debug)]
pub enum Rust {
    Rustup,
    /// Debian's newest, unpacked: its library is checked along with us, from source. It brings no clippy.
    Debian(PathBuf),
}

pub fn set_up() -> anyhow::Result<Rust> {
    debian::packages(&[CROSS])?;
    let mut rust = Rust::Rustup;
    step("Rust for Windows and macOS", || {
        let Err(refused) = quiet(program("rustup").args(["target", "add", WINDOWS, MACOS])) else {
            return Ok("by rustup".to_owned());
        };
        let compiler = unpacked().with_context(|| format!("{refused:#}\nWithout rustup's, from Debian"))?;
        rust = Rust::Debian(compiler);
        Ok("unpacked from Debian".to_owned())
    })?;
    Ok(rust)
}

pub fn check(report: &mut Report, rust: &Rust) {
    report.part("types for Windows", || check_for(WINDOWS, rust));
    report.part("types for macOS", || check_for(MACOS, rust));
}

fn check_for(target: &str, rust: &Rust) -> anyhow::Result<()> {
    let mut command = program("cargo");
    command.arg(if let Rust::Rustup = rust { "clippy" } else { "check" });
    command.args(["--workspace", "--keep-going", "--target", target]);
    for package in NOT_THERE {
        command.args(["--exclude", package]);
    }
    match rust {
        Rust::Rustup => command.args(["--", "--deny", "warnings"]),
        Rust::Debian(compiler) => {
            command.arg("-Zbuild-std=std,panic_abort").env("RUSTC", compiler);
            command.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", "--deny warnings")
        }
    };
    command.env("CC_aarch64_apple_darwin", script("cc", COMPILER)?);
    command.env("AR_aarch64_apple_darwin", script("ar", ARCHIVER)?);
    // Beside the ordinary one: nobody waits for the other's lock.
    command.env("CARGO_TARGET_DIR", repository::root().join("target/cross"));
    show(&mut command)
}

/// The compiler in Debian's packages, which are fetched and never installed. Cargo stays the one that runs us.
fn unpacked() -> anyhow::Result<PathBuf> {
    let folder = tools().join("rust-web");
    let root = folder.join("root");
    let libraries = root.join("usr/lib/x86_64-linux-gnu");
    if !root.join("usr/bin/rustc").is_file() {
        fs::create_dir_all(&folder).context("making target/tools/cross/rust-web")?;
        quiet(program("apt-get").arg("download").args(debian_rust()?).current_dir(&folder))?;
        let files = fs::read_dir(&folder).context("looking at what was fetched")?;
        for file in
            files.flatten().filter(|file| file.path().extension().is_some_and(|ending| ending == "deb"))
        {
            quiet(program("dpkg").arg("-x").arg(file.path()).arg(&root))?;
        }
    }
    let (libraries, compiler) = (libraries.display(), root.join("usr/bin/rustc"));
    let compiler = compiler.display();
    script("rustc", &format!("#!/bin/sh\nLD_LIBRARY_PATH='{libraries}' exec '{compiler}' \"$@\"\n"))
}

/// The compiler, its library as a program and as a source, and what it translates with.
fn debian_rust() -> anyhow::Result<Vec<String>> {
    let mut ask = program("apt-cache");
    ask.args(["depends", "--recurse", "--no-recommends", "--no-suggests", "--no-conflicts", "--no-breaks"]);
    ask.args(["--no-replaces", "--no-enhances", "rustc-web", "rust-web-src"]);
    let needed = quiet(&mut ask)?;
    let ours = ["rustc-web", "rust-web-src", "libstd-rust-web", "libllvm"];
    let packages = needed.lines().filter(|line| ours.iter().any(|name| line.starts_with(name)));
    Ok(packages.map(str::to_owned).collect())
}

/// A program of ours that stands in for one that is not here.
fn script(name: &str, text: &str) -> anyhow::Result<PathBuf> {
    let path = tools().join(name);
    // Cargo builds again what was built by a newer program.
    if fs::read_to_string(&path).is_ok_and(|there| there == text) {
        return Ok(path);
    }
    fs::create_dir_all(tools()).context("making target/tools/cross")?;
    fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    make_executable(&path).with_context(|| format!("making {} a program", path.display()))?;
    Ok(path)
}

#[cfg(unix)]
fn make_executable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_path: &Path) -> std::io::Result<()> {
    Ok(())
}

fn tools() -> PathBuf {
    repository::root().join("target/tools/cross")
}
