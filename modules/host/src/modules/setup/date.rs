//! The time on the host.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::collectors::{Gathered, Host};
use crate::system::date::Date;

/// What `date` is asked for, a word each: the names cannot be told from the time in UTC.
const LOCAL: &str = "+%Y %m %d %A %w %W %H %M %S %Z %z";

const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// `date_time`.
pub(super) fn collect(host: &Host<'_>, gathered: &mut Gathered) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (seconds, micros) = (now.as_secs(), now.subsec_micros());
    let universal = Date::of(i64::try_from(seconds).unwrap_or(i64::MAX));
    let local = match time_zone(host) {
        None => words_of(&universal),
        Some(_) => match local_words(host, seconds) {
            Ok(words) => words,
            Err(reason) => {
                gathered.warnings.push(format!("the date_time facts are in UTC: {reason}"));
                words_of(&universal)
            }
        },
    };
    let [year, month, day, weekday, weekday_number, week, hour, minute, second, zone, offset] = &local;
    let summer = summer_name(host).unwrap_or_else(|| zone.clone());
    gathered.set(
        "date_time",
        json!({
            "year": year, "month": month, "day": day, "weekday": weekday, "weekday_number": weekday_number,
            "weeknumber": week, "hour": hour, "minute": minute, "second": second,
            "epoch": seconds.to_string(), "epoch_int": seconds.to_string(),
            "date": format!("{year}-{month}-{day}"),
            "time": format!("{hour}:{minute}:{second}"),
            "iso8601": format!("{}T{}Z", universal.day(), universal.time()),
            "iso8601_micro": format!("{}T{}.{micros:06}Z", universal.day(), universal.time()),
            "iso8601_basic": format!("{year}{month}{day}T{hour}{minute}{second}{micros:06}"),
            "iso8601_basic_short": format!("{year}{month}{day}T{hour}{minute}{second}"),
            "tz": zone, "tz_dst": summer, "tz_offset": offset,
        }),
    );
}

/// The file of the time zone; `None` in UTC, which needs none.
fn time_zone(host: &Host<'_>) -> Option<String> {
    let variable = host.context.environment.get("TZ").cloned().or_else(|| std::env::var("TZ").ok());
    let file = match variable.as_deref() {
        Some(zone) => format!("/usr/share/zoneinfo/{}", zone.trim_start_matches(':')),
        None => "/etc/localtime".to_owned(),
    };
    let name =
        host.files.link_name(&file).unwrap_or_else(|| file.rsplit('/').next().unwrap_or_default().to_owned());
    let universal = matches!(name.as_str(), "" | "UTC" | "UCT" | "Universal" | "Zulu")
        || variable.is_none() && !host.files.exists(&file);
    (!universal).then_some(file)
}

fn local_words(host: &Host<'_>, seconds: u64) -> Result<[String; 11], String> {
    let date = host.context.tool("date").arguments(["-d", &format!("@{seconds}"), LOCAL]);
    let out = date.succeed().map_err(|error| error.to_string())?.out();
    let words: Vec<String> = out.split_whitespace().map(str::to_owned).collect();
    <[String; 11]>::try_from(words).map_err(|words| format!("`date` answered {words:?}"))
}

/// What `date` would say in UTC.
fn words_of(date: &Date) -> [String; 11] {
    // Weeks begin on Monday; the days before the first Monday are week 0.
    let week = (date.day_of_year + 7 - (date.weekday + 6) % 7) / 7;
    let weekday = usize::try_from(date.weekday).ok().and_then(|number| WEEKDAYS.get(number).copied());
    let two = |number: i64| format!("{number:02}");
    [
        format!("{:04}", date.year),
        two(date.month),
        two(date.day),
        weekday.unwrap_or_default().to_owned(),
        date.weekday.to_string(),
        two(week),
        two(date.hour),
        two(date.minute),
        two(date.second),
        "UTC".to_owned(),
        "+0000".to_owned(),
    ]
}

/// The zone's name in summer: the second name in the rule at the end of its file, `CET-1CEST,M3.5.0,M10.5.0/3`.
fn summer_name(host: &Host<'_>) -> Option<String> {
    let file = std::fs::read(host.files.path(time_zone(host)?)).ok()?;
    let rule = file.strip_suffix(b"\n")?;
    let rule = &rule[rule.iter().rposition(|byte| *byte == b'\n')? + 1..];
    let rule = std::str::from_utf8(rule).ok()?.split(',').next()?;
    let (_, rest) = zone_name(rule)?;
    let (name, _) = zone_name(rest.trim_start_matches(|c: char| c.is_ascii_digit() || "+-:".contains(c)))?;
    Some(name.to_owned())
}

/// The name in front, `CET` or `<+03>`, and what follows.
fn zone_name(rule: &str) -> Option<(&str, &str)> {
    if let Some(quoted) = rule.strip_prefix('<') {
        return quoted.split_once('>');
    }
    let end = rule.find(|character: char| !character.is_ascii_alphabetic()).unwrap_or(rule.len());
    (end > 0).then(|| rule.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::setup::files::tests::facts_of;
    use crate::modules::testing::context;

    #[test]
    fn words_in_utc_are_those_of_date() {
        // Around turns of years and weeks.
        for seconds in [0, 1_704_067_200, 1_704_585_600, 1_704_672_000, 1_735_603_200, 1_795_641_276] {
            let date = context().tool("date").arguments(["-u", "-d", &format!("@{seconds}"), LOCAL]);
            assert_eq!(words_of(&Date::of(seconds)).join(" "), date.succeed().unwrap().out().trim());
        }
    }

    #[test]
    fn zones_have_a_name_for_summer() {
        let summer: fn(&Host<'_>, &mut Gathered) = |host, gathered| {
            gathered.set("summer", summer_name(host));
        };
        for (rule, name) in [
            ("CET-1CEST,M3.5.0,M10.5.0/3", Some("CEST")),
            ("EST5EDT,M3.2.0,M11.1.0", Some("EDT")),
            ("<+0330>-3:30", None),
            ("IST-5:30", None),
            ("<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", Some("-02")),
        ] {
            let facts = facts_of(&[("/etc/localtime", &format!("TZif2 …\n{rule}\n"))], summer);
            assert_eq!(facts["summer"].as_str(), name, "{rule}");
        }
    }
}
