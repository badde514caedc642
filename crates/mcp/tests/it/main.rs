//! The endpoint and the bridge over real HTTP and real pipes, in both protocol eras.

mod approvals;
mod bad_input;
mod bridge;
mod door;
mod events;
mod fake_maya;
mod leaving;
mod limits;
mod news;
mod prompts;
mod push;
mod raw;
mod resources;
mod running;
mod strange_addresses;
mod stub;
mod support;
mod tools;
