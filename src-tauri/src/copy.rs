//! The clipboard.
//!
//! Invariant: what was copied stays there while the program runs: on X11 the text lives in the program that copied it.

use std::sync::Mutex;

use crate::shell::lock;

#[derive(Default)]
pub struct Clipboard(Mutex<Option<arboard::Clipboard>>);

impl Clipboard {
    pub fn copy(&self, text: String) -> Result<(), arboard::Error> {
        let mut kept = lock(&self.0);
        let clipboard = match kept.take() {
            Some(clipboard) => kept.insert(clipboard),
            None => kept.insert(arboard::Clipboard::new()?),
        };
        clipboard.set_text(text)
    }
}
