//! Decisions on the bytes alone.

use super::{BOOT, ELSEWHERE, FILES};
use crate::{
    Fault,
    block::{Before, compose, find, with_block, without_blocks},
    python::{self, mark_len},
};

/// The same numbers on every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % sides as u64).expect("smaller than `sides`")
    }

    /// A file of what makes trouble, and of noise.
    fn file(&mut self) -> Vec<u8> {
        const PIECES: [&[u8]; 18] = [
            b"\n",
            b"\r",
            b"\r\n",
            b"\\",
            b"#",
            b"'",
            b"\"\"\"",
            b"[",
            b" ",
            b"\t",
            b"import studio",
            b"\xf6",
            b"\xef\xbb\xbf",
            b"\0",
            b"\x0c",
            b"\x1a",
            b"# >>> Maya MCP",
            b"<<<",
        ];
        let mut file = Vec::new();
        for _ in 0..self.roll(12) {
            match self.roll(20) {
                0 => file.push(u8::try_from(self.roll(256)).expect("a byte")),
                _ => file.extend(PIECES[self.roll(PIECES.len())]),
            }
        }
        file
    }
}

fn on(bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    with_block(Some(bytes), BOOT)
}

#[test]
fn whatever_is_in_a_file_comes_back() {
    let mut dice = Dice(2026);
    let noise = (0..5_000).map(|_| dice.file());
    let mut written = 0;
    for before in FILES.into_iter().map(<[u8]>::to_vec).chain(noise) {
        let edited = match on(&before) {
            Ok(edited) => edited,
            Err(fault) => {
                let text = python::without_line_end(&before);
                let reason = if text.ends_with(b"\\") { Fault::Continued } else { Fault::NotForPython };
                assert_eq!(fault, reason, "only these are refused: {before:?}");
                continue;
            }
        };
        written += 1;
        assert!(edited.starts_with(&before), "what is there stays in front: {before:?}");
        assert_eq!(on(&edited).as_ref(), Ok(&edited), "twice is once: {before:?}");
        assert_eq!(without_blocks(&edited), Ok(Some(before.clone())), "byte for byte: {before:?}");
        let moved = with_block(Some(&edited), ELSEWHERE).expect("our own block is no obstacle");
        assert_ne!(moved, edited, "another home is another block: {before:?}");
        assert_eq!(without_blocks(&moved), Ok(Some(before.clone())), "after an update as well: {before:?}");
    }
    assert!(written > 3_000, "most files can be written: {written}");
}

#[test]
fn what_is_written_around_the_block_stays() {
    let mut dice = Dice(7);
    for _ in 0..5_000 {
        let before = dice.file();
        let Ok(edited) = on(&before) else { continue };
        let open = Before::of(Some(&before)) == Before::OpenLine;
        let (mut above, mut behind) = (before.clone(), dice.file());
        // A line written right in front of the block ends before it.
        let last = if open { before.len() } else { before.len().saturating_sub(1) };
        let at = mark_len(&before) + dice.roll((last + 1).saturating_sub(mark_len(&before)).max(1));
        if at < before.len() || open {
            let theirs = dice.file();
            above.splice(at..at, theirs);
        }
        let block = &edited[before.len()..];
        if behind.starts_with(b"\xef\xbb\xbf") {
            behind.clear();
        }
        let around = [&*above, block, &*behind].concat();
        let Ok(left) = without_blocks(&around) else {
            panic!("{around:?}: marks in one piece are found again")
        };
        let left = left.expect("there was a file before us");
        let is_needed = open && behind.first().is_some_and(|next| !matches!(next, b'\n' | b'\r'));
        let end = if is_needed { python::line_end(&before) } else { "" };
        let expected = [&*above, end.as_bytes(), &*behind].concat();
        assert_eq!(left, expected, "nothing joined, nothing lost: {above:?}, {behind:?}");
    }
}

#[test]
fn a_file_that_was_not_there_is_gone_when_nothing_else_is_in_it() {
    let ours = with_block(None, BOOT).expect("an empty place is no obstacle");
    assert_eq!(without_blocks(&ours), Ok(None), "ours alone");
    let theirs = [&*ours, b"import studio\n"].concat();
    assert_eq!(without_blocks(&theirs), Ok(Some(b"import studio\n".to_vec())), "with a line of theirs");
    let saved_again = [b"\xef\xbb\xbf", &*ours].concat();
    assert_eq!(without_blocks(&saved_again), Ok(None), "a byte order mark alone is nothing of theirs");
    let emptied = on(b"").expect("an empty file is no obstacle");
    assert_eq!(without_blocks(&emptied), Ok(Some(Vec::new())), "a file that was there and empty stays");
}

#[test]
fn an_editor_may_save_the_block_with_other_line_ends() {
    for before in ["import studio\n", "import studio", "import studio\nstudio.start()"] {
        let edited = String::from_utf8(on(before.as_bytes()).expect("plain")).expect("text");
        for end in ["\r\n", "\r", "\n"] {
            let saved = edited.replace('\n', end);
            let left = without_blocks(saved.as_bytes());
            let expected = before.replace('\n', end).into_bytes();
            assert_eq!(left, Ok(Some(expected)), "{before:?} saved with {end:?}");
        }
        let stripped = edited.trim_end_matches('\n');
        assert_eq!(
            without_blocks(stripped.as_bytes()),
            Ok(Some(before.as_bytes().to_vec())),
            "{before:?} saved without an end of its last line"
        );
    }
}

#[test]
fn what_is_left_of_a_block_is_not_touched() {
    let block = compose(Before::Lines, BOOT, "\n");
    let (begin, rest) = block.split_once('\n').expect("lines");
    let end = rest.trim_end().rsplit_once('\n').expect("lines").1;
    let fault = |text: &str| [on(text.as_bytes()).map(drop), without_blocks(text.as_bytes()).map(drop)];
    for (why, text, expected) in [
        ("only the first mark", format!("{begin}\nimport studio\n"), Fault::Incomplete),
        ("only the last mark", format!("import studio\n{end}\n"), Fault::Incomplete),
        ("a mark with a word before it", format!("x = 1 {block}"), Fault::Incomplete),
        ("a mark with a word behind it", block.replace(end, &format!("{end} here")), Fault::Incomplete),
        ("one block inside the other", format!("{begin}\n{block}"), Fault::Incomplete),
        ("nothing between the marks", format!("{begin}\n{end}\n"), Fault::Edited),
        ("a line of theirs in between", block.replace("try:", "import studio\ntry:"), Fault::Edited),
        ("a line taken out", block.replace("    pass\n", ""), Fault::Edited),
        ("another path", block.replace("ana", "ben"), Fault::Edited),
        ("another note", block.replace("a file.", "no file."), Fault::Edited),
        ("indented", format!("    {}", block.replace('\n', "\n    ")), Fault::Edited),
    ] {
        assert_eq!(fault(&text), [Err(expected), Err(expected)], "{why}");
    }
}

#[test]
fn a_mark_that_is_only_mentioned_is_none() {
    let text = b"# see '# >>> Maya MCP Tray >>>' in the manual\n";
    assert_eq!(find(text), Ok(Vec::new()), "the whole line is the mark, or it is none");
}

#[test]
fn of_two_blocks_both_go_and_one_is_kept() {
    let one = on(b"import studio").expect("plain");
    let block = compose(Before::OpenLine, BOOT, "\n");
    let two = [&*one, b"studio.start()\n", block.as_bytes()].concat();
    let left = without_blocks(&two);
    assert_eq!(
        left,
        Ok(Some(b"import studio\nstudio.start()\n".to_vec())),
        "nobody knows whose line end it is"
    );
    let expected = [&*one, b"studio.start()\n"].concat();
    assert_eq!(on(&two), Ok(expected), "the first one stays in its place");
}

#[test]
fn a_line_that_asks_for_the_next_one_is_not_given_ours() {
    for (text, expected) in [
        (&b"x = 1 + \\"[..], Err(Fault::Continued)),
        (b"x = 1 + \\\n", Err(Fault::Continued)),
        (b"x = 1 + \\\r\n", Err(Fault::Continued)),
        (b"x = 1 + \\\r", Err(Fault::Continued)),
        (b"x = 'abc\\", Err(Fault::Continued)),
        (b"x = 1 \\\n\n", Ok(())),
        (b"x = 1 \\\n ", Ok(())),
        (b"  # C:\\", Ok(())),
        (b"\xef\xbb\xbf# C:\\", Ok(())),
        (b"\xff\xfei\0m\0", Err(Fault::NotForPython)),
        (b"\xfe\xff\0i\0m", Err(Fault::NotForPython)),
        (b"\0\0\xfe\xff", Err(Fault::NotForPython)),
    ] {
        assert_eq!(on(text).map(drop), expected, "{text:?}");
    }
}

#[test]
fn the_block_is_plain_ascii_whatever_the_home_is_called() {
    for (boot, literal) in [
        ("/home/ana/boot.py", "'/home/ana/boot.py'"),
        #[cfg(unix)]
        ("/home/jörg/boot.py", "__import__('os').fsdecode(b'/home/j\\xc3\\xb6rg/boot.py')"),
        #[cfg(unix)]
        ("/home/o'ñ/\"\n", "__import__('os').fsdecode(b'/home/o\\'\\xc3\\xb1/\\\"\\n')"),
        #[cfg(windows)]
        ("C:\\Jörg\\boot.py", "'C:\\\\J\\u00f6rg\\\\boot.py'"),
        ("/home/o'neil/\"\n", "'/home/o\\'neil/\"\\u000a'"),
        ("C:\\Users\\ana\\boot.py", "'C:\\\\Users\\\\ana\\\\boot.py'"),
    ] {
        let block = compose(Before::NoFile, boot, "\n");
        assert!(block.is_ascii(), "{boot:?}: the file may be in any encoding");
        assert!(block.contains(&format!("run_path({literal})['start_up']()")), "{boot:?} in {block}");
        let edited = with_block(None, boot).expect("no obstacle");
        assert_eq!(find(&edited).map(|blocks| blocks.len()), Ok(1), "{boot:?} is found again");
    }
}
