//! From a helper to an open link.
//!
//! Invariant: where it can be helped, what the link leads to is our own build of the helper; the session does not end for that. A helper that is
//! silent is no failure of whatever led to it: its Maya may hold Python's lock for as long as it likes.

use std::time::Duration;

use maya_mcp_discovery as discovery;
use maya_mcp_maya::{Access, Build, HelperAddress, HelperFiles, Link, LinkError, LinkTask, Welcome, replace};
use maya_mcp_session::{Address, SessionId};
use tokio::time::timeout;

use crate::verdicts::Failure;

/// Of a helper that was just brought in, as long as its Maya lives: the connection waits there until Python may run.
pub const AS_LONG_AS_IT_TAKES: Duration = Duration::MAX;

pub struct Connected {
    pub link: Link,
    pub task: LinkTask,
    pub welcome: Welcome,
    /// The command port that led to it.
    pub address: Option<Address>,
    pub helper: HelperAddress,
}

/// The helper is in, and it is ours: another engine's build makes way. It has `patience` to speak; `answered` is told of another build, which may
/// take as long as Maya is busy. The caller may stop waiting at any time.
pub async fn open_link(
    id: SessionId,
    address: Option<Address>,
    helper: HelperAddress,
    files: &HelperFiles,
    patience: Duration,
    answered: impl Fn(),
) -> Result<Connected, Failure> {
    let opening = open(id, address, helper);
    let connected = timeout(patience, opening).await.map_err(|_| Failure::Silent)??;
    if files.compare(&connected.welcome) == Build::Ours {
        return Ok(connected);
    }
    let Some(pid) = id.pid() else {
        // It may not see our home, and the bootstrap has brought ours before.
        tracing::warn!(%id, build = connected.welcome.build, "another build of the helper");
        return Ok(connected);
    };
    let Connected { link, task, address, .. } = connected;
    tracing::info!(%id, "another build of the helper makes way for ours");
    answered();
    // Whatever comes of this, the one that we followed here was a living helper.
    let helper = replace(link, task, pid, files).await.map_err(Failure::Bootstrap)?;
    open(id, address, helper).await.map_err(|failure| match failure {
        Failure::Link(error) => Failure::Bootstrap(error.into()),
        failure => failure,
    })
}

async fn open(id: SessionId, address: Option<Address>, helper: HelperAddress) -> Result<Connected, Failure> {
    if let (Access::Key(_), Some(pid)) = (&helper.access, id.pid()) {
        // The key is told with the first line, and Maya may have closed the port since. (A process that it forked may hold the port as well.)
        let its_own = discovery::listening(pid).is_ok_and(|all| all.contains(&Address::Tcp(helper.address)));
        if !its_own {
            return Err(Failure::NotItsPort(helper.address));
        }
    }
    let opened = match (Link::open(&helper).await, &helper.access) {
        // Whom a helper could not serve in its time, it cuts off.
        (Err(LinkError::Closed), Access::Secret(_)) => Link::open(&helper).await,
        (opened, _) => opened,
    };
    let (link, task, welcome) = opened.map_err(|error| match (error, &helper.access) {
        (LinkError::Connect(error), Access::Secret(_)) => Failure::Unreachable(error),
        (error, _) => Failure::Link(error),
    })?;
    let answered = welcome.facts.pid;
    if id.pid().is_some_and(|pid| pid != answered) {
        return Err(Failure::AnotherProcess(answered));
    }
    Ok(Connected { link, task, welcome, address, helper })
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use maya_mcp_session::ProcessId;
    use serde_json::json;
    use tokio::net::TcpListener;

    use super::*;

    struct Door {
        _home: tempfile::TempDir,
        files: HelperFiles,
        listener: TcpListener,
    }

    impl Door {
        async fn new() -> Self {
            let home = tempfile::tempdir().expect("a temporary folder");
            let files = HelperFiles::install(home.path()).expect("writable");
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            Self { _home: home, files, listener }
        }

        fn address(&self) -> SocketAddr {
            self.listener.local_addr().expect("it is bound")
        }
    }

    fn this_process() -> SessionId {
        ProcessId { pid: std::process::id(), started_at: 1 }.into()
    }

    #[tokio::test]
    async fn a_key_goes_to_a_port_of_that_very_maya_only() {
        let door = Door::new().await;
        let access = Access::Key(serde_json::from_value(json!("0f".repeat(32))).expect("a text"));
        let helper = HelperAddress { address: door.address(), access };
        let another = ProcessId { pid: 1, started_at: 1 }.into();
        let refused = open_link(another, None, helper.clone(), &door.files, AS_LONG_AS_IT_TAKES, || ()).await;
        assert!(matches!(refused, Err(Failure::NotItsPort(_))), "another process listens there now");
        let accepting = door.listener.accept();
        tokio::pin!(accepting);
        let knocked = futures_util::poll!(&mut accepting).is_ready();
        assert!(!knocked, "nothing was sent, and nobody knocked");
        let opening = open_link(this_process(), None, helper, &door.files, AS_LONG_AS_IT_TAKES, || ());
        tokio::select! {
            _ = opening => panic!("nobody answers"),
            knocked = accepting => drop(knocked.expect("its own port is knocked at")),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_helper_that_is_silent_is_waited_for_as_long_as_its_maya_lives() {
        let door = Door::new().await;
        let mut answer = json!({"maya_mcp": 1, "pid": std::process::id(), "helper": ""});
        answer["port"] = door.address().port().into();
        answer["secret"] = "0f".repeat(32).into();
        let helper = crate::known::tests::announce(&door.files, std::process::id(), &answer);
        let opening =
            |patience| open_link(this_process(), None, helper.clone(), &door.files, patience, || ());
        // The system accepts in its place.
        let waiting = timeout(Duration::from_hours(3), opening(AS_LONG_AS_IT_TAKES));
        assert!(waiting.await.is_err(), "still waiting");
        let outcome = opening(Duration::from_secs(2)).await;
        assert!(matches!(outcome, Err(Failure::Silent)), "whoever need not wait does not");
    }
}
