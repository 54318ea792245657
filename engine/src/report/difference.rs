//! Differences as unified diffs.

use serde_json::{Map, Value};
use similar::TextDiff;

/// The differences of a result, as lines to show, with so many unchanged ones around each; empty when there are none.
pub(super) fn lines(result: &Map<String, Value>, context: usize) -> Vec<String> {
    let differences = match result.get("diff") {
        Some(Value::Array(differences)) => differences.iter().collect(),
        Some(one @ Value::Object(_)) => vec![one],
        _ => Vec::new(),
    };
    differences.into_iter().flat_map(|difference| of_one(difference, context)).collect()
}

fn of_one(difference: &Value, context: usize) -> Vec<String> {
    if let Some(prepared) = difference.get("prepared").and_then(Value::as_str) {
        return prepared.lines().map(str::to_owned).collect();
    }
    let side = |name: &str| match difference.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(attributes) => serde_json::to_string_pretty(attributes).unwrap_or_default() + "\n",
    };
    let (before, after) = (side("before"), side("after"));
    if before == after {
        return Vec::new();
    }
    let header = |name: &str| {
        difference.get(name).and_then(Value::as_str).map_or_else(String::new, |path| format!(": {path}"))
    };
    let old = format!("before{}", header("before_header"));
    let new = format!("after{}", header("after_header"));
    let diff = TextDiff::from_lines(before.as_str(), after.as_str());
    diff.unified_diff()
        .context_radius(context)
        .header(&old, &new)
        .to_string()
        .lines()
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::lines;

    #[test]
    fn texts_and_attributes_are_compared() {
        let result = json!({"diff": [
            {"before": "a\nb\n", "after": "a\nc\n", "before_header": "/x", "after_header": "/x"},
            {"before": {"mode": "0600"}, "after": {"mode": "0644"}},
            {"before": "same", "after": "same"},
            {"prepared": "ready\nmade"},
        ]});
        let text = lines(result.as_object().unwrap(), 3).join("\n");
        insta::assert_snapshot!(text, @r#"
        --- before: /x
        +++ after: /x
        @@ -1,2 +1,2 @@
         a
        -b
        +c
        --- before
        +++ after
        @@ -1,3 +1,3 @@
         {
        -  "mode": "0600"
        +  "mode": "0644"
         }
        ready
        made
        "#);
    }
}
