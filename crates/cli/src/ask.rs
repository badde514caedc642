//! Questions to the running engine, asked through the endpoint like any client's.

use std::{
    io::{self, Read as _, Write as _},
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::Args;
use maya_mcp_endpoint::{OUR_CLIENT, StandardError, Tokens, call_tool};
use maya_mcp_hub::Home;
use maya_mcp_session::ClientName;
use serde_json::{Map, Value, json};

use crate::{outcome::SCRIPT_ERROR, printing};

#[derive(Debug, Args)]
pub struct Exec {
    /// The code; "-" reads it from standard input
    code: String,
    /// The session, as `maya-mcp sessions` names it
    #[arg(long, value_name = "SESSION")]
    session: Option<String>,
    /// The code is MEL
    #[arg(long)]
    mel: bool,
    /// What becomes of the last expression's value: AUTO, NONE, JSON or RAW
    #[arg(long, value_name = "TYPE", default_value = "AUTO")]
    result_type: String,
    /// End the script after so many seconds
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<f64>,
    /// Let it close a scene with unsaved changes, which are lost then
    #[arg(long)]
    discard_unsaved: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn token(home: &Home, name: &str) -> anyhow::Result<ExitCode> {
    let name: ClientName = name.parse()?;
    anyhow::ensure!(
        name.as_str() != OUR_CLIENT,
        "{OUR_CLIENT} is this command line itself, which speaks for the artist. Give the client another name."
    );
    let tokens = Tokens::open(home.tokens()).context("opening the clients' tokens")?;
    printing::line(&tokens.token_for(&name).context("making the token")?)?;
    Ok(ExitCode::SUCCESS)
}

pub async fn exec(home: &Home, options: Exec) -> anyhow::Result<ExitCode> {
    let code = match options.code.as_str() {
        "-" => {
            let mut code = String::new();
            io::stdin().read_to_string(&mut code).context("reading the code from standard input")?;
            code
        }
        code => code.to_owned(),
    };
    let language = if options.mel { "mel" } else { "python" };
    let mut arguments = json!({"code": code, "language": language, "result_type": options.result_type});
    if let Some(session) = options.session {
        arguments["session"] = session.into();
    }
    if let Some(timeout) = options.timeout {
        arguments["timeout_s"] = timeout.into();
    }
    if options.discard_unsaved {
        arguments["unsaved"] = "discard".into();
    }
    let answer = call(home, "execute_code", arguments).await?;
    if options.json {
        printing::json(&answer)?;
    } else {
        print(answer.as_object().context("reading the answer")?)?;
    }
    Ok(if answer["error"].is_null() { ExitCode::SUCCESS } else { SCRIPT_ERROR.into() })
}

/// As a shell user expects it: output where output goes, the value last.
fn print(answer: &Map<String, Value>) -> io::Result<()> {
    let text = |field: &str| answer.get(field).and_then(Value::as_str).unwrap_or_default();
    // A script's output is its own: colours and all.
    printing::raw(text("stdout"))?;
    let _ = write!(StandardError, "{}", text("stderr"));
    match answer.get("error").filter(|error| !error.is_null()) {
        Some(error) => {
            let _ = write!(StandardError, "{}", error["traceback"].as_str().unwrap_or_default());
        }
        None => match answer.get("result") {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => printing::raw(format_args!("{text}\n"))?,
            Some(value) => printing::raw(format_args!("{value}\n"))?,
        },
    }
    Ok(())
}

pub async fn call(home: &Home, tool: &str, arguments: Value) -> anyhow::Result<Value> {
    let client: ClientName = OUR_CLIENT.parse().expect("a good name");
    let tokens = Tokens::open(home.tokens()).context("opening the clients' tokens")?;
    tokens.token_for(&client).context("making our own token")?;
    let result = call_tool(home.path(), &client, tool, arguments).await?;
    let structured = result.get("structuredContent").filter(|content| !content.is_null());
    match structured {
        Some(content) => Ok(content.clone()),
        // A refusal in plain words.
        None => bail!("{}", result["content"][0]["text"].as_str().unwrap_or("the engine gave no answer")),
    }
}
