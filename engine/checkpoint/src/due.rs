//! Whether a schedule is due.

use jiff::{SignedDuration, Timestamp};

use crate::schedule::Schedule;

/// What there is to do about a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// To run it, for this time; so many before were missed.
    Now(Timestamp, u32),
    /// It is too late for all of them, the last of which was this.
    TooLate(Timestamp, u32),
    /// Nothing before this time; nothing ever, if there is none.
    Later(Option<Timestamp>),
}

/// Whether a schedule is due, of which everything up to `done` is done.
#[must_use]
pub fn due(schedule: &Schedule, done: Timestamp, now: Timestamp) -> Due {
    if schedule.suspend {
        return Due::Later(None);
    }
    let Some((last, count)) = schedule.timetable.missed(done, now) else {
        return Due::Later(schedule.timetable.after(now));
    };
    let deadline = SignedDuration::try_from(schedule.deadline).unwrap_or(SignedDuration::MAX);
    if now.duration_since(last) <= deadline { Due::Now(last, count - 1) } else { Due::TooLate(last, count) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::example;

    #[test]
    fn what_is_late_runs_once_and_what_is_too_late_does_not() {
        let at = |text: &str| format!("2026-01-{text}Z").parse::<Timestamp>().unwrap();
        let mut spec = example()["spec"].take();
        spec["cron"] = "0 2 * * *".into();
        spec["timeZone"] = "UTC".into();
        let mut schedule = Schedule::of_spec(&spec).unwrap();
        let done = at("01T02:00:00");
        assert_eq!(due(&schedule, done, at("01T03:00:00")), Due::Later(Some(at("02T02:00:00"))));
        assert_eq!(due(&schedule, done, at("02T02:00:00")), Due::Now(at("02T02:00:00"), 0));
        assert_eq!(due(&schedule, done, at("04T02:30:00")), Due::Now(at("04T02:00:00"), 2));
        assert_eq!(due(&schedule, done, at("04T04:00:00")), Due::TooLate(at("04T02:00:00"), 3));
        schedule.suspend = true;
        assert_eq!(due(&schedule, done, at("02T02:00:00")), Due::Later(None));
    }
}
