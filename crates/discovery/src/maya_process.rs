//! Which processes are Mayas. Every name that Autodesk ships, in one place.

use std::{ffi::OsStr, path::Path};

/// Programs with a window.
const INTERACTIVE: &[&str] = &["maya.bin", "maya.exe", "maya", "mayalt", "mayalt.exe"];
/// Programs without one.
const BATCH: &[&str] = &["mayapy", "mayapy.exe", "mayabatch", "mayabatch.exe", "python-bin"];

/// A first sieve by name alone, before anything dear is read. A process' own name may be cut (15 bytes on Linux); none of ours is that long.
pub fn may_be_maya(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    INTERACTIVE.contains(&name.as_str()) || BATCH.contains(&name.as_str())
}

/// What the process is, by the program it runs: a script that calls itself "maya" is none.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    pub batch: bool,
    pub version: Option<String>,
}

pub fn kind(exe: &Path, arguments: &[impl AsRef<OsStr>]) -> Option<Kind> {
    let name = exe.file_name()?.to_str()?.to_ascii_lowercase();
    let version = version_in(exe);
    let below_maya = || {
        exe.to_string_lossy()
            .to_ascii_lowercase()
            .split(['/', '\\'])
            .rev()
            .skip(1)
            .any(|p| p.starts_with("maya"))
    };
    let interactive = match name.as_str() {
        // The macOS program, and a Windows one; "maya" on Linux is a shell script that starts maya.bin.
        "maya" | "mayalt" => below_maya(),
        other => INTERACTIVE.contains(&other),
    };
    // mayapy shows as python-bin, or as what this is a link to; other programs have such Pythons too.
    let without_window = match name.as_str() {
        "python-bin" => below_maya(),
        name if name.starts_with("python3.") => below_maya(),
        other => BATCH.contains(&other),
    };
    let asks_for_batch =
        || arguments.iter().skip(1).any(|a| matches!(a.as_ref().to_str(), Some("-batch" | "-b")));
    (interactive || without_window).then(|| Kind { batch: without_window || asks_for_batch(), version })
}

/// "2025" from `/usr/autodesk/maya2025/bin/maya.bin`, `C:\Program Files\Autodesk\Maya2025\…`, `/Applications/Autodesk/maya2025/…`.
fn version_in(exe: &Path) -> Option<String> {
    let path = exe.to_string_lossy().to_ascii_lowercase();
    path.split(['/', '\\']).rev().find_map(|folder| {
        let year = folder.strip_prefix("mayalt").or_else(|| folder.strip_prefix("maya"))?;
        let year = year.split(['-', '.', ' ']).next()?;
        (year.len() == 4 && year.starts_with("20") && year.chars().all(|c| c.is_ascii_digit()))
            .then(|| year.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_of_autodesk_is_known_and_nothing_else() {
        /// Program, arguments, and what it is: batch or not, and its version.
        type Row<'a> = (&'a str, &'a [&'a str], Option<(bool, Option<&'a str>)>);
        let rows: &[Row] = &[
            ("/usr/autodesk/maya2025/bin/maya.bin", &["maya.bin"], Some((false, Some("2025")))),
            (
                "/usr/autodesk/maya2022/bin/maya.bin",
                &["maya.bin", "-batch", "-file", "a.ma"],
                Some((true, Some("2022"))),
            ),
            ("/opt/studio/maya.bin", &["maya.bin"], Some((false, None))),
            ("/usr/autodesk/maya2026/bin/python-bin", &["mayapy"], Some((true, Some("2026")))),
            ("/usr/autodesk/maya2027/bin/python3.13", &["python-bin"], Some((true, Some("2027")))),
            ("/opt/autodesk/flame/bin/python-bin", &["python-bin"], None),
            ("/usr/autodesk/maya2024/bin/mayapy", &["mayapy"], Some((true, Some("2024")))),
            (
                "C:\\Program Files\\Autodesk\\Maya2025\\bin\\maya.exe",
                &["maya.exe"],
                Some((false, Some("2025"))),
            ),
            ("C:\\AUTODESK\\MAYA2025\\BIN\\MAYA.EXE", &["MAYA.EXE", "-batch"], Some((true, Some("2025")))),
            ("C:\\Program Files\\Autodesk\\Maya2026\\bin\\mayapy.exe", &[], Some((true, Some("2026")))),
            ("C:\\Program Files\\Autodesk\\Maya2026\\bin\\MayaBatch.exe", &[], Some((true, Some("2026")))),
            ("C:\\Program Files\\Python313\\python.exe", &["mayapy"], None),
            (
                "/Applications/Autodesk/maya2027/Maya.app/Contents/MacOS/Maya",
                &["Maya"],
                Some((false, Some("2027"))),
            ),
            (
                "/Applications/Autodesk/mayaLT2020/MayaLT.app/Contents/MacOS/MayaLT",
                &["MayaLT"],
                Some((false, Some("2020"))),
            ),
            ("/usr/bin/bash", &["maya"], None),
            ("/home/ana/bin/maya", &["maya"], None),
            ("/usr/bin/python3.11", &["python3", "maya.bin"], None),
        ];
        for (exe, arguments, expected) in rows {
            // A Windows path has its folders told apart only on Windows.
            let exe = if cfg!(windows) || !exe.contains('\\') { *exe } else { continue };
            let found = kind(Path::new(exe), arguments).map(|k| (k.batch, k.version));
            let expected = expected.map(|(batch, version)| (batch, version.map(str::to_owned)));
            assert_eq!(found, expected, "{exe}");
        }
    }

    #[test]
    fn the_sieve_lets_every_maya_through() {
        for name in [
            "maya.bin",
            "maya.exe",
            "Maya",
            "MayaLT",
            "mayapy",
            "mayabatch",
            "python-bin",
            "MAYA.EXE",
            "MayaPy.exe",
        ] {
            assert!(may_be_maya(name), "{name}");
        }
        for name in ["python3", "bash", "maya.bin2", "mayanaise", ""] {
            assert!(!may_be_maya(name), "{name}");
        }
    }
}
