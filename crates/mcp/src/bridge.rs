//! The bridge: what a client starts, speaking MCP on its pipes and reaching the endpoint for it.
//!
//! Invariant: writes nothing but MCP messages, each as one whole line; every request is answered, also when there is no endpoint.

mod legacy;
mod lines;
mod listen;
mod message;
mod offline;
mod reach;
mod relay;
mod starting;

use std::{ffi::OsString, io, path::PathBuf, sync::Arc, time::Duration};

use maya_mcp_session::ClientName;
use tokio::{
    io::{AsyncRead, AsyncWrite, BufReader},
    sync::mpsc,
    time::{Instant, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

use relay::Relay;

/// Lines that may wait for a client that reads slowly; then the endpoint waits too.
const LINES_WAITING: usize = 64;
/// When the client has hung up: for what is being answered. Clients wait two seconds for our end, and then use force.
const LAST_ANSWERS: Duration = Duration::from_millis(800);
/// After that: for telling the endpoint what nobody waits for any more,
const LAST_CANCELS: Duration = Duration::from_millis(150);
/// and that the session is over,
const LAST_GOODBYE: Duration = Duration::from_millis(150);
/// and for what then still has to let go.
const LAST_TASKS: Duration = Duration::from_millis(75);

#[derive(Debug, Clone)]
pub struct BridgeOptions {
    /// Where endpoint.json and the tokens are.
    pub home: PathBuf,
    pub client: ClientName,
    /// How to start the application when it is not running; without it the bridge only looks.
    pub start: Option<StartCommand>,
    /// Whether a process with this pid runs: an engine that was killed is known by it.
    pub is_running: fn(u32) -> bool,
    /// Ends the bridge in order, as if the client had hung up.
    pub stop: CancellationToken,
}

#[derive(Debug, Clone)]
pub struct StartCommand {
    pub program: PathBuf,
    pub args: Vec<OsString>,
}

#[derive(Debug, thiserror::Error)]
pub enum BridgeError {
    #[error("reading from the client")]
    Input(#[source] io::Error),
    #[error("writing to the client")]
    Output(#[source] io::Error),
}

/// Relays until the client hangs up.
pub async fn bridge(
    input: impl AsyncRead,
    output: impl AsyncWrite,
    options: BridgeOptions,
) -> Result<(), BridgeError> {
    let (out, told) = mpsc::channel(LINES_WAITING);
    let told_to_stop = options.stop.clone();
    let relay = Relay::new(options, out);
    let stop = relay.stop.clone();
    let _end = stop.clone().drop_guard();
    let tasks = relay.tasks.clone();
    let writing = async { lines::write(output, told).await.map_err(BridgeError::Output) };
    let reading = async move {
        let read = told_to_stop.run_until_cancelled(read(input, &relay)).await.unwrap_or(Ok(()));
        finish(&relay).await;
        read
    };
    tokio::pin!(writing, reading);
    let result = tokio::select! {
        // Nobody reads any more.
        written = &mut writing => written,
        // The relay is gone, so the writer ends after its last line.
        read = &mut reading => timeout(LAST_TASKS, writing).await.unwrap_or(Ok(())).and(read),
    };
    stop.cancel();
    tasks.close();
    // What is left is waiting for nothing but the network.
    let _ = timeout(LAST_TASKS, tasks.wait()).await;
    result
}

async fn read(input: impl AsyncRead, relay: &Arc<Relay>) -> Result<(), BridgeError> {
    let mut input = std::pin::pin!(BufReader::with_capacity(64 << 10, input));
    while let Some(line) = lines::next(&mut input).await.map_err(BridgeError::Input)? {
        relay.take_in(line).await;
    }
    Ok(())
}

async fn finish(relay: &Arc<Relay>) {
    let began = Instant::now();
    relay.requests.close();
    let _ = timeout_at(began + LAST_ANSWERS, relay.requests.wait()).await;
    let _ = timeout(LAST_CANCELS, relay.cancel_all()).await;
    // Whatever is still waiting is answered now.
    relay.stop.cancel();
    let _ = timeout(LAST_TASKS, relay.requests.wait()).await;
    let _ = timeout(LAST_GOODBYE, relay.legacy.end()).await;
    relay.tasks.close();
    let _ = timeout(LAST_TASKS, relay.tasks.wait()).await;
}
