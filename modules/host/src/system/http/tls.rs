//! Who is trusted, and who this host says it is.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ureq::tls::{Certificate, ClientCert, PemItem, RootCerts, TlsConfig, parse_pem};

use crate::ModuleError;
use crate::module::Doing as _;

/// Where systems keep the certificates of those they trust, all in one file.
const BUNDLES: [&str; 7] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/var/lib/ca-certificates/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/usr/local/etc/ssl/cert.pem",
];

/// What a connection needs of certificates.
pub(super) struct Trust<'a> {
    pub(super) validate: bool,
    /// Trusted beside those of the system.
    pub(super) ca_path: Option<&'a Path>,
    pub(super) client_cert: Option<&'a Path>,
    pub(super) client_key: Option<&'a Path>,
    /// `SSL_CERT_FILE`, which takes the place of the system's bundle.
    pub(super) bundle: Option<PathBuf>,
}

impl Trust<'_> {
    /// The configuration for a connection.
    pub(super) fn config(&self) -> Result<TlsConfig, ModuleError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(provider)
            .client_cert(self.client()?)
            .disable_verification(!self.validate);
        Ok(builder.root_certs(RootCerts::new_with_certs(&self.roots()?)).build())
    }

    fn roots(&self) -> Result<Vec<Certificate<'static>>, ModuleError> {
        if !self.validate {
            return Ok(Vec::new());
        }
        let mut roots = Vec::new();
        let system =
            self.bundle.clone().or_else(|| BUNDLES.iter().map(PathBuf::from).find(|bundle| bundle.is_file()));
        for path in system.iter().map(PathBuf::as_path).chain(self.ca_path) {
            roots.extend(read(path)?.into_iter().filter_map(|item| match item {
                PemItem::Certificate(certificate) => Some(certificate),
                _ => None,
            }));
        }
        if roots.is_empty() {
            return Err(ModuleError::new(
                "this host trusts no certificates: no CA bundle was found in /etc/ssl or /etc/pki; install the package \
                 ca-certificates, or give ca_path",
            ));
        }
        Ok(roots)
    }

    fn client(&self) -> Result<Option<ClientCert>, ModuleError> {
        let Some(path) = self.client_cert else { return Ok(None) };
        let mut items = read(path)?;
        if let Some(key) = self.client_key {
            items.extend(read(key)?);
        }
        let (mut chain, mut key) = (Vec::new(), None);
        for item in items {
            match item {
                PemItem::Certificate(certificate) => chain.push(certificate),
                PemItem::PrivateKey(found) => key = Some(found),
                _ => {}
            }
        }
        match key {
            Some(key) if !chain.is_empty() => Ok(Some(ClientCert::new_with_certs(&chain, key))),
            _ => Err(ModuleError::new(format!(
                "{} has no certificate, or no private key is with it or in client_key",
                path.display()
            ))),
        }
    }
}

fn read(path: &Path) -> Result<Vec<PemItem<'static>>, ModuleError> {
    let text = std::fs::read(path).doing(|| format!("cannot read {}", path.display()))?;
    let items: Result<_, _> = parse_pem(&text).collect();
    items.doing(|| format!("{} is not in PEM format", path.display()))
}
