//! The client against the simulated Azure.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::net::SocketAddr;
use std::time::Duration;

use azure_sim::cloud::{Cloud as Simulated, Settings};
use azure_sim::machine::Nothing;
use azure_sim::scenario::Scenario;
use azure_sim::server::Server;
use clouder_cloud::azure::{Account, Azure};
use clouder_cloud::{Cloud as _, CloudError};
use serde_json::json;

const GROUPS: &str = "2021-04-01";
const NETWORK: &str = "2024-03-01";
const NET: &str = "resourceGroups/g/providers/Microsoft.Network/virtualNetworks/n";

/// A simulated Azure, and its log.
struct World {
    server: Server,
    account: Account,
    folder: tempfile::TempDir,
}

fn world(scenario: &str, change: impl FnOnce(&mut Settings)) -> World {
    let mut settings = Settings { latency: Duration::from_millis(30), retry_after: 0, ..Settings::default() };
    change(&mut settings);
    let account = Account {
        subscription: Some(settings.subscription.clone()),
        tenant: Some(settings.tenant.clone()),
        client_id: Some(settings.client_id.clone()),
        secret: Some(settings.client_secret.clone()),
        ..Account::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let scenario = Scenario::parse(scenario).unwrap();
    let simulated = Simulated::new(settings, scenario, Box::new(Nothing));
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = Server::start(simulated, address, Some(&folder.path().join("log")), None).unwrap();
    let origin = Some(server.origin.clone());
    World { account: Account { endpoint: origin.clone(), authority: origin, ..account }, server, folder }
}

impl World {
    fn azure(&self) -> Azure {
        Azure::connect(&self.account).unwrap()
    }

    /// How many requests of a method were made to paths that hold a text.
    fn requests(&self, method: &str, part: &str) -> usize {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap();
        let is = |line: &&str| line.contains(&format!("\"method\":\"{method}\"")) && line.contains(part);
        log.lines().filter(is).count()
    }
}

fn network() -> serde_json::Value {
    json!({"location": "westeurope", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}})
}

async fn group(azure: &Azure) {
    azure.put("resourceGroups/g", GROUPS, &json!({"location": "westeurope"})).await.unwrap();
}

#[tokio::test]
async fn resources_are_made_found_and_deleted() {
    let world = world("", |_| {});
    let azure = world.azure();
    assert_eq!(azure.get("resourceGroups/g", GROUPS).await.unwrap(), None);
    group(&azure).await;
    let made = azure.put(NET, NETWORK, &network()).await.unwrap();
    assert_eq!(made["properties"]["provisioningState"], "Succeeded");
    assert_eq!(azure.get(NET, NETWORK).await.unwrap().unwrap()["name"], "n");
    assert!(azure.delete(NET, NETWORK).await.unwrap());
    assert!(!azure.delete(NET, NETWORK).await.unwrap());
    assert!(azure.delete("resourceGroups/g", GROUPS).await.unwrap());
    assert_eq!(azure.get("resourceGroups/g", GROUPS).await.unwrap(), None);
    assert_eq!(world.requests("POST", "/oauth2/v2.0/token"), 1, "a token is asked for once");
}

#[tokio::test]
async fn every_page_of_a_list_is_read() {
    let world = world("", |settings| settings.page = 2);
    let azure = world.azure();
    for number in 0..5 {
        azure
            .put(&format!("resourceGroups/g{number}"), GROUPS, &json!({"location": "westeurope"}))
            .await
            .unwrap();
    }
    assert_eq!(azure.list("resourceGroups", GROUPS).await.unwrap().len(), 5);
}

#[tokio::test]
async fn operations_are_followed_however_they_are_told() {
    for style in ["azure-async-operation", "location", "provisioning-state"] {
        let world = world(
            &format!(
                "rules: [{{method: [PUT], path: '**/virtualNetworks/*', style: {style}, latency: 0.6}}]"
            ),
            |_| {},
        );
        let azure = world.azure();
        group(&azure).await;
        let made = azure.put(NET, NETWORK, &network()).await.unwrap();
        assert_eq!(made["properties"]["provisioningState"], "Succeeded", "{style}");
        assert_eq!(world.requests("PUT", "virtualNetworks/n"), 1, "{style}");
    }
}

#[tokio::test]
async fn refusals_and_failed_operations_keep_azures_words() {
    let rule = "rules: [{method: [PUT], path: '**/virtualNetworks/*', fail: {code: SkuNotAvailable, message: none left}}]";
    let world = world(rule, |_| {});
    let azure = world.azure();
    let CloudError::Refused { status, code, request, .. } =
        azure.put(NET, NETWORK, &network()).await.unwrap_err()
    else {
        panic!("it was not refused")
    };
    assert_eq!((status, code.as_str()), (404, "ResourceGroupNotFound"));
    assert!(request.is_some());
    group(&azure).await;
    let failed = azure.put(NET, NETWORK, &network()).await.unwrap_err();
    assert!(failed.to_string().starts_with("SkuNotAvailable: none left"), "{failed}");
    assert!(failed.hint().is_some_and(|hint| hint.contains("another size")));
}

#[tokio::test]
async fn busy_and_broken_answers_are_tried_again() {
    let rules = "rules: [{method: [PUT], path: '**/resourceGroups/g', count: 2, answer: {status: 429, retry_after: 0}}, \
                 {path: '**/virtualNetworks/*', every: 3, answer: {status: 500}}]";
    let world = world(rules, |_| {});
    let azure = world.azure();
    group(&azure).await;
    azure.put(NET, NETWORK, &network()).await.unwrap();
    assert!(azure.delete(NET, NETWORK).await.unwrap());
}

#[tokio::test]
async fn changes_of_one_network_wait_for_each_other() {
    let world = world("rules: [{path: '**/subnets/*', latency: 0.2}]", |_| {});
    let azure = world.azure();
    group(&azure).await;
    azure.put(NET, NETWORK, &network()).await.unwrap();
    let subnet = |number: usize| {
        let azure = &azure;
        async move {
            let body = json!({"properties": {"addressPrefix": format!("10.0.{number}.0/24")}});
            azure.put(&format!("{NET}/subnets/s{number}"), NETWORK, &body).await
        }
    };
    for made in futures::future::join_all((0..4).map(subnet)).await {
        made.unwrap();
    }
    assert_eq!(world.requests("PUT", "/subnets/"), 4, "none was refused and tried again");
}

#[tokio::test]
async fn a_token_that_has_expired_is_asked_for_again() {
    let world = world("", |settings| settings.token_lifetime = Duration::from_secs(1));
    let azure = world.azure();
    group(&azure).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(azure.get("resourceGroups/g", GROUPS).await.unwrap().is_some());
}

#[tokio::test]
async fn a_wrong_secret_is_told_without_showing_it() {
    let mut world = world("", |_| {});
    world.account.secret = Some("not-the-secret".to_owned());
    let error = world.azure().get("resourceGroups/g", GROUPS).await.unwrap_err();
    assert!(matches!(error, CloudError::Login(_)), "{error:?}");
    assert!(!format!("{error:?} {error} {:?}", world.azure()).contains("not-the-secret"));
}

#[tokio::test]
async fn tokens_go_to_no_other_origin() {
    let world = world("", |settings| settings.page = 1);
    let azure = world.azure();
    let error = azure.get("//evil.example/subscriptions", GROUPS).await.unwrap_err();
    assert!(matches!(error, CloudError::Garbled(_)), "{error}");
    drop(world.server);
}

#[tokio::test]
async fn an_azure_that_is_not_there_is_told_at_once() {
    let mut world = world("", |_| {});
    // Nobody listens on a port that was given back.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nowhere = Some(format!("http://{free}"));
    world.account.endpoint.clone_from(&nowhere);
    let azure = world.azure();
    let begun = std::time::Instant::now();
    let error = azure.get("resourceGroups/g", GROUPS).await.unwrap_err();
    assert!(
        matches!(error, CloudError::Unreachable(_)) && error.to_string().contains("refused"),
        "{error:?}"
    );
    world.account.authority = nowhere;
    let error = world.azure().get("resourceGroups/g", GROUPS).await.unwrap_err();
    assert!(matches!(error, CloudError::Login(_)), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}
