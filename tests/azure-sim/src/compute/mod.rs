//! Microsoft.Compute.

pub mod availability_set;
pub mod console;
pub mod disk;
pub mod images;
pub mod machine;
pub mod power;
pub mod profile;
pub mod sizes;
pub mod spec;
pub mod view;

use crate::arm::{Call, check_version, page};
use crate::cloud::{Cloud, location};
use crate::failure::Result;
use crate::http::Response;
use crate::id::ResourceId;
use crate::kind;

const SKU_VERSIONS: &[&str] = &["2017-03-30", "2017-09-01", "2019-04-01", "2021-07-01"];

/// Answers what is no resource: SKUs, sizes, images, usages, and how a machine is.
pub fn answer(cloud: &Cloud, call: &Call<'_>, words: &[&str]) -> Result<Option<Response>> {
    let versions = kind::find("Microsoft.Compute", "virtualMachines").map_or(&[][..], |kind| kind.versions);
    let check = |name: &str| check_version(call, "Microsoft.Compute", name, versions, false);
    if !call.is("GET") {
        return Ok(None);
    }
    Ok(Some(match words {
        ["skus"] => {
            check_version(call, "Microsoft.Compute", "skus", SKU_VERSIONS, false)?;
            let filter = call.request.parameter("$filter").unwrap_or_default();
            let only = filter
                .split('\'')
                .nth(1)
                .map(|place| location(place, "Microsoft.Compute/skus"))
                .transpose()?;
            page(cloud, call, sizes::skus(only).into_iter())
        }
        ["locations", place, "usages"] => {
            check("locations/usages")?;
            let place = location(place, "Microsoft.Compute/locations/usages")?;
            page(cloud, call, sizes::usages(cloud, place).into_iter())
        }
        ["locations", place, "vmsizes"] => {
            check("locations/vmSizes")?;
            location(place, "Microsoft.Compute/locations/vmSizes")?;
            page(cloud, call, sizes::SIZES.iter().map(sizes::listed))
        }
        ["locations", place, "publishers", rest @ ..] => {
            check("locations/publishers")?;
            return images::answer(
                cloud,
                call,
                location(place, "Microsoft.Compute/locations/publishers")?,
                rest,
            )
            .map(Some);
        }
        ["virtualmachines", _, kind @ ("instanceview" | "vmsizes")] => {
            check("virtualMachines")?;
            let id = call.path.rsplit_once('/').and_then(|(id, _)| ResourceId::parse(id));
            let id = id.ok_or_else(|| call.not_allowed())?;
            cloud.group(id.group().unwrap_or_default())?;
            let found = cloud.store.get(&id.key()).ok_or_else(|| crate::arm::missing(&id))?;
            match *kind {
                "vmsizes" => page(cloud, call, profile::sizes_for(found).into_iter()),
                _ => Response::json(200, machine::instance_view(cloud, found)),
            }
        }
        _ => return Ok(None),
    }))
}
