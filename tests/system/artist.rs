//! Who may do what, as the artist says it in a shell: it counts at once, is kept, and a question is answered once.

use std::fs;

use maya_mcp_session::{Access, Answer, ClientName, Observation, Scope, Wanted};
use maya_mcp_system_tests::Studio;
use serde_json::{Value, json};

use crate::{
    engine::{PYTHON_PORT, engine_with, event},
    programs::run,
};

async fn told(studio: &Studio, arguments: &[&str]) -> String {
    let (code, out, err) = run(studio, &[&["access"], arguments].concat()).await;
    assert_eq!(code, Some(0), "{arguments:?}: {err}");
    out
}

fn cursor() -> ClientName {
    "cursor".parse().expect("a good name")
}

#[tokio::test]
async fn rules_are_set_in_a_shell_and_known_again_after_a_restart() {
    let studio = Studio::new();
    let (hub, mut news) = engine_with(&studio, |_| ()).await;
    let sim = studio.start("2025", PYTHON_PORT).await;
    let id = event(&mut news, &sim, "appeared").await.session.id();
    let maya = id.to_string();

    told(&studio, &["set", "ask"]).await;
    told(&studio, &["set", "full", "--client", "cursor"]).await;
    told(&studio, &["set", "look_only", "--session", &maya]).await;
    told(&studio, &["set", "ask", "--client", "zed", "--session", &maya]).await;
    let rules = &hub.snapshot().rules;
    assert_eq!(rules.access(&cursor(), id), Access::LookOnly, "they count at once");
    let listed: Value = serde_json::from_str(&told(&studio, &["--json"]).await).expect("JSON");
    let expected = json!([
        {"client": null, "session": null, "access": "ask"},
        {"client": "cursor", "session": null, "access": "full"},
        {"client": null, "session": maya, "access": "look_only"},
        {"client": "zed", "session": maya, "access": "ask"},
    ]);
    assert_eq!(listed["rules"], expected, "and are listed");
    let settings = fs::read_to_string(studio.path().join("home/settings.json")).expect("it was written");
    assert!(settings.contains("\"access\": \"ask\""), "the one for everywhere is a setting: {settings}");
    let (code, _, err) = run(&studio, &["access", "set", "ask", "--session", "maya-1"]).await;
    assert!(code == Some(1) && err.contains(&maya), "the error lists the choices: {err}");
    told(&studio, &["clear", "--client", "zed", "--session", &maya]).await;
    hub.stop().await;

    let (hub, mut news) = engine_with(&studio, |settings| settings.access = Access::Ask).await;
    assert_eq!(
        hub.snapshot().rules.get(&Scope::Client(cursor())),
        Some(Access::Full),
        "before anybody calls"
    );
    event(&mut news, &sim, "ready").await;
    let snapshot = hub.snapshot();
    let rules: Vec<_> = snapshot.rules.iter().map(|(scope, access)| (scope.clone(), access)).collect();
    let expected = [
        (Scope::Everywhere, Access::Ask),
        (Scope::Client(cursor()), Access::Full),
        (Scope::Session(id), Access::LookOnly),
    ];
    assert_eq!(rules, expected, "all that was not taken back");
    hub.stop().await;
}

#[tokio::test]
async fn a_question_is_read_and_answered_in_a_shell() {
    let studio = Studio::new();
    let (hub, mut news) = engine_with(&studio, |settings| settings.access = Access::Ask).await;
    let sim = studio.start("2025", PYTHON_PORT).await;
    let session = event(&mut news, &sim, "appeared").await.session.id();
    let wanted = Wanted {
        digest: "d".to_owned(),
        what: "run Python code (1 line)".to_owned(),
        code: "cmds.polyCube()".to_owned(),
    };
    hub.registry().observe(&Observation::QuestionAsked { client: cursor(), session, wanted });
    let id = *hub.snapshot().questions.keys().next().expect("it was asked");
    let number = id.0.to_string();
    let listed = told(&studio, &[]).await;
    let asked = format!("Question {number}: cursor wants to run Python code (1 line) in {session}");
    assert!(listed.contains(&asked) && listed.contains("    cmds.polyCube()"), "to be read: {listed}");

    told(&studio, &["answer", &number, "always"]).await;
    assert_eq!(hub.snapshot().questions[&id].answer, Some(Answer::Always), "it is answered");
    assert_eq!(hub.snapshot().rules.access(&cursor(), session), Access::Full, "and counts from now on");
    assert!(!told(&studio, &[]).await.contains("Question"), "what is settled is not shown");
    let (code, _, err) = run(&studio, &["access", "answer", &number, "no"]).await;
    assert!(code == Some(1) && err.contains("This question is settled"), "the first answer counts: {err}");
    hub.stop().await;
}
