//! Azure Resource Graph: a table of all resources, and enough of its query language to find machines.

mod expression;
mod token;

use serde_json::{Map, Value, json};

use crate::arm::{Call, check_version, cleaned};
use crate::cloud::Cloud;
use crate::failure::{Failure, Result};
use crate::http::Response;
use crate::json::{list, set, text};
use crate::schema;
use crate::store::Resource;
use expression::{Expression, Parser};

const VERSIONS: &[&str] = &["2019-04-01", "2021-03-01", "2022-10-01", "2024-04-01"];

/// Answers a query.
pub fn answer(cloud: &Cloud, call: &Call<'_>, words: &[&str]) -> Result<Response> {
    if !matches!(words, [word] if word.eq_ignore_ascii_case("resources")) || !call.is("POST") {
        return Err(call.not_allowed());
    }
    check_version(call, "Microsoft.ResourceGraph", "resources", VERSIONS, true)?;
    let body = cleaned(call, &schema::RESOURCE_GRAPH, "QueryRequest", "Microsoft.ResourceGraph", false)?;
    let asked = list(&body, "/subscriptions");
    let ours = |one: &Value| text(one, "").eq_ignore_ascii_case(&cloud.settings.subscription);
    let rows = if asked.is_empty() || asked.iter().any(ours) { rows(cloud) } else { Vec::new() };
    let found = run(text(&body, "/query"), rows).map_err(|told| {
        Failure::bad("BadRequest", "Please provide below info when asking for support: timestamp, correlationId.")
            .because("InvalidQuery", "Query is invalid. Please refer to the documentation for the Azure Resource Graph service and fix the error before retrying.")
            .because("ParserFailure", told)
    })?;
    let options = &body["options"];
    let number = |name: &str| options[name].as_u64().and_then(|number| usize::try_from(number).ok());
    let token = text(options, "/$skipToken").parse().ok();
    let start: usize = token.or(number("$skip")).unwrap_or(0);
    let size = number("$top").unwrap_or(100).clamp(1, 1000);
    let total = found.len();
    let page: Vec<Value> = found.into_iter().skip(start).take(size).collect();
    let mut answer =
        json!({"totalRecords": total, "count": page.len(), "facets": [], "resultTruncated": "false"});
    if start + page.len() < total {
        answer["$skipToken"] = json!((start + page.len()).to_string());
    }
    answer["data"] = if text(options, "/resultFormat") == "table" { table(&page) } else { json!(page) };
    Ok(Response::json(200, answer))
}

fn table(rows: &[Value]) -> Value {
    let names: Vec<&String> =
        rows.first().and_then(Value::as_object).into_iter().flat_map(Map::keys).collect();
    let columns: Vec<Value> = names.iter().map(|name| json!({"name": name, "type": "string"})).collect();
    let cells: Vec<Vec<&Value>> =
        rows.iter().map(|row| names.iter().map(|name| &row[name.as_str()]).collect()).collect();
    json!({"columns": columns, "rows": cells})
}

/// All resources, as the table has them.
fn rows(cloud: &Cloud) -> Vec<Value> {
    cloud
        .store
        .under(&cloud.root())
        .filter(|one| !one.location().is_empty())
        .map(|one| row(cloud, one))
        .collect()
}

fn row(cloud: &Cloud, resource: &Resource) -> Value {
    let mut value = cloud.shown(resource);
    if resource.id.kind() == "virtualMachines" {
        let power = text(&resource.hidden, "/power");
        let name = value["properties"]["osProfile"]["computerName"].clone();
        set(&mut value, "/properties/extended/instanceView/computerName", name);
        set(
            &mut value,
            "/properties/extended/instanceView/powerState",
            json!({"code": format!("PowerState/{power}"), "displayStatus": format!("VM {power}"), "level": "Info"}),
        );
    }
    value["type"] = json!(resource.id.full_kind().to_ascii_lowercase());
    value["resourceGroup"] = json!(resource.id.group().unwrap_or_default().to_ascii_lowercase());
    value["subscriptionId"] = json!(cloud.settings.subscription);
    value["tenantId"] = json!(cloud.settings.tenant);
    value
}

/// Runs a query over rows.
///
/// # Errors
/// What of it is not understood.
fn run(query: &str, mut rows: Vec<Value>) -> std::result::Result<Vec<Value>, String> {
    let mut stages = Parser::new(query)?;
    let table = stages.word().unwrap_or_default();
    if !table.eq_ignore_ascii_case("resources") {
        return Err(format!("unknown table '{table}'"));
    }
    while stages.take("|") {
        let stage = stages.word().unwrap_or_default().to_ascii_lowercase();
        match stage.as_str() {
            "where" => {
                let wanted = stages.expression()?;
                rows.retain(|row| wanted.holds(row));
            }
            "extend" => {
                let columns = columns(&mut stages)?;
                for row in &mut rows {
                    for (name, expression) in &columns {
                        row[name] = expression.value(row);
                    }
                }
            }
            "project" => {
                let columns = columns(&mut stages)?;
                for row in &mut rows {
                    let each = columns.iter().map(|(name, expression)| (name.clone(), expression.value(row)));
                    *row = Value::Object(each.collect());
                }
            }
            "order" | "sort" => {
                if !stages.take("by") {
                    return Err(format!("{stage} needs by"));
                }
                let by = stages.expression()?;
                let is_ascending = stages.take("asc");
                let is_descending = stages.take("desc") || !is_ascending;
                rows.sort_by_key(|row| expression::plain(&by.value(row)));
                if is_descending {
                    rows.reverse();
                }
            }
            "limit" | "take" => {
                let count = stages.word().and_then(|word| word.parse().ok()).ok_or("limit needs a number")?;
                rows.truncate(count);
            }
            "count" => rows = vec![json!({"Count": rows.len()})],
            other => return Err(format!("unknown operator '{other}'")),
        }
    }
    if stages.is_done() {
        Ok(rows)
    } else {
        Err(format!("cannot read the query from '{}' on", stages.rest()))
    }
}

/// Columns such as `name, power = tostring(properties.x)`.
fn columns(stages: &mut Parser) -> std::result::Result<Vec<(String, Expression)>, String> {
    let mut columns = Vec::new();
    loop {
        let column = match stages.assigned() {
            Some(name) => (name, stages.expression()?),
            None => {
                let expression = stages.expression()?;
                (expression.name(), expression)
            }
        };
        columns.push(column);
        if !stages.take(",") {
            return Ok(columns);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(query: &str) -> std::result::Result<Vec<Value>, String> {
        let rows = json!([
            {"name": "a", "type": "x/vms", "tags": {"clouder-role": "worker"}, "properties": {"size": 4, "ids": [{"id": "/A"}]}},
            {"name": "b", "type": "x/vms", "tags": {}, "properties": {"size": 10}},
            {"name": "c", "type": "x/nics", "properties": {}},
        ]);
        run(query, list(&rows, "").to_vec())
    }

    #[test]
    fn rows_are_chosen_widened_and_narrowed() {
        let found = ask(
            "Resources | where type =~ 'X/VMS' and isnotempty(tags['clouder-role']) | extend role = tostring(tags['clouder-role']), first = tolower(properties.ids[0].id) | project name, role, first",
        );
        assert_eq!(found.unwrap(), [json!({"name": "a", "role": "worker", "first": "/a"})]);
        let found = ask(
            "resources | where type in~ ('x/vms', 'x/others') and not(name == 'a') or name contains 'C' | project name | order by name desc",
        );
        assert_eq!(found.unwrap(), [json!({"name": "c"}), json!({"name": "b"})]);
        assert_eq!(ask("resources | where properties.size > 4 | count").unwrap(), [json!({"Count": 1})]);
        assert_eq!(
            ask("resources | limit 2 | project n = strcat(name, '-', type)").unwrap()[1],
            json!({"n": "b-x/vms"})
        );
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for query in [
            "machines",
            "resources | join x",
            "resources | where",
            "resources | where name ==",
            "resources | where f(name)",
            "resources project",
            "resources | where name == 'a",
        ] {
            assert!(ask(query).is_err(), "{query}");
        }
    }
}
