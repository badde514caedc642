//! Rules and questions as tables.

use std::sync::Arc;

use crate::{
    Access::{self, Ask, Full, LookOnly},
    Answer, ClientName, Ending, Observation, Process, ProcessId, Question, Rules, Scope, SessionId, Snapshot,
    Wanted, clock, reduce,
};

const ONE: SessionId = SessionId::Process(ProcessId { pid: 1, started_at: 10 });
const TWO: SessionId = SessionId::Process(ProcessId { pid: 2, started_at: 10 });
const THREE: SessionId = SessionId::Process(ProcessId { pid: 3, started_at: 10 });

fn client(name: &str) -> ClientName {
    name.parse().expect("a good name")
}

fn see(snapshot: &mut Snapshot, observation: &Observation) -> bool {
    let before = snapshot.revision;
    reduce(snapshot, observation, clock::Timestamp::UNIX_EPOCH);
    snapshot.revision > before
}

/// And a third, for what must not change.
fn two_sessions() -> Snapshot {
    let mut snapshot = Snapshot::default();
    for id in [ONE, TWO, THREE] {
        let SessionId::Process(process) = id else { panic!("both are processes") };
        see(&mut snapshot, &Observation::ProcessFound(Process::new(process)));
    }
    snapshot
}

fn rule(scope: Scope, access: impl Into<Option<Access>>) -> Observation {
    Observation::AccessSet { scope, access: access.into() }
}

#[test]
fn the_stricter_of_the_clients_and_the_sessions_rule_counts_and_their_own_above_all() {
    let everywhere = || Scope::Everywhere;
    let cursor = || Scope::Client(client("cursor"));
    let one = || Scope::Session(ONE);
    let pair = || Scope::Pair(client("cursor"), ONE);
    for (rules, here, elsewhere, others_here) in [
        (vec![], Full, Full, Full),
        (vec![(everywhere(), Ask)], Ask, Ask, Ask),
        (vec![(everywhere(), Ask), (cursor(), Full)], Full, Full, Ask),
        (vec![(cursor(), Ask)], Ask, Ask, Full),
        (vec![(cursor(), Full), (one(), LookOnly)], LookOnly, Full, LookOnly),
        (vec![(cursor(), LookOnly), (one(), Full)], LookOnly, LookOnly, Full),
        (vec![(cursor(), Ask), (one(), LookOnly), (pair(), Full)], Full, Ask, LookOnly),
        (vec![(pair(), LookOnly)], LookOnly, Full, Full),
    ] {
        let mut snapshot = two_sessions();
        for (scope, access) in &rules {
            assert!(see(&mut snapshot, &rule(scope.clone(), *access)), "{rules:?}: a new rule is a change");
            assert!(!see(&mut snapshot, &rule(scope.clone(), *access)), "{rules:?}: the same again is none");
        }
        let access = |name: &str, id| snapshot.rules.access(&client(name), id);
        let found = (access("cursor", ONE), access("cursor", TWO), access("zed", ONE));
        assert_eq!(found, (here, elsewhere, others_here), "{rules:?}");
        for (scope, _) in &rules {
            assert!(see(&mut snapshot, &rule(scope.clone(), None)), "{rules:?}: taking it back is a change");
        }
        assert_eq!(snapshot.rules, Rules::default(), "{rules:?}: and leaves nothing");
    }
}

fn wanted(code: &str) -> Wanted {
    Wanted { digest: format!("digest of {code}"), what: "run Python code".to_owned(), code: code.to_owned() }
}

fn asked(name: &str, session: SessionId, code: &str) -> Observation {
    Observation::QuestionAsked { client: client(name), session, wanted: wanted(code) }
}

fn question(snapshot: &Snapshot, name: &str, code: &str) -> Arc<Question> {
    let found = snapshot.question(&client(name), ONE, &wanted(code).digest);
    found.unwrap_or_else(|| panic!("{name} asked for {code}")).clone()
}

#[test]
fn the_same_question_is_asked_once_and_its_first_answer_counts() {
    let mut snapshot = two_sessions();
    assert!(see(&mut snapshot, &asked("cursor", ONE, "a")), "a question");
    assert!(!see(&mut snapshot, &asked("cursor", ONE, "a")), "the same again");
    for other in [asked("cursor", ONE, "b"), asked("cursor", TWO, "a"), asked("zed", ONE, "a")] {
        assert!(see(&mut snapshot, &other), "{other:?} is another");
    }
    let id = question(&snapshot, "cursor", "a").id;
    assert!(see(&mut snapshot, &Observation::QuestionAnswered { id, answer: Answer::Once }), "answered");
    assert!(!see(&mut snapshot, &Observation::QuestionAnswered { id, answer: Answer::No }), "too late");
    assert_eq!(question(&snapshot, "cursor", "a").answer, Some(Answer::Once), "the first one");
    assert_eq!(snapshot.rules, Rules::default(), "once is no rule");
    assert_eq!(question(&snapshot, "zed", "a").answer, None, "another client's is its own");
    assert!(see(&mut snapshot, &Observation::QuestionClosed { id }), "taken");
    assert!(!see(&mut snapshot, &Observation::QuestionClosed { id }), "once");
    assert!(snapshot.question(&client("cursor"), ONE, &wanted("a").digest).is_none(), "it is gone");
    assert!(!see(&mut snapshot, &Observation::QuestionAnswered { id, answer: Answer::Always }), "too late");
}

#[test]
fn always_trusts_the_client_where_the_session_is_stricter_too() {
    for (before, elsewhere) in [
        (vec![(Scope::Everywhere, Ask)], Full),
        (vec![(Scope::Client(client("cursor")), Ask)], Full),
        (vec![(Scope::Session(ONE), Ask), (Scope::Session(TWO), Ask)], Ask),
        (vec![(Scope::Pair(client("cursor"), ONE), Ask)], Full),
    ] {
        let mut snapshot = two_sessions();
        see(&mut snapshot, &rule(Scope::Pair(client("cursor"), THREE), LookOnly));
        for (scope, access) in &before {
            see(&mut snapshot, &rule(scope.clone(), *access));
        }
        see(&mut snapshot, &asked("cursor", ONE, "a"));
        let id = question(&snapshot, "cursor", "a").id;
        see(&mut snapshot, &Observation::QuestionAnswered { id, answer: Answer::Always });
        let access = |id| snapshot.rules.access(&client("cursor"), id);
        assert_eq!((access(ONE), access(TWO)), (Full, elsewhere), "{before:?}");
        assert_eq!(access(THREE), LookOnly, "{before:?}: what is closed to it stays closed");
    }
}

#[test]
fn what_is_said_later_of_a_client_or_a_session_takes_back_what_was_allowed_to_both_and_no_more() {
    for scope in [Scope::Client(client("cursor")), Scope::Session(ONE)] {
        let mut snapshot = two_sessions();
        see(&mut snapshot, &rule(Scope::Pair(client("cursor"), ONE), Full));
        see(&mut snapshot, &rule(Scope::Pair(client("zed"), TWO), Full));
        for strict in [Scope::Pair(client("cursor"), TWO), Scope::Pair(client("zed"), ONE)] {
            see(&mut snapshot, &rule(strict, LookOnly));
        }
        assert!(see(&mut snapshot, &rule(scope.clone(), Ask)), "{scope:?}");
        assert_eq!(snapshot.rules.access(&client("cursor"), ONE), Ask, "{scope:?}");
        see(&mut snapshot, &rule(scope.clone(), Full));
        let access = |name: &str, id| snapshot.rules.access(&client(name), id);
        assert_eq!(
            (access("cursor", TWO), access("zed", ONE)),
            (LookOnly, LookOnly),
            "{scope:?}: nothing loosens"
        );
        assert_eq!(
            snapshot.rules.get(&Scope::Pair(client("zed"), TWO)),
            Some(Full),
            "{scope:?}: not the others'"
        );
    }
}

#[test]
fn a_rule_takes_back_what_was_refused() {
    let mut snapshot = two_sessions();
    see(&mut snapshot, &rule(Scope::Everywhere, Ask));
    see(&mut snapshot, &asked("cursor", ONE, "a"));
    let id = question(&snapshot, "cursor", "a").id;
    see(&mut snapshot, &Observation::QuestionAnswered { id, answer: Answer::No });
    see(&mut snapshot, &rule(Scope::Client(client("cursor")), Ask));
    assert!(snapshot.questions.is_empty(), "it can be asked again");
}

#[test]
fn with_a_session_go_its_rules_and_questions() {
    let mut snapshot = two_sessions();
    see(&mut snapshot, &rule(Scope::Session(ONE), Ask));
    see(&mut snapshot, &rule(Scope::Pair(client("cursor"), ONE), Ask));
    see(&mut snapshot, &rule(Scope::Client(client("cursor")), Ask));
    see(&mut snapshot, &asked("cursor", ONE, "a"));
    see(&mut snapshot, &asked("cursor", TWO, "a"));
    see(&mut snapshot, &Observation::ProcessEnded { id: ONE, ending: Ending::Goodbye });
    let left: Vec<_> = snapshot.rules.iter().collect();
    assert_eq!(left, [(&Scope::Client(client("cursor")), Ask)], "the client's own stays");
    assert_eq!(snapshot.questions.len(), 1, "the other session's question stays");
    assert!(!see(&mut snapshot, &asked("cursor", ONE, "b")), "nothing is asked about what has ended");
    assert!(!see(&mut snapshot, &rule(Scope::Session(ONE), Ask)), "nor is a rule made");
}
