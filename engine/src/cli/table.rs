//! Rows, as a table or as JSON.

use serde_json::{Map, Value};

/// Rows of named columns.
pub(in crate::cli) struct Table {
    columns: Vec<&'static str>,
    rows: Vec<Vec<Value>>,
}

impl Table {
    pub(in crate::cli) fn new(columns: &[&'static str]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row; there are as many values as columns.
    pub(in crate::cli) fn add<const N: usize>(&mut self, values: [Value; N]) {
        self.rows.push(values.into());
    }

    /// The rows by the text of their first column.
    pub(in crate::cli) fn sort(&mut self) {
        self.rows.sort_by_cached_key(|row| row.first().map(plain));
    }

    /// For a person: columns side by side, nothing for what has no value in any row.
    pub(in crate::cli) fn text(&self) -> String {
        let cells = |at: usize| self.rows.iter().filter_map(move |row| row.get(at)).map(plain);
        let shown: Vec<usize> = (0..self.columns.len())
            .filter(|at| *at == 0 || cells(*at).any(|cell| !cell.is_empty()))
            .collect();
        let heading = |at: usize| self.columns.get(at).copied().unwrap_or_default().to_uppercase();
        let width = |at: usize| {
            let widths = cells(at).map(|cell| cell.chars().count());
            widths.chain([heading(at).chars().count()]).max().unwrap_or_default()
        };
        let widths: Vec<usize> = shown.iter().map(|at| width(*at)).collect();
        let line = |cell: &dyn Fn(usize) -> String| {
            let padded =
                shown.iter().zip(&widths).map(|(at, width)| format!("{:width$}", cell(*at), width = *width));
            format!("{}\n", padded.collect::<Vec<_>>().join("  ").trim_end())
        };
        let rows = self.rows.iter().map(|row| line(&|at| row.get(at).map(plain).unwrap_or_default()));
        std::iter::once(line(&heading)).chain(rows).collect()
    }

    /// A list of objects, as text.
    pub(in crate::cli) fn json(&self) -> String {
        format!("{:#}\n", self.value())
    }

    /// A list of objects.
    pub(in crate::cli) fn value(&self) -> Value {
        let object = |row: &Vec<Value>| -> Value {
            let fields = self.columns.iter().map(|name| name.replace(' ', "_")).zip(row.iter().cloned());
            fields.collect::<Map<_, _>>().into()
        };
        self.rows.iter().map(object).collect()
    }
}

/// A value in a cell.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(value) => if *value { "yes" } else { "no" }.to_owned(),
        Value::String(text) => text.replace('\n', " "),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_aligned_and_empty_ones_left_out() {
        let mut table = Table::new(&["name", "power state", "zones", "size"]);
        table.add([json!("worker-10"), json!(true), Value::Null, json!(["1", "2"])]);
        table.add([json!("cp"), json!(false), Value::Null, Value::Null]);
        table.sort();
        assert_eq!(
            table.text(),
            "NAME       POWER STATE  SIZE\ncp         no\nworker-10  yes          1,2\n"
        );
        let told: Value = serde_json::from_str(&table.json()).unwrap();
        assert_eq!(
            told[1],
            json!({"name": "worker-10", "power_state": true, "zones": null, "size": ["1", "2"]})
        );
    }
}
