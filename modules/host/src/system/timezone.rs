//! Time zones: compiled zone files (TZif) and the rules of POSIX (`CET-1CEST,M3.5.0,M10.5.0/3`).

use super::clock::{date_of, days_of};

/// When which offset holds.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Zone {
    /// From this second on, the offset with this index.
    changes: Vec<(i64, usize)>,
    offsets: Vec<Offset>,
    /// What holds after the last change.
    rule: Option<Rule>,
}

#[derive(Clone, Debug, PartialEq)]
struct Offset {
    seconds: i32,
    daylight: bool,
    name: String,
}

/// A standard offset, and for part of the year a daylight one.
#[derive(Debug, PartialEq)]
struct Rule {
    standard: Offset,
    daylight: Option<(Offset, ChangeDay, ChangeDay)>,
}

/// The second of a year when the clocks change, in the wall-clock time until then.
#[derive(Clone, Copy, Debug, PartialEq)]
struct ChangeDay {
    day: DayRule,
    second: i64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum DayRule {
    /// Month, week (5 is the last), weekday.
    Weekday(u32, u32, u32),
    /// 1 to 365, leap days not counted.
    Julian(i64),
    /// 0 to 365.
    OfYear(i64),
}

impl Zone {
    /// Seconds east of Greenwich at a moment, and their name.
    pub(super) fn at(&self, seconds: i64) -> (i32, String) {
        let index = self.changes.partition_point(|(from, _)| *from <= seconds);
        let offset = match (index.checked_sub(1), &self.rule) {
            (Some(last), Some(rule)) if last + 1 == self.changes.len() => rule.at(seconds),
            (None, Some(rule)) if self.changes.is_empty() => rule.at(seconds),
            (Some(last), _) => self.offsets.get(self.changes[last].1),
            (None, _) => self.offsets.iter().find(|offset| !offset.daylight).or_else(|| self.offsets.first()),
        };
        offset.map_or_else(|| (0, "UTC".to_owned()), |offset| (offset.seconds, offset.name.clone()))
    }

    /// Reads a compiled zone file; `None` when it is none.
    pub(super) fn from_file(bytes: &[u8]) -> Option<Self> {
        let first = Header::read(bytes)?;
        if bytes.get(4)? < &b'2' {
            return Self::from_block(bytes.get(Header::LENGTH..)?, &first, 4).map(|(zone, _)| zone);
        }
        // Since version 2 the first block is for old readers; the one after it has 64-bit times.
        let rest = bytes.get(Header::LENGTH + first.block_length(4)..)?;
        let second = Header::read(rest)?;
        let (mut zone, after) = Self::from_block(rest.get(Header::LENGTH..)?, &second, 8)?;
        let rule = std::str::from_utf8(after).ok()?.trim_matches('\n');
        zone.rule = Rule::read(rule);
        Some(zone)
    }

    /// Reads a rule as `TZ` may hold one; `None` when it is none.
    pub(super) fn from_rule(rule: &str) -> Option<Self> {
        Rule::read(rule).map(|rule| Self { rule: Some(rule), ..Self::default() })
    }

    fn from_block<'a>(bytes: &'a [u8], header: &Header, width: usize) -> Option<(Self, &'a [u8])> {
        let (times, rest) = bytes.split_at_checked(header.changes * width)?;
        let (indexes, rest) = rest.split_at_checked(header.changes)?;
        let (kinds, rest) = rest.split_at_checked(header.kinds * 6)?;
        let (names, _) = rest.split_at_checked(header.names)?;
        let time = |bytes: &[u8]| match width {
            8 => bytes.try_into().ok().map(i64::from_be_bytes),
            _ => bytes.try_into().ok().map(|bytes| i64::from(i32::from_be_bytes(bytes))),
        };
        let changes = times
            .chunks_exact(width)
            .zip(indexes)
            .map(|(bytes, index)| Some((time(bytes)?, usize::from(*index))))
            .collect::<Option<Vec<_>>>()?;
        let offset = |kind: &[u8]| {
            let name = names.get(usize::from(kind[5])..)?.split(|byte| *byte == 0).next()?;
            Some(Offset {
                seconds: i32::from_be_bytes(kind.get(..4)?.try_into().ok()?),
                daylight: kind[4] != 0,
                name: String::from_utf8_lossy(name).into_owned(),
            })
        };
        let offsets = kinds.chunks_exact(6).map(offset).collect::<Option<Vec<_>>>()?;
        let after = bytes.get(header.block_length(width)..)?;
        Some((Self { changes, offsets, rule: None }, after))
    }
}

struct Header {
    universal: usize,
    standard: usize,
    leaps: usize,
    changes: usize,
    kinds: usize,
    names: usize,
}

impl Header {
    const LENGTH: usize = 44;

    fn read(bytes: &[u8]) -> Option<Self> {
        if !bytes.starts_with(b"TZif") {
            return None;
        }
        let count = |at: usize| {
            let field = bytes.get(20 + at * 4..24 + at * 4)?;
            usize::try_from(u32::from_be_bytes(field.try_into().ok()?)).ok()
        };
        Some(Self {
            universal: count(0)?,
            standard: count(1)?,
            leaps: count(2)?,
            changes: count(3)?,
            kinds: count(4)?,
            names: count(5)?,
        })
    }

    fn block_length(&self, width: usize) -> usize {
        self.changes * (width + 1)
            + self.kinds * 6
            + self.names
            + self.leaps * (width + 4)
            + self.standard
            + self.universal
    }
}

impl Rule {
    fn at(&self, seconds: i64) -> Option<&Offset> {
        let Some((daylight, begins, ends)) = &self.daylight else { return Some(&self.standard) };
        let (year, _, _) = date_of((seconds + i64::from(self.standard.seconds)).div_euclid(86_400));
        let begins = begins.in_year(year) - i64::from(self.standard.seconds);
        let ends = ends.in_year(year) - i64::from(daylight.seconds);
        // In the south the summer spans the new year.
        let summer = if begins <= ends {
            (begins..ends).contains(&seconds)
        } else {
            !(ends..begins).contains(&seconds)
        };
        Some(if summer { daylight } else { &self.standard })
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(',');
        let mut rest = parts.next()?;
        let name = take_name(&mut rest)?;
        let standard = Offset { seconds: -take_time(&mut rest)?, daylight: false, name };
        if rest.is_empty() {
            return Some(Self { standard, daylight: None });
        }
        let name = take_name(&mut rest)?;
        let seconds = match rest {
            "" => standard.seconds + 3600,
            _ => -take_time(&mut rest)?,
        };
        let begins = ChangeDay::read(parts.next().unwrap_or("M3.2.0"))?;
        let ends = ChangeDay::read(parts.next().unwrap_or("M11.1.0"))?;
        Some(Self { standard, daylight: Some((Offset { seconds, daylight: true, name }, begins, ends)) })
    }
}

impl ChangeDay {
    fn read(text: &str) -> Option<Self> {
        let (day, mut time) = text.split_once('/').unwrap_or((text, "2"));
        let second = i64::from(take_time(&mut time)?);
        let day = if let Some(weekday) = day.strip_prefix('M') {
            let mut numbers = weekday.split('.').map(str::parse);
            DayRule::Weekday(numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?)
        } else if let Some(julian) = day.strip_prefix('J') {
            DayRule::Julian(julian.parse().ok()?)
        } else {
            DayRule::OfYear(day.parse().ok()?)
        };
        Some(Self { day, second })
    }

    fn in_year(self, year: i64) -> i64 {
        let day = match self.day {
            DayRule::Weekday(month, week, weekday) => {
                let first = days_of((year, month, 1));
                let until = (i64::from(weekday) - (first + 4)).rem_euclid(7);
                let next_month = if month == 12 { (year + 1, 1, 1) } else { (year, month + 1, 1) };
                let mut day = first + until + (i64::from(week) - 1) * 7;
                while day >= days_of(next_month) {
                    day -= 7;
                }
                day
            }
            DayRule::Julian(day) => {
                let leap = days_of((year, 3, 1)) - days_of((year, 2, 1)) == 29;
                days_of((year, 1, 1)) + day - 1 + i64::from(leap && day > 59)
            }
            DayRule::OfYear(day) => days_of((year, 1, 1)) + day,
        };
        day * 86_400 + self.second
    }
}

/// Takes `CET`, or `<+03>`.
fn take_name(rest: &mut &str) -> Option<String> {
    let (name, after) = match rest.strip_prefix('<') {
        Some(quoted) => quoted.split_once('>')?,
        None => rest.split_at(rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len())),
    };
    *rest = after;
    (!name.is_empty()).then(|| name.to_owned())
}

/// Takes `-1`, `5:30` or `2:00:00` and gives it in seconds.
fn take_time(rest: &mut &str) -> Option<i32> {
    let (sign, digits) = match rest.as_bytes().first()? {
        b'-' => (-1, &rest[1..]),
        b'+' => (1, &rest[1..]),
        _ => (1, *rest),
    };
    let end = digits.find(|c: char| !c.is_ascii_digit() && c != ':').unwrap_or(digits.len());
    let (time, after) = digits.split_at(end);
    *rest = after;
    let mut seconds = 0;
    for (part, unit) in time.split(':').zip([3600, 60, 1]) {
        seconds += part.parse::<i32>().ok().filter(|number| *number < 1000)? * unit;
    }
    Some(sign * seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(date: (i64, u32, u32), hour: i64) -> i64 {
        days_of(date) * 86_400 + hour * 3600
    }

    #[test]
    fn summer_time_begins_and_ends_by_the_rule() {
        let zone = Zone::from_rule("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        assert_eq!(zone.at(seconds((2026, 1, 15), 12)), (3600, "CET".to_owned()));
        assert_eq!(zone.at(seconds((2026, 3, 29), 0)).0, 3600);
        assert_eq!(zone.at(seconds((2026, 3, 29), 1)), (7200, "CEST".to_owned()));
        assert_eq!(zone.at(seconds((2026, 10, 25), 0)).0, 7200);
        assert_eq!(zone.at(seconds((2026, 10, 25), 1)).0, 3600);
    }

    #[test]
    fn in_the_south_summer_spans_the_new_year() {
        let zone = Zone::from_rule("AEST-10AEDT,M10.1.0,M4.1.0/3").unwrap();
        assert_eq!(zone.at(seconds((2026, 1, 15), 12)).0, 39_600);
        assert_eq!(zone.at(seconds((2026, 7, 15), 12)).0, 36_000);
    }

    #[test]
    fn other_rules_are_read() {
        assert_eq!(Zone::from_rule("<+0330>-3:30").unwrap().at(0), (12_600, "+0330".to_owned()));
        let julian = Zone::from_rule("XST3XDT,J60/2,300/2").unwrap();
        assert_eq!(julian.at(seconds((2024, 3, 1), 4)).0, -10_800);
        assert_eq!(julian.at(seconds((2024, 3, 1), 5)).0, -7200);
        assert_eq!(Zone::from_rule("12"), None);
    }

    #[test]
    fn a_zone_file_is_read() {
        // One change at second 100 from LMT (+60) to ABC (+3600), then a rule without summer time.
        let block = |width: usize| {
            let mut block = b"TZif2".to_vec();
            block.extend([0; 15]);
            for count in [0_u32, 0, 0, 1, 2, 8] {
                block.extend(count.to_be_bytes());
            }
            block.extend(&100_i64.to_be_bytes()[8 - width..]);
            block.push(1);
            for (offset, name) in [(60_i32, 0), (3600, 4)] {
                block.extend(offset.to_be_bytes());
                block.extend([0, name]);
            }
            block.extend(b"LMT\0ABC\0");
            block
        };
        let mut file = block(4);
        file.extend(block(8));
        file.extend(b"\nABC-1\n");
        let zone = Zone::from_file(&file).unwrap();
        assert_eq!(zone.at(99), (60, "LMT".to_owned()));
        assert_eq!(zone.at(100), (3600, "ABC".to_owned()));
        assert_eq!(Zone::from_file(&file[..70]), None);
        assert_eq!(Zone::from_file(b"nonsense"), None);
    }
}
