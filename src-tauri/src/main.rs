//! The tray application.

// Windows would open a console beside it.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

use clap::Parser as _;
use maya_mcp_hub::StandardError;
use maya_mcp_tray::Arguments;
use tracing_subscriber::EnvFilter;

fn main() -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_env("MAYA_MCP_LOG").unwrap_or_else(|_| EnvFilter::new("info,zbus=warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| StandardError).init();
    maya_mcp_tray::run(Arguments::parse())
}
