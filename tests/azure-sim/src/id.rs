//! Ids of resources. Azure keeps their case and compares them without.

use std::fmt;

/// An id: the scope it is in, and what it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceId {
    /// What comes before the last `/providers/`: a subscription, a resource group, or another resource.
    pub scope: String,
    /// Such as `Microsoft.Network`.
    pub provider: String,
    /// Types and names, such as `virtualNetworks` and `main`, then `subnets` and `first`.
    pub path: Vec<(String, String)>,
}

impl ResourceId {
    /// Reads an id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        let at = lower.rfind("/providers/")?;
        let mut words = text[at + "/providers/".len()..].trim_end_matches('/').split('/');
        let provider = words.next()?.to_owned();
        let words: Vec<&str> = words.collect();
        let pairs = words.chunks(2).map(|pair| match pair {
            [kind, name] if !name.is_empty() => Some(((*kind).to_owned(), (*name).to_owned())),
            _ => None,
        });
        let path: Vec<_> = pairs.collect::<Option<_>>()?;
        (!path.is_empty()).then(|| Self { scope: text[..at].to_owned(), provider, path })
    }

    /// What ids are compared by.
    #[must_use]
    pub fn key(&self) -> String {
        key(&self.to_string())
    }

    /// The last name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.last().map(|(_, name)| name.as_str()).unwrap_or_default()
    }

    /// The types alone, such as `virtualNetworks/subnets`.
    #[must_use]
    pub fn kind(&self) -> String {
        self.path.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>().join("/")
    }

    /// Provider and types, such as `Microsoft.Network/virtualNetworks`.
    #[must_use]
    pub fn full_kind(&self) -> String {
        format!("{}/{}", self.provider, self.kind())
    }

    /// The resource this one is within, if it is.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let mut parent = self.clone();
        parent.path.pop();
        (!parent.path.is_empty()).then_some(parent)
    }

    /// A resource within this one.
    #[must_use]
    pub fn child(&self, kind: &str, name: &str) -> Self {
        let mut child = self.clone();
        child.path.push((kind.to_owned(), name.to_owned()));
        child
    }

    /// The name of the resource group, if it is in one.
    #[must_use]
    pub fn group(&self) -> Option<&str> {
        group_of(&self.scope)
    }

    /// A resource of the same resource group.
    #[must_use]
    pub fn beside(&self, provider: &str, kind: &str, name: &str) -> Self {
        Self {
            scope: self.scope.clone(),
            provider: provider.to_owned(),
            path: vec![(kind.to_owned(), name.to_owned())],
        }
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/providers/{}", self.scope, self.provider)?;
        self.path.iter().try_for_each(|(kind, name)| write!(formatter, "/{kind}/{name}"))
    }
}

/// What ids are compared by.
#[must_use]
pub fn key(id: &str) -> String {
    id.trim_end_matches('/').to_ascii_lowercase()
}

/// The resource group that a scope or id names.
#[must_use]
pub fn group_of(id: &str) -> Option<&str> {
    let mut words = id.split('/');
    words.find(|word| word.eq_ignore_ascii_case("resourcegroups"))?;
    words.next().filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_taken_apart_and_put_together() {
        let text =
            "/subscriptions/s/resourceGroups/G/providers/Microsoft.Network/virtualNetworks/v/subnets/a";
        let id = ResourceId::parse(text).unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(
            (id.group(), id.name(), id.kind()),
            (Some("G"), "a", "virtualNetworks/subnets".to_owned())
        );
        assert_eq!(id.parent().unwrap().key(), key(text.trim_end_matches("/subnets/a")));
        assert!(ResourceId::parse("/subscriptions/s").is_none());
        assert!(ResourceId::parse("/subscriptions/s/providers/P/t").is_none());
    }

    #[test]
    fn an_extension_is_within_the_scope_of_its_resource() {
        let id = ResourceId::parse("/subscriptions/s/resourceGroups/g/providers/A.B/c/d/providers/Microsoft.Authorization/roleAssignments/r").unwrap();
        assert_eq!(id.scope, "/subscriptions/s/resourceGroups/g/providers/A.B/c/d");
        assert_eq!(id.kind(), "roleAssignments");
    }
}
