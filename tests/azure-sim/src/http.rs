//! HTTP/1.1 with connections that stay open: as much of it as clients of Azure need.

use std::io::{self, Read, Write};

use serde_json::Value;

/// The largest head and the largest body that are read.
const HEAD: usize = 64 << 10;
const BODY: usize = 8 << 20;

/// A request.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// GET and the others.
    pub method: String,
    /// The path as it was sent, with its query.
    pub target: String,
    /// Names in small letters, and values.
    pub headers: Vec<(String, String)>,
    /// What comes after the head.
    pub body: Vec<u8>,
}

impl Request {
    /// The first header of this name, which is in small letters.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The path without its query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// A parameter of the query, decoded; names are compared as Azure does, in any case.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<String> {
        let (_, query) = self.target.split_once('?')?;
        fields(query).into_iter().find_map(|(found, value)| found.eq_ignore_ascii_case(name).then_some(value))
    }

    /// Reads a request; none when the other side closed without one.
    ///
    /// # Errors
    /// What is not HTTP, or is too large.
    pub fn read(stream: &mut impl Read, held: &mut Vec<u8>) -> io::Result<Option<Self>> {
        let Some(head) = read_head(stream, held)? else { return Ok(None) };
        let mut headers = [httparse::EMPTY_HEADER; 96];
        let mut parsed = httparse::Request::new(&mut headers);
        parsed.parse(&head).map_err(io::Error::other)?;
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let mut request = Self {
            method: parsed.method.unwrap_or_default().to_owned(),
            target: parsed.path.unwrap_or_default().to_owned(),
            headers: parsed
                .headers
                .iter()
                .map(|header| (header.name.to_ascii_lowercase(), text(header.value)))
                .collect(),
            body: Vec::new(),
        };
        let length = match request.header("content-length") {
            Some(text) => text.trim().parse::<usize>().map_err(io::Error::other)?,
            None if request.header("transfer-encoding").is_some() => {
                return Err(io::Error::other("bodies in chunks are not read"));
            }
            None => 0,
        };
        if length > BODY {
            return Err(io::Error::other("the body is too large"));
        }
        let mut body = held.split_off(0);
        if body.len() > length {
            *held = body.split_off(length);
        }
        let missing = length.saturating_sub(body.len()) as u64;
        stream.take(missing).read_to_end(&mut body)?;
        if body.len() < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        request.body = body;
        Ok(Some(request))
    }

    /// Whether the connection is to be closed after the answer.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// A response.
#[derive(Debug, Clone, Default)]
pub struct Response {
    /// 200 and the others.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(&'static str, String)>,
    /// What comes after the head, as JSON.
    pub body: Option<Value>,
    /// What comes after the head, as text.
    pub text: Option<String>,
}

impl Response {
    /// A response without a body.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// A response with a body.
    #[must_use]
    pub fn json(status: u16, body: Value) -> Self {
        Self { status, body: Some(body), ..Self::default() }
    }

    /// A response with text.
    #[must_use]
    pub fn text(text: String) -> Self {
        Self { status: 200, text: Some(text), ..Self::default() }
    }

    /// The same with one more header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Writes the response.
    ///
    /// # Errors
    /// When the connection breaks.
    pub fn write(&self, stream: &mut impl Write, with_body: bool) -> io::Result<()> {
        let body = self.body.as_ref().map(Value::to_string).or_else(|| self.text.clone()).unwrap_or_default();
        let mut message = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            message.push_str(&format!("{name}: {value}\r\n"));
        }
        if self.body.is_some() {
            message.push_str("content-type: application/json; charset=utf-8\r\n");
        }
        if self.text.is_some() {
            message.push_str("content-type: text/plain; charset=utf-8\r\n");
        }
        if self.status != 204 {
            message.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        message.push_str("\r\n");
        if with_body && self.status != 204 {
            message.push_str(&body);
        }
        stream.write_all(message.as_bytes())?;
        stream.flush()
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        412 => "Precondition Failed",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        _ => "Other",
    }
}

/// The head with its empty line; what was read beyond it is held.
fn read_head(stream: &mut impl Read, held: &mut Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    let mut chunk = [0; 8192];
    loop {
        if let Some(end) = held.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = held.split_off(end + 4);
            return Ok(Some(std::mem::replace(held, rest)));
        }
        if held.len() > HEAD {
            return Err(io::Error::other("the head of a message is too large"));
        }
        match stream.read(&mut chunk)? {
            0 if held.is_empty() => return Ok(None),
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => held.extend(chunk.iter().take(count)),
        }
    }
}

/// The fields of a query or a form, decoded.
#[must_use]
pub fn fields(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|part| !part.is_empty())
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(name, value)| (decoded(&name.replace('+', " ")), decoded(&value.replace('+', " "))))
        .collect()
}

/// Text with its `%XX` replaced.
#[must_use]
pub fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        let hex = tail
            .get(..2)
            .and_then(|two| std::str::from_utf8(two).ok())
            .and_then(|two| u8::from_str_radix(two, 16).ok());
        match (first, hex) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            (byte, _) => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Text as it may stand in a query.
#[must_use]
pub fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_on_one_connection_are_told_apart() {
        let wire = b"PUT /a?api-version=2&X=a+b%2Fc HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}GET /b HTTP/1.1\r\nConnection: close\r\n\r\n";
        let (mut stream, mut held) = (&wire[..], Vec::new());
        let first = Request::read(&mut stream, &mut held).unwrap().unwrap();
        assert_eq!((first.method.as_str(), first.path(), &first.body[..]), ("PUT", "/a", &b"{}"[..]));
        assert_eq!(first.parameter("API-Version").as_deref(), Some("2"));
        assert_eq!(first.parameter("x").as_deref(), Some("a b/c"));
        let second = Request::read(&mut stream, &mut held).unwrap().unwrap();
        assert!(second.path() == "/b" && second.is_last());
        assert!(Request::read(&mut stream, &mut held).unwrap().is_none());
    }

    #[test]
    fn what_is_cut_off_or_too_large_is_refused() {
        let read = |wire: &[u8]| Request::read(&mut &*wire, &mut Vec::new()).map(drop);
        assert!(read(b"GET / HTTP/1.1\r\n").is_err());
        assert!(read(b"PUT / HTTP/1.1\r\nContent-Length: 9\r\n\r\n{}").is_err());
        assert!(read(b"PUT / HTTP/1.1\r\nContent-Length: 999999999\r\n\r\n").is_err());
    }
}
