//! All resources, by id, and which of them refer to which.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use crate::id::{ResourceId, key};
use crate::json::text;

/// A resource.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Its id, in the case it was made with.
    pub id: ResourceId,
    /// What a request shows, but for what [`crate::kind::Kind::show`] adds.
    pub value: Value,
    /// What no request shows.
    pub hidden: Value,
    /// Another one after each change.
    pub version: u64,
}

impl Resource {
    /// The ETag.
    #[must_use]
    pub fn etag(&self) -> String {
        format!("W/\"{}\"", crate::random::uuid_of(&format!("{}{}", self.id.key(), self.version)))
    }

    /// Where it is.
    #[must_use]
    pub fn location(&self) -> &str {
        text(&self.value, "/location")
    }
}

/// All resources.
#[derive(Debug, Default)]
pub struct Store {
    resources: BTreeMap<String, Resource>,
    /// By what is referred to: what refers to it, in which resource.
    users: HashMap<String, BTreeMap<String, String>>,
    /// By resource: what it refers to, and from which part.
    uses: HashMap<String, Vec<(String, String)>>,
    version: u64,
}

impl Store {
    /// The resource with this key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Resource> {
        self.resources.get(key)
    }

    /// The resource with this id, as it is written in other resources.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&Resource> {
        self.resources.get(&key(id))
    }

    /// Adds a resource, or replaces it.
    pub fn put(&mut self, id: ResourceId, value: Value, hidden: Value) {
        let key = id.key();
        self.version += 1;
        self.forget_uses(&key);
        let mut found = Vec::new();
        references(&value, &id.to_string(), &key, &mut found);
        for (target, source) in &found {
            self.users.entry(target.clone()).or_default().insert(source.clone(), key.clone());
        }
        self.uses.insert(key.clone(), found);
        self.resources.insert(key, Resource { id, value, hidden, version: self.version });
    }

    /// Changes a resource, if it is there.
    pub fn change(&mut self, key: &str, change: impl FnOnce(&mut Value, &mut Value)) {
        if let Some(mut resource) = self.resources.remove(key) {
            change(&mut resource.value, &mut resource.hidden);
            self.put(resource.id, resource.value, resource.hidden);
        }
    }

    /// Takes a resource away.
    pub fn remove(&mut self, key: &str) -> Option<Resource> {
        self.forget_uses(key);
        self.resources.remove(key)
    }

    fn forget_uses(&mut self, key: &str) {
        for (target, source) in self.uses.remove(key).unwrap_or_default() {
            if let Some(users) = self.users.get_mut(&target) {
                users.remove(&source);
                if users.is_empty() {
                    self.users.remove(&target);
                }
            }
        }
    }

    /// What refers to a resource, or to a part of one: the ids of the parts that do, and the keys of their resources.
    pub fn users<'store>(
        &'store self,
        key: &str,
    ) -> impl Iterator<Item = (&'store str, &'store Resource)> + use<'store> {
        let users = self.users.get(key).into_iter().flatten();
        users.filter_map(|(part, resource)| Some((part.as_str(), self.resources.get(resource)?)))
    }

    /// The first resource of this kind that refers to a resource or a part of one.
    #[must_use]
    pub fn user_of_kind(&self, key: &str, kind: &str) -> Option<(&str, &Resource)> {
        self.users(key).find(|(_, user)| user.id.full_kind().eq_ignore_ascii_case(kind))
    }

    /// All resources whose key begins so, in order.
    pub fn under<'store>(&'store self, prefix: &str) -> impl Iterator<Item = &'store Resource> + use<'store> {
        let prefix = prefix.to_owned();
        let from = self.resources.range(prefix.clone()..);
        from.take_while(move |(key, _)| key.starts_with(&prefix)).map(|(_, resource)| resource)
    }

    /// All resources of a kind, such as `Microsoft.Compute/disks`, whose key begins so.
    pub fn of_kind<'store>(
        &'store self,
        prefix: &str,
        kind: &str,
    ) -> impl Iterator<Item = &'store Resource> + use<'store> {
        let (provider, path) = kind.split_once('/').unwrap_or((kind, ""));
        let (provider, path) = (provider.to_owned(), path.to_owned());
        self.under(prefix).filter(move |resource| {
            resource.id.provider.eq_ignore_ascii_case(&provider)
                && resource.id.kind().eq_ignore_ascii_case(&path)
        })
    }
}

/// Finds the ids of other resources in a document, and the part of it that each is in.
fn references(value: &Value, part: &str, own: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(object) => {
            let mut part = part;
            if let Some(id) = object.get("id").and_then(Value::as_str) {
                let target = key(id);
                if target == own || target.strip_prefix(own).is_some_and(|rest| rest.starts_with('/')) {
                    part = id;
                } else if target.starts_with("/subscriptions/") {
                    found.push((target, part.to_owned()));
                }
            }
            object.values().for_each(|value| references(value, part, own, found));
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, part, own, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn id(text: &str) -> ResourceId {
        ResourceId::parse(&format!("/subscriptions/s/resourceGroups/G/providers/{text}")).unwrap()
    }

    #[test]
    fn who_refers_to_whom_is_known_by_part_and_forgotten_on_change() {
        let mut store = Store::default();
        let (nic, address) = (id("N/nics/n"), id("N/addresses/a"));
        let part = format!("{nic}/ipConfigurations/first");
        let value = json!({"id": nic.to_string(), "properties": {"ipConfigurations": [
            {"id": part, "properties": {"publicIPAddress": {"id": address.to_string().to_uppercase()}}}
        ]}});
        store.put(nic.clone(), value, json!({}));
        let users: Vec<_> = store.users(&address.key()).map(|(part, _)| part.to_owned()).collect();
        assert_eq!(users, [part]);
        assert!(store.user_of_kind(&address.key(), "n/NICS").is_some());
        store.change(&nic.key(), |value, _| *value = json!({}));
        assert_eq!(store.users(&address.key()).count(), 0);
    }

    #[test]
    fn etags_change_with_each_change_and_ids_are_found_in_any_case() {
        let mut store = Store::default();
        store.put(id("N/nics/n"), json!({}), json!({}));
        let find = |store: &Store| {
            store.find("/SUBSCRIPTIONS/s/resourcegroups/g/providers/n/NICS/N").unwrap().etag()
        };
        let first = find(&store);
        store.change(&id("N/nics/n").key(), |value, _| *value = json!({"tags": {}}));
        assert_ne!(first, find(&store));
    }
}
