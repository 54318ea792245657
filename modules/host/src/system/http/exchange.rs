//! A request on its way: through proxies and redirections, with credentials, over a connection that is trusted.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::MultiGzDecoder;
use ureq::config::AutoHeaderValue;
use ureq::http::{Method, Request as HttpRequest};
use ureq::tls::TlsConfig;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector as _, RustlsConnector};
use ureq::{Agent, Body as HttpBody, Proxy, SendBody};

use super::socket::{Names, Sockets};
use super::tls::Trust;
use super::url::Url;
use super::{Body, HttpOptions, MOST_REDIRECTS, Redirects, Request, Response, netrc, proxy};
use crate::module::Doing as _;
use crate::system::resolver::Resolver;
use crate::{Context, ModuleError};

/// Sends a request, and those that its answers lead to.
///
/// # Errors
/// When there is no answer: a wrong address, no connection, no trust.
pub fn send(request: &Request, options: &HttpOptions, context: &Context) -> Result<Response, ModuleError> {
    if options.use_gssapi {
        return Err(ModuleError::new("use_gssapi is not supported"));
    }
    let read = |text: &str| {
        Url::parse(text).map_err(|reason| ModuleError::new(format!("Request failed: `{text}`: {reason}")))
    };
    let mut url = read(&request.url)?;
    let mut exchange = Exchange {
        request,
        options,
        context,
        method: request.method.to_ascii_uppercase(),
        body: request.body.clone(),
        credentials: credentials(request, &url, options, context),
        authorized: options.force_basic_auth || url.credentials.is_some(),
        hops: 0,
        cookies: Vec::new(),
        tls: None,
    };
    loop {
        let mut response = exchange.once(&url)?;
        let asks = response.status == 401
            && response.header("www-authenticate").is_some_and(|asks| asks.to_lowercase().contains("basic"));
        if asks && !exchange.authorized && exchange.credentials.is_some() {
            exchange.authorized = true;
            continue;
        }
        if let Some(location) = response.header("location").map(str::to_owned) {
            let wrong =
                |reason| ModuleError::new(format!("Request failed: redirected to `{location}`: {reason}"));
            let target = url.join(&location).map_err(wrong)?;
            if exchange.follows(response.status) {
                exchange.turn(response.status, &url, &target)?;
                url = target;
                continue;
            }
            for (name, value) in &mut response.headers {
                if name == "location" {
                    *value = target.to_string();
                }
            }
        }
        response.redirected = exchange.hops > 0;
        response.cookies = exchange.cookies;
        return Ok(response);
    }
}

/// A request on its way.
struct Exchange<'a> {
    request: &'a Request,
    options: &'a HttpOptions,
    context: &'a Context,
    method: String,
    body: Body,
    credentials: Option<(String, String)>,
    authorized: bool,
    hops: usize,
    cookies: Vec<(String, String)>,
    /// Made once: reading all trusted certificates takes time.
    tls: Option<TlsConfig>,
}

impl Exchange<'_> {
    /// Whether a redirection with this status is followed.
    fn follows(&self, status: u16) -> bool {
        let is_safe = matches!(self.method.as_str(), "GET" | "HEAD");
        match (self.request.redirects, status) {
            (Redirects::All, 301 | 302 | 303 | 307 | 308) => true,
            (Redirects::Safe, 301 | 302 | 303 | 307 | 308) => is_safe,
            (Redirects::Urllib2, 301..=303) => is_safe || self.method == "POST",
            (Redirects::Urllib2, 307 | 308) => is_safe,
            _ => false,
        }
    }

    /// Goes on to another address.
    fn turn(&mut self, status: u16, from: &Url, to: &Url) -> Result<(), ModuleError> {
        self.hops += 1;
        if self.hops > MOST_REDIRECTS {
            let message =
                format!("Request failed: more than {MOST_REDIRECTS} redirections from {}", self.request.url);
            return Err(ModuleError::new(message));
        }
        if !matches!(to.scheme.as_str(), "http" | "https") {
            return Err(ModuleError::new(format!(
                "Request failed: redirected to {to}, which is not of the web"
            )));
        }
        let becomes_get = match status {
            301 => self.method == "POST",
            302 | 303 => self.method != "HEAD",
            _ => false,
        };
        if becomes_get {
            self.method = "GET".to_owned();
            self.body = Body::None;
        }
        if (&from.host, from.effective_port()) != (&to.host, to.effective_port()) {
            // Name, password and cookies are for the host that was asked.
            self.credentials = to.credentials.clone();
            self.cookies.clear();
        }
        Ok(())
    }

    /// One request and its answer.
    fn once(&mut self, url: &Url) -> Result<Response, ModuleError> {
        let failed =
            |reason: &dyn std::fmt::Display| ModuleError::new(format!("Request failed: {reason} ({url})"));
        if !matches!(url.scheme.as_str(), "http" | "https") {
            return Err(failed(&format!("`{}` is neither http nor https", url.scheme)));
        }
        let proxy = match (&self.request.unix_socket, self.options.use_proxy) {
            (None, true) => proxy::for_url(url, self.context).map_err(|reason| failed(&reason))?,
            _ => None,
        };
        let agent = self.agent(url, proxy.as_ref())?;
        let method = Method::from_bytes(self.method.as_bytes()).map_err(|error| failed(&error))?;
        let mut builder = HttpRequest::builder().method(method).uri(url.to_string());
        for (name, value) in self.headers(url, proxy.as_ref()) {
            builder = builder.header(name, value);
        }
        let body = match &self.body {
            Body::None => SendBody::none(),
            Body::Bytes(bytes) => SendBody::from_owned_reader(io::Cursor::new(bytes.clone())),
            Body::File(path) => {
                let file = File::open(path).doing(|| format!("cannot read {}", path.display()))?;
                SendBody::from_owned_reader(file)
            }
        };
        let request = builder.body(body).map_err(|error| failed(&error))?;
        let response = agent.run(request).map_err(|error| failed(&told(&error)))?;
        Ok(self.answered(url, response))
    }

    fn agent(&mut self, url: &Url, proxy: Option<&Url>) -> Result<Agent, ModuleError> {
        let is_encrypted = url.scheme == "https";
        let timeout = Some(self.request.timeout);
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(AutoHeaderValue::from(self.options.http_agent.clone()))
            .accept(AutoHeaderValue::None)
            .accept_encoding(AutoHeaderValue::None)
            .timeout_resolve(timeout)
            .timeout_connect(timeout)
            .timeout_recv_response(timeout)
            .timeout_per_read(timeout)
            .timeout_per_write(timeout)
            .proxy(None);
        if is_encrypted {
            let tls = match self.tls.take() {
                Some(tls) => tls,
                None => self.trust().config()?,
            };
            config = config.tls_config(tls.clone());
            self.tls = Some(tls);
            if let Some(proxy) = proxy {
                let proxy = tunnel(proxy).doing(|| format!("the proxy {proxy} cannot be used"))?;
                config = config.proxy(Some(proxy));
            }
        }
        let plain_proxy = proxy.filter(|_| !is_encrypted);
        let sockets =
            Sockets { unix: self.request.unix_socket.clone(), origin: plain_proxy.map(|_| url.origin()) };
        let names = Names {
            resolver: Resolver::of_host(),
            instead: plain_proxy.map(|proxy| (proxy.host.clone(), proxy.effective_port())),
        };
        let connector =
            ().chain(ConnectProxyConnector::default()).chain(sockets).chain(RustlsConnector::default());
        Ok(Agent::with_parts(config.build(), connector, names))
    }

    fn trust(&self) -> Trust<'_> {
        let variable = self.context.environment.get("SSL_CERT_FILE").cloned();
        Trust {
            validate: self.options.validate_certs,
            ca_path: self.request.ca_path.as_deref(),
            client_cert: self.options.client_cert.as_deref(),
            client_key: self.options.client_key.as_deref(),
            bundle: variable.or_else(|| std::env::var("SSL_CERT_FILE").ok()).map(PathBuf::from),
        }
    }

    fn headers(&self, url: &Url, proxy: Option<&Url>) -> Vec<(String, String)> {
        let mut headers = Vec::new();
        for (name, value) in &self.request.headers {
            let is_left_out = self.hops > 0
                && self
                    .options
                    .unredirected_headers
                    .iter()
                    .any(|left_out| left_out.eq_ignore_ascii_case(name));
            let is_of_body = name.to_ascii_lowercase().starts_with("content-");
            let is_of_no_body = self.hops > 0 && is_of_body && matches!(self.body, Body::None);
            if !is_left_out && !is_of_no_body {
                headers.push((name.clone(), value.clone()));
            }
        }
        let has = |name: &str| headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        let mut added = Vec::new();
        let mut add = |name: &str, value: String| {
            if !has(name) {
                added.push((name.to_owned(), value));
            }
        };
        add("Accept-Encoding", "identity".to_owned());
        add("Connection", "close".to_owned());
        match &self.body {
            Body::None if self.method == "POST" || self.method == "PUT" => {
                add("Content-Length", "0".to_owned());
            }
            Body::None => {}
            Body::Bytes(bytes) => add("Content-Length", bytes.len().to_string()),
            Body::File(path) => {
                if let Ok(found) = path.metadata() {
                    add("Content-Length", found.len().to_string());
                }
            }
        }
        if !matches!(self.body, Body::None) {
            add("Content-Type", "application/x-www-form-urlencoded".to_owned());
        }
        if let (true, Some(credentials)) = (self.authorized, &self.credentials) {
            add("Authorization", basic(credentials));
        }
        if !self.cookies.is_empty() {
            let cookies = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
            add("Cookie", cookies.collect::<Vec<_>>().join("; "));
        }
        let proxy_credentials = proxy.and_then(|proxy| proxy.credentials.as_ref());
        if let (Some(credentials), "http") = (proxy_credentials, url.scheme.as_str()) {
            add("Proxy-Authorization", basic(credentials));
        }
        headers.extend(added);
        headers
    }

    fn answered(&mut self, url: &Url, response: ureq::http::Response<HttpBody>) -> Response {
        let (parts, body) = response.into_parts();
        let headers: Vec<(String, String)> = parts
            .headers
            .iter()
            .map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect();
        for (_, value) in headers.iter().filter(|(name, _)| name == "set-cookie") {
            if let Some((name, value)) = value.split(';').next().and_then(|cookie| cookie.split_once('=')) {
                self.cookies.retain(|(known, _)| known != name.trim());
                self.cookies.push((name.trim().to_owned(), value.trim().to_owned()));
            }
        }
        let is_packed = headers
            .iter()
            .any(|(name, value)| name == "content-encoding" && matches!(value.trim(), "gzip" | "x-gzip"));
        let reader = body.into_reader();
        let body: Box<dyn Read + Send> = match is_packed && self.options.decompress && self.method != "HEAD" {
            true => Box::new(MultiGzDecoder::new(reader)),
            false => Box::new(reader),
        };
        Response {
            status: parts.status.as_u16(),
            reason: parts.status.canonical_reason().unwrap_or_default().to_owned(),
            url: url.clone(),
            redirected: false,
            headers,
            cookies: Vec::new(),
            body,
        }
    }
}

/// The name and password for a request: those given, those in the address, or those of `~/.netrc`.
fn credentials(
    request: &Request,
    url: &Url,
    options: &HttpOptions,
    context: &Context,
) -> Option<(String, String)> {
    let from_netrc = || {
        let home = context.environment.get("HOME").cloned().or_else(|| std::env::var("HOME").ok())?;
        let text = std::fs::read_to_string(Path::new(&home).join(".netrc")).ok()?;
        netrc::credentials(&text, &url.host)
    };
    let given = request.credentials.clone().or_else(|| url.credentials.clone());
    given.or_else(|| options.use_netrc.then(from_netrc).flatten())
}

fn basic((name, password): &(String, String)) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

fn tunnel(proxy: &Url) -> Result<Proxy, ureq::Error> {
    let protocol =
        if proxy.scheme == "https" { ureq::ProxyProtocol::Https } else { ureq::ProxyProtocol::Http };
    let mut builder = Proxy::builder(protocol).host(&proxy.host).port(proxy.effective_port());
    if let Some((name, password)) = &proxy.credentials {
        builder = builder.username(name).password(password);
    }
    builder.build()
}

/// An error in words, with a hint where there is one.
fn told(error: &ureq::Error) -> String {
    let in_handshake = |error: &io::Error| error.get_ref().and_then(|inner| inner.downcast_ref().cloned());
    let encryption: Option<rustls::Error> = match error {
        ureq::Error::Rustls(error) => Some(error.clone()),
        ureq::Error::Io(error) => in_handshake(error),
        _ => None,
    };
    match (encryption, error) {
        (Some(rustls::Error::InvalidCertificate(reason)), _) => format!(
            "the server's certificate is not trusted: {reason}; name its authority in ca_path or SSL_CERT_FILE, or turn \
             validate_certs off"
        ),
        (Some(error), _) => error.to_string(),
        (None, ureq::Error::Timeout(_)) => "timed out".to_owned(),
        (None, ureq::Error::Io(error)) => error.to_string(),
        (None, other) => other.to_string(),
    }
}
