//! A snapshot of a cluster as Parquet: a folder with one table of hosts, one of VMs and perhaps a
//! list of rules.
//!
//! | file | columns |
//! |---|---|
//! | `hosts.parquet` | `name cpu ram_mb`, perhaps `idle_w peak_w` |
//! | `vms.parquet` | `name host cpu ram_mb`, perhaps `movable` |
//! | `rules.json` (may be left out) | a list of rules as in a snapshot in JSON |
//!
//! What is said there is said again as a snapshot in JSON, which is read, judged and explained as
//! any other. Numbers may be of any type; there are no nulls.
//!
//! | code | meaning |
//! |---|---|
//! | GLN-633 | a file of the folder is missing or damaged |
//! | GLN-634 | a column is missing, not known, of another type or has nulls |

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use polars::prelude::*;
use serde_json::{Map, Value};

use super::error::Error;
use crate::problem::Problem;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Truth,
}

/// A column: its name, what it holds, and whether it must be there.
type Definition = (&'static str, Kind, bool);

const HOSTS: [Definition; 5] = [
    ("name", Kind::Text, true),
    ("cpu", Kind::Number, true),
    ("ram_mb", Kind::Number, true),
    ("idle_w", Kind::Number, false),
    ("peak_w", Kind::Number, false),
];

const VMS: [Definition; 5] = [
    ("name", Kind::Text, true),
    ("host", Kind::Text, true),
    ("cpu", Kind::Number, true),
    ("ram_mb", Kind::Number, true),
    ("movable", Kind::Truth, false),
];

/// The snapshot in `folder` as text in JSON.
///
/// # Errors
///
/// GLN-633 and GLN-634, all problems of both tables together.
pub fn snapshot_text(folder: &Path) -> Result<String, Error> {
    let tables = [("hosts", &HOSTS), ("vms", &VMS)].map(|(name, columns)| {
        let path = folder.join(format!("{name}.parquet"));
        (name, read(&path).map_err(|problem| vec![problem]).and_then(|f| rows(&path, &f, columns)))
    });
    let mut snapshot = Map::new();
    let mut problems = Vec::new();
    for (name, rows) in tables {
        match rows {
            Ok(rows) => drop(snapshot.insert(name.to_owned(), Value::Array(rows))),
            Err(found) => problems.extend(found),
        }
    }
    match rules(&folder.join("rules.json")) {
        Ok(rules) => drop(snapshot.insert("rules".to_owned(), rules)),
        Err(problem) => problems.push(problem),
    }
    if problems.is_empty() {
        Ok(Value::Object(snapshot).to_string())
    } else {
        Err(Error { problems })
    }
}

fn unreadable(path: &Path, cause: &dyn std::fmt::Display) -> Problem {
    let cause = cause.to_string();
    let what = format!("cannot be read ({})", cause.lines().next().unwrap_or_default());
    let remedy = "A snapshot is a folder with hosts.parquet, vms.parquet and perhaps rules.json";
    Problem::new("GLN-633", path.display().to_string(), what, remedy)
}

fn read(path: &Path) -> Result<DataFrame, Problem> {
    let bytes = std::fs::read(path).map_err(|cause| unreadable(path, &cause))?;
    // A damaged file must not make a panic of the decoder.
    let decode = AssertUnwindSafe(|| ParquetReader::new(Cursor::new(&bytes[..])).finish());
    match catch_unwind(decode) {
        Ok(frame) => frame.map_err(|cause| unreadable(path, &cause)),
        Err(_) => Err(unreadable(path, &"the decoder gave up")),
    }
}

fn rules(path: &Path) -> Result<Value, Problem> {
    if !path.exists() {
        return Ok(Value::Array(Vec::new()));
    }
    let text = std::fs::read(path).map_err(|cause| unreadable(path, &cause))?;
    serde_json::from_slice(&text).map_err(|cause| unreadable(path, &cause))
}

/// The rows of a table as objects.
fn rows(
    path: &Path,
    frame: &DataFrame,
    columns: &[Definition],
) -> Result<Vec<Value>, Vec<Problem>> {
    let wrong = |column: &str, what: String| {
        let names: Vec<&str> = columns.iter().map(|(name, ..)| *name).collect();
        let place = format!("{}: column `{column}`", path.display());
        Problem::new("GLN-634", place, what, format!("Known columns: {}", names.join(", ")))
    };
    let known = |name: &str| columns.iter().any(|(column, ..)| *column == name);
    let strange = frame.get_column_names().into_iter().filter(|name| !known(name.as_str()));
    let mut problems: Vec<Problem> =
        strange.map(|name| wrong(name.as_str(), "is not known".to_owned())).collect();
    let mut objects = vec![Map::new(); frame.height()];
    for &(name, kind, is_needed) in columns {
        let Ok(column) = frame.column(name) else {
            if is_needed {
                problems.push(wrong(name, "is missing".to_owned()));
            }
            continue;
        };
        match values(column.as_materialized_series(), kind) {
            Ok(values) => {
                let pairs = objects.iter_mut().zip(values);
                pairs.for_each(|(object, value)| drop(object.insert(name.to_owned(), value)));
            }
            Err(what) => problems.push(wrong(name, what)),
        }
    }
    let objects = objects.into_iter().map(Value::Object).collect();
    if problems.is_empty() { Ok(objects) } else { Err(problems) }
}

fn values(series: &Series, kind: Kind) -> Result<Vec<Value>, String> {
    if let Some(row) = series.is_null().iter().position(|null| null == Some(true)) {
        return Err(format!("row {row} is null, expected a value"));
    }
    let other = |expected: &str| format!("found type {}, expected {expected}", series.dtype());
    match kind {
        Kind::Text => {
            let text = series.str().map_err(|_| other("text"))?;
            Ok(text.iter().flatten().map(Value::from).collect())
        }
        Kind::Truth => {
            let truths = series.bool().map_err(|_| other("true or false"))?;
            Ok(truths.iter().flatten().map(Value::from).collect())
        }
        Kind::Number => {
            if !series.dtype().is_primitive_numeric() {
                return Err(other("numbers"));
            }
            let wide = series.cast(&DataType::Float64).map_err(|_| other("numbers"))?;
            let numbers = wide.f64().map_err(|_| other("numbers"))?;
            let row = numbers.iter().flatten().position(|number| !number.is_finite());
            match row {
                Some(row) => Err(format!("row {row} is not finite, expected a number")),
                None => Ok(numbers.iter().flatten().map(Value::from).collect()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames::parquet;

    fn written(folder: &Path, name: &str, columns: Vec<Column>) {
        let frame = DataFrame::new_infer_height(columns).unwrap();
        std::fs::write(folder.join(name), parquet(frame).unwrap()).unwrap();
    }

    fn hosts() -> Vec<Column> {
        vec![
            Column::new("name".into(), ["a", "b"]),
            Column::new("cpu".into(), [40_i32, 40]),
            Column::new("ram_mb".into(), [4000.0, 4000.0]),
        ]
    }

    fn vms() -> Vec<Column> {
        vec![
            Column::new("name".into(), ["v"]),
            Column::new("host".into(), ["b"]),
            Column::new("cpu".into(), [4.5]),
            Column::new("ram_mb".into(), [512_u16]),
            Column::new("movable".into(), [false]),
        ]
    }

    #[test]
    fn tables_say_what_a_snapshot_in_json_says() {
        let folder = tempfile::tempdir().unwrap();
        written(folder.path(), "hosts.parquet", hosts());
        written(folder.path(), "vms.parquet", vms());
        let rule = r#"[{"kind": "root", "vms": ["v"]}]"#;
        std::fs::write(folder.path().join("rules.json"), rule).unwrap();
        let text = snapshot_text(folder.path()).unwrap();
        let expected = serde_json::json!({
            "hosts": [{"name": "a", "cpu": 40.0, "ram_mb": 4000.0},
                      {"name": "b", "cpu": 40.0, "ram_mb": 4000.0}],
            "vms": [{"name": "v", "host": "b", "cpu": 4.5, "ram_mb": 512.0, "movable": false}],
            "rules": [{"kind": "root", "vms": ["v"]}],
        });
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
    }

    #[test]
    fn all_problems_of_both_tables_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let mut hosts = hosts();
        hosts.push(Column::new("colour".into(), ["red", "blue"]));
        hosts[1] = Column::new("cpu".into(), ["many", "few"]);
        written(folder.path(), "hosts.parquet", hosts);
        let mut vms = vms();
        vms[2] = Column::new("cpu".into(), [None::<f64>]);
        vms.remove(3);
        written(folder.path(), "vms.parquet", vms);
        let told = snapshot_text(folder.path()).unwrap_err().to_string();
        for word in [
            "hosts.parquet: column `colour`: is not known",
            "hosts.parquet: column `cpu`: found type str, expected numbers",
            "vms.parquet: column `cpu`: row 0 is null",
            "vms.parquet: column `ram_mb`: is missing",
        ] {
            assert!(told.contains(word), "`{word}` is not in {told}");
        }
        std::fs::remove_file(folder.path().join("vms.parquet")).unwrap();
        std::fs::write(folder.path().join("hosts.parquet"), b"PAR1 no PAR1").unwrap();
        let problems = snapshot_text(folder.path()).unwrap_err().problems;
        assert!(problems.iter().all(|problem| problem.code == "GLN-633"), "{problems:?}");
        assert_eq!(problems.len(), 2);
    }
}
