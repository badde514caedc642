//! Who may run code: the artist's rules, the artist's answers, and asking through the client, in both protocol eras.

use maya_mcp_session::{Access, Answer, Observation, Question, Scope};
use serde_json::{Value, json};

use crate::{
    fake_maya::{FakeMaya, execution},
    support::{Events, Legacy, Running, in_time, modern_meta, name, process},
};

fn rule(running: &Running, scope: Scope, access: Access) {
    running.registry.observe(&Observation::AccessSet { scope, access: Some(access) });
}

fn ask_first(running: &Running) {
    rule(running, Scope::Client(name("cursor")), Access::Ask);
}

/// The next question that the artist has not answered.
async fn question(running: &Running) -> Question {
    let mut level = running.registry.watch();
    let asked = async {
        loop {
            let open = level.borrow_and_update().questions.values().find(|one| one.answer.is_none()).cloned();
            if let Some(question) = open {
                return Question::clone(&question);
            }
            level.changed().await.expect("the registry lives");
        }
    };
    in_time("the question", asked).await
}

async fn answer(running: &Running, answer: Answer) -> Question {
    let question = question(running).await;
    running.registry.observe(&Observation::QuestionAnswered { id: question.id, answer });
    question
}

fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().expect("text")
}

async fn run(running: &Running, client: &str, code: &str) -> Value {
    running.call(client, "execute_code", json!({ "code": code })).await
}

#[tokio::test]
async fn who_may_only_look_runs_nothing_and_still_looks() {
    let running = Running::start().await;
    let mut maya = FakeMaya::connect(&running).await;
    rule(&running, Scope::Session(process(77).id.into()), Access::LookOnly);
    let calls = [
        ("execute_code", json!({ "code": "1" })),
        ("execute_code", json!({ "code": "1", "language": "mel" })),
        ("run_on_sessions", json!({ "code": "1", "sessions": ["maya-77"] })),
        ("write_module", json!({ "name": "a", "code": "" })),
        ("undo", json!({})),
        ("redo", json!({})),
    ];
    for (tool, arguments) in calls {
        let refused = running.call("cursor", tool, arguments).await;
        assert_eq!(refused["isError"], true, "{tool}");
        assert!(text(&refused).contains("you may only look"), "{tool}: {}", text(&refused));
    }
    let listing = running.call("cursor", "list_sessions", json!({})).await;
    assert_eq!(listing["structuredContent"]["sessions"][0]["access"], "look_only", "it can be known before");
    let looking = running.call("cursor", "get_scene", json!({}));
    let (scene, request) = tokio::join!(looking, async {
        let request = maya.request().await;
        maya.answer(&request, json!({ "file": "/srv/a.ma" })).await;
        request
    });
    assert_eq!(
        (&request["method"], &scene["isError"]),
        (&json!("scene"), &json!(false)),
        "looking is allowed"
    );
}

#[tokio::test]
async fn the_artists_own_command_line_is_held_back_by_no_rule() {
    let running = Running::start().await;
    let mut maya = FakeMaya::connect(&running).await;
    rule(&running, Scope::Everywhere, Access::LookOnly);
    let answering = async {
        let request = maya.request().await;
        assert!(!maya.is_asked().await, "nor is it stopped");
        maya.answer(&request, execution(&json!({ "result": 2 }))).await;
    };
    let (result, ()) = tokio::join!(run(&running, "maya-mcp-cli", "1 + 1"), answering);
    assert_eq!(result["structuredContent"]["result"], 2, "{result}");
}

#[tokio::test]
async fn what_the_artist_allows_once_runs_once() {
    let running = Running::start().await;
    let mut maya = FakeMaya::connect(&running).await;
    ask_first(&running);
    let (result, asked, _) = tokio::join!(
        run(&running, "cursor", "polyCube()"),
        answer(&running, Answer::Once),
        maya.answer_with(json!({ "result": 1 }))
    );
    assert_eq!(result["isError"], false, "{result}");
    assert_eq!(
        (asked.wanted.what.as_str(), asked.wanted.code.as_str()),
        ("run Python code (1 line)", "polyCube()"),
        "the artist reads what it is"
    );
    let (result, _) = tokio::join!(run(&running, "cursor", "polyCube()"), answer(&running, Answer::No));
    assert!(text(&result).contains("did not allow it"), "the next one is asked for anew: {}", text(&result));
    let again = run(&running, "cursor", "polyCube()").await;
    assert!(text(&again).contains("did not allow it"), "and a no is not asked again: {}", text(&again));
}

#[tokio::test]
async fn whom_the_artist_trusts_is_not_asked_again_and_others_are_none_of_it() {
    let running = Running::start().await;
    let mut maya = FakeMaya::connect(&running).await;
    rule(&running, Scope::Everywhere, Access::Ask);
    tokio::join!(
        run(&running, "cursor", "one()"),
        answer(&running, Answer::Always),
        maya.answer_with(json!({}))
    );
    let (result, _) = tokio::join!(run(&running, "cursor", "two()"), maya.answer_with(json!({})));
    assert_eq!(result["isError"], false, "{result}");
    let (result, asked) = tokio::join!(run(&running, "zed", "two()"), answer(&running, Answer::No));
    assert_eq!(
        (asked.client, &result["isError"]),
        (name("zed"), &json!(true)),
        "another client is asked about"
    );
}

#[tokio::test]
async fn two_calls_alike_need_two_answers() {
    let running = Running::start().await;
    let mut maya = FakeMaya::connect(&running).await;
    ask_first(&running);
    let both = async { tokio::join!(run(&running, "cursor", "a()"), run(&running, "cursor", "a()")) };
    let answering = async {
        answer(&running, Answer::Once).await;
        answer(&running, Answer::No).await;
    };
    let ((one, two), (), _) = tokio::join!(both, answering, maya.answer_with(json!({ "result": 1 })));
    let ran = [&one, &two].iter().filter(|result| result["isError"] == false).count();
    assert_eq!(ran, 1, "once is once: {one} {two}");
}

#[tokio::test]
async fn a_rule_that_changes_while_the_artist_is_asked_counts() {
    for (access, runs) in [(Access::Full, true), (Access::LookOnly, false)] {
        let running = Running::start().await;
        let mut maya = FakeMaya::connect(&running).await;
        ask_first(&running);
        let changing = async {
            question(&running).await;
            rule(&running, Scope::Client(name("cursor")), access);
            if runs {
                maya.answer_with(json!({})).await;
            }
        };
        let (result, ()) = tokio::join!(run(&running, "cursor", "a()"), changing);
        assert_eq!(result["isError"], !runs, "{access:?}: {result}");
    }
}

#[tokio::test]
async fn an_artist_who_does_not_answer_can_still_do_so_later() {
    let running = Running::start().await;
    let mut maya = FakeMaya::connect(&running).await;
    ask_first(&running);
    let result = run(&running, "cursor", "a()").await;
    assert!(text(&result).contains("call again with the same arguments"), "{}", text(&result));
    answer(&running, Answer::Once).await;
    let (result, _) = tokio::join!(run(&running, "cursor", "a()"), maya.answer_with(json!({})));
    assert_eq!(result["isError"], false, "the answer was kept: {result}");
}

#[tokio::test]
async fn an_artist_is_not_buried_in_questions() {
    let running = Running::start().await;
    let _maya = FakeMaya::connect(&running).await;
    ask_first(&running);
    let mut last = json!(null);
    for number in 0..17 {
        last = run(&running, "cursor", &format!("a({number})")).await;
    }
    assert!(text(&last).contains("16 questions of yours wait"), "{}", text(&last));
    assert_eq!(running.registry.snapshot().questions.len(), 16, "no more are asked");
}

#[tokio::test]
async fn a_legacy_client_that_can_asks_its_artist_itself() {
    let running = Running::start().await;
    let mut maya = FakeMaya::connect(&running).await;
    ask_first(&running);
    let legacy = Legacy::connect_with(&running, "cursor", json!({ "elicitation": {} })).await;
    for (decision, runs) in [("allow_once", true), ("deny", false)] {
        let params = json!({ "name": "execute_code", "arguments": { "code": "polyCube()" } });
        let call = json!({ "jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": params });
        let mut stream = Events::of(legacy.send(&call).await);
        let asked = stream.notification("elicitation/create").await;
        let message = asked["params"]["message"].as_str().expect("a question");
        assert!(message.contains("polyCube()") && message.contains("maya-77"), "{message}");
        let content = json!({ "action": "accept", "content": { "decision": decision } });
        let reply = json!({ "jsonrpc": "2.0", "id": asked["id"], "result": content });
        assert_eq!(legacy.send(&reply).await.status(), 202, "taken note of");
        if runs {
            maya.answer_with(json!({})).await;
        }
        let result = in_time("the answer", stream.answer()).await["result"].clone();
        assert_eq!(result["isError"], !runs, "{decision}: {result}");
    }
}

/// A modern call of a client that can ask, with what it has been told.
async fn modern(running: &Running, tool: &str, arguments: &Value, responses: Option<Value>) -> Value {
    let mut params = json!({ "name": tool, "arguments": arguments });
    if let Some(responses) = responses {
        params["inputResponses"] = responses;
    }
    let mut meta = modern_meta();
    meta["io.modelcontextprotocol/clientCapabilities"] = json!({ "elicitation": { "form": {} } });
    params["_meta"] = meta;
    let request = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params });
    let post = running.post(&running.token("cursor"), &request);
    let post = post.header("mcp-protocol-version", "2026-07-28").header("mcp-method", "tools/call");
    let response = post.header("mcp-name", tool).send().await.expect("sent");
    in_time("the answer", Events::of(response).answer()).await["result"].clone()
}

/// The one question that a client is to put to its artist, and its answer to it.
fn said(asked: &Value, decision: &str) -> Value {
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    let (key, request) = asked["inputRequests"].as_object().expect("requests").iter().next().expect("one");
    assert_eq!(request["method"], "elicitation/create", "{asked}");
    let answer = match decision {
        "cancel" => json!({ "action": "cancel" }),
        decision => json!({ "action": "accept", "content": { "decision": decision } }),
    };
    json!({ key: answer })
}

#[tokio::test]
async fn a_modern_client_that_can_asks_and_calls_again() {
    let running = Running::start().await;
    let mut maya = FakeMaya::connect(&running).await;
    ask_first(&running);
    let arguments = json!({ "code": "polyCube()" });
    for (decision, runs) in [("allow_once", true), ("deny", false)] {
        let asked = modern(&running, "execute_code", &arguments, None).await;
        let call = modern(&running, "execute_code", &arguments, Some(said(&asked, decision)));
        let result = if runs { tokio::join!(call, maya.answer_with(json!({}))).0 } else { call.await };
        assert_eq!(result["isError"], !runs, "{decision}: {result}");
    }
    let other = json!({ "code": "other()" });
    let asked = modern(&running, "execute_code", &other, None).await;
    assert_eq!(asked["resultType"], "input_required", "another script is another question");
    answer(&running, Answer::Once).await;
    let call = modern(&running, "execute_code", &other, None);
    let (result, _) = tokio::join!(call, maya.answer_with(json!({})));
    assert_eq!(result["isError"], false, "the notice or the window may answer as well: {result}");
}

#[tokio::test]
async fn an_answer_of_a_modern_client_counts_once_and_for_what_it_was_asked() {
    let running = Running::start().await;
    let mut maya = FakeMaya::connect(&running).await;
    ask_first(&running);
    let arguments = json!({ "code": "polyCube()" });
    let asked = modern(&running, "execute_code", &arguments, None).await;
    let yes = said(&asked, "allow_once");
    let other = modern(&running, "execute_code", &json!({ "code": "other()" }), Some(yes.clone())).await;
    assert_eq!(other["resultType"], "input_required", "it is another script: {other}");
    let call = modern(&running, "execute_code", &arguments, Some(yes.clone()));
    let (result, _) = tokio::join!(call, maya.answer_with(json!({})));
    assert_eq!(result["isError"], false, "{result}");
    let again = modern(&running, "execute_code", &arguments, Some(yes)).await;
    assert_eq!(again["resultType"], "input_required", "once is once: {again}");
}

#[tokio::test]
async fn a_modern_client_that_closes_the_form_is_not_asked_for_ever() {
    let running = Running::start().await;
    let _maya = FakeMaya::connect(&running).await;
    ask_first(&running);
    let arguments = json!({ "code": "polyCube()" });
    let asked = modern(&running, "execute_code", &arguments, None).await;
    let closed = modern(&running, "execute_code", &arguments, Some(said(&asked, "cancel"))).await;
    assert!(text(&closed).contains("has not allowed it yet"), "{closed}");
}

#[tokio::test]
async fn an_answer_in_the_clients_own_dialog_counts_after_the_call_has_given_up() {
    let running = Running::start().await;
    let mut maya = FakeMaya::connect(&running).await;
    ask_first(&running);
    let legacy = Legacy::connect_with(&running, "cursor", json!({ "elicitation": {} })).await;
    let params = json!({ "name": "execute_code", "arguments": { "code": "polyCube()" } });
    let call = json!({ "jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": params });
    let mut stream = Events::of(legacy.send(&call).await);
    let asked = stream.notification("elicitation/create").await;
    let result = in_time("the answer", stream.answer()).await["result"].clone();
    assert!(text(&result).contains("call again with the same arguments"), "{result}");
    let content = json!({ "action": "accept", "content": { "decision": "allow_once" } });
    let reply = json!({ "jsonrpc": "2.0", "id": asked["id"], "result": content });
    assert_eq!(legacy.send(&reply).await.status(), 202, "taken note of");
    let again = legacy.ask("tools/call", params);
    let (again, _) = tokio::join!(again, maya.answer_with(json!({})));
    assert_eq!(again["result"]["isError"], false, "{again}");
}

#[tokio::test]
async fn a_dialog_of_the_client_is_taken_back_when_the_artist_answers_elsewhere() {
    let running = Running::start().await;
    let mut maya = FakeMaya::connect(&running).await;
    ask_first(&running);
    let legacy = Legacy::connect_with(&running, "cursor", json!({ "elicitation": {} })).await;
    let mut stream = Events::of(legacy.open_stream().await);
    let params = json!({ "name": "execute_code", "arguments": { "code": "polyCube()" } });
    let call = json!({ "jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": params });
    let mut called = Events::of(legacy.send(&call).await);
    let asked = called.notification("elicitation/create").await;
    answer(&running, Answer::Once).await;
    maya.answer_with(json!({})).await;
    let taken_back = async {
        loop {
            tokio::select! {
                Some(message) = called.next() => if message["method"] == "notifications/cancelled" { return message },
                Some(message) = stream.next() => if message["method"] == "notifications/cancelled" { return message },
            }
        }
    };
    let taken_back = in_time("notifications/cancelled", taken_back).await;
    assert_eq!(taken_back["params"]["requestId"], asked["id"], "{taken_back}");
}

#[tokio::test]
async fn a_session_that_ends_while_its_artist_is_asked_ends_the_call_and_runs_nothing() {
    for scope in [Scope::Client(name("cursor")), Scope::Session(process(77).id.into())] {
        let running = Running::start().await;
        let mut maya = FakeMaya::connect(&running).await;
        rule(&running, scope.clone(), Access::Ask);
        let ending = async {
            question(&running).await;
            running.go(77);
        };
        let (result, ()) = tokio::join!(run(&running, "cursor", "danger()"), ending);
        assert!(text(&result).contains("has ended, so nothing ran"), "{scope:?}: {}", text(&result));
        assert!(!maya.is_asked().await, "{scope:?}: nothing reached Maya");
    }
}

#[tokio::test]
async fn nobody_is_asked_about_what_is_refused_elsewhere_anyway() {
    let running = Running::start().await;
    let _maya = FakeMaya::connect(&running).await;
    ask_first(&running);
    let id = process(77).id.into();
    rule(&running, Scope::Pair(name("cursor"), id), Access::LookOnly);
    let refused =
        running.call("cursor", "run_on_sessions", json!({ "code": "1", "sessions": ["maya-77"] })).await;
    assert!(text(&refused).contains("you may only look"), "{refused}");
    assert!(running.registry.snapshot().questions.is_empty(), "no question was asked");
}

#[tokio::test]
async fn an_answer_is_kept_while_there_is_no_way_to_maya() {
    let running = Running::start().await;
    let _maya = FakeMaya::connect(&running).await;
    ask_first(&running);
    let leaving = async {
        question(&running).await;
        running.links.remove(process(77).id.into());
        answer(&running, Answer::Once).await;
    };
    let (result, ()) = tokio::join!(run(&running, "cursor", "a()"), leaving);
    assert!(text(&result).contains("cannot be used now"), "nothing was sent: {}", text(&result));
    assert_eq!(running.registry.snapshot().questions.len(), 1, "and the answer is still there");
}

#[tokio::test]
async fn what_an_artist_reads_is_short_and_says_what_is_left_out() {
    let running = Running::start().await;
    let _maya = FakeMaya::connect(&running).await;
    ask_first(&running);
    let code = "polyCube() # \u{202e}\n".repeat(1000);
    let evil = format!("x\nallow everything {}", "y".repeat(10_000));
    let calls = [
        ("execute_code", json!({ "code": code }), "run Python code (1000 lines)"),
        (
            "write_module",
            json!({ "name": "a.b", "code": code }),
            "write or replace the Python module \"a.b\" in its memory (1000 lines)",
        ),
        ("undo", json!({ "expected": evil }), "undo \"x allow everything yyy"),
    ];
    for (tool, arguments, what) in calls {
        let calling = running.call("cursor", tool, arguments);
        let (_, asked) = tokio::join!(calling, answer(&running, Answer::No));
        let wanted = &asked.wanted;
        assert!(!wanted.code.contains('\u{202e}'), "{tool}: nothing turns the code around");
        assert!(wanted.what.starts_with(what) && wanted.what.len() < 200, "{tool}: {}", wanted.what);
        assert!(
            wanted.code.len() < 5000 && (tool == "undo" || wanted.code.ends_with("more lines")),
            "{tool}: {}",
            wanted.code
        );
    }
}

#[tokio::test]
async fn an_engine_that_ends_while_the_artist_is_asked_runs_nothing() {
    let running = Running::start().await;
    let _maya = FakeMaya::connect(&running).await;
    ask_first(&running);
    let ending = async {
        question(&running).await;
        running.stop.cancel();
    };
    let (result, ()) = tokio::join!(run(&running, "cursor", "a()"), ending);
    assert!(text(&result).contains("is being closed"), "{}", text(&result));
}
