//! Finds Maya processes, the sockets they listen on, and the moment they end. Never opens a connection.
//!
//! Invariant: the cheap look (is there a new process?) comes often; the dear ones (what is it, where does it listen?) only for what is new
//! or not connected yet.

mod ended;
mod finder;
mod maya_process;
mod platform;
mod port_owner;
mod recovered;

pub use ended::{ended, is_alive, is_running};
pub use finder::{Finder, FinderError, Scope, Users};
pub use platform::{listening, started_at};
pub use port_owner::{port_owner, port_owner_pid};
pub use recovered::{Crash, recovered_scene};

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Where to knock: a socket that listens everywhere listens on loopback too.
fn reachable(listening: SocketAddr) -> SocketAddr {
    let ip = match listening.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listening.port())
}
