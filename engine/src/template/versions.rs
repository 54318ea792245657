//! Comparing versions: loosely, by the rules of semantic versions, or by those of Python's packages.

use std::cmp::Ordering;

/// By which rules versions are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rules {
    /// Runs of digits as numbers, the rest as text.
    Loose,
    /// `1.2.3`, with `a` or `b` and a number behind.
    Strict,
    /// Semantic versions.
    Semantic,
    /// PEP 440.
    Python,
}

/// How two versions stand.
///
/// # Errors
/// When one of them is none by these rules, or they cannot be compared.
pub(super) fn compare(one: &str, two: &str, rules: Rules) -> Result<Ordering, String> {
    match rules {
        Rules::Loose => loose(one, two),
        Rules::Strict => Ok(strict(one)?.cmp(&strict(two)?)),
        Rules::Semantic => semantic(one, two),
        Rules::Python => Ok(python(one)?.cmp(&python(two)?)),
    }
}

/// A part of a loose version.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Number(u128),
    Text(String),
}

fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    while let Some(first) = rest.chars().next() {
        let kind = |c: char| (c.is_ascii_digit(), c.is_ascii_lowercase());
        let end = if first.is_ascii_digit() || first.is_ascii_lowercase() {
            rest.find(|c: char| kind(c) != kind(first))
        } else {
            rest.find(|c: char| c == '.' || kind(c) != (false, false))
                .filter(|end| *end > 0)
                .or(if first == '.' { Some(1) } else { None })
        };
        let (part, later) = rest.split_at(end.unwrap_or(rest.len()));
        rest = later;
        match part.parse() {
            Ok(number) => parts.push(Part::Number(number)),
            Err(_) if part != "." => parts.push(Part::Text(part.to_owned())),
            Err(_) => {}
        }
    }
    parts
}

fn loose(one: &str, two: &str) -> Result<Ordering, String> {
    let (first, second) = (parts(one), parts(two));
    for (one, two) in first.iter().zip(&second) {
        let order = match (one, two) {
            (Part::Number(one), Part::Number(two)) => one.cmp(two),
            (Part::Text(one), Part::Text(two)) => one.cmp(two),
            (Part::Number(_), Part::Text(_)) => {
                return Err("'<' not supported between instances of 'int' and 'str'".to_owned());
            }
            (Part::Text(_), Part::Number(_)) => {
                return Err("'<' not supported between instances of 'str' and 'int'".to_owned());
            }
        };
        if order != Ordering::Equal {
            return Ok(order);
        }
    }
    Ok(first.len().cmp(&second.len()))
}

/// The numbers of a strict version, and its stage.
type StrictVersion = ([u64; 3], (bool, String, u64));

/// The epoch, release and stages of a version of Python's.
type PythonVersion = (u64, Vec<u64>, Vec<(i8, u64)>);

/// Numbers, and the stage before the release, which is less than none.
fn strict(text: &str) -> Result<StrictVersion, String> {
    let wrong = || format!("invalid version number '{text}'");
    let stage_at = text.find(['a', 'b']).unwrap_or(text.len());
    let (numbers, stage) = text.split_at(stage_at);
    let mut found = [0; 3];
    let written: Vec<&str> = numbers.split('.').collect();
    if !(2..=3).contains(&written.len()) {
        return Err(wrong());
    }
    for (slot, number) in found.iter_mut().zip(written) {
        *slot = number.parse().map_err(|_| wrong())?;
    }
    match stage.chars().next() {
        Some(letter) => Ok((found, (false, letter.to_string(), stage[1..].parse().map_err(|_| wrong())?))),
        None => Ok((found, (true, String::new(), 0))),
    }
}

fn semantic(one: &str, two: &str) -> Result<Ordering, String> {
    let read = |text: &str| {
        let wrong = || format!("invalid semantic version '{text}'");
        let plain = text.split('+').next().unwrap_or_default();
        let (core, stage) = plain.split_once('-').map_or((plain, None), |(core, stage)| (core, Some(stage)));
        let numbers: Vec<u64> =
            core.split('.').map(str::parse).collect::<Result<_, _>>().map_err(|_| wrong())?;
        if numbers.len() != 3 {
            return Err(wrong());
        }
        Ok((numbers, stage.map(str::to_owned)))
    };
    let ((first, first_stage), (second, second_stage)) = (read(one)?, read(two)?);
    Ok(first.cmp(&second).then_with(|| match (first_stage, second_stage) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(one), Some(two)) => stages(&one, &two),
    }))
}

/// Stages of semantic versions: numbers before words, fewer parts before more.
fn stages(one: &str, two: &str) -> Ordering {
    let (first, second): (Vec<&str>, Vec<&str>) = (one.split('.').collect(), two.split('.').collect());
    for (one, two) in first.iter().zip(&second) {
        let order = match (one.parse::<u64>(), two.parse::<u64>()) {
            (Ok(one), Ok(two)) => one.cmp(&two),
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(_), Err(_)) => one.cmp(two),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    first.len().cmp(&second.len())
}

/// Epoch, release without zeros at its end, and what orders stages: development, alpha, beta, candidate, final, post.
fn python(text: &str) -> Result<PythonVersion, String> {
    let wrong = || format!("Invalid version: '{text}'");
    let plain = text.trim().to_lowercase();
    let plain = plain.strip_prefix('v').unwrap_or(&plain);
    let plain = plain.split('+').next().unwrap_or_default();
    let (epoch, rest) = match plain.split_once('!') {
        Some((epoch, rest)) => (epoch.parse().map_err(|_| wrong())?, rest),
        None => (0, plain),
    };
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let (numbers, mut stage) = rest.split_at(end);
    let mut release: Vec<u64> = numbers
        .trim_end_matches('.')
        .split('.')
        .map(str::parse)
        .collect::<Result<_, _>>()
        .map_err(|_| wrong())?;
    while release.len() > 1 && release.last() == Some(&0) {
        release.pop();
    }
    let mut stages = Vec::new();
    while !stage.is_empty() {
        stage = stage.trim_start_matches(['.', '-', '_']);
        let word_end = stage.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(stage.len());
        let (word, rest) = stage.split_at(word_end);
        let rest = rest.trim_start_matches(['.', '-', '_']);
        let number_end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number: u64 =
            if number_end == 0 { 0 } else { rest[..number_end].parse().map_err(|_| wrong())? };
        let rank = match word {
            "dev" => -4,
            "a" | "alpha" => -3,
            "b" | "beta" => -2,
            "c" | "rc" | "pre" | "preview" => -1,
            "post" | "rev" | "r" => 1,
            "" if number_end > 0 => 1,
            _ => return Err(wrong()),
        };
        stages.push((rank, number));
        stage = &rest[number_end..];
    }
    // A version without a further stage stands between what comes before and after it.
    stages.push((0, 0));
    Ok((epoch, release, stages))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        for (one, two, expected) in [
            ("1.10", "1.9", Ordering::Greater),
            ("1.34.2", "1.34.10", Ordering::Less),
            ("2.0", "2.0", Ordering::Equal),
            ("2.0.1", "2.0", Ordering::Greater),
            ("1.7.24~ds1", "2", Ordering::Less),
            ("1.0", "1", Ordering::Greater),
        ] {
            assert_eq!(compare(one, two, Rules::Loose), Ok(expected), "{one} and {two}");
        }
        assert!(compare("a", "1", Rules::Loose).is_err());
    }

    #[test]
    fn stages_come_before_their_release() {
        for (one, two, rules) in [
            ("1.2.3-rc1", "1.2.3", Rules::Semantic),
            ("1.2.3-alpha.1", "1.2.3-alpha.beta", Rules::Semantic),
            ("1.2.3-1", "1.2.3-a", Rules::Semantic),
            ("1.0a1", "1.0", Rules::Python),
            ("1.0.dev1", "1.0a1", Rules::Python),
            ("1.0", "1.0.post1", Rules::Python),
            ("1.0rc1", "1.0", Rules::Python),
            ("1.2b1", "1.2", Rules::Strict),
        ] {
            assert_eq!(compare(one, two, rules), Ok(Ordering::Less), "{one} and {two}");
        }
        assert_eq!(compare("1.0", "1", Rules::Python), Ok(Ordering::Equal));
        assert!(compare("1.2", "1.2.3", Rules::Semantic).is_err());
    }
}
