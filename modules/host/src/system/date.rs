//! Dates of the Gregorian calendar, in UTC.

/// A point in time, by its parts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Date {
    /// Year.
    pub year: i64,
    /// Month, from 1.
    pub month: i64,
    /// Day of the month, from 1.
    pub day: i64,
    /// Hour.
    pub hour: i64,
    /// Minute.
    pub minute: i64,
    /// Second.
    pub second: i64,
    /// Day of the week, Sunday is 0.
    pub weekday: i64,
    /// Day of the year, from 0.
    pub day_of_year: i64,
}

impl Date {
    /// The date of a number of seconds after the beginning of 1970.
    pub fn of(seconds: i64) -> Self {
        let days = seconds.div_euclid(86400);
        let within = seconds.rem_euclid(86400);
        // Counted from 1 March of year 0, so that leap days are at the end; 400 years are 146097 days.
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146_096) / 365;
        let from_march = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * from_march + 2) / 153;
        let day = from_march - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self {
            year,
            month,
            day,
            hour: within / 3600,
            minute: within / 60 % 60,
            second: within % 60,
            weekday: (days + 4).rem_euclid(7),
            day_of_year: days - days_before(year),
        }
    }

    /// `2026-01-31`.
    pub fn day(&self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }

    /// `23:59:00`.
    pub fn time(&self) -> String {
        format!("{:02}:{:02}:{:02}", self.hour, self.minute, self.second)
    }
}

/// Days from the beginning of 1970 to the beginning of a year.
fn days_before(year: i64) -> i64 {
    let past = year - 1;
    365 * (year - 1970) + (past.div_euclid(4) - 492) - (past.div_euclid(100) - 19)
        + (past.div_euclid(400) - 4)
}

#[cfg(test)]
mod tests {
    use super::Date;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, day, time, weekday, day_of_year) in [
            (0, "1970-01-01", "00:00:00", 4, 0),
            (951_782_399, "2000-02-28", "23:59:59", 1, 58),
            (951_782_400, "2000-02-29", "00:00:00", 2, 59),
            (1_795_641_276, "2026-11-25", "21:14:36", 3, 328),
            (4_102_444_800, "2100-01-01", "00:00:00", 5, 0),
            (4_107_542_400, "2100-03-01", "00:00:00", 1, 59),
            (-1, "1969-12-31", "23:59:59", 3, 364),
        ] {
            let date = Date::of(seconds);
            assert_eq!((date.day().as_str(), date.time().as_str()), (day, time));
            assert_eq!((date.weekday, date.day_of_year), (weekday, day_of_year), "{day}");
        }
    }
}
