//! Regular expressions as Python reads them, over bytes.
//!
//! Playbooks have patterns in the syntax of Python's `re`; `syntax` writes them anew for the engine used here,
//! `template` reads what matches are replaced by.

mod syntax;
mod template;

use fancy_regex::{BytesMode, Captures, Regex, RegexBuilder};

pub use template::Template;

use crate::ModuleError;

/// How a pattern matches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// `^` and `$` match at every line.
    pub multi_line: bool,
    /// `.` matches a newline too.
    pub dot_all: bool,
    /// `\w`, `\d` and `\s` know only ASCII, and `.` is one byte, as in Python's patterns of bytes.
    pub ascii: bool,
}

/// A compiled pattern.
pub struct Pattern {
    regex: Regex,
    source: String,
}

/// What a pattern matched, and where.
pub struct Match<'t> {
    captures: Captures<'t, [u8]>,
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// When it is not one; the message has the pattern.
    pub fn new(source: &str, options: Options) -> Result<Self, ModuleError> {
        let wrong = |reason: &dyn std::fmt::Display| {
            ModuleError::new(format!("the regular expression `{source}` is wrong: {reason}"))
        };
        let translated = syntax::translate(source, options.multi_line).map_err(|reason| wrong(&reason))?;
        // A class with letters beyond ASCII is no set of bytes.
        let mode =
            if options.ascii && source.is_ascii() { BytesMode::Ascii } else { BytesMode::UnicodeBytes };
        let regex = RegexBuilder::new(&translated)
            .multi_line(options.multi_line)
            .dot_matches_new_line(options.dot_all)
            .bytes_mode(mode)
            .build()
            .map_err(|error| wrong(&error))?;
        Ok(Self { regex, source: source.to_owned() })
    }

    /// As written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it matches somewhere in a text.
    ///
    /// # Errors
    /// When finding out takes too much backtracking.
    pub fn is_match(&self, text: &[u8]) -> Result<bool, ModuleError> {
        self.regex.is_match(text).map_err(|error| self.too_hard(&error))
    }

    /// Its first match.
    ///
    /// # Errors
    /// As [`Self::is_match`].
    pub fn find<'t>(&self, text: &'t [u8]) -> Result<Option<Match<'t>>, ModuleError> {
        let found = self.regex.captures(text).map_err(|error| self.too_hard(&error))?;
        Ok(found.map(|captures| Match { captures }))
    }

    /// Replaces every match; tells how many there were. An empty match right after another match counts, as in Python.
    ///
    /// # Errors
    /// As [`Self::is_match`].
    pub fn replace_all(&self, text: &[u8], template: &Template) -> Result<(Vec<u8>, usize), ModuleError> {
        let mut replaced = Vec::with_capacity(text.len());
        let (mut from, mut copied, mut count) = (0, 0, 0);
        while from <= text.len() {
            let found = self.regex.captures_from_pos(text, from).map_err(|error| self.too_hard(&error))?;
            let Some(found) = found.map(|captures| Match { captures }) else { break };
            let (start, end) = found.range();
            replaced.extend_from_slice(&text[copied..start]);
            replaced.extend(template.expand(&found));
            copied = end;
            count += 1;
            from = if start == end { end + 1 } else { end };
        }
        replaced.extend_from_slice(&text[copied..]);
        Ok((replaced, count))
    }

    /// The names of its groups, with their numbers.
    pub fn names(&self) -> Vec<(usize, &str)> {
        let names = self.regex.capture_names().enumerate();
        names.filter_map(|(number, name)| name.map(|name| (number, name))).collect()
    }

    /// How many groups it has, besides the whole.
    pub fn groups(&self) -> usize {
        self.regex.captures_len() - 1
    }

    fn too_hard(&self, error: &fancy_regex::Error) -> ModuleError {
        ModuleError::new(format!("the regular expression `{}` cannot be matched: {error}", self.source))
    }
}

impl<'t> Match<'t> {
    /// Where the whole match begins and ends.
    pub fn range(&self) -> (usize, usize) {
        self.captures.get(0).map_or((0, 0), |whole| (whole.start(), whole.end()))
    }

    /// Where a named group matched; `None` when it took no part.
    pub fn named_range(&self, name: &str) -> Option<(usize, usize)> {
        self.captures.name(name).map(|group| (group.start(), group.end()))
    }

    /// What a group matched; `None` when it took no part.
    pub fn group(&self, number: usize) -> Option<&'t [u8]> {
        self.captures.get(number).map(|group| group.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn multi_line() -> Options {
        Options { multi_line: true, ..Options::default() }
    }

    fn replaced(pattern: &str, text: &str, template: &str, options: Options) -> (String, usize) {
        let pattern = Pattern::new(pattern, options).unwrap();
        let template = Template::new(template, &pattern).unwrap();
        let (replaced, count) = pattern.replace_all(text.as_bytes(), &template).unwrap();
        (String::from_utf8(replaced).unwrap(), count)
    }

    #[test]
    fn matches_are_those_of_python() {
        // Pattern, text, whether re.search finds it.
        for (pattern, text, expected) in [
            ("^a$", "a\n", true),
            (r"^a\Z", "a\n", false),
            ("^a$", "a\nb", false),
            ("a{", "a{", true),
            ("a{,2}b", "aab", true),
            ("^a{,2}b", "aaab", false),
            ("server {", "server {", true),
            (r"\{\{ x }}", "{{ x }}", true),
            ("[[]", "[", true),
            ("[]a]", "]", true),
            ("[a&&b]", "&", true),
            (r"[\w-]", "-", true),
            (r"[\w.-x]", "-", false),
            ("[a-]", "-", true),
            (r"\<tag\>", "<tag>", true),
            (r"\/path\-x\ y\#\@", "/path-x y#@", true),
            (r"(?P<q>['\x22]).*(?P=q)", "say 'x'", true),
            (r"(a)|b(?(1)c|d)", "bd", true),
            (r"(?P<x>a)?b(?(x)c|d)", "abc", true),
            (r"(?i)HELLO", "hello", true),
            (r"(?i:H)ello", "hello", true),
            (r"(?#remark)a", "a", true),
            ("(?x) a  b # remark (\n c", "abc", true),
            (r"(?x) a\ b [ ]", "a b ", true),
            (r"(?m)^b$", "a\nb\nc", true),
            (r"(?s)a.b", "a\nb", true),
            (r"a.b", "a\nb", false),
            (r"\101", "A", true),
            (r"[\101]", "A", true),
            (r"(.)\1", "xx", true),
            (r"\bfoo\b", "a foo b", true),
            (r"[\b]", "\u{8}", true),
            (r"(?<!a)b", "ab", false),
            (r"(?<=a)b", "ab", true),
            ("ü+", "üü", true),
            ("[äö]", "ö", true),
            (r"\u00fc", "ü", true),
        ] {
            for ascii in [true, false] {
                let options = Options { ascii, ..Options::default() };
                let compiled = Pattern::new(pattern, options).unwrap();
                // A pattern of bytes has no such letter.
                if !(ascii && pattern.contains("\\u")) {
                    assert_eq!(
                        compiled.is_match(text.as_bytes()).unwrap(),
                        expected,
                        "{pattern} on {text:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn bytes_need_not_be_text() {
        let pattern = Pattern::new(r"^x=.\w$", Options { ascii: true, ..Options::default() }).unwrap();
        assert!(pattern.is_match(b"x=\xffa").unwrap());
        let pattern = Pattern::new("b", Options::default()).unwrap();
        assert!(pattern.is_match(b"\xff\xfeb").unwrap());
    }

    #[test]
    fn wrong_patterns_are_refused_by_name() {
        for pattern in ["(", "[a", r"\y", "a)", "*a", r"a\"] {
            let Err(error) = Pattern::new(pattern, Options::default()) else { panic!("{pattern} is taken") };
            assert!(error.to_string().contains(pattern), "{error}");
        }
    }

    #[test]
    fn replacing_is_that_of_python() {
        assert_eq!(replaced("x*", "abxd", "-", Options::default()), ("-a-b--d-".to_owned(), 5));
        assert_eq!(replaced("^", "a\nb\n", "# ", multi_line()), ("# a\n# b\n# ".to_owned(), 3));
        assert_eq!(replaced("$", "a\nb", ";", multi_line()), ("a;\nb;".to_owned(), 2));
        assert_eq!(
            replaced(r"^(\w+)=(?P<value>.*)$", "a=1\nb=2\n", r"\g<value>=\1\g<0>", multi_line()),
            ("1=aa=1\n2=bb=2\n".to_owned(), 2)
        );
        assert_eq!(replaced("(a)|(b)", "ab", r"[\1\2]", Options::default()), ("[a][b]".to_owned(), 2));
        assert_eq!(replaced("z", "abc", "", Options::default()), ("abc".to_owned(), 0));
    }

    #[test]
    fn endless_backtracking_is_an_error() {
        let pattern = Pattern::new(r"^(a|a)*(?=b)\1$", Options::default()).unwrap();
        let error = pattern.is_match(&[b'a'; 200]).unwrap_err();
        assert!(error.to_string().contains("cannot be matched"), "{error}");
    }
}
