//! `clouder k8s schedules`: schedules of checkpoints.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use clouder_checkpoint::Schedule;
use clouder_checkpoint::amount::size;
use clouder_lang::yaml::{self, Node, to_json};
use clouder_lang::{Diagnostic, Source, Span};
use serde_json::{Value, json};

use super::super::table::Table;
use super::super::{Failure, print};
use super::image::Image;
use super::list::Shown;
use super::{Context, Front, Named};

/// What runs schedules, and takes them to a cluster.
const PLAYBOOK: &str = "schedules.yml";

/// Shows, makes and deletes schedules of checkpoints, which the cluster follows by itself.
#[derive(Args)]
pub(super) struct Schedules {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Show what became of the last runs, and when the next ones are due
    Ls {
        #[command(flatten)]
        cluster: Named,
        /// How they are shown
        #[arg(long = "as", value_enum, default_value_t)]
        shown: Shown,
        #[command(flatten)]
        front: Box<Front>,
    },
    /// Make or change the schedules of a file; what follows them is set up with the first
    Apply {
        #[command(flatten)]
        cluster: Named,
        /// The file, with a `CheckpointSchedule` in each of its documents
        file: PathBuf,
        #[command(flatten)]
        front: Box<Front>,
    },
    /// Delete a schedule; archives that it made are kept as long as it said
    Delete {
        #[command(flatten)]
        cluster: Named,
        /// The schedule: NAME, or NAMESPACE/NAME
        name: String,
        #[command(flatten)]
        front: Box<Front>,
    },
}

impl Schedules {
    /// Runs the command; returns the exit code.
    pub(super) fn run(self, context: &Context<'_>) -> Result<i32, Failure> {
        match self.action {
            Action::Ls { cluster, shown, front } => list(&cluster, shown, &front, context),
            Action::Apply { cluster, file, front } => {
                let cluster = cluster.find(context)?;
                let schedules = read(&file)?;
                let image = Image::of_this_program()?;
                let more = json!({
                    "schedules_state": "present", "checkpoint_schedules": schedules,
                    "checkpoint_scheduler_made": image.variables(),
                });
                front.play_alone(&cluster, PLAYBOOK, &more, context)
            }
            Action::Delete { cluster, name, front } => {
                let cluster = cluster.find(context)?;
                let (namespace, name) = name.split_once('/').unwrap_or(("default", &name));
                let one = json!({"name": name, "namespace": namespace});
                let more = json!({"schedules_state": "absent", "checkpoint_schedules": [{"metadata": one}]});
                front.play_alone(&cluster, PLAYBOOK, &more, context)
            }
        }
    }
}

/// The schedules of a file.
///
/// # Errors
/// When it cannot be read, or any of them is wrong: all that is, each with its place.
fn read(file: &PathBuf) -> Result<Vec<Value>, Failure> {
    let text = std::fs::read_to_string(file);
    let text = text.map_err(|error| Failure::plain(format!("cannot read {}: {error}", file.display())))?;
    let source: Arc<Source> = Source::new(file, text);
    let documents = yaml::load_all(&source)?.documents;
    let mut findings = Vec::new();
    let mut schedules = Vec::new();
    for node in documents.iter().filter(|node| !node.is_null()) {
        let object = to_json(node);
        let faults = Schedule::of_object(&object).err().unwrap_or_default();
        findings.extend(
            faults.iter().map(|fault| Diagnostic::error(fault.to_string(), &place(node, &fault.path))),
        );
        schedules.push(object);
    }
    if !findings.is_empty() {
        return Err(findings.into());
    }
    if schedules.is_empty() {
        return Err(Failure::plain(format!("{} has no schedule", file.display())));
    }
    Ok(schedules)
}

/// Where a field is, or that which should have it.
fn place(node: &Node, path: &[String]) -> Span {
    let mut node = node;
    for part in path {
        let inner = match part.parse::<usize>() {
            Ok(index) => node.as_sequence().and_then(|items| items.get(index)),
            Err(_) => node.as_mapping().and_then(|mapping| mapping.get(part)),
        };
        match inner {
            Some(inner) => node = inner,
            None => break,
        }
    }
    node.span.clone()
}

fn list(cluster: &Named, shown: Shown, front: &Front, context: &Context<'_>) -> Result<i32, Failure> {
    let cluster = context.clusters.find(&cluster.cluster)?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("schedules.json");
    let more = json!({"schedules_state": "listed", "schedules_path": path});
    let code = front.play(&cluster, PLAYBOOK, &more, context)?;
    if code != 0 || front.check {
        return Ok(code);
    }
    let listed: Value = serde_json::from_str(&std::fs::read_to_string(&path)?)
        .map_err(|error| Failure::plain(format!("the cluster says nothing of schedules: {error}")))?;
    let mut table = Table::new(&[
        "schedule",
        "cron",
        "time zone",
        "next run",
        "last run",
        "checkpoints",
        "failed",
        "missed",
        "archives",
        "size",
        "copied",
        "state",
    ]);
    for object in listed["items"].as_array().into_iter().flatten() {
        table.add(row(object));
    }
    print(&match shown {
        Shown::Table => table.text(),
        Shown::Json => table.json(),
    });
    Ok(0)
}

/// A schedule in one line.
fn row(object: &Value) -> [Value; 12] {
    let (metadata, spec, status) = (&object["metadata"], &object["spec"], &object["status"]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let nodes: Vec<&Value> =
        status["nodes"].as_object().into_iter().flat_map(|nodes| nodes.values()).collect();
    let sum = |field: &str| nodes.iter().filter_map(|node| node[field].as_u64()).sum::<u64>();
    let last = &status["lastRun"];
    let counted = |field: &str| if last.is_object() { last[field].clone() } else { Value::Null };
    let missed = status["missedRuns"].as_u64().filter(|count| *count > 0);
    [
        format!("{}/{}", text(&metadata["namespace"]), text(&metadata["name"])).into(),
        spec["cron"].clone(),
        spec.get("timeZone").cloned().unwrap_or_else(|| "UTC".into()),
        status["nextRunTime"].clone(),
        last["began"].clone(),
        counted("checkpoints"),
        counted("failed"),
        missed.into(),
        sum("archives").into(),
        size(sum("bytes")).into(),
        if spec["copy"].is_object() { sum("copied").into() } else { Value::Null },
        state(spec, status).into(),
    ]
}

/// How a schedule is, with the first reason why it is not well.
fn state(spec: &Value, status: &Value) -> String {
    let condition = &status["conditions"][0];
    let last = &status["lastRun"];
    let nodes = status["nodes"].as_object();
    let mut node_failures =
        nodes.into_iter().flatten().filter_map(|(node, told)| Some((node, told["failure"].as_str()?)));
    if condition["status"] == "False" {
        return format!("invalid: {}", condition["message"].as_str().unwrap_or_default());
    }
    if condition.is_null() {
        return "not seen by the scheduler yet".to_owned();
    }
    if let Some(failure) = last["failures"].get(0) {
        let whose = match (failure["pod"].as_str(), failure["container"].as_str()) {
            (Some(pod), Some(container)) => format!("{pod}/{container}: "),
            _ => String::new(),
        };
        return format!("failed: {whose}{}", failure["reason"].as_str().unwrap_or_default());
    }
    if last["interrupted"] == true {
        return "interrupted: the scheduler ended before the run did".to_owned();
    }
    if let Some((node, why)) = node_failures.next() {
        return format!("{node}: {why}");
    }
    if let Some(why) = status["copies"]["error"].as_str() {
        return why.to_owned();
    }
    if spec["suspend"] == true {
        return "suspended".to_owned();
    }
    if last.is_object() && last["ended"].is_null() { "runs".to_owned() } else { "ready".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "apiVersion: clouder.io/v1\nkind: CheckpointSchedule\nmetadata: {name: nightly, namespace: shop}\nspec:\n  cron: 30 2 * * *\n  \
                        selector:\n    matchLabels: {app: web}\n";

    fn told(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("schedules.yml");
        std::fs::write(&file, text).unwrap();
        match read(&file) {
            Ok(schedules) => format!("{} schedules", schedules.len()),
            Err(failure) => failure.findings.iter().map(|finding| format!("{finding}\n")).collect(),
        }
    }

    #[test]
    fn all_mistakes_of_a_file_are_told_with_their_places() {
        assert_eq!(told(&format!("{GOOD}---\n{GOOD}")), "2 schedules");
        assert!(told("").contains("has no schedule"));
        let wrong =
            format!("{GOOD}---\n{}", GOOD.replace("30 2", "70 2").replace("matchLabels", "matchLabel"));
        let told = told(&wrong);
        assert!(told.contains("schedules.yml:13:9") && told.contains("spec.cron"), "{told}");
        assert!(told.contains("schedules.yml:15:") && told.contains("spec.selector.matchLabel"), "{told}");
    }

    #[test]
    fn a_schedule_tells_what_is_wrong_with_it_first() {
        let well = json!({"conditions": [{"status": "True"}], "lastRun": {"ended": "x", "failures": []}});
        assert_eq!(state(&json!({}), &well), "ready");
        assert_eq!(state(&json!({"suspend": true}), &well), "suspended");
        assert_eq!(state(&json!({}), &json!({})), "not seen by the scheduler yet");
        let mut ill = well;
        ill["nodes"] = json!({"a": {"archives": 2, "bytes": 2048, "copied": 1}, "b": {"archives": 1, "bytes": 1, "failure": "cannot copy x"}});
        assert_eq!(state(&json!({}), &ill), "b: cannot copy x");
        ill["lastRun"]["failures"] = json!([{"pod": "web", "container": "app", "reason": "no"}]);
        assert_eq!(state(&json!({}), &ill), "failed: web/app: no");
        ill["conditions"][0] = json!({"status": "False", "message": "spec.cron: no"});
        assert_eq!(state(&json!({}), &ill), "invalid: spec.cron: no");
        let object = json!({"metadata": {"namespace": "shop", "name": "nightly"}, "spec": {"cron": "* * * * *", "copy": {}}, "status": ill});
        let row = row(&object);
        assert_eq!(
            (&row[0], &row[2], &row[8], &row[9], &row[10]),
            (&json!("shop/nightly"), &json!("UTC"), &json!(3), &json!("2.0 KiB"), &json!(1))
        );
    }
}
