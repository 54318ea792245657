//! Tokens: who gets one, and whether one is good.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::failure::{Failure, Result};
use crate::http::{Request, Response, fields};
use crate::operation::timestamp;
use crate::random;

/// The address that tokens for Azure Resource Manager are meant for, besides the simulator's own.
const AUDIENCES: [&str; 2] = ["https://management.azure.com", "https://management.core.windows.net"];

/// Answers what an authority is asked; none if the request is not for it.
#[must_use]
pub fn answer(cloud: &Cloud, request: &Request, origin: &str) -> Option<Response> {
    let words: Vec<&str> = request.path().split('/').filter(|word| !word.is_empty()).collect();
    let response = match words.as_slice() {
        [_, "oauth2", "v2.0", "token"] | [_, "oauth2", "token"] if request.method == "POST" => {
            grant(cloud, request, words[0], origin)
        }
        [tenant, "v2.0", ".well-known", "openid-configuration"]
        | [tenant, ".well-known", "openid-configuration"] => {
            Response::json(200, configuration(tenant, origin))
        }
        ["common", "discovery", "instance"] => Response::json(200, discovery(cloud, origin)),
        ["metadata", "endpoints"] => Response::json(200, endpoints(cloud, request, origin)),
        ["metadata", "identity", "oauth2", "token"] => managed(cloud, request, origin),
        _ => return None,
    };
    Some(response)
}

/// Gives a token to the application that proves itself by its secret, or by what the federation trusts.
fn grant(cloud: &Cloud, request: &Request, tenant: &str, origin: &str) -> Response {
    let form = fields(&String::from_utf8_lossy(&request.body));
    let field = |name: &str| {
        form.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    };
    let refused = |status: u16, error: &str, code: u32, description: &str| {
        let trace = random::uuid();
        Response::json(
            status,
            json!({"error": error, "error_description": format!("AADSTS{code}: {description} Trace ID: {trace} Timestamp: {}", timestamp(SystemTime::now())),
                "error_codes": [code], "trace_id": trace, "correlation_id": random::uuid()}),
        )
    };
    let settings = &cloud.settings;
    if !tenant.eq_ignore_ascii_case(&settings.tenant) {
        return refused(400, "invalid_request", 90002, &format!("Tenant '{tenant}' not found."));
    }
    if field("grant_type") != "client_credentials" {
        let description = format!("The grant type '{}' is not supported.", field("grant_type"));
        return refused(400, "unsupported_grant_type", 70003, &description);
    }
    if !field("client_id").eq_ignore_ascii_case(&settings.client_id) {
        let description = format!(
            "Application with identifier '{}' was not found in the directory '{tenant}'.",
            field("client_id")
        );
        return refused(400, "unauthorized_client", 700_016, &description);
    }
    let proven = if field("client_assertion_type").ends_with("jwt-bearer") {
        same(field("client_assertion"), &assertion(cloud))
    } else {
        same(field("client_secret"), &settings.client_secret)
    };
    if !proven {
        return refused(401, "invalid_client", 7_000_215, "Invalid client secret provided.");
    }
    let asked = if field("scope").is_empty() { field("resource") } else { field("scope") };
    let audience = asked.trim_end_matches(".default").trim_end_matches('/');
    let is_ours = audience == origin || AUDIENCES.contains(&audience);
    if !is_ours {
        let description = format!("The resource principal named {asked} was not found in the tenant.");
        return refused(400, "invalid_resource", 500_011, &description);
    }
    let (token, expires) = issue(cloud, audience);
    let lifetime = settings.token_told.unwrap_or(settings.token_lifetime).as_secs();
    Response::json(
        200,
        json!({"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime,
            "expires_on": expires.to_string(), "resource": audience, "access_token": token}),
    )
}

/// Gives a token to a machine that has an identity, as an App Service would: whoever knows the header's value is inside.
fn managed(cloud: &Cloud, request: &Request, origin: &str) -> Response {
    if !same(request.header("x-identity-header").unwrap_or_default(), &cloud.settings.client_secret) {
        return Response::json(401, json!({"statusCode": 401, "message": "Unauthorized"}));
    }
    let asked = request.parameter("resource").unwrap_or_default();
    let audience = asked.trim_end_matches('/');
    if audience != origin && !AUDIENCES.contains(&audience) {
        return Response::json(
            400,
            json!({"statusCode": 400, "message": format!("AADSTS500011: {asked} was not found")}),
        );
    }
    let (token, expires) = issue(cloud, audience);
    Response::json(
        200,
        json!({"access_token": token, "expires_on": expires.to_string(), "resource": audience,
            "token_type": "Bearer", "client_id": cloud.settings.client_id}),
    )
}

/// What a federated workload shows instead of a secret.
#[must_use]
pub fn assertion(cloud: &Cloud) -> String {
    let signature = random::signature(cloud.settings.client_secret.as_bytes(), b"federation");
    format!("e30.e30.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn same(one: &str, other: &str) -> bool {
    random::signature(b"compare", one.as_bytes()) == random::signature(b"compare", other.as_bytes())
}

fn issue(cloud: &Cloud, audience: &str) -> (String, u64) {
    let settings = &cloud.settings;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let expires = now + settings.token_lifetime.as_secs();
    let header = json!({"typ": "JWT", "alg": "HS256"});
    let claims = json!({"aud": audience, "iss": format!("https://sts.windows.net/{}/", settings.tenant), "iat": now, "nbf": now,
        "exp": expires, "appid": settings.client_id, "oid": random::uuid_of(&settings.client_id), "tid": settings.tenant,
        "idtyp": "app", "ver": "1.0", "uti": random::uuid()});
    let text = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
    let signature = random::signature(settings.client_secret.as_bytes(), text.as_bytes());
    (format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)), expires)
}

/// Whether a request may be answered.
///
/// # Errors
/// 401 when it carries no token, or none that is good.
pub fn check(cloud: &Cloud, request: &Request) -> Result<()> {
    let refused = |code: &str, message: String| Err(Failure::new(401, code, message));
    let Some(header) = request.header("authorization") else {
        return refused(
            "AuthenticationFailed",
            "Authentication failed. The 'Authorization' header is missing.".to_owned(),
        );
    };
    let invalid = || Failure::new(401, "InvalidAuthenticationToken", "The access token is invalid.");
    let token = header.split_once(' ').filter(|(word, _)| word.eq_ignore_ascii_case("bearer"));
    let (text, signature) = token.and_then(|(_, token)| token.rsplit_once('.')).ok_or_else(invalid)?;
    let right = random::signature(cloud.settings.client_secret.as_bytes(), text.as_bytes());
    if signature != URL_SAFE_NO_PAD.encode(right) {
        return Err(invalid());
    }
    let claims = text.split_once('.').and_then(|(_, claims)| URL_SAFE_NO_PAD.decode(claims).ok());
    let claims: Value = claims.and_then(|claims| serde_json::from_slice(&claims).ok()).ok_or_else(invalid)?;
    let expires = UNIX_EPOCH + std::time::Duration::from_secs(claims["exp"].as_u64().unwrap_or_default());
    let now = SystemTime::now();
    if expires <= now {
        return refused(
            "ExpiredAuthenticationToken",
            format!(
                "The access token expiry UTC time '{}' is earlier than current UTC time '{}'.",
                timestamp(expires),
                timestamp(now)
            ),
        );
    }
    Ok(())
}

fn configuration(tenant: &str, origin: &str) -> Value {
    json!({
        "token_endpoint": format!("{origin}/{tenant}/oauth2/v2.0/token"),
        "authorization_endpoint": format!("{origin}/{tenant}/oauth2/v2.0/authorize"),
        "device_authorization_endpoint": format!("{origin}/{tenant}/oauth2/v2.0/devicecode"),
        "jwks_uri": format!("{origin}/{tenant}/discovery/v2.0/keys"),
        "issuer": format!("{origin}/{tenant}/v2.0"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
        "response_types_supported": ["code", "id_token", "token"],
        "subject_types_supported": ["pairwise"],
        "tenant_region_scope": "EU",
    })
}

fn discovery(cloud: &Cloud, origin: &str) -> Value {
    let host = origin.rsplit('/').next().unwrap_or_default();
    json!({
        "tenant_discovery_endpoint": format!("{origin}/{}/v2.0/.well-known/openid-configuration", cloud.settings.tenant),
        "api-version": "1.1",
        "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
    })
}

/// What `az cloud register` and others ask a cloud about itself.
fn endpoints(cloud: &Cloud, request: &Request, origin: &str) -> Value {
    let one = json!({
        "name": "AzureSimulator",
        "portal": origin,
        "authentication": {
            "loginEndpoint": origin, "audiences": [AUDIENCES[1], AUDIENCES[0]],
            "tenant": cloud.settings.tenant, "identityProvider": "AAD",
        },
        "media": origin, "graphAudience": origin, "graph": origin, "batch": AUDIENCES[0],
        "resourceManager": origin, "gallery": origin, "sqlManagement": origin, "vmImageAliasDoc": origin,
        "activeDirectoryDataLake": origin, "microsoftGraphResourceId": origin,
        "suffixes": {"storage": "core.simulator", "keyVaultDns": "vault.simulator", "sqlServerHostname": "database.simulator", "acrLoginServer": "azurecr.simulator"},
    });
    match request.parameter("api-version").as_deref() {
        Some("2015-01-01") => json!({
            "galleryEndpoint": origin, "graphEndpoint": origin, "portalEndpoint": origin,
            "authentication": {"loginEndpoint": origin, "audiences": [AUDIENCES[1], AUDIENCES[0]]},
        }),
        // From then on a version describes one cloud; those in between describe a list of them.
        Some(version) if version >= "2022-09-01" => one,
        _ => json!([one]),
    }
}
