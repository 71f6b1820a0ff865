//! `galerna reserve` as a user meets it: whole processes, exit codes, one file.
#![cfg(feature = "cli")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use galerna::random::{below, stream};
use serde_json::Value;
use tempfile::TempDir;

/// A site of `hosts` in a temporary folder.
struct Site {
    _folder: TempDir,
    path: PathBuf,
}

impl Site {
    fn new(hosts: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let site = Self { path: folder.path().join("site.plan"), _folder: folder };
        site.done(&["create", "--hosts", hosts]);
        site
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_galerna"));
        command.arg("reserve").arg(&self.path).args(args).args(["--now", "2030-01-01"]);
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the binary runs")
    }

    /// What a command prints that is done.
    fn done(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{args:?}: {message}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn json(&self, args: &[&str]) -> Value {
        let all: Vec<&str> = args.iter().copied().chain(["--format", "json"]).collect();
        serde_json::from_str(&self.done(&all)).expect("it prints JSON")
    }

    /// Names and standings of what is there.
    fn standing(&self) -> BTreeSet<(String, String)> {
        let rows = self.json(&["list"]);
        let word = |row: &Value, key: &str| row[key].as_str().expect("text").to_owned();
        let rows = rows.as_array().expect("a list").iter();
        rows.map(|row| (word(row, "name"), word(row, "standing"))).collect()
    }
}

const NOON: [&str; 4] = ["--for", "2h", "--at", "2030-01-02T12:00"];

fn with<'a>(begin: &[&'a str], end: &[&'a str]) -> Vec<&'a str> {
    begin.iter().chain(end).copied().collect()
}

#[test]
fn a_session_from_the_question_to_the_promise() {
    let site = Site::new("4x100x1024");
    let text = site.done(&with(&["ask", "--nodes", "3", "--rate", "0.5"], &NOON));
    assert!(text.contains("there is room") && text.contains("3.00  0-2"), "{text}");
    let text = site.done(&with(&["hold", "--nodes", "3", "--name", "course"], &NOON));
    assert!(text.contains("until 2030-01-01 00:10: commit 1"), "{text}");
    site.done(&["commit", "1"]);
    let refused = site.run(&with(&["ask", "--nodes", "2"], &NOON));
    let text = String::from_utf8_lossy(&refused.stdout);
    assert_eq!(refused.status.code(), Some(3), "{text}");
    assert!(text.contains("1 of 2 nodes fit, CPU is short"), "{text}");
    assert!(text.contains("in the way: 1 course, 3 nodes, 2030-01-02 12:00"), "{text}");
    assert!(text.contains("later        2030-01-02 14:00"), "{text}");
    assert!(text.contains("fewer nodes"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let refused = site.run(&with(&["hold", "--nodes", "2"], &NOON));
    let message = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(3));
    assert!(message.starts_with("GLN-511 no room") && message.contains("course"), "{message}");
    site.done(&["extend", "1", "--by", "30m"]);
    site.done(&["shrink", "1", "--nodes", "2"]);
    site.done(&["move", "1", "--to", "2030-01-03T08:00"]);
    let rows = site.json(&["list"]);
    assert_eq!(rows[0]["end"], "2030-01-03 10:30");
    assert_eq!(rows[0]["hosts"].as_array().map(Vec::len), Some(2));
    site.done(&["cancel", "1"]);
    assert_eq!(site.done(&["list"]), "nothing is reserved\n");
}

#[test]
fn groups_and_recurring_times_are_held_as_a_whole() {
    let site = Site::new("2x100x1024");
    let weekly = ["--every", "7d", "--times", "4", "--nodes", "2", "--commit"];
    let rows = site.json(&with(&with(&["hold", "--name", "weekly"], &weekly), &NOON));
    assert_eq!(rows["reservations"].as_array().map(Vec::len), Some(4));
    assert_eq!(rows["reservations"][3]["start"], "2030-01-23 12:00");
    let before = fs::read(&site.path).expect("it is there");
    let file = site.path.with_file_name("group.toml");
    let clash = "[[request]]\nnodes = 2\nfor = \"1h\"\nat = \"2030-01-02T09:00\"\n\
                 [[request]]\nnodes = 1\nfor = \"1h\"\nat = \"2030-01-09T13:00\"\n";
    fs::write(&file, clash).expect("there is space");
    let path = file.to_str().expect("UTF-8");
    assert_eq!(site.run(&["hold", "--group", path]).status.code(), Some(3));
    assert_eq!(fs::read(&site.path).expect("it is there"), before, "not even the first");
    fs::write(&file, clash.replace("T13:00", "T15:00")).expect("there is space");
    site.done(&["hold", "--group", path, "--name", "both", "--commit"]);
    assert!(site.standing().contains(&("both".to_owned(), "committed".to_owned())));
}

#[test]
fn the_preemptible_give_way_and_get_the_next_start() {
    let site = Site::new("2x100x1024");
    site.done(&with(
        &["hold", "--nodes", "2", "--preemptible", "--commit", "--name", "batch"],
        &NOON,
    ));
    let output = site.run(&with(&["ask", "--memory", "1024", "--format", "json"], &NOON));
    assert_eq!(output.status.code(), Some(3));
    let asked: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(asked["offers"][0]["kind"], "displacing");
    assert_eq!(asked["offers"][0]["displaces"][0], 1);
    let rows = site.json(&with(&["hold", "--displace", "--name", "urgent"], &NOON));
    assert_eq!(rows["displaced"][0]["start"], "2030-01-02 14:00");
    let other =
        with(&["hold", "--nodes", "2", "--displace"], &["--for", "1h", "--at", "2030-01-02T12:30"]);
    assert_eq!(site.run(&other).status.code(), Some(3), "urgent does not give way");
}

/// Two cards per host: cards are short where cores are not, and of a host without them none is had.
#[test]
fn resources_of_the_site_are_promised_as_well() {
    let site = Site::new("2x800x65536,GPU=2");
    let cards: Vec<&str> = with(&["--nodes", "3", "--need", "GPU=1"], &NOON);
    let held = site.json(&with(&["hold", "--commit", "--name", "training"], &cards));
    assert_eq!(held["reservations"][0]["hosts"], serde_json::json!([0, 0, 1]));
    assert_eq!(held["reservations"][0]["others"], serde_json::json!({ "GPU": 1 }));
    let refused = site.run(&with(&["ask", "--format", "json"], &cards));
    assert_eq!(refused.status.code(), Some(3));
    let told: Value = serde_json::from_slice(&refused.stdout).expect("it prints JSON");
    assert_eq!(told["refusal"]["short_of"], "GPU");
    assert_eq!(told["refusal"]["fitting"], 1);
    site.done(&with(&["ask", "--nodes", "12"], &NOON));
    for (need, code) in
        [("GPU=3", "more than any host has"), ("TPU=1", "GLN-510"), ("GPU", "NAME=")]
    {
        let output = site.run(&with(&["ask", "--need", need], &NOON));
        assert_eq!(output.status.code(), Some(2), "{need}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(code), "{output:?}");
    }
}

/// What versions before the names of resources wrote can be read.
#[test]
fn a_file_without_names_of_resources_is_read() {
    let site = Site::new("1x100x1024");
    let head = "{\"galerna-planner\":1,\"next\":1,\"hosts\":[[100,1024]]}\n";
    fs::write(&site.path, head).expect("it is ours");
    site.done(&with(&["hold", "--commit", "--memory", "1024"], &NOON));
    assert_eq!(site.run(&with(&["ask"], &NOON)).status.code(), Some(3));
}

#[test]
fn maintenance_and_failure_move_what_stood_there() {
    let site = Site::new("3x100x1024");
    site.done(&with(&["hold", "--nodes", "2", "--commit", "--name", "a"], &NOON));
    let rows = site.json(&["maintain", "0", "--from", "2030-01-02", "--to", "2030-01-03"]);
    assert_eq!(rows["moved"][0], 1);
    let text = site.done(&["fail", "2"]);
    assert!(text.contains("cannot be kept: 1 a, 2 nodes, 2030-01-02 12:00"), "{text}");
    assert!(site.done(&["list"]).contains("ever"), "the failed host stays closed");
}

/// Every wrong command says why and leaves the file as it is, byte for byte.
#[test]
fn bad_input_changes_nothing() {
    let site = Site::new("2x100x1024");
    site.done(&with(&["hold", "--name", "kept", "--commit"], &NOON));
    let before = fs::read(&site.path).expect("it is there");
    let none = site.path.with_file_name("none.toml");
    let none = none.to_str().expect("UTF-8");
    let group = site.path.with_file_name("bad.toml");
    fs::write(&group, "[[request]]\nfor = \"soon\"\n").expect("there is space");
    let group = group.to_str().expect("UTF-8");
    let cases: [(&[&str], i32, &str); 22] = [
        (&["create", "--hosts", "1x1x1"], 2, "GLN-513"),
        (&["create"], 2, "--hosts"),
        (&["hold", "--nodes", "0", "--for", "1h"], 2, "--nodes"),
        (&["hold", "--nodes", "-1", "--for", "1h"], 2, "-1"),
        (&["hold", "--for", "soon"], 2, "soon"),
        (&["hold", "--for", "0s"], 2, "GLN-510"),
        (&["hold"], 2, "--for"),
        (&["hold", "--for", "1h", "--at", "2029-01-01"], 2, "in the past"),
        (&["hold", "--for", "1h", "--at", "2030-02-30"], 2, "2030-02-30"),
        (&["hold", "--for", "1h", "--from", "+2h", "--until", "+1h"], 2, "GLN-510"),
        (&["hold", "--cpu", "101", "--for", "1h"], 2, "more than any host"),
        (&["hold", "--cpu", "0", "--for", "1h"], 2, "needs nothing"),
        (&["hold", "--nodes", "3", "--for", "1h"], 3, "GLN-511"),
        (&["hold", "--for", "2h", "--every", "1h", "--times", "3"], 2, "recurs"),
        (&["hold", "--for", "2h", "--every", "1d"], 2, "--times"),
        (&["hold", "--group", none], 2, "GLN-513"),
        (&["hold", "--group", group], 2, "GLN-510"),
        (&["commit", "7"], 2, "GLN-512"),
        (&["cancel", "1", "7"], 2, "GLN-512"),
        (&["extend", "1", "--to", "2030-01-02T12:00"], 2, "GLN-510"),
        (&["shrink", "1", "--nodes", "2"], 2, "GLN-510"),
        (&["maintain", "9", "--from", "+1h", "--to", "+2h"], 2, "GLN-510"),
    ];
    for (args, code, word) in cases {
        let output = site.run(args);
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {message}");
        assert!(message.contains(word), "{args:?}: `{word}` is not in {message}");
        assert!(output.stdout.is_empty(), "{args:?} prints no result");
        assert_eq!(fs::read(&site.path).expect("it is there"), before, "{args:?}");
    }
    fs::write(&site.path, "{\"galerna-planner\":1,\"hosts\":[[1,1]]}\n{\"put\":[7]}\n")
        .expect("space");
    let output = site.run(&["list"]);
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("GLN-514"), "a damaged file");
    let missing = Site {
        path: Path::new("/no/such/site").into(),
        _folder: tempfile::tempdir().expect("one"),
    };
    assert!(String::from_utf8_lossy(&missing.run(&["list"]).stderr).starts_with("GLN-513"));
}

/// Processes that hold and commit are killed at random moments: what was acknowledged is there,
/// what was never asked for is not, and the file opens every time. `GALERNA_KILLS` says how many
/// times, 200 unless it is said.
#[test]
fn killed_at_any_moment_no_promise_is_lost_and_none_invented() {
    let kills = std::env::var("GALERNA_KILLS").map(|kills| kills.parse().expect("a number"));
    let kills: usize = kills.unwrap_or(200);
    let site = Site::new("8x100x1024");
    let random = &mut stream(4, "reserve.kills");
    // Moments are taken from twice the time that an undisturbed run takes here and now.
    let undisturbed = || {
        let start = Instant::now();
        site.done(&["hold", "--for", "1h", "--commit", "--name", "whole"]);
        start.elapsed()
    };
    let mut usual = undisturbed();
    let (mut promised, mut asked, mut killed) =
        (BTreeSet::new(), BTreeSet::from(["whole".to_owned()]), 0);
    for turn in 0..kills {
        let name = format!("r{turn}");
        let mut command = site.command(&["hold", "--for", "1h", "--commit", "--name", &name]);
        let mut child =
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it runs");
        let moment = below(2 * usual.as_micros() as usize + 1, random) as u64;
        std::thread::sleep(Duration::from_micros(moment));
        // It may be over already.
        let _ = child.kill();
        let status = child.wait().expect("it ends");
        asked.insert(name.clone());
        if status.success() {
            promised.insert(name);
        } else {
            killed += 1;
        }
        if turn % 20 == 19 || turn + 1 == kills {
            let found = site.standing();
            let committed = found.iter().filter(|(_, standing)| standing == "committed");
            let committed: BTreeSet<String> = committed.map(|(name, _)| name.clone()).collect();
            assert!(promised.is_subset(&committed), "lost: {:?}", promised.difference(&committed));
            assert!(committed.is_subset(&asked), "invented");
            usual = undisturbed();
        }
    }
    assert!(killed >= kills / 10 && promised.len() >= kills / 20, "{killed} killed of {kills}");
    // What was held and not committed is gone when its time is over.
    let mut later = Command::new(env!("CARGO_BIN_EXE_galerna"));
    later.arg("reserve").arg(&site.path).args([
        "list",
        "--now",
        "2030-01-01T00:20",
        "--format",
        "json",
    ]);
    let rows = later.output().expect("it runs").stdout;
    let rows: Vec<Value> = serde_json::from_slice(&rows).expect("JSON");
    assert!(rows.iter().all(|row| row["standing"] == "committed"));
}
