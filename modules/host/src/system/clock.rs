//! The wall clock as this host's users read it: local time from the zone files, without a process or a C library.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::timezone::Zone;

/// A moment in parts.
#[derive(Clone, Debug, PartialEq)]
pub struct DateTime {
    /// Year.
    pub year: i64,
    /// Month, 1 to 12.
    pub month: u32,
    /// Day of the month, 1 to 31.
    pub day: u32,
    /// Hour, 0 to 23.
    pub hour: u32,
    /// Minute.
    pub minute: u32,
    /// Second.
    pub second: u32,
    /// Fraction of the second.
    pub nanosecond: u32,
    /// Day of the week, 0 is Sunday.
    pub weekday: u32,
    /// Seconds east of Greenwich.
    pub offset: i32,
    /// What the zone calls this offset: `CET`.
    pub zone: String,
}

impl DateTime {
    /// Date and time with a space between, and microseconds unless there are none: `2026-03-01 12:00:00.000001`.
    pub fn plain(&self) -> String {
        let Self { year, month, day, hour, minute, second, .. } = self;
        let fraction = match self.nanosecond / 1000 {
            0 => String::new(),
            microseconds => format!(".{microseconds:06}"),
        };
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}{fraction}")
    }

    /// Day of the year, 0 is the first of January.
    pub fn day_of_year(&self) -> i64 {
        days_of((self.year, self.month, self.day)) - days_of((self.year, 1, 1))
    }

    /// As headers of the web have it, of a time in Greenwich: `Wed, 25 Nov 2026 22:07:13 GMT`.
    pub fn of_the_web(&self) -> String {
        const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
        const MONTHS: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let Self { year, month, day, hour, minute, second, weekday, .. } = self;
        let (weekday, month) = (DAYS[*weekday as usize % 7], MONTHS[(*month as usize + 11) % 12]);
        format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
    }
}

/// A moment in this host's time zone.
pub fn local(moment: SystemTime) -> DateTime {
    let (seconds, nanosecond) = since_epoch(moment);
    let (offset, zone) = host_zone().at(seconds);
    parts(seconds, nanosecond, offset, zone)
}

/// A moment in Greenwich.
pub fn utc(moment: SystemTime) -> DateTime {
    let (seconds, nanosecond) = since_epoch(moment);
    parts(seconds, nanosecond, 0, "UTC".to_owned())
}

/// Seconds since the epoch of a date and time in this host's time zone.
pub fn from_local(date: (i64, u32, u32), time: (u32, u32, u32)) -> i64 {
    let zone = host_zone();
    let naive = from_utc(date, time);
    // The offset of the wall-clock time itself is wrong only near a change of the clocks; the second look is right.
    let guess = naive - i64::from(zone.at(naive).0);
    naive - i64::from(zone.at(guess).0)
}

/// Seconds since the epoch of a date and time in Greenwich.
pub fn from_utc(date: (i64, u32, u32), time: (u32, u32, u32)) -> i64 {
    days_of(date) * 86_400 + i64::from(time.0) * 3600 + i64::from(time.1) * 60 + i64::from(time.2)
}

/// Reads a date and time in this host's time zone, by the directives of `strftime` that are numbers; what a format
/// leaves out is as at the epoch, in 1900 as Python has it.
///
/// # Errors
/// A message when the text is not as the format says, or the format has a directive that is not known.
pub fn parse_local(text: &str, format: &str) -> Result<i64, String> {
    let (mut year, mut month, mut day) = (1900, 1, 1);
    let (mut hour, mut minute, mut second) = (0, 0, 0);
    let mut rest = text;
    let mut directives = format.chars();
    while let Some(character) = directives.next() {
        let directive = if character == '%' { directives.next() } else { None };
        let Some(directive) = directive.filter(|directive| *directive != '%') else {
            rest = rest.strip_prefix(character).ok_or_else(|| format!("`{character}` is missing"))?;
            continue;
        };
        let most = if directive == 'Y' { 4 } else { 2 };
        let digits = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let number: u32 = rest[..digits].parse().map_err(|_| format!("no number for %{directive}"))?;
        rest = &rest[digits..];
        match directive {
            'Y' => year = i64::from(number),
            // Two digits are of 1969 to 2068, as POSIX has it.
            'y' => year = i64::from(number) + if number < 69 { 2000 } else { 1900 },
            'm' if (1..=12).contains(&number) => month = number,
            'd' if (1..=31).contains(&number) => day = number,
            'H' if number < 24 => hour = number,
            'M' if number < 60 => minute = number,
            'S' if number < 62 => second = number,
            'm' | 'd' | 'H' | 'M' | 'S' => return Err(format!("{number} is out of range for %{directive}")),
            other => {
                return Err(format!("the directive %{other} is not known; known are Y, y, m, d, H, M, S"));
            }
        }
    }
    if !rest.is_empty() {
        return Err(format!("`{rest}` is left over"));
    }
    Ok(from_local((year, month, day), (hour, minute, second)))
}

/// How long something took, as Python prints it: `0:00:01.500000`.
pub fn elapsed(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let days = match seconds / 86_400 {
        0 => String::new(),
        1 => "1 day, ".to_owned(),
        days => format!("{days} days, "),
    };
    let fraction = match duration.subsec_micros() {
        0 => String::new(),
        microseconds => format!(".{microseconds:06}"),
    };
    format!("{days}{}:{:02}:{:02}{fraction}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60)
}

fn since_epoch(moment: SystemTime) -> (i64, u32) {
    match moment.duration_since(UNIX_EPOCH) {
        Ok(after) => (i64::try_from(after.as_secs()).unwrap_or(i64::MAX), after.subsec_nanos()),
        Err(before) => (-i64::try_from(before.duration().as_secs()).unwrap_or(i64::MAX), 0),
    }
}

fn parts(seconds: i64, nanosecond: u32, offset: i32, zone: String) -> DateTime {
    let here = seconds + i64::from(offset);
    let (days, within) = (here.div_euclid(86_400), here.rem_euclid(86_400) as u32);
    let (year, month, day) = date_of(days);
    DateTime {
        year,
        month,
        day,
        hour: within / 3600,
        minute: within / 60 % 60,
        second: within % 60,
        nanosecond,
        weekday: (days + 4).rem_euclid(7) as u32,
        offset,
        zone,
    }
}

/// Days since 1970-01-01 of a date. Years are counted from March, so that the leap day is their last.
pub(super) fn days_of((year, month, day): (i64, u32, u32)) -> i64 {
    let (month, day) = (i64::from(month), i64::from(day));
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + day_of_year - DAYS_TO_EPOCH
}

/// From the first of March of the year 0 to the first of January 1970.
const DAYS_TO_EPOCH: i64 = 719_468;

/// The date of a day since 1970-01-01.
pub(super) fn date_of(days: i64) -> (i64, u32, u32) {
    // 400 years are 146,097 days: an estimate of the year that is at most one too high.
    let mut year = (days + DAYS_TO_EPOCH) * 400 / 146_097 + 1;
    while days_of((year, 3, 1)) > days {
        year -= 1;
    }
    let day_of_year = days - days_of((year, 3, 1));
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    (if month <= 2 { year + 1 } else { year }, month as u32, day as u32)
}

/// The zone `TZ` names, else the one `/etc/localtime` is. Read each time: a task may change it, and it is small.
fn host_zone() -> Zone {
    let named = std::env::var("TZ").ok();
    let path = match named.as_deref().map(|name| name.trim_start_matches(':')) {
        None => PathBuf::from("/etc/localtime"),
        Some("") => return Zone::default(),
        Some(name) => Path::new("/usr/share/zoneinfo").join(name),
    };
    match (std::fs::read(path), named) {
        (Ok(bytes), _) => Zone::from_file(&bytes).unwrap_or_default(),
        (Err(_), Some(rule)) => Zone::from_rule(&rule).unwrap_or_default(),
        (Err(_), None) => Zone::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_days_agree_over_centuries() {
        for days in (-800_000..800_000).step_by(13) {
            assert_eq!(days_of(date_of(days)), days);
        }
        assert_eq!(date_of(0), (1970, 1, 1));
        assert_eq!(date_of(-1), (1969, 12, 31));
        assert_eq!(days_of((2000, 2, 29)), 11_016);
        assert_eq!(date_of(11_016), (2000, 2, 29));
        assert_eq!(date_of(20_782), (2026, 11, 25));
    }

    #[test]
    fn a_moment_is_told_in_parts() {
        let moment = utc(UNIX_EPOCH + Duration::new(1_795_644_433, 98_167_000));
        assert_eq!(moment.plain(), "2026-11-25 22:07:13.098167");
        assert_eq!((moment.weekday, moment.day_of_year()), (3, 328));
        assert_eq!(moment.of_the_web(), "Wed, 25 Nov 2026 22:07:13 GMT");
        assert_eq!(utc(UNIX_EPOCH).plain(), "1970-01-01 00:00:00");
    }

    #[test]
    fn durations_read_as_in_python() {
        assert_eq!(elapsed(Duration::from_micros(5041)), "0:00:00.005041");
        assert_eq!(elapsed(Duration::from_secs(3661)), "1:01:01");
        assert_eq!(elapsed(Duration::from_secs(90_061)), "1 day, 1:01:01");
        assert_eq!(elapsed(Duration::from_secs(172_800)), "2 days, 0:00:00");
    }

    #[test]
    fn written_times_are_read() {
        let expected = from_local((2020, 1, 2), (3, 4, 5));
        assert_eq!(parse_local("202001020304.05", "%Y%m%d%H%M.%S"), Ok(expected));
        assert_eq!(parse_local("20-1-2 3:4:5 %", "%y-%m-%d %H:%M:%S %%"), Ok(expected));
        for (text, format) in
            [("x", "%Y"), ("2020", "%Y-"), ("13", "%m"), ("2020x", "%Y"), ("1", "%Q"), ("", "%Y")]
        {
            assert!(parse_local(text, format).is_err(), "{text} as {format}");
        }
    }

    #[test]
    fn local_time_goes_back_to_the_same_second() {
        for seconds in [0, 1_700_000_000, 1_720_000_000, 4_000_000_000] {
            let told = local(UNIX_EPOCH + Duration::from_secs(seconds));
            let back = from_local((told.year, told.month, told.day), (told.hour, told.minute, told.second));
            assert_eq!(back, seconds as i64);
        }
    }
}
