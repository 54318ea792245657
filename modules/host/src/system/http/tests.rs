use std::time::{Duration, Instant};

use super::*;
use crate::modules::testing::context;
use crate::modules::testing_server::{Answer, Asked, Server, test_file, text};

fn options() -> HttpOptions {
    HttpOptions {
        validate_certs: true,
        use_proxy: true,
        http_agent: "tests".to_owned(),
        decompress: true,
        ..HttpOptions::default()
    }
}

fn soon() -> Duration {
    Duration::from_secs(5)
}

fn fetched(request: &Request, options: &HttpOptions) -> (u16, String) {
    let response = send(request, options, &context()).unwrap();
    (response.status, String::from_utf8(response.read(&context()).unwrap()).unwrap())
}

fn refusal(request: &Request, options: &HttpOptions) -> String {
    match send(request, options, &context()) {
        Ok(response) => panic!("answered with {}", response.status),
        Err(error) => error.to_string(),
    }
}

fn found(status: u16, location: &str) -> Answer {
    (status, vec![("Location", location.to_owned())], b"moved".to_vec())
}

/// Answers with what it is asked.
fn echo(asked: &Asked) -> Answer {
    text(&format!("{} {} {}", asked.method, asked.target, String::from_utf8_lossy(&asked.body)))
}

#[test]
fn what_is_asked_is_answered() {
    let server = Server::start(echo);
    let get = Request::get(&server.url("/a b?c"), soon());
    assert_eq!(fetched(&get, &options()), (200, "GET /a%20b?c ".to_owned()));
    let asked = server.last();
    assert_eq!(asked.header("user-agent"), Some("tests"));
    assert_eq!(asked.header("host"), Some(server.address.to_string().as_str()));
    assert_eq!(asked.header("content-length"), None);
    let mut post = Request { method: "post".to_owned(), ..get };
    post.body = Body::Bytes(b"x=1".to_vec());
    post.headers = vec![("X-More".to_owned(), "yes".to_owned()), ("Host".to_owned(), "other".to_owned())];
    assert_eq!(fetched(&post, &options()), (200, "POST /a%20b?c x=1".to_owned()));
    let asked = server.last();
    assert_eq!((asked.header("x-more"), asked.header("host")), (Some("yes"), Some("other")));
    assert_eq!(asked.header("content-type"), Some("application/x-www-form-urlencoded"));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "from a file").unwrap();
    post.body = Body::File(file.path().to_owned());
    post.method = "PROPFIND".to_owned();
    assert_eq!(fetched(&post, &options()).1, "PROPFIND /a%20b?c from a file");
}

#[test]
fn redirections_are_followed_by_rule() {
    let server = Server::start(|asked| match asked.target.as_str() {
        "/301" => found(301, "/end"),
        "/302" => found(302, "end?x"),
        "/307" => found(307, "/end"),
        "/loop" => found(302, "/loop"),
        "/away" => found(302, "ftp://x/"),
        _ => echo(asked),
    });
    for (method, path, redirects, expected) in [
        ("GET", "/301", Redirects::Safe, "GET /end "),
        ("GET", "/302", Redirects::None, "moved"),
        ("POST", "/302", Redirects::Safe, "moved"),
        ("POST", "/302", Redirects::All, "GET /end?x "),
        ("POST", "/307", Redirects::All, "POST /end body"),
        ("POST", "/307", Redirects::Urllib2, "moved"),
        ("POST", "/301", Redirects::Urllib2, "GET /end "),
        ("PUT", "/301", Redirects::All, "PUT /end body"),
    ] {
        let request = Request {
            method: method.to_owned(),
            redirects,
            body: if method == "GET" { Body::None } else { Body::Bytes(b"body".to_vec()) },
            headers: vec![
                ("Content-Type".to_owned(), "x/y".to_owned()),
                ("X-Once".to_owned(), "1".to_owned()),
            ],
            ..Request::get(&server.url(path), soon())
        };
        let options = HttpOptions { unredirected_headers: vec!["x-once".to_owned()], ..options() };
        assert_eq!(fetched(&request, &options).1, expected, "{method} {path} {redirects:?}");
        let asked = server.last();
        assert_eq!(asked.header("x-once").is_some(), expected == "moved");
        assert_eq!(asked.header("content-type").is_some(), expected == "moved" || expected.ends_with("body"));
    }
    let response = send(&Request::get(&server.url("/302"), soon()), &options(), &context()).unwrap();
    assert!(response.redirected);
    assert_eq!(response.url.to_string(), server.url("/end?x"));
    assert!(refusal(&Request::get(&server.url("/loop"), soon()), &options()).contains("redirections"));
    assert!(refusal(&Request::get(&server.url("/away"), soon()), &options()).contains("ftp"));
}

#[test]
fn names_and_passwords_are_sent_when_asked_for_and_not_elsewhere() {
    let other = Server::start(echo);
    let elsewhere = other.url("/");
    let server = Server::start(move |asked| match (asked.target.as_str(), asked.header("authorization")) {
        ("/away", _) => found(302, &elsewhere),
        (_, Some("Basic dTpwOncy")) => text("in"),
        _ => (401, vec![("WWW-Authenticate", "Basic realm=\"x\"".to_owned())], b"no".to_vec()),
    });
    let mut request = Request::get(&server.url("/"), soon());
    assert_eq!(fetched(&request, &options()).0, 401);
    request.credentials = Some(("u".to_owned(), "p:w2".to_owned()));
    assert_eq!(fetched(&request, &options()), (200, "in".to_owned()));
    assert_eq!(server.asked().len(), 3, "first without them");
    let forced = HttpOptions { force_basic_auth: true, ..options() };
    assert_eq!(fetched(&request, &forced).0, 200);
    assert_eq!(server.asked().len(), 4);
    request.url = server.url("/away");
    assert_eq!(fetched(&request, &forced).0, 200);
    assert_eq!(other.last().header("authorization"), None);
    let in_url = Request::get(&format!("http://u:p%3Aw2@{}/", server.address), soon());
    assert_eq!(fetched(&in_url, &options()).0, 200);
    request.credentials = Some(("u".to_owned(), "wrong".to_owned()));
    request.url = server.url("/");
    assert_eq!(fetched(&request, &options()).0, 401);
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join(".netrc"), "machine 127.0.0.1 login u password p:w2").unwrap();
    let mut context = context();
    context.environment.insert("HOME".to_owned(), home.path().to_string_lossy().into_owned());
    let from_netrc = HttpOptions { use_netrc: true, ..options() };
    let response = send(&Request::get(&server.url("/"), soon()), &from_netrc, &context).unwrap();
    assert_eq!(response.status, 200);
}

#[test]
fn cookies_come_along_redirections() {
    let server = Server::start(|asked| match asked.target.as_str() {
        "/" => {
            let cookies = ["a=1; Path=/", "b=2", "a=3"].map(|cookie| ("Set-Cookie", cookie.to_owned()));
            (302, [vec![("Location", "/end".to_owned())], cookies.to_vec()].concat(), Vec::new())
        }
        _ => text("end"),
    });
    let response = send(&Request::get(&server.url("/"), soon()), &options(), &context()).unwrap();
    let expected = vec![("b".to_owned(), "2".to_owned()), ("a".to_owned(), "3".to_owned())];
    assert_eq!(response.cookies, expected);
    assert_eq!(server.last().header("cookie"), Some("b=2; a=3"));
}

#[test]
fn packed_contents_are_unpacked_unless_unwanted() {
    use std::io::Write as _;
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(b"plain").unwrap();
    let packed = packer.finish().unwrap();
    let sent = packed.clone();
    let server = Server::start(move |_| (200, vec![("Content-Encoding", "gzip".to_owned())], sent.clone()));
    let request = Request::get(&server.url("/"), soon());
    assert_eq!(fetched(&request, &options()).1, "plain");
    let as_sent = HttpOptions { decompress: false, ..options() };
    let response = send(&request, &as_sent, &context()).unwrap();
    assert_eq!(response.read(&context()).unwrap(), packed);
}

#[test]
fn proxies_are_told_the_whole_address() {
    let proxy = Server::start(echo);
    let mut context = context();
    context.environment.insert("http_proxy".to_owned(), format!("http://me:pw@{}", proxy.address));
    let request = Request::get("http://nowhere.invalid:81/x?y", soon());
    let response = send(&request, &options(), &context).unwrap();
    assert_eq!(response.read(&context).unwrap(), b"GET http://nowhere.invalid:81/x?y ");
    assert_eq!(proxy.last().header("proxy-authorization"), Some("Basic bWU6cHc="));
    assert_eq!(proxy.last().header("host"), Some("nowhere.invalid:81"));
    context.environment.insert("https_proxy".to_owned(), proxy.address.to_string());
    let request = Request::get("https://nowhere.invalid/", soon());
    let insecure = HttpOptions { validate_certs: false, ..options() };
    assert!(send(&request, &insecure, &context).is_err(), "the answer to CONNECT is no tunnel");
    let asked = proxy.last();
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("CONNECT", "nowhere.invalid:443"));
}

#[test]
fn sockets_of_the_host_can_be_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let server = Server::start_at(&path, echo);
    let mut request = Request::get("http://localhost/info", soon());
    request.unix_socket = Some(path);
    assert_eq!(fetched(&request, &options()), (200, "GET /info ".to_owned()));
    assert_eq!(server.last().header("host"), Some("localhost"));
    request.unix_socket = Some(folder.path().join("none"));
    assert!(refusal(&request, &options()).contains("Request failed"));
}

#[test]
fn certificates_are_checked() {
    let server = Server::start_encrypted(false, echo);
    let port = server.address.port();
    let mut request = Request::get(&format!("https://localhost:{port}/"), soon());
    let message = refusal(&request, &options());
    assert!(message.contains("not trusted") || message.contains("ca-certificates"), "{message}");
    request.ca_path = Some(test_file("authority.pem"));
    assert_eq!(fetched(&request, &options()), (200, "GET / ".to_owned()));
    request.url = format!("https://127.0.0.1:{port}/");
    assert_eq!(fetched(&request, &options()).0, 200);
    request.url = format!("https://127.0.0.2:{port}/");
    assert!(refusal(&request, &options()).starts_with("Request failed"));
    request.ca_path = None;
    request.url = format!("https://localhost:{port}/");
    let unchecked = HttpOptions { validate_certs: false, ..options() };
    assert_eq!(fetched(&request, &unchecked).0, 200);
    request.ca_path = Some("/no/such".into());
    assert!(refusal(&request, &options()).contains("/no/such"));
}

#[test]
fn clients_show_their_certificates() {
    let server = Server::start_encrypted(true, echo);
    let mut request = Request::get(&format!("https://localhost:{}/", server.address.port()), soon());
    request.ca_path = Some(test_file("authority.pem"));
    refusal(&request, &options());
    let with_client = HttpOptions {
        client_cert: Some(test_file("client.pem")),
        client_key: Some(test_file("client.key")),
        ..options()
    };
    assert_eq!(fetched(&request, &with_client).0, 200);
    let without_key = HttpOptions { client_key: None, ..with_client };
    assert!(refusal(&request, &without_key).contains("client_key"));
}

#[test]
fn what_cannot_be_reached_is_said_in_time() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let message = refusal(&Request::get(&format!("http://{closed}/"), soon()), &options());
    assert!(message.contains("refused"), "{message}");
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let request =
        Request::get(&format!("http://{}/", silent.local_addr().unwrap()), Duration::from_millis(300));
    let started = Instant::now();
    assert!(refusal(&request, &options()).contains("timed out"));
    assert!(started.elapsed() < soon());
    for url in ["nonsense", "ftp://x/", "http://"] {
        assert!(refusal(&Request::get(url, soon()), &options()).starts_with("Request failed"), "{url}");
    }
    let kerberos = HttpOptions { use_gssapi: true, ..options() };
    assert!(refusal(&Request::get("http://x/", soon()), &kerberos).contains("gssapi"));
}
