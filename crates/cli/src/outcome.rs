//! Exit codes, and errors in words for people.

use std::{io, process::ExitCode};

use maya_mcp_endpoint::CallError;
use maya_mcp_hub::StartError;

use crate::printing;

pub const FAILED: u8 = 1;
pub const NOT_RUNNING: u8 = 3;
pub const SCRIPT_ERROR: u8 = 4;
/// The bridges rely on it: who started this one waits for the other one.
pub const ALREADY_RUNNING: u8 = 5;

/// The whole chain in one line, each cause once.
pub fn failed(error: &anyhow::Error) -> ExitCode {
    if is_closed_pipe(error) {
        return ExitCode::SUCCESS;
    }
    let mut line = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if !line.ends_with(&cause) {
            let separator = if line.is_empty() { "" } else { ": " };
            line = format!("{line}{separator}{cause}");
        }
    }
    printing::warn(&format!("maya-mcp: {line}"));
    if let Some(StartError::HomeInUse { .. }) = error.downcast_ref() {
        return ALREADY_RUNNING.into();
    }
    match error.downcast_ref() {
        Some(CallError::NotRunning) => NOT_RUNNING.into(),
        _ => FAILED.into(),
    }
}

/// Whoever reads has seen enough: `maya-mcp events | head`.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
