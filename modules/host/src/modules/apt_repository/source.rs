//! One source of packages, as a line.

use std::fmt;

/// A source: `deb [OPTIONS] ADDRESS RELEASE COMPONENT… # REMARK`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Source {
    /// `false` when it is commented out.
    pub(super) is_enabled: bool,
    /// `deb` or `deb-src`.
    pub(super) kind: String,
    /// With spaces between.
    pub(super) options: Option<String>,
    pub(super) address: String,
    /// Release and components.
    pub(super) rest: Vec<String>,
    pub(super) remark: Option<String>,
}

impl Source {
    /// Reads a line; `None` when it is something else.
    pub(super) fn read(line: &str) -> Option<Self> {
        let line = line.trim();
        let text = line.trim_start_matches(['#', ' ', '\t']);
        let is_enabled = text.len() == line.len();
        let (text, remark) = match text.split_once('#') {
            Some((text, remark)) => (text, Some(remark.trim().to_owned())),
            None => (text, None),
        };
        let (kind, text) = text.split_once(char::is_whitespace)?;
        if !matches!(kind, "deb" | "deb-src") {
            return None;
        }
        let text = text.trim();
        let (options, text) = match text.strip_prefix('[') {
            Some(text) => {
                let (options, text) = text.split_once(']')?;
                (Some(options.split_whitespace().collect::<Vec<_>>().join(" ")), text)
            }
            None => (None, text),
        };
        // The name of a disc is in brackets, and may have spaces.
        let (address, text) = match text.trim_start() {
            disc if disc.starts_with("cdrom:[") => disc.split_at(
                disc.find(']')
                    .map(|end| end + disc[end..].find(char::is_whitespace).unwrap_or(disc.len() - end))?,
            ),
            text => text.split_once(char::is_whitespace)?,
        };
        let rest: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        let has_scheme = address.contains(':');
        // A release that is a path has no components; others have at least one.
        let has_parts = rest.first().is_some_and(|suite| suite.ends_with('/') || rest.len() > 1);
        (has_scheme && has_parts).then(|| Self {
            is_enabled,
            kind: kind.to_owned(),
            options: options.filter(|options| !options.is_empty()),
            address: address.to_owned(),
            rest,
            remark: remark.filter(|remark| !remark.is_empty()),
        })
    }

    /// Whether another line says the same, be it commented out.
    pub(super) fn same(&self, other: &Self) -> bool {
        self.options == other.options && self.same_but_options(other)
    }

    /// Whether another line says the same apart from its options.
    pub(super) fn same_but_options(&self, other: &Self) -> bool {
        (&self.kind, &self.address, &self.rest) == (&other.kind, &other.address, &other.rest)
    }

    /// The name of a file for it.
    pub(super) fn file_name(&self) -> String {
        let address = self.address.split_once("://").map_or(self.address.as_str(), |(_, rest)| rest);
        // Neither name and password of a server, nor the name of a disc.
        let (host, path) = address.split_once('/').unwrap_or((address, ""));
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        let host = host.split('[').next().unwrap_or_default();
        let words = host.split(|c: char| !c.is_ascii_alphanumeric());
        let words = words.chain(path.split(|c: char| !c.is_ascii_alphanumeric()));
        words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_")
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_enabled {
            formatter.write_str("# ")?;
        }
        formatter.write_str(&self.kind)?;
        if let Some(options) = &self.options {
            write!(formatter, " [{options}]")?;
        }
        write!(formatter, " {} {}", self.address, self.rest.join(" "))?;
        match &self.remark {
            Some(remark) => write!(formatter, " # {remark}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Source;

    #[test]
    fn lines_are_read_and_written() {
        for (line, written) in [
            ("deb http://a.org/d sid main", Some("deb http://a.org/d sid main")),
            (
                " deb-src  [ arch=amd64   signed-by=/x ]http://a.org/d  sid  main  contrib #  why",
                Some("deb-src [arch=amd64 signed-by=/x] http://a.org/d sid main contrib # why"),
            ),
            ("## deb http://a.org/d ./", Some("# deb http://a.org/d ./")),
            ("deb cdrom:[Debian 12 x]/ sid main", Some("deb cdrom:[Debian 12 x]/ sid main")),
            ("deb [] http://a.org/d sid main", Some("deb http://a.org/d sid main")),
            ("# text", None),
            ("deb http://a.org/d", None),
            ("deb http://a.org/d sid", None),
            ("deb sid main", None),
            ("rpm http://a.org/d sid main", None),
            ("deb [arch=amd64 http://a.org/d sid main", None),
            ("deb cdrom:[Debian", None),
            ("deb", None),
            ("", None),
        ] {
            let source = Source::read(line);
            assert_eq!(source.as_ref().map(Source::to_string).as_deref(), written, "{line}");
        }
    }

    #[test]
    fn files_are_named_after_addresses() {
        for (address, name) in [
            ("http://archive.canonical.com/ubuntu", "archive_canonical_com_ubuntu"),
            ("https://u:p@dl.example.com:8080/a-b/c.d/", "dl_example_com_8080_a_b_c_d"),
            ("file:///srv/x", "srv_x"),
            ("http://z.org//x--y@z", "z_org_x_y_z"),
            ("cdrom:[Debian 12]/", "cdrom"),
        ] {
            let source = Source::read(&format!("deb {address} sid main")).unwrap();
            assert_eq!(source.file_name(), name);
        }
    }
}
