//! The command `galerna` as a user meets it: whole processes, exit codes, files.
#![cfg(feature = "cli")]

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use polars::prelude::*;
use serde_json::Value;
use tempfile::TempDir;

fn galerna(args: &[&str]) -> Output {
    galerna_in(Path::new(env!("CARGO_MANIFEST_DIR")), args)
}

fn galerna_in(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_galerna"));
    command.current_dir(folder).args(args).output().expect("the binary runs")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are UTF-8")
}

/// A command that fails with exit code 2 and says all of `words` on standard error.
fn refused(args: &[&str], words: &[&str]) {
    let output = galerna(args);
    let message = err(&output);
    assert_eq!(code(&output), Some(2), "{args:?}: {message}");
    assert!(out(&output).is_empty(), "{args:?} prints no result");
    for word in words {
        assert!(message.contains(word), "{args:?}: `{word}` is not in {message}");
    }
}

/// A finished run in a temporary folder.
fn finished(args: &[&str]) -> (TempDir, PathBuf) {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("run");
    let mut all = vec!["run", "thr-mmt", "--out", text(&dir)];
    all.extend(args);
    let output = galerna(&all);
    assert_eq!(code(&output), Some(0), "{}", err(&output));
    (parent, dir)
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|n| n.to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    names
}

const FILES: [&str; 9] = [
    "actions.parquet",
    "decisions.parquet",
    "demand.parquet",
    "hosts.parquet",
    "moves.parquet",
    "run.json",
    "samples.parquet",
    "stages.parquet",
    "vms.parquet",
];

#[test]
fn the_json_has_the_promised_names_and_only_finite_numbers() {
    let output = galerna(&["run", "cloudsim-3.0.3/lr-mmt", "--format", "json"]);
    assert_eq!((code(&output), err(&output).as_str()), (Some(0), ""));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    for name in ["version", "spec", "seed", "event_log_blake3", "spec_blake3"] {
        assert!(!json[name].is_null(), "{name}");
    }
    assert_eq!(json["spec"], "cloudsim-3.0.3/lr-mmt");
    assert_eq!((&json["trace"]["vms"], &json["trace"]["samples"]), (&1052.into(), &302_976.into()));
    assert_eq!(json["trace"]["path"], "sample");
    for name in [
        "energy_kwh",
        "migrations",
        "slatah",
        "pdm",
        "slav",
        "esv",
        "overall_sla_violation",
        "average_sla_violation",
        "host_shutdowns",
        "mean_time_before_host_shutdown_s",
        "ping_pong_rate",
        "active_hosts_mean",
    ] {
        assert!(json["summary"][name].is_number(), "{name}");
    }
    assert!(json["timing"]["read_s"].as_f64().is_some_and(|s| s > 0.0));
    assert!(json["timing"]["run_s"].as_f64().is_some_and(|s| s > 0.0));
}

#[test]
fn the_table_fits_eighty_columns() {
    let output = galerna(&["run", "dvfs"]);
    assert!(out(&output).lines().all(|line| line.chars().count() <= 80), "{}", out(&output));
    assert!(out(&output).contains("event log ") && out(&output).contains("energy_kwh"));
}

#[test]
fn without_a_command_the_help_is_shown_and_every_command_has_examples() {
    let help = galerna(&[]);
    assert_eq!(code(&help), Some(0));
    assert!(out(&help).contains("Examples:"));
    for command in [&["run"][..], &["check"], &["policies"], &["traces", "info"]] {
        let output = galerna(&[command, &["--help"]].concat());
        assert!(out(&output).contains("Examples:"), "{command:?}");
    }
}

#[test]
fn a_policy_to_start_from_is_written_once() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("mine.py");
    let path = file.to_str().expect("a path in UTF-8");
    let output = galerna(&["policies", "new", "host-selection", path]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains("host_selection=mine.MyPolicy()"), "{said}");
    let text = std::fs::read_to_string(&file).expect("it was written");
    assert!(text.contains("def host_score(self, host: LeaseHost, lease: Lease)"), "{text}");
    refused(&["policies", "new", "select", path], &["GLN-207", "is there already"]);
    let odd = folder.path().join("my-policy.py");
    refused(&["policies", "new", "select", odd.to_str().unwrap()], &["GLN-207", "import"]);
}

#[test]
fn policies_are_listed_and_described() {
    let list = out(&galerna(&["policies", "list"]));
    assert!(list.contains("  lr-mmt ") && list.contains("  cloudsim-3.0.3/thr-rs "), "{list}");
    let output = galerna(&["policies", "describe", "cloudsim-3.0.3/lr-mmt"]);
    assert!(out(&output).contains("[policy]") && out(&output).contains("Q15:"), "{}", out(&output));
    refused(&["policies", "describe", "lr-mmmt"], &["GLN-201", "did you mean `lr-mmt`?"]);
}

#[test]
fn a_trace_is_described_in_both_forms() {
    let output = galerna(&["traces", "info", "sample", "--format", "json"]);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&json["vms"], &json["samples"]), (&1052.into(), &302_976.into()));
    assert!(out(&galerna(&["traces", "info", "sample"])).contains("samples per VM"));
}

#[test]
fn bad_specs_are_refused_with_place_and_remedy() {
    refused(&["run", "no-such"], &["GLN-201 no-such", "`galerna policies list`"]);
    let set = |change: &'static str| ["run", "lr-mmt", "--set", change];
    refused(&set("policy.overload.saftey=1"), &["GLN-202", "[policy] overload.saftey", "`safety`"]);
    refused(&set("policy.overload=maad"), &["GLN-204", "unknown policy `maad`", "`mad`"]);
    refused(&set("nonsense"), &["GLN-205", "`nonsense` is not of the form KEY=VALUE"]);
    refused(&set("run.seed=-1"), &["GLN-203", "[run] seed"]);
    refused(&set("trace.path=no/such.parquet"), &["GLN-104", "no/such.parquet"]);
    refused(&["run", "lr-mmt", "--threads", "0"], &["--threads"]);
    refused(&["run", "lr-mmt", "--overwrite"], &["--out"]);
    let python =
        ["GLN-402 lr-mmt, [policy] select: `m:S` is Python code", "`python -m galerna run"];
    refused(&set("policy.select=m:S"), &python);
}

#[test]
fn two_problems_of_one_file_are_reported_together() {
    let folder = tempfile::tempdir().unwrap();
    let spec = folder.path().join("mine.toml");
    fs::write(&spec, "[policy]\nselect = \"mmmt\"\n[host]\nwake-z = 3\n").unwrap();
    let spec = text(&spec);
    refused(&["run", spec], &["[policy] select", "`mmt`", "[host] wake-z", "`wake-s`", "Known:"]);
    let both = ["run", "lr-mmt", "--set", "one", "--set", "two"];
    refused(&both, &["`one` is not", "`two` is not"]);
}

/// A folder with two VM files; `lines` of the second are changed by `mend`.
fn planetlab(mend: impl Fn(&mut Vec<String>)) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut lines: Vec<String> = (0..288).map(|k| (k % 50).to_string()).collect();
    fs::write(folder.path().join("vm-a"), lines.join("\n") + "\n").unwrap();
    mend(&mut lines);
    fs::write(folder.path().join("vm-b"), lines.join("\n") + "\n").unwrap();
    folder
}

#[test]
fn bad_traces_are_refused_with_file_and_line() {
    let empty = tempfile::tempdir().unwrap();
    let info =
        |dir: &TempDir, words: &[&str]| refused(&["traces", "info", text(dir.path())], words);
    info(&empty, &["GLN-105"]);
    info(&planetlab(|lines| drop(lines.pop())), &["GLN-102", "vm-b", "287", "288"]);
    info(&planetlab(|lines| lines.push("3".into())), &["GLN-102", "vm-b", "288"]);
    info(&planetlab(|lines| lines[6] = "x".into()), &["GLN-101", "vm-b:7", "`x`"]);
    info(&planetlab(|lines| lines[6] = "101".into()), &["GLN-101", "vm-b:7", "101"]);
    let good = planetlab(|_| {});
    refused(&["traces", "info", text(good.path()), "--day", "20110303"], &["GLN-108", "20110303"]);
    refused(&["traces", "info", "Cargo.toml"], &["GLN-106", "Cargo.toml"]);
    let run = ["run", "lr-mmt", "--set", &format!("trace.path={}", text(empty.path()))];
    refused(&run, &["GLN-105"]);
}

#[test]
fn an_archive_that_leads_out_of_itself_or_is_cut_short_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let traversal = folder.path().join("evil.tar");
    fs::write(&traversal, tar_with(b"../../evil/vm-a", b"1\n")).unwrap();
    refused(&["traces", "info", text(&traversal)], &["GLN-111", "evil"]);
    let cut = folder.path().join("cut.tar.xz");
    let whole = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("traces/sample.tar.xz"));
    let whole = whole.unwrap();
    fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    refused(&["traces", "info", text(&cut)], &["GLN-110", "cut.tar.xz"]);
}

/// A tar archive of one file, written by hand since tools refuse such names.
fn tar_with(name: &[u8], content: &[u8]) -> Vec<u8> {
    let mut header = [0u8; 512];
    header[..name.len()].copy_from_slice(name);
    header[100..107].copy_from_slice(b"0000644");
    header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
    header[136..147].copy_from_slice(b"00000000000");
    header[148..156].copy_from_slice(b"        ");
    header[156] = b'0';
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut archive = header.to_vec();
    archive.extend_from_slice(content);
    archive.resize(512 + 512 + 1024, 0);
    archive
}

#[test]
fn an_infeasible_start_has_its_own_exit_code() {
    let hosts = "fleet.hosts=[{ machine = 'hp-ml110-g4', count = 1, ram-gib = 4 }]";
    let output = galerna(&["run", "lr-mmt", "--set", hosts]);
    assert_eq!(code(&output), Some(3), "{}", err(&output));
    assert!(err(&output).contains("GLN-"), "{}", err(&output));
}

#[test]
fn a_written_run_is_complete_and_checks_clean() {
    let (parent, dir) = finished(&[]);
    assert_eq!(names(&dir), FILES);
    assert_eq!(names(parent.path()), ["run"]);
    let output = galerna(&["check", text(&dir)]);
    assert_eq!(code(&output), Some(0), "{}", out(&output));
    assert!(out(&output).ends_with("no findings\n"));
    let manifest: Value = serde_json::from_slice(&fs::read(dir.join("run.json")).unwrap()).unwrap();
    assert_eq!(manifest["command"][0], "galerna");
    assert_eq!(manifest["resolved_spec"]["migration"]["share"], 0.5);
    let hash = blake3::hash(&fs::read(dir.join("vms.parquet")).unwrap()).to_hex().to_string();
    assert_eq!(manifest["tables"]["vms.parquet"], hash);
}

#[test]
fn a_previous_run_is_replaced_only_with_overwrite() {
    let (_parent, dir) = finished(&[]);
    let args = ["run", "dvfs", "--out", text(&dir)];
    refused(&args, &["GLN-620", "holds a previous run", "--overwrite"]);
    let output = galerna(&[&args[..], &["--overwrite"]].concat());
    assert_eq!(code(&output), Some(0), "{}", err(&output));
    assert_eq!(code(&galerna(&["check", text(&dir)])), Some(0));
    fs::write(dir.join("notes.txt"), "mine").unwrap();
    refused(&[&args[..], &["--overwrite"]].concat(), &["GLN-620", "`notes.txt`"]);
    refused(&["run", "dvfs", "--out", "Cargo.toml"], &["GLN-620", "not a folder"]);
}

/// Killed at any time, the command leaves no folder or a whole one.
#[test]
fn a_killed_run_leaves_no_half_written_folder() {
    let parent = tempfile::tempdir().unwrap();
    for (i, delay_ms) in [5, 20, 40, 60, 80, 100, 120, 140, 170, 200, 240].into_iter().enumerate() {
        let dir = parent.path().join(i.to_string());
        let mut command = Command::new(env!("CARGO_BIN_EXE_galerna"));
        command.args(["run", "thr-mmt", "--out", text(&dir)]).stdout(Stdio::null());
        let mut child = command.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(delay_ms));
        // It may have ended already.
        let _ = child.kill();
        child.wait().unwrap();
        assert!(!dir.exists() || names(&dir) == FILES, "after {delay_ms} ms: {:?}", names(&dir));
    }
}

#[test]
fn the_files_are_the_same_on_any_number_of_threads_and_every_time() {
    let runs: Vec<(TempDir, PathBuf)> =
        ["1", "2", "8", "8"].into_iter().map(|n| finished(&["--threads", n])).collect();
    let manifest = |dir: &Path| -> Value {
        let mut json: Value =
            serde_json::from_slice(&fs::read(dir.join("run.json")).unwrap()).unwrap();
        for varying in ["command", "timing"] {
            json.as_object_mut().unwrap().remove(varying).unwrap();
        }
        json
    };
    let (_, first) = &runs[0];
    for (_, dir) in &runs[1..] {
        assert_eq!(manifest(dir), manifest(first));
        for name in FILES.into_iter().filter(|name| name.ends_with(".parquet")) {
            assert_eq!(fs::read(dir.join(name)).unwrap(), fs::read(first.join(name)).unwrap());
        }
    }
}

/// Writes `change` of a table back in its place.
fn mutate(dir: &Path, table: &str, change: impl Fn(&mut DataFrame)) {
    let path = dir.join(table);
    let mut frame = ParquetReader::new(File::open(&path).unwrap()).finish().unwrap();
    change(&mut frame);
    ParquetWriter::new(File::create(&path).unwrap()).finish(&mut frame).unwrap();
}

#[test]
fn a_changed_table_is_found_out_by_its_hash_and_by_its_figures() {
    let (_parent, dir) = finished(&[]);
    mutate(&dir, "hosts.parquet", |frame| {
        let energy = frame.column("energy_j").unwrap().f64().unwrap();
        let less: Vec<f64> = energy.iter().flatten().map(|joules| joules * 0.9).collect();
        frame.with_column(Column::new("energy_j".into(), less)).unwrap();
    });
    let output = galerna(&["check", text(&dir)]);
    assert_eq!(code(&output), Some(1), "{}", err(&output));
    for word in ["GLN-613", "hosts.parquet", "GLN-607", "energy_j"] {
        assert!(out(&output).contains(word), "{word}: {}", out(&output));
    }
}

#[test]
fn what_is_no_folder_of_a_run_cannot_be_checked() {
    let empty = tempfile::tempdir().unwrap();
    refused(&["check", text(empty.path())], &["GLN-622", "run.json", "--out"]);
    refused(&["check", "no/such/folder"], &["GLN-622"]);
    let (_parent, dir) = finished(&[]);
    fs::remove_file(dir.join("vms.parquet")).unwrap();
    fs::write(dir.join("hosts.parquet"), "no table").unwrap();
    let words = ["GLN-622", "vms.parquet", "GLN-623", "hosts.parquet"];
    refused(&["check", text(&dir)], &words);
    let mut json = File::create(dir.join("run.json")).unwrap();
    json.write_all(b"{}").unwrap();
    refused(&["check", text(&dir)], &["GLN-623", "run.json"]);
}

#[cfg(unix)]
#[test]
fn a_reader_that_closes_the_pipe_ends_the_command_quietly() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_galerna"));
    command.args(["policies", "list"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((code(&output), err(&output).as_str()), (Some(0), ""));
}

/// Decisions about a lease are told, as text and as JSON, and the run without it is shown.
#[test]
fn leases_are_explained() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("run");
    let dir = text(&dir);
    let preemption = "leases.preemption=ar-preempts-best-effort";
    let output = galerna(&["run", "leases/easy", "--set", preemption, "--out", dir]);
    assert_eq!(code(&output), Some(0), "{}", err(&output));
    let all = out(&galerna(&["explain", dir]));
    assert!(all.contains(" leases: ") && all.contains("ask with --lease NUMBER"), "{all}");
    let one = out(&galerna(&["explain", dir, "--lease", "1"]));
    assert!(one.contains("  lease 1 is asked for: ") && one.contains("  lease 1 begins on "));
    let json = out(&galerna(&["explain", dir, "--lease", "1", "--format", "json"]));
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["leases"][0]["decision"], "asked");
    assert!(json["tally"]["leases"].as_u64() > Some(40));
    let without = out(&galerna(&["explain", dir, "--lease", "1", "--without"]));
    assert!(without.contains("the runs differ from ") && without.contains("accepted_ar"));
    refused(&["explain", dir, "--lease", "99999"], &["GLN-697", "no lease 99999"]);
    refused(&["explain", dir, "--vm", "1"], &["GLN-630", "--lease"]);
    refused(&["explain", dir, "--without"], &["GLN-650", "no time is given"]);
}
