//! Who holds a port that we wanted.

use listeners::Protocol;

/// The process that listens there, or nothing when the system does not say.
pub fn port_owner_pid(port: u16) -> Option<u32> {
    listeners::get_process_by_port(port, Protocol::TCP).ok().map(|process| process.pid)
}

/// "python3 (pid 812)", or nothing when the system does not say (another user's process).
pub fn port_owner(port: u16) -> Option<String> {
    let process = listeners::get_process_by_port(port, Protocol::TCP).ok()?;
    Some(format!("{} (pid {})", process.name, process.pid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_of_a_port_is_named() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        assert_eq!(port_owner_pid(port), Some(std::process::id()), "it is this process");
        let owner = port_owner(port).expect("our own process can be seen");
        assert!(owner.contains(&std::process::id().to_string()), "{owner}");
    }
}
