//! The subscription, its locations and its providers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Call, page};
use crate::cloud::{Cloud, LOCATIONS};
use crate::failure::{Failure, Result};
use crate::http::Response;
use crate::kind::KINDS;

/// Answers what is asked about subscriptions.
pub fn answer(cloud: &Cloud, call: &Call<'_>, words: &[&str]) -> Result<Response> {
    let known =
        ["2016-06-01", "2018-06-01", "2019-06-01", "2019-11-01", "2020-01-01", "2021-01-01", "2022-12-01"];
    if !known.contains(&call.version.as_str()) {
        return Err(Failure::bad(
            "InvalidApiVersionParameter",
            format!(
                "The api-version '{}' is invalid. The supported versions are '{}'.",
                call.version,
                known.join(",")
            ),
        ));
    }
    if !call.is("GET") {
        return Err(call.not_allowed());
    }
    let settings = &cloud.settings;
    let id = format!("/subscriptions/{}", settings.subscription);
    let one = json!({
        "id": id, "subscriptionId": settings.subscription, "tenantId": settings.tenant, "displayName": "Simulated",
        "state": "Enabled", "authorizationSource": "RoleBased",
        "subscriptionPolicies": {"locationPlacementId": "Public_2014-09-01", "quotaId": "PayAsYouGo_2014-09-01", "spendingLimit": "Off"},
    });
    Ok(match words {
        ["tenants"] => page(
            cloud,
            call,
            std::iter::once(
                json!({"id": format!("/tenants/{}", settings.tenant), "tenantId": settings.tenant}),
            ),
        ),
        ["subscriptions"] => page(cloud, call, std::iter::once(one)),
        [_, _, "locations"] => {
            let all = LOCATIONS.iter().map(|(name, called, zones)| {
                let mut location = json!({
                    "id": format!("{id}/locations/{name}"), "name": name, "type": "Region", "displayName": called,
                    "regionalDisplayName": called, "metadata": {"regionType": "Physical", "regionCategory": "Recommended"},
                });
                if *zones {
                    let zone = |number: u32| json!({"logicalZone": number.to_string(), "physicalZone": format!("{name}-az{number}")});
                    location["availabilityZoneMappings"] = (1..=3).map(zone).collect();
                }
                location
            });
            // These come all at once.
            Response::json(200, json!({"value": all.collect::<Vec<_>>()}))
        }
        _ => Response::json(200, one),
    })
}

/// Answers what is asked about providers; all are registered.
pub fn providers(cloud: &Cloud, call: &Call<'_>, words: &[&str]) -> Result<Response> {
    super::group::check_version(call)?;
    let mut types: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for kind in KINDS {
        let versions: Vec<&str> = kind.versions.iter().rev().copied().collect();
        let locations = LOCATIONS.map(|(_, called, _)| called);
        let one = json!({"resourceType": kind.name, "locations": locations, "apiVersions": versions, "capabilities": "SupportsTags, SupportsLocation"});
        types.entry(kind.provider).or_default().push(one);
    }
    types.insert(
        "Microsoft.Resources",
        vec![json!({"resourceType": "resourceGroups", "locations": LOCATIONS.map(|(_, called, _)| called), "apiVersions": ["2021-04-01"]})],
    );
    let mut all = types.into_iter().map(|(name, types)| {
        json!({"id": format!("/subscriptions/{}/providers/{name}", cloud.settings.subscription), "namespace": name,
            "registrationState": "Registered", "registrationPolicy": "RegistrationRequired", "resourceTypes": types})
    });
    match words {
        [_, _, _] if call.is("GET") => Ok(page(cloud, call, all)),
        [_, _, _, name] if call.is("GET") => named(&mut all, name),
        [_, _, _, name, _] if call.is("POST") => named(&mut all, name),
        _ => Err(call.not_allowed()),
    }
}

fn named(all: &mut impl Iterator<Item = Value>, name: &str) -> Result<Response> {
    let found =
        all.find(|one| one["namespace"].as_str().is_some_and(|found| found.eq_ignore_ascii_case(name)));
    found.map(|one| Response::json(200, one)).ok_or_else(|| {
        Failure::new(404, "InvalidResourceNamespace", format!("The resource namespace '{name}' is invalid."))
    })
}
