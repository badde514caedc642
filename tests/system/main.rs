//! System tests: real parts against real helpers in simulated Mayas. Each module is one promise.

mod architecture;
mod bootstrapping;
mod executing;
mod life;
mod programs;
