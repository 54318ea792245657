//! Getting, making, changing and deleting objects.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::answer::{self, Refusal};
use super::apply;
use super::authentication::User;
use super::pods;
use super::selector::Selector;
use super::store::{State, Store, key};
use crate::http::{Request, Response};
use crate::listing;
use crate::resources::{self, Resource};
use crate::schema::{self, Mistake, OBJECTS};
use crate::version::Version;

/// What a path names.
struct Target {
    resource: Resource,
    namespace: Option<String>,
    name: Option<String>,
    part: Option<String>,
}

/// Answers a request about objects.
pub(super) fn answer(
    store: &Store,
    request: &Request,
    user: &User,
    version: Version,
) -> Result<Response, Refusal> {
    let state = store.read()?;
    if let Some(response) = discovery(&state, request) {
        return Ok(response);
    }
    let target = target(&state, request.path())?;
    match (request.method.as_str(), target.name.as_deref(), target.part.as_deref()) {
        ("GET", None, None) => list(&state, &target, request),
        ("GET", Some(name), None) => get(&state, &target, name),
        ("POST", None, None) => create(store, &target, body(request)?, user, version),
        ("POST", Some(name), Some("eviction")) => pods::evict(store, target.namespace.as_deref(), name),
        ("PUT", Some(name), part) => {
            let wanted = body(request)?;
            change(store, &target, name, part, version, |live| replaced(live, &wanted))
        }
        ("PATCH", Some(name), part) => patch(store, request, &target, name, part, version),
        ("DELETE", Some(name), None) => delete(store, &target, name),
        _ => Err(Refusal::bad_request("the server does not allow this method on the requested resource")),
    }
}

/// The kinds there are, for clients.
fn discovery(state: &State, request: &Request) -> Option<Response> {
    if request.path() != "/api-resources" {
        return None;
    }
    let kinds: Vec<Value> = kinds(state)
        .map(|kind| json!({"kind": kind.kind, "group": kind.group, "version": kind.version, "plural": kind.plural, "short": kind.short, "namespaced": kind.namespaced}))
        .collect();
    Some(answer::object(200, &Value::Array(kinds)))
}

fn kinds(state: &State) -> impl Iterator<Item = Resource> {
    let custom = state.iter("customresourcedefinitions.apiextensions.k8s.io", None);
    resources::built_in().chain(custom.flat_map(resources::custom))
}

fn target(state: &State, path: &str) -> Result<Target, Refusal> {
    let nowhere = || Refusal::not_found("the server could not find the requested resource");
    let mut words = path.trim_matches('/').split('/');
    let (group, version) = match (words.next(), words.next()) {
        (Some("api"), Some(version)) => (String::new(), version),
        (Some("apis"), Some(group)) => (group.to_owned(), words.next().ok_or_else(nowhere)?),
        _ => return Err(nowhere()),
    };
    let mut rest: Vec<&str> = words.collect();
    let mut namespace = None;
    if rest.first() == Some(&"namespaces") && rest.len() > 2 {
        namespace = rest.get(1).map(|name| (*name).to_owned());
        rest.drain(..2);
    }
    let &plural = rest.first().ok_or_else(nowhere)?;
    let resource = kinds(state)
        .find(|kind| kind.group == group && kind.version == version && kind.plural == plural)
        .ok_or_else(nowhere)?;
    let word = |index: usize| rest.get(index).map(|word| (*word).to_owned());
    Ok(Target { resource, namespace, name: word(1), part: word(2) })
}

impl Target {
    fn key(&self, name: &str) -> String {
        key(&self.plural(), self.namespace.as_deref(), name)
    }

    fn plural(&self) -> String {
        self.resource.qualified()
    }

    fn missing(&self, name: &str) -> Refusal {
        Refusal::not_found(format!("{} {name:?} not found", self.plural()))
    }
}

fn body(request: &Request) -> Result<Value, Refusal> {
    let text = String::from_utf8_lossy(&request.body);
    serde_json::from_str(&text)
        .map_err(|error| Refusal::bad_request(format!("cannot decode the body: {error}")))
}

fn list(state: &State, target: &Target, request: &Request) -> Result<Response, Refusal> {
    let (plural, namespace) = (target.plural(), target.namespace.as_deref());
    let selector = request.parameter("labelSelector").filter(|text| !text.is_empty());
    let selector = selector.map(|text| Selector::parse(&text)).transpose()?;
    let is_meant = |object: &&Value| selector.as_ref().is_none_or(|selector| selector.matches(object));
    let items = || state.iter(&plural, namespace).filter(is_meant);
    if request.header(listing::HEADER).is_some_and(|known| *known == listing::tag(items())) {
        return Ok(Response::new(304, "application/json", ""));
    }
    let items: Vec<&Value> = items().collect();
    let list = json!({"apiVersion": target.resource.api_version(), "kind": format!("{}List", target.resource.kind),
        "metadata": {"resourceVersion": state.revision.to_string()}, "items": items});
    Ok(answer::object(200, &list))
}

fn get(state: &State, target: &Target, name: &str) -> Result<Response, Refusal> {
    let found = state.get(&target.plural(), target.namespace.as_deref(), name);
    found.map(|object| answer::object(200, object)).ok_or_else(|| target.missing(name))
}

fn create(
    store: &Store,
    target: &Target,
    mut object: Value,
    user: &User,
    version: Version,
) -> Result<Response, Refusal> {
    if object["metadata"]["name"].as_str().is_none()
        && let Some(prefix) = object["metadata"]["generateName"].as_str()
    {
        object["metadata"]["name"] = format!("{prefix}{}", pods::suffix()).into();
    }
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    if target.resource.kind == "CertificateSigningRequest" {
        object["spec"]["username"] = user.name.clone().into();
        object["spec"]["groups"] = user.groups.clone().into();
        object["status"] = serde_json::json!({});
    }
    check(target, &object, &name, version)?;
    let made = store.change(|state| {
        if state.objects.contains_key(&target.key(&name)) {
            return Err(Refusal::already_exists(format!("{} {name:?} already exists", target.plural())));
        }
        keep(state, target, &name, object.clone(), None)
    })?;
    Ok(answer::object(201, &made))
}

fn patch(
    store: &Store,
    request: &Request,
    target: &Target,
    name: &str,
    part: Option<&str>,
    version: Version,
) -> Result<Response, Refusal> {
    let mut wanted = body(request)?;
    match request.header("content-type") {
        Some("application/merge-patch+json") => change(store, target, name, part, version, |live| {
            apply::merge(live, &wanted);
            Ok(())
        }),
        Some("application/apply-patch+yaml") => {
            let manager = request.parameter("fieldManager").filter(|text| !text.is_empty());
            let manager =
                manager.ok_or_else(|| Refusal::bad_request("fieldManager is required for apply patch"))?;
            let force = request.parameter("force").as_deref() == Some("true");
            check(target, &wanted, name, version)?;
            encode(&mut wanted);
            let applied = |state: &mut State| {
                let key = target.key(name);
                let before = state.applied.get(&key).and_then(|managers| managers.get(&manager));
                let live = state.at(&key);
                let mut taken = Vec::new();
                for (other, theirs) in
                    state.applied.get(&key).into_iter().flat_map(|managers| managers.iter())
                {
                    let fields = apply::conflicts(live, theirs, &wanted);
                    if *other == manager || fields.is_empty() {
                        continue;
                    }
                    if !force {
                        return Err(Refusal::conflict(format!(
                            "Apply failed with {} conflict{}: conflicts with {other:?}:\n- {}",
                            fields.len(),
                            if fields.len() == 1 { "" } else { "s" },
                            fields.join("\n- ")
                        )));
                    }
                    taken.extend(fields);
                }
                let next = apply::applied(live, before, &wanted);
                let had = live.cloned();
                let kept = keep(state, target, name, next, had.as_ref())?;
                let managers = Arc::make_mut(state.applied.entry(key).or_default());
                managers.values_mut().for_each(|theirs| apply::without(theirs, &taken));
                if managers.insert(manager.clone(), wanted.clone()).as_ref() != Some(&wanted) {
                    state.revision += 1;
                }
                Ok(kept)
            };
            let object = if request.parameter("dryRun").as_deref() == Some("All") {
                let mut seen = None;
                // Failing on purpose is how nothing of it is kept.
                let refused = store.change(|state| {
                    seen = Some(applied(state)?);
                    Err::<Value, _>(Refusal::internal("dry run"))
                });
                match seen {
                    Some(object) => object,
                    None => refused?,
                }
            } else {
                store.change(applied)?
            };
            Ok(answer::object(200, &object))
        }
        other => Err(Refusal::bad_request(format!(
            "the body of the request was in an unknown format: {}",
            other.unwrap_or("none")
        ))),
    }
}

/// Changes an object that is there.
fn change(
    store: &Store,
    target: &Target,
    name: &str,
    part: Option<&str>,
    version: Version,
    change: impl Fn(&mut Value) -> Result<(), Refusal>,
) -> Result<Response, Refusal> {
    let kept = store.change(|state| {
        let live = state.at(&target.key(name)).cloned().ok_or_else(|| target.missing(name))?;
        let mut next = live.clone();
        change(&mut next)?;
        let next = match part {
            // A part is all that changes.
            Some("status" | "approval") => {
                let mut whole = live.clone();
                whole["status"] = next["status"].take();
                whole
            }
            _ => next,
        };
        check(target, &next, name, version)?;
        keep(state, target, name, next, Some(&live))
    })?;
    Ok(answer::object(200, &kept))
}

fn replaced(live: &mut Value, wanted: &Value) -> Result<(), Refusal> {
    let version = &wanted["metadata"]["resourceVersion"];
    if version.as_str().is_some_and(|text| !text.is_empty())
        && *version != live["metadata"]["resourceVersion"]
    {
        return Err(Refusal::conflict(
            "the object has been modified; please apply your changes to the latest version and try again",
        ));
    }
    *live = wanted.clone();
    Ok(())
}

fn delete(store: &Store, target: &Target, name: &str) -> Result<Response, Refusal> {
    let removed = store.change(|state| {
        let removed = state.remove(&target.key(name)).ok_or_else(|| target.missing(name))?;
        if target.resource.kind == "Namespace" {
            let inside: Vec<String> =
                state.objects.keys().filter(|key| key.split('/').nth(1) == Some(name)).cloned().collect();
            inside.iter().for_each(|key| drop(state.remove(key)));
        }
        Ok::<_, Refusal>(removed)
    })?;
    Ok(answer::object(200, &removed))
}

/// Everything that the API finds wrong with an object.
fn check(target: &Target, object: &Value, name: &str, version: Version) -> Result<(), Refusal> {
    let kind = &target.resource.kind;
    if object["kind"] != **kind || object["apiVersion"] != target.resource.api_version() {
        return Err(Refusal::bad_request(format!(
            "the object provided is unrecognized (must be of type {kind}): {} {}",
            object["apiVersion"], object["kind"]
        )));
    }
    if object["metadata"]["name"] != name {
        return Err(Refusal::bad_request(format!(
            "the name of the object ({}) does not match the name on the URL ({name})",
            object["metadata"]["name"]
        )));
    }
    if name.is_empty() {
        return Err(Refusal::invalid(format!(
            "{kind} \"\" is invalid: metadata.name: Required value: name or generateName is required"
        )));
    }
    if OBJECTS.has(kind) {
        let lines: Vec<String> = schema::check(&OBJECTS, kind, object, version.minor)
            .into_iter()
            .map(|mistake| match mistake {
                Mistake::Unknown(path) => format!("unknown field {path:?}"),
                Mistake::Mismatch(text) => text,
            })
            .collect();
        if !lines.is_empty() {
            return Err(Refusal::bad_request(format!(
                "{kind} in version {:?} cannot be handled as a {kind}: strict decoding error: {}",
                target.resource.version,
                lines.join(", ")
            )));
        }
    }
    pods::check_selector(kind, object)
}

/// What the server says where nothing is said: kinds, fields of their `spec`, and values.
const USUAL: [(&str, &str, &str); 2] =
    [("Service", "type", "ClusterIP"), ("PersistentVolume", "persistentVolumeReclaimPolicy", "Retain")];

/// Adds what the server adds, and keeps the object.
fn keep(
    state: &mut State,
    target: &Target,
    name: &str,
    mut object: Value,
    before: Option<&Value>,
) -> Result<Value, Refusal> {
    if target.resource.namespaced {
        let namespace = target.namespace.as_deref().unwrap_or("default");
        if !state.objects.contains_key(&key("namespaces", None, namespace)) {
            return Err(Refusal::not_found(format!("namespaces {namespace:?} not found")));
        }
        object["metadata"]["namespace"] = namespace.into();
    }
    encode(&mut object);
    for (kind, field, usual) in USUAL {
        if target.resource.kind == kind && object["spec"].is_object() && object["spec"][field].is_null() {
            object["spec"][field] = usual.into();
        }
    }
    if matches!(target.resource.kind.as_str(), "Pod" | "PersistentVolumeClaim")
        && object["status"]["phase"].is_null()
    {
        object["status"]["phase"] = "Pending".into();
    }
    let metadata = before.map_or(&Value::Null, |before| &before["metadata"]);
    let now = OffsetDateTime::now_utc().replace_nanosecond(0).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let stamp = now.format(&Rfc3339).unwrap_or_default();
    for (field, new) in [("uid", pods::uid()), ("creationTimestamp", stamp)] {
        object["metadata"][field] = metadata[field].as_str().map_or(new, str::to_owned).into();
    }
    let generation = metadata["generation"].as_u64().unwrap_or(0);
    let same = before.is_some_and(|before| before["spec"] == object["spec"]);
    if object.get("spec").is_some() {
        object["metadata"]["generation"] = (generation + u64::from(!same)).into();
    }
    Ok(state.put(target.key(name), object))
}

/// Turns a Secret's texts into data, as the server does.
fn encode(object: &mut Value) {
    if object["kind"] != "Secret" {
        return;
    }
    let Some(texts) = object.as_object_mut().and_then(|object| object.remove("stringData")) else { return };
    for (name, text) in texts.as_object().into_iter().flatten() {
        object["data"][name] = BASE64.encode(text.as_str().unwrap_or_default()).into();
    }
}
