//! Requests of the web: `uri`, `get_url`, and whatever else fetches something.

mod exchange;
mod netrc;
mod proxy;
mod socket;
mod tls;
pub mod url;

pub use exchange::send;

use std::io::{self, Read};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};
use ureq::tls::TlsConfig;

use crate::args::Arguments;
use crate::module::Doing as _;
use crate::{Context, ModuleError};
use tls::Trust;
use url::Url;

/// What a connection needs of certificates, for other clients than [`send`]: those that this machine trusts, or those of the
/// file that `SSL_CERT_FILE` names.
///
/// # Errors
/// When there are none, or they cannot be read.
pub fn system_trust() -> Result<TlsConfig, ModuleError> {
    let bundle = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    Trust { validate: true, ca_path: None, client_cert: None, client_key: None, bundle }.config()
}

/// How many redirections in a row are followed.
const MOST_REDIRECTS: usize = 10;

/// What every module that fetches takes.
#[derive(Arguments, Clone, Debug, Default)]
pub struct HttpOptions {
    /// Check the server's certificate. Without, anyone on the way can read and change what is sent.
    #[arg(default = "true")]
    pub validate_certs: bool,
    /// Certificate to show to the server, in a PEM file that may also hold its key.
    pub client_cert: Option<PathBuf>,
    /// Private key of `client_cert`, in a PEM file.
    pub client_key: Option<PathBuf>,
    /// Go through the proxies that the environment names (`http_proxy`, `https_proxy`, `no_proxy`).
    #[arg(default = "true")]
    pub use_proxy: bool,
    /// Send name and password with the first request, not only when the server asks for them.
    #[arg(default = "false")]
    pub force_basic_auth: bool,
    /// Take name and password from `~/.netrc` when none are given.
    #[arg(default = "true")]
    pub use_netrc: bool,
    /// Kerberos; not supported, so only `false` is of use.
    #[arg(default = "false")]
    pub use_gssapi: bool,
    /// What the request says it is from.
    #[arg(default = "ansible-httpget")]
    pub http_agent: String,
    /// Headers that are not sent again when a redirection is followed.
    #[arg(default = "")]
    pub unredirected_headers: Vec<String>,
    /// Unpack a content that the server packed for the way.
    #[arg(default = "true")]
    pub decompress: bool,
    /// Ciphers by their OpenSSL names; not used, the secure ones of TLS 1.2 and 1.3 are.
    pub ciphers: Option<Vec<String>>,
}

/// Which redirections are followed.
#[derive(crate::args::Choice, Clone, Copy, Debug, PartialEq)]
pub enum Redirects {
    /// All.
    #[choice(alias = "yes", alias = "true")]
    All,
    /// None.
    #[choice(alias = "no", alias = "false")]
    None,
    /// Those of GET and HEAD.
    Safe,
    /// As Python's library does: those of GET and HEAD, and of POST as a GET.
    Urllib2,
}

/// What is sent with a request.
#[derive(Clone, Debug)]
pub enum Body {
    /// Nothing.
    None,
    /// Bytes.
    Bytes(Vec<u8>),
    /// A file's content.
    File(PathBuf),
}

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET` and the like.
    pub method: String,
    /// Where to.
    pub url: String,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: Body,
    /// How long connecting and each wait for more may take.
    pub timeout: Duration,
    /// Which redirections are followed.
    pub redirects: Redirects,
    /// Name and password.
    pub credentials: Option<(String, String)>,
    /// Certificates trusted beside the system's.
    pub ca_path: Option<PathBuf>,
    /// A socket of this host to send it to.
    pub unix_socket: Option<PathBuf>,
}

impl Request {
    /// A GET that follows all redirections.
    pub fn get(url: &str, timeout: Duration) -> Self {
        Self {
            method: "GET".to_owned(),
            url: url.to_owned(),
            headers: Vec::new(),
            body: Body::None,
            timeout,
            redirects: Redirects::All,
            credentials: None,
            ca_path: None,
            unix_socket: None,
        }
    }
}

/// What a server answered.
pub struct Response {
    /// The status.
    pub status: u16,
    /// Its words: `Not Found`.
    pub reason: String,
    /// Where it came from in the end.
    pub url: Url,
    /// Whether a redirection was followed.
    pub redirected: bool,
    /// All headers, names in small letters.
    pub headers: Vec<(String, String)>,
    /// Cookies that were set on the way.
    pub cookies: Vec<(String, String)>,
    body: Box<dyn Read + Send>,
}

impl Response {
    /// The first header of a name in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The headers as results have them: dashes as underscores, several of one name joined.
    pub fn header_facts(&self) -> Map<String, Value> {
        let mut facts: Map<String, Value> = Map::new();
        for (name, value) in &self.headers {
            let name = name.replace('-', "_");
            let joined = match facts.get(&name).and_then(Value::as_str) {
                Some(before) => format!("{before}, {value}"),
                None => value.clone(),
            };
            facts.insert(name, joined.into());
        }
        facts
    }

    /// All of its content.
    ///
    /// # Errors
    /// When the connection ends early or hangs, or the request was cancelled.
    pub fn read(mut self, context: &Context) -> Result<Vec<u8>, ModuleError> {
        let mut content = Vec::new();
        self.copy_to(&mut content, context)?;
        Ok(content)
    }

    /// Writes its content somewhere.
    ///
    /// # Errors
    /// As [`Self::read`], and when it cannot be written.
    pub fn copy_to(&mut self, to: &mut dyn io::Write, context: &Context) -> Result<u64, ModuleError> {
        const PIECE: usize = 64 * 1024;
        let mut piece = vec![0; PIECE];
        let mut total = 0;
        loop {
            if context.is_cancelled() {
                return Err(ModuleError::new(format!("fetching {} was cancelled", self.url)));
            }
            let length =
                self.body.read(&mut piece).doing(|| format!("Connection failure: reading {}", self.url))?;
            if length == 0 {
                return Ok(total);
            }
            to.write_all(&piece[..length]).doing(|| format!("cannot store what {} sent", self.url))?;
            total += length as u64;
        }
    }
}

#[cfg(test)]
mod tests;
