//! `galerna traces` as a user meets it: whole processes, exit codes, files.
#![cfg(feature = "cli")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::thread;

use serde_json::Value;

fn galerna(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_galerna"));
    command.args(args).output().expect("the binary runs")
}

fn out(args: &[&str]) -> String {
    let output = galerna(args);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{args:?}: {told}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A command that fails with exit code 2 and says all of `words`.
fn refused(args: &[&str], words: &[&str]) {
    let output = galerna(args);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{args:?}: {told}");
    for word in words {
        assert!(told.contains(word), "{args:?}: `{word}` is not in {told}");
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are UTF-8")
}

/// A table with a gap at 600 s and a value above 100 %.
const LOAD: &str = "host,t,load\na,0,10\na,300,120\na,900,30\nb,0,1\nb,300,2\nb,600,3\nb,900,4\n";
const COLUMNS: [&str; 6] =
    ["--column", "vm=host", "--column", "time-s=t", "--column", "cpu-percent=load"];

fn load(folder: &Path) -> String {
    let path = folder.join("load.csv");
    fs::write(&path, LOAD).unwrap();
    text(&path).to_owned()
}

#[test]
fn info_tells_what_is_odd_and_what_a_run_does_about_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = load(folder.path());
    let mut args = vec!["traces", "info", &path];
    args.extend(COLUMNS);
    let told = out(&args);
    for line in ["gaps                                        1 samples", "odd in the source"] {
        assert!(told.contains(line), "no `{line}` in {told}");
    }
    assert!(told.contains("1 samples, filled with the value before"), "{told}");
    args.extend(["--gaps", "zero", "--excess", "keep", "--format", "json"]);
    let report: Value = serde_json::from_str(&out(&args)).unwrap();
    let handled: Vec<&Value> =
        report["defects"].as_array().unwrap().iter().map(|d| &d["handled"]).collect();
    assert_eq!(handled, ["kept", "filled with 0"]);
    assert_eq!(report["out_of_range"], 1);
    refused(&["traces", "info", &path], &["GLN-120", "host, t, load", "columns = {"]);
    refused(&["traces", "info", &path, "--gaps", "hlod"], &["unknown variant `hlod`"]);
    refused(&["traces", "info", &path, "--from", "soon"], &["`soon` is no time such as 3d"]);
}

#[test]
fn a_copy_runs_as_its_source_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = load(folder.path());
    let copy = folder.path().join("copy.parquet");
    let mut args = vec!["traces", "convert", &path, text(&copy)];
    args.extend(COLUMNS);
    assert!(out(&args).contains("2 VMs x 4 samples of 300 s"));
    refused(&args, &["GLN-131", "there already", "--overwrite"]);
    args.push("--overwrite");
    out(&args);
    let run = |set: &[&str]| {
        let mut args = vec!["run", "thr-mmt", "--format", "json"];
        args.extend(set.iter().flat_map(|set| ["--set", set]));
        let report: Value = serde_json::from_str(&out(&args)).unwrap();
        (report["trace"]["blake3"].clone(), report["event_log_blake3"].clone())
    };
    let source = format!("trace.path={path}");
    let columns = "trace.columns={ vm = \"host\", time-s = \"t\", cpu-percent = \"load\" }";
    let copied = format!("trace.path={}", text(&copy));
    for gaps in ["trace.gaps=hold", "trace.gaps=zero"] {
        assert_eq!(run(&[&source, columns, gaps]), run(&[&copied, gaps]));
    }
    assert_ne!(run(&[&copied]).0, run(&[&copied, "trace.gaps=zero"]).0);
    refused(&["run", "thr-mmt", "--set", &copied, "--set", "trace.gaps=refuse"], &["GLN-123"]);
    refused(&["run", "thr-mmt", "--set", "trace.columns={ cpu = 1 }"], &["GLN-203", "`cpu`"]);
}

#[test]
fn a_span_and_an_archive_are_converted() {
    let folder = tempfile::tempdir().unwrap();
    let hour = folder.path().join("hour.parquet");
    out(&["traces", "convert", "sample", text(&hour), "--from", "1h", "--to", "2h"]);
    assert!(
        out(&["traces", "info", text(&hour)])
            .contains("samples per VM                             12")
    );
    let day = folder.path().join("day.tar.gz");
    out(&["traces", "convert", "sample", text(&day)]);
    let of = |path: &str| out(&["traces", "info", path, "--format", "json"]);
    let hash = |text: String| serde_json::from_str::<Value>(&text).unwrap()["blake3"].clone();
    assert_eq!(hash(of(text(&day))), hash(of("sample")));
    let short = folder.path().join("short.tar.gz");
    refused(&["traces", "convert", text(&hour), text(&short)], &["GLN-130", "not a day"]);
    assert!(!short.exists());
}

#[test]
fn the_catalogue_names_publisher_licence_and_citation() {
    let told = out(&["traces", "list"]);
    for words in ["planetlab", "alibaba-2018", "licence", "cite", "CCGrid 2015", "not known"] {
        assert!(told.contains(words), "{words}");
    }
    let entries: Value =
        serde_json::from_str(&out(&["traces", "list", "--format", "json"])).unwrap();
    assert!(entries.as_array().unwrap().iter().all(|entry| entry["citations"][0].is_string()));
}

#[test]
fn a_twin_is_made_and_compared() {
    let folder = tempfile::tempdir().unwrap();
    let twin = folder.path().join("twin.parquet");
    let of = |seed: &str, name: &Path| {
        let like = ["--like", "sample", "--to", "4h", "--seed", seed, "--vms", "60"];
        let mut args = vec!["traces", "generate", text(name)];
        args.extend(like);
        out(&args)
    };
    let told = of("1", &twin);
    for words in ["60 VMs x 48 samples", "autocorrelation, lag 1", "Kolmogorov-Smirnov"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let again = folder.path().join("again.parquet");
    of("1", &again);
    assert_eq!(fs::read(&twin).unwrap(), fs::read(&again).unwrap());
    let other = folder.path().join("other.parquet");
    of("2", &other);
    assert_ne!(fs::read(&twin).unwrap(), fs::read(&other).unwrap());
    let day = folder.path().join("day.tar.xz");
    out(&["traces", "generate", text(&day), "--seed", "2011"]);
    let of = |path: &str| out(&["traces", "info", path]);
    assert_eq!(of(text(&day)), of("sample"), "the sample's own seed makes the sample");
}

/// Serves `content` under any name, a few times.
fn server(content: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten().take(8) {
            let mut head = String::new();
            let mut reader = BufReader::new(&stream);
            while reader.read_line(&mut head).is_ok_and(|read| read > 2) {}
            let missing = head.contains("GET /missing/");
            let status = if missing { "404 Not Found" } else { "200 OK" };
            let length = content.len();
            let head =
                format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n");
            let _ = write!(stream, "{head}\r\n").and_then(|()| stream.write_all(content));
        }
    });
    address
}

fn words(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

#[test]
fn a_published_trace_is_fetched_from_a_mirror_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let into = text(folder.path());
    let mirror = server(b"600000000,900000000,1,0,2,0.1,0.2,0,0,0,0,0,0,0.3,0,0,0,0,0,0\n");
    let fetch = |name: &str, mirror: &str| {
        ["traces", "fetch", name, "--mirror", mirror, "--into", into].map(str::to_owned)
    };
    let google = fetch("google-2011", &mirror);
    let told = out(&words(&google));
    for piece in
        ["licence: CC-BY 4.0", "cite: C. Reiss", "fetched, 62 bytes", "no checksum is known"]
    {
        assert!(told.contains(piece), "{piece}: {told}");
    }
    assert!(out(&words(&google)).contains("was there already"));
    let alibaba = fetch("alibaba-2018", &mirror);
    refused(&words(&alibaba), &["GLN-152", "3e6ee87fd204bb85", "machine_usage.tar.gz"]);
    assert_eq!(fs::read_dir(folder.path().join("alibaba-2018")).unwrap().count(), 0);
    let missing = fetch("azure-2017", &format!("{mirror}/missing"));
    refused(&words(&missing), &["GLN-151", "404"]);
    refused(&["traces", "fetch", "planetlab", "--into", into], &["GLN-155", "git clone"]);
    refused(&["traces", "fetch", "planetlap"], &["GLN-150", "did you mean `planetlab`?"]);
    let plain = fetch("google-2011", "http://example.org");
    refused(&words(&plain), &["GLN-154", "https"]);
}
