//! File modes: octal and symbolic (`u=rwX,g-w,o=`), as `chmod` reads them.

/// The permission bits (0 to 0o7777) that `text` asks of a file which now has `current` bits.
///
/// # Errors
/// A message when the text is no mode.
pub fn resolve(text: &str, current: u32, is_folder: bool) -> Result<u32, String> {
    let text = text.trim();
    let digits = text.strip_prefix("0o").unwrap_or(text);
    if !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(8)) {
        return match u32::from_str_radix(digits, 8) {
            Ok(mode) if mode <= 0o7777 => Ok(mode),
            _ => Err(format!("mode `{text}` is beyond 7777")),
        };
    }
    text.split(',')
        .try_fold(current & 0o7777, |mode, clause| symbolic(clause, mode, is_folder))
        .map_err(|reason| format!("mode `{text}` is not understood: {reason}"))
}

/// One clause of a symbolic mode, such as `u+x` or `go=`.
fn symbolic(clause: &str, mut mode: u32, is_folder: bool) -> Result<u32, String> {
    let who_end = clause.find(['+', '-', '=']).ok_or_else(|| format!("`{clause}` has no +, - or ="))?;
    let (who, mut rest) = clause.split_at(who_end);
    let (mut mask, mut special) = (0, 0);
    for letter in if who.is_empty() { "a" } else { who }.chars() {
        let (bits, extra) = match letter {
            'u' => (0o700, 0o4000),
            'g' => (0o070, 0o2000),
            'o' => (0o007, 0o1000),
            'a' => (0o777, 0o7000),
            other => return Err(format!("`{other}` is none of u, g, o, a")),
        };
        mask |= bits;
        special |= extra;
    }
    while let Some(operator) = rest.chars().next() {
        rest = &rest[operator.len_utf8()..];
        let end = rest.find(['+', '-', '=']).unwrap_or(rest.len());
        let (letters, next) = rest.split_at(end);
        rest = next;
        let mut bits = 0;
        for letter in letters.chars() {
            bits |= match letter {
                'r' => 0o444 & mask,
                'w' => 0o222 & mask,
                'x' => 0o111 & mask,
                'X' if is_folder || mode & 0o111 != 0 => 0o111 & mask,
                'X' => 0,
                's' => special & 0o6000,
                't' => 0o1000,
                'u' => spread(mode >> 6, mask),
                'g' => spread(mode >> 3, mask),
                'o' => spread(mode, mask),
                other => return Err(format!("`{other}` is none of r, w, x, X, s, t, u, g, o")),
            };
        }
        match operator {
            '+' => mode |= bits,
            '-' => mode &= !bits,
            '=' => {
                // chmod keeps a folder's set-id bits unless they are named.
                let kept = if is_folder { mode & 0o6000 } else { mode & 0o6000 & !special };
                let sticky = if mask & 0o007 != 0 || who.is_empty() { 0 } else { mode & 0o1000 };
                mode = (mode & 0o777 & !mask) | bits | kept | sticky;
            }
            other => return Err(format!("`{other}` is none of +, -, =")),
        }
    }
    Ok(mode)
}

/// The three lowest bits in each place of the mask.
fn spread(bits: u32, mask: u32) -> u32 {
    let bits = bits & 0o7;
    (bits << 6 | bits << 3 | bits) & mask
}

/// A mode as Ansible prints it: four digits, `0644`.
pub fn octal(mode: u32) -> String {
    format!("{:04o}", mode & 0o7777)
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn modes_are_read_as_chmod_reads_them() {
        for (text, current, folder, expected) in [
            ("0644", 0, false, 0o644),
            ("644", 0, false, 0o644),
            ("0o755", 0, false, 0o755),
            ("1777", 0, true, 0o1777),
            ("u=rw,g=r,o=r", 0o777, false, 0o644),
            ("u+x", 0o644, false, 0o744),
            ("a+X", 0o644, false, 0o644),
            ("a+X", 0o744, false, 0o755),
            ("u=rwX,go=rX", 0o600, true, 0o755),
            ("o=", 0o777, false, 0o770),
            ("g=u", 0o640, false, 0o660),
            ("g+s", 0o755, true, 0o2755),
            ("+t", 0o755, true, 0o1755),
            ("u-s,a+r", 0o4711, false, 0o755),
            ("go-rwx", 0o777, false, 0o700),
        ] {
            assert_eq!(resolve(text, current, folder), Ok(expected), "{text} on {current:o}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "rw", "99", "u=q", "z+x", "77777"] {
            assert!(resolve(text, 0o644, false).is_err(), "{text}");
        }
    }
}
