use clouder_lang::{Source, yaml};
use serde_json::json;

use super::*;

const SPEC: &str = "
req: {type: str, required: true}
num: {type: int, default: 5}
ch: {type: str, choices: [a, b]}
yn: {type: str, choices: ['yes', 'no']}
chl: {type: list, elements: str, choices: [a, b]}
lst: {type: list, elements: int}
flag: {type: bool}
fl: {type: float}
dct: {type: dict, options: {x: {type: int, required: true}, y: {type: str, choices: [q]}}}
ld: {type: list, elements: dict, options: {n: {type: str, required: true}, m: {type: bool}}, mutually_exclusive: [[n, m]]}
by: {type: bytes}
notype: {}
ali: {type: str, aliases: [alias1]}
";

fn errors(spec: &str, values: Value) -> Vec<String> {
    let node = yaml::load(&Source::new("spec.yml", spec)).unwrap().document.unwrap();
    let Value::Object(values) = values else { panic!("values are a mapping") };
    validate(&node, &values)
}

/// The expectations are what ansible-core says, but for the names of its internal classes.
#[test]
fn messages_are_those_of_ansible() {
    let cases = [
        (json!({}), vec!["missing required arguments: req"]),
        (
            json!({"req": "x", "num": "abc"}),
            vec![
                "argument 'num' is of type str and we were unable to convert to int: \"'abc'\" cannot be converted to an int",
            ],
        ),
        (
            json!({"req": "x", "ch": "c", "chl": ["a", "c"], "lst": [1, "x"], "fl": "z"}),
            vec![
                "Elements value for option 'lst' is of type str and we were unable to convert to int: \"'x'\" cannot be converted to an int",
                "argument 'fl' is of type str and we were unable to convert to float: <class 'str'> cannot be converted to a float",
                "value of ch must be one of: a, b, got: c",
                "value of chl must be one or more of: a, b. Got no match for: c",
            ],
        ),
        (
            json!({"req": "x", "dct": {"y": "z"}}),
            vec![
                "missing required arguments: x found in dct",
                "value of y must be one of: q, got: z found in dct",
            ],
        ),
        (
            json!({"req": "x", "dct": {"x": 1, "foo": 1}}),
            vec!["dct.foo. Supported parameters include: x, y."],
        ),
        (
            json!({"req": "x", "ld": [{"m": true}, {"n": 1, "m": false}]}),
            vec![
                "missing required arguments: n found in ld",
                "parameters are mutually exclusive: n|m found in ld",
            ],
        ),
        (
            json!({"req": "x", "num": null}),
            vec![
                "argument 'num' is of type NoneType and we were unable to convert to int: \"None\" cannot be converted to an int",
            ],
        ),
        (
            json!({"req": "x", "ld": {"n": 1}}),
            vec![
                "argument 'ld' is of type dict and we were unable to convert to list: <class 'dict'> cannot be converted to a list",
            ],
        ),
        (
            json!({"req": "x", "dct": {"x": "abc"}}),
            vec![
                "argument 'x' is of type str found in 'dct'. and we were unable to convert to int: \"'abc'\" cannot be converted to an int",
            ],
        ),
        (json!({"req": "x", "ch": true}), vec!["value of ch must be one of: a, b, got: True"]),
        (
            json!({"req": "x", "by": "x"}),
            vec![
                "argument 'by' is of type str and we were unable to convert to bytes: <class 'str'> cannot be converted to a Byte value",
            ],
        ),
        (
            json!({"req": "x", "lst": [[1]]}),
            vec![
                "Elements value for option 'lst' is of type list and we were unable to convert to int: \"[1]\" cannot be converted to an int",
            ],
        ),
    ];
    for (values, expected) in cases {
        assert_eq!(errors(SPEC, values.clone()), expected, "{values}");
    }
}

#[test]
fn lenient_values_pass() {
    let fine = [
        json!({"req": 1, "flag": "yes", "num": "3", "fl": "1.5"}),
        json!({"req": [1], "notype": [1], "num": true, "fl": true}),
        json!({"req": null, "lst": "1,2", "num": " 3 ", "flag": 1.0}),
        json!({"req": "x", "lst": 3, "dct": "x=1 y=q", "by": "1K"}),
        json!({"req": "x", "dct": "{\"x\": 1}", "alias1": 1, "by": "10 MB", "yn": true}),
        json!({"req": "x", "num": "99999999999999999999"}),
    ];
    for values in fine {
        assert_eq!(errors(SPEC, values.clone()), Vec::<String>::new(), "{values}");
    }
}

#[test]
fn what_belongs_together() {
    let spec = "a: {type: dict, options: {b: {}, c: {}, d: {}}, required_together: [[b, c]], \
                required_one_of: [[c, d]], required_if: [[b, x, [d]]], required_by: {b: d}}";
    let expected = [
        "parameters are required together: b, c found in a",
        "one of the following is required: c, d found in a",
        "b is x but all of the following are missing: d found in a",
        "missing parameter(s) required by 'b': d found in a",
    ];
    assert_eq!(errors(spec, json!({"a": {"b": "x"}})), expected);
    let by_default = "a: {type: dict, options: {b: {default: x}, d: {}}, required_if: [[b, x, [d]]]}";
    assert_eq!(errors(by_default, json!({"a": {}})).len(), 1);
}

#[test]
fn unknown_names_and_types() {
    let expected = [
        "missing required arguments: b",
        "argument 'a' is of type int and we were unable to convert to strr: there is no type 'strr'",
        "c, d. Supported parameters include: a, b.",
    ];
    assert_eq!(errors("{a: {type: strr}, b: {required: true}}", json!({"a": 1, "c": 2, "d": 3})), expected);
}

#[test]
fn null_stands_for_what_need_not_be_there() {
    assert_eq!(
        errors(SPEC, json!({"req": "x", "lst": null, "dct": null, "flag": null})),
        Vec::<String>::new()
    );
    let expected = [
        "argument 'a' is of type NoneType and we were unable to convert to list: <class 'NoneType'> cannot be converted to a list",
    ];
    assert_eq!(errors("a: {type: list, required: true}", json!({"a": null})), expected);
    assert_eq!(
        errors("a: {type: int, choices: [1, 2]}", json!({"a": null})),
        ["value of a must be one of: 1, 2, got: None"]
    );
}
