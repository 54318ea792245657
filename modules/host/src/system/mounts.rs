//! Tables of mounts: `/etc/fstab` and `/proc/self/mounts` write them alike.

/// A field of such a table as the text it stands for: `\040` is a space.
pub fn unescape(field: &str) -> String {
    let mut text = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let [first, after @ ..] = rest {
        if let (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) = (first, after) {
            text.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
            rest = after;
        } else {
            text.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// A text as a field of such a table.
pub fn escape(text: &str) -> String {
    text.replace('\\', "\\134").replace(' ', "\\040").replace('\t', "\\011").replace('\n', "\\012")
}

#[cfg(test)]
mod tests {
    use super::{escape, unescape};

    #[test]
    fn fields_keep_their_spaces() {
        assert_eq!(unescape("/mnt/my\\040data"), "/mnt/my data");
        assert_eq!(unescape("a\\09\\134"), "a\\09\\");
        for text in ["/mnt/a b\tc", "back\\slash", "/ü"] {
            assert_eq!(unescape(&escape(text)), text);
        }
    }
}
