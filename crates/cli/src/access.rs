//! `maya-mcp access`: who may run code where, and the questions that come of it.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use maya_mcp_hub::Home;
use maya_mcp_session::Access as Mode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{ask::call, printing};

#[derive(Debug, Args)]
pub struct Access {
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a rule: for a client, for a session, for the two together, or, without either, for everywhere else
    Set {
        /// full: everything; ask: you are asked before anything runs; `look_only`: nothing runs
        mode: Mode,
        #[command(flatten)]
        whom: Whom,
    },
    /// Take a rule back
    Clear {
        #[command(flatten)]
        whom: Whom,
    },
    /// Answer a question
    Answer {
        /// As `maya-mcp access` numbers it
        question: u64,
        answer: Word,
    },
}

#[derive(Debug, Args)]
struct Whom {
    /// The client's name, as its token has it
    #[arg(long, value_name = "NAME")]
    client: Option<String>,
    /// As `maya-mcp sessions` names it
    #[arg(long, value_name = "NAME")]
    session: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Word {
    /// Allow this, once
    Once,
    /// Allow this, and whatever else this client wants from now on
    Always,
    /// Deny this
    No,
}

#[derive(Debug, Deserialize)]
struct Listing {
    rules: Vec<Rule>,
    questions: Vec<Question>,
}

#[derive(Debug, Deserialize)]
struct Rule {
    client: Option<String>,
    session: Option<String>,
    access: Mode,
}

#[derive(Debug, Deserialize)]
struct Question {
    #[serde(rename = "question")]
    id: u64,
    client: String,
    session: String,
    what: String,
    code: String,
}

pub async fn access(home: &Home, options: Access) -> anyhow::Result<ExitCode> {
    let (tool, arguments, sentence) = match options.action {
        None => return list(home, options.json).await,
        Some(Action::Set { mode, whom }) => {
            let sentence = format!("{}: {}.", whom.in_words(), meaning(mode));
            ("set_access", whom.arguments(Some(mode)), sentence)
        }
        Some(Action::Clear { whom }) => {
            let sentence = format!("{}: the rule is gone.", whom.in_words());
            ("set_access", whom.arguments(None), sentence)
        }
        Some(Action::Answer { question, answer }) => {
            let (answer, sentence) = match answer {
                Word::Once => ("once", "Allowed, this once."),
                Word::Always => ("always", "Allowed, and this client is not asked again."),
                Word::No => ("no", "Denied."),
            };
            let arguments = json!({"question": question, "answer": answer});
            ("answer_question", arguments, sentence.to_owned())
        }
    };
    let answer = call(home, tool, arguments).await?;
    if options.json { printing::json(&answer) } else { printing::line(&sentence) }?;
    Ok(ExitCode::SUCCESS)
}

async fn list(home: &Home, json: bool) -> anyhow::Result<ExitCode> {
    let answer = call(home, "list_access", json!({})).await?;
    if json {
        printing::json(&answer)?;
        return Ok(ExitCode::SUCCESS);
    }
    let listing: Listing = serde_json::from_value(answer).context("reading the rules")?;
    for Rule { client, session, access } in listing.rules {
        let whom = Whom { client, session }.in_words();
        printing::line(&format!("{whom:<44} {:<10} {}", access.name(), meaning(access)))?;
    }
    for Question { id, client, session, what, code } in listing.questions {
        printing::line("")?;
        printing::line(&format!("Question {id}: {client} wants to {what} in {session}:"))?;
        for line in code.lines() {
            printing::line(&format!("    {line}"))?;
        }
        printing::line(&format!("  Answer it: maya-mcp access answer {id} once|always|no"))?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Whom {
    fn arguments(&self, access: Option<Mode>) -> Value {
        json!({"client": self.client, "session": self.session, "access": access})
    }

    fn in_words(&self) -> String {
        match (&self.client, &self.session) {
            (None, None) => "Everywhere else".to_owned(),
            (Some(client), None) => client.clone(),
            (None, Some(session)) => format!("Everyone in {session}"),
            (Some(client), Some(session)) => format!("{client} in {session}"),
        }
    }
}

fn meaning(mode: Mode) -> &'static str {
    match mode {
        Mode::Full => "everything is allowed",
        Mode::Ask => "you are asked before anything runs",
        Mode::LookOnly => "nothing runs",
    }
}
