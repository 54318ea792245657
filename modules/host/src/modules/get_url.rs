//! `get_url`: a file from the web.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::uri::{check_folder, place_of};
use crate::args::{Arguments, Choice as _, FromArgument as _};
use crate::module::Doing as _;
use crate::system::attributes::{self, FileAttributes};
use crate::system::checksum::Algorithm;
use crate::system::http::{self, HttpOptions, Request, Response};
use crate::system::placement::{self, Content, Placement};
use crate::system::{clock, file};
use crate::{Context, Module, ModuleError, Outcome};

/// Fetches a file from a server of the web to the host. A file that is there is replaced only when the server has a
/// newer one, its digest is not the one given, or `force` is on and its content differs.
#[derive(Arguments)]
pub struct GetUrlArgs {
    /// The address, with `http://`, `https://` or `file://`.
    url: String,
    /// Where to. In a folder the file has the name that the server gives it, or that the address ends in.
    dest: PathBuf,
    /// Digest that the file must have: `sha256:DIGEST`, or `sha256:ADDRESS` of a list with a digest for each file's name.
    /// A file that has it is not fetched again.
    #[arg(default = "")]
    checksum: String,
    /// Fetch it each time.
    #[arg(default = "false")]
    force: bool,
    /// Keep the old file beside the new one, with the time in its name.
    #[arg(default = "false")]
    backup: bool,
    /// Headers to send.
    headers: Option<Map<String, Value>>,
    /// Seconds that connecting and each wait for more may take.
    #[arg(default = "10")]
    timeout: u64,
    /// Folder for the file while it comes; a private one unless given.
    tmp_dest: Option<PathBuf>,
    /// Name to give when the server asks for it.
    #[arg(alias = "username")]
    url_username: Option<String>,
    /// Password that goes with it.
    #[arg(alias = "password", secret)]
    url_password: Option<String>,
    /// Certificates, proxies and the like.
    #[arg(flatten)]
    http: HttpOptions,
    /// Owner, mode and the like.
    #[arg(flatten)]
    attributes: FileAttributes,
}

/// The `get_url` module.
pub struct GetUrl;

impl Module for GetUrl {
    type Args = GetUrlArgs;
    const NAME: &'static str = "get_url";
    const SUMMARY: &'static str = "Fetches a file from the web";

    fn run(args: GetUrlArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        let started = Instant::now();
        let told = |error: ModuleError| {
            let error = error.with("url", args.url.as_str()).with("dest", args.dest.to_string_lossy());
            error.with("elapsed", started.elapsed().as_secs())
        };
        let outcome = args.fetch(context).map_err(told)?;
        Ok(outcome.with("url", args.url.as_str()).with("elapsed", started.elapsed().as_secs()))
    }
}

impl GetUrlArgs {
    fn fetch(&self, context: &mut Context) -> Result<Outcome, ModuleError> {
        let expected = self.expected(context)?;
        let there = if self.dest.is_dir() { None } else { file::look_through(&self.dest)? };
        let mut headers = Vec::new();
        if let Some(there) = &there {
            let is_expected = match &expected {
                Some((algorithm, digest)) => {
                    let actual = algorithm.of_file(&self.dest);
                    Some(actual.doing(|| format!("cannot read {}", self.dest.display()))? == *digest)
                }
                None => None,
            };
            if is_expected == Some(true) && !self.force {
                return self.kept("file already exists", context);
            }
            if is_expected.is_none() && !self.force {
                let changed = there.modified().doing(|| format!("cannot look at {}", self.dest.display()))?;
                headers.push(("If-Modified-Since".to_owned(), clock::utc(changed).of_the_web()));
            }
        } else if !self.dest.is_dir() && !context.check {
            // Before a long wait for a file that has no place to go to.
            check_folder(&self.dest)?;
        }
        let response = match self.answer(headers, there.is_some(), expected.is_some(), context)? {
            Source::Kept(response) => {
                let message = format!("HTTP Error 304: {}", response.reason);
                return Ok(self.kept(&message, context)?.with("status_code", response.status));
            }
            Source::Foreseen(response) => return Ok(self.foreseen(&response)),
            Source::Sent(response) => Some(response),
            Source::Local => None,
        };
        self.place(response, expected.as_ref(), context)
    }

    /// The file stays; its attributes may not.
    fn kept(&self, message: &str, context: &Context) -> Result<Outcome, ModuleError> {
        let change = self.attributes.apply(&self.dest, true, context)?;
        let mut outcome = Outcome::new(change.changed()).message(message);
        if context.diff && change.changed() {
            outcome.diff.push(change.diff(&self.dest));
        }
        outcome.result.extend(attributes::describe(&self.dest, context)?);
        Ok(outcome.with("dest", self.dest.to_string_lossy()))
    }

    /// What check mode says of a file that is not there yet.
    fn foreseen(&self, response: &Response) -> Outcome {
        let path = place_of(&self.dest, response);
        let length = response.header("content-length").unwrap_or("unknown");
        let outcome = Outcome::new(true).message(format!("OK ({length} bytes)"));
        outcome.with("dest", path.to_string_lossy()).with("status_code", response.status)
    }

    /// Asks the server. In check mode, when nothing is there to compare with, only whether it has the file.
    fn answer(
        &self,
        mut headers: Vec<(String, String)>,
        is_there: bool,
        is_known: bool,
        context: &Context,
    ) -> Result<Source, ModuleError> {
        if self.url.starts_with("file://") {
            return Ok(Source::Local);
        }
        for (name, value) in self.headers.iter().flatten() {
            headers.push((name.clone(), String::from_argument(value).unwrap_or_default()));
        }
        if self.force {
            headers.push(("Cache-Control".to_owned(), "no-cache".to_owned()));
        }
        let mut request = Request { headers, ..self.request(&self.url) };
        if context.check && !is_there && !self.dest.is_dir() && !is_known {
            request.method = "HEAD".to_owned();
        }
        let mut response = http::send(&request, &self.http, context)?;
        // Some servers do not know HEAD.
        if request.method == "HEAD" && matches!(response.status, 403 | 405 | 501) {
            request.method = "GET".to_owned();
            response = http::send(&request, &self.http, context)?;
        }
        match response.status {
            200..=299 if request.method == "HEAD" => Ok(Source::Foreseen(response)),
            200..=299 => Ok(Source::Sent(response)),
            304 if is_there => Ok(Source::Kept(response)),
            status => Err(ModuleError::new(format!(
                "Request failed: {} answered HTTP Error {status}: {}",
                response.url, response.reason
            ))
            .with("status_code", status)
            .with("response", format!("HTTP Error {status}: {}", response.reason))),
        }
    }

    fn request(&self, url: &str) -> Request {
        let password = || self.url_password.clone().unwrap_or_default();
        Request {
            credentials: self.url_username.clone().map(|name| (name, password())),
            ..Request::get(url, Duration::from_secs(self.timeout))
        }
    }

    /// Stores what is sent, checks its digest and puts it in its place.
    fn place(
        &self,
        response: Option<Response>,
        expected: Option<&(Algorithm, String)>,
        context: &mut Context,
    ) -> Result<Outcome, ModuleError> {
        let folder = self.tmp_dest.as_deref().unwrap_or(&context.scratch);
        let failed = || format!("cannot write in {}", folder.display());
        let mut stored = tempfile::Builder::new().prefix("get_url-").tempfile_in(folder).doing(failed)?;
        let (path, status, length) = match response {
            Some(mut response) => {
                let path = place_of(&self.dest, &response);
                let length = response.copy_to(stored.as_file_mut(), context)?;
                (path, Value::from(response.status), length)
            }
            None => {
                let source = http::url::decoded(self.url.trim_start_matches("file://"));
                let length = fs::copy(&source, stored.path()).doing(|| format!("cannot read {source}"))?;
                let name = Path::new(&source).file_name().unwrap_or_default().to_owned();
                let path = if self.dest.is_dir() { self.dest.join(name) } else { self.dest.clone() };
                (path, Value::Null, length)
            }
        };
        let digests = placement::digests(stored.path())?;
        let old_digest = match file::look_through(&path)? {
            Some(there) if there.is_file() => Some(placement::digests(&path)?.sha1),
            _ => None,
        };
        if let Some((algorithm, expected)) = expected {
            let actual = algorithm.of_file(stored.path()).doing(failed)?;
            if actual != *expected {
                let message =
                    format!("The checksum for {} did not match {expected}; it was {actual}.", self.url);
                return Err(ModuleError::new(message)
                    .with("checksum_src", digests.sha1)
                    .with("checksum_dest", old_digest));
            }
        }
        let place = if path.is_symlink() { file::follow(&path) } else { path.clone() };
        let placed = Placement {
            backup: self.backup,
            after_header: Some(self.url.clone()),
            ..Placement::new(&place, &self.attributes)
        }
        .place(&Content::File(stored.path()), context)?;
        let outcome = placed.outcome(&place, context)?.message(format!("OK ({length} bytes)"));
        Ok(outcome
            .with("dest", path.to_string_lossy())
            .with("src", stored.path().to_string_lossy())
            .with("status_code", status)
            .with("checksum_src", digests.sha1)
            .with("checksum_dest", old_digest)
            .with("md5sum", digests.md5))
    }

    /// The digest that the file must have, looked up where it is to be.
    fn expected(&self, context: &Context) -> Result<Option<(Algorithm, String)>, ModuleError> {
        if self.checksum.is_empty() {
            return Ok(None);
        }
        let (algorithm, digest) = self.checksum.split_once(':').ok_or_else(|| {
            ModuleError::new("The checksum parameter has to be in format <algorithm>:<checksum>")
        })?;
        let algorithm = Algorithm::from_word(algorithm.trim()).ok_or_else(|| {
            let known = Algorithm::WORDS.join(", ");
            ModuleError::new(format!(
                "the checksum's algorithm `{algorithm}` is not known; known are: {known}"
            ))
        })?;
        let digest = digest.trim();
        if !digest.contains("://") {
            let is_hex = digest.bytes().all(|byte| byte.is_ascii_hexdigit());
            return if is_hex {
                Ok(Some((algorithm, digest.to_ascii_lowercase())))
            } else {
                Err(ModuleError::new(format!(
                    "the checksum `{digest}` is neither hexadecimal nor an address"
                )))
            };
        }
        let list = if digest.starts_with("file://") {
            let path = http::url::decoded(digest.trim_start_matches("file://"));
            fs::read(&path).doing(|| format!("cannot read {path}"))?
        } else {
            let response = http::send(&self.request(digest), &self.http, context)?;
            if response.status != 200 {
                let message =
                    format!("cannot fetch the checksums from {digest}: HTTP Error {}", response.status);
                return Err(ModuleError::new(message).with("status_code", response.status));
            }
            response.read(context)?
        };
        let name = http::url::Url::parse(&self.url).ok().and_then(|url| url.file_name());
        let name = name.unwrap_or_else(|| self.url.rsplit('/').next().unwrap_or_default().to_owned());
        let found = digest_in_list(&String::from_utf8_lossy(&list), &name).ok_or_else(|| {
            ModuleError::new(format!("Unable to find a checksum for file '{name}' in '{digest}'"))
        })?;
        Ok(Some((algorithm, found.to_ascii_lowercase())))
    }
}

/// Where the content comes from.
enum Source {
    /// The server says that the file there is still good.
    Kept(Response),
    /// The server has it; more was not asked.
    Foreseen(Response),
    /// The server sends it.
    Sent(Response),
    /// A file of the host.
    Local,
}

/// The digest of a name in a list as `sha256sum` writes it, or as BSD does; a list of one digest needs no name.
fn digest_in_list(list: &str, name: &str) -> Option<String> {
    let is_digest = |text: &str| text.len() >= 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut lone = None;
    let mut count = 0;
    for line in list.lines().map(str::trim).filter(|line| !line.is_empty()) {
        count += 1;
        // `SHA256 (name) = digest`
        if let Some((before, digest)) = line.rsplit_once(" = ") {
            let listed = before.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
            if listed == Some(name) && is_digest(digest) {
                return Some(digest.to_owned());
            }
        }
        let (digest, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        if !is_digest(digest) {
            continue;
        }
        let listed = rest.trim().trim_start_matches('*').trim_start_matches("./");
        if listed == name || listed.rsplit('/').next() == Some(name) {
            return Some(digest.to_owned());
        }
        if listed.is_empty() {
            lone = Some(digest.to_owned());
        }
    }
    lone.filter(|_| count == 1)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{GetUrl, digest_in_list};
    use crate::Outcome;
    use crate::modules::testing::{changes_once, run};
    use crate::modules::testing_server::{Server, text};
    use crate::system::checksum::Algorithm;

    const CONTENT: &str = "content\n";

    fn sha256() -> String {
        Algorithm::Sha256.of_bytes(CONTENT.as_bytes())
    }

    fn server() -> Server {
        let sums = format!("{}  tool.txt\n{} *other\n", sha256(), "0".repeat(64));
        Server::start(move |asked| match (asked.target.as_str(), asked.header("if-modified-since")) {
            ("/tool.txt", Some(_)) => (304, Vec::new(), Vec::new()),
            ("/tool.txt" | "/dir/tool.txt?x=/y" | "/fresh.txt", _) => text(CONTENT),
            ("/no-head", _) if asked.method == "HEAD" => (405, Vec::new(), Vec::new()),
            ("/no-head", _) => text("here"),
            ("/named", _) => {
                (200, vec![("Content-Disposition", "inline; filename=n.txt".to_owned())], b"n".to_vec())
            }
            ("/sums", _) => text(&sums),
            _ => (404, Vec::new(), Vec::new()),
        })
    }

    fn fetched(arguments: &Value) -> Outcome {
        let outcome = run::<GetUrl>(arguments.clone(), false);
        assert!(!outcome.failed, "{outcome:?}");
        outcome
    }

    fn refusal(arguments: Value) -> Outcome {
        let outcome = run::<GetUrl>(arguments, false);
        assert!(outcome.failed && !outcome.changed, "{outcome:?}");
        outcome
    }

    #[test]
    fn a_file_is_fetched_once() {
        let server = server();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tool");
        let outcome =
            changes_once::<GetUrl>(&json!({"url": server.url("/tool.txt"), "dest": path, "mode": "0750"}));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), CONTENT);
        for (field, value) in [
            ("dest", json!(path)),
            ("mode", json!("0750")),
            ("status_code", json!(200)),
            ("checksum_dest", Value::Null),
            ("checksum_src", json!(Algorithm::Sha1.of_bytes(CONTENT.as_bytes()))),
            ("md5sum", json!(Algorithm::Md5.of_bytes(CONTENT.as_bytes()))),
            ("size", json!(8)),
        ] {
            assert_eq!(outcome.result[field], value, "{field}");
        }
        assert_eq!(outcome.msg.as_deref(), Some("OK (8 bytes)"));
        let methods: Vec<String> = server.asked().into_iter().map(|asked| asked.method).collect();
        assert_eq!(methods, ["HEAD", "HEAD", "GET", "GET", "GET"]);
        assert!(server.last().header("if-modified-since").is_some_and(|time| time.ends_with(" GMT")));
        changes_once::<GetUrl>(&json!({"url": server.url("/tool.txt"), "dest": path, "mode": "0700"}));
    }

    #[test]
    fn a_server_without_times_is_compared_with() {
        let server = server();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tool");
        std::fs::write(&path, "older\n").unwrap();
        let outcome =
            changes_once::<GetUrl>(&json!({"url": server.url("/fresh.txt"), "dest": path, "backup": true}));
        assert_eq!(
            std::fs::read_to_string(outcome.result["backup_file"].as_str().unwrap()).unwrap(),
            "older\n"
        );
        std::fs::write(&path, "mine\n").unwrap();
        let kept = fetched(&json!({"url": server.url("/tool.txt"), "dest": path}));
        assert_eq!((kept.changed, &kept.result["status_code"]), (false, &json!(304)));
        changes_once::<GetUrl>(&json!({"url": server.url("/tool.txt"), "dest": path, "force": true}));
        assert_eq!(server.last().header("cache-control"), Some("no-cache"));
    }

    #[test]
    fn folders_take_the_name_the_server_gives() {
        let server = server();
        let folder = tempfile::tempdir().unwrap();
        changes_once::<GetUrl>(&json!({"url": server.url("/dir/tool.txt?x=/y"), "dest": folder.path()}));
        assert!(folder.path().join("tool.txt").exists());
        let outcome = fetched(&json!({"url": server.url("/named"), "dest": folder.path()}));
        assert_eq!(outcome.result["dest"], json!(folder.path().join("n.txt")));
    }

    #[test]
    fn digests_guard_and_save_the_way() {
        let server = server();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tool");
        let given = format!("sha256:{}", sha256().to_uppercase());
        changes_once::<GetUrl>(&json!({"url": server.url("/tool.txt"), "dest": path, "checksum": given}));
        let before = server.asked().len();
        let again = fetched(&json!({"url": server.url("/tool.txt"), "dest": path, "checksum": given}));
        assert_eq!((again.changed, again.msg.as_deref()), (false, Some("file already exists")));
        assert_eq!(server.asked().len(), before, "the server is not asked");
        let listed = format!("sha256:{}", server.url("/sums"));
        std::fs::write(&path, "spoilt").unwrap();
        changes_once::<GetUrl>(&json!({"url": server.url("/tool.txt"), "dest": path, "checksum": listed}));
        let wrong = format!("sha1:{}", "0".repeat(40));
        let outcome = refusal(json!({"url": server.url("/tool.txt"), "dest": path, "checksum": wrong}));
        assert!(outcome.msg.unwrap().contains("did not match"));
        for checksum in
            ["nonsense", "sha3:00", "sha256:xyz", &format!("sha256:{}", server.url("/none")), &listed]
        {
            let url = server.url("/fresh.txt");
            refusal(json!({"url": url, "dest": folder.path().join("no"), "checksum": checksum}));
        }
        assert!(!folder.path().join("no").exists());
    }

    #[test]
    fn what_cannot_be_had_is_refused() {
        let server = server();
        let folder = tempfile::tempdir().unwrap();
        let outcome = refusal(json!({"url": server.url("/none"), "dest": folder.path().join("x")}));
        assert_eq!(outcome.result["status_code"], 404);
        assert!(outcome.msg.unwrap().contains("404"));
        let outcome = refusal(json!({"url": server.url("/tool.txt"), "dest": folder.path().join("a/b")}));
        assert!(outcome.msg.unwrap().contains("does not exist"));
        let foreseen =
            run::<GetUrl>(json!({"url": server.url("/no-head"), "dest": folder.path().join("x")}), true);
        assert!(foreseen.changed && !foreseen.failed);
        assert!(
            run::<GetUrl>(json!({"url": server.url("/none"), "dest": folder.path().join("x")}), true).failed
        );
    }

    #[test]
    fn files_of_the_host_have_addresses_too() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("a file");
        std::fs::write(&source, CONTENT).unwrap();
        let url = format!("file://{}", source.display()).replace(' ', "%20");
        changes_once::<GetUrl>(&json!({"url": url, "dest": folder.path().join("copy")}));
    }

    #[test]
    fn digests_are_found_in_lists() {
        let (one, two) = ("1".repeat(64), "2".repeat(64));
        let list = format!("# x\n{one}  ./sub/a.txt\n{two} *b.txt\nSHA256 (c.txt) = {one}\n");
        assert_eq!(digest_in_list(&list, "a.txt"), Some(one.clone()));
        assert_eq!(digest_in_list(&list, "b.txt"), Some(two.clone()));
        assert_eq!(digest_in_list(&list, "c.txt"), Some(one.clone()));
        assert_eq!(digest_in_list(&list, "d.txt"), None);
        assert_eq!(digest_in_list(&format!("{two}\n"), "any"), Some(two.clone()));
        assert_eq!(digest_in_list(&format!("{one}\n{two}\n"), "any"), None);
    }
}
