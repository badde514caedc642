//! The artist's word on who may do what: rules, and answers to questions.
//!
//! Invariant: the rule for everywhere is the setting `access`; it counts from the moment it stands in the file.

use std::path::PathBuf;

use maya_mcp_clients::Client;
use maya_mcp_session::{Access, Answer, ClientName, Observation, QuestionId, Refused, Registry, Scope};

use crate::{memory::Memory, settings};

/// Where an artist's word goes. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Artist {
    pub registry: Registry,
    pub settings: PathBuf,
}

impl Artist {
    /// What was said before counts again.
    pub fn speaks(registry: &Registry, settings: PathBuf, everywhere: Access, memory: &Memory) -> Self {
        // The rules that cannot be read any more may have been strict.
        let everywhere = if memory.is_lost() { everywhere.max(Access::Ask) } else { everywhere };
        let everywhere = Observation::AccessSet { scope: Scope::Everywhere, access: Some(everywhere) };
        for rule in [everywhere].into_iter().chain(memory.client_rules()) {
            registry.observe(&rule);
        }
        Self { registry: registry.clone(), settings }
    }

    /// From now on. What is about a session is forgotten with it.
    pub fn set_access(&self, scope: Scope, access: Option<Access>) -> Result<(), Refused> {
        let access = match &scope {
            Scope::Session(id) | Scope::Pair(_, id)
                if !self.registry.snapshot().sessions.contains_key(id) =>
            {
                return Err(Refused::Gone);
            }
            Scope::Session(_) | Scope::Pair(..) | Scope::Client(_) => access,
            Scope::Everywhere => {
                let access = access.unwrap_or_default();
                settings::set(self.settings.clone(), "access", access)
                    .map_err(|error| Refused::NotKept { why: settings::story(&error) })?;
                Some(access)
            }
        };
        tracing::info!(?scope, ?access, "the artist has set who may do what");
        self.registry.observe(&Observation::AccessSet { scope, access });
        Ok(())
    }

    pub fn answer(&self, id: QuestionId, answer: Answer) -> Result<(), Refused> {
        let snapshot = self.registry.snapshot();
        let open = snapshot.questions.get(&id).filter(|question| question.answer.is_none());
        let question = open.ok_or(Refused::Settled)?;
        tracing::info!(client = %question.client, session = %question.session, ?answer, "the artist has answered");
        self.registry.observe(&Observation::QuestionAnswered { id, answer });
        Ok(())
    }
}

/// As people know it: "Claude Desktop".
pub fn client_title(name: &ClientName) -> String {
    let known = name.as_str().parse::<Client>().map(|client| client.name().to_owned());
    known.unwrap_or_else(|_| name.to_string())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use maya_mcp_session::{Process, ProcessId, SessionId, Wanted};

    use super::*;
    use crate::Settings;

    const MAYA: ProcessId = ProcessId { pid: 8453, started_at: 1 };

    fn artist() -> (Artist, tempfile::TempDir) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let registry = Registry::default();
        registry.observe(&Observation::ProcessFound(Process::new(MAYA)));
        let settings = folder.path().join("settings.json");
        (Artist::speaks(&registry, settings, Access::Full, &Memory::default()), folder)
    }

    fn cursor() -> ClientName {
        "cursor".parse().expect("a good name")
    }

    #[test]
    fn the_rule_for_everywhere_is_the_setting() {
        let (artist, _folder) = artist();
        fs::write(&artist.settings, r#"{"later": 1}"#).expect("writable");
        artist.set_access(Scope::Everywhere, Some(Access::Ask)).expect("the file is in order");
        let text = fs::read_to_string(&artist.settings).expect("it is there");
        assert!(text.contains("later") && text.contains("\"ask\""), "the rest is kept: {text}");
        assert_eq!(artist.registry.snapshot().rules.get(&Scope::Everywhere), Some(Access::Ask), "it counts");

        artist.set_access(Scope::Everywhere, None).expect("the file is in order");
        let settings = Settings::read(artist.settings.clone()).expect("it is valid");
        assert_eq!(settings.access, Access::Full, "without a rule everything is allowed, as at first");

        fs::write(&artist.settings, "{").expect("writable");
        let refused = artist.set_access(Scope::Everywhere, Some(Access::LookOnly)).expect_err("it is broken");
        assert!(refused.to_string().contains("not valid JSON"), "the reason is told: {refused}");
        let rule = artist.registry.snapshot().rules.get(&Scope::Everywhere);
        assert_eq!(rule, Some(Access::Full), "what cannot be kept does not count");
    }

    #[test]
    fn a_rule_about_a_maya_that_has_ended_is_refused() {
        let (artist, _folder) = artist();
        let here = SessionId::from(MAYA);
        artist.set_access(Scope::Session(here), Some(Access::Ask)).expect("it runs");
        assert_eq!(artist.registry.snapshot().rules.access(&cursor(), here), Access::Ask, "it counts");
        let gone = ProcessId { pid: 1, ..MAYA };
        let refused = artist.set_access(Scope::Pair(cursor(), gone.into()), Some(Access::Full));
        assert_eq!(refused, Err(Refused::Gone), "there is nobody that it could be about");
        assert!(!artist.settings.exists(), "neither is a setting");
    }

    #[test]
    fn a_question_is_answered_once() {
        let (artist, _folder) = artist();
        let wanted = Wanted {
            digest: "d".to_owned(),
            what: "run Python code (1 line)".to_owned(),
            code: "1".to_owned(),
        };
        let session = MAYA.into();
        artist.registry.observe(&Observation::QuestionAsked { client: cursor(), session, wanted });
        let id = *artist.registry.snapshot().questions.keys().next().expect("it was asked");
        artist.answer(id, Answer::No).expect("it is open");
        assert_eq!(artist.answer(id, Answer::Once), Err(Refused::Settled), "the first answer counts");
        let answer = artist.registry.snapshot().questions[&id].answer;
        assert_eq!(answer, Some(Answer::No), "and stays");
        artist.registry.observe(&Observation::QuestionClosed { id });
        assert_eq!(artist.answer(id, Answer::Once), Err(Refused::Settled), "nobody waits for it any more");
    }
}
