//! Sizes and times as people write them.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

/// Reads a size as Kubernetes writes it: `10Gi`, `500M`, or bytes.
///
/// # Errors
/// What is wrong with the text.
pub fn bytes(text: &str) -> Result<u64, String> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit {
        "" => 1,
        "k" => 1000,
        "M" => 1000_u64.pow(2),
        "G" => 1000_u64.pow(3),
        "T" => 1000_u64.pow(4),
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        "Ti" => 1 << 40,
        _ => {
            return Err(format!(
                "`{text}` is no size: it is a whole number with k, M, G, T, Ki, Mi, Gi or Ti"
            ));
        }
    };
    let number = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    number.ok_or_else(|| format!("`{text}` is no size such as 10Gi"))
}

/// Reads a length of time: `30m`, `12h`, `7d`, `1d 12h`. A day has 24 hours.
///
/// # Errors
/// What is wrong with the text.
pub fn time(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no length of time such as 12h or 7d");
    let span: Span = text.parse().map_err(|_| wrong())?;
    let time = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
    Duration::try_from(time).map_err(|_| wrong())
}

/// A size for a person.
#[must_use]
pub fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut units = ["B", "KiB", "MiB", "GiB"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    for next in units {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_kubernetes_writes_them() {
        assert_eq!((bytes("10Gi"), bytes("500M"), bytes("7")), (Ok(10 << 30), Ok(500_000_000), Ok(7)));
        for wrong in ["", "Gi", "1.5Gi", "-1", "1gb", "99999999999Ti"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
        assert_eq!((size(5), size(3 << 20).as_str()), ("5 B".to_owned(), "3.0 MiB"));
    }

    #[test]
    fn times_are_read_and_days_have_24_hours() {
        let hours = |count: u64| Ok(Duration::from_secs(count * 3600));
        assert_eq!((time("12h"), time("7d"), time("1d 12h")), (hours(12), hours(168), hours(36)));
        for wrong in ["", "7", "d", "-1h", "1 year", "1mo"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }
}
