//! What is known of a session's addresses: which to try, and what to say of all of them together.
//!
//! Invariant: an address that asks the artist and was sent something stays answered, or refused, for as long as it listens, and after *Deny*
//! for as long as the session lives; only the artist's *Connect* begins anew.

use std::{collections::BTreeMap, error::Error, io, net::SocketAddr, time::Duration};

use maya_mcp_maya::{BootstrapError, Doorway, LinkError};
use maya_mcp_session::{Address, SessionId, Why, line_to_paste};
use tokio::time::Instant;

/// Why an attempt failed, sorted by what follows from it.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("the artist chose Deny")]
    Denied,
    #[error(transparent)]
    NotMaya(BootstrapError),
    #[error(transparent)]
    TakenOver(BootstrapError),
    /// Nothing was sent.
    #[error(transparent)]
    Closed(BootstrapError),
    #[error(transparent)]
    Bootstrap(BootstrapError),
    #[error("it took the message and has not answered")]
    Silent,
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The helper's own port.
    #[error("its own port could not be reached")]
    Unreachable(#[source] io::Error),
    #[error("the port that Maya opened for us, {0}, is not Maya's any more")]
    NotItsPort(SocketAddr),
    #[error("the helper answered for another process ({0})")]
    AnotherProcess(u32),
    #[error("it is listed as {0} already")]
    Listed(SessionId),
}

/// What a studio can do that lets nobody but Maya listen.
const NO_LISTENERS: &str = "If this studio forbids programs to listen, set \"link\": \"command-port\" in settings.json, \
                            start Maya MCP Tray again, and choose Connect.";

/// For people: with its causes, and the next step where there is one.
pub fn in_words(failure: &Failure) -> String {
    let words = with_causes(failure);
    match failure {
        Failure::Unreachable(_) => format!("{words}. {NO_LISTENERS}"),
        _ => words,
    }
}

fn with_causes(failure: &Failure) -> String {
    let causes = std::iter::successors(Some(failure as &(dyn Error + 'static)), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// What may be tried by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    Nothing,
    /// Ports that run what they are sent.
    Plain,
    /// Those that ask the artist first, too.
    Everything,
}

#[derive(Debug)]
enum Verdict {
    /// `before`: what an earlier attempt came to; it stays true until this one has come to something else.
    Trying {
        since: Instant,
        step: Step,
        before: Option<Why>,
    },
    /// Not a command port.
    Foreign,
    /// Could be tried, if the artist chose so.
    Withheld,
    /// Not again while it listens.
    Refused(Why),
    /// It led to a helper. A port that asked is not asked again by itself.
    Done,
    NotBefore {
        then: Instant,
        why: Option<Why>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Sent,
    /// A dialog must be open.
    Asked,
    /// The helper is in, and waits for Maya's main thread.
    Answered,
}

/// What to say of all addresses together.
#[derive(Debug)]
pub enum Obstacle {
    Asking(Address),
    Trying(Address),
    /// The artist's leave is missing.
    Withheld,
    /// One will be tried in a moment.
    Soon,
    Why(Why),
}

#[derive(Debug, Default)]
pub struct Verdicts {
    known: BTreeMap<String, (Doorway, Verdict)>,
    /// Why nothing that asks is tried, for this session's whole life: the artist chose *Deny*, or was asked before.
    refused: Option<Why>,
}

impl Verdicts {
    /// For a session whose artist was asked before this engine began.
    pub fn refused(why: Why) -> Self {
        Self { refused: Some(why), ..Self::default() }
    }

    /// The artist chose *Connect*: what was refused may be tried again, and what waits need not wait.
    pub fn forgive(&mut self) {
        self.refused = None;
        for (_, verdict) in self.known.values_mut() {
            if !matches!(verdict, Verdict::Foreign | Verdict::Trying { .. }) {
                *verdict = Verdict::Withheld;
            }
        }
    }

    /// The link has ended: what was not refused may be tried again, unless that would ask the artist.
    pub fn begin_again(&mut self) {
        for (doorway, verdict) in self.known.values_mut() {
            if matches!(verdict, Verdict::Done | Verdict::Trying { .. }) && doorway.asks_the_artist() {
                *verdict = Verdict::Refused(Why::HelperRemoved);
            }
        }
        self.known.retain(|_, (_, verdict)| matches!(verdict, Verdict::Foreign | Verdict::Refused(_)));
    }

    /// Takes note of what listens, and gives what to try now.
    pub fn due(&mut self, listening: Vec<Doorway>, leave: Leave, ask_after: Duration) -> Vec<Doorway> {
        let now = Instant::now();
        let listens = |key: &String| listening.iter().any(|doorway| doorway.address.to_string() == *key);
        self.known.retain(|key, (_, verdict)| matches!(verdict, Verdict::Trying { .. }) || listens(key));
        let (asking, plain): (Vec<_>, Vec<_>) = listening.into_iter().partition(Doorway::asks_the_artist);
        let mut due = Vec::new();
        for doorway in plain {
            let key = doorway.address.to_string();
            // Whether a port that was added by hand asks, is seen when it does.
            let no = self.refused.clone().filter(|_| doorway.pid.is_none());
            if let Some(why) = no {
                self.known.entry(key).or_insert((doorway, Verdict::Refused(why)));
            } else if leave == Leave::Nothing {
                self.known.entry(key).or_insert((doorway, Verdict::Withheld));
            } else {
                due.extend(self.try_now(doorway, now));
            }
        }
        for doorway in asking {
            let key = doorway.address.to_string();
            let first = match self.refused.clone() {
                Some(why) => Verdict::Refused(why),
                None => Verdict::NotBefore { then: now + ask_after, why: None },
            };
            // One question at a time: the answer to it may be No.
            let is_asked = |(other, verdict): &(Doorway, Verdict)| {
                other.asks_the_artist() && matches!(verdict, Verdict::Trying { .. })
            };
            let is_asked = self.known.values().any(is_asked);
            let (_, verdict) = self.known.entry(key).or_insert_with(|| (doorway.clone(), first));
            if leave == Leave::Everything && due.is_empty() && !is_asked {
                due.extend(self.try_now(doorway, now));
            } else if matches!(verdict, Verdict::NotBefore { then, .. } if *then <= now) {
                *verdict = Verdict::Withheld;
            }
        }
        due
    }

    fn try_now(&mut self, doorway: Doorway, now: Instant) -> Option<Doorway> {
        let key = doorway.address.to_string();
        let before = match self.known.get(&key) {
            None | Some((_, Verdict::Withheld)) => None,
            Some((_, Verdict::NotBefore { then, why })) if *then <= now => why.clone(),
            Some(_) => return None,
        };
        self.known.insert(key, (doorway.clone(), Verdict::Trying { since: now, step: Step::Sent, before }));
        Some(doorway)
    }

    /// What waits for the artist's leave.
    pub fn withheld(&self) -> Vec<Doorway> {
        let withheld = self.known.values().filter(|(_, verdict)| matches!(verdict, Verdict::Withheld));
        withheld.map(|(doorway, _)| doorway.clone()).collect()
    }

    /// A dialog must be open there.
    pub fn asked(&mut self, address: &Address) {
        self.reached(address, Step::Asked);
    }

    /// It led to a helper that takes its time.
    pub fn answered(&mut self, address: &Address) {
        self.reached(address, Step::Answered);
    }

    fn reached(&mut self, address: &Address, now: Step) {
        if let Some((_, Verdict::Trying { step, .. })) = self.known.get_mut(&address.to_string()) {
            *step = now;
        }
    }

    pub fn succeeded(&mut self, doorway: &Doorway) {
        self.known.insert(doorway.address.to_string(), (doorway.clone(), Verdict::Done));
    }

    pub fn failed(&mut self, doorway: &Doorway, failure: &Failure, retry: Duration) {
        if matches!(failure, Failure::Denied) {
            self.refused = Some(Why::PermissionDenied);
            for (other, verdict) in self.known.values_mut() {
                if other.asks_the_artist() && !matches!(verdict, Verdict::Foreign) {
                    *verdict = Verdict::Refused(Why::PermissionDenied);
                }
            }
        }
        let by_hand = doorway.pid.is_none();
        // Elsewhere the helper always has a port of its own.
        let message = || if by_hand { with_causes(failure) } else { in_words(failure) };
        let why = match failure {
            Failure::Denied => Some(Why::PermissionDenied),
            // A port that somebody named is expected to be one.
            Failure::NotMaya(_) if by_hand => Some(Why::HelperFailed { message: message() }),
            Failure::NotMaya(_) => None,
            Failure::TakenOver(_) => doorway.pid.map(|pid| Why::TakenOver { line: line_to_paste(pid) }),
            Failure::Listed(id) => Some(Why::Listed { id: *id }),
            Failure::Closed(_) if by_hand => Some(Why::NobodyThere { tried: doorway.address.to_string() }),
            Failure::Closed(_) | Failure::Silent => {
                Some(Why::NoAnswer { tried: doorway.address.to_string() })
            }
            Failure::Bootstrap(_)
            | Failure::Link(_)
            | Failure::Unreachable(_)
            | Failure::NotItsPort(_)
            | Failure::AnotherProcess(_) => Some(Why::HelperFailed { message: message() }),
        };
        let asks_again = doorway.asks_the_artist() && !matches!(failure, Failure::Closed(_));
        // Whoever is elsewhere is not sent the whole helper again and again.
        let waits = matches!(failure, Failure::Closed(_) | Failure::Silent | Failure::Listed(_));
        let final_answer = matches!(failure, Failure::Denied | Failure::TakenOver(_)) || by_hand && !waits;
        let verdict = match why {
            None => Verdict::Foreign,
            Some(why) if asks_again || final_answer => Verdict::Refused(why),
            why => Verdict::NotBefore { then: Instant::now() + retry, why },
        };
        self.known.insert(doorway.address.to_string(), (doorway.clone(), verdict));
    }

    /// Nothing, when every address is foreign or there is none.
    pub fn obstacle(&self, patience: Duration) -> Option<Obstacle> {
        let all = || self.known.values();
        let at = |at: Step| {
            let is_there =
                move |(_, verdict): &&(_, _)| matches!(verdict, Verdict::Trying { step, .. } if *step == at);
            all().find(is_there).map(|(doorway, _): &(Doorway, _)| doorway.address.clone())
        };
        if let Some(address) = at(Step::Asked) {
            return Some(Obstacle::Asking(address));
        }
        if let Some(address) = at(Step::Answered) {
            return Some(Obstacle::Trying(address));
        }
        let told = all().find_map(|(_, verdict)| match verdict {
            Verdict::Refused(why)
            | Verdict::NotBefore { why: Some(why), .. }
            | Verdict::Trying { before: Some(why), .. } => Some(why.clone()),
            _ => None,
        });
        let trying = all().filter_map(|(doorway, verdict)| match verdict {
            Verdict::Trying { since, .. } => Some((&doorway.address, since.elapsed())),
            _ => None,
        });
        let (patient, silent): (Vec<_>, Vec<_>) = trying.partition(|(_, waited)| *waited < patience);
        if patient.is_empty() && all().any(|(_, verdict)| matches!(verdict, Verdict::Withheld)) {
            return Some(Obstacle::Withheld);
        }
        match (told, patient.first(), silent.is_empty()) {
            (Some(why), ..) => Some(Obstacle::Why(why)),
            (None, Some((address, _)), true) => Some(Obstacle::Trying((*address).clone())),
            (None, _, false) => {
                let tried: Vec<_> = silent.iter().map(|(address, _)| address.to_string()).collect();
                Some(Obstacle::Why(Why::NoAnswer { tried: tried.join(", ") }))
            }
            (None, None, true) => {
                let soon = |(_, verdict): &(Doorway, Verdict)| matches!(verdict, Verdict::NotBefore { .. });
                all().any(soon).then_some(Obstacle::Soon)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use maya_mcp_maya::PortError;

    use super::*;

    const RETRY: Duration = Duration::from_secs(10);
    const PATIENCE: Duration = Duration::from_secs(5);
    const ASK_AFTER: Duration = Duration::from_secs(1);
    const EVERYTHING: Leave = Leave::Everything;

    fn plain() -> Doorway {
        Doorway { address: Address::Tcp(([127, 0, 0, 1], 7001).into()), pid: Some(1) }
    }

    fn asking() -> Doorway {
        Doorway { address: Address::Unix("/tmp/commandportDefault".into()), pid: Some(1) }
    }

    fn said(verdicts: &Verdicts) -> String {
        match verdicts.obstacle(PATIENCE) {
            Some(Obstacle::Asking(_)) => "asking".to_owned(),
            Some(Obstacle::Trying(_)) => "trying".to_owned(),
            Some(Obstacle::Withheld) => "withheld".to_owned(),
            Some(Obstacle::Soon) => "soon".to_owned(),
            Some(Obstacle::Why(why)) => format!("{why:?}"),
            None => "nothing".to_owned(),
        }
    }

    async fn after(time: Duration) {
        tokio::time::advance(time).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_port_that_asks_is_sent_one_message_whatever_comes_of_it() {
        let failures = || {
            [
                Failure::Bootstrap(BootstrapError::PathTooLong),
                Failure::Link(LinkError::Closed),
                Failure::AnotherProcess(7),
            ]
        };
        for failure in failures() {
            let mut verdicts = Verdicts::default();
            assert!(
                verdicts.due(vec![asking()], EVERYTHING, ASK_AFTER).is_empty(),
                "another port may need no asking"
            );
            after(ASK_AFTER).await;
            assert_eq!(verdicts.due(vec![asking()], EVERYTHING, ASK_AFTER).len(), 1, "then it is tried");
            verdicts.failed(&asking(), &failure, RETRY);
            for _ in 0..3 {
                after(RETRY * 100).await;
                assert!(
                    verdicts.due(vec![asking()], EVERYTHING, ASK_AFTER).is_empty(),
                    "never again: {failure}"
                );
                verdicts.begin_again();
            }
            verdicts.due(vec![], EVERYTHING, ASK_AFTER);
            verdicts.due(vec![asking()], EVERYTHING, ASK_AFTER);
            after(ASK_AFTER).await;
            assert_eq!(
                verdicts.due(vec![asking()], EVERYTHING, ASK_AFTER).len(),
                1,
                "closed and opened, it is another port"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_link_that_ends_does_not_ask_the_artist_again() {
        let mut verdicts = Verdicts::default();
        verdicts.due(vec![asking()], EVERYTHING, ASK_AFTER);
        after(ASK_AFTER).await;
        verdicts.due(vec![asking()], EVERYTHING, ASK_AFTER);
        verdicts.succeeded(&asking());
        verdicts.begin_again();
        after(RETRY).await;
        assert!(verdicts.due(vec![asking()], EVERYTHING, ASK_AFTER).is_empty(), "one message");
        assert_eq!(said(&verdicts), "HelperRemoved", "and a reason");
        assert_eq!(
            verdicts.due(vec![asking(), plain()], EVERYTHING, ASK_AFTER),
            [plain()],
            "a plain port is welcome"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_artist_is_not_asked_while_a_plain_port_is_new() {
        let mut verdicts = Verdicts::default();
        assert_eq!(
            verdicts.due(vec![asking(), plain()], EVERYTHING, ASK_AFTER),
            [plain()],
            "the plain one first"
        );
        after(ASK_AFTER).await;
        assert_eq!(
            verdicts.due(vec![asking(), plain()], EVERYTHING, ASK_AFTER),
            [asking()],
            "then the other"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_said_does_not_flicker() {
        let mut verdicts = Verdicts::default();
        verdicts.due(vec![plain()], EVERYTHING, ASK_AFTER);
        assert_eq!(said(&verdicts), "trying", "at first");
        verdicts.failed(&plain(), &Failure::Bootstrap(BootstrapError::PathTooLong), RETRY);
        let why = said(&verdicts);
        assert!(why.contains("HelperFailed"), "{why}");
        after(RETRY).await;
        assert_eq!(verdicts.due(vec![plain()], EVERYTHING, ASK_AFTER).len(), 1, "it is tried again");
        assert_eq!(said(&verdicts), why, "and what was true stays said");
        verdicts.due(vec![asking(), plain()], EVERYTHING, ASK_AFTER);
        after(ASK_AFTER).await;
        verdicts.due(vec![asking(), plain()], EVERYTHING, ASK_AFTER);
        verdicts.asked(&asking().address);
        assert_eq!(said(&verdicts), "asking", "a dialog goes before all");
        verdicts.failed(&asking(), &Failure::Denied, RETRY);
        verdicts.failed(&plain(), &Failure::NotMaya(BootstrapError::Denied), RETRY);
        assert_eq!(said(&verdicts), "PermissionDenied", "what others answer does not hide it");
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_port_is_told_after_a_while() {
        let mut verdicts = Verdicts::default();
        verdicts.due(vec![plain()], EVERYTHING, ASK_AFTER);
        after(PATIENCE).await;
        assert!(said(&verdicts).contains("NoAnswer"), "{}", said(&verdicts));
        verdicts.failed(&plain(), &Failure::NotMaya(BootstrapError::Denied), RETRY);
        assert_eq!(said(&verdicts), "nothing", "one that is none of ours is no obstacle");
    }

    #[tokio::test(start_paused = true)]
    async fn a_helper_that_has_answered_is_not_told_as_silent() {
        let mut verdicts = Verdicts::default();
        verdicts.due(vec![plain()], EVERYTHING, ASK_AFTER);
        verdicts.failed(&plain(), &Failure::Link(LinkError::Closed), RETRY);
        after(RETRY).await;
        verdicts.due(vec![plain()], EVERYTHING, ASK_AFTER);
        verdicts.answered(&plain().address);
        after(PATIENCE * 100).await;
        assert_eq!(said(&verdicts), "trying", "however long it takes, and whatever came of it before");
    }

    #[test]
    fn what_failed_is_told_with_its_cause_and_the_next_step() {
        let unreachable = Failure::Unreachable(io::Error::other("forbidden"));
        let words = in_words(&unreachable);
        let step = "settings.json, start Maya MCP Tray again, and choose Connect.";
        assert!(words.starts_with("its own port could not be reached: forbidden. If this studio"), "{words}");
        assert!(words.ends_with(step), "the next step comes last: {words}");
        let talk = PortError::Talk { address: plain().address, source: io::Error::other("cut off") };
        let words = in_words(&Failure::Bootstrap(talk.into()));
        assert_eq!(words, "talking to 127.0.0.1:7001: cut off", "with its cause, once");

        let by_hand = Doorway { pid: None, ..plain() };
        let mut verdicts = Verdicts::default();
        verdicts.failed(&by_hand, &unreachable, RETRY);
        let told = said(&verdicts);
        assert!(told.contains("forbidden") && !told.contains("settings.json"), "no help elsewhere: {told}");
    }

    #[tokio::test(start_paused = true)]
    async fn after_deny_nothing_that_asks_is_tried_until_the_artist_says_so() {
        let mut verdicts = Verdicts::default();
        verdicts.due(vec![asking()], EVERYTHING, ASK_AFTER);
        after(ASK_AFTER).await;
        verdicts.due(vec![asking()], EVERYTHING, ASK_AFTER);
        verdicts.failed(&asking(), &Failure::Denied, RETRY);
        verdicts.due(vec![], EVERYTHING, ASK_AFTER);
        for mut verdicts in [verdicts, Verdicts::refused(Why::PermissionDenied)] {
            assert!(
                verdicts.due(vec![asking()], EVERYTHING, ASK_AFTER).is_empty(),
                "closed and opened again"
            );
            after(ASK_AFTER * 10).await;
            assert!(verdicts.due(vec![asking()], EVERYTHING, ASK_AFTER).is_empty(), "it stays denied");
            assert_eq!(said(&verdicts), "PermissionDenied", "and says so");
            assert_eq!(
                verdicts.due(vec![asking(), plain()], EVERYTHING, ASK_AFTER),
                [plain()],
                "a plain port is no question"
            );
            verdicts.forgive();
            assert_eq!(
                verdicts.due(vec![asking()], EVERYTHING, ASK_AFTER),
                [asking()],
                "Connect begins anew"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_needs_leave_waits_for_it() {
        let mut verdicts = Verdicts::default();
        assert_eq!(verdicts.due(vec![asking()], Leave::Plain, ASK_AFTER), [], "no leave");
        assert_eq!(said(&verdicts), "soon", "another port may still come up");
        after(ASK_AFTER).await;
        assert_eq!(verdicts.due(vec![asking()], Leave::Plain, ASK_AFTER), [], "no leave");
        assert_eq!(said(&verdicts), "withheld", "now the artist is asked");
        assert_eq!(
            verdicts.due(vec![asking()], EVERYTHING, ASK_AFTER),
            [asking()],
            "and tried with leave at once"
        );

        let mut verdicts = Verdicts::default();
        assert_eq!(verdicts.due(vec![plain()], Leave::Nothing, ASK_AFTER), [], "not even a plain one");
        assert_eq!(said(&verdicts), "withheld", "and there is something to choose");
        assert_eq!(verdicts.due(vec![plain()], Leave::Plain, ASK_AFTER), [plain()], "with leave at once");
        verdicts.failed(&plain(), &Failure::NotMaya(BootstrapError::Denied), RETRY);
        verdicts.due(vec![plain(), asking()], Leave::Plain, ASK_AFTER);
        after(ASK_AFTER).await;
        verdicts.due(vec![plain(), asking()], Leave::Plain, ASK_AFTER);
        assert_eq!(said(&verdicts), "withheld", "a stranger beside it hides nothing");
    }

    #[tokio::test(start_paused = true)]
    async fn a_maya_with_two_ports_that_ask_asks_one_question() {
        let other = || Doorway { address: Address::Tcp(([127, 0, 0, 1], 50007).into()), pid: Some(1) };
        let both = || vec![asking(), other()];
        let mut verdicts = Verdicts::default();
        verdicts.due(both(), EVERYTHING, ASK_AFTER);
        after(ASK_AFTER).await;
        assert_eq!(verdicts.due(both(), EVERYTHING, ASK_AFTER), [asking()], "one of them");
        after(ASK_AFTER).await;
        assert_eq!(verdicts.due(both(), EVERYTHING, ASK_AFTER), [], "not the other while its dialog is open");
        verdicts.failed(&asking(), &Failure::Denied, RETRY);
        after(RETRY).await;
        assert_eq!(verdicts.due(both(), EVERYTHING, ASK_AFTER), [], "and No is the answer to both");
        assert_eq!(said(&verdicts), "PermissionDenied", "which is told");
    }

    #[tokio::test(start_paused = true)]
    async fn a_port_added_by_hand_is_not_sent_the_helper_again_and_again() {
        let by_hand = || Doorway { pid: None, ..plain() };
        let failures =
            || [Failure::Denied, Failure::NotMaya(BootstrapError::Denied), Failure::Link(LinkError::Closed)];
        for failure in failures() {
            let mut verdicts = Verdicts::default();
            assert_eq!(verdicts.due(vec![by_hand()], EVERYTHING, ASK_AFTER), [by_hand()], "once");
            verdicts.failed(&by_hand(), &failure, RETRY);
            after(RETRY * 10).await;
            assert_eq!(verdicts.due(vec![by_hand()], EVERYTHING, ASK_AFTER), [], "not again: {failure}");
            verdicts.forgive();
            assert_eq!(verdicts.due(vec![by_hand()], EVERYTHING, ASK_AFTER), [by_hand()], "but by Connect");
        }
        let mut verdicts = Verdicts::refused(Why::PermissionDenied);
        assert_eq!(verdicts.due(vec![by_hand()], EVERYTHING, ASK_AFTER), [], "nor after a restart");
    }
}
