//! A server of the web for tests: answers by a function, and keeps what it was asked.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// A request as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    /// A header by its name in small letters.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Status, headers and content of an answer.
pub(crate) type Answer = (u16, Vec<(&'static str, String)>, Vec<u8>);

/// An answer of plain text.
pub(crate) fn text(content: &str) -> Answer {
    (200, vec![("Content-Type", "text/plain".to_owned())], content.as_bytes().to_vec())
}

type Answers = dyn Fn(&Asked) -> Answer + Send + Sync;

/// A running server; it ends with the test's process.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Answers plain requests.
    pub(crate) fn start(answers: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        Self::over(answers, None)
    }

    /// Answers encrypted requests, with the test authority's certificate for `localhost`. With `asks_client` only
    /// those of clients that the authority knows.
    pub(crate) fn start_encrypted(
        asks_client: bool,
        answers: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::over(answers, Some(Arc::new(encryption(asks_client))))
    }

    fn over(
        answers: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
        encryption: Option<Arc<rustls::ServerConfig>>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (answers, seen): (Arc<Answers>, _) = (Arc::new(answers), Arc::clone(&asked));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                let (answers, seen, encryption) =
                    (Arc::clone(&answers), Arc::clone(&seen), encryption.clone());
                std::thread::spawn(move || match encryption {
                    None => serve(&stream, &stream, &*answers, &seen),
                    Some(encryption) => {
                        let session = rustls::ServerConnection::new(encryption).unwrap();
                        let shared = Shared(Arc::new(Mutex::new(rustls::StreamOwned::new(session, stream))));
                        serve(shared.clone(), shared, &*answers, &seen);
                    }
                });
            }
        });
        Self { address, asked }
    }

    /// Answers requests at a socket of this host.
    pub(crate) fn start_at(path: &Path, answers: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let seen = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                serve(&stream, &stream, &answers, &seen);
            }
        });
        Self { address: SocketAddr::from(([0; 4], 0)), asked }
    }

    /// The address of a page.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// All requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The last request.
    pub(crate) fn last(&self) -> Asked {
        self.asked().pop().expect("nothing was asked")
    }
}

/// Both halves of an encrypted stream.
#[derive(Clone)]
struct Shared(Arc<Mutex<rustls::StreamOwned<rustls::ServerConnection, std::net::TcpStream>>>);

impl Read for Shared {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().read(buffer)
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.lock().unwrap().flush()
    }
}

fn serve(from: impl Read, mut to: impl Write, answers: &Answers, seen: &Mutex<Vec<Asked>>) {
    let mut reader = BufReader::new(from);
    let mut asked = Asked::default();
    let mut line = String::new();
    // A client that does not trust the server goes away without a word.
    if reader.read_line(&mut line).is_err() || line.is_empty() {
        return;
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    (asked.method, asked.target) = (words.next().unwrap(), words.next().unwrap());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.split_once(':') else { break };
        asked.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = asked.header("content-length").map_or(0, |length| length.parse().unwrap());
    asked.body = vec![0; length];
    reader.read_exact(&mut asked.body).unwrap();
    let (status, headers, content) = answers(&asked);
    let head = asked.method == "HEAD";
    seen.lock().unwrap().push(asked);
    let mut answer = format!("HTTP/1.1 {status} Some Reason\r\nContent-Length: {}\r\n", content.len());
    for (name, value) in headers {
        answer.push_str(&format!("{name}: {value}\r\n"));
    }
    let mut answer = format!("{answer}\r\n").into_bytes();
    if !head {
        answer.extend(content);
    }
    // A client may have heard enough before the end.
    let _ = to.write_all(&answer).and_then(|()| to.flush());
}

/// A file of the test authority.
pub(crate) fn test_file(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/system/http/testdata").join(name)
}

fn encryption(asks_client: bool) -> rustls::ServerConfig {
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use rustls::server::WebPkiClientVerifier;
    let certificate = |name: &str| CertificateDer::from_pem_file(test_file(name)).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions();
    let builder = match asks_client {
        false => builder.unwrap().with_no_client_auth(),
        true => {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(certificate("authority.pem")).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.unwrap().with_client_cert_verifier(verifier.unwrap())
        }
    };
    let key = PrivateKeyDer::from_pem_file(test_file("server.key")).unwrap();
    builder.with_single_cert(vec![certificate("server.pem")], key).unwrap()
}
