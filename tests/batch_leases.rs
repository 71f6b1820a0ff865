//! Sweeps and comparisons of leases, with load and without: what single runs give, killed or not.
#![cfg(feature = "cli")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use polars::prelude::*;
use serde_json::Value;
use tempfile::TempDir;

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_galerna"));
    command.current_dir(folder).args(args);
    command
}

fn galerna(folder: &Path, args: &[&str]) -> Output {
    command(folder, args).output().expect("the binary runs")
}

/// Runs a command that must succeed, and returns what it prints as JSON.
fn answered(folder: &Path, args: &[&str]) -> Value {
    let output = galerna(folder, &[args, &["--format", "json"]].concat());
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {told}");
    serde_json::from_slice(&output.stdout).expect("it prints JSON")
}

/// What a command that is refused says.
fn refused(folder: &Path, args: &[&str]) -> String {
    let output = galerna(folder, args);
    assert_eq!(output.status.code(), Some(2), "{args:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn runs(folder: &Path) -> DataFrame {
    let file = fs::File::open(folder.join("runs.parquet")).unwrap();
    ParquetReader::new(file).finish().unwrap()
}

fn texts(frame: &DataFrame, name: &str) -> Vec<String> {
    let column = frame.column(name).unwrap().str().unwrap();
    column.iter().map(|value| value.unwrap_or("null").to_owned()).collect()
}

/// Without load, with load, and with load under policies; the ledger and lease policies vary.
const MIXED: &str = r#"
policies = ["leases/easy", "leases/loaded", "leases/consolidated"]
[grid]
leases.backfilling = ["easy", "conservative"]
leases.admission = ["accept-all", "no-ar"]
run.seed = [0, 1]
[[list]]
name = "unpriced"
[[list]]
name = "priced"
costs.vm-hour-price = 0.05
costs.currency = "EUR"
"#;

fn with_sweep(text: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("sweep.toml"), text).unwrap();
    folder
}

/// The figure at `path` (`costs.balance`) of what a single run prints.
fn figure(alone: &Value, name: &str) -> Option<f64> {
    let (section, name) = name.split_once('.').unwrap_or(("summary", name));
    alone[section][name].as_f64()
}

#[test]
fn a_row_holds_every_figure_of_the_run_alone() {
    let folder = with_sweep(MIXED);
    let path = folder.path();
    let report = answered(path, &["sweep", "sweep.toml", "--out", "out"]);
    assert_eq!((&report["runs"], report["failed"].as_array().unwrap().len()), (&48.into(), 0));
    let frame = runs(&path.join("out"));
    let (replays, logs) = (texts(&frame, "replay"), texts(&frame, "event_log_blake3"));
    let load_logs = texts(&frame, "load_log_blake3");
    let named = |name: &&String| {
        name.starts_with("leases.") && frame.column(name).unwrap().f64().is_ok()
            || name.starts_with("costs.") && frame.column(name).unwrap().f64().is_ok()
            || ["energy_kwh", "migrations", "slatah"].contains(&name.as_str())
    };
    let names = frame.get_column_names_owned();
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let names: Vec<&String> = names.iter().filter(named).collect();
    assert!(names.iter().any(|name| *name == "leases.late_s"), "{names:?}");
    let mut found = [0; 3];
    for row in 0..48 {
        let words: Vec<&str> = replays[row].split(' ').skip(1).collect();
        let alone = answered(path, &words);
        assert_eq!(alone["event_log_blake3"].as_str(), Some(logs[row].as_str()));
        assert_eq!(alone["load_log_blake3"].as_str().unwrap_or("null"), load_logs[row]);
        for name in &names {
            let kept = frame.column(name).unwrap().f64().unwrap().get(row);
            if *name != "costs.vm-hour-price" {
                assert_eq!(kept, figure(&alone, name), "{name} of {}", replays[row]);
            }
        }
        for (count, section) in found.iter_mut().zip(["summary", "leases", "costs"]) {
            *count += usize::from(!alone[section].is_null());
        }
    }
    assert_eq!(found, [32, 48, 24], "runs with load, leases, and a ledger");
}

#[test]
fn any_number_of_threads_and_any_interruption_leave_the_same_bytes() {
    let folder = with_sweep(&format!("keep = [\"leases\"]\n{MIXED}"));
    let path = folder.path();
    let report = answered(path, &["sweep", "sweep.toml", "--out", "one", "--threads", "1"]);
    assert_eq!(report["reused"], 0);
    answered(path, &["sweep", "sweep.toml", "--out", "two", "--threads", "2"]);
    let bytes = |out: &str| fs::read(path.join(out).join("runs.parquet")).unwrap();
    assert!(bytes("one") == bytes("two"));
    let mut killed = command(path, &["sweep", "sweep.toml", "--out", "killed", "--threads", "1"]);
    let mut killed = killed.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let journal = path.join("killed/.unfinished/journal");
    let lines = || fs::read(&journal).map_or(0, |b| b.iter().filter(|b| **b == b'\n').count());
    let start = Instant::now();
    while lines() < 3 {
        assert!(killed.try_wait().unwrap().is_none(), "the sweep ended before it was killed");
        assert!(start.elapsed() < Duration::from_secs(120), "no run finished");
        sleep(Duration::from_millis(2));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    let kept = lines();
    let report = answered(path, &["sweep", "sweep.toml", "--out", "killed"]);
    let reused = report["reused"].as_u64().unwrap() as usize;
    assert!(reused >= kept && reused < 48, "{reused} were there, {kept} in the journal");
    assert!(bytes("killed") == bytes("one"));
    assert_eq!(answered(path, &["sweep", "sweep.toml", "--out", "one"])["reused"], 48);
    // A kept table is that of the run alone.
    let frame = runs(&path.join("one"));
    let replay = texts(&frame, "replay")[20].clone();
    let words: Vec<&str> = replay.split(' ').skip(1).chain(["--out", "alone"]).collect();
    answered(path, &words);
    let part = format!("one/leases/key={}/part.parquet", texts(&frame, "key")[20]);
    let (part, alone) = (fs::read(path.join(part)), fs::read(path.join("alone/leases.parquet")));
    assert!(part.unwrap() == alone.unwrap());
}

/// Leases by lines of ten columns; a file with others is another workload, whatever its name.
#[test]
fn a_workload_that_changed_is_another_workload() {
    let text = "base = \"leases/easy\"\n[set]\nleases.workload = \"jobs.old.lwf\"\n\
                leases.format = \"old-lwf\"\n\
                leases.hosts = [{ count = 4, cpu = 100, memory-mb = 4096 }]\n\
                [grid]\nleases.backfilling = [\"none\", \"easy\"]\n";
    let folder = with_sweep(text);
    let path = folder.path();
    let jobs = |last: &str| {
        let lwf = format!("0 -1 600 600 3 1 1024 0 none 0\n0 -1 600 600 4 1 1024 0 none 0\n{last}");
        fs::write(path.join("jobs.old.lwf"), lwf).unwrap();
    };
    let sweep = &["sweep", "sweep.toml", "--out", "out"];
    let missing = refused(path, sweep);
    assert!(missing.contains("jobs.old.lwf"), "{missing}");
    assert_eq!(missing.matches("jobs.old.lwf").count(), 1, "told once: {missing}");
    jobs("0 -1 600 600 1 1 1024 0 none 0\n");
    assert_eq!(answered(path, sweep)["reused"], 0);
    assert_eq!(answered(path, sweep)["reused"], 2);
    // Without backfilling the third waits behind the second: 0, 600 and 1200 s.
    let wait = |row| {
        let frame = runs(&path.join("out"));
        frame.column("leases.mean_wait_s").unwrap().f64().unwrap().get(row)
    };
    assert_eq!((wait(0), wait(1)), (Some(600.0), Some(200.0)));
    jobs("");
    assert_eq!(answered(path, sweep)["reused"], 0);
    assert_eq!(wait(0), Some(300.0));
}

#[test]
fn leases_are_compared_by_workload_and_seed_in_what_matters_to_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let words = ["compare", "leases/none", "leases/easy", "leases/conservative", "--seeds", "7"];
    let found = answered(path, &words);
    let rows = found["comparisons"].as_array().unwrap();
    let metrics: Vec<&str> = rows.iter().map(|row| row["metric"].as_str().unwrap()).collect();
    assert_eq!(metrics[0], "leases.accepted_ar");
    assert!(metrics.contains(&"leases.mean_wait_s") && !metrics.contains(&"energy_kwh"));
    // Nothing is drawn: seven seeds are the same runs, of two policies beside the first.
    let counts = (&found["days"], &rows[0]["pairs"], &found["repeated"]);
    assert_eq!(counts, (&1.into(), &1.into(), &12.into()));
    let one_core = ["--set", "leases.adjust.cpu=100"];
    let prices = ["--set", "costs.vm-hour-price=0.1", "--set", "costs.energy-price=0.3"];
    let prices = [&one_core[..], &prices].concat();
    let words = ["compare", "leases/loaded", "leases/consolidated", "--seeds", "6"];
    let found = answered(path, &[&words[..], &prices, &["--metric", "costs.balance"]].concat());
    let row = &found["comparisons"][0];
    // What is paid for instances is the same in both, and hosts that sleep save energy.
    assert_eq!((&row["verdict"], &row["pairs"]), (&"higher".into(), &6.into()), "{row}");
    let balance = |spec: &str| {
        let alone = answered(path, &[&["run", spec][..], &prices].concat());
        figure(&alone, "costs.balance").unwrap()
    };
    assert!(balance("leases/consolidated") > balance("leases/loaded"));
}

#[test]
fn tables_fit_a_terminal_and_those_that_some_runs_lack_are_refused() {
    let folder = with_sweep(MIXED);
    let path = folder.path();
    let args = ["sweep", "sweep.toml", "--out", "out"];
    let message = refused(path, &[&args[..], &["--keep", "samples", "--keep", "ledger"]].concat());
    assert!(message.contains("GLN-213 keep, samples: `leases/easy"), "{message}");
    assert!(message.contains("GLN-213 keep, ledger"), "{message}");
    let table = galerna(path, &args);
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    let longest = table.lines().filter(|line| !line.contains("/out")).map(|l| l.chars().count());
    assert!(longest.max().unwrap() <= 100, "{table}");
    for heading in ["energy_kwh", "leases.mean_wait_s", "leases.late_s", "costs.balance"] {
        assert!(table.contains(heading), "{heading}: {table}");
    }
}
