//! A helper that can be reached without a command port: one that left word of itself, or the one of a link that broke.
//!
//! Invariant: one is tried at a time. Word of a helper is taken away only when it leads to nobody or to another, and while it still is the word
//! that was followed; whatever else goes wrong, it is tried again.

use std::{io, time::Duration};

use maya_mcp_maya::{Access, HelperAddress, HelperFiles, LinkError};
use maya_mcp_session::{Address, SessionId, Why};
use tokio::time::Instant;

use crate::{
    opening::Connected,
    verdicts::{Failure, Obstacle, in_words},
};

/// A helper waits so long for somebody before it leaves; only then may others be troubled for what it could give.
const HELPER_WAITS: Duration = Duration::from_mins(1);
/// One that says nothing for so long is asked anew: there may be other word by now.
pub const SPEAKS: Duration = Duration::from_secs(10);

/// Where to go, and what led there.
#[derive(Debug, Clone)]
pub struct Target {
    pub helper: HelperAddress,
    /// The command port that led to it when it was brought in.
    pub address: Option<Address>,
}

impl Target {
    fn address(&self) -> Address {
        self.address.clone().unwrap_or(Address::Tcp(self.helper.address))
    }
}

#[derive(Debug)]
pub struct Known {
    pid: Option<u32>,
    /// The last link led to it, and only the connection broke.
    last: Option<Target>,
    /// Since then `last` is all that is tried.
    began: Instant,
    state: State,
}

#[derive(Debug)]
enum State {
    Idle,
    Trying { target: Target, since: Instant, step: Step },
    NotBefore { then: Instant, why: Why },
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    Asked,
    /// It said nothing, and is asked again.
    Silent,
    /// It has answered, and waits for Maya's main thread.
    Answered,
}

impl Known {
    pub fn new(id: SessionId) -> Self {
        Self { pid: id.pid(), last: None, began: Instant::now(), state: State::Idle }
    }

    /// A key cannot open its port twice: whoever comes again gets no welcome.
    pub fn remember(&mut self, connected: &Connected) {
        let Connected { helper, address, .. } = connected;
        let target = || Target { helper: helper.clone(), address: address.clone() };
        self.last = matches!(helper.access, Access::Secret(_)).then(target);
    }

    /// The helper has gone, and said so.
    pub fn forget(&mut self) {
        self.last = None;
    }

    pub fn begin_again(&mut self) {
        self.began = Instant::now();
        self.state = State::Idle;
    }

    /// The artist need not wait.
    pub fn forgive(&mut self) {
        if matches!(self.state, State::NotBefore { .. }) {
            self.state = State::Idle;
        }
    }

    /// What to try now. `announced`: the word that is there by now.
    pub fn due(&mut self, announced: Option<HelperAddress>) -> Option<Target> {
        let now = Instant::now();
        let since = match &self.state {
            State::Trying { step: Step::Asked | Step::Answered, .. } => return None,
            State::NotBefore { then, .. } if *then > now => return None,
            State::Trying { since, step: Step::Silent, .. } => *since,
            State::Idle | State::NotBefore { .. } => now,
        };
        let word = announced.map(|helper| Target { helper, address: None });
        let Some(target) = word.or_else(|| self.last.clone()) else {
            self.state = State::Idle;
            return None;
        };
        self.state = State::Trying { target: target.clone(), since, step: Step::Asked };
        Some(target)
    }

    /// Whether it may all be done without troubling a command port.
    pub fn may_suffice(&self) -> bool {
        let trying = matches!(self.state, State::Trying { .. });
        trying && self.last.is_some() && self.began.elapsed() < HELPER_WAITS
    }

    /// From now on it is Maya's main thread that is waited for.
    pub fn answered(&mut self) {
        if let State::Trying { step, .. } = &mut self.state {
            *step = Step::Answered;
        }
    }

    pub fn failed(&mut self, target: &Target, failure: &Failure, files: &HelperFiles, retry: Duration) {
        if let (Failure::Silent, State::Trying { step, .. }) = (failure, &mut self.state) {
            *step = Step::Silent;
            return;
        }
        if !leads_nowhere(failure) {
            let why = Why::HelperFailed { message: in_words(failure) };
            self.state = State::NotBefore { then: Instant::now() + retry, why };
            return;
        }
        self.state = State::Idle;
        self.last.take_if(|last| last.helper.is_the_same(&target.helper));
        // Its place may have been taken meanwhile, by a helper with a word of its own.
        if let Some(pid) = self.pid
            && files.announced(pid).is_some_and(|now| now.is_the_same(&target.helper))
        {
            files.forget_announcement(pid);
        }
    }

    /// What to say of it, and of the command ports beside it.
    pub fn beside(&self, ports: Option<Obstacle>, patience: Duration) -> Option<Obstacle> {
        match (&self.state, ports) {
            (_, Some(asking @ Obstacle::Asking(_))) => Some(asking),
            (State::Trying { target, since, step }, _)
                if *step == Step::Answered || since.elapsed() < patience =>
            {
                Some(Obstacle::Trying(target.address()))
            }
            (_, Some(Obstacle::Withheld)) => Some(Obstacle::Withheld),
            (State::Trying { target, .. }, _) => {
                Some(Obstacle::Why(Why::NoAnswer { tried: target.helper.address.to_string() }))
            }
            (State::NotBefore { why, .. }, _) => Some(Obstacle::Why(why.clone())),
            (State::Idle, ports) => ports,
        }
    }
}

/// Nobody listens there, or somebody else: the helper has gone.
fn leads_nowhere(failure: &Failure) -> bool {
    match failure {
        Failure::Unreachable(error) => error.kind() == io::ErrorKind::ConnectionRefused,
        Failure::Link(LinkError::Impostor) | Failure::AnotherProcess(_) => true,
        _ => false,
    }
}

#[cfg(test)]
pub mod tests {
    use maya_mcp_endpoint::{OnConflict, write_private};
    use maya_mcp_session::ProcessId;
    use serde_json::{Value, json};

    use super::*;

    const PID: u32 = 8453;
    const RETRY: Duration = Duration::from_secs(10);
    const PATIENCE: Duration = Duration::from_secs(5);

    /// As a helper does.
    pub fn announce(files: &HelperFiles, pid: u32, word: &Value) -> HelperAddress {
        let folder = files.boot().with_file_name("run").join("announced");
        let path = folder.join(format!("{pid}.json"));
        write_private(&path, word.to_string().as_bytes(), OnConflict::Replace).expect("writable");
        files.announced(pid).expect("of the agreed form")
    }

    fn word(secret: &str) -> Value {
        json!({"maya_mcp": 1, "pid": PID, "port": 51234, "secret": secret.repeat(32), "helper": "abc"})
    }

    fn said(known: &Known, ports: Option<Obstacle>) -> String {
        match known.beside(ports, PATIENCE) {
            Some(Obstacle::Asking(_)) => "asking".to_owned(),
            Some(Obstacle::Trying(at)) => format!("trying {at}"),
            Some(Obstacle::Withheld) => "withheld".to_owned(),
            Some(Obstacle::Soon) => "soon".to_owned(),
            Some(Obstacle::Why(why)) => why.to_string(),
            None => "nothing".to_owned(),
        }
    }

    fn known() -> Known {
        Known::new(ProcessId { pid: PID, started_at: 1 }.into())
    }

    #[tokio::test(start_paused = true)]
    async fn word_of_a_helper_goes_only_when_it_leads_nowhere_and_is_still_the_same() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let files = HelperFiles::install(home.path()).expect("writable");
        let refused = || Failure::Unreachable(io::ErrorKind::ConnectionRefused.into());
        for (failure, goes) in [
            (refused(), true),
            (Failure::Link(LinkError::Impostor), true),
            (Failure::AnotherProcess(7), true),
            (Failure::Silent, false),
            (Failure::Link(LinkError::Closed), false),
            (Failure::Unreachable(io::ErrorKind::ConnectionReset.into()), false),
            (Failure::Bootstrap(LinkError::Impostor.into()), false),
        ] {
            let mut known = known();
            announce(&files, PID, &word("0f"));
            let target = known.due(files.announced(PID)).expect("there is word");
            known.failed(&target, &failure, &files, RETRY);
            assert_eq!(files.announced(PID).is_none(), goes, "{failure:?}");
        }
        let mut known = known();
        announce(&files, PID, &word("0f"));
        let target = known.due(files.announced(PID)).expect("there is word");
        announce(&files, PID, &word("1f"));
        known.failed(&target, &refused(), &files, RETRY);
        assert!(files.announced(PID).is_some(), "the word of the helper in its place stays");
        assert!(known.due(files.announced(PID)).is_some(), "and is followed at once");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_told_of_it_is_true_however_long_it_takes() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let files = HelperFiles::install(home.path()).expect("writable");
        let mut known = known();
        assert_eq!(said(&known, None), "nothing", "there is no word");
        let target = known.due(Some(announce(&files, PID, &word("0f")))).expect("there is word");
        assert_eq!(said(&known, Some(Obstacle::Withheld)), "trying 127.0.0.1:51234", "nobody need choose");
        tokio::time::advance(PATIENCE).await;
        known.failed(&target, &Failure::Silent, &files, RETRY);
        assert!(said(&known, None).contains("no answer yet at 127.0.0.1:51234"), "{}", said(&known, None));
        assert!(known.due(files.announced(PID)).is_some(), "and is asked again at once");
        assert!(said(&known, None).contains("no answer yet"), "which is no news");
        known.answered();
        tokio::time::advance(PATIENCE * 100).await;
        assert_eq!(said(&known, None), "trying 127.0.0.1:51234", "it did answer");
        assert!(known.due(files.announced(PID)).is_none(), "and is left to it");
        known.failed(&target, &Failure::Link(LinkError::Closed), &files, RETRY);
        assert!(said(&known, None).contains("the helper could not start in it"), "{}", said(&known, None));
        assert!(known.due(files.announced(PID)).is_none(), "after a pause");
        tokio::time::advance(RETRY).await;
        assert!(known.due(files.announced(PID)).is_some(), "it is tried again");
    }
}
