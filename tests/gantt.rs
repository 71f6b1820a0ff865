//! `galerna gantt` as a user meets it: drawings of the bundled workload.
#![cfg(feature = "cli")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn galerna(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_galerna"));
    command.current_dir(folder).args(args).output().expect("the binary runs")
}

#[test]
fn every_lease_that_ran_is_drawn_and_the_drawing_repeats() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let dir = folder.path();
    let run = galerna(dir, &["run", "leases/easy", "--out", "run"]);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    for out in ["a.svg", "b.svg", "c.html"] {
        let drawn = galerna(dir, &["gantt", "run", "--out", out]);
        assert!(drawn.status.success(), "{}", String::from_utf8_lossy(&drawn.stderr));
    }
    let text = |name: &str| fs::read_to_string(dir.join(name)).expect("it was written");
    let svg = text("a.svg");
    assert_eq!(svg, text("b.svg"));
    assert!(text("c.html").contains(svg.trim_end()), "the page holds the drawing");
    assert!(!text("c.html").contains("http://") || text("c.html").matches("http://").count() == 1);
    // 65 leases, of which three are rejected.
    let numbers = svg.split("data-lease='").skip(1).filter_map(|rest| rest.split('\'').next());
    let numbers: std::collections::BTreeSet<&str> = numbers.collect();
    assert_eq!(numbers.len(), 62, "{numbers:?}");
    for class in ["bar ar", "bar be", "bar bf", "bar im", "bar dl", "bar sr", "class='off'"] {
        assert!(svg.contains(class), "no {class}");
    }
    let (open, close) = (svg.matches("<g ").count(), svg.matches("</g>").count());
    assert!(open == close && open >= 62);
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let dir = folder.path();
    let run = galerna(dir, &["run", "dvfs", "--out", "load"]);
    assert!(run.status.success());
    fs::write(dir.join("there.svg"), "mine").expect("there is space");
    for (args, word) in [
        (&["gantt", "load", "--out", "x.svg"][..], "GLN-622"),
        (&["gantt", "none", "--out", "x.svg"], "GLN-622"),
        (&["gantt", "load", "--out", "x.png"], "GLN-620"),
        (&["gantt", "load", "--out", "there.svg"], "--overwrite"),
    ] {
        let refused = galerna(dir, args);
        let message = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{args:?}: {message}");
        assert!(message.contains(word), "{args:?}: {message}");
    }
    assert_eq!(fs::read_to_string(dir.join("there.svg")).expect("it is there"), "mine");
    assert!(!dir.join("x.svg").exists());
}
