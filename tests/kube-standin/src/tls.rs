//! TLS for clients and servers of the API.

use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring::default_provider};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, ServerConfig, ServerConnection,
    SignatureScheme, StreamOwned,
};

use crate::failure::{Context as _, Result};
use crate::kubeconfig::{Credentials, Kubeconfig};
use crate::pki::Pair;

/// How long one read or write may take.
const PATIENCE: Duration = Duration::from_secs(30);

type Chain = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// Connects to a server as a kubeconfig says.
///
/// # Errors
/// When it does not answer or shows a certificate that the authority did not sign.
pub fn connect(config: &Kubeconfig, timeout: Duration) -> Result<StreamOwned<ClientConnection, TcpStream>> {
    let place = config.server.strip_prefix("https://").unwrap_or(&config.server).trim_end_matches('/');
    let (host, port) = place.rsplit_once(':').unwrap_or((place, "443"));
    let host = host.trim_matches(['[', ']']);
    let what = format!("dial tcp {place}");
    let port = port.parse::<u16>().doing(&what)?;
    let addresses: Vec<_> = (host, port).to_socket_addrs().doing(&what)?.collect();
    let mut last = Err(std::io::Error::other("no such host"));
    for address in addresses {
        last = TcpStream::connect_timeout(&address, timeout.min(Duration::from_secs(5)));
        if last.is_ok() {
            break;
        }
    }
    let stream = last.doing(&what)?;
    stream.set_read_timeout(Some(timeout)).doing(&what)?;
    stream.set_write_timeout(Some(timeout)).doing(&what)?;
    let name = ServerName::try_from(host.to_owned()).doing(&what)?;
    let connection = ClientConnection::new(Arc::new(client(config)?), name).doing(&what)?;
    let mut stream = StreamOwned::new(connection, stream);
    stream.conn.complete_io(&mut stream.sock).doing("tls: failed to verify certificate or to agree")?;
    Ok(stream)
}

fn client(config: &Kubeconfig) -> Result<ClientConfig> {
    let provider = Arc::new(default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .doing("tls")?;
    let builder = match &config.authority {
        Some(authority) => builder.with_root_certificates(roots(authority)?),
        None => builder.dangerous().with_custom_certificate_verifier(Arc::new(Unverified(provider))),
    };
    match &config.credentials {
        Credentials::Certificate(pair) => {
            let (chain, key) = chain(pair)?;
            builder.with_client_auth_cert(chain, key).doing("tls: client certificate")
        }
        Credentials::Anonymous | Credentials::Token(_) => Ok(builder.with_no_client_auth()),
    }
}

/// What a server shows, and whose clients' certificates it accepts; clients without one are let in, too.
///
/// # Errors
/// When a certificate or key is none.
pub fn server(shown: &Pair, authority: &str) -> Result<Arc<ServerConfig>> {
    let provider = Arc::new(default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots(authority)?), Arc::clone(&provider))
            .allow_unauthenticated()
            .build()
            .doing("client-ca-file")?;
    let (chain, key) = chain(shown)?;
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .doing("tls")?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .doing("tls-cert-file")?;
    Ok(Arc::new(config))
}

/// A connection that a server has taken.
pub type Accepted = StreamOwned<ServerConnection, TcpStream>;

/// Takes a connection; the certificate its client showed comes with it.
///
/// # Errors
/// When the two cannot agree.
pub fn accept(stream: TcpStream, config: &Arc<ServerConfig>) -> Result<(Accepted, Option<Vec<u8>>)> {
    stream.set_read_timeout(Some(PATIENCE)).doing("accept")?;
    stream.set_write_timeout(Some(PATIENCE)).doing("accept")?;
    let connection = ServerConnection::new(Arc::clone(config)).doing("accept")?;
    let mut stream = StreamOwned::new(connection, stream);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock).doing("handshake")?;
    }
    let shown = stream.conn.peer_certificates().and_then(|chain| chain.first()).map(|first| first.to_vec());
    Ok((stream, shown))
}

fn roots(authority: &str) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authority.as_bytes()) {
        roots.add(certificate.doing("certificate-authority")?).doing("certificate-authority")?;
    }
    Ok(roots)
}

fn chain(pair: &Pair) -> Result<Chain> {
    let chain: std::result::Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(pair.certificate.as_bytes()).collect();
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes())
        .doing("tls: failed to find any PEM data in key input")?;
    Ok((chain.doing("tls: failed to find any PEM data in certificate input")?, key))
}

/// Accepts any server: only for the first step of a join, which proves the authority by other means.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
