//! The program `maya-mcp`: the engine without a window, the bridge that clients start, and every action from a shell.
//!
//! Exit codes: 0 done, 1 it failed, 2 wrong usage, 3 the application is not running, 4 the script in Maya raised an error,
//! 5 another engine runs with this home.

mod access;
mod ask;
mod autoconnect;
mod clients;
mod doctor;
mod events;
mod outcome;
mod printing;
mod serve;
mod sessions;
mod status;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use maya_mcp_endpoint::StandardError;
use maya_mcp_hub::Home;
use tracing_subscriber::EnvFilter;

#[derive(Debug, Parser)]
#[command(
    name = "maya-mcp",
    version,
    about = "Every running Maya for every AI client, over one localhost MCP endpoint"
)]
struct Cli {
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        help = "The folder of settings and tokens [default: $MAYA_MCP_HOME, else ~/.maya-mcp]"
    )]
    home: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the engine without a window; prints one JSON line when it is ready
    Serve(serve::Serve),
    /// The bridge that a client starts: MCP on stdin and stdout, the endpoint behind it
    Stdio {
        /// The client's name, for its token
        #[arg(long, value_name = "NAME")]
        client: String,
    },
    /// List the running Mayas, connect, add or remove one
    Sessions(sessions::Sessions),
    /// List who may run code where, and what clients ask; set it, answer
    Access(access::Access),
    /// Run code in a Maya
    Exec(ask::Exec),
    /// Show what happened, as it is written down; needs no running engine
    Events(events::Events),
    /// Print the token of a client, making it the first time
    Token {
        /// Lower-case letters, digits, '-' and '_'
        name: String,
    },
    /// List the AI clients on this machine, connect or disconnect one
    Clients(clients::Clients),
    /// List which versions of Maya connect by themselves when they start; turn that on or off
    Autoconnect(autoconnect::Autoconnect),
    /// Say how the running application is
    Status(status::Status),
    /// Look for what is not in order on this machine, and say what to do
    Doctor(doctor::Doctor),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let quiet = !matches!(cli.command, Command::Serve(_));
    let default = if quiet { "warn" } else { "info" };
    let filter = EnvFilter::try_from_env("MAYA_MCP_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    // Stdout belongs to answers (and, in the bridge, to MCP).
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| StandardError).init();
    match run(cli) {
        Ok(code) => code,
        Err(error) => outcome::failed(&error),
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    // The bridge reads and never writes: what it starts makes the home.
    let is_bridge = matches!(cli.command, Command::Stdio { .. });
    let home = if is_bridge { Home::locate(cli.home) } else { Home::find(cli.home) }?;
    let runtime =
        |workers| tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build();
    match cli.command {
        Command::Serve(options) => {
            let runtime = runtime(2)?;
            let served = runtime.block_on(serve::serve(home, options));
            runtime.shutdown_background();
            served
        }
        Command::Stdio { client } => {
            let runtime = runtime(2)?;
            let bridged = runtime.block_on(serve::stdio(&home, &client));
            // A read of standard input cannot be called off, and must not keep us here.
            runtime.shutdown_background();
            bridged
        }
        Command::Sessions(options) => runtime(1)?.block_on(sessions::sessions(&home, options)),
        Command::Access(options) => runtime(1)?.block_on(access::access(&home, options)),
        Command::Exec(options) => runtime(1)?.block_on(ask::exec(&home, options)),
        Command::Events(options) => events::events(&home, options),
        Command::Token { name } => ask::token(&home, &name),
        Command::Clients(options) => clients::clients(&home, options),
        Command::Autoconnect(options) => autoconnect::autoconnect(&home, options),
        Command::Status(options) => runtime(1)?.block_on(status::status(&home, options)),
        Command::Doctor(options) => {
            let runtime = runtime(1)?;
            let looked = runtime.block_on(doctor::doctor(&home, options));
            // A session bus that does not answer must not keep us here.
            runtime.shutdown_background();
            looked
        }
    }
}
