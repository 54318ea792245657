//! The images of the marketplace: a few that run Linux.

use serde_json::{Value, json};

use crate::arm::Call;
use crate::cloud::Cloud;
use crate::failure::{Failure, Result};
use crate::http::Response;
use crate::json::text;

/// The offer of Debian's unstable release.
pub(crate) const UNSTABLE: &str = "debian-sid";

/// Publisher, offer, SKU, and versions in order.
const IMAGES: &[(&str, &str, &str, &[&str])] = &[
    ("Debian", "debian-12", "12", &["0.20240717.1811", "0.20250210.2019"]),
    ("Debian", "debian-12", "12-gen2", &["0.20240717.1811", "0.20250210.2019"]),
    ("Debian", "debian-13", "13", &["0.20250814.2204"]),
    ("Debian", "debian-13", "13-gen2", &["0.20250814.2204"]),
    ("Debian", "debian-13", "13-arm64", &["0.20250814.2204"]),
    ("Debian", UNSTABLE, "sid-gen2", &["0.20250814.2204"]),
    ("Canonical", "0001-com-ubuntu-server-jammy", "22_04-lts", &["22.04.202501080"]),
    ("Canonical", "0001-com-ubuntu-server-jammy", "22_04-lts-gen2", &["22.04.202501080"]),
    ("Canonical", "ubuntu-24_04-lts", "server", &["24.04.202501080"]),
    ("Canonical", "ubuntu-24_04-lts", "server-arm64", &["24.04.202501080"]),
];

/// The version that an image reference stands for.
///
/// # Errors
/// When there is no such image.
pub fn exact_version(reference: &Value) -> Result<&'static str> {
    let [publisher, offer, sku, version] =
        ["publisher", "offer", "sku", "version"].map(|field| text(reference, &format!("/{field}")));
    let same = |one: &str, other: &str| one.eq_ignore_ascii_case(other);
    let image =
        IMAGES.iter().find(|image| same(image.0, publisher) && same(image.1, offer) && same(image.2, sku));
    let found = image.and_then(|(.., versions)| match version {
        "latest" => versions.last(),
        _ => versions.iter().find(|known| **known == version),
    });
    found.copied().ok_or_else(|| {
        Failure::new(404, "PlatformImageNotFound", format!("The platform image '{publisher}:{offer}:{sku}:{version}' is not available. Verify that all fields in the storage profile are correct. For more details about storage profile information, please refer to https://aka.ms/storageprofile")).about("imageReference")
    })
}

/// Answers below `publishers`.
pub fn answer(cloud: &Cloud, call: &Call<'_>, place: &str, words: &[&str]) -> Result<Response> {
    let base = format!(
        "/subscriptions/{}/Providers/Microsoft.Compute/Locations/{place}/Publishers",
        cloud.settings.subscription
    );
    let item =
        |path: String, name: &str| json!({"id": format!("{base}/{path}"), "name": name, "location": place});
    let same = |one: &str, other: &str| one.eq_ignore_ascii_case(other);
    let image = |publisher: &str, offer: &str, sku: &str| {
        IMAGES.iter().find(|image| same(image.0, publisher) && same(image.1, offer) && same(image.2, sku))
    };
    let mut found: Vec<Value> = Vec::new();
    match words {
        [] => found.extend(IMAGES.iter().map(|image| item(image.0.to_owned(), image.0))),
        [publisher, "artifacttypes", "vmimage", "offers"] => {
            let ours = IMAGES.iter().filter(|image| same(image.0, publisher));
            found.extend(
                ours.map(|image| {
                    item(format!("{}/ArtifactTypes/VMImage/Offers/{}", image.0, image.1), image.1)
                }),
            );
        }
        [publisher, "artifacttypes", "vmimage", "offers", offer, "skus"] => {
            let ours = IMAGES.iter().filter(|image| same(image.0, publisher) && same(image.1, offer));
            found.extend(ours.map(|image| {
                item(
                    format!("{}/ArtifactTypes/VMImage/Offers/{}/Skus/{}", image.0, image.1, image.2),
                    image.2,
                )
            }));
        }
        [publisher, "artifacttypes", "vmimage", "offers", offer, "skus", sku, "versions", rest @ ..] => {
            let Some((publisher, offer, sku, versions)) = image(publisher, offer, sku) else {
                return Err(Failure::new(
                    404,
                    "NotFound",
                    format!("Artifact: VMImage was not found: {publisher} {offer} {sku}."),
                ));
            };
            let path = |version: &str| {
                format!("{publisher}/ArtifactTypes/VMImage/Offers/{offer}/Skus/{sku}/Versions/{version}")
            };
            match rest {
                [] => found.extend(versions.iter().map(|version| item(path(version), version))),
                [version] => {
                    let known = versions.iter().find(|known| same(known, version));
                    let version = known.ok_or_else(|| {
                        Failure::new(
                            404,
                            "ImageVersionNotFound",
                            format!("The image version '{version}' was not found."),
                        )
                    })?;
                    let mut one = item(path(version), version);
                    one["properties"] = json!({
                        "osDiskImage": {"operatingSystem": "Linux"}, "dataDiskImages": [], "hyperVGeneration": "V2",
                        "architecture": if sku.contains("arm64") { "Arm64" } else { "x64" },
                    });
                    return Ok(Response::json(200, one));
                }
                _ => return Err(call.not_allowed()),
            }
        }
        _ => return Err(call.not_allowed()),
    }
    found.dedup();
    Ok(Response::json(200, found.into()))
}
