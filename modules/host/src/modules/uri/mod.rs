//! `uri`: asks a server of the web.
//!
//! The controller sends `_sha256` for the file named in `src`, and `_files`, which has the hash of each file that a
//! `form-multipart` body names; both unless `remote_src` is on.

mod body;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use crate::args::{Arguments, FromArgument as _};
use crate::system::attributes::FileAttributes;
use crate::system::http::{self, Body, HttpOptions, Redirects, Request, Response};
use crate::system::placement::{Content, Placement};
use crate::{Context, Module, ModuleError, Outcome};
use body::BodyFormat;

/// Sends a request to a server of the web and tells its answer. Fails unless the answer's status is one of those
/// expected.
#[derive(Arguments)]
#[arguments(exclusive("body", "src"))]
pub struct UriArgs {
    /// The address, with `http://` or `https://`.
    url: String,
    /// What to do there: `GET`, `POST`, `PUT` …
    #[arg(default = "GET")]
    method: String,
    /// What to send.
    body: Option<Value>,
    /// How to write it: `raw` as it is, `json`, `form-urlencoded`, or `form-multipart` with a mapping of fields, each a
    /// text or a mapping with `content` or `filename`, `mime_type` and `multipart_encoding`.
    #[arg(default = "raw")]
    body_format: BodyFormat,
    /// A file to send.
    src: Option<PathBuf>,
    /// Files to send are on the host, not on the controller.
    #[arg(default = "false")]
    remote_src: bool,
    /// Headers to send.
    headers: Option<Map<String, Value>>,
    /// Expected statuses.
    #[arg(default = "200")]
    status_code: Vec<i64>,
    /// Tell the content of the answer in the result's `content`. JSON is told in `json` anyway.
    #[arg(default = "false")]
    return_content: bool,
    /// A file or folder to write the content to.
    dest: Option<PathBuf>,
    /// A path or shell pattern: when something is there already, nothing is asked.
    creates: Option<PathBuf>,
    /// A path or shell pattern: when nothing is there, nothing is asked.
    removes: Option<PathBuf>,
    /// Which redirections to follow.
    #[arg(default = "safe")]
    follow_redirects: Redirects,
    /// Ask for an answer that no cache on the way made.
    #[arg(default = "false")]
    force: bool,
    /// Seconds that connecting and each wait for more may take.
    #[arg(default = "30")]
    timeout: u64,
    /// Name to give when the server asks for it.
    #[arg(alias = "user")]
    url_username: Option<String>,
    /// Password that goes with it.
    #[arg(alias = "password", secret)]
    url_password: Option<String>,
    /// File of certificates to trust beside those of the host.
    ca_path: Option<PathBuf>,
    /// A socket of the host to send the request to.
    unix_socket: Option<PathBuf>,
    /// Certificates, proxies and the like.
    #[arg(flatten)]
    http: HttpOptions,
    /// Owner, mode and the like of `dest`.
    #[arg(flatten)]
    attributes: FileAttributes,
    /// Hash of the content of `src`.
    #[arg(name = "_sha256")]
    sha256: Option<String>,
    /// Hashes of the contents of files in the body.
    #[arg(name = "_files", default = "{}")]
    files: Map<String, Value>,
}

/// The `uri` module.
pub struct Uri;

impl Module for Uri {
    type Args = UriArgs;
    const NAME: &'static str = "uri";
    const SUMMARY: &'static str = "Asks a server of the web";

    fn run(args: UriArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        if context.check {
            let mut outcome = Outcome::new(false).message("an answer cannot be foreseen in check mode");
            outcome.skipped = true;
            return Ok(outcome);
        }
        let conditions = crate::system::execution::RunConditions {
            chdir: None,
            creates: args.creates.clone(),
            removes: args.removes.clone(),
        };
        if let Some(reason) = conditions.needless() {
            return Ok(Outcome::new(false).with("stdout", format!("skipped, since {reason}")));
        }
        let request = args.request(context)?;
        let started = Instant::now();
        let answer = http::send(&request, &args.http, context);
        let elapsed = started.elapsed().as_secs();
        let mut outcome = match answer {
            Ok(response) => args.told(response, context)?,
            Err(error) => {
                let mut outcome = Outcome::new(false).message(error.to_string());
                outcome.failed = !args.status_code.contains(&-1);
                outcome.msg = Some(args.status_message(-1, &error.to_string()));
                outcome.with("status", -1).with("url", args.url.as_str()).with("redirected", false)
            }
        };
        if let Some(ciphers) = &args.http.ciphers {
            outcome
                .warnings
                .push(format!("ciphers {} are not used: those of TLS 1.2 and 1.3 are", ciphers.join(":")));
        }
        Ok(outcome.with("elapsed", elapsed))
    }
}

impl UriArgs {
    fn request(&self, context: &mut Context) -> Result<Request, ModuleError> {
        let mut headers: Vec<(String, String)> = self
            .headers
            .iter()
            .flatten()
            .map(|(name, value)| (name.clone(), String::from_argument(value).unwrap_or_default()))
            .collect();
        if self.force {
            headers.push(("Cache-Control".to_owned(), "no-cache".to_owned()));
        }
        let body = match (&self.body, &self.src, &self.sha256) {
            (Some(body), _, _) => {
                let written = body::write(body, self.body_format, &self.files, context)?;
                let has_kind = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
                if let (false, Some(kind)) = (has_kind, written.content_type) {
                    headers.push(("Content-Type".to_owned(), kind));
                }
                Body::Bytes(written.bytes)
            }
            (None, Some(_), Some(sha256)) => Body::File(context.exchange.blob(sha256)?),
            (None, Some(path), None) if !self.remote_src => {
                return Err(ModuleError::new(format!(
                    "uri: the controller sent no content of {}",
                    path.display()
                )));
            }
            (None, Some(path), None) => {
                if !path.is_file() {
                    return Err(ModuleError::new(format!("cannot read {} (argument src)", path.display())));
                }
                Body::File(path.clone())
            }
            (None, None, _) => Body::None,
        };
        let credentials =
            self.url_username.clone().map(|name| (name, self.url_password.clone().unwrap_or_default()));
        Ok(Request {
            method: self.method.clone(),
            headers,
            body,
            redirects: self.follow_redirects,
            credentials,
            ca_path: self.ca_path.clone(),
            unix_socket: self.unix_socket.clone(),
            ..Request::get(&self.url, Duration::from_secs(self.timeout))
        })
    }

    /// The result of an answer.
    fn told(&self, response: Response, context: &mut Context) -> Result<Outcome, ModuleError> {
        let status = i64::from(response.status);
        let is_expected = self.status_code.contains(&status);
        let mut outcome = Outcome::new(false);
        outcome.result = response.header_facts();
        let mut facts = Map::new();
        facts.insert("status".to_owned(), status.into());
        facts.insert("url".to_owned(), response.url.to_string().into());
        facts.insert("redirected".to_owned(), response.redirected.into());
        let cookies: Map<String, Value> =
            response.cookies.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        let cookies_text = response.cookies.iter().map(|(name, value)| format!("{name}={value}"));
        facts.insert("cookies_string".to_owned(), cookies_text.collect::<Vec<_>>().join("; ").into());
        facts.insert("cookies".to_owned(), cookies.into());
        let message = if status < 300 {
            format!("OK ({} bytes)", response.header("content-length").unwrap_or("unknown"))
        } else {
            format!("HTTP Error {status}: {}", response.reason)
        };
        outcome.failed = !is_expected;
        outcome.msg = Some(if is_expected { message } else { self.status_message(status, &message) });
        let kind = response.header("content-type").unwrap_or_default().to_ascii_lowercase();
        let file = self.dest.as_ref().filter(|_| is_expected).map(|dest| place_of(dest, &response));
        let content = response.read(context)?;
        if let Some(path) = file {
            let placed = Placement::new(&path, &self.attributes).place(&Content::Bytes(&content), context)?;
            let placed = placed.outcome(&path, context)?;
            outcome.changed = placed.changed;
            outcome.diff = placed.diff;
            facts.extend(placed.result);
            facts.insert("path".to_owned(), path.to_string_lossy().into());
        }
        let text = text_of(&content, &kind);
        let subtype =
            kind.split(';').next().unwrap_or_default().split('/').nth(1).unwrap_or_default().to_owned();
        let is_json = subtype.contains("json") || subtype.contains("javascript");
        if let (true, Ok(json)) = (is_json, serde_json::from_str::<Value>(&text)) {
            facts.insert("json".to_owned(), json);
        }
        if self.return_content {
            facts.insert("content".to_owned(), text.into());
        }
        outcome.result.extend(facts);
        Ok(outcome)
    }

    fn status_message(&self, status: i64, message: &str) -> String {
        let expected = self.status_code.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        format!("Status code was {status} and not [{expected}]: {message}")
    }
}

/// The file that a content goes to: in a folder by the name the server gives it, or that its address ends in.
pub(super) fn place_of(dest: &Path, response: &Response) -> PathBuf {
    if !dest.is_dir() {
        return crate::system::file::tidy(dest);
    }
    let named = response.header("content-disposition").and_then(name_in_disposition);
    let name = named.or_else(|| response.url.file_name()).unwrap_or_else(|| "index.html".to_owned());
    dest.join(Path::new(&name).file_name().unwrap_or_else(|| "index.html".as_ref()))
}

/// `filename="x"` of a `Content-Disposition` header.
fn name_in_disposition(header: &str) -> Option<String> {
    header.split(';').find_map(|part| {
        let (key, value) = part.split_once('=')?;
        let name = value.trim().trim_matches('"').to_owned();
        (key.trim().eq_ignore_ascii_case("filename") && !name.is_empty()).then_some(name)
    })
}

/// A content as text: UTF-8, or Latin-1 where the server says so.
fn text_of(content: &[u8], kind: &str) -> String {
    let is_latin = kind.contains("charset=iso-8859-1") || kind.contains("charset=latin");
    if is_latin {
        content.iter().map(|byte| char::from(*byte)).collect()
    } else {
        String::from_utf8_lossy(content).into_owned()
    }
}

/// Makes sure that the folder of a file is there.
pub(super) fn check_folder(path: &Path) -> Result<(), ModuleError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("/"));
    match fs::metadata(folder) {
        Ok(found) if found.is_dir() => Ok(()),
        _ => Err(ModuleError::new(format!("Destination {} does not exist", folder.display()))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Uri;
    use crate::Outcome;
    use crate::modules::testing::{context_with, run, run_in};
    use crate::modules::testing_server::{Server, text};

    fn server() -> Server {
        Server::start(|asked| match asked.target.as_str() {
            "/json" => (
                200,
                vec![("Content-Type", "application/problem+json".to_owned())],
                br#"{"a": [1, null]}"#.to_vec(),
            ),
            "/broken" => (200, vec![("Content-Type", "application/json".to_owned())], b"{".to_vec()),
            "/latin" => {
                (200, vec![("Content-Type", "text/plain; charset=ISO-8859-1".to_owned())], vec![0xe9])
            }
            "/named" => (
                200,
                vec![("Content-Disposition", "attachment; filename=\"../x.txt\"".to_owned())],
                b"named".to_vec(),
            ),
            "/cookie" => {
                (200, vec![("Set-Cookie", "a=1".to_owned()), ("Set-Cookie", "b=2".to_owned())], Vec::new())
            }
            "/gone" => {
                (410, vec![("Content-Type", "application/json".to_owned())], br#"{"why": "old"}"#.to_vec())
            }
            "/there" => (302, vec![("Location", "/json".to_owned())], Vec::new()),
            _ => text(&String::from_utf8_lossy(&asked.body)),
        })
    }

    fn asked(server: &Server, path: &str, mut arguments: Value) -> Outcome {
        arguments["url"] = server.url(path).into();
        run::<Uri>(arguments, false)
    }

    #[test]
    fn answers_are_told() {
        let server = server();
        let outcome = asked(&server, "/json", json!({}));
        assert!(!outcome.failed && !outcome.changed);
        for (field, value) in [
            ("status", json!(200)),
            ("url", json!(server.url("/json"))),
            ("redirected", json!(false)),
            ("json", json!({"a": [1, null]})),
            ("content_type", json!("application/problem+json")),
            ("cookies", json!({})),
            ("elapsed", json!(0)),
        ] {
            assert_eq!(outcome.result[field], value, "{field}");
        }
        assert_eq!(outcome.msg.as_deref(), Some("OK (16 bytes)"));
        assert!(!outcome.result.contains_key("content"));
        assert!(!asked(&server, "/broken", json!({})).result.contains_key("json"));
        assert_eq!(asked(&server, "/latin", json!({"return_content": true})).result["content"], "é");
        let cookies = asked(&server, "/cookie", json!({}));
        assert_eq!(cookies.result["cookies"], json!({"a": "1", "b": "2"}));
        assert_eq!(cookies.result["cookies_string"], "a=1; b=2");
        let moved = asked(&server, "/there", json!({}));
        assert_eq!(
            (&moved.result["redirected"], &moved.result["url"]),
            (&json!(true), &json!(server.url("/json")))
        );
        let kept = asked(&server, "/there", json!({"follow_redirects": "none", "status_code": "302,303"}));
        assert_eq!((kept.failed, &kept.result["location"]), (false, &json!(server.url("/json"))));
    }

    #[test]
    fn other_statuses_fail_but_are_told() {
        let server = server();
        let outcome = asked(&server, "/gone", json!({"return_content": true}));
        assert!(outcome.failed);
        assert_eq!(outcome.msg.as_deref(), Some("Status code was 410 and not [200]: HTTP Error 410: Gone"));
        assert_eq!((&outcome.result["status"], &outcome.result["json"]["why"]), (&json!(410), &json!("old")));
        assert!(outcome.result.contains_key("content"));
        assert!(!asked(&server, "/gone", json!({"status_code": [200, 410]})).failed);
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let outcome = run::<Uri>(json!({"url": format!("http://{closed}/")}), false);
        assert!(
            outcome.failed
                && outcome.msg.unwrap().starts_with("Status code was -1 and not [200]: Request failed")
        );
        assert_eq!(outcome.result["status"], -1);
    }

    #[test]
    fn bodies_and_headers_are_sent() {
        let server = server();
        let arguments = json!({
            "method": "POST", "body": {"a": 1}, "body_format": "json", "return_content": true, "force": true,
            "headers": {"X-Number": 7}, "user": "me", "password": "secret", "force_basic_auth": true,
        });
        assert_eq!(asked(&server, "/", arguments).result["content"], "{\"a\": 1}");
        let request = server.last();
        assert_eq!(request.header("content-type"), Some("application/json"));
        assert_eq!(
            (request.header("x-number"), request.header("cache-control")),
            (Some("7"), Some("no-cache"))
        );
        assert_eq!(request.header("authorization"), Some("Basic bWU6c2VjcmV0"));
        let (mut context, sha256) = context_with(b"from the controller");
        let arguments = json!({
            "url": server.url("/"), "method": "PUT", "src": "files/x", "_sha256": sha256, "return_content": true,
        });
        let outcome = run_in::<Uri>(arguments, &mut context);
        assert_eq!(outcome.result["content"], "from the controller");
        let missing = asked(&server, "/", json!({"src": "/no/such", "remote_src": true}));
        assert!(missing.failed && missing.msg.unwrap().contains("/no/such"));
    }

    #[test]
    fn contents_are_written_once() {
        let server = server();
        let folder = tempfile::tempdir().unwrap();
        let arguments = json!({"dest": folder.path(), "mode": "0600"});
        let outcome = asked(&server, "/named", arguments.clone());
        assert!(outcome.changed);
        assert_eq!(
            (&outcome.result["path"], &outcome.result["mode"]),
            (&json!(folder.path().join("x.txt")), &json!("0600"))
        );
        assert_eq!(std::fs::read(folder.path().join("x.txt")).unwrap(), b"named");
        assert!(!asked(&server, "/named", arguments.clone()).changed);
        assert!(asked(&server, "/json", arguments).changed && folder.path().join("json").exists());
        let failed = asked(&server, "/gone", json!({"dest": folder.path().join("no")}));
        assert!(failed.failed && !folder.path().join("no").exists());
    }

    #[test]
    fn it_can_be_needless_and_is_skipped_in_check_mode() {
        let outcome = run::<Uri>(json!({"url": "http://x.invalid/", "creates": "/etc/pass*"}), false);
        assert!(!outcome.failed && outcome.result["stdout"].as_str().unwrap().contains("exists"));
        let outcome = run::<Uri>(json!({"url": "http://x.invalid/", "removes": "/no/such"}), false);
        assert!(!outcome.failed && !outcome.changed);
        assert!(run::<Uri>(json!({"url": "http://x.invalid/"}), true).skipped);
        assert!(run::<Uri>(json!({"url": "http://x/", "body": "a", "src": "b"}), false).failed);
    }
}
