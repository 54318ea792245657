//! No template panics, whatever its filters and tests are given; and all filters and tests of Ansible are there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clouder_lang::Span;
use clouder_lang::yaml::Node;
use clouder_vault::Keyring;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::{PluginFolders, Scope, TemplateError, TemplateOptions, Templates, Value, to_json, to_text};
use crate::config::Config;

/// A few variables.
#[derive(Debug)]
struct Few;

impl Scope for Few {
    fn variable(self: Arc<Self>, name: &str) -> Option<Result<Value, TemplateError>> {
        let value = match name {
            "text" => Value::from("a,b c\n2024-02-30T10:00:00 ünï"),
            "number" => Value::from(7),
            "fraction" => Value::from(-2.5),
            "list" => Value::from_iter([3, 1, 2].map(Value::from)),
            "names" => Value::from_iter(["b", "", "10.0.0.0/8"].map(Value::from)),
            "mapping" => Value::from_pairs([("a", Value::from(1)), ("b", Value::from("x"))]),
            "rows" => {
                let row =
                    |key: &str| Value::from_pairs([("key", Value::from(key)), ("value", Value::from(1))]);
                Value::from_iter([row("x"), row("y")])
            }
            _ => return None,
        };
        Some(Ok(value))
    }

    fn names(&self) -> Vec<Arc<str>> {
        Vec::new()
    }

    fn search_path(&self) -> Vec<PathBuf> {
        Vec::new()
    }
}

fn templates() -> Arc<Templates> {
    Templates::new(TemplateOptions {
        read: Arc::new(|_: &Path| Err(std::io::Error::other("there are no files"))),
        keyring: Arc::new(Keyring::default()),
        lenient_conditions: false,
        config: Arc::new(Config::default()),
        plugins: PluginFolders::default(),
    })
}

/// The names that the sources of filters or tests add to an environment, and some that are Jinja's.
fn added(what: &str, jinja: &[&str]) -> Vec<String> {
    fn collect(folder: &Path, start: &str, names: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, start, names);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            names.extend(
                text.split(start).skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())),
            );
        }
    }
    let mut names: Vec<String> = jinja.iter().map(ToString::to_string).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/template");
    collect(&folder, &format!("add_{what}(\""), &mut names);
    // Making keys is slow on purpose, and files are none of ours.
    names.retain(|name| !matches!(name.as_str(), "password_hash" | "vault" | "unvault" | "fileglob"));
    names
}

fn atom() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "text",
        "number",
        "fraction",
        "list",
        "names",
        "mapping",
        "rows",
        "nothing",
        "none",
        "true",
        "''",
        "'a'",
        "'%s %05.2f %(a)s %'",
        "'{0:>5} {a!r} {'",
        "'%Y-%m-%d'",
        "'(a)|(b'",
        "'^a.*'",
        "'10.0.0.1/33'",
        "'::1'",
        "'1.2.3-a'",
        "'{\"a\": [1}'",
        "'a: [b'",
        "'1 GB'",
        "0",
        "1",
        "-1",
        "3",
        "12",
        "2.5",
        "[]",
        "{}",
        "[1, [2, 3]]",
        "{'a': {'b': 1}}",
    ])
    .prop_map(str::to_owned)
}

fn expression() -> impl Strategy<Value = String> {
    let filters = added(
        "filter",
        &["batch", "slice", "indent", "map", "select", "groupby", "sort", "sum", "tojson", "items"],
    );
    let tests = added("test", &["divisibleby", "sameas", "eq", "lt", "even", "in"]);
    assert!(filters.len() > 100 && tests.len() > 30, "{filters:?} {tests:?}");
    atom().prop_recursive(3, 12, 3, move |inner| {
        let arguments = prop::collection::vec(
            (prop::sample::select(vec!["", "", "", "attribute=", "default=", "wantlist=", "start=", "x="]), inner.clone())
                .prop_map(|(name, value)| name.to_owned() + &value),
            0..3,
        )
        .prop_map(|list| if list.is_empty() { String::new() } else { format!("({})", list.join(", ")) });
        let operators = prop::sample::select(vec![
            "+", "-", "*", "/", "//", "%", "**", "~", "==", "<", ">=", "in", "not in", "and", "or", "if number else",
        ]);
        let methods = prop::sample::select(vec![
            "split", "join", "format", "replace", "get", "update", "append", "pop", "index", "find", "encode", "zfill",
            "center", "strftime", "items", "insert", "partition", "splitlines", "expandtabs", "translate", "setdefault",
        ]);
        prop_oneof![
            4 => (inner.clone(), prop::sample::select(filters.clone()), arguments.clone())
                .prop_map(|(value, filter, arguments)| format!("({value}) | {filter}{arguments}")),
            2 => (inner.clone(), prop::sample::select(tests.clone()), arguments.clone())
                .prop_map(|(value, test, arguments)| format!("({value}) is {test}{arguments}")),
            2 => (inner.clone(), operators, inner.clone())
                .prop_map(|(one, operator, two)| format!("({one}) {operator} ({two})")),
            2 => (inner.clone(), methods, prop::collection::vec(inner.clone(), 0..3))
                .prop_map(|(value, method, list)| format!("({value}).{method}({})", list.join(", "))),
            1 => (inner.clone(), inner.clone()).prop_map(|(one, two)| format!("({one})[{two}]")),
            1 => (inner.clone(), inner.clone(), inner).prop_map(|(one, two, three)| format!("({one})[{two}:{three}]")),
        ]
    })
}

/// Evaluates a text, and looks at all of what comes out.
fn evaluate(templates: &Templates, text: &str) {
    let scope: Arc<dyn Scope> = Arc::new(Few);
    let node = Node::text(text, Span::of_text("t.j2", text));
    templates.check_text(&node);
    if let Ok(value) = templates.evaluate(&node, &scope) {
        to_text(&value);
        to_json(&value);
    }
}

proptest! {
    // The same each time: what is found by chance is found when nobody looks for it.
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(2026), ..ProptestConfig::with_cases(3000) })]

    #[test]
    fn no_expression_panics(expression in expression()) {
        thread_local!(static TEMPLATES: Arc<Templates> = templates());
        TEMPLATES.with(|templates| evaluate(templates, &format!("{{{{ {expression} }}}}")));
    }

    #[test]
    fn no_text_panics(parts in prop::collection::vec(
        prop::sample::select(vec![
            "{{", "}}", "{%", "%}", "{#", "#}", "-", "+", "if", "else", "endif", "for x in list", "endfor", "set y =",
            "endset", "macro m(a, b=1)", "endmacro", "call m()", "endcall", "filter upper", "endfilter", "raw", "endraw", "block b",
            "endblock", "extends 'x'", "include list", "import 'x' as y", "do", "with", "x", "list", "| map", "'", "\"", "(", ")", "[", "]",
            "{", "}", ",", ".", ":", "1", "\n", " ", "é", "loop.index", "recursive", "break", "ignore missing",
        ]), 0..16))
    {
        thread_local!(static TEMPLATES: Arc<Templates> = templates());
        TEMPLATES.with(|templates| evaluate(templates, &parts.join(" ")));
    }
}

/// The filters that ansible-core 2.19 lists, those of Jinja among them.
const FILTERS: &str = "abs attr b64decode b64encode basename batch bool capitalize center checksum combinations combine comment commonpath \
    count d default dict2items dictsort difference dirname e escape expanduser expandvars extract fileglob \
    filesizeformat first flatten float forceescape format from_json from_yaml from_yaml_all groupby hash human_readable \
    human_to_bytes indent int intersect items items2dict join last length list log lower mandatory map max md5 min \
    normpath password_hash path_join permutations pow pprint product quote random realpath regex_escape regex_findall \
    regex_replace regex_search reject rejectattr rekey_on_member relpath replace reverse root round safe select \
    selectattr sha1 shuffle slice sort split splitext strftime string striptags subelements sum symmetric_difference \
    ternary title to_datetime to_json to_nice_json to_nice_yaml to_uuid to_yaml tojson trim truncate type_debug union \
    unique unvault upper urldecode urlencode urlize urlsplit vault win_basename win_dirname win_splitdrive wordcount \
    wordwrap xmlattr zip zip_longest";

/// And its tests.
const TESTS: &str = "abs all any boolean callable change changed contains defined directory divisibleby eq equalto escaped even exists \
    failed failure false falsy file filter finished float ge greaterthan gt in integer is_abs is_dir is_file is_link \
    is_mount is_same_file isnan issubset issuperset iterable le lessthan link link_exists lower lt mapping match mount \
    nan ne none number odd reachable regex same_file sameas search sequence skip skipped started string subset \
    succeeded success successful superset test timedout true truthy undefined unreachable upper uri url urn \
    vault_encrypted vaulted_file version version_compare";

/// Where Python and ansible-core are at hand, they stand in for what is missing, so that nobody sees it.
#[test]
fn all_filters_and_tests_of_ansible_are_there_without_python() {
    let templates = templates();
    let scope: Arc<dyn Scope> = Arc::new(Few);
    for (sign, names) in [("|", FILTERS), ("is", TESTS)] {
        for name in names.split_whitespace() {
            let text = format!("{{{{ text {sign} {name} }}}}");
            let told = templates.evaluate(&Node::text(text.as_str(), Span::of_text("t.j2", &text)), &scope);
            let told = told.map_err(|error| error.diagnostic.message).err().unwrap_or_default();
            assert!(!told.contains("there is no"), "{name}: {told}");
        }
    }
}

#[test]
fn what_has_no_order_is_sorted_all_the_same() {
    evaluate(&templates(), "{{ text | version_sort }}");
}
