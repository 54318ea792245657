//! HTTP/1.1, one exchange per connection: as much of it as the stand-ins need of each other.

use std::io::{Read, Write};

use crate::failure::{Context as _, Failure, Result, refuse};

/// The largest head and the largest body that are read.
const HEAD: usize = 64 << 10;
const BODY: usize = 32 << 20;

/// A request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// GET and the others.
    pub method: String,
    /// The path, with its query.
    pub target: String,
    /// Names in small letters, and values.
    pub headers: Vec<(String, String)>,
    /// What comes after the head.
    pub body: Vec<u8>,
}

/// A response.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Response {
    /// 200 and the others.
    pub status: u16,
    /// What kind of content it is.
    pub content_type: String,
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

    /// A parameter of the query, decoded.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<String> {
        let (_, query) = self.target.split_once('?')?;
        query.split('&').find_map(|part| {
            let (found, value) = part.split_once('=').unwrap_or((part, ""));
            (found == name).then(|| decoded(value))
        })
    }

    /// Reads a request; none when the other side closed without one.
    ///
    /// # Errors
    /// What is not HTTP, or is too large.
    pub fn read(stream: &mut impl Read) -> Result<Option<Self>> {
        let Some((head, rest)) = read_head(stream)? else { return Ok(None) };
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut parsed = httparse::Request::new(&mut headers);
        parsed.parse(&head).doing("malformed HTTP request")?;
        let mut request = Self {
            method: parsed.method.unwrap_or_default().to_owned(),
            target: parsed.path.unwrap_or_default().to_owned(),
            headers: headers_of(parsed.headers),
            body: Vec::new(),
        };
        request.body = read_body(stream, rest, request.header("content-length"), false)?;
        Ok(Some(request))
    }

    /// Writes the request.
    ///
    /// # Errors
    /// When the connection breaks.
    pub fn write(&self, stream: &mut impl Write) -> Result<()> {
        let mut head =
            format!("{} {} HTTP/1.1\r\ncontent-length: {}\r\n", self.method, self.target, self.body.len());
        if self.header("connection").is_none() {
            head.push_str("connection: close\r\n");
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        send(stream, &head, &self.body)
    }
}

impl Response {
    /// A response of this kind of content.
    #[must_use]
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, content_type: content_type.to_owned(), body: body.into() }
    }

    /// Reads a response.
    ///
    /// # Errors
    /// What is not HTTP, is too large, or ends early.
    pub fn read(stream: &mut impl Read) -> Result<Self> {
        let Some((head, rest)) = read_head(stream)? else { refuse!("EOF") };
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut parsed = httparse::Response::new(&mut headers);
        parsed.parse(&head).doing("malformed HTTP response")?;
        let status = parsed.code.unwrap_or_default();
        let headers = headers_of(parsed.headers);
        let header =
            |name: &str| headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
        let body = if header("transfer-encoding") == Some("chunked") {
            read_chunks(stream, rest)?
        } else {
            read_body(stream, rest, header("content-length"), true)?
        };
        Ok(Self { status, content_type: header("content-type").unwrap_or_default().to_owned(), body })
    }

    /// Writes the response.
    ///
    /// # Errors
    /// When the connection breaks.
    pub fn write(&self, stream: &mut impl Write, with_body: bool) -> Result<()> {
        let head = format!(
            "HTTP/1.1 {} {}\r\nconnection: close\r\ncontent-type: {}\r\ncontent-length: {}\r\n\r\n",
            self.status,
            if self.status < 300 { "OK" } else { "Error" },
            self.content_type,
            self.body.len()
        );
        send(stream, &head, if with_body { &self.body } else { &[] })
    }
}

fn send(stream: &mut impl Write, head: &str, body: &[u8]) -> Result<()> {
    let sent =
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).and_then(|()| stream.flush());
    sent.doing("write")
}

/// The head with its empty line, and what was read beyond it.
fn read_head(stream: &mut impl Read) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
    let mut read = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = read.split_off(end + 4);
            return Ok(Some((read, rest)));
        }
        if read.len() > HEAD {
            refuse!("the head of a message is too large");
        }
        match stream.read(&mut chunk).doing("read")? {
            0 if read.is_empty() => return Ok(None),
            0 => refuse!("unexpected EOF"),
            count => read.extend(chunk.iter().take(count)),
        }
    }
}

fn read_body(
    stream: &mut impl Read,
    mut body: Vec<u8>,
    length: Option<&str>,
    to_the_end: bool,
) -> Result<Vec<u8>> {
    let length = match length {
        Some(text) => text.parse::<usize>().doing("malformed content-length")?,
        None if to_the_end => BODY,
        None => 0,
    };
    if length > BODY {
        return Err(Failure::new("the body of a message is too large"));
    }
    let missing = length.saturating_sub(body.len()) as u64;
    stream.take(missing).read_to_end(&mut body).doing("read")?;
    Ok(body)
}

/// A body in chunks, each after a line with its length.
fn read_chunks(stream: &mut impl Read, mut read: Vec<u8>) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    let mut more = [0; 16 << 10];
    loop {
        let length = match httparse::parse_chunk_size(&read) {
            Ok(httparse::Status::Complete((line, length))) => Some((line, length as usize)),
            Ok(httparse::Status::Partial) => None,
            Err(_) => refuse!("malformed chunk"),
        };
        match length {
            Some((_, length)) if length + body.len() > BODY => {
                refuse!("the body of a message is too large")
            }
            // Each chunk ends with a line of its own.
            Some((line, length)) if read.len() >= line + length + 2 => {
                let rest = read.split_off(line + length + 2);
                body.extend(read.iter().skip(line).take(length));
                if length == 0 {
                    return Ok(body);
                }
                read = rest;
            }
            _ => match stream.read(&mut more).doing("read")? {
                0 => refuse!("unexpected EOF"),
                count => read.extend(more.iter().take(count)),
            },
        }
    }
}

fn headers_of(headers: &[httparse::Header<'_>]) -> Vec<(String, String)> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    headers.iter().map(|header| (header.name.to_ascii_lowercase(), text(header.value))).collect()
}

/// Text as it stands in a query or a trailer, without its escapes.
pub(crate) fn decoded(text: &str) -> String {
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
            (b'+', _) => bytes.push(b' '),
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
    fn a_request_is_read_as_it_was_written() {
        let request = Request {
            method: "PATCH".into(),
            target: format!("/api?fieldManager={}", encoded("a b/ü")),
            headers: vec![("authorization".into(), "Bearer x".into())],
            body: b"{}".to_vec(),
        };
        let mut wire = Vec::new();
        request.write(&mut wire).unwrap();
        let read = Request::read(&mut &wire[..]).unwrap().unwrap();
        assert_eq!((read.method.as_str(), read.path(), &read.body[..]), ("PATCH", "/api", &b"{}"[..]));
        assert_eq!(read.parameter("fieldManager").as_deref(), Some("a b/ü"));
        assert_eq!(read.header("authorization"), Some("Bearer x"));
        assert_eq!(read.parameter("force"), None);
    }

    #[test]
    fn a_body_in_chunks_is_put_together() {
        let wire =
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\na\r\n0123456789\r\n0\r\n\r\n";
        assert_eq!(Response::read(&mut &wire[..]).unwrap().body, b"abc0123456789");
        assert!(Response::read(&mut &wire[..wire.len() - 12]).is_err());
    }

    #[test]
    fn a_response_is_read_as_it_was_written_and_nonsense_is_refused() {
        let response = Response::new(404, "application/json", "{}");
        let mut wire = Vec::new();
        response.write(&mut wire, true).unwrap();
        assert_eq!(Response::read(&mut &wire[..]).unwrap(), response);
        assert!(Response::read(&mut &b"nonsense\r\n\r\n"[..]).is_err());
        assert!(Request::read(&mut &b""[..]).unwrap().is_none());
        assert!(Request::read(&mut &b"GET / HTTP/1.1\r\n"[..]).is_err());
    }
}
