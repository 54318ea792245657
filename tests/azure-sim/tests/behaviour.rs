//! What clients of Azure are up against: refusals, faults, ways to follow an operation, and many machines.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod asking;

use std::time::{Duration, Instant};

use asking::Asked;
use azure_sim::cloud::Settings;
use azure_sim::http::{Request, Response};
use azure_sim::machine::Nothing;
use azure_sim::token;
use serde_json::{Value, json};

const NETWORK: &str = "?api-version=2024-03-01";
const COMPUTE: &str = "?api-version=2024-07-01";

fn azure(scenario: &str) -> Asked {
    let settings = Settings {
        latency: Duration::ZERO,
        cores: 5000,
        public_addresses: 1000,
        principal_delay: Duration::from_millis(200),
        ..Settings::default()
    };
    Asked::new(settings, scenario, Box::new(Nothing))
}

fn network(azure: &mut Asked) {
    let body = json!({"location": "westeurope", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
        "subnets": [{"name": "nodes", "properties": {"addressPrefix": "10.0.0.0/20"}}]}});
    azure.done("PUT", &format!("Microsoft.Network/virtualNetworks/net{NETWORK}"), &body).unwrap();
}

fn machine(azure: &mut Asked, name: &str) -> Result<Response, Value> {
    let base = format!("{}/providers/Microsoft.Network", azure.cloud.group_id("g"));
    let nic = json!({"location": "westeurope", "properties": {"ipConfigurations": [{"name": "first", "properties": {
        "subnet": {"id": format!("{base}/virtualNetworks/net/subnets/nodes")}}}]}});
    azure.done("PUT", &format!("Microsoft.Network/networkInterfaces/{name}{NETWORK}"), &nic)?;
    let key = format!("ssh-ed25519 {}", "AAAA".repeat(17));
    let body = json!({"location": "westeurope", "tags": {"clouder-cluster": "c"}, "properties": {
        "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
        "storageProfile": {"imageReference": {"publisher": "debian", "offer": "debian-13", "sku": "13-gen2", "version": "latest"}},
        "osProfile": {"adminUsername": "azureuser", "linuxConfiguration": {"disablePasswordAuthentication": true, "ssh": {"publicKeys": [{"keyData": key}]}}},
        "networkProfile": {"networkInterfaces": [{"id": format!("{base}/networkInterfaces/{name}"), "properties": {"deleteOption": "Delete"}}]},
    }});
    azure.done("PUT", &format!("Microsoft.Compute/virtualMachines/{name}{COMPUTE}"), &body)
}

fn code(response: &Response) -> &str {
    response.body.as_ref().unwrap()["error"]["code"].as_str().unwrap()
}

fn header<'response>(response: &'response Response, name: &str) -> Option<&'response str> {
    response.headers.iter().find(|(found, _)| *found == name).map(|(_, value)| value.as_str())
}

#[test]
fn requests_that_azure_does_not_know_are_refused_in_its_words() {
    let mut azure = azure("rules: []");
    for (method, path, body, status, wanted) in [
        ("GET", "Microsoft.Network/virtualNetworks/a", Value::Null, 400, "MissingApiVersionParameter"),
        (
            "GET",
            "Microsoft.Network/virtualNetworks/a?api-version=2000-01-01",
            Value::Null,
            400,
            "NoRegisteredProviderFound",
        ),
        (
            "GET",
            "Microsoft.Network/virtualNetworks?api-version=2000-01-01",
            Value::Null,
            400,
            "InvalidResourceType",
        ),
        (
            "GET",
            "Microsoft.Network/nothings/a?api-version=2024-03-01",
            Value::Null,
            400,
            "InvalidResourceType",
        ),
        ("GET", "Microsoft.Nothing/a/b?api-version=2024-03-01", Value::Null, 404, "InvalidResourceNamespace"),
        ("GET", "?api-version=2000-01-01", Value::Null, 400, "InvalidApiVersionParameter"),
        (
            "GET",
            "Microsoft.Network/virtualNetworks/a?api-version=2024-03-01",
            Value::Null,
            404,
            "ResourceNotFound",
        ),
        (
            "PUT",
            "Microsoft.Network/virtualNetworks/a?api-version=2024-03-01",
            json!({"location": "westeurope", "propertis": {}}),
            400,
            "InvalidRequestFormat",
        ),
        (
            "PUT",
            "Microsoft.Network/virtualNetworks/a?api-version=2024-03-01",
            json!({"location": "nowhere", "properties": {}}),
            400,
            "LocationNotAvailableForResourceType",
        ),
        (
            "PUT",
            "Microsoft.Compute/virtualMachines/a?api-version=2024-07-01",
            json!({"location": "westeurope", "properties": {"hardwareProfile": {"size": "x"}}}),
            400,
            "BadRequest",
        ),
        (
            "PUT",
            "Microsoft.Compute/virtualMachines/a?api-version=2024-07-01",
            json!({"properties": {}}),
            400,
            "LocationRequired",
        ),
        ("DELETE", "/resourceGroups/none?api-version=2021-04-01", Value::Null, 404, "ResourceGroupNotFound"),
    ] {
        let response = azure.ask(method, path, &body);
        assert_eq!((response.status, code(&response)), (status, wanted), "{method} {path}");
    }
    assert_eq!(
        azure
            .ask("DELETE", "Microsoft.Network/virtualNetworks/a?api-version=2024-03-01", &Value::Null)
            .status,
        204
    );
}

#[test]
fn an_operation_is_followed_in_the_style_that_is_asked_for() {
    for (style, wanted) in [
        ("azure-async-operation", "azure-asyncoperation"),
        ("location", "location"),
        ("provisioning-state", "etag"),
    ] {
        let mut azure = azure(&format!(
            "rules: [{{method: [PUT], path: '**/virtualNetworks/*', style: {style}, latency: 0.05}}]"
        ));
        let body = json!({"location": "westeurope", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}});
        let path = format!("Microsoft.Network/virtualNetworks/net{NETWORK}");
        let response = azure.ask("PUT", &path, &body);
        assert!(header(&response, wanted).is_some(), "{style}: {response:?}");
        assert_eq!(response.status == 202, style == "location");
        let shown = azure.ask("GET", &path, &Value::Null).body.unwrap();
        assert_eq!(shown["properties"]["provisioningState"], "Updating");
        if let Some(link) = header(&response, "location").or(header(&response, "azure-asyncoperation")) {
            let path = link.split_once("0a1").unwrap().1.to_owned();
            let going = azure.ask("GET", &path, &Value::Null);
            assert!(going.status == 202 || going.body.unwrap()["status"] == "InProgress");
            std::thread::sleep(Duration::from_millis(60));
            let ended = azure.ask("GET", &path, &Value::Null);
            assert!(ended.status == 200 && ended.body.as_ref().unwrap().get("error").is_none(), "{ended:?}");
        }
        std::thread::sleep(Duration::from_millis(60));
        let shown = azure.ask("GET", &path, &Value::Null).body.unwrap();
        assert_eq!(shown["properties"]["provisioningState"], "Succeeded");
    }
}

#[test]
fn a_scenario_brings_about_what_goes_wrong() {
    let mut azure = azure(
        "rules:\n- {method: [PUT], path: '**/virtualMachines/*', count: 1, fail: {code: SkuNotAvailable, message: No room.}}\n- {method: [GET], path: '**/disks', every: 2, answer: {status: 429, retry_after: 7}}\n- {path: '**/virtualMachines/b', boots: false}\n",
    );
    network(&mut azure);
    assert_eq!(machine(&mut azure, "a").unwrap_err()["code"], "SkuNotAvailable");
    let path = format!("Microsoft.Compute/virtualMachines/a{COMPUTE}");
    assert_eq!(
        azure.ask("GET", &path, &Value::Null).body.unwrap()["properties"]["provisioningState"],
        "Failed"
    );
    // The same request once more mends it.
    machine(&mut azure, "a").unwrap();
    assert_eq!(
        azure.ask("GET", &path, &Value::Null).body.unwrap()["properties"]["provisioningState"],
        "Succeeded"
    );
    let disks = "Microsoft.Compute/disks?api-version=2024-03-02";
    assert_eq!(azure.ask("GET", disks, &Value::Null).status, 200);
    let refused = azure.ask("GET", disks, &Value::Null);
    assert_eq!((refused.status, header(&refused, "retry-after")), (429, Some("7")));
    machine(&mut azure, "b").unwrap();
    let path = format!("Microsoft.Compute/virtualMachines/b/instanceView{COMPUTE}");
    let view = azure.ask("GET", &path, &Value::Null).body.unwrap();
    assert_eq!(view["vmAgent"]["statuses"][0]["displayStatus"], "Not Ready");
}

#[test]
fn a_virtual_network_takes_one_write_at_a_time_and_others_wait_for_it() {
    let mut azure = azure("rules: [{method: [PUT], path: '**/subnets/*', latency: 60}]");
    network(&mut azure);
    let subnet = json!({"properties": {"addressPrefix": "10.0.16.0/24"}});
    let path = |name: &str| format!("Microsoft.Network/virtualNetworks/net/subnets/{name}{NETWORK}");
    assert_eq!(azure.ask("PUT", &path("b"), &subnet).status, 201);
    let second = azure.ask("PUT", &path("c"), &subnet);
    assert_eq!((second.status, code(&second)), (409, "AnotherOperationInProgress"));
    let refused = machine(&mut azure, "vm").unwrap_err();
    assert_eq!(refused["code"], "RetryableError");
    assert_eq!(refused["details"][0]["code"], "ReferencedResourceNotProvisioned");
}

#[test]
fn numbers_of_sizes_are_whole() {
    let mut azure = azure("rules: []");
    let path = format!("/providers/Microsoft.Compute/locations/westeurope/vmSizes{COMPUTE}");
    let sizes = azure.ask("GET", &path, &Value::Null).body.unwrap();
    let sizes = sizes["value"].as_array().unwrap();
    assert!(!sizes.is_empty() && sizes.iter().all(|size| size["memoryInMB"].is_u64()));
}

#[test]
fn a_token_expires() {
    let grant = |azure: &Asked| {
        let settings = &azure.cloud.settings;
        let body = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}&scope=https%3A%2F%2Fmanagement.azure.com%2F.default",
            settings.client_id, settings.client_secret
        );
        let target = format!("/{}/oauth2/v2.0/token", settings.tenant);
        let request =
            Request { method: "POST".to_owned(), target, headers: Vec::new(), body: body.into_bytes() };
        let granted = token::answer(&azure.cloud, &request, "http://sim").unwrap().body.unwrap();
        let header = format!("Bearer {}", granted["access_token"].as_str().unwrap());
        let request = Request { headers: vec![("authorization".to_owned(), header)], ..Request::default() };
        token::check(&azure.cloud, &request).map_err(|failure| failure.code)
    };
    let mut azure = azure("rules: []");
    assert_eq!(grant(&azure), Ok(()));
    azure.cloud.settings.token_lifetime = Duration::ZERO;
    assert_eq!(grant(&azure), Err("ExpiredAuthenticationToken".to_owned()));
    let nobody = token::check(&azure.cloud, &Request::default()).unwrap_err();
    assert_eq!((nobody.status, nobody.code.as_str()), (401, "AuthenticationFailed"));
}

#[test]
fn five_hundred_machines_are_listed_at_once() {
    let mut azure = azure("rules: []");
    network(&mut azure);
    for number in 0..500 {
        machine(&mut azure, &format!("vm-{number}")).unwrap();
    }
    let started = Instant::now();
    for list in [
        format!("/providers/Microsoft.Compute/virtualMachines{COMPUTE}"),
        format!("/providers/Microsoft.Compute/virtualMachines{COMPUTE}&statusOnly=true"),
        format!("/providers/Microsoft.Network/networkInterfaces{NETWORK}"),
    ] {
        let (mut path, mut found, mut pages) = (list.clone(), 0, 0);
        loop {
            let page = azure.ask("GET", &path, &Value::Null).body.unwrap();
            (found, pages) = (found + page["value"].as_array().unwrap().len(), pages + 1);
            let Some(next) = page["nextLink"].as_str() else { break };
            path = next.split_once("0a1").unwrap().1.to_owned();
        }
        assert_eq!((found, pages), (500, 5), "{list}");
    }
    // It takes milliseconds; what is allowed leaves room for a busy machine.
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    azure.done("DELETE", "?api-version=2021-04-01", &Value::Null).unwrap();
    assert_eq!(azure.cloud.store.under("/").count(), 0);
}
