//! A plan as tables, for people or for documents: its figures, then what it lists row by row.

use std::fmt::Write as _;

use serde_json::Value;

/// All figures of the plan, then its moves.
pub(super) fn table(plan: &Value, time_s: f64, markdown: bool) -> String {
    let mut text = String::new();
    let bar = if markdown { "|" } else { "" };
    let mut line = |cells: &[String], widths: &[usize]| {
        let cells = cells.iter().zip(widths).map(|(cell, &width)| format!("{cell:<width$}"));
        let joined = cells.collect::<Vec<_>>().join(if markdown { " | " } else { "  " });
        let joined = if markdown { format!("| {joined} |") } else { joined.trim_end().to_owned() };
        writeln!(text, "{joined}").expect("a string takes any text");
    };
    let rule = |widths: &[usize]| vec!["---".to_owned(); widths.len()];
    let empty = serde_json::Map::new();
    let fields = plan.as_object().unwrap_or(&empty);
    let pair = [22, 24];
    line(&["figure".to_owned(), "value".to_owned()], &pair);
    if markdown {
        line(&rule(&pair), &pair);
    }
    for (name, value) in fields {
        match value {
            Value::Object(terms) => {
                for (term, value) in terms {
                    line(&[format!("{name}: {term}"), shown(value)], &pair);
                }
            }
            Value::Array(_) => {}
            value => line(&[name.replace('_', " "), shown(value)], &pair),
        }
    }
    line(&["time s".to_owned(), format!("{:.2}", time_s)], &pair);
    let rows = |name: &str| plan.get(name).and_then(Value::as_array);
    for name in ["levels", "front", "moves"] {
        let Some(rows) = rows(name).filter(|rows| !rows.is_empty()) else { continue };
        let cells = |row: &Value| -> Vec<String> {
            row.as_object().unwrap_or(&empty).values().map(shown).collect()
        };
        let head: Vec<String> = rows[0].as_object().unwrap_or(&empty).keys().cloned().collect();
        let widths = vec![if name == "moves" { 16 } else { 12 }; head.len()];
        line(&[bar.to_owned()][..0], &[]);
        line(&head, &widths);
        if markdown {
            line(&rule(&widths), &widths);
        }
        rows.iter().for_each(|row| line(&cells(row), &widths));
    }
    text
}

/// A value of a plan in a cell.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => {
            let number = number.as_f64().unwrap_or(0.0);
            if number.abs() < 10.0 { format!("{number:.5}") } else { format!("{number:.1}") }
        }
        Value::Object(place) => {
            let nodes = place.get("nodes").and_then(Value::as_array);
            let nodes = nodes.into_iter().flatten().map(Value::to_string);
            let nodes: Vec<String> = nodes.collect();
            let host = place.get("host").and_then(Value::as_str).unwrap_or_default();
            format!("{host} node {}", nodes.join("+"))
        }
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}
