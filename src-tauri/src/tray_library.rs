//! Whether the library that draws trays on Linux is on this machine. Loading it is the only unsafe act of the shell.

/// The names under which the tray will look for it, in its order.
const NAMES: [&str; 2] = ["libayatana-appindicator3.so.1", "libappindicator3.so.1"];

#[derive(Debug, thiserror::Error)]
#[error("neither {} nor {} is installed", NAMES[0], NAMES[1])]
pub struct Missing;

/// Making a tray without it would panic.
pub fn check() -> Result<(), Missing> {
    #[expect(
        unsafe_code,
        reason = "loading runs a library's own start code, as the tray itself does right after"
    )]
    let loads = |name: &&str| unsafe { libloading::Library::new(name) }.is_ok();
    if NAMES.iter().any(loads) { Ok(()) } else { Err(Missing) }
}
