//! `set_stats`: numbers and notes of a run, told at its end.

use std::sync::Arc;

use clouder_modules::{Arguments, Outcome};
use serde_json::{Map, Value as Json, json};

use super::set_fact::is_variable_name;
use super::{Action, Done, Effect, Running};
use crate::run::StepError;

/// Keeps numbers and notes of a run, which are told at its end where `show_custom_stats` asks for it.
#[derive(Arguments)]
pub struct SetStatsArgs {
    /// What is kept, by name.
    pub data: Json,
    /// Whether each host has its own.
    #[arg(default = "false")]
    pub per_host: bool,
    /// Whether it is added to what is kept already: numbers to numbers, texts and lists to their ends, mappings merged.
    #[arg(default = "true")]
    pub aggregate: bool,
}

/// The `set_stats` action.
pub struct SetStats;

impl Action for SetStats {
    type Args = SetStatsArgs;
    const NAME: &'static str = "set_stats";
    const SUMMARY: &'static str = "Keeps numbers and notes of a run, told at its end";

    fn run<'a>(args: SetStatsArgs, step: &'a crate::run::Step<'a>) -> Running<'a> {
        Box::pin(async move {
            let Json::Object(data) = args.data else {
                return Err(StepError::Failed("The 'data' option needs to be a dictionary/hash".to_owned()));
            };
            if let Some(name) = data.keys().find(|name| !is_variable_name(name)) {
                return Err(StepError::Failed(format!("Invalid variable name '{name}'.")));
            }
            let told = json!({"data": data, "per_host": args.per_host, "aggregate": args.aggregate});
            let host = args.per_host.then(|| Arc::clone(&step.variables.host.name));
            let effect = Effect::Stats { host, data, aggregate: args.aggregate };
            let outcome = Outcome::new(false).with("ansible_stats", told);
            Ok(Done { outcome, effects: vec![effect], ..Done::default() })
        })
    }
}

/// Adds a value to one that is there; those of different kinds stay as they are.
pub(crate) fn add(there: &mut Json, more: Json) {
    match (there, more) {
        (Json::Object(there), Json::Object(more)) => there.extend(more),
        (Json::Array(there), Json::Array(more)) => there.extend(more),
        (Json::String(there), Json::String(more)) => there.push_str(&more),
        (there @ Json::Number(_), Json::Number(more)) => {
            let sum = match (there.as_i64(), more.as_i64()) {
                (Some(one), Some(other)) => one.checked_add(other).map(Json::from),
                _ => there.as_f64().zip(more.as_f64()).map(|(one, other)| Json::from(one + other)),
            };
            *there = sum.unwrap_or_default();
        }
        _ => {}
    }
}

/// Keeps data among what is kept.
pub(crate) fn keep(kept: &mut Map<String, Json>, data: &Map<String, Json>, aggregate: bool) {
    for (name, value) in data {
        match kept.get_mut(name) {
            Some(there) if aggregate => add(there, value.clone()),
            _ => drop(kept.insert(name.clone(), value.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_grows_by_its_kind() {
        let mut kept = Map::new();
        let data = |value: Json| value.as_object().cloned().unwrap();
        keep(&mut kept, &data(json!({"n": 1, "f": 0.5, "t": "a", "l": [1], "d": {"x": 1}})), true);
        keep(&mut kept, &data(json!({"n": 2, "f": 1, "t": "b", "l": [2], "d": {"y": 2}})), true);
        keep(&mut kept, &data(json!({"n": "other"})), true);
        assert_eq!(
            Json::Object(kept.clone()),
            json!({"n": 3, "f": 1.5, "t": "ab", "l": [1, 2], "d": {"x": 1, "y": 2}})
        );
        keep(&mut kept, &data(json!({"n": 9})), false);
        assert_eq!(kept["n"], 9);
    }
}
