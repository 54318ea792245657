//! Lists of objects, and what tells one from a later one: with it, a client that has the list already is only told so.

use serde_json::Value;

/// The header that a client sends it in.
pub(crate) const HEADER: &str = "if-none-match";

/// The objects of a list.
pub(crate) fn items(list: &Value) -> impl Iterator<Item = &Value> + Clone {
    list["items"].as_array().into_iter().flatten()
}

/// The last change of any of the objects, and how many there are: fewer, where one was only deleted.
pub(crate) fn tag<'list>(items: impl Iterator<Item = &'list Value>) -> String {
    let changed = |item: &Value| item["metadata"]["resourceVersion"].as_str()?.parse::<u64>().ok();
    let (last, count) = items
        .fold((0, 0_usize), |(last, count), item| (last.max(changed(item).unwrap_or_default()), count + 1));
    format!("{last}-{count}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_change_of_a_list_is_told() {
        let object = |version: u64| json!({"metadata": {"resourceVersion": version.to_string()}});
        let lists = [
            vec![],
            vec![object(9)],
            vec![object(9), object(10)],
            vec![object(9), object(11)],
            vec![object(10)],
        ];
        let mut tags: Vec<String> = lists.iter().map(|list| tag(list.iter())).collect();
        tags.sort();
        tags.dedup();
        assert_eq!(tags.len(), lists.len(), "{tags:?}");
    }
}
