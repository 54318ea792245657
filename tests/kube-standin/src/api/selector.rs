//! Label selectors of lists: `a=b,c in (d,e),!f`.

use serde_json::Value;

use super::answer::Refusal;

/// What is asked of one label.
#[derive(Debug, PartialEq)]
enum Wish {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Missing(String),
}

/// What is asked of an object's labels.
#[derive(Debug, PartialEq)]
pub(super) struct Selector(Vec<Wish>);

impl Selector {
    /// Reads a selector.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        terms(text).map(|term| wish(term.trim())).collect::<Option<_>>().map(Self).ok_or_else(|| {
            Refusal::bad_request(format!("unable to parse requirement: {text:?} is no selector"))
        })
    }

    /// Whether an object has such labels.
    pub(super) fn matches(&self, object: &Value) -> bool {
        let label = |name: &str| object["metadata"]["labels"][name].as_str();
        self.0.iter().all(|wish| match wish {
            Wish::In(name, values) => {
                label(name).is_some_and(|found| values.iter().any(|value| value == found))
            }
            Wish::NotIn(name, values) => {
                label(name).is_none_or(|found| values.iter().all(|value| value != found))
            }
            Wish::Exists(name) => label(name).is_some(),
            Wish::Missing(name) => label(name).is_none(),
        })
    }
}

/// The terms between commas; those in parentheses part values.
fn terms(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0;
    text.split(move |letter| {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        letter == ',' && depth == 0
    })
}

fn wish(term: &str) -> Option<Wish> {
    let known = |name: &str| Some(name.trim().to_owned()).filter(|name| !name.is_empty());
    if let Some(name) = term.strip_prefix('!') {
        return known(name).map(Wish::Missing);
    }
    if let Some(inner) = term.strip_suffix(')') {
        let (head, values) = inner.split_once('(')?;
        let values = values.split(',').map(|value| value.trim().to_owned()).collect();
        let head = head.trim();
        return match head.strip_suffix(" notin") {
            Some(name) => Some(Wish::NotIn(known(name)?, values)),
            None => Some(Wish::In(known(head.strip_suffix(" in")?)?, values)),
        };
    }
    if let Some((name, value)) = term.split_once("!=") {
        return Some(Wish::NotIn(known(name)?, vec![value.trim().to_owned()]));
    }
    match term.split_once('=') {
        Some((name, value)) => {
            Some(Wish::In(known(name)?, vec![value.trim_start_matches('=').trim().to_owned()]))
        }
        None => known(term).filter(|name| !name.contains(' ')).map(Wish::Exists),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn labels_are_selected() {
        let object = json!({"metadata": {"labels": {"app": "web", "tier": "front"}}});
        let matches = |text: &str| Selector::parse(text).ok().unwrap().matches(&object);
        for text in [
            "app=web",
            "app == web,tier",
            "app in (db, web),tier!=back",
            "tier notin (back)",
            "!zone,app",
            "zone!=x",
        ] {
            assert!(matches(text), "{text}");
        }
        for text in ["app=db", "zone", "app notin (web,db)", "!app", "app in (db)"] {
            assert!(!matches(text), "{text}");
        }
        for text in ["", "a,,b", "app near (x)", "=x", "one two"] {
            assert!(Selector::parse(text).is_err(), "{text}");
        }
    }
}
