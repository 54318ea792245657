//! A schedule, as it is written in a cluster: the spec of a `CheckpointSchedule`.

mod fields;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use self::fields::Fields;
use crate::amount;
use crate::fault::Fault;
use crate::retention::Retention;
use crate::seal::Recipient;
use crate::timetable::{self, Timetable};

/// The API group of schedules.
pub const GROUP: &str = "clouder.io";
/// Its version.
pub const VERSION: &str = "v1";
/// The kind of schedules.
pub const KIND: &str = "CheckpointSchedule";

/// What is checkpointed when, and what becomes of the archives.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// When it is due.
    pub timetable: Timetable,
    /// Whether it rests.
    pub suspend: bool,
    /// Which pods of its namespace, as the API server takes it.
    pub selector: String,
    /// Which containers of them; all if there are none.
    pub containers: Vec<String>,
    /// How long one checkpoint may take.
    pub timeout: Duration,
    /// How late a run may begin: beyond that it is missed.
    pub deadline: Duration,
    /// What happens if a run is due while one goes on.
    pub concurrency: Concurrency,
    /// How many containers are checkpointed at once, each on another node.
    pub parallel: usize,
    /// What is kept on the nodes.
    pub retention: Retention,
    /// Where archives are copied to.
    pub copy: Option<Copy>,
}

/// What happens if a run is due while one goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concurrency {
    /// The new one does not happen.
    Forbid,
    /// What has not begun of the old one does not happen.
    Replace,
}

/// Where archives are copied to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// The name of a store that the scheduler was set up with.
    pub store: String,
    /// Who can read the copies.
    pub recipients: Vec<Recipient>,
    /// After how long copies are deleted.
    pub expire: Duration,
}

impl Schedule {
    /// Reads a whole object, as it is written in a file.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn of_object(object: &Value) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut fields = Fields::new(object, &[], &mut faults);
        for (name, wanted) in [("apiVersion", format!("{GROUP}/{VERSION}")), ("kind", KIND.to_owned())] {
            let found: Option<String> = fields.text(name);
            match found {
                Some(found) if found != wanted => fields.fault(name, format!("`{found}` is not `{wanted}`")),
                Some(_) => {}
                None => fields.missing(name),
            }
        }
        fields.inner("metadata", |metadata| {
            match metadata.text("name") {
                Some(name) if !is_label(&name) => metadata.fault(
                    "name",
                    format!("`{name}` is no name: small letters, digits and hyphens, 63 at most"),
                ),
                Some(_) => {}
                None => metadata.missing("name"),
            }
            if let Some(name) = metadata.text("namespace").filter(|name| !is_label(name)) {
                metadata.fault("namespace", format!("`{name}` is no name of a namespace"));
            }
            metadata.ignore(&["labels", "annotations"]);
        });
        fields.ignore(&["status"]);
        let spec = fields.take("spec");
        fields.end();
        match spec {
            Some(spec) => match Self::of_spec(&spec) {
                Ok(schedule) if faults.is_empty() => return Ok(schedule),
                Ok(_) => {}
                Err(more) => faults.extend(more),
            },
            None => faults.push(Fault { path: vec!["spec".to_owned()], reason: "it is missing".to_owned() }),
        }
        Err(faults)
    }

    /// Reads the spec of a schedule.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn of_spec(spec: &Value) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut fields = Fields::new(spec, &["spec"], &mut faults);
        let zone = fields.text("timeZone").unwrap_or_else(|| "UTC".to_owned());
        let known = timetable::zone(&zone).map(|_| ());
        let known = fields.keep("timeZone", known).is_some();
        let timetable = match fields.text("cron") {
            Some(cron) => fields.keep("cron", Timetable::of(&cron, if known { &zone } else { "UTC" })),
            None => {
                fields.missing("cron");
                None
            }
        };
        let suspend = fields.switch("suspend").unwrap_or(false);
        let selector = fields.inner("selector", selector);
        if selector.as_deref().is_none_or(str::is_empty) {
            fields.fault(
                "selector",
                "it is missing: it says which pods, by matchLabels or matchExpressions".to_owned(),
            );
        }
        let containers = fields.texts("containers");
        let seconds = |value: Option<u64>, otherwise| Duration::from_secs(value.unwrap_or(otherwise));
        let timeout = seconds(fields.number("timeoutSeconds", 1, 3600), 120);
        let deadline = seconds(fields.number("startingDeadlineSeconds", 10, 7 * 24 * 3600), 3600);
        let parallel = fields.number("parallel", 1, 100).unwrap_or(1) as usize;
        let concurrency = match fields.text("concurrencyPolicy").as_deref() {
            None | Some("Forbid") => Concurrency::Forbid,
            Some("Replace") => Concurrency::Replace,
            Some(other) => {
                fields.fault("concurrencyPolicy", format!("`{other}` is neither Forbid nor Replace"));
                Concurrency::Forbid
            }
        };
        let retention = fields.inner("retention", retention).unwrap_or_default();
        let copy = fields.inner("copy", copy).flatten();
        fields.end();
        match (timetable, selector) {
            (Some(timetable), Some(selector)) if faults.is_empty() => Ok(Self {
                timetable,
                suspend,
                selector,
                containers,
                timeout,
                deadline,
                concurrency,
                parallel,
                retention,
                copy,
            }),
            _ => Err(faults),
        }
    }
}

/// Whether a text is a label of DNS, as names of namespaces and most objects are.
fn is_label(text: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    !text.is_empty()
        && text.len() <= 63
        && text.chars().all(fits)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// A selector of labels in the one line that the API server takes.
fn selector(fields: &mut Fields<'_>) -> String {
    let mut parts = Vec::new();
    let labels: BTreeMap<String, String> = fields.map("matchLabels");
    for (key, value) in labels {
        if fields.check_label("matchLabels", &key, &value) {
            parts.push(format!("{key}={value}"));
        }
    }
    fields.each("matchExpressions", |one| {
        let key = one.text("key").unwrap_or_default();
        let values = one.texts("values");
        let operator = one.text("operator").unwrap_or_default();
        if key.is_empty() {
            one.missing("key");
        }
        for value in &values {
            one.check_label("values", &key, value);
        }
        let listed = values.join(",");
        match (operator.as_str(), values.is_empty()) {
            ("In", false) => parts.push(format!("{key} in ({listed})")),
            ("NotIn", false) => parts.push(format!("{key} notin ({listed})")),
            ("Exists", true) => parts.push(key),
            ("DoesNotExist", true) => parts.push(format!("!{key}")),
            ("In" | "NotIn", true) => one.missing("values"),
            ("Exists" | "DoesNotExist", false) => one.fault("values", format!("{operator} takes no values")),
            _ => one.fault("operator", format!("`{operator}` is none of In, NotIn, Exists and DoesNotExist")),
        }
    });
    parts.join(",")
}

fn retention(fields: &mut Fields<'_>) -> Retention {
    let usual = Retention::default();
    let count = fields.number("count", 1, 1000).map_or(usual.count, |count| count as u32);
    let age = fields.text("age").map(|text| amount::time(&text));
    let age = age.and_then(|age| fields.keep("age", age)).unwrap_or(usual.age);
    if age < Duration::from_secs(60) {
        fields.fault("age", "it is less than a minute".to_owned());
    }
    let size = fields.text("size").map(|text| amount::bytes(&text));
    let size = size.and_then(|size| fields.keep("size", size)).unwrap_or(usual.size);
    let manual = fields.switch("manual").unwrap_or(false);
    Retention { count, age, size, manual }
}

fn copy(fields: &mut Fields<'_>) -> Option<Copy> {
    let store = fields.text("store");
    if store.is_none() {
        fields.missing("store");
    }
    if let Some(store) = store.as_deref().filter(|store| !is_label(store)) {
        fields.fault("store", format!("`{store}` is no name of a store"));
    }
    let mut recipients = Vec::new();
    for (place, text) in fields.texts("recipients").iter().enumerate() {
        let read = text.parse::<Recipient>();
        recipients.extend(fields.keep(&format!("recipients.{place}"), read));
    }
    if recipients.is_empty() {
        fields.fault(
            "recipients",
            "it names nobody who can read the copies: it is a list of age1…, see `age-keygen`".to_owned(),
        );
    }
    let expire = match fields.text("expire") {
        Some(text) => fields.keep("expire", amount::time(&text)),
        None => Some(Duration::from_secs(30 * 24 * 3600)),
    };
    Some(Copy { store: store?, recipients, expire: expire? })
}

/// The definition of the kind, as the API server takes it.
#[must_use]
pub fn example() -> Value {
    json!({
        "apiVersion": format!("{GROUP}/{VERSION}"),
        "kind": KIND,
        "metadata": {"name": "nightly", "namespace": "default"},
        "spec": {"cron": "30 2 * * *", "timeZone": "Europe/Berlin", "selector": {"matchLabels": {"app": "web"}}},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

    fn faults(object: &Value) -> Vec<String> {
        Schedule::of_object(object).err().into_iter().flatten().map(|fault| fault.to_string()).collect()
    }

    #[test]
    fn what_is_not_said_has_sane_defaults() {
        let schedule = Schedule::of_object(&example()).unwrap();
        assert_eq!((schedule.selector.as_str(), schedule.parallel, schedule.suspend), ("app=web", 1, false));
        assert_eq!((schedule.retention, schedule.copy), (Retention::default(), None));
        assert_eq!((schedule.timeout.as_secs(), schedule.deadline.as_secs()), (120, 3600));
    }

    #[test]
    fn everything_can_be_said() {
        let mut object = example();
        object["spec"]["selector"]["matchExpressions"] = json!([{"key": "tier", "operator": "In", "values": ["a", "b"]}, {"key": "x", "operator": "DoesNotExist"}]);
        object["spec"]["containers"] = json!(["app"]);
        object["spec"]["concurrencyPolicy"] = "Replace".into();
        object["spec"]["retention"] = json!({"count": 5, "age": "2d", "size": "1Gi", "manual": true});
        object["spec"]["copy"] = json!({"store": "offsite", "recipients": [ANNA], "expire": "90d"});
        let schedule = Schedule::of_object(&object).unwrap();
        assert_eq!(schedule.selector, "app=web,tier in (a,b),!x");
        assert_eq!(schedule.concurrency, Concurrency::Replace);
        assert_eq!(
            schedule.retention,
            Retention { count: 5, age: Duration::from_secs(172_800), size: 1 << 30, manual: true }
        );
        assert_eq!(schedule.copy.unwrap().recipients.len(), 1);
    }

    #[test]
    fn all_that_is_wrong_is_told_with_its_place() {
        let object = json!({
            "apiVersion": "clouder.io/v1", "kind": "CheckpointSchedul", "metadata": {"name": "Nightly"},
            "spec": {
                "cron": "61 * * * *", "timeZone": "Europe/Berlinn", "selector": {"matchLabels": {"a": 1}}, "conatiners": [],
                "timeoutSeconds": 0, "concurrencyPolicy": "Allow",
                "retention": {"count": 0, "age": "soon", "size": "much"},
                "copy": {"recipients": ["age1x", "AGE-SECRET-KEY-1"]},
            },
        });
        let told = faults(&object);
        for (field, word) in [
            ("kind", "CheckpointSchedul"),
            ("metadata.name", "Nightly"),
            ("spec.cron", "61"),
            ("spec.timeZone", "Berlinn"),
            ("spec.selector.matchLabels", "texts"),
            ("spec.conatiners", "containers"),
            ("spec.timeoutSeconds", "between"),
            ("spec.concurrencyPolicy", "Allow"),
            ("spec.retention.count", "0"),
            ("spec.retention.age", "soon"),
            ("spec.retention.size", "much"),
            ("spec.copy.store", "missing"),
            ("spec.copy.recipients.0", "age"),
            ("spec.copy.recipients.1", "secret"),
        ] {
            let found =
                told.iter().any(|line| line.starts_with(&format!("{field}: ")) && line.contains(word));
            assert!(found, "{field} {word}: {told:#?}");
        }
        assert_eq!(faults(&json!([])).first().map(String::as_str), Some("it is a list, not a mapping"));
        assert!(
            faults(&json!({"apiVersion": "clouder.io/v1", "kind": KIND, "metadata": {"name": "a"}}))
                .contains(&"spec: it is missing".to_owned())
        );
    }
}
