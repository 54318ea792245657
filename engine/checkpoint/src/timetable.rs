//! When a schedule is due: cron's five fields in a time zone.

use cronexpr::{Crontab, MakeTimestamp};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// How far back runs that were missed are looked for. Beyond that nobody wants them any more.
const BACK: SignedDuration = SignedDuration::from_hours(24 * 7);

/// When something is due.
#[derive(Clone, Debug)]
pub struct Timetable {
    cron: Crontab,
    /// Set for fixed times: these go by the clock on the wall, which `cron` is told as if it were UTC. What is for every so many
    /// minutes or hours goes by time as it passes.
    wall: Option<TimeZone>,
}

impl Timetable {
    /// Reads cron's five fields, for a time zone.
    ///
    /// # Errors
    /// What is wrong with the text. The time zone must be one, see [`zone`].
    pub fn of(cron: &str, zone_name: &str) -> Result<Self, String> {
        let fields: Vec<&str> = cron.split_whitespace().collect();
        let &[minute, hour, _, _, _] = fields.as_slice() else {
            return Err(format!(
                "`{cron}` is no schedule of cron: that has five fields, such as `30 2 * * *`"
            ));
        };
        let steady = minute.starts_with('*') || hour.starts_with('*');
        let parsed = cronexpr::parse_crontab(&format!(
            "{} {}",
            fields.join(" "),
            if steady { zone_name } else { "UTC" }
        ));
        let told = |error: cronexpr::Error| {
            let text = error.to_string();
            let why = text.lines().last().unwrap_or_default().trim_start_matches(['^', ' ']).to_owned();
            format!("`{cron}` is no schedule of cron: {why}")
        };
        let wall = if steady { None } else { Some(zone(zone_name)?) };
        Ok(Self { cron: parsed.map_err(told)?, wall })
    }

    /// When it is due next after a time; never, if no day fits. A fixed time that the clock leaves out in spring is due as much
    /// later as the clock is set forward, and one that comes twice in autumn is due the first time.
    #[must_use]
    pub fn after(&self, time: Timestamp) -> Option<Timestamp> {
        let next = |time: Timestamp| self.cron.find_next(MakeTimestamp(time)).ok();
        let Some(zone) = &self.wall else { return next(time).map(|found| found.timestamp()) };
        let mut wall = TimeZone::UTC.to_timestamp(zone.to_datetime(time)).ok()?;
        loop {
            let found = next(wall)?;
            let due = zone.to_ambiguous_timestamp(found.datetime()).compatible().ok()?;
            if due > time {
                return Some(due);
            }
            wall = found.timestamp();
        }
    }

    /// When it was due after `since` and not after `now`: the latest such time, and how many there were.
    #[must_use]
    pub fn missed(&self, since: Timestamp, now: Timestamp) -> Option<(Timestamp, u32)> {
        let mut at = since.max(now.checked_sub(BACK).unwrap_or(since));
        let mut found = None;
        let mut count = 0;
        while let Some(next) = self.after(at).filter(|next| *next <= now) {
            count += 1;
            (found, at) = (Some(next), next);
        }
        found.map(|latest| (latest, count))
    }
}

/// A time zone of this name.
///
/// # Errors
/// When there is none.
pub fn zone(name: &str) -> Result<TimeZone, String> {
    let wrong = |_| format!("`{name}` is no time zone such as Europe/Berlin or UTC");
    TimeZone::get(name).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The next times after one, as that time zone says them.
    fn next(cron: &str, zone_name: &str, after: &str, count: usize) -> Vec<String> {
        let zone = zone(zone_name).unwrap();
        let table = Timetable::of(cron, zone_name).unwrap();
        let first = after.parse::<Timestamp>().unwrap();
        let times = std::iter::successors(Some(first), |time| table.after(*time));
        times
            .skip(1)
            .take(count)
            .map(|time| time.to_zoned(zone.clone()).strftime("%F %H:%M %z").to_string())
            .collect()
    }

    #[test]
    fn time_zones_are_followed_through_the_year() {
        assert_eq!(
            next("30 2 * * *", "Europe/Berlin", "2026-10-23T12:00:00Z", 4),
            [
                "2026-10-24 02:30 +0200",
                "2026-10-25 02:30 +0200",
                "2026-10-26 02:30 +0100",
                "2026-10-27 02:30 +0100"
            ]
        );
    }

    #[test]
    fn an_hour_that_is_left_out_loses_no_run() {
        let found = next("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 2);
        assert_eq!(found, ["2026-03-29 03:30 +0200", "2026-03-30 02:30 +0200"]);
    }

    #[test]
    fn an_hour_that_comes_twice_makes_no_second_run_of_a_fixed_time() {
        assert_eq!(
            next("30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", 2),
            ["2026-11-01 01:30 -0400", "2026-11-02 01:30 -0500"]
        );
        // What runs every so many minutes goes on doing so.
        let found = next("*/30 * * * *", "America/New_York", "2026-11-01T05:00:00Z", 4);
        assert_eq!(
            found,
            [
                "2026-11-01 01:30 -0400",
                "2026-11-01 01:00 -0500",
                "2026-11-01 01:30 -0500",
                "2026-11-01 02:00 -0500"
            ]
        );
    }

    #[test]
    fn what_was_missed_is_counted() {
        let table = Timetable::of("0 * * * *", "UTC").unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(
            table.missed(at("2026-01-01T00:30:00Z"), at("2026-01-01T03:00:00Z")),
            Some((at("2026-01-01T03:00:00Z"), 3))
        );
        assert_eq!(table.missed(at("2026-01-01T03:00:00Z"), at("2026-01-01T03:59:59Z")), None);
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for wrong in ["", "* * * *", "61 * * * *", "0 0 * * * *", "every day", "0 0 32 1 *", "0 0 1 1 * UTC"]
        {
            assert!(Timetable::of(wrong, "UTC").is_err(), "{wrong}");
        }
        assert_eq!(Timetable::of("0 0 30 2 *", "UTC").unwrap().after(Timestamp::UNIX_EPOCH), None);
        assert!(zone("Europe/Berlinn").unwrap_err().contains("Berlinn"));
    }
}
