//! A connection at the helper's own port: both sides prove themselves, then frames go both ways at once.
//!
//! Invariant: neither half waits for the other, and what the helper said before it went is read to its end.

use serde_json::{Value, json};
use tokio::{
    io::BufReader,
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

use crate::{
    calls::decode,
    connection::Desk,
    frame::{self, FRIEND, FrameError, STRANGER},
    link::{LinkEnd, LinkError},
    proof::{Secret, nonce},
    protocol::{PROTOCOL, WireFacts},
    request::{Command, Inbox, message},
};

#[derive(Debug)]
pub(crate) struct Framed {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

/// Why nothing more is written.
enum Written {
    /// The last handle is gone: the engine leaves on purpose.
    All,
    Broken,
}

impl Framed {
    pub async fn shake_hands(
        stream: TcpStream,
        secret: &Secret,
        client: Option<&str>,
    ) -> Result<(Self, WireFacts), LinkError> {
        let (reader, mut writer) = stream.into_split();
        let mut reader = BufReader::with_capacity(64 << 10, reader);
        let ours = nonce();
        let hello = json!({"hello": {"protocol": PROTOCOL, "nonce": ours, "secret": secret.hint()}});
        frame::write(&mut writer, &hello.to_string()).await.map_err(LinkError::Connect)?;
        let challenge = expect(&mut reader, "challenge").await?;
        let text = |field: &str| challenge.get(field).and_then(Value::as_str).unwrap_or_default();
        let theirs = text("nonce");
        if !secret.is_proof_of_helper(&ours, theirs, text("proof")) {
            return Err(LinkError::Impostor);
        }
        let mut proof = json!({"proof": secret.proof_of_engine(&ours, theirs)});
        if let Some(client) = client {
            proof["client"] = client.into();
        }
        frame::write(&mut writer, &proof.to_string()).await.map_err(LinkError::Connect)?;
        let facts = decode(expect(&mut reader, "welcome").await?)?;
        Ok((Self { reader, writer }, facts))
    }

    pub async fn run(self, mut inbox: Inbox, desk: Desk) -> LinkEnd {
        let Self { mut reader, mut writer } = self;
        let ids = inbox.ids();
        let reading = async {
            let mut end = LinkEnd::BrokenOff;
            loop {
                match frame::read(&mut reader, FRIEND).await {
                    Ok(Some(frame)) => end = desk.take_in(frame).await.unwrap_or(end),
                    Ok(None) | Err(FrameError::Io(_)) => return end,
                    Err(error) => {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(error, "what the helper sent could not be read");
                        return end;
                    }
                }
            }
        };
        let writing = async {
            while let Some(command) = inbox.next().await {
                let json = match command {
                    Command::Request(request) => desk.waiting.add(request),
                    Command::Abandoned(id) => {
                        let cancel = || message(ids.next(), "cancel", &json!({"id": id}));
                        desk.waiting.forget(id).then(cancel)
                    }
                };
                if let Some(json) = json
                    && frame::write(&mut writer, &json).await.is_err()
                {
                    inbox.close();
                    return Written::Broken;
                }
            }
            Written::All
        };
        tokio::pin!(reading);
        tokio::select! {
            end = &mut reading => end,
            written = writing => match written {
                Written::All => LinkEnd::BrokenOff,
                Written::Broken => reading.await,
            },
        }
    }
}

async fn expect(reader: &mut BufReader<OwnedReadHalf>, step: &str) -> Result<Value, LinkError> {
    // Whoever it could not serve in time is cut off by a helper that is one.
    let mut frame = frame::read(reader, STRANGER).await?.ok_or(LinkError::Closed)?;
    frame.json.remove(step).ok_or(LinkError::Impostor)
}
