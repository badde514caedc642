//! One question to a command port: connect, one line, one answer, gone.
//!
//! Invariant: one write per connection, always shorter than Maya's 4096-byte buffer; never a second message behind it.

use std::{io, time::Duration};

use maya_mcp_session::Address;
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// A full buffer makes Maya wait 1.5 s for more; longer lines are split and broken.
pub const LONGEST_LINE: usize = 4095;
/// The longest answer that can be ours is far shorter; a foreign server may talk on and on.
const LONGEST_ANSWER: u64 = 16 << 10;
/// The system accepts into the backlog even while Maya is busy, so this is long.
const CONNECT: Duration = Duration::from_secs(2);
/// Another machine that says nothing for so long is asked whether it is there.
const KEEPALIVE: Duration = Duration::from_secs(20);

#[derive(Debug, thiserror::Error)]
pub enum PortError {
    #[error("connecting to {address}")]
    Connect { address: Address, source: io::Error },
    #[error("{address} belongs to another process now ({owner:?})")]
    TakenOver { address: Address, owner: Option<i32> },
    #[error("talking to {address}")]
    Talk { address: Address, source: io::Error },
}

/// The answer without its end mark; empty when the port closed without a word. Waits as long as Maya does: the caller has the clock.
/// Once somebody listens, and before anything is sent, `before` is waited for.
pub async fn ask(
    address: &Address,
    pid: Option<u32>,
    line: &str,
    before: impl Future<Output = ()>,
) -> Result<String, PortError> {
    debug_assert!(line.len() <= LONGEST_LINE && line.is_ascii(), "the bootstrap sees to that");
    let connect = |source| PortError::Connect { address: address.clone(), source };
    let talk = |source| PortError::Talk { address: address.clone(), source };
    match address {
        Address::Tcp(socket) => {
            let stream = in_time(TcpStream::connect(socket)).await.map_err(connect)?;
            if !socket.ip().is_loopback() {
                end_when_the_other_side_is_gone(&stream).map_err(connect)?;
            }
            before.await;
            exchange(stream, line).await.map_err(talk)
        }
        #[cfg(unix)]
        Address::Unix(path) => {
            let stream = in_time(tokio::net::UnixStream::connect(path)).await.map_err(connect)?;
            // A later Maya takes over the file of the default socket: never speak to one while meaning the other.
            let owner = stream.peer_cred().map_err(connect)?.pid();
            expect_owner(address, owner, pid)?;
            before.await;
            exchange(stream, line).await.map_err(talk)
        }
        #[cfg(not(unix))]
        Address::Unix(_) => {
            let _ = (pid, before);
            Err(connect(io::ErrorKind::Unsupported.into()))
        }
    }
}

/// Which process answers at this socket now, and whether that is another than `pid`. Nothing is sent, so nobody is asked.
pub async fn check_owner(address: &Address, pid: u32) -> Result<(), PortError> {
    #[cfg(unix)]
    if let Address::Unix(path) = address {
        let connect = |source| PortError::Connect { address: address.clone(), source };
        let stream = in_time(tokio::net::UnixStream::connect(path)).await.map_err(connect)?;
        let owner = stream.peer_cred().map_err(connect)?.pid();
        return expect_owner(address, owner, Some(pid));
    }
    let _ = (address, pid);
    Ok(())
}

#[cfg(unix)]
fn expect_owner(address: &Address, owner: Option<i32>, pid: Option<u32>) -> Result<(), PortError> {
    let expected = pid.and_then(|pid| i32::try_from(pid).ok());
    if owner.is_some() && expected.is_some() && owner != expected {
        return Err(PortError::TakenOver { address: address.clone(), owner });
    }
    Ok(())
}

async fn in_time<T>(connecting: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(CONNECT, connecting).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// A machine that lost its power says nothing, for ever; this asks it now and then.
pub fn end_when_the_other_side_is_gone(stream: &TcpStream) -> io::Result<()> {
    let asking = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE / 2);
    let socket = SockRef::from(stream);
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(KEEPALIVE * 3))?;
    socket.set_tcp_keepalive(&asking)
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, line: &str) -> io::Result<String> {
    stream.write_all(line.as_bytes()).await?;
    let mut answer = Vec::new();
    let mut chunk = [0; 1024];
    let mut stream = stream.take(LONGEST_ANSWER);
    loop {
        match stream.read(&mut chunk).await {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&chunk[..count]),
            // A port that hangs up hard after its answer has still answered.
            Err(_) if !answer.is_empty() => break,
            Err(error) => return Err(error),
        }
        if answer.ends_with(b"\n\0") {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&answer).trim_end_matches(['\0', '\n']).to_owned())
}
