//! What the window can ask. Each command is a line or two: the work is done elsewhere.

use maya_mcp_clients::{Client, Fingerprint};
use maya_mcp_hub::{Connect, Notices, QuietHours, Subject};
use maya_mcp_session::{Access, Answer, EventInfo, QuestionId};
use tauri::{AppHandle, State, Wry, ipc::Invoke};

use crate::{
    ipc::{Outcome, Preview, Refusal, View},
    sessions::AfterCrash,
    shell::Shell,
    start_up,
};

pub fn commands() -> impl Fn(Invoke<Wry>) -> bool + Send + Sync + 'static {
    tauri::generate_handler![
        view,
        events,
        choose_session,
        connect_session,
        remote_warning,
        add_session,
        remove_session,
        copy_line,
        set_connect,
        set_access,
        answer_question,
        after_crash,
        set_notices,
        set_notices_about,
        set_quiet_hours,
        set_quiet_until_tomorrow,
        end_quiet,
        preview_start_up,
        turn_start_up,
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
fn events(shell: State<'_, Shell>) -> Result<Vec<EventInfo>, Refusal> {
    shell.events()
}

#[tauri::command(async)]
fn choose_session(shell: State<'_, Shell>, session: Option<String>) -> Result<(), Refusal> {
    shell.choose(session.as_deref())
}

#[tauri::command]
async fn connect_session(shell: State<'_, Shell>, session: String) -> Result<(), Refusal> {
    shell.connect_session(&session).await
}

#[tauri::command(async)]
fn remote_warning(shell: State<'_, Shell>, host: &str) -> Option<&'static str> {
    shell.remote_warning(host)
}

#[tauri::command]
async fn add_session(shell: State<'_, Shell>, host: String, port: u16) -> Result<(), Refusal> {
    shell.add_session(host, port).await
}

#[tauri::command]
async fn remove_session(shell: State<'_, Shell>, session: String) -> Result<(), Refusal> {
    shell.remove_session(&session).await
}

#[tauri::command(async)]
fn copy_line(shell: State<'_, Shell>, session: String) -> Result<(), Refusal> {
    shell.copy_line(&session)
}

#[tauri::command(async)]
fn set_connect(shell: State<'_, Shell>, connect: Connect) -> Result<(), Refusal> {
    shell.set_connect(connect)
}

#[tauri::command(async)]
fn set_access(
    shell: State<'_, Shell>,
    client: Option<&str>,
    session: Option<&str>,
    access: Option<Access>,
) -> Result<(), Refusal> {
    shell.set_access(client, session, access)
}

#[tauri::command(async)]
fn answer_question(shell: State<'_, Shell>, question: QuestionId, answer: Answer) -> Result<(), Refusal> {
    shell.answer(question, answer)
}

#[tauri::command]
async fn after_crash(shell: State<'_, Shell>, session: String, step: AfterCrash) -> Result<(), Refusal> {
    shell.after_crash(&session, step).await
}

#[tauri::command(async)]
fn set_notices(shell: State<'_, Shell>, on: bool) -> Result<(), Refusal> {
    shell.set_notices(notices(on))
}

#[tauri::command(async)]
fn set_notices_about(shell: State<'_, Shell>, subject: Subject, on: bool) -> Result<(), Refusal> {
    shell.set_notices_about(subject, notices(on))
}

fn notices(on: bool) -> Notices {
    if on { Notices::On } else { Notices::Off }
}

#[tauri::command(async)]
fn set_quiet_hours(shell: State<'_, Shell>, hours: Option<QuietHours>) -> Result<(), Refusal> {
    shell.set_quiet_hours(hours)
}

#[tauri::command(async)]
fn set_quiet_until_tomorrow(shell: State<'_, Shell>) -> Result<(), Refusal> {
    shell.set_quiet_until_tomorrow()
}

#[tauri::command(async)]
fn end_quiet(shell: State<'_, Shell>) -> Result<(), Refusal> {
    shell.end_quiet()
}

#[tauri::command(async)]
fn preview_start_up(
    shell: State<'_, Shell>,
    version: String,
) -> Result<maya_mcp_user_setup::Preview, Refusal> {
    shell.start_up.preview(&version)
}

#[tauri::command(async)]
fn turn_start_up(shell: State<'_, Shell>, version: String, on: bool) -> Result<Outcome, Refusal> {
    let turned = if on { shell.turn_start_up_on(&version) } else { start_up::turn_off(&version) };
    turned.inspect(|_| shell.look_again())
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
