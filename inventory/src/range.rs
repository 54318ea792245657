//! Ranges in host names: `web[01:20].example.com`, `db-[a:f]`, `n[0:10:2]`.

/// All names that a name with ranges stands for.
///
/// # Errors
/// A message when a range is not understood.
pub(crate) fn expand(name: &str) -> Result<Vec<String>, String> {
    let Some(open) = name.find('[') else { return Ok(vec![name.to_owned()]) };
    let close =
        name[open..].find(']').map(|at| open + at).ok_or_else(|| format!("`{name}` has [ without ]"))?;
    let (head, inner, tail) = (&name[..open], &name[open + 1..close], &name[close + 1..]);
    let tails = expand(tail)?;
    let mut names = Vec::new();
    for middle in elements(inner).map_err(|reason| format!("the range [{inner}] of `{name}` {reason}"))? {
        names.extend(tails.iter().map(|tail| format!("{head}{middle}{tail}")));
    }
    Ok(names)
}

fn elements(range: &str) -> Result<Vec<String>, &'static str> {
    /// More hosts than anyone has in one line: a mistyped range must not eat the memory.
    const LIMIT: usize = 1_000_000;
    let parts: Vec<&str> = range.split(':').collect();
    let (first, last, step) = match parts.as_slice() {
        [first, last] => (*first, *last, 1),
        [first, last, step] => {
            (*first, *last, step.parse::<usize>().map_err(|_| "has a step that is no number")?)
        }
        _ => return Err("must be [first:last] or [first:last:step]"),
    };
    if step == 0 {
        return Err("has a step of 0");
    }
    let first = if first.is_empty() { "0" } else { first };
    if last.is_empty() {
        return Err("has no end");
    }
    if let (Ok(from), Ok(to)) = (first.parse::<usize>(), last.parse::<usize>()) {
        if from > to {
            return Err("ends before it begins");
        }
        if (to - from) / step > LIMIT {
            return Err("is longer than a million");
        }
        let padded = first.len() > 1 && first.starts_with('0');
        if padded && first.len() != last.len() {
            return Err("must have equally many digits at both ends when they are padded with zeros");
        }
        let width = if padded { first.len() } else { 0 };
        return Ok((from..=to).step_by(step).map(|number| format!("{number:0width$}")).collect());
    }
    let letter = |text: &str| {
        let mut letters = text.chars();
        letters.next().filter(|letter| letter.is_ascii_alphabetic() && letters.next().is_none())
    };
    match (letter(first), letter(last)) {
        (Some(from), Some(to)) if from <= to => {
            Ok((from..=to).filter(char::is_ascii_alphabetic).step_by(step).map(String::from).collect())
        }
        (Some(_), Some(_)) => Err("ends before it begins"),
        _ => Err("must have two numbers or two letters"),
    }
}

#[cfg(test)]
mod tests {
    use super::expand;

    #[test]
    fn ranges_are_expanded() {
        assert_eq!(expand("web").unwrap(), ["web"]);
        assert_eq!(expand("w[1:3]").unwrap(), ["w1", "w2", "w3"]);
        assert_eq!(expand("w[08:10].x").unwrap(), ["w08.x", "w09.x", "w10.x"]);
        assert_eq!(expand("w[0:6:3]").unwrap(), ["w0", "w3", "w6"]);
        assert_eq!(expand("w[a:c]").unwrap(), ["wa", "wb", "wc"]);
        assert_eq!(expand("[1:2]-[a:b]").unwrap(), ["1-a", "1-b", "2-a", "2-b"]);
        assert_eq!(expand("w[:2]").unwrap(), ["w0", "w1", "w2"]);
    }

    #[test]
    fn wrong_ranges_are_told() {
        for (name, reason) in [
            ("w[1:", "without ]"),
            ("w[1]", "must be"),
            ("w[3:1]", "before it begins"),
            ("w[01:100]", "equally many"),
            ("w[1:x]", "two numbers"),
            ("w[1:9:0]", "step of 0"),
            ("w[0:99999999]", "million"),
            ("w[1:]", "no end"),
        ] {
            assert!(expand(name).unwrap_err().contains(reason), "{name}");
        }
    }
}
