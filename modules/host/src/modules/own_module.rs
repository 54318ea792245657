//! `_run_module`: runs a module that is no part of clouder: a file that a playbook brings along.
//!
//! What such a module is given and how it answers is Ansible's, so that the ones people have run as they are: see
//! "Developing modules" in Ansible's documentation.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Serialize as _;
use serde_json::ser::{Formatter, Serializer};
use serde_json::{Map, Value};

use crate::args::{Arguments, Choice};
use crate::module::Doing as _;
use crate::outcome::{Diff, DiffSide};
use crate::system::command::{Command, Finished};
use crate::system::words;
use crate::{Context, Module, ModuleError, Outcome};

/// Runs a module of a playbook's own.
#[derive(Arguments)]
pub struct RunOwnModuleArgs {
    /// Hash of the module's content.
    sha256: String,
    /// Name of its file.
    file: PathBuf,
    /// How it takes its arguments.
    #[arg(default = "words")]
    kind: Kind,
    /// What it is given.
    arguments: Map<String, Value>,
    /// The same as words of a shell, for modules that take them so.
    #[arg(default = "")]
    words: String,
    /// What Python calls the module.
    qualified: Option<String>,
    /// Hash of a zip archive with the packages that it imports.
    packages: Option<String>,
    /// Program that runs it, instead of the one that its first line names.
    interpreter: Option<String>,
}

/// How a module takes its arguments.
#[derive(Choice, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A file of `name=value` words.
    Words,
    /// A file of JSON.
    Json,
    /// JSON in the module's own text.
    Inside,
    /// Python that uses `ansible.module_utils`.
    Python,
}

/// What stands for the arguments in the text of a module.
const PLACEHOLDER: &str = "<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>";

/// Runs a module in Python, which lies beside it: its name, the file with its arguments, its packages.
const RUNNER: &str = "import runpy, sys
name, arguments, packages = sys.argv[1:]
sys.argv[1:] = []
sys.path.insert(1, packages)
from ansible.module_utils import basic
with open(arguments, 'rb') as file:
    basic._ANSIBLE_ARGS = file.read()
basic._ANSIBLE_PROFILE = 'legacy'
runpy.run_module(name, init_globals={'_module_fqn': name, '_modlib_path': packages}, run_name='__main__', alter_sys=True)
";

/// How long packages that no module asked for are kept.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// The `_run_module` module.
pub struct RunOwnModule;

impl Module for RunOwnModule {
    type Args = RunOwnModuleArgs;
    const NAME: &'static str = "_run_module";
    const SUMMARY: &'static str = "Runs a module that a playbook brings along";

    fn run(args: RunOwnModuleArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        let folder = tempfile::Builder::new()
            .prefix("module-")
            .tempdir_in(&context.scratch)
            .doing(|| format!("cannot write in {}", context.scratch.display()))?;
        let mut arguments = args.arguments.clone();
        arguments.insert("_ansible_tmpdir".to_owned(), format!("{}/", folder.path().display()).into());
        let failed = |path: &Path| format!("cannot write {}", path.display());
        let content = context.exchange.blob(&args.sha256)?;
        let mut content = fs::read(&content).doing(|| format!("cannot read {}", content.display()))?;
        if args.kind == Kind::Inside {
            content = with_arguments(content, &arguments);
        }
        let name = args.file.file_name().unwrap_or("module".as_ref());
        let module = match &args.qualified {
            Some(qualified) if args.kind == Kind::Python => {
                python_place(folder.path(), qualified).doing(|| failed(folder.path()))?
            }
            _ => folder.path().join(name),
        };
        fs::write(&module, &content)
            .and_then(|()| fs::set_permissions(&module, Permissions::from_mode(0o700)))
            .doing(|| failed(&module))?;
        let given = folder.path().join("args");
        let text = match args.kind {
            Kind::Words => args.words.clone(),
            Kind::Json | Kind::Inside => json(&Value::Object(arguments)),
            Kind::Python => json(&Value::from_iter([("ANSIBLE_MODULE_ARGS", Value::Object(arguments))])),
        };
        private(&given, text.as_bytes()).doing(|| failed(&given))?;
        let command = command(&args, context, folder.path(), &module, &content, &given)?;
        outcome(&command.run()?)
    }
}

/// What runs the module.
fn command(
    args: &RunOwnModuleArgs,
    context: &mut Context,
    folder: &Path,
    module: &Path,
    content: &[u8],
    given: &Path,
) -> Result<Command, ModuleError> {
    let first = content.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let named = first.strip_prefix(b"#!").map(|line| String::from_utf8_lossy(line).trim().to_owned());
    let line = args.interpreter.clone().or(named).unwrap_or_default();
    let mut words = words::split(&line).map_err(|error| ModuleError::new(format!("`{line}`: {error}")))?;
    let is_python = words.first().is_some_and(|word| word.contains("python"));
    // What a module calls python is python3 on hosts of today.
    if args.interpreter.is_none() && (args.kind == Kind::Python || is_python) {
        words = vec![python(context)?];
    }
    let Some((program, more)) = words.split_first() else {
        return Ok(context.command(module).argument(given));
    };
    let command = context.command(program).arguments(more);
    if args.kind != Kind::Python {
        return Ok(command.argument(module).argument(given));
    }
    let runner = folder.join("run.py");
    private(&runner, RUNNER.as_bytes()).doing(|| format!("cannot write {}", runner.display()))?;
    let packages = match &args.packages {
        Some(sha256) => packages(context, sha256)?,
        None => folder.to_owned(),
    };
    let name = args.qualified.as_deref().unwrap_or_default();
    let command = command.environment("PYTHONDONTWRITEBYTECODE", "1").argument(&runner).argument(name);
    Ok(command.argument(given).argument(packages))
}

/// The Python of this host.
fn python(context: &Context) -> Result<String, ModuleError> {
    ["python3", "python"]
        .iter()
        .find_map(|name| context.find_program(name))
        .map(|path| path.to_string_lossy().into_owned())
        .ok_or_else(|| {
            ModuleError::new(
                "this module is written in Python, and the host has no python3; ansible_python_interpreter names another",
            )
        })
}

/// The archive of packages: kept beside the agent, from run to run, where clouder put that itself.
fn packages(context: &mut Context, sha256: &str) -> Result<PathBuf, ModuleError> {
    let agent = std::env::current_exe().ok();
    let ours = agent
        .as_deref()
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("agent-")));
    let Some(folder) = ours.and_then(Path::parent) else { return context.exchange.blob(sha256) };
    let kept = folder.join(format!("packages-{sha256}.zip"));
    if kept.is_file() {
        return Ok(kept);
    }
    let archive = context.exchange.blob(sha256)?;
    let old = |path: &Path| {
        let is_one = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("packages-"));
        let made = path.metadata().and_then(|metadata| metadata.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
        is_one && made.elapsed().is_ok_and(|age| age > KEPT)
    };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten().filter(|entry| old(&entry.path())) {
        let _ = fs::remove_file(entry.path());
    }
    let mut new =
        tempfile::NamedTempFile::new_in(folder).doing(|| format!("cannot write in {}", folder.display()))?;
    let copied = fs::File::open(&archive).and_then(|mut from| std::io::copy(&mut from, &mut new));
    copied.doing(|| format!("cannot write {}", kept.display()))?;
    // Another task may have been faster: it wrote the same.
    new.persist(&kept).map_err(|error| error.error).doing(|| format!("cannot write {}", kept.display()))?;
    Ok(kept)
}

/// Where a module goes to be found by what Python calls it; the folders up to there are made.
fn python_place(folder: &Path, qualified: &str) -> std::io::Result<PathBuf> {
    let mut path: PathBuf = folder.join(qualified.replace('.', "/"));
    path.as_mut_os_string().push(".py");
    if let Some(parent) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    }
    // The package is also in the archive; in a collection there are no files that make packages.
    if let Some(("ansible", _)) = qualified.split_once('.') {
        let shared = "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n";
        fs::write(folder.join("ansible/__init__.py"), shared)?;
        fs::write(folder.join("ansible/modules/__init__.py"), shared)?;
    }
    Ok(path)
}

/// A module's text with its arguments in it.
fn with_arguments(content: Vec<u8>, arguments: &Map<String, Value>) -> Vec<u8> {
    match String::from_utf8(content) {
        Ok(text) => text.replace(PLACEHOLDER, &json(&Value::Object(arguments.clone()))).into_bytes(),
        Err(binary) => binary.into_bytes(),
    }
}

fn private(path: &Path, content: &[u8]) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)
}

/// What a module that ended has said.
fn outcome(finished: &Finished) -> Result<Outcome, ModuleError> {
    let said = finished.out();
    let Some(Value::Object(mut fields)) = json_of(&said) else {
        let reason = if said.contains('{') { "it is not JSON" } else { "No start of json char found" };
        return Err(ModuleError::new(format!("Module result deserialization failed: {reason}"))
            .with("module_stdout", said)
            .with("module_stderr", finished.err())
            .with("rc", finished.code()));
    };
    let mut outcome = Outcome::new(false);
    fields.remove("invocation");
    // What ansible-core 2.19 tells of an exception is for its own use.
    if fields.get("exception").is_some_and(Value::is_object) {
        fields.remove("exception");
    }
    without_internals(&mut fields);
    let flag = |value: Option<Value>| match value {
        Some(Value::Bool(flag)) => flag,
        Some(Value::String(text)) => matches!(text.to_lowercase().as_str(), "true" | "yes" | "1" | "on"),
        Some(Value::Number(number)) => number.as_f64() != Some(0.0),
        _ => false,
    };
    outcome.changed = flag(fields.remove("changed"));
    outcome.skipped = flag(fields.remove("skipped"));
    let code = fields.get("rc").is_some_and(|rc| !matches!(rc.to_string().trim_matches('"'), "0" | "null"));
    outcome.failed = match fields.remove("failed") {
        Some(failed) => flag(Some(failed)),
        None => code,
    };
    match fields.remove("msg") {
        Some(Value::String(text)) => outcome.msg = Some(text),
        Some(other) => drop(fields.insert("msg".to_owned(), other)),
        None => {}
    }
    for (name, what) in [("warnings", ""), ("deprecations", "deprecated: ")] {
        if let Some(Value::Array(items)) = fields.remove(name) {
            outcome.warnings.extend(items.iter().filter_map(text_of).map(|text| format!("{what}{text}")));
        }
    }
    if let Some(Value::Object(facts)) = fields.remove("ansible_facts") {
        outcome.ansible_facts = facts;
    }
    outcome.diff = match fields.remove("diff") {
        Some(Value::Array(items)) => items.iter().filter_map(diff_of).collect(),
        Some(one) => diff_of(&one).into_iter().collect(),
        None => Vec::new(),
    };
    outcome.result = fields;
    Ok(outcome)
}

/// Takes away what modules are told besides their arguments, where they tell it again.
fn without_internals(fields: &mut Map<String, Value>) {
    fields.retain(|name, _| !name.starts_with("_ansible_"));
    fields.values_mut().filter_map(Value::as_object_mut).for_each(without_internals);
}

/// JSON as Python writes it: modules that are no Python may look for it with simple means.
fn json(value: &Value) -> String {
    struct Spaced;
    impl Formatter for Spaced {
        fn begin_array_value<W: ?Sized + Write>(
            &mut self,
            writer: &mut W,
            first: bool,
        ) -> std::io::Result<()> {
            writer.write_all(if first { b"" } else { b", " })
        }
        fn begin_object_key<W: ?Sized + Write>(
            &mut self,
            writer: &mut W,
            first: bool,
        ) -> std::io::Result<()> {
            writer.write_all(if first { b"" } else { b", " })
        }
        fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
            writer.write_all(b": ")
        }
    }
    let mut text = Vec::new();
    // Writing to memory cannot fail.
    let _ = value.serialize(&mut Serializer::with_formatter(&mut text, Spaced));
    String::from_utf8(text).unwrap_or_default()
}

/// The object in what a module wrote: what stands on lines before and after it is not the module's.
fn json_of(said: &str) -> Option<Value> {
    let mut start = 0;
    for line in said.split_inclusive('\n') {
        if line.trim_start().starts_with('{') {
            break;
        }
        start += line.len();
    }
    let mut values = serde_json::Deserializer::from_str(said.get(start..)?).into_iter::<Value>();
    values.next()?.ok()
}

/// A warning, or what is deprecated: text, or a mapping with a message, as ansible-core 2.19 writes it or as before.
fn text_of(item: &Value) -> Option<String> {
    let message = |item: &Value| item.get("msg")?.as_str().map(str::to_owned);
    item.as_str().map(str::to_owned).or_else(|| message(item)).or_else(|| message(item.get("event")?))
}

fn diff_of(value: &Value) -> Option<Diff> {
    let fields = value.as_object()?;
    let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
    let side = |name: &str| match fields.get(name)? {
        Value::Object(attributes) => Some(DiffSide::Attributes(attributes.clone())),
        Value::String(text) => Some(DiffSide::Text(text.clone())),
        other => Some(DiffSide::Text(other.to_string())),
    };
    Some(Diff {
        before_header: text("before_header"),
        after_header: text("after_header"),
        before: side("before"),
        after: side("after"),
        prepared: text("prepared"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::RunOwnModule;
    use crate::Outcome;
    use crate::modules::testing::{context_with, run_in};

    fn run(module: &str, more: &Value) -> Outcome {
        let (mut context, sha256) = context_with(module.as_bytes());
        let mut arguments = json!({"sha256": sha256, "file": "hello.sh", "arguments": {"a": [1, "b c"]}});
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        run_in::<RunOwnModule>(arguments, &mut context)
    }

    #[test]
    fn arguments_come_as_words_json_or_inside() {
        let module = "#!/bin/sh\necho '{\"got\": \"'\"$(cat \"$1\")\"'\"}'\n";
        assert_eq!(run(module, &json!({"words": "a=1 b=2"})).result["got"], "a=1 b=2");
        let module = "#!/bin/sh\nsed 's/.*/{\"got\": &}/' \"$1\"\n";
        assert_eq!(run(module, &json!({"kind": "json"})).result["got"]["a"], json!([1, "b c"]));
        let module = "#!/bin/sh\ncat <<'END'\n{\"got\": <<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>}\nEND\n";
        let outcome = run(module, &json!({"kind": "inside"}));
        assert_eq!(outcome.result["got"]["a"], json!([1, "b c"]));
        assert_eq!(outcome.result["got"].get("_ansible_tmpdir"), None);
    }

    #[test]
    fn what_it_answers_is_the_result() {
        let module = "#!/bin/sh\necho noise\necho '{\"changed\": \"yes\", \"rc\": 3, \"msg\": [1], \"warnings\": [\"w\"], \
                      \"deprecations\": [{\"msg\": \"d\"}], \"ansible_facts\": {\"f\": 1}, \"invocation\": {}, \
                      \"diff\": {\"before\": \"a\", \"after\": \"b\"}}'\necho more\n";
        let outcome = run(module, &json!({}));
        assert!(outcome.changed && outcome.failed, "{outcome:?}");
        assert_eq!(Value::from(outcome.result.clone()), json!({"rc": 3, "msg": [1]}));
        assert_eq!(outcome.warnings, ["w", "deprecated: d"]);
        assert_eq!((outcome.ansible_facts["f"].clone(), outcome.diff.len()), (json!(1), 1));
    }

    #[test]
    fn one_that_answers_nothing_fails_with_what_it_said() {
        let outcome = run("#!/bin/sh\necho hello; echo no >&2; exit 3", &json!({}));
        assert!(outcome.failed && !outcome.changed);
        let said = ["module_stdout", "module_stderr", "rc"].map(|name| outcome.result[name].clone());
        assert_eq!(said, [json!("hello\n"), json!("no\n"), json!(3)]);
        assert!(run("#!/bin/sh\necho '{\"a\": '", &json!({})).failed);
    }

    #[test]
    fn another_program_can_run_it() {
        let module = "#!/no/such/thing\necho '{\"changed\": true}'\n";
        assert!(run(module, &json!({"interpreter": "/bin/sh -e"})).changed);
        assert!(run(module, &json!({})).failed);
    }
}
