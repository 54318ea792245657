//! How long the certificates of API servers are valid: asked of the servers themselves, all at once, as anybody can who reaches them.

use std::collections::HashMap;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme};

/// How long all servers together may take.
const LIMIT: Duration = Duration::from_millis(900);

/// When the certificate of each server ends that answers in time; `find` says where a server is, and is called in a thread of its own.
pub(super) fn of_all<F>(names: Vec<String>, find: F) -> HashMap<String, SystemTime>
where
    F: Fn(&str) -> Option<String> + Send + Sync + 'static,
{
    of_all_within(names, find, LIMIT)
}

fn of_all_within<F>(names: Vec<String>, find: F, limit: Duration) -> HashMap<String, SystemTime>
where
    F: Fn(&str) -> Option<String> + Send + Sync + 'static,
{
    let deadline = Instant::now() + limit;
    let find = Arc::new(find);
    let (sender, receiver) = mpsc::channel();
    for name in names {
        let (find, sender) = (Arc::clone(&find), sender.clone());
        // Whoever does not answer in time is left behind.
        thread::spawn(move || {
            let end = find(&name).and_then(|address| end(&address, limit));
            let _ = sender.send((name, end));
        });
    }
    drop(sender);
    let mut found = HashMap::new();
    while let Ok((name, end)) = receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        found.extend(end.map(|end| (name, end)));
    }
    found
}

/// When the certificate ends that the server at an address shows.
fn end(address: &str, limit: Duration) -> Option<SystemTime> {
    let socket = address.to_socket_addrs().ok()?.next()?;
    let mut stream = TcpStream::connect_timeout(&socket, limit).ok()?;
    stream.set_read_timeout(Some(limit)).ok()?;
    stream.set_write_timeout(Some(limit)).ok()?;
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .ok()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth();
    let mut connection =
        ClientConnection::new(Arc::new(config), ServerName::IpAddress(socket.ip().into())).ok()?;
    while connection.peer_certificates().is_none() {
        connection.complete_io(&mut stream).ok()?;
    }
    let certificate = connection.peer_certificates()?.first()?;
    let (_, read) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let seconds = u64::try_from(read.validity().not_after.timestamp()).ok()?;
    Some(UNIX_EPOCH + Duration::from_secs(seconds))
}

/// Takes every certificate: it is only looked at, and nothing is sent to whoever shows it.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::Barrier;

    use rustls::{ServerConfig, ServerConnection};

    use super::*;

    /// An API server that shows its certificate once as many have asked as the barrier counts.
    fn server(barrier: &Arc<Barrier>) -> String {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut wanted = rcgen::CertificateParams::new(vec!["api.lab.internal".to_owned()]).unwrap();
        wanted.not_after = rcgen::date_time_ymd(2040, 5, 6);
        let certificate = wanted.self_signed(&key).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key.serialize_der().try_into().unwrap())
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let barrier = Arc::clone(barrier);
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            barrier.wait();
            let mut connection = ServerConnection::new(Arc::new(config)).unwrap();
            while connection.is_handshaking() && connection.complete_io(&mut stream).is_ok() {}
        });
        address
    }

    #[test]
    fn all_are_asked_at_once_and_none_waits_for_one_that_is_silent() {
        const SERVERS: usize = 50;
        let barrier = Arc::new(Barrier::new(SERVERS));
        let mut addresses: HashMap<String, String> =
            (0..SERVERS).map(|at| (format!("lab-{at}"), server(&barrier))).collect();
        // Takes connections, and says nothing.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        addresses.insert("silent".to_owned(), silent.local_addr().unwrap().to_string());
        let mut names: Vec<String> = addresses.keys().cloned().collect();
        names.push("unknown".to_owned());
        let found = of_all_within(names, move |name| addresses.get(name).cloned(), Duration::from_secs(5));
        assert_eq!(found.len(), SERVERS);
        let end = found["lab-7"].duration_since(UNIX_EPOCH).unwrap().as_secs();
        assert_eq!(end, 2_219_875_200, "the sixth of May 2040");
    }
}
