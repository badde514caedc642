//! When questions are told: on a paused clock, over a desktop that writes down what it is given.

use std::sync::Mutex;

use maya_mcp_session::{
    Access, Answer, Observation, Process, ProcessId, QuestionId, Registry, Scope, Wanted,
};
use tokio::time::advance;

use super::*;

const MAYA: ProcessId = ProcessId { pid: 8453, started_at: 1 };

/// "+ title" and "- key", as they come and go.
type Log = Arc<Mutex<Vec<String>>>;

fn ask(registry: &Registry, code: &str) {
    let client = "cursor".parse().expect("a good name");
    let wanted = Wanted { digest: code.to_owned(), what: "run MEL".to_owned(), code: code.to_owned() };
    registry.observe(&Observation::QuestionAsked { client, session: MAYA.into(), wanted });
}

fn answer_all(registry: &Registry) {
    let ids: Vec<QuestionId> = registry.snapshot().questions.keys().copied().collect();
    for id in ids {
        registry.observe(&Observation::QuestionAnswered { id, answer: Answer::No });
    }
}

async fn settled() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

fn taken(log: &Log) -> Vec<String> {
    log.lock().expect("nobody panicked").drain(..).collect()
}

/// Over a running `tell_questions`; `delivery` is what the desktop does with a notice.
async fn over<D: Future<Output = Result<(), NotShown>> + 'static>(
    delivery: impl Fn(Log, Notice, CancellationToken) -> D + 'static,
    story: impl AsyncFnOnce(Registry, Log, CancellationToken),
) {
    let registry = Registry::default();
    registry.observe(&Observation::ProcessFound(Process::new(MAYA)));
    let scope = Scope::Everywhere;
    registry.observe(&Observation::AccessSet { scope, access: Some(Access::Ask) });
    let (log, stop) = (Log::default(), CancellationToken::new());
    let writing = log.clone();
    let deliver = move |notice, withdrawn| delivery(writing.clone(), notice, withdrawn);
    let telling = tell_questions(registry.watch(), ClientName::to_string, deliver, stop.clone());
    let story = story(registry, log, stop.clone());
    tokio::join!(telling, async {
        story.await;
        stop.cancel();
    });
}

async fn polite(log: Log, notice: Notice, withdrawn: CancellationToken) -> Result<(), NotShown> {
    let write = |line: String| log.lock().expect("nobody panicked").push(line);
    write(format!("+ {}", notice.title));
    withdrawn.cancelled().await;
    write(format!("- {}", notice.key));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_at_once_is_told_at_once() {
    over(polite, async |registry, log, _| {
        for code in ["1", "2", "3", "4"] {
            ask(&registry, code);
            settled().await;
        }
        advance(GATHER / 2).await;
        settled().await;
        assert_eq!(taken(&log), Vec::<String>::new(), "more may come");
        ask(&registry, "5");
        advance(GATHER / 2).await;
        settled().await;
        assert_eq!(taken(&log), ["+ cursor wants to run code 5 times"], "the first has waited long enough");
        answer_all(&registry);
        settled().await;
        assert_eq!(taken(&log), ["- questions/cursor"], "settled elsewhere, gone at once");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_question_that_is_settled_at_once_is_not_told() {
    over(polite, async |registry, log, _| {
        ask(&registry, "1");
        settled().await;
        answer_all(&registry);
        settled().await;
        advance(GATHER * 2).await;
        settled().await;
        assert_eq!(taken(&log), Vec::<String>::new(), "it was answered in the client's own window, say");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_desktop_that_hangs_holds_up_no_other_question() {
    let hangs = async |log: Log, notice: Notice, _| {
        log.lock().expect("nobody panicked").push(format!("+ {}", notice.key));
        std::future::pending().await
    };
    over(hangs, async |registry, log, _| {
        for code in ["1", "2"] {
            ask(&registry, code);
            settled().await;
            advance(GATHER).await;
            settled().await;
        }
        assert_eq!(taken(&log).len(), 2, "the second does not wait for the first");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_is_open_when_the_engine_stops_is_taken_back() {
    over(polite, async |registry, log, stop| {
        ask(&registry, "1");
        settled().await;
        advance(GATHER).await;
        settled().await;
        assert_eq!(taken(&log), ["+ cursor wants to run code in Maya"], "it is asked");
        stop.cancel();
        settled().await;
        assert_eq!(taken(&log).len(), 1, "its buttons would lead nowhere");
    })
    .await;
}
