//! Who shows notices on this desktop.

/// Its name and version; an error says why there is none. May take as long as the session bus does: for a thread of its own.
#[cfg(all(unix, not(target_os = "macos")))]
pub fn daemon() -> Result<String, String> {
    let server = notify_rust::get_server_information().map_err(|error| error.to_string())?;
    Ok(format!("{} {}", server.name, server.version))
}
