//! What the window can ask. Each command is a line or two: the work is done elsewhere.

use maya_mcp_clients::{Client, Fingerprint};
use tauri::{AppHandle, State, Wry, ipc::Invoke};

use crate::{
    ipc::{Outcome, Preview, Refusal, View},
    shell::Shell,
};

pub fn commands() -> impl Fn(Invoke<Wry>) -> bool + Send + Sync + 'static {
    tauri::generate_handler![
        view,
        choose_session,
        preview_client,
        connect_client,
        disconnect_client,
        copy_config,
        set_start_at_login
    ]
}

#[tauri::command(async)]
fn view(shell: State<'_, Shell>) -> View {
    shell.view()
}

#[tauri::command(async)]
fn choose_session(shell: State<'_, Shell>, session: Option<String>) -> Result<(), Refusal> {
    shell.choose(session.as_deref())
}

#[tauri::command(async)]
fn preview_client(shell: State<'_, Shell>, client: Client) -> Result<Preview, Refusal> {
    shell.clients.preview(client)
}

#[tauri::command(async)]
fn connect_client(
    shell: State<'_, Shell>,
    client: Client,
    fingerprint: Fingerprint,
) -> Result<Outcome, Refusal> {
    shell.clients.connect(client, &fingerprint).inspect(|_| shell.look_again())
}

#[tauri::command(async)]
fn disconnect_client(shell: State<'_, Shell>, client: Client) -> Result<Outcome, Refusal> {
    shell.clients.disconnect(client).inspect(|_| shell.look_again())
}

#[tauri::command(async)]
fn copy_config(shell: State<'_, Shell>) -> Result<(), Refusal> {
    Ok(shell.clipboard.copy(shell.clients.config_for_another()?)?)
}

#[tauri::command(async)]
fn set_start_at_login(app: AppHandle, shell: State<'_, Shell>, enabled: bool) -> Result<(), Refusal> {
    shell.set_start_at_login(&app, enabled)
}
