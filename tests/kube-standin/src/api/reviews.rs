//! What the API says about who somebody is and what somebody may do, and the tokens it gives to service accounts.

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use super::answer::{self, Refusal};
use super::authentication::User;
use super::authorization;
use super::rbac::Wish;
use super::store::{State, Store};
use super::tokens::{Account, Signer};
use crate::http::{Request, Response};

const TOKENS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";
const ACCESS: &str = "/apis/authorization.k8s.io/v1/subjectaccessreviews";

/// Whether something is a review.
pub(super) fn is_one(path: &str) -> bool {
    path == TOKENS || path == ACCESS
}

/// Answers, if the request is one of these.
pub(super) fn answer(request: &Request, store: &Store, signer: &Signer) -> Option<Result<Response, Refusal>> {
    if request.method != "POST" {
        return None;
    }
    let body = || {
        serde_json::from_slice::<Value>(&request.body)
            .map_err(|error| Refusal::bad_request(format!("cannot decode the body: {error}")))
    };
    match request.path() {
        TOKENS => Some(body().and_then(|review| Ok(who(review, &*store.read()?, signer)))),
        ACCESS => Some(body().and_then(|review| Ok(whether(review, &*store.read()?)))),
        path => {
            let words: Vec<&str> = path.trim_matches('/').split('/').collect();
            let &["api", "v1", "namespaces", namespace, "serviceaccounts", name, "token"] = words.as_slice()
            else {
                return None;
            };
            Some(body().and_then(|asked| token(asked, namespace, name, &*store.read()?, signer)))
        }
    }
}

fn who(mut review: Value, state: &State, signer: &Signer) -> Response {
    let token = review["spec"]["token"].as_str().unwrap_or_default();
    review["status"] = match User::by_token(token, state, signer) {
        Some(user) => json!({"authenticated": true, "user": {"username": user.name, "groups": user.groups}}),
        None => json!({"authenticated": false, "error": "invalid bearer token"}),
    };
    answer::object(201, &review)
}

fn whether(mut review: Value, state: &State) -> Response {
    let spec = &review["spec"];
    let groups = spec["groups"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let user = User {
        name: spec["user"].as_str().unwrap_or_default().to_owned(),
        groups: groups.map(str::to_owned).collect(),
    };
    let allowed = authorization::is_allowed(&user, &Wish::asked(&spec["resourceAttributes"]), state);
    review["status"] = json!({"allowed": allowed});
    answer::object(201, &review)
}

fn token(
    mut asked: Value,
    namespace: &str,
    name: &str,
    state: &State,
    signer: &Signer,
) -> Result<Response, Refusal> {
    let found = state.get("serviceaccounts", Some(namespace), name);
    let found = found.ok_or_else(|| Refusal::not_found(format!("serviceaccounts {name:?} not found")))?;
    let seconds = asked["spec"]["expirationSeconds"].as_i64().unwrap_or(3600);
    if seconds < 600 {
        return Err(Refusal::invalid(format!(
            "TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: Invalid value: {seconds}: may not specify a duration less than 10 minutes"
        )));
    }
    let account = Account {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        uid: found["metadata"]["uid"].as_str().unwrap_or_default().to_owned(),
    };
    let (token, end) =
        signer.issue(&account, seconds).map_err(|failure| Refusal::internal(failure.message))?;
    asked["status"] =
        json!({"token": token, "expirationTimestamp": end.format(&Rfc3339).unwrap_or_default()});
    Ok(answer::object(201, &asked))
}
