//! The table of all runs of a batch: what was run, how it ended, and every metric.
//!
//! | column | meaning |
//! |---|---|
//! | `run` | place in the plan, from 0 |
//! | `spec` | what the spec is called |
//! | `list` | name of the entry of `[[list]]`, where entries have names |
//! | one per varied key | its value, null where the run leaves it alone |
//! | `workload` | the leases, where any run has some |
//! | `trace`, `day`, `seed` | the load: source, day, and who gets which row of it |
//! | `status`, `error` | `done` or `failed`, and why |
//! | one per figure | as `figures` names it; null for a failed run, and where a run has none |
//! | `event_log_blake3`, `trace_blake3`, `spec_blake3` | hashes of events, load and spec |
//! | `load_log_blake3` | hash of what happened to the load of leases, where any run has some |
//! | `key` | address of the result, also in the folders of kept tables |
//! | `replay` | the command that repeats the run alone |

use polars::prelude::*;
use toml::Value;

use super::figures;
use super::plan::{Plan, PlannedRun};
use super::row::{Ended, Row};

/// Hash of what happened to the load of leases.
const LOAD_LOG: &str = "load_log_blake3";

/// Keys that have columns of their own under shorter names.
const NAMED: [&str; 4] = ["leases.workload", "trace.path", "trace.day", "run.seed"];

/// One row per run of `plan`, of which `rows` are the results.
///
/// Panics when there is not one result per run.
pub fn runs_frame(plan: &Plan, rows: &[Row]) -> DataFrame {
    assert_eq!(plan.runs.len(), rows.len(), "every run has one result");
    let runs = &plan.runs;
    let mut columns = vec![
        Column::new("run".into(), (0..runs.len() as u32).collect::<Vec<_>>()),
        text("spec", runs.iter().map(|run| Some(run.label.as_str()))),
    ];
    if runs.iter().any(|run| run.point.is_some()) {
        columns.push(text("list", runs.iter().map(|run| run.point.as_deref())));
    }
    let varied = plan.varied.iter().filter(|key| !NAMED.contains(&key.as_str()));
    columns.extend(varied.map(|key| values(key, runs)));
    let leased = runs.iter().any(|run| run.spec.leases.is_some());
    if leased {
        let workloads: Vec<Option<String>> = runs.iter().map(PlannedRun::workload).collect();
        columns.push(text("workload", workloads.iter().map(Option::as_deref)));
    }
    let path = |run: &PlannedRun| run.spec.trace.path.display().to_string();
    let loaded = |run: &PlannedRun| run.spec.carries_load().then(|| path(run));
    let traces: Vec<Option<String>> = runs.iter().map(loaded).collect();
    columns.extend([
        text("trace", traces.iter().map(Option::as_deref)),
        text("day", runs.iter().map(|run| run.spec.trace.day.as_deref())),
        Column::new("seed".into(), runs.iter().map(|run| run.spec.run.seed).collect::<Vec<_>>()),
        text("status", rows.iter().map(|row| Some(row.error().map_or("done", |_| "failed")))),
        text("error", rows.iter().map(Row::error)),
    ]);
    for (index, name) in figures::shown(plan) {
        let figures = rows.iter().map(|row| row.figure(index));
        columns.push(Float64Chunked::from_iter_options(name.into(), figures).into_column());
    }
    let specs: Vec<String> = runs.iter().map(|run| run.spec.blake3()).collect();
    let replays: Vec<String> = runs.iter().map(PlannedRun::replay).collect();
    columns.extend([
        text("event_log_blake3", rows.iter().map(event_log)),
        text("trace_blake3", rows.iter().map(|row| row.trace_blake3.as_deref())),
        text("spec_blake3", specs.iter().map(|spec| Some(spec.as_str()))),
        text("key", rows.iter().map(|row| row.address.as_deref())),
        text("replay", replays.iter().map(|replay| Some(replay.as_str()))),
    ]);
    if leased {
        columns.push(text(LOAD_LOG, rows.iter().map(load_log)));
    }
    DataFrame::new_infer_height(columns).expect("every column has a row per run, and its own name")
}

fn event_log(row: &Row) -> Option<&str> {
    match &row.ended {
        Ended::Done { event_log_blake3, .. } => Some(event_log_blake3),
        Ended::Failed { .. } => None,
    }
}

fn load_log(row: &Row) -> Option<&str> {
    match &row.ended {
        Ended::Done { load_log_blake3, .. } => load_log_blake3.as_deref(),
        Ended::Failed { .. } => None,
    }
}

fn text<'r>(name: &str, values: impl Iterator<Item = Option<&'r str>>) -> Column {
    StringChunked::from_iter_options(name.into(), values).into_column()
}

/// What the runs give to `key`: as numbers or truth values where all are, else as text.
fn values(key: &str, runs: &[PlannedRun]) -> Column {
    let given: Vec<Option<&Value>> = runs.iter().map(|run| run.change(key)).collect();
    let all = |kind: fn(&Value) -> bool| given.iter().flatten().all(|&value| kind(value));
    let name = PlSmallStr::from(key);
    if all(Value::is_integer) {
        let numbers = given.iter().map(|value| value.and_then(Value::as_integer));
        return Int64Chunked::from_iter_options(name, numbers).into_column();
    }
    if all(|value| value.is_integer() || value.is_float()) {
        let number = |value: &Value| {
            value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64))
        };
        let numbers = given.iter().map(|value| value.and_then(number));
        return Float64Chunked::from_iter_options(name, numbers).into_column();
    }
    if all(Value::is_bool) {
        let truths = given.iter().map(|value| value.and_then(Value::as_bool));
        return BooleanChunked::from_iter_options(name, truths).into_column();
    }
    let words = given.iter().map(|value| {
        value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    });
    StringChunked::from_iter_options(name, words).into_column()
}

/// The results that a table of runs holds, each with the command that repeats it.
pub(super) fn results(frame: &DataFrame) -> PolarsResult<Vec<(String, Row)>> {
    let texts = |name: &str| -> PolarsResult<Vec<Option<String>>> {
        let column = frame.column(name)?.str()?;
        Ok(column.iter().map(|value| value.map(str::to_owned)).collect())
    };
    // Figures that no run of the table can have are not in it.
    let column = |name: &str| frame.column(name).ok().map(Column::f64).transpose();
    let figures: Vec<Option<&Float64Chunked>> =
        figures::names().into_iter().map(column).collect::<PolarsResult<_>>()?;
    let of_load = match frame.column(LOAD_LOG) {
        Ok(_) => texts(LOAD_LOG)?,
        Err(_) => vec![None; frame.height()],
    };
    let (addresses, replays) = (texts("key")?, texts("replay")?);
    let (traces, logs, errors) =
        (texts("trace_blake3")?, texts("event_log_blake3")?, texts("error")?);
    let row = |at: usize| {
        let ended = match (&logs[at], &errors[at]) {
            (Some(log), _) => Ended::Done {
                figures: figures.iter().map(|column| column.and_then(|c| c.get(at))).collect(),
                event_log_blake3: log.clone(),
                load_log_blake3: of_load[at].clone(),
            },
            (None, error) => Ended::Failed { error: error.clone().unwrap_or_default() },
        };
        let (address, trace_blake3) = (addresses[at].clone(), traces[at].clone());
        (replays[at].clone().unwrap_or_default(), Row { address, trace_blake3, ended })
    };
    Ok((0..frame.height()).map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::super::design::{Base, Change, Design, Point};
    use super::*;
    use crate::metric::Summary;

    fn axis<V: Into<Value>>(key: &str, values: impl IntoIterator<Item = V>) -> Vec<Point> {
        values.into_iter().map(|value| Change::new(key, value).into()).collect()
    }

    fn row(address: &str, ended: Ended) -> Row {
        Row { address: Some(address.into()), trace_blake3: Some("t".into()), ended }
    }

    #[test]
    fn a_table_of_runs_holds_its_results_to_the_bit() {
        let axes = vec![
            axis("policy.overload", ["thr", "mad"]),
            axis("consolidation.vacate-receivers", [true, false]),
            axis("migration.share", [0.1, 0.2]),
            axis("run.seed", [0]),
        ];
        let mut bases = Base::named("lr-mmt").unwrap();
        bases[0].label = "mine".into();
        let plan = Plan::of(&Design { bases, axes, ..Design::default() }).unwrap();
        let mut rows: Vec<Row> = (0..8_u32)
            .map(|n| {
                let (all, of_load) = (figures::names().len() as u32, Summary::names().len() as u32);
                let has = |m: u32| m != 3 && m < of_load;
                let figure = |m: u32| has(m).then_some(0.1 * f64::from(n + m));
                let figures = (0..all).map(figure).collect();
                let event_log_blake3 = "e".into();
                let ended = Ended::Done { figures, event_log_blake3, load_log_blake3: None };
                row(&n.to_string(), ended)
            })
            .collect();
        rows[5] = row("5", Ended::Failed { error: "GLN-501 full".into() });
        rows[6] = Row { address: None, trace_blake3: None, ..rows[5].clone() };
        let frame = runs_frame(&plan, &rows);
        assert_eq!(frame.height(), 8);
        let found = results(&frame).unwrap();
        assert_eq!(found.iter().map(|(_, row)| row.clone()).collect::<Vec<_>>(), rows);
        assert_eq!(found[7].0, plan.runs[7].replay());
        let column = |name: &str| frame.column(name).unwrap().clone();
        assert_eq!(column("policy.overload").str().unwrap().get(4), Some("mad"));
        assert_eq!(column("consolidation.vacate-receivers").bool().unwrap().get(1), Some(true));
        assert_eq!(column("migration.share").f64().unwrap().get(1), Some(0.2));
        assert_eq!(column("status").str().unwrap().get(5), Some("failed"));
        assert!(frame.column("list").is_err() && frame.column("run.seed").is_err());
    }
}
