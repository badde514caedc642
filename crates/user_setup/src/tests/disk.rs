//! What is on the disk after each way through, the bad ones included.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::FILES;
use crate::{
    Error, Outcome, Platform, Start, State, Surroundings, Version, file::Found, preview, status, turn_off,
    turn_on, versions,
};

/// A home in which Maya has run.
struct Home {
    folder: tempfile::TempDir,
    around: Surroundings,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let around = Surroundings::at(folder.path(), Platform::Linux);
        fs::create_dir_all(folder.path().join("maya/2025/scripts")).expect("Maya's folder");
        Self { folder, around }
    }

    fn with(bytes: impl AsRef<[u8]>) -> Self {
        let home = Self::new();
        fs::write(home.file(), bytes).expect("written");
        home
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("maya/2025/scripts/userSetup.py")
    }

    fn state(&self) -> State {
        status(maya(2025), &self.around, &start("home")).state
    }

    fn on(&self) -> crate::TurnedOn {
        turn_on(maya(2025), &self.around, &start("home")).expect("turned on")
    }

    fn off(&self) -> Outcome {
        turn_off(maya(2025), &self.around).expect("turned off").outcome
    }

    /// The names in the folder of scripts, sorted.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path().join("maya/2025/scripts")).expect("it can be listed");
        let names =
            entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a plain name"));
        let mut names = names.collect::<Vec<_>>();
        names.sort();
        names
    }
}

fn maya(year: u16) -> Version {
    year.to_string().parse().expect("a year")
}

fn start(home: &str) -> Start {
    Start { boot: Path::new("/home/ana").join(home).join("boot.py") }
}

#[test]
fn the_first_bytes_come_back() {
    for before in FILES {
        let home = Home::with(before);
        assert_eq!(home.state(), State::Off, "{before:?}");
        let done = home.on();
        let backup = done.backup.expect("there was a file");
        assert_eq!(fs::read(&backup).expect("readable"), before, "the backup of {before:?}");
        assert_eq!(home.state(), State::On, "{before:?}");
        assert!(!home.on().changed, "twice is once: {before:?}");
        assert_eq!(home.off(), Outcome::BlockRemoved, "{before:?}");
        assert_eq!(fs::read(home.file()).expect("it is there"), before, "byte for byte: {before:?}");
        assert_eq!(home.names(), ["userSetup.py"], "nothing of ours stays beside it: {before:?}");
        assert_eq!(home.off(), Outcome::WasOff, "{before:?}");
    }
}

#[test]
fn a_file_that_was_not_there_goes_again() {
    let home = Home::new();
    let version = maya(2026);
    let done = turn_on(version, &home.around, &start("home")).expect("its folders are made");
    assert!(done.path.ends_with("maya/2026/scripts/userSetup.py"), "{}", done.path.display());
    assert_eq!(done.backup, None, "there was nothing to keep");
    assert_eq!(versions(&home.around), [maya(2025), version], "now it has a folder");
    let done = turn_off(version, &home.around).expect("turned off");
    assert_eq!(done.outcome, Outcome::FileRemoved, "nothing else was in it");
    assert!(!done.path.exists(), "it is gone");
}

#[test]
fn a_block_of_another_home_is_brought_up_to_date() {
    let home = Home::with("import studio");
    turn_on(maya(2025), &home.around, &start("elsewhere")).expect("turned on");
    assert_eq!(home.state(), State::Outdated, "it starts another loader");
    let done = home.on();
    assert!(done.changed, "it was another");
    assert_eq!(done.backup, None, "the backup of the first file stays");
    assert_eq!(home.state(), State::On, "up to date");
    assert_eq!(home.off(), Outcome::BlockRemoved, "out");
    assert_eq!(fs::read(home.file()).expect("it is there"), b"import studio", "byte for byte");
    assert_eq!(home.names(), ["userSetup.py"], "the backup has served");
}

#[test]
fn what_was_written_since_stays() {
    let home = Home::with("import studio");
    home.on();
    let text = fs::read_to_string(home.file()).expect("text");
    fs::write(home.file(), format!("import os\n{text}studio.start()\n")).expect("written");
    assert_eq!(home.state(), State::On, "their lines do not matter");
    assert_eq!(home.off(), Outcome::BlockRemoved, "ours alone");
    let left = fs::read_to_string(home.file()).expect("text");
    assert_eq!(left, "import os\nimport studio\nstudio.start()\n", "nothing joined, nothing lost");
    assert_eq!(home.names().len(), 2, "the backup is another text now and stays");
}

#[test]
fn a_preview_is_what_is_written() {
    for before in [None, Some("import studio"), Some("import studio\r\n")] {
        let home = Home::new();
        if let Some(text) = before {
            fs::write(home.file(), text).expect("written");
        }
        let shown = preview(maya(2025), &home.around, &start("home")).expect("a preview");
        assert_eq!(shown.path, home.file(), "where");
        assert_eq!((shown.creates_file, shown.changes), (before.is_none(), true), "{before:?}");
        home.on();
        let written = fs::read_to_string(home.file()).expect("text");
        assert!(written.ends_with(&shown.block), "{written:?} ends in what was shown");
        let shown = preview(maya(2025), &home.around, &start("home")).expect("a preview");
        assert!(!shown.changes && written.ends_with(&shown.block), "the same again: {before:?}");
    }
}

#[test]
fn a_file_that_cannot_be_edited_is_left_as_it_is() {
    for (why, text, expected) in [
        ("half a block", &b"# >>> Maya MCP Tray >>>\n"[..], "are incomplete. Delete"),
        ("a continued line", b"x = \\\n", "Add an empty line at its end"),
        ("UTF-16", b"\xff\xfei\0", "Save it as UTF-8"),
    ] {
        let home = Home::with(text);
        let error = turn_on(maya(2025), &home.around, &start("home")).expect_err(why).to_string();
        assert!(error.contains(expected), "{why}: {error}");
        assert!(preview(maya(2025), &home.around, &start("home")).is_err(), "{why}: known before");
        assert_eq!(fs::read(home.file()).expect("it is there"), text, "{why}");
        assert_eq!(home.names(), ["userSetup.py"], "{why}: no backup of what was not changed");
    }
}

#[test]
fn what_is_no_file_is_refused() {
    let home = Home::new();
    fs::create_dir(home.file()).expect("a folder of that name");
    let error = turn_on(maya(2025), &home.around, &start("home")).expect_err("a folder");
    assert!(matches!(error, Error::NotAFile(_)), "{error}");
    assert!(matches!(home.state(), State::Unreadable { .. }), "and shown as such");
    let huge = Home::new();
    let file = fs::File::create(huge.file()).expect("made");
    file.set_len(17 << 20).expect("a sparse file");
    let error = turn_on(maya(2025), &huge.around, &start("home")).expect_err("huge");
    assert!(matches!(error, Error::TooLarge(_)), "{error}");
}

#[test]
fn what_could_not_be_written_leaves_no_backup() {
    let home = Home::with("import studio\n");
    let in_the_way = home.file().with_file_name("userSetup.py.maya-mcp.tmp");
    fs::create_dir(&in_the_way).expect("a folder where the new file is written");
    let error = turn_on(maya(2025), &home.around, &start("home")).expect_err("in the way");
    assert!(matches!(error, Error::Write { .. }), "{error}");
    assert_eq!(fs::read(home.file()).expect("it is there"), b"import studio\n", "as it was");
    fs::remove_dir(in_the_way).expect("removed");
    assert_eq!(home.names(), ["userSetup.py"], "nothing was changed, so there is nothing to keep");
}

#[test]
fn an_old_maya_is_not_listed_and_not_turned_on() {
    let home = Home::new();
    for name in ["2019", "2022", "2024", "2025-x64", "3025", "scripts", "20255", "２０２６"] {
        fs::create_dir_all(home.folder.path().join("maya").join(name)).expect("made");
    }
    fs::write(home.folder.path().join("maya/2023"), "a file").expect("written");
    assert_eq!(versions(&home.around), [2022, 2024, 2025].map(maya), "years that the helper can run in");
    let error = turn_on(maya(2019), &home.around, &start("home")).expect_err("too old");
    assert!(error.to_string().ends_with("Choose Maya 2022 or later"), "{error}");
    assert_eq!(turn_off(maya(2019), &home.around).expect("harmless").outcome, Outcome::WasOff, "as it was");
}

#[test]
fn each_platform_has_its_folder() {
    let app_dir = Some(PathBuf::from("/studio/maya"));
    let documents = Some(PathBuf::from("/moved/Documents"));
    for (platform, documents, maya_app_dir, expected) in [
        (Platform::Linux, None, None, "/home/ana/maya"),
        (Platform::MacOs, None, None, "/home/ana/Library/Preferences/Autodesk/maya"),
        (Platform::Windows, None, None, "/home/ana/Documents/maya"),
        (Platform::Windows, documents.clone(), None, "/moved/Documents/maya"),
        (Platform::Linux, documents, None, "/home/ana/maya"),
        (Platform::Windows, None, app_dir, "/studio/maya"),
    ] {
        let around = Surroundings { documents, maya_app_dir, ..Surroundings::at("/home/ana", platform) };
        let expected = Path::new(expected).join("2025/scripts/userSetup.py");
        assert_eq!(around.user_setup(maya(2025)), expected, "{platform:?}");
    }
}

#[test]
fn a_file_that_changes_meanwhile_is_left_as_it_is() {
    let home = Home::with("import studio\n");
    let found = Found::read(&home.file()).expect("readable");
    fs::write(home.file(), "import other\n").expect("written");
    let error = found.replace(b"ours").expect_err("it is another");
    assert!(matches!(error, Error::Changed(_)), "{error}");
    assert_eq!(fs::read(home.file()).expect("it is there"), b"import other\n", "theirs");
    assert_eq!(home.names(), ["userSetup.py"], "nothing half done stays");
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("it is there").permissions().mode() & 0o7777
    }

    #[test]
    fn who_may_read_the_file_stays_as_it_is() {
        for wanted in [0o644, 0o600, 0o755, 0o664] {
            let home = Home::with("import studio");
            fs::set_permissions(home.file(), fs::Permissions::from_mode(wanted)).expect("allowed");
            home.on();
            assert_eq!(mode(&home.file()), wanted, "on");
            home.off();
            assert_eq!(mode(&home.file()), wanted, "off");
        }
    }

    #[test]
    fn a_link_stays_a_link() {
        let home = Home::new();
        let target = home.folder.path().join("dotfiles.py");
        fs::write(&target, "import studio").expect("written");
        symlink(&target, home.file()).expect("linked");
        home.on();
        assert!(home.file().is_symlink(), "the link");
        assert_ne!(fs::read(&target).expect("readable"), b"import studio", "its target is written");
        assert_eq!(home.off(), Outcome::BlockRemoved, "out");
        assert_eq!(fs::read_link(home.file()).expect("a link"), target, "the link, still");
        assert_eq!(fs::read(&target).expect("readable"), b"import studio", "byte for byte");
    }

    #[test]
    fn a_file_of_ours_that_became_a_link_is_emptied_and_not_removed() {
        let home = Home::new();
        home.on();
        let target = home.folder.path().join("dotfiles.py");
        fs::rename(home.file(), &target).expect("moved");
        symlink(&target, home.file()).expect("linked");
        assert_eq!(home.off(), Outcome::BlockRemoved, "out");
        assert_eq!(fs::read(&target).expect("it is there"), b"", "their arrangement stays");
    }

    #[test]
    fn a_link_to_nothing_is_refused() {
        let home = Home::new();
        symlink("nowhere.py", home.file()).expect("linked");
        let error = turn_on(maya(2025), &home.around, &start("home")).expect_err("no target");
        assert!(matches!(error, Error::DanglingLink(_)), "{error}");
    }

    #[test]
    fn a_read_only_file_is_refused_in_both_directions() {
        let home = Home::with("import studio\n");
        fs::set_permissions(home.file(), fs::Permissions::from_mode(0o444)).expect("allowed");
        let refused = |error: Error| assert!(matches!(error, Error::ReadOnly(_)), "{error}");
        refused(turn_on(maya(2025), &home.around, &start("home")).expect_err("on"));
        refused(preview(maya(2025), &home.around, &start("home")).expect_err("known before"));
        assert_eq!(home.names(), ["userSetup.py"], "no backup of what was not changed");
        fs::set_permissions(home.file(), fs::Permissions::from_mode(0o644)).expect("allowed");
        home.on();
        fs::set_permissions(home.file(), fs::Permissions::from_mode(0o444)).expect("allowed");
        refused(turn_off(maya(2025), &home.around).expect_err("off"));
    }
}
