//! `include_vars`: reads variables from files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clouder_inventory::Variables;
use clouder_lang::yaml::{Mapping, Node, Yaml};
use clouder_modules::args::Choice;
use clouder_modules::{Arguments, Outcome};

use super::{Action, Done, Effect, Running};
use crate::playbook::Files;
use crate::run::{Step, StepError};

/// Reads variables from a file, or from all files of a folder.
#[derive(Arguments)]
#[arguments(exclusive("file", "dir"), one_of("file", "dir"))]
pub struct IncludeVarsArgs {
    /// The file.
    #[arg(name = "file", alias = "_raw_params", free_form)]
    pub file: Option<String>,
    /// The folder.
    pub dir: Option<String>,
    /// Put all variables into one mapping of this name.
    pub name: Option<String>,
    /// How many folders deep; 0 is all.
    #[arg(default = "0")]
    pub depth: usize,
    /// Only files whose name matches this regular expression.
    pub files_matching: Option<String>,
    /// No files whose name matches one of these.
    #[arg(default = "")]
    pub ignore_files: Vec<String>,
    /// Endings of files that are read.
    #[arg(default = "yml,yaml,json")]
    pub extensions: Vec<String>,
    /// `merge`: mappings are merged with those that are there.
    pub hash_behaviour: Option<HashBehaviour>,
    /// Files with other endings are passed over.
    #[arg(default = "false")]
    pub ignore_unknown_extensions: bool,
}

/// What becomes of a mapping that is there already.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashBehaviour {
    /// It is replaced.
    Replace,
    /// It is merged with the new one.
    Merge,
}

/// The `include_vars` action.
pub struct IncludeVars;

impl Action for IncludeVars {
    type Args = IncludeVarsArgs;
    const NAME: &'static str = "include_vars";
    const SUMMARY: &'static str = "Reads variables from files";

    fn run<'a>(args: IncludeVarsArgs, step: &'a Step<'a>) -> Running<'a> {
        Box::pin(async move {
            let files = match (&args.file, &args.dir) {
                (Some(file), _) => vec![find(step, file)?],
                (None, Some(folder)) => of_folder(step.run.loader.files(), &find(step, folder)?, &args)?,
                (None, None) => Vec::new(),
            };
            let mut variables = Variables::new();
            let mut hidden = false;
            for file in &files {
                let node =
                    step.run.loader.load_vars(file).map_err(|error| StepError::Failed(error.to_string()))?;
                let Some(node) = node else { continue };
                hidden |= node.span.source().is_secret();
                let mapping = node.as_mapping().ok_or_else(|| {
                    StepError::Failed(format!(
                        "{} must be a mapping of variables, not {}",
                        file.display(),
                        node.kind()
                    ))
                })?;
                variables.extend(mapping.iter().map(|(name, entry)| (Arc::clone(name), entry.value.clone())));
            }
            let shown: serde_json::Map<String, serde_json::Value> = variables
                .iter()
                .map(|(name, node)| (name.to_string(), clouder_lang::yaml::to_shown_json(node)))
                .collect();
            if let Some(name) = args.name {
                variables = wrapped(name, &variables, step);
            }
            if args.hash_behaviour == Some(HashBehaviour::Merge) {
                merge_with_present(&mut variables, step)?;
            }
            let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
            let outcome =
                Outcome::new(false).with("ansible_included_var_files", names).with("ansible_facts", shown);
            Ok(Done { outcome, effects: vec![Effect::Include(variables)], hidden })
        })
    }
}

fn wrapped(name: String, variables: &Variables, step: &Step<'_>) -> Variables {
    let span = &step.task.span;
    let mut mapping = Mapping::default();
    for (key, value) in variables {
        mapping.insert(Node::text(Arc::clone(key), span.clone()), value.clone());
    }
    let node = Node::new(Yaml::Mapping(Arc::new(mapping)), span.clone());
    std::iter::once((Arc::from(name), node)).collect()
}

/// Merges mappings into those that are there.
fn merge_with_present(variables: &mut Variables, step: &Step<'_>) -> Result<(), StepError> {
    for (name, node) in variables.iter_mut().filter(|(_, node)| node.as_mapping().is_some()) {
        if let Some(present) = Arc::clone(&step.scope).variable(name) {
            let present = crate::template::to_json(&present?);
            *node = node.merged_over(&Node::from_json(&present, &node.span).into_raw());
        }
    }
    Ok(())
}

fn find(step: &Step<'_>, name: &str) -> Result<PathBuf, StepError> {
    step.find("vars", name).ok_or_else(|| {
        StepError::Failed(format!(
            "Could not find or access '{name}' on the controller: looked in {}",
            step.looked_in("vars")
        ))
    })
}

fn of_folder(controller: &Files, folder: &Path, args: &IncludeVarsArgs) -> Result<Vec<PathBuf>, StepError> {
    let regex = |text: &String| {
        fancy_regex::Regex::new(text).map_err(|error| StepError::Failed(format!("`{text}`: {error}")))
    };
    let matching = args.files_matching.as_ref().map(regex).transpose()?;
    let ignored = args.ignore_files.iter().map(regex).collect::<Result<Vec<_>, _>>()?;
    let mut files = Vec::new();
    let mut todo = vec![(folder.to_owned(), 1)];
    while let Some((folder, depth)) = todo.pop() {
        let entries = controller
            .list(&folder)
            .map_err(|error| StepError::Failed(format!("cannot read {}: {error}", folder.display())))?;
        for path in entries {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if controller.is_folder(&path) {
                if args.depth == 0 || depth < args.depth {
                    todo.push((path, depth + 1));
                }
                continue;
            }
            let matches = |regex: &fancy_regex::Regex| regex.is_match(&name).unwrap_or(false);
            if ignored.iter().any(matches) || !matching.as_ref().is_none_or(matches) {
                continue;
            }
            let known = path
                .extension()
                .is_some_and(|ending| args.extensions.iter().any(|known| ending.to_string_lossy() == *known));
            if known {
                files.push(path);
            } else if !args.ignore_unknown_extensions {
                return Err(StepError::Failed(format!(
                    "{} does not have a valid extension: {}",
                    path.display(),
                    args.extensions.join(", ")
                )));
            }
        }
    }
    // The files of a folder come before those of the folders in it.
    files.sort_by(|one, other| one.parent().cmp(&other.parent()).then_with(|| one.cmp(other)));
    Ok(files)
}
