//! `url`: what a server answers.

use std::time::Duration;

use clouder_modules::system::http::{self, HttpOptions, Request};
use clouder_modules::{Context, NoExchange};
use minijinja::value::Kwargs;
use minijinja::{Error, Value};

use crate::template::filters::wrong;
use crate::template::python::pairs;
use crate::template::to_text;

/// The lines that servers answer with, or whole texts with `split_lines=false`.
pub(super) fn url(terms: &[Value], kwargs: &Kwargs) -> Result<Vec<Value>, Error> {
    let text = |name: &str| kwargs.get::<Option<String>>(name);
    let flag = |name: &str, usual: bool| Ok::<_, Error>(kwargs.get::<Option<bool>>(name)?.unwrap_or(usual));
    let split = flag("split_lines", true)?;
    let timeout = kwargs.get::<Option<u64>>("timeout")?.unwrap_or(10);
    let headers = match kwargs.get::<Option<Value>>("headers")? {
        Some(headers) => {
            pairs(&headers)?.iter().map(|(name, value)| (to_text(name), to_text(value))).collect()
        }
        None => Vec::new(),
    };
    let credentials = text("username")?.zip(Some(text("password")?.unwrap_or_default()));
    let options = HttpOptions {
        validate_certs: flag("validate_certs", true)?,
        client_cert: text("client_cert")?.map(Into::into),
        client_key: text("client_key")?.map(Into::into),
        use_proxy: flag("use_proxy", true)?,
        force_basic_auth: flag("force_basic_auth", false)?,
        use_netrc: flag("use_netrc", true)?,
        use_gssapi: flag("use_gssapi", false)?,
        http_agent: text("http_agent")?.unwrap_or_else(|| "ansible-httpget".to_owned()),
        decompress: true,
        ..HttpOptions::default()
    };
    for ignored in ["force", "follow_redirects", "ciphers", "unredirected_headers"] {
        kwargs.get::<Option<Value>>(ignored)?;
    }
    let mut found = Vec::new();
    for term in terms {
        let address = to_text(term);
        let failed = |reason: String| wrong(format!("Failed lookup url for {address} : {reason}"));
        let mut request = Request::get(&address, Duration::from_secs(timeout));
        request.headers.clone_from(&headers);
        request.credentials.clone_from(&credentials);
        request.ca_path = text("ca_path")?.map(Into::into);
        let context = Context {
            check: false,
            diff: false,
            environment: std::collections::BTreeMap::new(),
            scratch: std::env::temp_dir(),
            cancelled: std::sync::Arc::default(),
            exchange: Box::new(NoExchange),
        };
        let answer = http::send(&request, &options, &context).map_err(|error| failed(error.to_string()))?;
        if answer.status >= 400 {
            return Err(failed(format!("HTTP Error {}: {}", answer.status, answer.reason)));
        }
        let content = answer.read(&context).map_err(|error| failed(error.to_string()))?;
        let content = String::from_utf8_lossy(&content).into_owned();
        if split {
            found.extend(content.lines().map(Value::from));
        } else {
            found.push(Value::from(content));
        }
    }
    Ok(found)
}
