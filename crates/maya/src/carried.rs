//! Bringing the helper into a Maya that cannot read our home, on another machine: its files go over the command port, piece by piece.
//!
//! Invariant: each message is one short expression that does no harm when it runs late, twice or in a stranger; without the last one nothing runs.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, write::ZlibEncoder};
use maya_mcp_session::Address;
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use crate::{
    Access, BootstrapError, Doorway, HelperAddress, HelperFiles,
    bootstrap::{COMMENT, check, foreign, in_mel, is_not_mel, read_answer, send},
    proof::{Secret, hex, random},
    sources,
};

/// What a message has room for beside its own words.
const PIECE: usize = 3500;
/// What the first message gives back.
const HELLO: &str = "maya_mcp";
/// A busy Maya may take its time, too; then all of it is tried again.
const ANSWERS: Duration = Duration::from_secs(10);

/// `before` is waited for before the first message, which alone opens readably, does nothing, and may open Maya's security dialog.
pub async fn bootstrap(
    doorway: &Doorway,
    files: &HelperFiles,
    before: impl Future<Output = ()>,
) -> Result<HelperAddress, BootstrapError> {
    let Address::Tcp(socket) = doorway.address else { return Err(BootstrapError::PathTooLong) };
    let hello = format!("{COMMENT}{}", in_mel(&format!("'{HELLO}'")));
    let answer = send(doorway, &hello, before).await?;
    check(&answer, doorway)?;
    let mel = !is_not_mel(&answer);
    if mel && answer != HELLO {
        return Err(foreign(&answer, doorway));
    }

    let secret = Secret::random();
    let nonce = hex(&random::<16>());
    let host = socket.ip().to_string();
    let invitation = json!({"secret": secret.to_hex(), "helper": files.build(), "host": host}).to_string();
    let messages = messages(&luggage(files.build(), &nonce, &invitation), &nonce);
    let mut answer = String::new();
    for (number, message) in messages.iter().enumerate() {
        let line = if mel { in_mel(message) } else { message.clone() };
        // Whoever answered the first one at once answers these at once, unless there is a dialog again.
        let answering = timeout(ANSWERS, send(doorway, &line, async {}));
        answer = answering.await.map_err(|_| BootstrapError::AsksForEach)??;
        check(&answer, doorway)?;
        if number + 1 < messages.len() && answer != format!("piece {number}") {
            return Err(foreign(&answer, doorway));
        }
    }
    let opened = read_answer(&answer, doorway, &nonce)?;
    Ok(opened.at(socket.ip(), Access::Secret(secret)))
}

/// A home in small: the files that boot.py reads, packed.
fn luggage(build: &str, nonce: &str, invitation: &str) -> String {
    let mut home = Map::new();
    home.insert("boot.py".to_owned(), sources::BOOT.into());
    home.insert(format!("run/{nonce}.json"), invitation.into());
    for (name, text) in sources::PACKAGE {
        home.insert(format!("helper/{build}/maya_mcp_helper/{name}"), (*text).into());
    }
    pack(&Value::Object(home).to_string())
}

fn pack(text: &str) -> String {
    let packed = || -> io::Result<Vec<u8>> {
        let mut packer = ZlibEncoder::new(Vec::new(), Compression::best());
        packer.write_all(text.as_bytes())?;
        packer.finish()
    };
    STANDARD.encode(packed().expect("memory takes what is written to it"))
}

/// The pieces, each answered by its number; then the expression that puts them together and starts the helper. Pieces that were never put
/// together go when others come.
fn messages(luggage: &str, nonce: &str) -> Vec<String> {
    let store = "__import__('sys').__dict__.setdefault('_maya_mcp',{})";
    let pieces =
        luggage.as_bytes().chunks(PIECE).map(|piece| str::from_utf8(piece).expect("base64 is ASCII"));
    let pieces = pieces.enumerate().map(|(number, piece)| {
        format!(
            "(lambda s:(len(s)>3 and '{nonce}' not in s and s.clear(),s.setdefault('{nonce}',{{}}).setdefault({number},'{piece}'),\
             'piece {number}')[2])({store})"
        )
    });
    let unpack = format!(
        "__import__('zlib').decompress(__import__('base64').b64decode('{}'))",
        pack(sources::CARRIED)
    );
    let start = format!(
        "(lambda p,d:(exec({unpack}.decode('utf-8'),d),d['connect'](''.join(p[n] for n in sorted(p)),'{nonce}'))[1])\
         ({store}.pop('{nonce}',{{}}),{{}})"
    );
    pieces.chain([start]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command_port::LONGEST_LINE;

    #[test]
    fn every_message_fits_a_command_port_in_either_language() {
        let messages = messages(&luggage("abc", "00", "{}"), "00");
        assert!(messages.len() > 2, "the helper does not fit one message");
        for message in messages {
            assert!(message.is_ascii() && !message.contains(['\n', '"', '\\']), "plain: {message}");
            assert!(in_mel(&message).len() <= LONGEST_LINE, "{} bytes", message.len());
        }
    }
}
