//! Addresses of the web, in parts.

/// `scheme://user:password@host:port/path?query`.
#[derive(Clone, Debug, PartialEq)]
pub struct Url {
    /// `http` or `https`, in lower case.
    pub scheme: String,
    /// What is before the `@`: user and password, decoded.
    pub credentials: Option<(String, String)>,
    /// Name or address, an IPv6 one in brackets.
    pub host: String,
    /// The port, when it is written.
    pub port: Option<u16>,
    /// Path and query as they are sent; begins with a slash.
    pub path: String,
}

impl Url {
    /// Reads an address. What must not be in one, such as a space, is encoded; a fragment is left out.
    ///
    /// # Errors
    /// A message when it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.trim().split_once("://").ok_or("it has no scheme (http:// or https://)")?;
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (credentials, host_port) = match authority.rsplit_once('@') {
            Some((credentials, host)) => {
                let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
                (Some((decoded(user), decoded(password))), host)
            }
            None => (None, authority),
        };
        let port_at = host_port.rfind(':').filter(|at| !host_port[*at..].contains(']'));
        let (host, port) = match port_at {
            Some(at) => {
                let port = &host_port[at + 1..];
                let number = if port.is_empty() { Ok(None) } else { port.parse().map(Some) };
                (&host_port[..at], number.map_err(|_| format!("`{port}` is no port"))?)
            }
            None => (host_port, None),
        };
        if host.is_empty() || !host.is_ascii() || host.contains(char::is_whitespace) {
            return Err(format!("`{host}` is no host"));
        }
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Self {
            scheme: scheme.to_ascii_lowercase(),
            credentials,
            host: host.to_ascii_lowercase(),
            port,
            path: encoded_where_needed(&format!("{slash}{path}")),
        })
    }

    /// The address that a `Location` header on a page at this address means.
    ///
    /// # Errors
    /// A message when it is none.
    pub fn join(&self, location: &str) -> Result<Self, String> {
        let location = location.trim();
        let has_scheme = location.split_once("://").is_some_and(|(scheme, _)| {
            !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
        if has_scheme {
            return Self::parse(location);
        }
        if let Some(rest) = location.strip_prefix("//") {
            return Self::parse(&format!("{}://{rest}", self.scheme));
        }
        let location = location.split('#').next().unwrap_or_default();
        let old_path = self.path.split('?').next().unwrap_or_default();
        let path = match location.as_bytes().first() {
            None => self.path.clone(),
            Some(b'/') => location.to_owned(),
            Some(b'?') => format!("{old_path}{location}"),
            Some(_) => format!("{}/{location}", old_path.rsplit_once('/').map_or("", |(folder, _)| folder)),
        };
        Ok(Self { path: encoded_where_needed(&without_dots(&path)), ..self.clone() })
    }

    /// Scheme, host and port, without credentials: what a proxy is told.
    pub fn origin(&self) -> String {
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://{}{port}", self.scheme, self.host)
    }

    /// The port, written or the scheme's own.
    pub fn effective_port(&self) -> u16 {
        self.port.unwrap_or(if self.scheme == "https" { 443 } else { 80 })
    }

    /// The last part of the path, as the name of a file.
    pub fn file_name(&self) -> Option<String> {
        let path = self.path.split('?').next().unwrap_or_default();
        path.rsplit('/').next().map(decoded).filter(|name| !name.is_empty())
    }
}

impl std::fmt::Display for Url {
    /// Without credentials: for results and messages.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}{}", self.origin(), self.path)
    }
}

/// Takes `.` and `..` out of a path; the query stays.
fn without_dots(path: &str) -> String {
    let (path, query) = path.split_at(path.find('?').unwrap_or(path.len()));
    let mut parts: Vec<&str> = Vec::new();
    let mut all = path.split('/').peekable();
    while let Some(part) = all.next() {
        let is_last = all.peek().is_none();
        match part {
            "." | ".." => {
                if part == ".." && parts.len() > 1 {
                    parts.pop();
                }
                if is_last {
                    parts.push("");
                }
            }
            part => parts.push(part),
        }
    }
    parts.join("/") + query
}

fn encoded_where_needed(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Text for a form: letters, digits and `-._~` stay, a space is `+`.
pub fn form_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => encoded.push('+'),
            b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => encoded.push(char::from(byte)),
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// Text without its percent encoding.
pub fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.filter(|_| bytes[at] == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                plain.push(byte);
                at += 3;
            }
            None => {
                plain.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let url = Url::parse("HTTPS://us%40er:p:w@Example.ORG:8443/a b?q=ü#part").unwrap();
        assert_eq!(url.credentials, Some(("us@er".to_owned(), "p:w".to_owned())));
        assert_eq!((url.host.as_str(), url.port), ("example.org", Some(8443)));
        assert_eq!(url.to_string(), "https://example.org:8443/a%20b?q=%C3%BC");
        let url = Url::parse("http://[::1]").unwrap();
        assert_eq!((url.host.as_str(), url.effective_port(), url.path.as_str()), ("[::1]", 80, "/"));
        assert_eq!(Url::parse("http://h?x").unwrap().path, "/?x");
        assert_eq!(Url::parse("https://h/a/b%20c.tgz?x/y").unwrap().file_name().as_deref(), Some("b c.tgz"));
        assert_eq!(Url::parse("https://h/a/").unwrap().file_name(), None);
        for text in ["", "/x", "http://", "http://a b/", "http://h:x/", "http://ü/"] {
            assert!(Url::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn locations_are_found_from_where_they_are() {
        let base = Url::parse("http://h:1/a/b?q").unwrap();
        for (location, expected) in [
            ("https://other/x", "https://other/x"),
            ("//other/x", "http://other/x"),
            ("/x/../y", "http://h:1/y"),
            ("c?d#e", "http://h:1/a/c?d"),
            ("../c/.", "http://h:1/c/"),
            ("../../..", "http://h:1/"),
            ("?new", "http://h:1/a/b?new"),
            ("", "http://h:1/a/b?q"),
            ("x?u=http://z", "http://h:1/a/x?u=http://z"),
        ] {
            assert_eq!(base.join(location).unwrap().to_string(), expected, "{location}");
        }
    }

    #[test]
    fn forms_are_encoded() {
        assert_eq!(form_encoded("a b&c=ü~"), "a+b%26c%3D%C3%BC~");
        assert_eq!(decoded("a%20b%zz%"), "a b%zz%");
    }
}
