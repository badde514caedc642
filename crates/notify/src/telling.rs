//! What the artist wants to be told on the desktop, and when not.

use std::collections::BTreeSet;

use jiff::{
    SignedDuration, Timestamp,
    civil::{Time, time},
    tz::TimeZone,
};
use serde::{Deserialize, Serialize};

/// When "tomorrow" begins for people.
const MORNING: Time = time(6, 0, 0, 0);
/// Tomorrow's morning is nearer. Who is told that it is later was told so by a clock that was wrong.
const FARTHEST: SignedDuration = SignedDuration::from_hours(48);

/// What a notice is about; each can be turned off by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A Maya was found.
    Appeared,
    /// A Maya can be connected when the artist chooses so.
    AwaitingConnect,
    /// Maya shows its security dialog.
    AwaitingPermission,
    Ready,
    NotResponding,
    CameBack,
    Crashed,
    /// A client wants to run code.
    Question,
}

impl Subject {
    pub const ALL: [Self; 8] = [
        Self::Appeared,
        Self::AwaitingConnect,
        Self::AwaitingPermission,
        Self::Ready,
        Self::NotResponding,
        Self::CameBack,
        Self::Crashed,
        Self::Question,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Appeared => "appeared",
            Self::AwaitingConnect => "awaiting_connect",
            Self::AwaitingPermission => "awaiting_permission",
            Self::Ready => "ready",
            Self::NotResponding => "not_responding",
            Self::CameBack => "came_back",
            Self::Crashed => "crashed",
            Self::Question => "question",
        }
    }
}

/// The artist's wishes, as they stand in the settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Telling {
    pub notices: Notices,
    pub off: BTreeSet<Subject>,
    pub quiet_hours: Option<QuietHours>,
    /// Nothing before this, unless it is too far ahead to be meant.
    pub quiet_until: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Notices {
    #[default]
    On,
    Off,
}

/// Every day, by the clock on the wall. Where `to` is before `from`, over midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuietHours {
    pub from: Time,
    pub to: Time,
}

impl QuietHours {
    fn contains(self, time: Time) -> bool {
        if self.from <= self.to {
            (self.from..self.to).contains(&time)
        } else {
            time >= self.from || time < self.to
        }
    }
}

impl Telling {
    pub fn is_quiet(&self, now: Timestamp, zone: &TimeZone) -> bool {
        let time = now.to_zoned(zone.clone()).time();
        self.quiet_until(now).is_some() || self.quiet_hours.is_some_and(|hours| hours.contains(time))
    }

    /// Until when it was asked to be quiet, if that counts now.
    pub fn quiet_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.quiet_until.filter(|until| now < *until && until.duration_since(now) <= FARTHEST)
    }

    /// Whether to show such a notice now.
    pub fn wants(&self, subject: Subject, now: Timestamp, zone: &TimeZone) -> bool {
        self.notices == Notices::On && !self.off.contains(&subject) && !self.is_quiet(now, zone)
    }
}

/// The end of "until tomorrow".
pub fn tomorrow(now: Timestamp, zone: &TimeZone) -> Timestamp {
    let today = now.to_zoned(zone.clone()).date();
    let morning = today.tomorrow().and_then(|day| zone.to_timestamp(day.to_datetime(MORNING)));
    // Only where the calendar ends.
    morning.unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tomorrow_begins_in_the_morning_of_the_next_day_by_the_clock_on_the_wall() {
        for (zone, now, expected) in [
            ("UTC", "2026-11-21T21:58:00Z", "2026-11-22T06:00:00Z"),
            ("UTC", "2026-11-21T01:00:00Z", "2026-11-22T06:00:00Z"),
            // Here it is the 22nd already.
            ("Pacific/Auckland", "2026-11-21T21:58:00Z", "2026-11-22T17:00:00Z"),
            // In this night the clock is put back.
            ("Europe/Berlin", "2026-10-24T20:00:00Z", "2026-10-25T05:00:00Z"),
        ] {
            let zone = TimeZone::get(zone).expect("a zone of the database");
            let [now, expected] = [now, expected].map(|text| text.parse().expect("a time"));
            assert_eq!(tomorrow(now, &zone), expected, "from {now} in {zone:?}");
        }
        assert_eq!(tomorrow(Timestamp::MAX, &TimeZone::UTC), Timestamp::MAX, "the end of the calendar");
    }

    #[test]
    fn a_clock_that_was_wrong_mutes_nothing_for_long() {
        let now: Timestamp = "2026-11-21T21:58:00Z".parse().expect("a time");
        for (hours, counts) in
            [(-1, false), (0, false), (1, true), (30, true), (48, true), (49, false), (24 * 365, false)]
        {
            let until = now + SignedDuration::from_hours(hours);
            let telling = Telling { quiet_until: Some(until), ..Telling::default() };
            assert_eq!(telling.quiet_until(now), counts.then_some(until), "{hours} hours ahead");
            assert_eq!(telling.is_quiet(now, &TimeZone::UTC), counts, "{hours} hours ahead");
        }
        let tomorrow = tomorrow(now, &TimeZone::UTC);
        let telling = Telling { quiet_until: Some(tomorrow), ..Telling::default() };
        assert!(telling.is_quiet(now, &TimeZone::UTC), "what can be chosen counts");
    }
}
