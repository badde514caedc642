//! The scene that Maya saves while it crashes.
//!
//! Invariant: a file is offered only if it is of this user, of this scene and of this crash; a wrong one would cost more than none.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// Maya may have begun to write it before anybody could see that it was not well; a slow disk or a large scene takes its time.
const UNNOTICED: Duration = Duration::from_mins(2);

/// A file server's clock and ours.
const CLOCKS_DIFFER: Duration = Duration::from_secs(10);

/// What is known of the Maya that crashed.
#[derive(Debug)]
pub struct Crash<'a> {
    pub user: &'a str,
    /// The file name alone, with its ending; empty for a scene that was never saved.
    pub scene_name: &'a str,
    /// When Maya was last known to be well. It may stand behind a dialog for an hour before it goes, its scene written long ago.
    pub since: SystemTime,
    /// The end of its process.
    pub at: SystemTime,
}

/// The newest recovered scene of that crash in these folders.
pub fn recovered_scene(crash: &Crash<'_>, folders: &[PathBuf]) -> Option<PathBuf> {
    let written = |path: &Path| {
        let file = fs::symlink_metadata(path).ok().filter(|file| file.is_file() && is_ours(file))?;
        let modified = file.modified().ok()?;
        let earlier_crash = crash.since.duration_since(modified).is_ok_and(|earlier| earlier > UNNOTICED);
        let from_the_future = modified.duration_since(crash.at).is_ok_and(|later| later > CLOCKS_DIFFER);
        (!earlier_crash && !from_the_future).then_some(modified)
    };
    folders
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_str().is_some_and(|name| is_recovered(name, crash)))
        .filter_map(|entry| Some((written(&entry.path())?, entry.path())))
        .max()
        .map(|(_, path)| path)
}

/// A scene can run code when it is opened: another user's is never offered, whatever its name says.
#[cfg(unix)]
fn is_ours(file: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    file.uid() == rustix::process::geteuid().as_raw()
}

#[cfg(not(unix))]
fn is_ours(_file: &fs::Metadata) -> bool {
    // The temporary folder lies in the user's own profile.
    true
}

/// `shot_010[Recovered-ana.20260121.1530].ma`, or as older Mayas write it, `ana.20260121.1530.ma`, which does not tell the scene.
fn is_recovered(name: &str, crash: &Crash<'_>) -> bool {
    let Some(plain) = name.strip_suffix(".ma").or_else(|| name.strip_suffix(".mb")) else { return false };
    let scene = crash.scene_name;
    let scene = scene.strip_suffix(".ma").or_else(|| scene.strip_suffix(".mb")).unwrap_or(scene);
    if let Some((stem, rest)) = plain.split_once("[Recovered-") {
        let of_user =
            rest.strip_prefix(crash.user).is_some_and(|rest| rest.starts_with('.') && rest.ends_with(']'));
        // What Maya calls a scene without a name is not known; any other name is that of another scene.
        return of_user && (scene.is_empty() || stem == scene);
    }
    let date = plain.strip_prefix(crash.user).and_then(|rest| rest.strip_prefix('.'));
    date.is_some_and(|date| date.len() >= 8 && date.chars().all(|c| c.is_ascii_digit() || c == '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_of_this_user_and_this_scene_is_one() {
        for (scene, name, expected) in [
            ("shot_010.ma", "shot_010[Recovered-ana.20260121.1530].ma", true),
            ("shot_010.mb", "shot_010[Recovered-ana.20260121].mb", true),
            ("", "untitled[Recovered-ana.20260121.1530].ma", true),
            ("shot_010.ma", "ana.20260121.1530.ma", true),
            ("shot_010.ma", "shot_020[Recovered-ana.20260121.1530].ma", false),
            ("shot_010.ma", "shot_010[Recovered-anabel.20260121].ma", false),
            ("shot_010.ma", "shot_010.ma", false),
            ("shot_010.ma", "ana.notes.ma", false),
            ("shot_010.ma", "anabel.20260121.1530.ma", false),
            ("shot_010.ma", "shot_010[Recovered-ana.20260121.1530].ma.swp", false),
        ] {
            let crash = Crash {
                user: "ana",
                scene_name: scene,
                since: SystemTime::UNIX_EPOCH,
                at: SystemTime::UNIX_EPOCH,
            };
            assert_eq!(is_recovered(name, &crash), expected, "{name} for {scene:?}");
        }
    }

    #[test]
    fn only_what_was_written_around_the_crash_is_of_this_crash() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a[Recovered-ana.1].ma");
        let file = fs::File::create(&path).expect("writable");
        let end = 3_600_000;
        // Seconds: from the last sign of life to the end, and from the writing to the end.
        for (silent, before, expected, why) in [
            (0, 0, true, "written as it went"),
            (0, 119, true, "a large scene on a slow disk"),
            (0, 121, false, "an earlier crash left it"),
            (0, -9, true, "the file server's clock is a little ahead"),
            (0, -11, false, "from the future"),
            (3600, 3590, true, "it stood behind its dialog for an hour"),
            (3600, 1800, true, "written while nobody heard of it"),
            (3600, 3719, true, "written before anybody noticed"),
            (3600, 3721, false, "it was well after this was written"),
            (3600, -11, false, "from the future, however long it was silent"),
            (7200, 0, true, "written at the very end"),
        ] {
            let second = |ago: i64| SystemTime::UNIX_EPOCH + Duration::from_secs((end - ago).cast_unsigned());
            file.set_modified(second(before)).expect("it is ours");
            let crash = Crash { user: "ana", scene_name: "a.ma", since: second(silent), at: second(0) };
            let found = recovered_scene(&crash, &[folder.path().to_owned()]);
            assert_eq!(found.is_some(), expected, "{why}: silent for {silent} s, written {before} s before");
        }
    }

    #[test]
    fn the_newest_of_this_crash_is_offered() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let crashed = SystemTime::UNIX_EPOCH + Duration::from_hours(1000);
        let put = |name: &str, before: u64| {
            let path = folder.path().join(name);
            let file = fs::File::create(&path).expect("writable");
            file.set_modified(crashed - Duration::from_secs(before)).expect("it is ours");
            path
        };
        let folders = [folder.path().join("none"), folder.path().to_owned()];
        let crash = Crash { user: "ana", scene_name: "a.ma", since: crashed, at: crashed };
        assert_eq!(recovered_scene(&crash, &folders), None, "nothing there");
        put("a[Recovered-ana.1].ma", 3600);
        put("a[Recovered-ana.2].ma", 9);
        let newest = put("a[Recovered-ana.3].ma", 2);
        fs::create_dir(folder.path().join("a[Recovered-ana.4].ma")).expect("writable");
        assert_eq!(recovered_scene(&crash, &folders), Some(newest), "the newest file");
    }
}
