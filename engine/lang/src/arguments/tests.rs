use proptest::prelude::*;

use super::*;
use crate::yaml::{self, to_json};
use crate::{Source, Span};

/// Those that `command` and `shell` take out of their text.
const OPTIONS: &[&str] = &["creates", "removes", "chdir", "executable", "warn", "stdin", "stdin_add_newline"];

fn node(text: &str) -> Node {
    Node::text(text, Span::of_text("t", text))
}

fn told(text: &str, named: Named<'_>) -> String {
    match parse(&node(text), named) {
        Ok(FreeForm { arguments, rest }) => {
            let mut all = to_json(&Node::new(Yaml::Mapping(arguments.into()), Span::of_text("t", "")));
            if let Some(rest) = rest {
                all["_raw_params"] = to_json(&rest);
            }
            all.to_string()
        }
        Err(error) => error.message,
    }
}

/// The expectations are what ansible-core's own function returned for each text.
#[test]
fn pairs_are_read_as_ansible_reads_them() {
    let cases = [
        ("a=b c=d", r#"{"a":"b","c":"d"}"#),
        ("a=\"b c\" d='e f'", r#"{"a":"b c","d":"e f"}"#),
        ("a={{ x }} b={{ y | default(\"z w\") }}", r#"{"a":"{{ x }}","b":"{{ y | default(\"z w\") }}"}"#),
        ("a=\"{{ x }} y\" b", r#"{"a":"{{ x }} y","_raw_params":"b"}"#),
        ("x y=z w", r#"{"y":"z","_raw_params":"x w"}"#),
        ("a= b", r#"{"a":"","_raw_params":"b"}"#),
        ("=b", r#"{"_raw_params":"=b"}"#),
        ("a = b", r#"{"_raw_params":"a = b"}"#),
        ("a==b", r#"{"a":"=b"}"#),
        (r"a=b\=c", r#"{"a":"b\\=c"}"#),
        (r"echo a\=b", r#"{"_raw_params":"echo a=b"}"#),
        (r#"a="x\ny" b=x\ny"#, r#"{"a":"x\ny","b":"x\ny"}"#),
        (r#"a="say \"hi\"""#, r#"{"a":"say \"hi\""}"#),
        (r"a='say \'hi\''", r#"{"a":"say 'hi'"}"#),
        (r#"a="\u00e9\x41""#, r#"{"a":"éA"}"#),
        (r"line='\1 foo' regexp='^(\w+)\s'", r#"{"line":"\\1 foo","regexp":"^(\\w+)\\s"}"#),
        (r"a=b\\c", r#"{"a":"b\\c"}"#),
        ("a=\"b\"c", r#"{"a":"\"b\"c"}"#),
        ("a=b\"c d\"e", r#"{"a":"b\"c d\"e"}"#),
        ("a=\"'x'\" b='\"y\"'", r#"{"a":"'x'","b":"\"y\""}"#),
        ("a='' b=\"\" c=\" x \"", r#"{"a":"","b":"","c":" x "}"#),
        ("a=b\tc=d", r#"{"a":"b\tc=d"}"#),
        ("a=b\n\nc='d\ne'", r#"{"a":"b","c":"d\ne"}"#),
        ("a=b \\\nc=d", r#"{"a":"b","c":"d"}"#),
        ("{{ x }} a=b", r#"{"a":"b","_raw_params":"{{ x }}"}"#),
        ("{{ k }}=v", r#"{"{{ k }}":"v"}"#),
        ("a=\"{{ \"y z\" }}\"", r#"{"a":"{{ \"y z\" }}"}"#),
        ("a=b a=c", r#"{"a":"c"}"#),
        ("a={{ {'b': {'c': 1}} }}", r#"{"a":"{{ {'b': {'c': 1}} }}"}"#),
        ("{{ x | default('a=b') }}.yml", r#"{"_raw_params":"{{ x | default('a=b') }}.yml"}"#),
    ];
    for (text, expected) in cases {
        assert_eq!(told(text, Named::All), expected, "{text}");
    }
}

#[test]
fn command_lines_keep_what_is_theirs() {
    let cases = [
        ("echo a=b c", r#"{"_raw_params":"echo a=b c"}"#),
        ("creates=/x echo hi", r#"{"creates":"/x","_raw_params":"echo hi"}"#),
        ("echo  \"a  b\" creates=\"/x y\" z", r#"{"creates":"/x y","_raw_params":"echo  \"a  b\" z"}"#),
        ("echo a\nb=c creates=/x\nd", r#"{"creates":"/x","_raw_params":"echo a\nb=c d"}"#),
        ("a\n  creates=x\n  b", r#"{"creates":"x","_raw_params":"a\n  b"}"#),
        ("a   creates=x b", r#"{"creates":"x","_raw_params":"a   b"}"#),
        ("a creates=x   b", r#"{"creates":"x","_raw_params":"a b"}"#),
        ("echo a \\\n  b creates=/x", r#"{"creates":"/x","_raw_params":"echo a  b"}"#),
        ("echo \\\necho", r#"{"_raw_params":"echo echo"}"#),
        ("a\\\nb", r#"{"_raw_params":"a\\\nb"}"#),
        ("  a", r#"{"_raw_params":"  a"}"#),
        ("a \\ b", r#"{"_raw_params":"a b"}"#),
        ("a '  x  ' b", r#"{"_raw_params":"a '  x  ' b"}"#),
        ("for i in a b; do\n  echo $i\ndone\n", r#"{"_raw_params":"for i in a b; do\n  echo $i\ndone\n"}"#),
        ("set -e\necho x  y\n\nls -l", r#"{"_raw_params":"set -e\necho x  y\n\nls -l"}"#),
        ("awk '{print $1}' f", r#"{"_raw_params":"awk '{print $1}' f"}"#),
        ("find {} \\; -x", r#"{"_raw_params":"find {} \\; -x"}"#),
    ];
    for (text, expected) in cases {
        assert_eq!(told(text, Named::Only(OPTIONS)), expected, "{text}");
    }
}

#[test]
fn what_is_never_closed_is_pointed_at() {
    for (text, column) in [("a=\"b", 3), ("echo it's", 8), ("a={{ b", 3), ("a={{ 'b }}", 6), ("x={% if", 3)] {
        let error = parse(&node(text), Named::All).unwrap_err();
        assert_eq!(error.span.unwrap().position().column, column, "{text}");
    }
}

#[test]
fn arguments_know_their_places() {
    let source = Source::new("t.yml", "copy: >\n  src=a\n  dest=\"{{ b }}\"\n");
    let document = yaml::load(&source).unwrap().document.unwrap();
    let parsed = parse(document.as_mapping().unwrap().get("copy").unwrap(), Named::All).unwrap();
    let dest = parsed.arguments.entry("dest").unwrap();
    assert_eq!(dest.key.span.to_string(), "t.yml:3:3");
    assert_eq!((dest.value.span.to_string().as_str(), dest.value.span.text()), ("t.yml:3:9", "{{ b }}"));
}

#[test]
fn raw_text_stays_raw() {
    let text = Node::new(Yaml::Raw("a={{ b }} c".into()), Span::of_text("t", "a={{ b }} c"));
    let parsed = parse(&text, Named::All).unwrap();
    assert!(matches!(parsed.arguments.get("a").unwrap().value, Yaml::Raw(_)));
    assert!(matches!(parsed.rest.unwrap().value, Yaml::Raw(_)));
}

proptest! {
    #[test]
    fn no_text_panics(text in "[a={}%#'\"\\\\ \n\tnxué]{0,40}") {
        let _ = parse(&node(&text), Named::All);
        let _ = parse(&node(&text), Named::Only(&["a"]));
    }

    #[test]
    fn text_without_arguments_is_not_changed(text in "[a-z.|'\" \n-]{0,40}") {
        let text = text.trim();
        if let Ok(parsed) = parse(&node(text), Named::All) {
            let rest = parsed.rest.map(|node| node.to_text().to_string()).unwrap_or_default();
            prop_assert_eq!(rest, text);
        }
    }
}
