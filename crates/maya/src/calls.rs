//! The methods of the contract, typed: those of the engine on its link, and those of a client on its own connection.
//!
//! Invariant: when a caller stops waiting (drops the future), its request is cancelled in Maya.

use std::time::Duration;

use maya_mcp_session::SessionId;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{
    clients::Client,
    frame::FrameError,
    link::{Link, LinkError},
    methods::{
        Cancellation, Picture, SceneSummary, SelectMode, Selection, Step, Subject, Viewport, WriteModule,
        WrittenModule,
    },
    output::{Output, Progress},
    outputs::Outputs,
    proof::Key,
    protocol::{Execute, Execution, Refusal, WireExecution},
    request::{About, Call, Calls, Reply},
};

impl Link {
    /// How long Maya's main thread has been away.
    pub async fn main_thread_waiting(&self) -> Result<Duration, LinkError> {
        let answer = self.calls.ask(("ping", About::Ping), &json!({})).await?.result;
        let waiting = answer.get("main_waiting_ms").and_then(Value::as_f64).unwrap_or_default();
        Ok(Duration::try_from_secs_f64(waiting / 1000.0).unwrap_or_default())
    }

    /// From now on the link tells of these, and of no others.
    pub async fn subscribe(&self, subjects: &[Subject]) -> Result<(), LinkError> {
        self.calls.ask(("subscribe", About::Anything), &json!({"events": subjects})).await.map(drop)
    }

    /// Asks the helper to leave Maya, unless somebody else still uses it.
    pub async fn leave(&self) -> Result<(), LinkError> {
        self.calls.ask(("leave", About::Anything), &json!({})).await.map(drop)
    }

    /// Lets a `boot.py` of ours take up an invitation: another build takes this helper's place. The answer is that of `connect`.
    pub(crate) async fn replace(&self, boot: &str, nonce: &str) -> Result<Value, LinkError> {
        let params = json!({"boot": boot, "nonce": nonce});
        Ok(self.calls.ask(("replace", About::Anything), &params).await?.result)
    }
}

/// A command port of Maya's, for one client.
#[derive(Deserialize)]
pub(crate) struct PortOpened {
    pub port: u16,
    pub key: Key,
}

impl Calls {
    pub(crate) async fn open_port(&self, client: &str) -> Result<PortOpened, LinkError> {
        decode(self.ask(("open_port", About::Anything), &json!({"client": client})).await?.result)
    }

    async fn cancel(&self, id: u64) -> Result<Cancellation, LinkError> {
        decode(self.ask(("cancel", About::Cancel(id)), &json!({"id": id})).await?.result)
    }
}

impl Client {
    /// Runs a script.
    pub async fn execute(&self, script: &Execute) -> Result<Execution, LinkError> {
        self.begin(script, Output::default()).await?.outcome().await
    }

    /// Begins a script of which every piece of output is handed on while it runs. A follower that lets its channel fill misses pieces; the
    /// outcome has them all.
    pub async fn start(
        &self,
        script: &Execute,
        follower: mpsc::Sender<Progress>,
    ) -> Result<Running, LinkError> {
        self.begin(script, Output::followed_by(follower)).await
    }

    /// The same, with all of its output kept beside that of others.
    pub async fn start_kept(
        &self,
        script: &Execute,
        follower: mpsc::Sender<Progress>,
        outputs: Outputs,
        session: SessionId,
    ) -> Result<Running, LinkError> {
        self.begin(script, Output::followed_by(follower).kept_in(outputs, session)).await
    }

    async fn begin(&self, script: &Execute, output: Output) -> Result<Running, LinkError> {
        let calls = self.calls();
        let call = calls.begin(("execute", About::Anything), script, output).await?;
        Ok(Running { calls, call })
    }

    pub async fn write_module(&self, module: &WriteModule) -> Result<WrittenModule, LinkError> {
        let Reply { result, output: Output { stdout, stderr, .. }, .. } =
            self.calls().ask(("write_module", About::Anything), module).await?;
        Ok(WrittenModule { stdout, stderr, ..decode(result)? })
    }

    pub async fn scene(&self) -> Result<SceneSummary, LinkError> {
        self.ask("scene", &json!({})).await
    }

    pub async fn viewport(&self, viewport: &Viewport) -> Result<Picture, LinkError> {
        let reply = self.calls().ask(("viewport", About::Anything), viewport).await?;
        Ok(Picture { bytes: reply.binary, ..decode(reply.result)? })
    }

    /// With `expected`, only a step of this name.
    pub async fn undo(&self, expected: Option<&str>) -> Result<Step, LinkError> {
        self.ask("undo", &json!({"expected": expected})).await
    }

    pub async fn redo(&self, expected: Option<&str>) -> Result<Step, LinkError> {
        self.ask("redo", &json!({"expected": expected})).await
    }

    /// What is selected afterwards.
    pub async fn select(&self, names: &[String], mode: SelectMode) -> Result<Selection, LinkError> {
        self.ask("select", &json!({"names": names, "mode": mode})).await
    }

    async fn ask<T: DeserializeOwned>(&self, method: &str, params: &impl Serialize) -> Result<T, LinkError> {
        decode(self.calls().ask((method, About::Anything), params).await?.result)
    }
}

/// A script on its way. Dropped before its outcome is there, it is cancelled.
#[derive(Debug)]
pub struct Running {
    calls: Calls,
    call: Call,
}

impl Running {
    /// Once. A script that was cancelled before it was sent ends as one that the helper stopped.
    pub async fn outcome(&mut self) -> Result<Execution, LinkError> {
        match self.call.answer().await {
            Err(LinkError::Refused { kind: Refusal::Cancelled, message }) => {
                Ok(Execution::cancelled(message))
            }
            answer => {
                let Reply { mut result, output, .. } = answer?;
                let value = result.get_mut("result").map(Value::take).unwrap_or_default();
                Ok(decode::<WireExecution>(result)?.join(value, output))
            }
        }
    }

    /// Asks it to stop. Its outcome comes all the same.
    pub async fn cancel(&self) -> Result<Cancellation, LinkError> {
        self.calls.cancel(self.call.id).await
    }
}

pub(crate) fn decode<T: DeserializeOwned>(value: Value) -> Result<T, LinkError> {
    serde_json::from_value(value).map_err(|source| LinkError::Frame(FrameError::Malformed(source)))
}
