use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Loaded {
    match load(&Source::new("t.yml", text)) {
        Ok(loaded) => loaded,
        Err(error) => panic!("{error}"),
    }
}

fn json(text: &str) -> String {
    read(text).document.map_or("nothing".to_owned(), |node| to_json(&node).to_string())
}

fn refusal(text: &str) -> String {
    load(&Source::new("t.yml", text)).unwrap_err().message
}

fn tell(value: &Yaml) -> String {
    match value {
        Yaml::Null => "null".to_owned(),
        Yaml::Bool(value) => format!("bool {value}"),
        Yaml::Int(number) => format!("int {number}"),
        Yaml::Float(number) if number.is_nan() => "float nan".to_owned(),
        Yaml::Float(number) => format!("float {number:?}"),
        Yaml::String(text) => format!("text {text}"),
        other => format!("{other:?}"),
    }
}

/// Each line of the table is a scalar and what PyYAML's loader makes of it, written by running it.
#[test]
fn scalars_are_read_as_pyyaml_reads_them() {
    let mut differences = String::new();
    for line in include_str!("scalars.tsv").lines() {
        let (scalar, expected) = line.split_once('\t').unwrap();
        let ours = match load(&Source::new("t.yml", format!("a: {scalar}"))) {
            Ok(loaded) => {
                let document = loaded.document.unwrap();
                tell(&document.as_mapping().unwrap().get("a").unwrap().value)
            }
            Err(_) => "error".to_owned(),
        };
        let same = match (ours.strip_prefix("float "), expected.strip_prefix("float ")) {
            (Some(ours), Some(theirs)) => ours == theirs || ours.parse::<f64>() == theirs.parse(),
            _ => ours == expected,
        };
        if !same {
            writeln!(differences, "{scalar}: {ours}, but PyYAML: {expected}").unwrap();
        }
    }
    assert_eq!(differences, "");
}

#[test]
fn containers_aliases_and_merges() {
    assert_eq!(json(""), "nothing");
    assert_eq!(json("# only a comment\n"), "nothing");
    assert_eq!(json("---\n"), "null");
    assert_eq!(json("a: [1, {b: c}]\nd:\n- e\n-\n"), r#"{"a":[1,{"b":"c"}],"d":["e",null]}"#);
    assert_eq!(json("a: &x {b: 1}\nc: *x\n"), r#"{"a":{"b":1},"c":{"b":1}}"#);
    assert_eq!(
        json("x: &x {b: 1, c: 2}\ny:\n  <<: *x\n  c: 3\n"),
        r#"{"x":{"b":1,"c":2},"y":{"b":1,"c":3}}"#
    );
    assert_eq!(json("<<: [{x: 1}, {x: 2, y: 3}]\nz: 4"), r#"{"x":1,"y":3,"z":4}"#);
    assert_eq!(json("<<: {x: 1}\n<<: {x: 2}\n"), r#"{"x":2}"#);
    assert_eq!(json("\"<<\": 1\n"), r#"{"<<":1}"#);
    assert_eq!(json("a: |\n  x\n   y\n\nb: >-\n  one\n  two\n"), "{\"a\":\"x\\n y\\n\",\"b\":\"one two\"}");
    assert_eq!(json("a: b\r\nc:\r\n  - d\r\n"), r#"{"a":"b","c":["d"]}"#);
    assert_eq!(json("%YAML 1.1\n---\nü: ö\n...\n"), r#"{"ü":"ö"}"#);
}

#[test]
fn json_files_say_what_is_encrypted_and_what_is_no_template() {
    let text = r#"{"a": [{"__ansible_vault": "x"}], "b": {"__ansible_unsafe": "{{ y }}"}, "c": {"__ansible_vault": 1}}"#;
    let values = |node: Node| {
        let mapping = node.as_mapping().unwrap();
        let list = mapping.get("a").unwrap().as_sequence().unwrap();
        [tell(&list[0].value), tell(&mapping.get("b").unwrap().value)]
    };
    let file = load_file(&Source::new("t.json", text)).unwrap().document.unwrap();
    assert_eq!(to_json(&file).pointer("/c/__ansible_vault"), Some(&serde_json::Value::from(1)));
    assert_eq!(values(file), [r#"Vault("x")"#, r#"Raw("{{ y }}")"#]);
    // Only JSON does: in YAML there are tags.
    let file = load_file(&Source::new("t.yml", format!("# YAML\n{text}"))).unwrap().document.unwrap();
    assert!(values(file).iter().all(|value| value.starts_with("Mapping")));
}

#[test]
fn mistakes_in_secret_texts_do_not_quote_them() {
    for text in ["password: @hunter2", "a: hunter2: b", "a: {{ hunter2 }}", "a: !!int hunter2", "a: 'hunter2"]
    {
        let secret = Source::secret("t.yml", text.as_bytes().to_vec()).unwrap();
        let told = load(&secret).unwrap_err().to_string();
        assert!(!told.contains("hunter2") && told.contains("t.yml:1:"), "{told}");
        assert!(told.contains("the line is not shown"), "{told}");
        assert!(load(&Source::new("t.yml", text)).unwrap_err().to_string().contains("hunter2"));
    }
}

/// Forms that libyaml accepts, though a stricter reader would not; values are what PyYAML made of them.
#[test]
fn untidy_texts_are_read_as_libyaml_reads_them() {
    let cases = [
        ("- a: [\n    b\n]\n", r#"[{"a":["b"]}]"#),
        ("- x: [a,\n  b]", r#"[{"x":["a","b"]}]"#),
        ("a: {\n\t\"b\": 1\n}", r#"{"a":{"b":1}}"#),
        ("a:\tb", r#"{"a":"b"}"#),
        ("a: \"x\ny\"\nb: 'z\n\n\tz'", r#"{"a":"x y","b":"z\nz"}"#),
        ("a: 'x'#c", r#"{"a":"x"}"#),
        ("a: |\n  no line break at the end", r#"{"a":"no line break at the end"}"#),
        ("a: >\n x\n  y\n\n z\n\n\nb: |+\n c\n\n", r#"{"a":"x\n y\n\nz\n","b":"c\n\n"}"#),
        ("a: |2-\n    x\n  y\n", r#"{"a":"  x\ny"}"#),
        ("{a, b: , c: d, ? e}", r#"{"a":null,"b":null,"c":"d","e":null}"#),
        ("[a: b, ? c : d, \"e\":f, {x:1}]", r#"[{"a":"b"},{"c":"d"},{"e":"f"},{"x:1":null}]"#),
        ("? a\n? b\n: c\n", r#"{"a":null,"b":"c"}"#),
        ("a:\n- - b\n  - c\n-\n", r#"{"a":[["b","c"],null]}"#),
        ("a: b\n c\n\n d # e\n", r#"{"a":"b c\nd"}"#),
        ("a: &x !!str 1\nb: !!int &y \"2\"\nc: [*x, *y]\n", r#"{"a":"1","b":2,"c":["1",2]}"#),
        ("--- a\n...\n# end\n", r#""a""#),
        (
            "%TAG !y! tag:yaml.org,2002:\n---\na: !y!str 1\nb: !<tag:yaml.org,2002:str> 2",
            r#"{"a":"1","b":"2"}"#,
        ),
        ("a#b: c #d\n-e: -f\n?g: :h\n", r#"{"a#b":"c","-e":"-f","?g":":h"}"#),
    ];
    for (text, expected) in cases {
        assert_eq!(json(text), expected, "{text}");
    }
}

#[test]
fn what_libyaml_refuses_is_refused() {
    let cases = [
        "a: [,]",
        "a: [b",
        "[a]: b",
        "a: b: c",
        "a: - b",
        "- a\nb: c",
        "a: b\n c: d",
        "-\ta: b",
        "a: b\n\t\nc: d",
        ": a",
        "a: 'b' c",
        "a: &x b\nc: &x d",
        "a: *x",
        "%FOO\n---\n",
        "a: b\n...\nc",
        "a: \"\\q\"",
        "a: \"\\ud800\"",
        "a: |x\n b",
        "a: |0\n b",
        "a: !x!y z",
        "&: a",
        "a\nb: c",
        "{a: b\n---\n",
        "a: \"b\n---\nc\"",
        "a: [b:]",
        "a: {b:[]}",
    ];
    for text in cases {
        assert!(load(&Source::new("t.yml", text)).is_err(), "{text}");
    }
}

#[test]
fn tags() {
    assert_eq!(
        json("[!!str 3, !!int \"3\", !!float 3, !!bool \"yes\", !!null '']"),
        r#"["3",3,3.0,true,null]"#
    );
    assert_eq!(json("[!!set {x, y}, !!omap [a: 1]]"), r#"[["x","y"],[["a",1]]]"#);
    assert_eq!(json("!!binary aGk="), r#""hi""#);
    let unsafe_ = read("!unsafe {a: [b, 1, \"{{ c }}\"]}").document.unwrap();
    let items = unsafe_.as_mapping().unwrap().get("a").unwrap().as_sequence().unwrap();
    assert!(matches!(items[0].value, Yaml::Raw(_)) && matches!(items[1].value, Yaml::Int(1)));
    assert!(matches!(items[2].value, Yaml::Raw(_)));
    let vault = read("a: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\n").document.unwrap();
    let Yaml::Vault(text) = &vault.as_mapping().unwrap().get("a").unwrap().value else { panic!("{vault:?}") };
    assert_eq!(&**text, "$ANSIBLE_VAULT;1.1;AES256\n6162\n");
    assert_eq!(vault.as_mapping().unwrap().get("a").unwrap().span.to_string(), "t.yml:1:4");
    assert_eq!(refusal("a: !foo x"), "unknown tag `!foo`");
    assert_eq!(refusal("!!python/object:os.system x"), "unknown tag `!!python/object:os.system`");
    assert_eq!(refusal("!!int x"), "`!!int` does not fit `x`");
    assert_eq!(refusal("!!map [x]"), "`!!map` does not fit this value");
    assert_eq!(refusal("!!seq x"), "`!!seq` needs a list or a mapping, not text");
}

#[test]
fn an_alias_below_unsafe_is_no_template_either() {
    let node = read("a: &x '{{ y }}'\nb: !unsafe [*x]\n").document.unwrap();
    let below = node.as_mapping().unwrap().get("b").unwrap().as_sequence().unwrap();
    assert!(matches!(below[0].value, Yaml::Raw(_)));
}

#[test]
fn json_is_read_by_its_own_rules() {
    assert_eq!(json("{\"a\": 1e3, \"b\": \"\\ud83d\\ude00\"}"), r#"{"a":1000.0,"b":"😀"}"#);
    assert_eq!(json("[1e3, .5]"), r#"["1e3",0.5]"#);
    assert_eq!(json("{\n\t\"a\": [\n\t\t1\n\t]\n}"), r#"{"a":[1]}"#);
}

#[test]
fn duplicate_keys_are_told_with_both_places() {
    let loaded = read("a: 1\nb: 2\na: 3\n");
    assert_eq!(to_json(&loaded.document.unwrap()).to_string(), r#"{"a":3,"b":2}"#);
    let warning = &loaded.warnings[0];
    assert_eq!(warning.span.as_ref().unwrap().to_string(), "t.yml:3:1");
    assert_eq!(warning.trail[0].1.to_string(), "t.yml:1:1");
    assert!(read("<<: {a: 1}\na: 2\n").warnings.is_empty(), "overriding what was merged is no mistake");
}

#[test]
fn several_documents() {
    let all = load_all(&Source::new("t.yml", "a: 1\n---\nb: 2\n---\n")).unwrap();
    let all: Vec<String> = all.documents.iter().map(|node| to_json(node).to_string()).collect();
    assert_eq!(all, [r#"{"a":1}"#, r#"{"b":2}"#, "null"]);
    assert!(refusal("a: 1\n---\nb: 2\n").starts_with("a second document"));
}

#[test]
fn bombs_are_refused() {
    let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let before = format!("*a{}", level - 1);
        writeln!(laughs, "a{level}: &a{level} [{}]", [before.as_str(); 10].join(", ")).unwrap();
    }
    assert!(refusal(&laughs).contains("too large"));
    let mut merges = String::from("a0: &a0 {k0: 1}\n");
    for level in 1..3000 {
        writeln!(merges, "a{level}: &a{level} {{<<: *a{}, k{level}: 1}}", level - 1).unwrap();
    }
    assert!(refusal(&merges).contains("too large"));
    let mut chain = String::from("a0: &a0 [x]\n");
    for level in 1..5000 {
        writeln!(chain, "a{level}: &a{level} [*a{}]", level - 1).unwrap();
    }
    assert!(refusal(&chain).contains("nested"));
    assert!(refusal(&"[".repeat(100_000)).contains("nested"));
    assert!(refusal(&"- ".repeat(100_000)).contains("nested"));
    assert!(refusal("a: &x [*x]").contains("contains it"));
}

#[test]
fn places_of_values() {
    let text =
        "- name: x\n  empty:\n  tagged: !vault &a abc\n  list: [\"q\", 'r']\n  block: |\n    one\n    two\n";
    let node = read(text).document.unwrap();
    let task = node.as_sequence().unwrap()[0].as_mapping().unwrap();
    let place = |key: &str| {
        let span = &task.get(key).unwrap().span;
        format!("{span} {:?}", span.text())
    };
    assert_eq!(place("name"), "t.yml:1:9 \"x\"");
    assert_eq!(place("empty"), "t.yml:2:8 \":\"");
    assert_eq!(place("tagged"), "t.yml:3:11 \"!vault &a abc\"");
    assert_eq!(place("list"), "t.yml:4:9 \"[\\\"q\\\", 'r']\"");
    assert_eq!(place("block"), "t.yml:6:5 \"one\\n    two\"");
    assert_eq!(task.entry("list").unwrap().key.span.to_string(), "t.yml:4:3");
    let wide = read("é: ü\nß: [ö, x]\n").document.unwrap();
    assert_eq!(wide.as_mapping().unwrap().get("ß").unwrap().span.text(), "[ö, x]");
}

/// The text at which each word of the value is found again.
fn found(text: &str) -> Vec<String> {
    let node = read(text).document.unwrap();
    let node = node.as_mapping().unwrap().get("a").unwrap().clone();
    let value = node.as_str().unwrap().to_owned();
    value
        .split_whitespace()
        .map(|word| {
            let at = word.as_ptr() as usize - value.as_ptr() as usize;
            let span = node.span_at(at, at + word.len());
            format!("{}:{}", span.position().line, span.text())
        })
        .collect()
}

#[test]
fn positions_in_a_value_are_found_in_the_text() {
    assert_eq!(found("a: one two"), ["1:one", "1:two"]);
    assert_eq!(found("a: 'it''s two'"), ["1:it''s", "1:two"]);
    assert_eq!(found(r#"a: "o\x6ee\ttwo \"q\" x""#), [r"1:o\x6ee", "1:two", r#"1:\"q\""#, "1:x"]);
    assert_eq!(found("a: \"one\n\n  two \\\n  three\"\n"), ["1:one", "3:two", "4:three"]);
    assert_eq!(found("a: |\n    one\n      two\n\n    three\n"), ["2:one", "3:two", "5:three"]);
    assert_eq!(found("a: >\n  one\n  two\n\n  \"three\" x\n"), ["2:one", "3:two", "5:\"three\"", "5:x"]);
    assert_eq!(found("a: |\n  'one' {{ two }}\n"), ["2:'one'", "2:{{", "2:two", "2:}}"]);
    assert_eq!(found("a: one\n  two\n"), ["1:one", "2:two"]);
    assert_eq!(found("a: !unsafe |2-\n    one ü\n  two\n"), ["2:one", "2:ü", "3:two"]);
}

#[test]
fn binary_files_and_other_encodings_are_refused() {
    let error = Source::from_bytes("x", b"a: b\nc: \xff\xfe".to_vec()).unwrap_err();
    assert_eq!(error.message, "this is not UTF-8 text: it holds the byte 0xFF");
    assert_eq!(error.span.unwrap().to_string(), "x:2:4");
    assert_eq!(Source::from_bytes("x", b"\xef\xbb\xbfa: b".to_vec()).unwrap().text(), "a: b");
    assert!(refusal("\u{7f}ELF").contains("U+007F"));
    assert!(refusal("a: \0").contains("U+0000"));
}

/// What people get wrong most often, and what they are told.
#[test]
fn mistakes_are_explained() {
    let mistakes = [
        "a: {{ x }}\n",
        "- a: {{ x }} and more\n",
        "- {{ x }}\n",
        "a:\n\t- b\n",
        "a:\n  b: 1\n\tc: 2\n",
        "a: b: c\n",
        "msg: hello: it's me\n",
        "a: \"x\" y\n",
        "when: 'a' in b\n",
        "a: 'x\nb: 1\n",
        "a: \"x\nb: 1\n",
        "a: @x\n",
        "- a: %d\n",
        "a: `id`\n",
        "a: [1, 2\nb: 3\n",
        "a: {x: 1\n",
        "a: [1, 2}\n",
        "a: 1\n b: 2\n",
        "- name: x\n   copy: y\n",
        "a:\n  b: 1\n c: 2\n",
        "- a: 1\nb: 2\n",
        "a: 1\n- b\n",
        "key:value\nb: 1\n",
        "a: *.txt\n",
        "a: !x\n",
        "path: \"C:\\dir\"\n",
        "? [a]\n: b\n",
        "<<: 3\n",
        "a: =\n",
        "a: 2001-02-30\n",
        "a: 1\n---\nb: 2\n",
        "a: -\n",
        "a: b\n---x\n",
    ];
    let mut told = String::new();
    for mistake in mistakes {
        let error = load(&Source::new("t.yml", mistake)).unwrap_err();
        writeln!(told, "{error}\n").unwrap();
    }
    insta::assert_snapshot!(told);
}

#[test]
fn large_files_are_read_in_reasonable_time() {
    let task = "- name: a task with some words\n  command: echo \"{{ item }}\"\n  loop: [1, 2, 3]\n  when: x is defined\n";
    let text = task.repeat(10_000_000 / task.len());
    let started = std::time::Instant::now();
    let node = read(&text).document.unwrap();
    assert_eq!(node.as_sequence().unwrap().len(), text.len() / task.len());
    // Seconds on a quiet machine are a fraction of this.
    assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC*") {
        let _ = load_all(&Source::new("t.yml", text));
    }

    #[test]
    fn no_text_made_of_signs_panics(text in "[-a1:{}\\[\\],&*!|>'\"%@`#?~<= \t\n\\\\é]{0,60}") {
        if let Ok(loaded) = load_all(&Source::new("t.yml", text)) {
            for node in &loaded.documents {
                visit(node);
            }
        }
    }

    #[test]
    fn what_is_written_as_json_is_read_back(words in prop::collection::vec("\\PC{0,12}", 0..6)) {
        let text = serde_json::to_string(&words).unwrap();
        prop_assert_eq!(json(&text), text);
    }
}

/// Asks every text for places in it.
fn visit(node: &Node) {
    if let Some(text) = node.as_str() {
        for (at, character) in text.char_indices() {
            let _ = node.span_at(at, at + character.len_utf8()).text();
        }
    }
    node.as_sequence().unwrap_or_default().iter().for_each(visit);
    for (_, entry) in node.as_mapping().into_iter().flat_map(Mapping::iter) {
        visit(&entry.key);
        visit(&entry.value);
    }
}
