//! When the next try is due.
//!
//! Invariant: pure; a server that asks for more time gets it, within bounds.

use std::time::Duration;

use jiff::{Timestamp, fmt::rfc2822};

#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// After the first failure; doubled with each further one.
    pub first: Duration,
    pub most: Duration,
    /// No server can ask for more.
    pub most_asked: Duration,
    /// For one try.
    pub limit: Duration,
    /// An event that a server refuses so many times is given up.
    pub refusals: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            most: Duration::from_mins(5),
            most_asked: Duration::from_hours(1),
            limit: Duration::from_secs(10),
            refusals: 3,
        }
    }
}

impl Pace {
    /// After so many failures in a row. `chance` spreads those who failed together: any number.
    pub(super) fn wait(&self, failures: u32, chance: u32, asked: Option<Duration>) -> Duration {
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
        let part = f64::from(chance) / f64::from(u32::MAX);
        let wait = doubled.min(self.most).mul_f64(0.5 + part / 2.0);
        wait.max(asked.unwrap_or_default().min(self.most_asked))
    }
}

/// In seconds, or until a date.
pub(super) fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::try_from(until.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_waits_longer_each_time_but_not_for_ever() {
        let pace = Pace::default();
        for (failures, chance, asked, milliseconds) in [
            (1, u32::MAX, None, 1000),
            (1, 0, None, 500),
            (2, u32::MAX, None, 2000),
            (3, 0, None, 2000),
            (9, u32::MAX, None, 256_000),
            (10, u32::MAX, None, 300_000),
            (u32::MAX, u32::MAX, None, 300_000),
            (u32::MAX, 0, None, 150_000),
            (1, 0, Some(30), 30_000),
            (10, u32::MAX, Some(30), 300_000),
            (1, 0, Some(u64::MAX), 3_600_000),
        ] {
            let wait = pace.wait(failures, chance, asked.map(Duration::from_secs));
            assert_eq!(wait.as_millis(), milliseconds, "{failures} failures, {chance}, asked for {asked:?}");
        }
    }

    #[test]
    fn a_server_asks_in_seconds_or_with_a_date() {
        let now: Timestamp = "2026-11-21T07:28:00Z".parse().expect("a time");
        for (text, seconds) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Sat, 21 Nov 2026 07:30:00 GMT", Some(120)),
            ("Sat, 21 Nov 2026 07:00:00 GMT", Some(0)),
            ("-5", None),
            ("soon", None),
            ("99999999999999999999999", None),
        ] {
            assert_eq!(retry_after(text, now).map(|wait| wait.as_secs()), seconds, "{text:?}");
        }
    }
}
