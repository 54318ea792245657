//! What machines write to their console, as boot diagnostics have it.

use serde_json::json;

use crate::arm::Call;
use crate::cloud::Cloud;
use crate::http::{Request, Response};
use crate::json::text;
use crate::random;
use crate::store::Resource;

/// Where the console of a machine can be read for a while, by whoever has the link.
#[must_use]
pub fn uris(cloud: &Cloud, call: &Call<'_>, machine: &Resource) -> Response {
    let id = text(&machine.value, "/properties/vmId");
    let link =
        |file: &str| format!("{}/bootdiagnostics/{id}/{file}?sig={}", call.origin, signature(cloud, id));
    Response::json(
        200,
        json!({"consoleScreenshotBlobUri": link("screenshot.bmp"), "serialConsoleLogBlobUri": link("serialconsole.log")}),
    )
}

fn signature(cloud: &Cloud, id: &str) -> String {
    let signature = random::signature(cloud.settings.client_secret.as_bytes(), id.as_bytes());
    signature.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Answers at such a link; none if the request is for something else.
#[must_use]
pub fn answer(cloud: &Cloud, request: &Request) -> Option<Response> {
    let id = request.path().strip_prefix("/bootdiagnostics/")?.strip_suffix("/serialconsole.log")?;
    if request.parameter("sig").unwrap_or_default() != signature(cloud, id) {
        return Some(Response::empty(403));
    }
    let mut machines = cloud.store.of_kind(&cloud.root(), "Microsoft.Compute/virtualMachines");
    let machine = machines.find(|machine| text(&machine.value, "/properties/vmId") == id);
    let Some(machine) = machine else { return Some(Response::empty(404)) };
    Some(Response::text(cloud.machines.console(&machine.id.key()).unwrap_or_default()))
}
