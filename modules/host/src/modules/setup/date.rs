//! The time on the host.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::collectors::{Gathered, Host};
use crate::system::clock::{self, DateTime};

const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// `date_time`.
pub(super) fn collect(_host: &Host<'_>, gathered: &mut Gathered) {
    let now = SystemTime::now();
    let epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().to_string();
    let (local, universal) = (clock::local(now), clock::utc(now));
    let [year, month, day, hour, minute, second] = numbers(&local);
    let micros = local.nanosecond / 1000;
    let basic = format!("{year}{month}{day}T{hour}{minute}{second}");
    let iso8601 = {
        let [year, month, day, hour, minute, second] = numbers(&universal);
        format!("{year}-{month}-{day}T{hour}:{minute}:{second}")
    };
    gathered.set(
        "date_time",
        json!({
            "date": format!("{year}-{month}-{day}"),
            "time": format!("{hour}:{minute}:{second}"),
            "iso8601": format!("{iso8601}Z"),
            "iso8601_micro": format!("{iso8601}.{micros:06}Z"),
            "iso8601_basic": format!("{basic}{micros:06}"),
            "iso8601_basic_short": basic,
            "weekday": WEEKDAYS[local.weekday as usize % WEEKDAYS.len()],
            "weekday_number": local.weekday.to_string(),
            "weeknumber": format!("{:02}", week(&local)),
            "year": year, "month": month, "day": day, "hour": hour, "minute": minute, "second": second,
            "epoch": epoch, "epoch_int": epoch,
            "tz_dst": summer_name(&local), "tz_offset": offset(&local), "tz": local.zone,
        }),
    );
}

fn numbers(moment: &DateTime) -> [String; 6] {
    let two = |number: u32| format!("{number:02}");
    [
        format!("{:04}", moment.year),
        two(moment.month),
        two(moment.day),
        two(moment.hour),
        two(moment.minute),
        two(moment.second),
    ]
}

/// Weeks begin on Monday; the days before the first Monday are week 0.
fn week(moment: &DateTime) -> i64 {
    (moment.day_of_year() + 7 - (i64::from(moment.weekday) + 6) % 7) / 7
}

fn offset(moment: &DateTime) -> String {
    let minutes = moment.offset.abs() / 60;
    let sign = if moment.offset < 0 { '-' } else { '+' };
    format!("{sign}{:02}{:02}", minutes / 60, minutes % 60)
}

/// What the zone is called in summer, when its clocks are ahead; without summer time, what it is always called.
fn summer_name(moment: &DateTime) -> String {
    let in_month = |month: u32| {
        let seconds = clock::from_local((moment.year, month, 1), (12, 0, 0));
        clock::local(UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or_default()))
    };
    let (january, july) = (in_month(1), in_month(7));
    if july.offset >= january.offset { july.zone } else { january.zone }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::setup::files::tests::facts_of;
    use crate::modules::testing::context;

    #[test]
    fn weeks_are_those_of_date() {
        // Around turns of years and weeks.
        for seconds in [0, 1_704_067_200, 1_704_585_600, 1_704_672_000, 1_735_603_200, 1_795_641_276] {
            let date = context().tool("date").arguments(["-u", "-d", &format!("@{seconds}"), "+%W"]);
            let moment = clock::utc(UNIX_EPOCH + Duration::from_secs(seconds));
            assert_eq!(format!("{:02}", week(&moment)), date.succeed().unwrap().out().trim());
        }
    }

    #[test]
    fn the_parts_are_those_of_date() {
        let format = "+%Y-%m-%d %A %w %Z %z";
        let before = context().tool("date").argument(format).succeed().unwrap().out();
        let facts = facts_of(&[], collect);
        let after = context().tool("date").argument(format).succeed().unwrap().out();
        let told = &facts["date_time"];
        let told = ["date", "weekday", "weekday_number", "tz", "tz_offset"]
            .map(|name| told[name].as_str().unwrap().to_owned())
            .join(" ");
        assert!([before.trim(), after.trim()].contains(&told.as_str()), "{told}");
    }

    #[test]
    fn offsets_have_a_sign() {
        let mut moment = clock::utc(UNIX_EPOCH);
        for (seconds, text) in [(0, "+0000"), (19_800, "+0530"), (-12_600, "-0330")] {
            moment.offset = seconds;
            assert_eq!(offset(&moment), text);
        }
    }
}
