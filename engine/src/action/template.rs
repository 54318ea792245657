//! `template`: renders a template here and puts the text on the host.

use std::path::Path;
use std::sync::Arc;

use clouder_lang::Source;
use clouder_modules::Arguments;
use clouder_modules::system::attributes::FileAttributes;
use serde_json::{Map, Value};

use super::copy::base_name;
use super::local_file::describe;
use super::{Action, LocalFile, Payload, Running};
use crate::run::{Step, StepError};
use crate::template::{RenderOptions, Scope, TemplateError};

/// Renders a template with the host's variables and puts the text into a file of the host.
#[derive(Arguments)]
#[expect(dead_code, reason = "what the host does is read by its own module")]
pub struct TemplateArgs {
    /// The template, on the controller: below `templates` of the role or the playbook.
    pub src: String,
    /// The file on the host.
    pub dest: String,
    /// Replace a file that differs; `false` only writes a file that is not there.
    #[arg(default = "true")]
    pub force: bool,
    /// Keep a copy of a file that is replaced.
    #[arg(default = "false")]
    pub backup: bool,
    /// Follow a symbolic link at the destination.
    #[arg(default = "false")]
    pub follow: bool,
    /// A command that checks the new file before it is put in place; `%s` is its path.
    pub validate: Option<String>,
    /// Whether a line break after a block is removed.
    #[arg(default = "true")]
    pub trim_blocks: bool,
    /// Whether blanks in front of a block are removed.
    #[arg(default = "false")]
    pub lstrip_blocks: bool,
    /// What ends lines: `\n`, `\r` or `\r\n`.
    #[arg(default = "\n")]
    pub newline_sequence: String,
    /// What begins an expression.
    pub variable_start_string: Option<String>,
    /// What ends an expression.
    pub variable_end_string: Option<String>,
    /// What begins a statement.
    pub block_start_string: Option<String>,
    /// What ends a statement.
    pub block_end_string: Option<String>,
    /// What begins a comment.
    pub comment_start_string: Option<String>,
    /// What ends a comment.
    pub comment_end_string: Option<String>,
    /// How the template and the file are encoded; only `utf-8`.
    #[arg(default = "utf-8")]
    pub output_encoding: String,
    /// Mode, owner and group.
    #[arg(flatten)]
    pub attributes: FileAttributes,
}

/// The `template` action.
pub struct Template;

impl Action for Template {
    type Args = TemplateArgs;
    const NAME: &'static str = "template";
    const SUMMARY: &'static str = "Renders a template and puts the text on hosts";

    fn run<'a>(args: TemplateArgs, step: &'a Step<'a>) -> Running<'a> {
        Box::pin(async move {
            let path = step.local_path("templates", &args.src)?;
            let failed = |reason: String| {
                StepError::Failed(format!("cannot read the template {}: {reason}", path.display()))
            };
            let read = step.run.loader.files().plain(&path);
            let (bytes, is_secret) = read.map_err(|error| failed(error.to_string()))?;
            let source =
                Source::exactly(&path, bytes.into_owned(), is_secret).map_err(TemplateError::from)?;
            let dest = args.dest.clone();
            let options = RenderOptions {
                trim_blocks: args.trim_blocks,
                lstrip_blocks: args.lstrip_blocks,
                newline_sequence: unescape(&args.newline_sequence),
                variable_start: args.variable_start_string,
                variable_end: args.variable_end_string,
                block_start: args.block_start_string,
                block_end: args.block_end_string,
                comment_start: args.comment_start_string,
                comment_end: args.comment_end_string,
                dest: Some(args.dest.clone()),
            };
            let scope = with_template(step, &path, &dest);
            let rendered = step.run.templates.render(&source, &scope, &options)?;
            let mut payload = Payload::default();
            let (hash, size) = payload
                .add(LocalFile::Bytes(rendered.into_bytes().into()), &step.run.digests)
                .map_err(|error| failed(error.to_string()))?;
            let Value::Object(given) = crate::template::to_json(&step.arguments) else {
                return Err(failed("no arguments".to_owned()));
            };
            let mut arguments = for_copy(given);
            describe(&mut arguments, &hash, size, &base_name(&args.src));
            arguments.insert("src".to_owned(), path.display().to_string().into());
            Ok(step.module("copy", arguments, Some(Arc::new(payload)), None).await?.into())
        })
    }
}

/// The step's variables with those that only templates see.
fn with_template(step: &Step<'_>, path: &Path, dest: &str) -> Arc<dyn Scope> {
    let path_text = path.display().to_string();
    let user = std::env::var("USER").unwrap_or_else(|_| "root".to_owned());
    let variables = [
        ("ansible_managed", step.run.options.managed.clone()),
        ("template_destpath", dest.to_owned()),
        ("template_fullpath", path_text.clone()),
        ("template_host", rustix::system::uname().nodename().to_string_lossy().into_owned()),
        ("template_path", path_text),
        ("template_uid", user),
    ];
    let mut scope = step.variables.clone();
    for (name, value) in variables {
        // What an inventory says of `ansible_managed` is stronger than the usual text.
        if Arc::clone(&step.scope).variable(name).is_none() {
            scope = scope.with_local(name, crate::template::Value::from(value));
        }
    }
    if Arc::clone(&step.scope).variable("template_run_date").is_none() {
        scope = scope.with_local("template_run_date", crate::template::current_moment());
    }
    Arc::new(scope)
}

/// The arguments that the host's `copy` shares with `template`.
fn for_copy(mut arguments: Map<String, Value>) -> Map<String, Value> {
    const OWN: [&str; 10] = [
        "trim_blocks",
        "lstrip_blocks",
        "newline_sequence",
        "variable_start_string",
        "variable_end_string",
        "block_start_string",
        "block_end_string",
        "comment_start_string",
        "comment_end_string",
        "output_encoding",
    ];
    arguments.retain(|name, _| !OWN.contains(&name.as_str()));
    arguments
}

fn unescape(text: &str) -> String {
    text.replace("\\r", "\r").replace("\\n", "\n")
}
