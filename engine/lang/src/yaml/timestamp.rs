//! Dates and times: YAML 1.1 knows them, templates see the text Python prints for them.

/// The text of a date or time; `None` when it has not that form, an error when there is no such day or hour.
pub(super) fn normalise(text: &str) -> Option<Result<String, String>> {
    let mut reader = Reader { rest: text };
    let date = reader.date()?;
    if reader.rest.is_empty() {
        // A date alone must be written with all its digits.
        return (text.len() == 10).then(|| date.checked().map(|date| date.text()));
    }
    let time = reader.time()?;
    if !reader.rest.is_empty() {
        return None;
    }
    Some(date.checked().and_then(|date| Ok(format!("{} {}", date.text(), time.checked()?.text()))))
}

struct Reader<'text> {
    rest: &'text str,
}

struct Date {
    year: u32,
    month: u32,
    day: u32,
}

struct Time {
    hour: u32,
    minute: u32,
    second: u32,
    /// Six digits, or empty.
    fraction: String,
    /// `+01:00`, or empty.
    zone: String,
}

impl Date {
    fn checked(self) -> Result<Self, String> {
        let leap =
            self.year.is_multiple_of(4) && (!self.year.is_multiple_of(100) || self.year.is_multiple_of(400));
        let days = match self.month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        if self.year > 0 && (1..=12).contains(&self.month) && (1..=days).contains(&self.day) {
            Ok(self)
        } else {
            Err(format!("there is no day {}", self.text()))
        }
    }

    fn text(&self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl Time {
    fn checked(self) -> Result<Self, String> {
        if self.hour < 24 && self.minute < 60 && self.second < 60 {
            Ok(self)
        } else {
            Err(format!("there is no time {}", self.text()))
        }
    }

    fn text(&self) -> String {
        let point = if self.fraction.is_empty() { "" } else { "." };
        let Self { hour, minute, second, fraction, zone } = self;
        format!("{hour:02}:{minute:02}:{second:02}{point}{fraction}{zone}")
    }
}

impl Reader<'_> {
    fn date(&mut self) -> Option<Date> {
        let year = self.number(4, 4)?;
        self.sign("-")?;
        let month = self.number(1, 2)?;
        self.sign("-")?;
        Some(Date { year, month, day: self.number(1, 2)? })
    }

    fn time(&mut self) -> Option<Time> {
        if self.sign("T").or_else(|| self.sign("t")).is_none() && self.blanks() == 0 {
            return None;
        }
        let hour = self.number(1, 2)?;
        self.sign(":")?;
        let minute = self.number(2, 2)?;
        self.sign(":")?;
        let second = self.number(2, 2)?;
        let fraction = if self.sign(".").is_some() { self.fraction() } else { String::new() };
        Some(Time { hour, minute, second, fraction, zone: self.zone()? })
    }

    /// Microseconds; `.0` prints as nothing.
    fn fraction(&mut self) -> String {
        let digits = self.digits(usize::MAX);
        let six: String = digits.chars().chain("000000".chars()).take(6).collect();
        if six == "000000" { String::new() } else { six }
    }

    fn zone(&mut self) -> Option<String> {
        self.blanks();
        if self.rest.is_empty() {
            return Some(String::new());
        }
        if self.sign("Z").is_some() {
            return Some("+00:00".to_owned());
        }
        let sign = if self.sign("-").is_some() { '-' } else { self.sign("+").map(|()| '+')? };
        let hours = self.number(1, 2)?;
        let minutes = if self.sign(":").is_some() { self.number(2, 2)? } else { 0 };
        Some(format!("{sign}{hours:02}:{minutes:02}"))
    }

    fn blanks(&mut self) -> usize {
        let after = self.rest.trim_start_matches([' ', '\t']);
        let count = self.rest.len() - after.len();
        self.rest = after;
        count
    }

    fn sign(&mut self, sign: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(sign)?;
        Some(())
    }

    fn digits(&mut self, most: usize) -> &str {
        let count = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at(count);
        self.rest = rest;
        digits
    }

    fn number(&mut self, least: usize, most: usize) -> Option<u32> {
        let digits = self.digits(most);
        if digits.len() < least { None } else { digits.parse().ok() }
    }
}
