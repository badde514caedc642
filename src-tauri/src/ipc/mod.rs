//! What passes between the window and the shell; its other side is `ui/src/host/`.

mod commands;
mod error;
#[cfg(test)]
pub mod samples;
mod view;

pub use commands::commands;
pub use error::Refusal;
pub use view::{
    ClientView, CrashView, Outcome, Preview, QuestionView, SessionView, StartUpView, Surroundings, View,
};
