//! Which bytes an edit changes, and that undoing it gives back the first ones.

use serde_json::{Value, json};

use super::{Home, bridge, connection};
use crate::{
    Client, Fault, Outcome,
    dialect::{dialect, readable},
    edit::{Key, Section, entry, with_entry, without_entry},
};

const KEY: Key = Key { section: "mcpServers", name: "maya" };

fn small() -> Value {
    json!({ "command": "/m", "args": ["stdio"] })
}

#[test]
fn an_entry_is_written_in_the_style_of_its_file() {
    fn check(why: &str, before: &str, after: &str) {
        let edited = with_entry(before, KEY, &small()).unwrap_or_else(|fault| panic!("{why}: {fault}"));
        assert_eq!(edited, after, "{why}");
    }
    check(
        "an absent or empty file gets two spaces",
        "",
        "{\n  \"mcpServers\": {\n    \"maya\": {\n      \"command\": \"/m\",\n      \"args\": [\n        \"stdio\"\n      ]\n    }\n  }\n}\n",
    );
    check(
        "tabs, CRLF and a missing last line end stay",
        "{\r\n\t\"a\": 1,\r\n\t\"mcpServers\": {\r\n\t\t\"x\": {}\r\n\t}\r\n}",
        "{\r\n\t\"a\": 1,\r\n\t\"mcpServers\": {\r\n\t\t\"x\": {},\r\n\t\t\"maya\": {\r\n\t\t\t\"command\": \"/m\",\r\n\t\t\t\"args\": [\r\n\t\t\t\t\"stdio\"\r\n\t\t\t]\r\n\t\t}\r\n\t}\r\n}",
    );
    check(
        "a comment stays with its line, a trailing comma is the file's habit",
        "{\n    \"mcpServers\": {\n        \"x\": {}, // keep me\n        // and me\n    }, /* end */\n}\n",
        "{\n    \"mcpServers\": {\n        \"x\": {}, // keep me\n        \"maya\": {\n            \"command\": \"/m\",\n            \"args\": [\n                \"stdio\"\n            ]\n        },\n        // and me\n    }, /* end */\n}\n",
    );
    check(
        "a comma goes before the comment of its line",
        "{\n  \"mcpServers\": {\n    \"x\": {} // note\n  }\n}\n",
        "{\n  \"mcpServers\": {\n    \"x\": {}, // note\n    \"maya\": {\n      \"command\": \"/m\",\n      \"args\": [\n        \"stdio\"\n      ]\n    }\n  }\n}\n",
    );
    check(
        "a file on one line stays on one line",
        "{\"n\":123456789012345678901234567890,\"mcpServers\":{}}",
        "{\"n\":123456789012345678901234567890,\"mcpServers\":{\"maya\":{\"command\":\"/m\",\"args\":[\"stdio\"]}}}",
    );
    check(
        "our entry is replaced in place",
        "\u{feff}{\n  \"mcpServers\": { \"maya\": 1, \"x\": 1.0e5 }\n}",
        "\u{feff}{\n  \"mcpServers\": { \"maya\": {\"command\":\"/m\",\"args\":[\"stdio\"]}, \"x\": 1.0e5 }\n}",
    );
    check(
        "a comment alone is followed by the settings",
        "// mine",
        "// mine\n{\n  \"mcpServers\": {\n    \"maya\": {\n      \"command\": \"/m\",\n      \"args\": [\n        \"stdio\"\n      ]\n    }\n  }\n}\n",
    );
    check(
        "an escaped name is the same name",
        "{\"mcp\\u0053ervers\":{\"m\\u0061ya\":0}}",
        "{\"mcp\\u0053ervers\":{\"m\\u0061ya\":{\"command\":\"/m\",\"args\":[\"stdio\"]}}}",
    );
}

#[test]
fn an_entry_that_was_moved_or_reformatted_leaves_nothing_behind() {
    fn check(why: &str, before: &str, section: Section, after: &str) {
        let edited = without_entry(before, KEY, section).unwrap_or_else(|fault| panic!("{why}: {fault}"));
        assert_eq!(edited, after, "{why}");
    }
    let keep = Section::Keep;
    check("first of two", r#"{"mcpServers":{"maya":{},"x":{}}}"#, keep, r#"{"mcpServers":{"x":{}}}"#);
    check("last of two", r#"{"mcpServers":{"x":{}, "maya":{}}}"#, keep, r#"{"mcpServers":{"x":{}}}"#);
    check(
        "between two",
        r#"{"mcpServers":{"x":{}, "maya":{}, "y":1}}"#,
        keep,
        r#"{"mcpServers":{"x":{}, "y":1}}"#,
    );
    check("alone, section kept", "{\"mcpServers\": {\n  \"maya\": {}\n}}", keep, r#"{"mcpServers": {}}"#);
    check(
        "alone, section dropped",
        "{\n  \"mcpServers\": {\n    \"maya\": {}\n  }\n}\n",
        Section::Drop,
        "{}\n",
    );
    check(
        "a section with a comment is not dropped",
        "{\"mcpServers\": {\n  // mine\n  \"maya\": {}\n}}",
        Section::Drop,
        "{\"mcpServers\": {\n  // mine\n}}",
    );
    check(
        "what follows does not slip into a comment",
        "{\"mcpServers\": {\"x\": {}, // note\n \"maya\": {}, \"y\": {}}}",
        keep,
        "{\"mcpServers\": {\"x\": {}, // note\n  \"y\": {}}}",
    );
    check(
        "a comment between a value and its comma stays",
        "{\"mcpServers\": {\"maya\": {} /* c */, \"y\": {}}}",
        keep,
        "{\"mcpServers\": { /* c */ \"y\": {}}}",
    );
    check("no entry", "{\"a\": 1}", Section::Drop, "{\"a\": 1}");
}

#[test]
fn what_is_no_list_of_settings_is_a_fault() {
    fn check(text: &str, expected: &str) {
        for result in [
            with_entry(text, KEY, &small()).map(drop),
            without_entry(text, KEY, Section::Keep).map(drop),
            entry(text, KEY).map(drop),
        ] {
            let fault = result.expect_err(text).to_string();
            assert!(fault.contains(expected), "{text} gives \"{fault}\" instead of \"…{expected}…\"");
        }
    }
    check("{", "cannot be read");
    check("{\"a\": 1} trailing", "cannot be read");
    check("{\"a\": 1 \"b\": 2}", "cannot be read");
    check("{'a': 1}", "cannot be read");
    check("{a: 1}", "cannot be read");
    check("<<<<<<< HEAD\n{}", "cannot be read");
    check("[]", "other than a list of settings");
    check("\"text\"", "other than a list of settings");
    check("{\"mcpServers\": []}", "other than a list of servers");
    check("{\"mcpServers\": null}", "other than a list of servers");
    check("{\"mcpServers\": {}, \"mcpServers\": {}}", "twice");
    check("{\"mcpServers\": {\"maya\": 1, \"m\\u0061ya\": 2}}", "twice");
    let deep = "{\"a\":".repeat(5000);
    check(&deep, "cannot be read");
}

/// Odd documents by the thousand, from a small generator with a fixed seed: a failure shows its document.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        let sides = u64::try_from(from.len()).expect("a short list");
        from[usize::try_from(self.roll(sides)).expect("a small number")]
    }

    fn gap(&mut self) -> &'static str {
        self.pick(&[
            "",
            "",
            "",
            " ",
            "\t",
            "\n",
            "\r\n",
            "\r",
            "\n\n",
            "\n  ",
            "\r\n\t",
            " /* c */ ",
            "/*\n*/",
            " // line\n",
            "//x\r\n  ",
            "// x\r",
            "\u{b}",
            " /* , } */",
        ])
    }

    fn value(&mut self, depth: u64) -> String {
        match self.roll(if depth == 0 { 8 } else { 10 }) {
            0 => "true".into(),
            1 => "null".into(),
            2 => "123456789012345678901234567890".into(),
            3 => "-1.50e+3".into(),
            4 if self.roll(2) == 0 => r#""\ud83d \ud83d\ude00 \\ud83d é\ude00""#.into(),
            4 => r#""a, \"b\" // no comment } \u00e9 é""#.into(),
            5 => "{}".into(),
            6 => "[ ]".into(),
            7 => "[1,\n2,]".into(),
            8 => format!("[{}{}{}]", self.gap(), self.value(depth - 1), self.gap()),
            _ => self.object(depth - 1, &["p", "q", "q"]),
        }
    }

    fn object(&mut self, depth: u64, names: &[&str]) -> String {
        let mut text = format!("{{{}", self.gap());
        let count = self.roll(4);
        for at in 0..count {
            let name = format!("{}{at}", self.pick(names));
            let value = self.value(depth);
            text.extend(["\"", &name, "\"", self.gap(), ":", self.gap(), &value, self.gap()]);
            if at + 1 < count || self.roll(4) == 0 {
                text.extend([",", self.gap()]);
            }
        }
        text + "}"
    }

    fn document(&mut self) -> String {
        let (mark, begin) = (self.pick(&["", "", "\u{feff}"]), self.gap());
        let root = match self.roll(8) {
            0 => String::new(),
            1 => self.object(2, &["a", "b"]),
            _ => {
                let before =
                    self.pick(&["", "\"a\": 1,", "\n  \"a\": [],\n  ", "\r\n\t\"a\": {}, // b\r\n\t"]);
                let after = self.pick(&[
                    "",
                    ",",
                    ", \"z\": 2",
                    ",\n  \"z\": \"\"\n",
                    ",\n  // only a note\n  \"z\": 2,\n",
                ]);
                format!(
                    "{{{before}\"mcpServers\"{}:{}{}{}{after}{}}}",
                    self.gap(),
                    self.gap(),
                    self.object(2, &["x", "y"]),
                    self.gap(),
                    self.gap()
                )
            }
        };
        format!("{mark}{begin}{root}{}", self.gap())
    }
}

#[test]
fn adding_to_a_list_of_servers_and_removing_is_the_identity_without_any_memory() {
    let mut dice = Dice(0x6d61_7961);
    let mut full = 0;
    for _ in 0..20_000 {
        let document = dice.document();
        let Ok(parsed) = jsonc_parser::parse_to_serde_value::<Value>(
            &readable(document.trim_start_matches('\u{feff}')),
            &dialect(),
        ) else {
            panic!("the generator made what is no document: {document:?}");
        };
        let added =
            with_entry(&document, KEY, &small()).unwrap_or_else(|fault| panic!("{fault}: {document:?}"));
        let other = with_entry(&document, KEY, &json!({ "url": "u" })).expect("any entry fits");
        assert_eq!(
            with_entry(&other, KEY, &small()).expect("it can be replaced"),
            added,
            "replacing an entry differs from adding it: {document:?}"
        );
        if parsed["mcpServers"].as_object().is_some_and(|servers| !servers.is_empty()) {
            full += 1;
            let removed = without_entry(&added, KEY, Section::Keep).expect("it can be removed");
            assert_eq!(removed, document, "through {added:?}");
        }
    }
    assert!(full > 5_000, "the generator makes lists of servers, not only {full}");
}

#[test]
fn connecting_and_disconnecting_is_the_identity_on_any_file() {
    let mut dice = Dice(0x6d65_6c21);
    let bridge = bridge();
    let home = Home::new();
    for round in 0..300 {
        let client = Client::ALL[round % 2];
        let document = dice.document();
        std::fs::write(home.file(client), &document).expect("written");
        home.connect(client, &connection(&bridge));
        assert_ne!(home.text(client), document, "something was written");
        let done = home.disconnect(client, &connection(&bridge));
        assert_eq!(done.outcome, Outcome::Restored, "{document:?}");
        assert_eq!(home.text(client), document, "byte for byte");
    }
}

#[test]
fn a_fault_keeps_the_text_to_itself() {
    let fault = entry("{\"key\": sk-secret}", KEY).expect_err("no JSON");
    assert!(matches!(fault, Fault::Syntax(_)), "{fault:?}");
    assert!(!fault.to_string().contains("secret"), "settings may hold secrets: {fault}");
}

#[test]
fn half_characters_keep_their_place() {
    fn check(text: &str, expected: &str) {
        assert_eq!(readable(text), expected, "{text}");
        assert_eq!(text.len(), expected.len(), "{text}: the row itself");
    }
    check(r#""plain \n \u00e9""#, r#""plain \n \u00e9""#);
    check(r#""\ud83d""#, r#""\ufffd""#);
    check(r#""\uD83D\uDE00""#, r#""\uD83D\uDE00""#);
    check(r#""\ude00\ud83d\ud83d\ude00""#, r#""\ufffd\ufffd\ud83d\ude00""#);
    check(r#""\\ud83d \\\ud83d""#, r#""\\ud83d \\\ufffd""#);
    check("// C:\\", "// C:\\");
    check("\"\\é\\u12é4\"", "\"\\é\\u12é4\"");
}
