//! Python's `datetime` and `timedelta`.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration as Span, SystemTime, UNIX_EPOCH};

use clouder_modules::system::clock::{self, DateTime};
use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, Value};

use super::raise;

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const MICROSECONDS: i64 = 1_000_000;

/// A date and time, as the wall clock of its zone shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::template) struct Moment {
    /// Microseconds since the epoch, as if the zone were Greenwich.
    wall: i64,
    /// Seconds east of Greenwich, where that is known.
    offset: Option<i32>,
    zone: String,
}

/// The time between two moments.
#[derive(Clone, Debug)]
pub(in crate::template) struct Duration {
    microseconds: i64,
}

/// This moment.
pub(in crate::template) fn now(utc: bool) -> Moment {
    let time = if utc { clock::utc(SystemTime::now()) } else { clock::local(SystemTime::now()) };
    Moment::from_parts(&time)
}

impl Moment {
    /// Seconds since the epoch, in this host's zone or in Greenwich.
    pub(in crate::template) fn at(seconds: f64, utc: bool) -> Self {
        let span = Span::try_from_secs_f64(seconds.abs()).unwrap_or_default();
        let moment = if seconds < 0.0 { UNIX_EPOCH.checked_sub(span) } else { UNIX_EPOCH.checked_add(span) };
        let moment = moment.unwrap_or(UNIX_EPOCH);
        Self::from_parts(&if utc { clock::utc(moment) } else { clock::local(moment) })
    }

    fn from_parts(time: &DateTime) -> Self {
        let days = days_of(time.year, time.month, time.day);
        let seconds = days * 86_400
            + i64::from(time.hour) * 3600
            + i64::from(time.minute) * 60
            + i64::from(time.second);
        let wall = seconds * MICROSECONDS + i64::from(time.nanosecond / 1000);
        Self { wall, offset: None, zone: time.zone.clone() }
    }

    /// Year, month and so on.
    fn parts(&self) -> DateTime {
        let seconds = self.wall.div_euclid(MICROSECONDS);
        let span = Span::from_secs(seconds.unsigned_abs());
        let moment = if seconds < 0 { UNIX_EPOCH.checked_sub(span) } else { UNIX_EPOCH.checked_add(span) };
        let mut parts = clock::utc(moment.unwrap_or(UNIX_EPOCH));
        parts.nanosecond = u32::try_from(self.wall.rem_euclid(MICROSECONDS)).unwrap_or(0) * 1000;
        parts.zone.clone_from(&self.zone);
        parts
    }

    /// As Python's `isoformat` has it.
    pub(in crate::template) fn iso(&self) -> String {
        self.plain().replacen(' ', "T", 1)
    }

    /// As Python's `str` has it.
    fn plain(&self) -> String {
        let offset = self.offset.map_or_else(String::new, |offset| {
            let sign = if offset < 0 { '-' } else { '+' };
            let offset = offset.unsigned_abs();
            format!("{sign}{:02}:{:02}", offset / 3600, offset / 60 % 60)
        });
        self.parts().plain() + &offset
    }

    /// Seconds since the epoch; the wall clock is that of this host unless the offset is known.
    fn timestamp(&self) -> f64 {
        let parts = self.parts();
        let seconds = match self.offset {
            Some(offset) => self.wall.div_euclid(MICROSECONDS) - i64::from(offset),
            None => clock::from_local(
                (parts.year, parts.month, parts.day),
                (parts.hour, parts.minute, parts.second),
            ),
        };
        seconds as f64 + f64::from(parts.nanosecond / 1000) / 1e6
    }

    /// `one + two`, where one of them is a moment or a duration.
    pub(super) fn plus(one: &Value, two: &Value) -> Option<Result<Value, Error>> {
        let duration = |value: &Value| value.downcast_object_ref::<Duration>().map(|it| it.microseconds);
        let moment = |value: &Value| value.downcast_object_ref::<Self>().cloned();
        let (moment, more) = match (moment(one), duration(one), moment(two), duration(two)) {
            (Some(moment), _, _, Some(more)) | (_, Some(more), Some(moment), _) => (moment, more),
            (_, Some(one), _, Some(two)) => {
                return Some(Ok(Value::from_object(Duration { microseconds: one + two })));
            }
            _ => return None,
        };
        Some(Ok(Value::from_object(Self { wall: moment.wall + more, ..moment })))
    }

    /// `one - two`, where one is a moment or a duration.
    pub(super) fn minus(one: &Value, two: &Value) -> Option<Result<Value, Error>> {
        let duration = |value: &Value| value.downcast_object_ref::<Duration>().map(|it| it.microseconds);
        let first = one.downcast_object_ref::<Self>();
        if let (Some(first), Some(second)) = (first, two.downcast_object_ref::<Self>()) {
            let east = i64::from(first.offset.unwrap_or(0)) - i64::from(second.offset.unwrap_or(0));
            let microseconds = first.wall - second.wall - east * MICROSECONDS;
            return Some(Ok(Value::from_object(Duration { microseconds })));
        }
        if let (Some(first), Some(less)) = (first, duration(two)) {
            return Some(Ok(Value::from_object(Self { wall: first.wall - less, ..first.clone() })));
        }
        let microseconds = duration(one)? - duration(two)?;
        Some(Ok(Value::from_object(Duration { microseconds })))
    }

    /// How two moments stand.
    pub(super) fn ordering(one: &Value, two: &Value) -> Option<Ordering> {
        let (one, two) = (one.downcast_object_ref::<Self>()?, two.downcast_object_ref::<Self>()?);
        Some(one.wall.cmp(&two.wall))
    }

    /// A method, or none if there is no such.
    pub(super) fn method(&self, name: &str, args: &[Value]) -> Option<Result<Value, Error>> {
        Some(Ok(match name {
            "strftime" => {
                let format = args.first().and_then(Value::as_str).unwrap_or_default();
                return Some(strftime(format, self).map(Value::from));
            }
            "isoformat" => {
                let separator = args.first().and_then(Value::as_str).unwrap_or("T");
                Value::from(self.plain().replacen(' ', separator, 1))
            }
            "timestamp" => Value::from(self.timestamp()),
            "date" => Value::from(self.plain().chars().take(10).collect::<String>()),
            "time" => Value::from(self.plain().chars().skip(11).collect::<String>()),
            "weekday" => Value::from((self.parts().weekday + 6) % 7),
            "isoweekday" => Value::from((self.parts().weekday + 6) % 7 + 1),
            "toordinal" => Value::from(self.wall.div_euclid(86_400 * MICROSECONDS) + 719_163),
            "utcoffset" | "tzname" => Value::from(()),
            _ => return None,
        }))
    }
}

impl Object for Moment {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let parts = self.parts();
        Some(match key.as_str()? {
            "year" => Value::from(parts.year),
            "month" => Value::from(parts.month),
            "day" => Value::from(parts.day),
            "hour" => Value::from(parts.hour),
            "minute" => Value::from(parts.minute),
            "second" => Value::from(parts.second),
            "microsecond" => Value::from(parts.nanosecond / 1000),
            "tzinfo" => Value::from(()),
            _ => return None,
        })
    }

    fn render(self: &Arc<Self>, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.plain())
    }
}

impl Duration {
    /// How two durations stand.
    pub(super) fn ordering(one: &Value, two: &Value) -> Option<Ordering> {
        let (one, two) = (one.downcast_object_ref::<Self>()?, two.downcast_object_ref::<Self>()?);
        Some(one.microseconds.cmp(&two.microseconds))
    }

    /// A method, or none if there is no such.
    pub(super) fn method(&self, name: &str) -> Option<Result<Value, Error>> {
        (name == "total_seconds").then(|| Ok(Value::from(self.microseconds as f64 / 1e6)))
    }
}

impl Object for Duration {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        const DAY: i64 = 86_400 * MICROSECONDS;
        let within = self.microseconds.rem_euclid(DAY);
        Some(Value::from(match key.as_str()? {
            "days" => self.microseconds.div_euclid(DAY),
            "seconds" => within / MICROSECONDS,
            "microseconds" => within % MICROSECONDS,
            _ => return None,
        }))
    }

    fn render(self: &Arc<Self>, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAY: i64 = 86_400 * MICROSECONDS;
        let days = self.microseconds.div_euclid(DAY);
        let within = u64::try_from(self.microseconds.rem_euclid(DAY)).unwrap_or(0);
        match days {
            0 => {}
            1 | -1 => write!(formatter, "{days} day, ")?,
            days => write!(formatter, "{days} days, ")?,
        }
        formatter.write_str(&clock::elapsed(Span::from_micros(within)))
    }
}

fn days_of(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let from_march = i64::from((month + 9) % 12);
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (153 * from_march + 2) / 5 + i64::from(day) - 1 - 719_468
}

/// A moment in a format of `strftime`.
pub(in crate::template) fn strftime(format: &str, moment: &Moment) -> Result<String, Error> {
    let parts = moment.parts();
    let (weekday, month) = (DAYS[parts.weekday as usize % 7], MONTHS[(parts.month as usize + 11) % 12]);
    let hour12 = (parts.hour + 11) % 12 + 1;
    let half = if parts.hour < 12 { "AM" } else { "PM" };
    let day_of_year = parts.day_of_year();
    let again = |format: &str| strftime(format, moment);
    let mut text = String::new();
    let mut directives = format.chars();
    while let Some(character) = directives.next() {
        if character != '%' {
            text.push(character);
            continue;
        }
        let mut directive = directives.next();
        let unpadded = directive == Some('-');
        if unpadded {
            directive = directives.next();
        }
        let Some(directive) = directive else {
            text.push('%');
            break;
        };
        let part = match directive {
            'Y' => parts.year.to_string(),
            'C' => format!("{:02}", parts.year / 100),
            'y' => format!("{:02}", parts.year.rem_euclid(100)),
            'm' => format!("{:02}", parts.month),
            'd' => format!("{:02}", parts.day),
            'e' => format!("{:2}", parts.day),
            'H' => format!("{:02}", parts.hour),
            'k' => format!("{:2}", parts.hour),
            'I' => format!("{hour12:02}"),
            'l' => format!("{hour12:2}"),
            'M' => format!("{:02}", parts.minute),
            'S' => format!("{:02}", parts.second),
            'f' => format!("{:06}", parts.nanosecond / 1000),
            'j' => format!("{:03}", day_of_year + 1),
            'a' => weekday[..3].to_owned(),
            'A' => weekday.to_owned(),
            'b' | 'h' => month[..3].to_owned(),
            'B' => month.to_owned(),
            'p' => half.to_owned(),
            'P' => half.to_lowercase(),
            'u' => ((parts.weekday + 6) % 7 + 1).to_string(),
            'w' => parts.weekday.to_string(),
            'U' => format!("{:02}", (day_of_year + 7 - i64::from(parts.weekday)) / 7),
            'W' => format!("{:02}", (day_of_year + 7 - i64::from((parts.weekday + 6) % 7)) / 7),
            'G' => iso_week(&parts).0.to_string(),
            'g' => format!("{:02}", iso_week(&parts).0.rem_euclid(100)),
            'V' => format!("{:02}", iso_week(&parts).1),
            's' => (moment.timestamp() as i64).to_string(),
            'z' => {
                let offset = moment.offset.unwrap_or(0);
                let sign = if offset < 0 { '-' } else { '+' };
                format!("{sign}{:02}{:02}", offset.unsigned_abs() / 3600, offset.unsigned_abs() / 60 % 60)
            }
            'Z' => parts.zone.clone(),
            'D' => again("%m/%d/%y")?,
            'x' => again("%m/%d/%y")?,
            'F' => again("%Y-%m-%d")?,
            'T' | 'X' => again("%H:%M:%S")?,
            'R' => again("%H:%M")?,
            'r' => again("%I:%M:%S %p")?,
            'c' => again("%a %b %e %H:%M:%S %Y")?,
            'n' => "\n".to_owned(),
            't' => "\t".to_owned(),
            '%' => "%".to_owned(),
            other => return Err(raise(format!("the directive %{other} is not known"))),
        };
        text.push_str(if unpadded { part.trim_start_matches(['0', ' ']) } else { &part });
    }
    Ok(text)
}

/// The year and week by ISO 8601: the week with the year's first Thursday is the first.
fn iso_week(parts: &DateTime) -> (i64, i64) {
    let days = days_of(parts.year, parts.month, parts.day);
    let thursday = days - i64::from((parts.weekday + 6) % 7) + 3;
    let year = [parts.year + 1, parts.year, parts.year - 1]
        .into_iter()
        .find(|year| days_of(*year, 1, 1) <= thursday)
        .unwrap_or(parts.year);
    (year, (thursday - days_of(year, 1, 1)) / 7 + 1)
}

/// Reads a moment by a format of `strptime`.
pub(in crate::template) fn parse_moment(text: &str, format: &str) -> Result<Moment, Error> {
    let mismatch = || raise(format!("time data '{text}' does not match format '{format}'"));
    let (mut year, mut month, mut day) = (1900, 1, 1);
    let (mut hour, mut minute, mut second, mut micros) = (0_i64, 0_i64, 0_i64, 0_i64);
    let (mut afternoon, mut offset, mut day_of_year) = (None, None, None);
    let format = format
        .replace("%T", "%H:%M:%S")
        .replace("%F", "%Y-%m-%d")
        .replace("%D", "%m/%d/%y")
        .replace("%R", "%H:%M")
        .replace("%c", "%a %b %d %H:%M:%S %Y")
        .replace("%x", "%m/%d/%y")
        .replace("%X", "%H:%M:%S");
    let mut rest = text;
    let mut directives = format.chars();
    while let Some(character) = directives.next() {
        let directive = if character == '%' { directives.next() } else { None };
        let Some(directive) = directive.filter(|directive| *directive != '%') else {
            if character.is_whitespace() {
                rest = rest.trim_start();
            } else {
                rest = rest.strip_prefix(character).ok_or_else(mismatch)?;
            }
            continue;
        };
        let named = |names: &[&str], rest: &str| {
            names.iter().enumerate().find_map(|(index, name)| {
                let found = [*name, &name[..3]].into_iter().find(|name| {
                    rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
                })?;
                Some((u32::try_from(index).unwrap_or(0), found.len()))
            })
        };
        match directive {
            'a' | 'A' => rest = &rest[named(&DAYS, rest).ok_or_else(mismatch)?.1..],
            'b' | 'B' | 'h' => {
                let (index, length) = named(&MONTHS, rest).ok_or_else(mismatch)?;
                month = index + 1;
                rest = &rest[length..];
            }
            'p' => {
                let half = rest.get(..2).ok_or_else(mismatch)?.to_uppercase();
                afternoon = Some(half == "PM");
                rest = &rest[2..];
            }
            'z' => {
                if let Some(later) = rest.strip_prefix('Z') {
                    offset = Some(0);
                    rest = later;
                    continue;
                }
                let sign = if rest.starts_with('-') { -1 } else { 1 };
                let end = rest[1.min(rest.len())..]
                    .find(|c: char| !c.is_ascii_digit() && c != ':')
                    .map_or(rest.len(), |at| at + 1);
                let digits: String = rest[..end].chars().filter(char::is_ascii_digit).collect();
                let part = |from: usize| digits.get(from..from + 2).and_then(|two| two.parse::<i32>().ok());
                let (hours, minutes) = (part(0).ok_or_else(mismatch)?, part(2).ok_or_else(mismatch)?);
                offset = Some(sign * (hours * 3600 + minutes * 60));
                rest = &rest[end..];
            }
            'Z' => {
                rest = rest.trim_start_matches(|c: char| c.is_ascii_alphabetic());
            }
            _ => {
                let most = match directive {
                    'Y' => 4,
                    'j' => 3,
                    'f' => 6,
                    's' => 20,
                    _ => 2,
                };
                let digits = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
                let number: u32 = rest[..digits].parse().map_err(|_| mismatch())?;
                let written = &rest[..digits];
                rest = &rest[digits..];
                match directive {
                    'Y' => year = i64::from(number),
                    'y' => year = i64::from(number) + if number < 69 { 2000 } else { 1900 },
                    'm' if (1..=12).contains(&number) => month = number,
                    'd' | 'e' if (1..=31).contains(&number) => day = number,
                    'H' if number < 24 => hour = i64::from(number),
                    'I' if (1..=12).contains(&number) => hour = i64::from(number),
                    'M' if number < 60 => minute = i64::from(number),
                    'S' if number < 62 => second = i64::from(number),
                    'j' if (1..=366).contains(&number) => day_of_year = Some(i64::from(number)),
                    'f' => micros = format!("{written:0<6}").parse().map_err(|_| mismatch())?,
                    'u' | 'w' | 'U' | 'W' => {}
                    'm' | 'd' | 'e' | 'H' | 'I' | 'M' | 'S' | 'j' => return Err(mismatch()),
                    other => {
                        return Err(raise(format!("'{other}' is a bad directive in format '{format}'")));
                    }
                }
            }
        }
    }
    if !rest.is_empty() {
        return Err(raise(format!("unconverted data remains: {rest}")));
    }
    match afternoon {
        Some(true) if hour < 12 => hour += 12,
        Some(false) if hour == 12 => hour = 0,
        _ => {}
    }
    let length =
        days_of(if month == 12 { year + 1 } else { year }, month % 12 + 1, 1) - days_of(year, month, 1);
    if i64::from(day) > length {
        return Err(raise("day is out of range for month"));
    }
    let days = day_of_year.map_or_else(|| days_of(year, month, day), |day| days_of(year, 1, 1) + day - 1);
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second;
    Ok(Moment { wall: seconds * MICROSECONDS + micros, offset, zone: String::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_and_written() {
        for (text, read, write, expected) in [
            (
                "2020-02-29 13:04:05",
                "%Y-%m-%d %H:%M:%S",
                "%a %d %b %Y %I:%M:%S %p %j %V",
                "Sat 29 Feb 2020 01:04:05 PM 060 09",
            ),
            (
                "Jan 3 2021 01:00 PM",
                "%b %d %Y %I:%M %p",
                "%c|%U|%W|%G-%V|%u",
                "Sun Jan  3 13:00:00 2021|01|00|2020-53|7",
            ),
            ("2020-01-01T00:00:00.5Z", "%Y-%m-%dT%H:%M:%S.%fZ", "%f %y", "500000 20"),
        ] {
            let moment = parse_moment(text, read).unwrap();
            assert_eq!(strftime(write, &moment).unwrap(), expected);
        }
        for (text, format) in
            [("2020-13-01", "%Y-%m-%d"), ("2021-02-29", "%Y-%m-%d"), ("x", "%Y"), ("20200", "%Y")]
        {
            assert!(parse_moment(text, format).is_err(), "{text}");
        }
    }
}
