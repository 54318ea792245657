//! Which proxy a request goes through, by the environment.

use super::url::Url;
use crate::Context;

/// The proxy for an address, by `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`; small letters count first.
///
/// # Errors
/// A message when the variable holds no address.
pub(super) fn for_url(url: &Url, context: &Context) -> Result<Option<Url>, String> {
    let variable = |name: &str| {
        [name.to_owned(), name.to_ascii_uppercase()].into_iter().find_map(|name| {
            let value = context.environment.get(&name).cloned().or_else(|| std::env::var(&name).ok());
            value.filter(|value| !value.trim().is_empty())
        })
    };
    let name = format!("{}_proxy", url.scheme);
    let Some(proxy) = variable(&name).or_else(|| variable("all_proxy")) else { return Ok(None) };
    if variable("no_proxy").is_some_and(|exceptions| is_exception(url, &exceptions)) {
        return Ok(None);
    }
    let with_scheme = if proxy.contains("://") { proxy } else { format!("http://{proxy}") };
    let wrong = |reason| format!("the proxy `{with_scheme}` (from {name}) is no address: {reason}");
    Url::parse(&with_scheme).map(Some).map_err(wrong)
}

/// Whether a list such as `localhost, .example.org:8080, *` has the host in it: itself or a domain it is in.
fn is_exception(url: &Url, exceptions: &str) -> bool {
    let with_port = format!("{}:{}", url.host, url.effective_port());
    exceptions.split(',').map(|exception| exception.trim().to_ascii_lowercase()).any(|exception| {
        let name = exception.trim_start_matches("*.").trim_start_matches('.');
        let is_in = |host: &str| host == name || host.ends_with(&format!(".{name}"));
        exception == "*" || (!name.is_empty() && (is_in(&url.host) || is_in(&with_port)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::testing::context;

    fn proxy(url: &str, environment: &[(&str, &str)]) -> Option<String> {
        let mut context = context();
        context.environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let url = Url::parse(url).unwrap();
        for_url(&url, &context).unwrap().map(|proxy| proxy.origin())
    }

    #[test]
    fn the_environment_decides() {
        let both =
            [("http_proxy", "p:3128"), ("HTTPS_PROXY", "http://u:p@q"), ("no_proxy", "a.org, .b.org,c:8080")];
        assert_eq!(proxy("http://x/", &both).as_deref(), Some("http://p:3128"));
        assert_eq!(proxy("https://x/", &both).as_deref(), Some("http://q"));
        for exception in
            ["http://a.org/", "https://x.a.org/", "http://b.org/", "http://y.b.org:1/", "http://c:8080/"]
        {
            assert_eq!(proxy(exception, &both), None, "{exception}");
        }
        assert!(proxy("http://c/", &both).is_some());
        assert!(proxy("http://xa.org/", &both).is_some());
        assert_eq!(proxy("http://x/", &[("http_proxy", "p"), ("NO_PROXY", "*")]), None);
        assert_eq!(proxy("http://x/", &[("all_proxy", "p")]).as_deref(), Some("http://p"));
        assert_eq!(proxy("http://x/", &[("http_proxy", "")]), None);
    }
}
