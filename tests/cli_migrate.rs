//! Does `galerna migrate` refuse what cannot be, with place and remedy, and write nothing then?
#![cfg(feature = "cli")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn migrate(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_galerna"));
    let command = command.current_dir(folder).arg("migrate").args(args);
    command.output().expect("the command exists")
}

/// Asserts that `args` end with 2, say all of `words` on the error stream and nothing else.
fn refused(folder: &Path, args: &[&str], words: &[&str]) {
    let output = migrate(folder, args);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{args:?}: {told}");
    assert!(output.stdout.is_empty(), "{args:?} printed something");
    for word in words {
        assert!(told.contains(word), "{args:?} does not say `{word}`: {told}");
    }
}

#[test]
fn numbers_that_cannot_be_are_refused() {
    let here = tempfile::tempdir().expect("a folder");
    let predict = |more: &[&str], words: &[&str]| {
        let args = [&["predict", "--ram-mib", "1024"][..], more].concat();
        refused(here.path(), &args, words);
    };
    predict(&["--mbit", "0"], &["GLN-311", "bandwidth: found 0 B/s, expected a number above 0"]);
    predict(&["--mbit", "-8"], &["GLN-311", "bandwidth: found -1000000 B/s"]);
    predict(&["--mbit", "nan"], &["GLN-311", "bandwidth: found NaN"]);
    predict(&["--mbit", "inf"], &["GLN-311", "bandwidth: found inf"]);
    predict(&["--mbit", "fast"], &["invalid value 'fast'"]);
    predict(&["--mbit", "9", "--limit-mb-s", "0"], &["GLN-311", "bandwidth: found 0"]);
    predict(&["--mbit", "9", "--used-mib", "2048"], &["GLN-312", "used memory"]);
    predict(&["--mbit", "9", "--dirty-rate", "nan"], &["GLN-311", "--dirty-rate: found NaN"]);
    predict(&["--mbit", "9", "--model", "pre-cpy"], &["GLN-314", "did you mean `pre-copy`"]);
    let zero = ["predict", "--ram-mib", "0", "--mbit", "9", "--downtime-limit-ms", "0"];
    refused(here.path(), &zero, &["memory: found 0 B", "downtime limit: found 0 s"]);
}

#[test]
fn memory_beyond_any_counter_is_not_cut_off() {
    let here = tempfile::tempdir().expect("a folder");
    let args = ["predict", "--ram-mib", "100000000000000000", "--mbit", "8", "--format", "json"];
    let output = migrate(here.path(), &[&args[..], &["--model", "ram-over-bandwidth"]].concat());
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    // 1e17 MiB at 1e6 B/s.
    assert_eq!(told["total_s"].as_f64(), Some(1e17 * 1_048_576.0 / 1e6));
}

#[test]
fn files_that_are_no_measurements_are_refused_and_nothing_is_written() {
    let here = tempfile::tempdir().expect("a folder");
    let file = |name: &str, bytes: &[u8]| fs::write(here.path().join(name), bytes).expect("room");
    let header = "row,run,group,algo,status,action,ram_mb,fill_mb,fill_type,ws_mb,pattern,\
                  ops_before,link_mbit,max_bw_mbs,downtime_limit_ms,tmax,total_time_ms,\
                  downtime_ev_ms,transferred";
    file("empty.csv", b"");
    file("header.csv", format!("{header}\n").as_bytes());
    file("unit.csv", header.replace("tmax", "tmax_s").replace("ws_mb,", "").as_bytes());
    file("binary.csv", b"\xff\xfe");
    let line = "a,a,precopy,precopy,done,,512,8,0,2,1,100,NaN,0,300,20,2500,80,9000";
    file("cells.csv", format!("{header}\n{line}\n").as_bytes());
    file("nan.toml", b"[constants]\nsetup_s = nan\n");
    for (measurements, words) in [
        ("empty.csv", &["GLN-323 empty.csv: the file is empty"][..]),
        ("header.csv", &["GLN-323 header.csv: there is no line"][..]),
        ("unit.csv", &["no column `ws_mb`", "no column `tmax` (did you mean `tmax_s`?)"][..]),
        ("binary.csv", &["GLN-321 binary.csv"][..]),
        ("cells.csv", &["csv:2, status: found `done`", "csv:2, link_mbit: found `NaN`"][..]),
        ("nowhere.csv", &["GLN-321 nowhere.csv"][..]),
    ] {
        refused(here.path(), &["evaluate", measurements], words);
        refused(here.path(), &["fit", measurements, "--out", "out.toml"], words);
    }
    let good = line.replace("done", "completed").replace("NaN", "500");
    file("good.csv", format!("{header}\n{good}\n").as_bytes());
    refused(
        here.path(),
        &["evaluate", "good.csv", "--params", "nan.toml"],
        &["setup_s: found NaN"],
    );
    refused(here.path(), &["fit", "good.csv", "--out", "out.toml"], &["GLN-325", "fewer than ten"]);
    assert!(!here.path().join("out.toml").exists(), "nothing is written");
}
