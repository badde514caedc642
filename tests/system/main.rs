//! System tests: real parts against real helpers in simulated Mayas. Each module is one promise.

mod architecture;
mod artist;
mod bootstrapping;
mod bridge;
mod by_hand;
mod clients;
mod cycles;
mod engine;
mod executing;
mod life;
mod methods;
mod permission;
mod programs;
mod start_up;
mod telling;
mod tools;
mod without_a_port;
