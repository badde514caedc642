//! What a program of ours says on standard error: to whoever has started it, and once the engine of a client's bridge is up, to its log.
//!
//! Invariant: nobody is hurt when nobody hears him: the bridge may end at any time. Only the engine that has the home touches its log.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
    sync::OnceLock,
};

use maya_mcp_notify::private_file;

/// Where it goes instead.
static LOG: OnceLock<File> = OnceLock::new();

/// Takes everything, whether or not it can be written.
#[derive(Debug, Clone, Copy, Default)]
pub struct StandardError;

impl Write for StandardError {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let _ = match LOG.get() {
            Some(mut log) => log.write_all(text),
            None => io::stderr().write_all(text),
        };
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// From now on it goes to `logs/start.log` of this home, a new file: an engine that ran before may still be writing to its own. On Unix
/// this takes everything of this process along, libraries too; elsewhere what is written through [`StandardError`], and panics.
pub fn keep_log(home: &Path) -> io::Result<()> {
    let log = make(&home.join("logs").join("start.log"))?;
    #[cfg(unix)]
    rustix::stdio::dup2_stderr(&log)?;
    #[cfg(not(unix))]
    std::panic::set_hook(Box::new(|panic| {
        let _ = writeln!(StandardError, "{panic}");
    }));
    // Once in the life of a process.
    let _ = LOG.set(log);
    Ok(())
}

fn make(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        private_file::make_dir(folder)?;
    }
    let _ = fs::remove_file(path);
    private_file::create(path)
}
