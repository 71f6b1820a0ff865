//! Do sweeps and comparisons keep what they promise, killed or not? Whole processes and files.
#![cfg(feature = "cli")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
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

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs a command that must end with `code`, and returns what it prints as JSON.
fn answered(folder: &Path, args: &[&str], code: i32) -> Value {
    let output = galerna(folder, args);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {}", err(&output));
    serde_json::from_slice(&output.stdout).expect("it prints JSON")
}

fn swept(folder: &Path, args: &[&str]) -> Value {
    answered(folder, &[&["sweep", "sweep.toml", "--format", "json"], args].concat(), 0)
}

/// A folder with `sweep.toml` in it.
fn with_sweep(text: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("sweep.toml"), text).unwrap();
    folder
}

/// Every file below `folder` with its bytes.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fn walk(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                walk(&entry.path(), &format!("{name}/"), files);
            } else {
                files.insert(name, fs::read(entry.path()).unwrap());
            }
        }
    }
    let mut files = BTreeMap::new();
    walk(folder, "", &mut files);
    files
}

fn assert_same(found: &Path, expected: &Path) {
    let (found, expected) = (tree(found), tree(expected));
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (name, bytes) in &expected {
        assert!(found[name] == *bytes, "{name} differs");
    }
}

fn runs(folder: &Path) -> DataFrame {
    let file = fs::File::open(folder.join("runs.parquet")).unwrap();
    ParquetReader::new(file).finish().unwrap()
}

fn texts(frame: &DataFrame, name: &str) -> Vec<Option<String>> {
    let column = frame.column(name).unwrap().str().unwrap();
    column.iter().map(|value| value.map(str::to_owned)).collect()
}

/// Ten VMs on `day` of the trace `folder`, in the published layout; the load differs by day.
fn write_day(folder: &Path, day: usize, name: &str) {
    let day_folder = folder.join(name);
    fs::create_dir_all(&day_folder).unwrap();
    for vm in 0..10 {
        let value = |k: usize| (vm * 7 + (k / 12 + day) * 13 + k * k % 11) % 100;
        let lines: String = (0..288).map(|k| format!("{}\n", value(k))).collect();
        fs::write(day_folder.join(format!("vm{vm}")), lines).unwrap();
    }
}

const SMALL: &str = r#"
policies = ["thr-mmt", "mad-rs"]
keep = ["samples", "actions"]
[set]
trace.path = "trace"
[grid]
trace.day = "all"
run.seed = [0, 1, 2]
migration.share = [0.25, 0.5]
"#;

fn small() -> TempDir {
    let folder = with_sweep(SMALL);
    write_day(&folder.path().join("trace"), 0, "20110303");
    write_day(&folder.path().join("trace"), 1, "20110306");
    folder
}

#[test]
fn one_and_two_threads_leave_the_same_bytes_and_repeating_is_free() {
    let folder = small();
    let path = folder.path();
    let report = swept(path, &["--out", "one", "--threads", "1"]);
    assert_eq!((&report["runs"], &report["reused"]), (&24.into(), &0.into()));
    swept(path, &["--out", "two", "--threads", "2"]);
    assert_same(&path.join("two"), &path.join("one"));
    let before = tree(&path.join("one"));
    assert_eq!(before.len(), 2 + 24 * 2);
    assert_eq!(swept(path, &["--out", "one"])["reused"], 24);
    assert!(tree(&path.join("one")) == before, "repeating changed a file");
    let frame = runs(&path.join("one"));
    assert_eq!(frame.height(), 24);
    assert!(texts(&frame, "status").iter().all(|s| s.as_deref() == Some("done")));
}

#[test]
fn a_row_holds_what_the_run_alone_gives() {
    let folder = small();
    swept(folder.path(), &["--out", "out"]);
    let frame = runs(&folder.path().join("out"));
    let replays = texts(&frame, "replay");
    let logs = texts(&frame, "event_log_blake3");
    let energy = frame.column("energy_kwh").unwrap().f64().unwrap();
    for row in [0, 7, 23] {
        let replay = replays[row].clone().unwrap();
        let words: Vec<&str> = replay.split(' ').skip(1).chain(["--format", "json"]).collect();
        let alone = answered(folder.path(), &words, 0);
        assert_eq!(alone["event_log_blake3"].as_str(), logs[row].as_deref(), "{replay}");
        assert_eq!(alone["summary"]["energy_kwh"].as_f64(), energy.get(row), "{replay}");
    }
}

#[test]
fn a_kept_table_is_that_of_the_run_alone() {
    let folder = small();
    swept(folder.path(), &["--out", "out"]);
    let frame = runs(&folder.path().join("out"));
    let replay = texts(&frame, "replay")[5].clone().unwrap();
    let words: Vec<&str> = replay.split(' ').skip(1).chain(["--out", "alone"]).collect();
    assert!(galerna(folder.path(), &words).status.success());
    let key = texts(&frame, "key")[5].clone().unwrap();
    for table in ["samples", "actions"] {
        let part = folder.path().join(format!("out/{table}/key={key}/part.parquet"));
        let alone = folder.path().join(format!("alone/{table}.parquet"));
        assert!(fs::read(part).unwrap() == fs::read(alone).unwrap(), "{table}");
    }
}

const LONG: &str = r#"
policies = ["lr-mmt", "thr-rs"]
keep = ["samples"]
[grid]
run.seed = { from = 0, to = 4 }
"#;

/// Lines of the journal of the sweep in `folder`.
fn journal(folder: &Path) -> usize {
    let bytes = fs::read(folder.join(".unfinished/journal")).unwrap_or_default();
    bytes.iter().filter(|&&byte| byte == b'\n').count()
}

/// Waits until the journal has `lines`, then kills `child` as `kill -9` does.
fn kill_at(child: &mut Child, folder: &Path, lines: usize) {
    let start = Instant::now();
    while journal(folder) < lines {
        assert!(child.try_wait().unwrap().is_none(), "the sweep ended before it was killed");
        assert!(start.elapsed() < Duration::from_secs(120), "no run finished");
        sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

fn spawned(folder: &Path, out: &str) -> Child {
    let mut command = command(folder, &["sweep", "sweep.toml", "--out", out]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn a_sweep_killed_twice_goes_on_and_leaves_the_bytes_of_an_undisturbed_one() {
    let folder = with_sweep(LONG);
    let (path, killed) = (folder.path(), folder.path().join("killed"));
    kill_at(&mut spawned(path, "killed"), &killed, 2);
    let first = journal(&killed);
    assert!(!killed.join("runs.parquet").exists(), "a killed sweep has no table");
    kill_at(&mut spawned(path, "killed"), &killed, first + 2);
    let second = journal(&killed);
    let report = swept(path, &["--out", "killed"]);
    let reused = report["reused"].as_u64().unwrap() as usize;
    assert!(reused >= second && reused < 10, "{reused} of 10 were there, {second} in the journal");
    swept(path, &["--out", "undisturbed", "--threads", "1"]);
    assert_same(&killed, &path.join("undisturbed"));
}

#[test]
fn a_second_sweep_into_the_same_folder_waits_its_turn() {
    let folder = with_sweep(LONG);
    let out = folder.path().join("out");
    let mut first = spawned(folder.path(), "out");
    while journal(&out) == 0 {
        assert!(first.try_wait().unwrap().is_none(), "the sweep ended too early");
        sleep(Duration::from_millis(5));
    }
    let second = galerna(folder.path(), &["sweep", "sweep.toml", "--out", "out"]);
    assert_eq!(second.status.code(), Some(2));
    assert!(err(&second).starts_with("GLN-722 out: "), "{}", err(&second));
    first.kill().unwrap();
    first.wait().unwrap();
}

#[test]
fn a_wider_sweep_runs_only_what_is_new_and_a_narrower_one_drops_nothing_unasked() {
    let folder = small();
    let path = folder.path();
    swept(path, &["--out", "out"]);
    let wider = SMALL.replace("[0, 1, 2]", "[0, 1, 2, 3]");
    fs::write(path.join("sweep.toml"), wider).unwrap();
    let report = swept(path, &["--out", "out"]);
    assert_eq!((&report["runs"], &report["reused"]), (&32.into(), &24.into()));
    fs::write(path.join("sweep.toml"), SMALL.replace("\"samples\", ", "")).unwrap();
    let refused = galerna(path, &["sweep", "sweep.toml", "--out", "out"]);
    assert_eq!(refused.status.code(), Some(2));
    let message = err(&refused);
    assert!(message.contains("GLN-720 out: holds 8 finished runs"), "{message}");
    assert!(message.contains("holds tables `samples`"), "{message}");
    assert_eq!(runs(&path.join("out")).height(), 32);
    assert_eq!(swept(path, &["--out", "out", "--overwrite"])["reused"], 24);
    swept(path, &["--out", "fresh"]);
    assert_same(&path.join("out"), &path.join("fresh"));
}

#[test]
fn a_failing_run_is_kept_with_its_replay_and_stops_nothing() {
    let text = SMALL.to_owned()
        + "[[list]]\nname = \"plenty\"\n[[list]]\nname = \"one host\"\n\
           fleet.hosts = [{ machine = \"hp-ml110-g4\", count = 1, ram-gib = 1 }]\n\
           [[list]]\nname = \"each alone\"\nsites.rules = [{ at-most = 1, per = \"site\" }]\n\
           sites.list = [{ name = \"a\", hosts = \"0-799\" }]\n";
    let folder = small();
    let path = folder.path();
    fs::write(path.join("sweep.toml"), text).unwrap();
    let args = ["sweep", "sweep.toml", "--out", "out", "--format", "json"];
    let report = answered(path, &args, 1);
    let failed = report["failed"].as_array().unwrap();
    assert_eq!((&report["runs"], failed.len()), (&72.into(), 48));
    assert!(failed[0]["error"].as_str().unwrap().starts_with("GLN-501 "), "{failed:?}");
    let frame = runs(&path.join("out"));
    let status = texts(&frame, "status");
    let (lists, errors) = (texts(&frame, "list"), texts(&frame, "error"));
    for row in 0..72 {
        let known = [("plenty", "", "done"), ("one host", "GLN-501 ", "failed")];
        let known = known.iter().find(|(list, ..)| lists[row].as_deref() == Some(list));
        let (_, code, expected) = known.unwrap_or(&("each alone", "GLN-667 ", "failed"));
        assert_eq!(status[row].as_deref(), Some(*expected));
        assert!(errors[row].as_deref().unwrap_or_default().starts_with(code), "{errors:?}");
    }
    let replay = failed[0]["replay"].as_str().unwrap();
    let shell = format!("{}{}", env!("CARGO_BIN_EXE_galerna"), &replay["galerna".len()..]);
    let alone = Command::new("sh").args(["-c", &shell]).current_dir(path).output().unwrap();
    assert_eq!(alone.status.code(), Some(3), "{shell}: {}", err(&alone));
    assert_eq!(err(&alone).trim_end(), failed[0]["error"].as_str().unwrap());
    assert_eq!(answered(path, &args, 1)["reused"], 48);
}

#[test]
fn a_day_that_cannot_be_read_fails_its_own_runs_and_is_read_again_when_mended() {
    let folder = small();
    let path = folder.path();
    fs::write(path.join("trace/20110306/vm3"), "12\nx\n").unwrap();
    let args = ["sweep", "sweep.toml", "--out", "out", "--format", "json"];
    let report = answered(path, &args, 1);
    let failed = report["failed"].as_array().unwrap();
    assert_eq!(failed.len(), 12);
    let error = failed[0]["error"].as_str().unwrap();
    assert!(error.contains("GLN-101") || error.contains("GLN-102"), "{error}");
    write_day(&path.join("trace"), 1, "20110306");
    let report = swept(path, &["--out", "out"]);
    assert_eq!((&report["runs"], &report["reused"]), (&24.into(), &12.into()));
    swept(path, &["--out", "fresh"]);
    assert_same(&path.join("out"), &path.join("fresh"));
}

#[test]
fn a_trace_that_changed_is_another_trace() {
    let folder = small();
    let path = folder.path();
    swept(path, &["--out", "out"]);
    write_day(&path.join("trace"), 5, "20110306");
    assert_eq!(swept(path, &["--out", "out"])["reused"], 12);
    swept(path, &["--out", "fresh"]);
    assert_same(&path.join("out"), &path.join("fresh"));
}

#[test]
fn a_bad_sweep_file_is_refused_with_all_problems_before_anything_runs() {
    let text = "polices = [\"lr-mmt\"]\n[grid]\nrun.seed = 3\nmigration.share = []\n";
    let folder = with_sweep(text);
    let output = galerna(folder.path(), &["sweep", "sweep.toml"]);
    assert_eq!(output.status.code(), Some(2));
    for words in ["(did you mean `policies`?)", "run.seed: must be a list", "share: has no values"]
    {
        assert!(err(&output).contains(words), "{words}: {}", err(&output));
    }
    let text = "[grid]\npolicy.overload.saftey = [1, 2]\nmigration.share = [0.5, 5]\n\
                trace.path = [\"sample\", \"no/such\"]\n";
    fs::write(folder.path().join("sweep.toml"), text).unwrap();
    let output = galerna(folder.path(), &["sweep", "sweep.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("unknown parameter `saftey` (did you mean `safety`?)"));
    assert_eq!(tree(folder.path()).into_keys().collect::<Vec<_>>(), ["sweep.toml"]);
    let output = galerna(folder.path(), &["sweep", "missing.toml"]);
    assert!(err(&output).starts_with("GLN-701 missing.toml: "), "{}", err(&output));
}

#[test]
fn a_folder_that_is_no_sweep_stays_as_it_is() {
    let folder = small();
    let path = folder.path();
    fs::create_dir(path.join("thesis")).unwrap();
    fs::write(path.join("thesis/thesis.tex"), "years of work").unwrap();
    for out in ["thesis", "sweep.toml"] {
        let output = galerna(path, &["sweep", "sweep.toml", "--out", out, "--overwrite"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(err(&output).starts_with(&format!("GLN-720 {out}: ")), "{}", err(&output));
    }
    assert_eq!(tree(&path.join("thesis")).len(), 1);
}

#[test]
fn a_dry_run_tells_the_runs_and_leaves_nothing() {
    let folder = small();
    let output = galerna(folder.path(), &["sweep", "sweep.toml", "--dry-run"]);
    let text = out(&output);
    assert!(text.starts_with("24 runs\n"), "{text}");
    let first = "galerna run thr-mmt --set trace.path=trace --set migration.share=0.25 --seed 0 \
                 --set trace.day=20110303";
    assert_eq!(text.lines().nth(1).map(str::trim), Some(first));
    assert!(!folder.path().join("out").exists());
}

/// A comparison on the small trace.
fn compared(path: &Path, args: &[&str]) -> Value {
    let base = ["compare", "--trace", "trace", "--format", "json"];
    answered(path, &[&base, args].concat(), 0)
}

fn variant(path: &Path, name: &str, text: &str) -> PathBuf {
    let file = path.join(name);
    fs::write(&file, text).unwrap();
    file
}

/// Copies that do not share their link are quicker, so they cost less work (quirk Q13).
#[test]
fn two_runs_that_differ_in_one_quirk_are_told_apart() {
    let folder = small();
    let path = folder.path();
    variant(path, "q13.toml", "policy.overload = \"thr\"\nmigration.contention = \"none\"\n");
    let args = ["thr-mmt", "q13.toml", "--metric", "pdm", "--seeds", "6"];
    let report = compared(path, &args);
    let row = &report["comparisons"][0];
    assert_eq!((&row["pairs"], &row["days"]), (&12.into(), &2.into()));
    assert_eq!(row["verdict"], "lower", "{row:#}");
    assert!(row["high"].as_f64().unwrap() < 0.0 && row["effect"].as_f64() == Some(-1.0), "{row:#}");
    let mut differences = Vec::new();
    for day in ["20110303", "20110306"] {
        for seed in 0..6 {
            let pdm = |spec: &str| {
                let (day, seed) = (format!("trace.day={day}"), format!("{seed}"));
                let args = ["run", spec, "--set", "trace.path=trace", "--set", &day];
                let rest = ["--seed", &seed, "--format", "json"];
                let alone = answered(path, &[&args[..], &rest].concat(), 0);
                alone["summary"]["pdm"].as_f64().unwrap()
            };
            differences.push(pdm("q13.toml") - pdm("thr-mmt"));
        }
    }
    differences.sort_by(f64::total_cmp);
    let mean = row["mean"].as_f64().unwrap() - row["baseline_mean"].as_f64().unwrap();
    assert!((mean - differences.iter().sum::<f64>() / 12.0).abs() < 1e-12);
    let estimate = row["difference"].as_f64().unwrap();
    assert!(differences[0] <= estimate && estimate <= differences[11], "{differences:?}");
    // 12 pairs of one sign: 2 / 2^12.
    assert_eq!(row["p"].as_f64(), Some(2.0 / 4096.0));
}

#[test]
fn a_policy_against_its_copy_is_identical_and_few_pairs_say_so() {
    let folder = small();
    let path = folder.path();
    variant(path, "copy.toml", "policy.overload = { kind = \"thr\", threshold = 0.8 }\n");
    let report = compared(path, &["thr-mmt", "copy.toml", "--seeds", "2"]);
    for row in report["comparisons"].as_array().unwrap() {
        assert_eq!(
            (&row["verdict"], &row["p_holm"]),
            (&"identical".into(), &1.0.into()),
            "{row:#}"
        );
    }
    let report = compared(path, &["thr-mmt", "mad-mu", "--seeds", "2"]);
    assert_eq!(report["comparisons"][1]["verdict"], "too few pairs");
}

#[test]
fn a_comparison_kept_in_a_folder_is_free_the_second_time_and_in_every_form() {
    let folder = small();
    let path = folder.path();
    let args = ["thr-mmt", "mad-*", "--seeds", "3", "--out", "out", "--baseline", "mad-mmt"];
    let first = compared(path, &args);
    assert_eq!(first["baseline"], "mad-mmt");
    assert_eq!(first["comparisons"].as_array().unwrap().len(), 5 * 4);
    let before = tree(&path.join("out"));
    assert_eq!(compared(path, &[&args[..], &["--threads", "1"]].concat()), first);
    assert!(tree(&path.join("out")) == before);
    let plain = galerna(path, &[&["compare", "--trace", "trace"], &args[..]].concat());
    assert!(out(&plain).starts_with("4 policies against mad-mmt: 2 days x 3 seeds"));
    let markdown = [&["compare", "--trace", "trace", "--format", "md"], &args[..]].concat();
    assert!(out(&galerna(path, &markdown)).contains("\n| energy_kwh | mad-mmt |"));
}

#[test]
fn a_bad_question_is_refused_with_all_problems() {
    let folder = small();
    let args = ["compare", "lr-mtt", "no-such-*", "--set", "seed"];
    let output = galerna(folder.path(), &args);
    assert_eq!(output.status.code(), Some(2));
    for words in ["(did you mean `lr-mmt`?)", "no-such-*: no bundled policy", "GLN-205"] {
        assert!(err(&output).contains(words), "{words}: {}", err(&output));
    }
    let args = ["compare", "lr-mmt", "thr-mmt", "--metric", "energy"];
    let output = galerna(folder.path(), &args);
    assert!(err(&output).contains("GLN-711 energy: "), "{}", err(&output));
}
