//! What `uri` sends: as it is, as JSON, or as a form.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::args::{Choice, FromArgument as _};
use crate::module::Doing as _;
use crate::system::http::url::form_encoded;
use crate::system::json;
use crate::{Context, ModuleError};

/// How `body` is written.
#[derive(Choice, Clone, Copy, Debug, PartialEq)]
pub(super) enum BodyFormat {
    Raw,
    Json,
    #[choice(name = "form-urlencoded")]
    Form,
    #[choice(name = "form-multipart")]
    Multipart,
}

/// A written body, and the kind of content it is.
pub(super) struct Written {
    pub(super) bytes: Vec<u8>,
    pub(super) content_type: Option<String>,
}

/// Writes a body. `files` has the hashes of those files that the controller has.
pub(super) fn write(
    body: &Value,
    format: BodyFormat,
    files: &Map<String, Value>,
    context: &mut Context,
) -> Result<Written, ModuleError> {
    let written = |bytes: Vec<u8>, kind: &str| Written { bytes, content_type: Some(kind.to_owned()) };
    Ok(match (format, body) {
        (BodyFormat::Raw, _) => Written { bytes: text_of(body).into_bytes(), content_type: None },
        (BodyFormat::Json, Value::String(text)) => written(text.clone().into_bytes(), "application/json"),
        (BodyFormat::Json, value) => written(json::spaced(value).into_bytes(), "application/json"),
        (BodyFormat::Form, Value::String(text)) => {
            written(text.clone().into_bytes(), "application/x-www-form-urlencoded")
        }
        (BodyFormat::Form, value) => {
            let encoded = form(value).ok_or_else(|| {
                ModuleError::new(
                    "failed to parse body as form_urlencoded: it must be a mapping, a list of pairs, or text",
                )
            })?;
            written(encoded.into_bytes(), "application/x-www-form-urlencoded")
        }
        (BodyFormat::Multipart, Value::Object(fields)) => multipart(fields, files, context)?,
        (BodyFormat::Multipart, _) => {
            return Err(ModuleError::new("failed to parse body as form-multipart: it must be a mapping"));
        }
    })
}

fn text_of(value: &Value) -> String {
    String::from_argument(value).unwrap_or_default()
}

/// Pairs of a mapping, or of a list of pairs; a list as value is several pairs, `null` is none.
fn form(value: &Value) -> Option<String> {
    let pairs: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(pairs) => pairs
            .iter()
            .map(|pair| match pair.as_array().map(Vec::as_slice) {
                Some([name, value]) => Some((text_of(name), value)),
                _ => None,
            })
            .collect::<Option<_>>()?,
        _ => return None,
    };
    let mut encoded = Vec::new();
    for (name, value) in pairs {
        let values: Vec<String> = match value {
            Value::Null => Vec::new(),
            Value::Array(values) => values.iter().map(text_of).collect(),
            // As Python's library takes a mapping for the list of its keys.
            Value::Object(fields) => fields.keys().cloned().collect(),
            scalar => vec![text_of(scalar)],
        };
        encoded.extend(values.iter().map(|value| format!("{}={}", form_encoded(&name), form_encoded(value))));
    }
    Some(encoded.join("&"))
}

fn multipart(
    fields: &Map<String, Value>,
    files: &Map<String, Value>,
    context: &mut Context,
) -> Result<Written, ModuleError> {
    let boundary = boundary()?;
    let mut bytes = Vec::new();
    for (name, value) in fields {
        let part = match value {
            Value::Null => continue,
            Value::Object(part) => Part::of(name, part, files, context)?,
            scalar => Part::text(name, text_of(scalar)),
        };
        bytes.extend(format!("--{boundary}\r\n{}\r\n", part.head).into_bytes());
        bytes.extend(part.content);
        bytes.extend(b"\r\n");
    }
    bytes.extend(format!("--{boundary}--\r\n").into_bytes());
    Ok(Written { bytes, content_type: Some(format!("multipart/form-data; boundary=\"{boundary}\"")) })
}

/// A line that no content has in it.
fn boundary() -> Result<String, ModuleError> {
    let mut random = [0; 12];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut random));
    read.doing(|| "cannot read /dev/urandom".to_owned())?;
    Ok(format!("==============={}==", crate::system::checksum::hex(&random)))
}

struct Part {
    head: String,
    content: Vec<u8>,
}

impl Part {
    fn text(name: &str, text: String) -> Self {
        let head = format!(
            "Content-Type: text/plain\r\nContent-Disposition: form-data; name=\"{}\"\r\n",
            quoted(name)
        );
        Self { head, content: text.into_bytes() }
    }

    /// A field that is a mapping: `content`, or a file by `filename`.
    fn of(
        name: &str,
        part: &Map<String, Value>,
        files: &Map<String, Value>,
        context: &mut Context,
    ) -> Result<Self, ModuleError> {
        let text = |key: &str| part.get(key).filter(|value| !value.is_null()).map(text_of);
        let (filename, content) = (text("filename"), text("content"));
        let kind =
            text("mime_type").unwrap_or_else(|| kind_of(filename.as_deref().unwrap_or_default()).to_owned());
        let mut disposition = format!("form-data; name=\"{}\"", quoted(name));
        if let Some(filename) = &filename {
            let base = Path::new(filename).file_name().unwrap_or_default().to_string_lossy();
            disposition.push_str(&format!("; filename=\"{}\"", quoted(&base)));
        }
        let mut head = format!("Content-Type: {kind}\r\nContent-Disposition: {disposition}\r\n");
        let content = match (content, filename) {
            (Some(content), _) => content.into_bytes(),
            (None, Some(filename)) => {
                let path = match files.get(&filename).and_then(Value::as_str) {
                    Some(sha256) => context.exchange.blob(sha256)?,
                    None => PathBuf::from(&filename),
                };
                let read =
                    std::fs::read(&path).doing(|| format!("cannot read {filename} for the field {name}"))?;
                let is_base64 = text("multipart_encoding").is_none_or(|encoding| encoding == "base64");
                let encoding = if is_base64 { "base64" } else { "7bit" };
                head = format!("Content-Transfer-Encoding: {encoding}\r\n{head}");
                if is_base64 { in_lines(&STANDARD.encode(read)) } else { read }
            }
            (None, None) => {
                let message = format!(
                    "failed to parse body as form-multipart: {name} has neither content nor filename"
                );
                return Err(ModuleError::new(message));
            }
        };
        Ok(Self { head, content })
    }
}

/// Base64 in lines as mail has them.
fn in_lines(encoded: &str) -> Vec<u8> {
    const WIDTH: usize = 76;
    let lines = encoded.as_bytes().chunks(WIDTH).map(|line| [line, b"\r\n"].concat());
    lines.collect::<Vec<_>>().concat()
}

fn quoted(name: &str) -> String {
    name.replace('\\', "\\\\").replace('"', "\\\"").replace(['\r', '\n'], " ")
}

/// The kind of content that a file's name promises.
fn kind_of(filename: &str) -> &'static str {
    match Path::new(filename).extension().and_then(|extension| extension.to_str()) {
        Some("txt" | "log" | "conf") => "text/plain",
        Some("html" | "htm") => "text/html",
        Some("csv") => "text/csv",
        Some("css") => "text/css",
        Some("js") => "text/javascript",
        Some("json") => "application/json",
        Some("xml") => "text/xml",
        Some("pdf") => "application/pdf",
        Some("zip") => "application/zip",
        Some("tar") => "application/x-tar",
        Some("sh") => "text/x-sh",
        Some("py") => "text/x-python",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("gif") => "image/gif",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::modules::testing::{context, context_with};

    fn written(body: &Value, format: BodyFormat) -> (String, Option<String>) {
        let written = write(body, format, &Map::new(), &mut context()).unwrap();
        (String::from_utf8(written.bytes).unwrap(), written.content_type)
    }

    #[test]
    fn bodies_are_written_by_their_format() {
        for (body, format, expected, kind) in [
            (json!("a b"), BodyFormat::Raw, "a b", None),
            (
                json!({"a": [1, null], "b": "ü"}),
                BodyFormat::Json,
                r#"{"a": [1, null], "b": "ü"}"#,
                Some("application/json"),
            ),
            (json!("{\"x\": 1}"), BodyFormat::Json, "{\"x\": 1}", Some("application/json")),
            (
                json!({"a": {"b": 1}, "c": true, "d": null, "e": [1, "x y"]}),
                BodyFormat::Form,
                "a=b&c=True&e=1&e=x+y",
                Some("application/x-www-form-urlencoded"),
            ),
            (
                json!([["a", "b"], ["a", "&"]]),
                BodyFormat::Form,
                "a=b&a=%26",
                Some("application/x-www-form-urlencoded"),
            ),
            (json!("a=1"), BodyFormat::Form, "a=1", Some("application/x-www-form-urlencoded")),
        ] {
            assert_eq!(written(&body, format), (expected.to_owned(), kind.map(str::to_owned)), "{body}");
        }
        for (body, format) in [(json!([1]), BodyFormat::Form), (json!([1]), BodyFormat::Multipart)] {
            assert!(write(&body, format, &Map::new(), &mut context()).is_err());
        }
    }

    #[test]
    fn parts_have_their_heads() {
        let body = json!({
            "a": "1", "skip": null,
            "f": {"content": "hello", "filename": "x.json"},
            "g": {"content": "z", "mime_type": "a/b"},
        });
        let (text, kind) = written(&body, BodyFormat::Multipart);
        let boundary = kind.as_deref().and_then(|kind| kind.split('"').nth(1)).unwrap().to_owned();
        let expected = format!(
            "--{boundary}\r\nContent-Type: text/plain\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n\
             --{boundary}\r\nContent-Type: application/json\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x.json\"\r\n\r\nhello\r\n\
             --{boundary}\r\nContent-Type: a/b\r\nContent-Disposition: form-data; name=\"g\"\r\n\r\nz\r\n--{boundary}--\r\n"
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn files_come_from_the_host_or_the_controller() {
        let file = tempfile::Builder::new().suffix(".txt").tempfile().unwrap();
        std::fs::write(file.path(), "plain").unwrap();
        let body = json!({"f": {"filename": file.path(), "multipart_encoding": "7or8bit"}});
        let (text, _) = written(&body, BodyFormat::Multipart);
        assert!(text.contains("Content-Transfer-Encoding: 7bit\r\nContent-Type: text/plain"), "{text}");
        assert!(text.contains("\r\n\r\nplain\r\n"));
        let (mut context, sha256) = context_with(&[b'x'; 60]);
        let files = Map::from_iter([("files/there.bin".to_owned(), Value::from(sha256))]);
        let body = json!({"f": {"filename": "files/there.bin"}});
        let written = write(&body, BodyFormat::Multipart, &files, &mut context).unwrap();
        let text = String::from_utf8(written.bytes).unwrap();
        let encoded = STANDARD.encode([b'x'; 60]);
        assert!(text.contains(&format!("{}\r\n{}\r\n", &encoded[..76], &encoded[76..])), "{text}");
        assert!(text.contains("filename=\"there.bin\""));
    }
}
