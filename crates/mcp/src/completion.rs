//! Finishing what somebody types where a session's name is asked for.
//!
//! Invariant: offers only what would be accepted; what nobody can finish gets an empty answer and no error, for it was only half typed.

use maya_mcp_session::Snapshot;
use rmcp::model::{ArgumentInfo, CompleteResult, CompletionInfo, Reference};

use crate::{
    prompts::{self, RECOVER_AFTER_CRASH},
    resources::Part,
    server::Shared,
};

const SESSION: &str = "session";

pub(crate) fn complete(shared: &Shared, reference: &Reference, argument: &ArgumentInfo) -> CompleteResult {
    let snapshot = shared.registry.snapshot();
    let candidates = match reference {
        _ if argument.name != SESSION => Vec::new(),
        Reference::Resource(template) if Part::ALL.iter().any(|part| part.template() == template.uri) => {
            running(&snapshot)
        }
        Reference::Prompt(prompt) if prompt.name == RECOVER_AFTER_CRASH => {
            prompts::crashed(shared, &snapshot).into_iter().map(Candidate::named).collect()
        }
        Reference::Prompt(prompt) if prompts::takes_session(&prompt.name) => running(&snapshot),
        _ => Vec::new(),
    };
    CompleteResult::new(fitting(candidates, &argument.value))
}

/// A name, and what else somebody may know it by.
struct Candidate {
    name: String,
    scene: String,
}

impl Candidate {
    fn named(name: String) -> Self {
        Self { name, scene: String::new() }
    }
}

fn running(snapshot: &Snapshot) -> Vec<Candidate> {
    let candidate = |session: &std::sync::Arc<maya_mcp_session::Session>| Candidate {
        name: session.id().to_string(),
        scene: session.scene.as_ref().map(|scene| scene.name.to_lowercase()).unwrap_or_default(),
    };
    snapshot.sessions.values().map(candidate).collect()
}

/// Those whose name begins with what was typed, or else those that have it anywhere in their name or in that of their scene.
fn fitting(candidates: Vec<Candidate>, typed: &str) -> CompletionInfo {
    let typed = typed.trim().to_lowercase();
    let (begin, others): (Vec<_>, Vec<_>) =
        candidates.into_iter().partition(|candidate| candidate.name.starts_with(&typed));
    let found = if begin.is_empty() { others } else { begin };
    let fits = |candidate: &Candidate| candidate.name.contains(&typed) || candidate.scene.contains(&typed);
    let mut names: Vec<_> = found.into_iter().filter(fits).map(|candidate| candidate.name).collect();
    let total = u32::try_from(names.len()).unwrap_or(u32::MAX);
    names.truncate(CompletionInfo::MAX_VALUES);
    let has_more = names.len() < total as usize;
    CompletionInfo::with_pagination(names, Some(total), has_more).expect("no more than may be")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_counts_before_anything_else() {
        let candidates = || {
            [("maya-84", "shot_010.ma"), ("maya-853", "Maya-8.ma"), ("maya-10.0.0.5:7001", "")]
                .map(|(name, scene)| Candidate { name: name.to_owned(), scene: scene.to_lowercase() })
        };
        for (typed, names) in [
            ("", &["maya-84", "maya-853", "maya-10.0.0.5:7001"] as &[_]),
            ("maya-8", &["maya-84", "maya-853"]),
            (" MAYA-84 ", &["maya-84"]),
            ("84", &["maya-84"]),
            ("7001", &["maya-10.0.0.5:7001"]),
            ("Shot_010", &["maya-84"]),
            ("houdini", &[]),
        ] {
            let found = fitting(candidates().into(), typed);
            assert_eq!(found.values, names, "{typed:?}");
            assert_eq!(found.total, Some(u32::try_from(names.len()).expect("a few")), "{typed:?}");
        }
    }

    #[test]
    fn of_many_the_first_hundred_are_given_and_all_are_counted() {
        let many = (1000..1250).map(|pid| Candidate::named(format!("maya-{pid}"))).collect();
        let found = fitting(many, "maya-1");
        assert_eq!(
            (found.values.len(), found.total, found.has_more),
            (100, Some(250), Some(true)),
            "counted"
        );
    }
}
