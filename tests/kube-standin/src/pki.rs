//! Certificates: authorities, what they sign, and what a certificate says of its holder.

use std::path::Path;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::failure::{Context as _, Result, refuse};
use crate::files;

/// How long a certificate is valid when nothing else is said: a year.
pub const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// A certificate and its key, both as PEM.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

/// What a certificate is to say.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// The common name: the user.
    pub name: &'a str,
    /// The organisation: the user's group.
    pub group: Option<&'a str>,
    /// Names and addresses it is valid for; a certificate with some is for servers, too.
    pub names: Vec<String>,
}

impl Pair {
    /// Makes an authority.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn authority(name: &str, validity: Duration) -> Result<Self> {
        let mut parameters = parameters(&Subject { name, group: None, names: Vec::new() }, validity)?;
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyEncipherment,
            KeyUsagePurpose::KeyCertSign,
        ];
        let key = KeyPair::generate().doing("failed to generate a key")?;
        let certificate = parameters.self_signed(&key).doing("failed to sign")?;
        Ok(Self { certificate: certificate.pem(), key: key.serialize_pem() })
    }

    /// Signs a new certificate with this authority.
    ///
    /// # Errors
    /// When this is no authority.
    pub fn issue(&self, subject: &Subject<'_>, validity: Duration) -> Result<Self> {
        let mut parameters = parameters(subject, validity)?;
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        if !subject.names.is_empty() {
            parameters.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        }
        let key = KeyPair::generate().doing("failed to generate a key")?;
        let certificate = parameters.signed_by(&key, &self.issuer()?).doing("failed to sign")?;
        Ok(Self { certificate: certificate.pem(), key: key.serialize_pem() })
    }

    /// Signs what a request asks for.
    ///
    /// # Errors
    /// When it is no request.
    pub fn sign(&self, request: &str, usages: &[&str], validity: Duration) -> Result<String> {
        let mut asked = CertificateSigningRequestParams::from_pem(request)
            .doing("PEM block type must be CERTIFICATE REQUEST")?;
        (asked.params.not_before, asked.params.not_after) = span(validity);
        asked.params.extended_key_usages = usages
            .iter()
            .filter_map(|usage| match *usage {
                "client auth" => Some(ExtendedKeyUsagePurpose::ClientAuth),
                "server auth" => Some(ExtendedKeyUsagePurpose::ServerAuth),
                _ => None,
            })
            .collect();
        Ok(asked.signed_by(&self.issuer()?).doing("failed to sign")?.pem())
    }

    /// Reads `NAME.crt` and `NAME.key`.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn read(folder: &Path, name: &str) -> Result<Self> {
        Ok(Self {
            certificate: files::read(&folder.join(format!("{name}.crt")))?,
            key: files::read(&folder.join(format!("{name}.key")))?,
        })
    }

    /// Writes `NAME.crt`, and `NAME.key` for its owner alone.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn write(&self, folder: &Path, name: &str) -> Result<()> {
        files::write(&folder.join(format!("{name}.key")), &self.key, 0o600)?;
        files::write(&folder.join(format!("{name}.crt")), &self.certificate, 0o644)
    }

    fn issuer(&self) -> Result<Issuer<'static, KeyPair>> {
        let key = KeyPair::from_pem(&self.key).doing("failed to load the key of the CA")?;
        Issuer::from_ca_cert_pem(&self.certificate, key).doing("failed to load the certificate of the CA")
    }
}

/// Asks for a certificate: the request as PEM, and the key it is for.
///
/// # Errors
/// When a name is none.
pub fn request(subject: &Subject<'_>) -> Result<(String, String)> {
    let key = KeyPair::generate().doing("failed to generate a key")?;
    let request = parameters(subject, YEAR)?.serialize_request(&key).doing("failed to make a request")?;
    Ok((request.pem().doing("failed to make a request")?, key.serialize_pem()))
}

fn span(validity: Duration) -> (OffsetDateTime, OffsetDateTime) {
    let now = OffsetDateTime::now_utc();
    // A little earlier, for clocks that differ.
    (now - Duration::from_secs(300), now + validity)
}

fn parameters(subject: &Subject<'_>, validity: Duration) -> Result<CertificateParams> {
    let mut parameters = CertificateParams::new(subject.names.clone()).doing("invalid name")?;
    let mut name = DistinguishedName::new();
    if let Some(group) = subject.group {
        name.push(DnType::OrganizationName, group);
    }
    name.push(DnType::CommonName, subject.name);
    parameters.distinguished_name = name;
    (parameters.not_before, parameters.not_after) = span(validity);
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    Ok(parameters)
}

/// The bytes of the first certificate of a PEM text.
///
/// # Errors
/// When there is none.
pub fn der(certificate: &str) -> Result<Vec<u8>> {
    let (_, block) = x509_parser::pem::parse_x509_pem(certificate.as_bytes())
        .doing("data does not contain any valid certificates")?;
    Ok(block.contents)
}

/// The hash by which joining nodes know an authority: `sha256:` and the digest of its public key.
///
/// # Errors
/// When it is no certificate.
pub fn hash(certificate: &str) -> Result<String> {
    let der = der(certificate)?;
    let (_, parsed) = X509Certificate::from_der(&der).doing("cannot parse the certificate")?;
    let digest = Sha256::digest(parsed.tbs_certificate.subject_pki.raw);
    Ok(format!("sha256:{}", hex(&digest)))
}

/// The public half of a key.
///
/// # Errors
/// When it is no key.
pub fn public_key(key: &str) -> Result<String> {
    Ok(KeyPair::from_pem(key).doing("failed to load the key")?.public_key_pem())
}

/// Bytes as hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Who a certificate is for: the user and the groups.
///
/// # Errors
/// When it is no certificate or names nobody.
pub fn holder(der: &[u8]) -> Result<(String, Vec<String>)> {
    let (_, parsed) = X509Certificate::from_der(der).doing("cannot parse the certificate")?;
    let text =
        |value: &x509_parser::x509::AttributeTypeAndValue<'_>| value.as_str().unwrap_or_default().to_owned();
    let groups = parsed.subject().iter_organization().map(text).collect();
    match parsed.subject().iter_common_name().next() {
        Some(name) => Ok((text(name), groups)),
        None => refuse!("the certificate names nobody"),
    }
}

/// Until when a certificate is valid.
///
/// # Errors
/// When it is no certificate.
pub fn end(certificate: &str) -> Result<OffsetDateTime> {
    let der = der(certificate)?;
    let (_, parsed) = X509Certificate::from_der(&der).doing("cannot parse the certificate")?;
    OffsetDateTime::from_unix_timestamp(parsed.validity().not_after.timestamp()).doing("notAfter")
}

/// Whether a certificate will still be valid after this time.
#[must_use]
pub fn lasts(certificate: &str, time: Duration) -> bool {
    end(certificate).is_ok_and(|end| end > OffsetDateTime::now_utc() + time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_signs_what_is_asked_for_and_the_holder_is_read_back() {
        let authority = Pair::authority("kubernetes", YEAR).unwrap();
        let subject = Subject {
            name: "system:node:worker-1",
            group: Some("system:nodes"),
            names: vec!["10.0.0.5".into()],
        };
        let (request, _) = request(&subject).unwrap();
        let signed = authority.sign(&request, &["server auth"], YEAR).unwrap();
        let (name, groups) = holder(&der(&signed).unwrap()).unwrap();
        assert_eq!((name.as_str(), &groups[..]), ("system:node:worker-1", &["system:nodes".to_owned()][..]));
        assert!(lasts(&signed, Duration::from_secs(60)));
        assert!(!lasts(&signed, YEAR * 2));
        assert!(hash(&authority.certificate).unwrap().starts_with("sha256:"));
        assert_ne!(hash(&authority.certificate).unwrap(), hash(&signed).unwrap());
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let authority = Pair::authority("kubernetes", YEAR).unwrap();
        assert!(authority.sign("nonsense", &[], YEAR).is_err());
        assert!(holder(b"nonsense").is_err());
    }
}
