//! The endpoint and the bridge over real HTTP and real pipes, in both protocol eras.

mod bridge;
mod door;
mod fake_maya;
mod push;
mod stub;
mod support;
mod tools;
