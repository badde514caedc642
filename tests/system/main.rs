//! System tests: real parts against real helpers in simulated Mayas. Each module is one promise.

mod bootstrapping;
mod executing;
mod life;
