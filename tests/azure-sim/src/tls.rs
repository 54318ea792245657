//! A certificate for the simulator, and the authority that signed it.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// Makes a certificate for this machine; its authority is written to a file that clients trust.
///
/// # Errors
/// When it cannot be made or written.
pub fn server(authority: &Path) -> io::Result<Arc<ServerConfig>> {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name.push(DnType::CommonName, "azure-sim");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let root = parameters.self_signed(&key).map_err(io::Error::other)?;
    std::fs::write(authority, root.pem())?;
    let issuer = Issuer::new(parameters, key);
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let own_key = KeyPair::generate().map_err(io::Error::other)?;
    let own = CertificateParams::new(names).map_err(io::Error::other)?;
    let own = own.signed_by(&own_key, &issuer).map_err(io::Error::other)?;
    let chain = vec![own.der().clone()];
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(io::Error::other)?;
    Ok(Arc::new(config))
}
