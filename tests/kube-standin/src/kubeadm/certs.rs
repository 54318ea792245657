//! `kubeadm certs`: when the control plane's certificates end, and new ones.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::certificates::{self, Present};
use super::cluster::Cluster;
use super::manifests::Plane;
use super::{administrator, configuration, join, say};
use crate::failure::{Context as _, Result, refuse};
use crate::flags::Flags;
use crate::pki;
use crate::version::Version;

/// `kubeadm certs check-expiration`
pub(super) fn check(version: Version, arguments: &[String]) -> Result<()> {
    let flags = Flags::parse(
        arguments,
        "config= cert-dir= kubeconfig= o/output= allow-missing-template-keys show-managed-fields v/v=",
    )?;
    let cluster = cluster(&flags, version)?;
    let (own, authorities) = certificates::present(&cluster, &Plane::read()?)?;
    match flags.value("output") {
        Some("json") => {
            let list = |found: &[Present]| found.iter().map(described).collect::<Result<Vec<_>>>();
            let mut certificates = list(&own)?;
            certificates.extend(certificates::missing().map(|name| {
                json!({"name": name, "expirationDate": null, "residualTime": 0, "externallyManaged": false, "missing": true})
            }));
            let info = json!({
                "kind": "CertificateExpirationInfo", "apiVersion": "output.kubeadm.k8s.io/v1alpha3",
                "certificates": certificates, "certificateAuthorities": list(&authorities)?,
            });
            say(&serde_json::to_string_pretty(&info).doing("json")?)
        }
        None | Some("text") => {
            say("CERTIFICATE                EXPIRES                  CERTIFICATE AUTHORITY")?;
            own.iter().try_for_each(|one| {
                say(&format!("{:<26} {:<24} {}", one.name, stamp(pki::end(&one.text)?), one.authority))
            })?;
            say("\nCERTIFICATE AUTHORITY      EXPIRES")?;
            authorities
                .iter()
                .try_for_each(|one| say(&format!("{:<26} {}", one.name, stamp(pki::end(&one.text)?))))
        }
        Some(other) => refuse!("the stand-in knows no output format {other}"),
    }
}

fn described(certificate: &Present) -> Result<Value> {
    let end = pki::end(&certificate.text)?;
    let mut value = json!({
        "name": certificate.name, "expirationDate": stamp(end),
        "residualTime": (end - OffsetDateTime::now_utc()).whole_seconds(), "externallyManaged": false,
    });
    if !certificate.authority.is_empty() {
        value["caName"] = certificate.authority.into();
    }
    Ok(value)
}

fn stamp(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_default()
}

/// `kubeadm certs renew`
pub(super) fn renew(version: Version, arguments: &[String]) -> Result<()> {
    let flags = Flags::parse(arguments, "config= cert-dir= kubeconfig= v/v=")?;
    let [name] = flags.words.as_slice() else {
        refuse!("missing subcommand; \"renew\" is not meant to be run on its own")
    };
    let cluster = cluster(&flags, version)?;
    certificates::renew(&cluster, &Plane::read()?, name)?;
    say(&format!("certificate {name} renewed"))?;
    if name == "all" {
        say(
            "\nDone renewing certificates. You must restart the kube-apiserver, kube-controller-manager, kube-scheduler and etcd, so that they can use the new certificates.",
        )?;
    }
    Ok(())
}

/// The cluster of `--config`, or else as it describes itself, or else, when it does not answer, as kubeadm's defaults have it.
fn cluster(flags: &Flags, version: Version) -> Result<Cluster> {
    if flags.value("config").is_some() {
        return Cluster::new(configuration(flags, version)?.cluster, version);
    }
    match administrator(flags).and_then(|client| join::read_cluster(&client, version)) {
        Ok(cluster) => Ok(cluster),
        Err(_) => Cluster::new(None, version),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::{Pair, YEAR};

    #[test]
    fn a_certificate_is_told_with_its_end_and_who_signed_it() {
        let text = Pair::authority("kubernetes", YEAR).unwrap().certificate;
        let told = described(&Present { name: "apiserver", authority: "ca", text: text.clone() }).unwrap();
        assert_eq!((&told["name"], &told["caName"]), (&json!("apiserver"), &json!("ca")));
        let days = told["residualTime"].as_i64().unwrap() / 86_400;
        assert!((364..=365).contains(&days), "{days}");
        assert!(told["expirationDate"].as_str().unwrap().ends_with('Z'), "{told}");
        let authority = described(&Present { name: "ca", authority: "", text }).unwrap();
        assert!(authority.get("caName").is_none(), "{authority}");
    }
}
