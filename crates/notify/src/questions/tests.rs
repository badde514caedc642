use maya_mcp_session::{
    Access, Answer, Ending, Observation, Process, ProcessId, Registry, Scene, SceneReason, Scope, Wanted,
};

use super::*;

const MAYA: ProcessId = ProcessId { pid: 8453, started_at: 1 };

fn a_maya() -> Registry {
    let registry = Registry::default();
    let version = Some("2025".to_owned());
    registry.observe(&Observation::ProcessFound(Process {
        maya_version: version,
        batch: true,
        ..Process::new(MAYA)
    }));
    let scope = Scope::Everywhere;
    registry.observe(&Observation::AccessSet { scope, access: Some(Access::Ask) });
    registry
}

fn ask(registry: &Registry, client: &str, code: &str) -> QuestionId {
    let wanted = Wanted {
        digest: code.to_owned(),
        what: "run Python code (1 line)".to_owned(),
        code: code.to_owned(),
    };
    let client = client.parse().expect("a good name");
    registry.observe(&Observation::QuestionAsked { client, session: MAYA.into(), wanted });
    *registry.snapshot().questions.keys().last().expect("it was asked")
}

fn answer(registry: &Registry, id: QuestionId) {
    registry.observe(&Observation::QuestionAnswered { id, answer: Answer::Once });
}

/// What goes and what comes, by key; then how many notices there are.
fn step(told: &mut Told, registry: &Registry) -> (Vec<Key>, Vec<Key>, usize) {
    let now = registry.snapshot();
    let mut gone = told.settle(&now);
    let Step { withdraw, show } = told.tell(&now, Instant::now(), &ClientName::to_string);
    gone.extend(withdraw);
    (gone, show.into_iter().map(|(key, _)| key).collect(), told.shown.len())
}

#[test]
fn each_question_is_told_once_and_taken_back_when_it_is_settled() {
    let (registry, mut told) = (a_maya(), Told::default());
    assert_eq!(step(&mut told, &registry), (vec![], vec![], 0), "without a question nothing is told");
    let first = ask(&registry, "cursor", "1");
    assert!(told.is_news(&registry.snapshot(), Instant::now()), "a batch session's question is a question");
    assert_eq!(step(&mut told, &registry), (vec![], vec![Key::One(first)], 1), "told");
    let second = ask(&registry, "cursor", "2");
    assert_eq!(
        step(&mut told, &registry),
        (vec![], vec![Key::One(second)], 2),
        "the first is not told again"
    );
    answer(&registry, first);
    assert_eq!(step(&mut told, &registry), (vec![Key::One(first)], vec![], 1), "answered elsewhere");
    registry.observe(&Observation::ProcessEnded { id: MAYA.into(), ending: Ending::Unwitnessed });
    assert_eq!(step(&mut told, &registry), (vec![Key::One(second)], vec![], 0), "its Maya has ended");
}

#[test]
fn a_rule_that_is_made_meanwhile_is_the_answer() {
    let (registry, mut told) = (a_maya(), Told::default());
    let id = ask(&registry, "cursor", "1");
    step(&mut told, &registry);
    let rule = |access| {
        let scope = Scope::Client("cursor".parse().expect("a good name"));
        registry.observe(&Observation::AccessSet { scope, access: Some(access) });
    };
    rule(Access::LookOnly);
    assert_eq!(step(&mut told, &registry), (vec![Key::One(id)], vec![], 0), "there is nothing to be asked");
    rule(Access::Ask);
    assert_eq!(step(&mut told, &registry), (vec![], vec![Key::One(id)], 1), "now there is again");
}

#[test]
fn many_questions_of_one_client_are_one_notice() {
    let (registry, mut told) = (a_maya(), Told::default());
    let many = Key::Many("cursor".parse().expect("a good name"));
    let early: Vec<_> = ["1", "2", "3"].iter().map(|code| ask(&registry, "cursor", code)).collect();
    step(&mut told, &registry);
    let fourth = ask(&registry, "cursor", "4");
    let other = ask(&registry, "zed", "4");
    let ones: Vec<_> = early.iter().copied().map(Key::One).collect();
    assert_eq!(
        step(&mut told, &registry),
        (ones, vec![many.clone(), Key::One(other)], 2),
        "one in place of the three, and another client's is its own"
    );
    assert_eq!(step(&mut told, &registry), (vec![], vec![], 2), "none is told again");
    let again = (vec![many.clone()], vec![many.clone()], 2);
    let fifth = ask(&registry, "cursor", "5");
    assert_eq!(step(&mut told, &registry), again, "another one is told, with the number");
    answer(&registry, fourth);
    told.settle(&registry.snapshot());
    assert!(told.is_news(&registry.snapshot(), Instant::now()), "and so is that there is one less");
    assert_eq!(step(&mut told, &registry), again, "with the number");
    answer(&registry, early[0]);
    let left: Vec<_> = [early[1], early[2], fifth].map(Key::One).into();
    assert_eq!(step(&mut told, &registry), (vec![many], left, 4), "few can be answered where they are told");
}

#[test]
fn a_notice_says_who_wants_what_and_where_and_how_to_answer() {
    let registry = a_maya();
    let scene = Scene { name: "shot_010.ma".to_owned(), ..Scene::default() };
    registry.observe(&Observation::SceneSeen { id: MAYA.into(), reason: SceneReason::Opened, scene });
    let code = format!("print('<b>' + {})\n2\n3\n4\n5\n6\n", "é".repeat(200));
    let id = ask(&registry, "claude-desktop", &code);
    let Step { show, .. } =
        Told::default().tell(&registry.snapshot(), Instant::now(), &|_| "Claude Desktop".to_owned());
    let [(_, notice)] = &show[..] else { panic!("one question, one notice: {show:?}") };
    assert_eq!(notice.title, "Claude Desktop wants to run code in Maya 2025", "who and where");
    let lines: Vec<_> = notice.body.lines().collect();
    assert_eq!(lines[0], "Run Python code (1 line) in maya-8453, shot_010.ma:", "what and where");
    assert!(lines[1].starts_with("print('<b>' + é") && lines[1].ends_with('…'), "as it is: {}", lines[1]);
    assert_eq!(lines[1].chars().count(), WIDTH + 1, "a long line is cut between letters");
    assert_eq!(lines[2..7], ["2", "3", "4", "5", "…"], "the code's beginning");
    assert!(lines[7].contains("in the tray or in the window"), "the next step: {}", lines[7]);
    assert_eq!(notice.action, Some(Action::Answer(id)), "it can be answered right there");
}
