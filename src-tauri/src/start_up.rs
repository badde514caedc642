//! Which versions of Maya connect by themselves when they start, and what came of changing that, in words for people.

use maya_mcp_hub::Home;
use maya_mcp_user_setup::{self as user_setup, Preview, Start, State, Status, Surroundings, Version};

use crate::{
    ipc::{Outcome, Refusal, StartUpView},
    shell::sentence,
};

pub struct StartUp(Start);

impl StartUp {
    pub fn new(home: &Home) -> Self {
        Self(Start { boot: home.path().join("boot.py") })
    }

    /// Nothing where the home of this account is not known: then there is nothing to be turned on either.
    pub fn all(&self) -> Vec<StartUpView> {
        let Ok(around) = Surroundings::from_env() else { return Vec::new() };
        let look = |version| view(user_setup::status(version, &around, &self.0));
        user_setup::versions(&around).into_iter().map(look).collect()
    }

    pub fn preview(&self, version: &str) -> Result<Preview, Refusal> {
        Ok(user_setup::preview(version.parse()?, &Surroundings::from_env()?, &self.0)?)
    }

    pub fn turn_on(&self, version: &str) -> Result<Outcome, Refusal> {
        let turned = user_setup::turn_on(version.parse()?, &Surroundings::from_env()?, &self.0)?;
        Ok(Outcome {
            message: format!("Maya {} connects by itself from its next start on.", turned.version),
            backup: turned.backup.map(|path| path.display().to_string()),
        })
    }
}

pub fn turn_off(version: &str) -> Result<Outcome, Refusal> {
    let version: Version = version.parse()?;
    let turned = user_setup::turn_off(version, &Surroundings::from_env()?)?;
    let message = match turned.outcome {
        user_setup::Outcome::WasOff => format!("Maya {version} did not connect by itself."),
        user_setup::Outcome::BlockRemoved => format!(
            "Maya {version} no longer connects by itself from its next start on. The rest of its start-up file stays as it is."
        ),
        user_setup::Outcome::FileRemoved => format!(
            "Maya {version} no longer connects by itself from its next start on. The start-up file that was made for this is gone."
        ),
    };
    Ok(Outcome { message, backup: None })
}

fn view(status: Status) -> StartUpView {
    let (state, note) = match status.state {
        State::Off => ("off", None),
        State::On => ("on", None),
        State::Outdated => ("outdated", None),
        State::Unreadable { why } => ("unreadable", Some(sentence(&why))),
    };
    let (version, path) = (status.version.to_string(), status.path.display().to_string());
    StartUpView { version, state, path, note }
}
