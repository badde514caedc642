//! The endpoint and the bridge over real HTTP and real pipes, in both protocol eras.

mod approvals;
mod bridge;
mod door;
mod fake_maya;
mod prompts;
mod push;
mod resources;
mod running;
mod support;
mod tools;
