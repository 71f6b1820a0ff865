//! `galerna solve` as a user meets it: whole processes, exit codes, files.
#![cfg(feature = "cli")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use galerna::check::roadef::judge;
use serde_json::Value;
use tempfile::TempDir;

/// Two resources, the second transient; three machines; two services, the second needs the first
/// beside it; three processes; one balance.
const MODEL: &str = "\
2
0 10
1 5
3
0 0 10 10 4 4 0 1 2
0 1 10 10 4 4 1 0 2
1 2 10 10 4 4 2 2 0
2
2 0
1 1 0
3
0 4 2 3
0 3 2 3
1 3 1 1
1
0 1 1 2
1 10 100
";
const START: &str = "0 1 0\n";

/// One resource, of which a machine takes 1 safely; a process that needs 2 and may move freely
/// between two machines: the bound, 0 with both machines pooled, is never reached.
const LOOSE: &str = "1\n0 1\n2\n0 0 10 1 0 0\n1 1 10 1 0 0\n1\n1 0\n1\n0 2 0\n0\n1 0 0\n";

fn galerna(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_galerna"));
    command.args(args).output().expect("the binary runs")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are UTF-8")
}

fn told(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// A folder with a model and an assignment.
fn files(model: &str, start: &str) -> (TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (m, a) = (folder.path().join("model.txt"), folder.path().join("assignment.txt"));
    fs::write(&m, model).unwrap();
    fs::write(&a, start).unwrap();
    (folder, m, a)
}

/// A command that fails with exit code 2, says all of `words` and writes nothing.
fn refused(model: &str, start: &str, more: &[&str], words: &[&str]) {
    let (folder, m, a) = files(model, start);
    let out = folder.path().join("new.txt");
    let mut args = vec!["solve", "roadef", text(&m), text(&a), "--out", text(&out)];
    args.extend(more);
    let (code, stdout, stderr) = told(&galerna(&args));
    assert_eq!((code, stdout.as_str()), (Some(2), ""), "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "`{word}` is not in {stderr}");
    }
    assert!(!out.exists(), "{stderr}");
}

#[test]
fn the_answer_is_written_reported_and_holds() {
    let (folder, m, a) = files(MODEL, START);
    let out = folder.path().join("new.txt");
    let args = ["solve", "roadef", text(&m), text(&a), "--out", text(&out)];
    let args = [&args[..], &["--steps", "20000", "--format", "json"]].concat();
    let (code, stdout, stderr) = told(&galerna(&args));
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let report: Value = serde_json::from_str(&stdout).expect("it is JSON");
    let new = fs::read_to_string(&out).expect("it is written");
    let verdict = judge(MODEL, START, &new).expect("it is in the format");
    assert!(verdict.breaches.is_empty(), "{:?}", verdict.breaches);
    let cost = report["cost"].as_i64().expect("a number");
    assert_eq!(verdict.cost(), i128::from(cost));
    // Machine 0 holds 7 of resource 0, 3 above its safety capacity, at 10 each.
    assert_eq!(judge(MODEL, START, START).unwrap().cost(), 30);
    assert_eq!(report["initial_cost"], 30);
    assert!(cost <= 30 && report["lower_bound"].as_i64().unwrap() <= cost);
    assert_eq!((&report["feasible"], report["gap"].is_f64()), (&Value::Bool(true), true));
    assert!(report["time_s"].as_f64().unwrap() > 0.0);
    let names: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names.len(), 3, "something was left behind: {names:?}");
}

#[test]
fn a_time_limit_is_kept_and_told_as_a_table() {
    let (_folder, m, a) = files(MODEL, START);
    let args = ["solve", "roadef", text(&m), text(&a), "--time-s", "0.2", "--threads", "2"];
    let begun = std::time::Instant::now();
    let (code, stdout, stderr) = told(&galerna(&args));
    assert_eq!(code, Some(0), "{stderr}");
    assert!(begun.elapsed().as_secs_f64() < 5.0);
    for word in ["initial cost", "lower bound", "gap", "processes moved"] {
        assert!(stdout.contains(word), "`{word}` is not in {stdout}");
    }
}

#[test]
fn faulty_files_are_refused_with_line_and_remedy_and_all_problems() {
    refused(&MODEL.replace("0 10\n", "0 ten\n"), START, &[], &["GLN-541", "model.txt:2", "`ten`"]);
    let two = MODEL.replace("1 1 0\n", "1 1 7\n").replace("0 1 1 2\n", "0 9 1 2\n");
    refused(&two, START, &[], &["GLN-543", "model.txt:10", "model.txt:16", "only 2"]);
    refused(&MODEL[..60], START, &[], &["GLN-542", "the file ends"]);
    refused(
        &(MODEL.to_owned() + "5\n"),
        START,
        &[],
        &["GLN-542", "model.txt:18", "after the last"],
    );
    refused(&MODEL.replace("\n3\n0 4", "\n4000000000\n0 4"), START, &[], &["GLN-542", "at most"]);
    refused(MODEL, "0 1\n", &[], &["GLN-542", "assignment.txt:2", "process 2"]);
    refused(MODEL, "0 1 3\n", &[], &["GLN-543", "assignment.txt:1", "only 3"]);
    refused(MODEL, "0 1 -1\n", &[], &["GLN-541", "`-1`"]);
    let far = MODEL.replace("0 1 1 2\n", "0 1 4294967295 4294967295\n");
    refused(&far, START, &[], &["GLN-544", "larger unit"]);
}

#[test]
fn an_infeasible_start_is_refused_with_every_breach() {
    let words = ["GLN-545", "machine 0 has 2 items of service 0", "in 1 locations"];
    refused(MODEL, "0 0 0\n", &[], &words);
    refused(MODEL, "0 1 2\n", &[], &["GLN-545", "neighbourhood 1 has service 1 but not 0"]);
}

#[test]
fn faulty_options_and_missing_files_are_refused() {
    for (option, value) in [("--time-s", "0"), ("--time-s", "nan"), ("--steps", "0")] {
        refused(MODEL, START, &[option, value], &[option]);
    }
    let (code, _, stderr) = told(&galerna(&["solve", "roadef", "no-model", "no-start"]));
    assert_eq!(code, Some(2));
    assert!(stderr.contains("GLN-540 no-model") && stderr.contains("GLN-540 no-start"), "{stderr}");
}

#[test]
fn an_output_that_cannot_be_written_is_told_and_nothing_is_printed() {
    let (folder, m, a) = files(MODEL, START);
    let out = folder.path().join("missing/new.txt");
    let args = ["solve", "roadef", text(&m), text(&a), "--steps", "1000", "--out", text(&out)];
    let (code, stdout, stderr) = told(&galerna(&args));
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    assert!(stderr.contains("GLN-540") && stderr.contains("writable"), "{stderr}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_gives_the_best_so_far() {
    use std::process::Stdio;
    let (folder, m, a) = files(LOOSE, "0\n");
    let out = folder.path().join("new.txt");
    let mut command = Command::new(env!("CARGO_BIN_EXE_galerna"));
    command.args(["solve", "roadef", text(&m), text(&a), "--time-s", "60", "--format", "json"]);
    let child = command.args(["--out", text(&out)]).stdout(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(700));
    let pid = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &pid]).status().expect("kill is there");
    assert!(sent.success());
    let (code, stdout, stderr) = told(&child.wait_with_output().unwrap());
    assert_eq!(code, Some(130), "{stderr}");
    let report: Value = serde_json::from_str(&stdout).expect("it is JSON");
    assert_eq!(report["status"], "stopped");
    assert!(out.exists() && report["time_s"].as_f64().unwrap() < 30.0);
}
