//! Hosts that are promised to more VMs than could all take what they ask for: how often they then
//! run short, on load that was not learnt from.

mod loaded;
mod shared;

use std::fmt::Write;
use std::path::Path;

use galerna::check::check;
use galerna::lease::format;
use galerna::model::record::HostRecord;
use galerna::spec::{self, LoadedLeases, RunSpec};
use loaded::{evidence, run, spec_of};

const DAYS: [&str; 6] = ["20110303", "20110306", "20110309", "20110322", "20110325", "20110403"];

/// `hosts` of 2 x 2660 MIPS whose load is that of `day`; the first four days are learnt from.
fn spec(trace: &Path, workload: &Path, hosts: usize, day: usize, risk: f64, seed: u64) -> RunSpec {
    let text = format!(
        "{}[leases.overbooking]\nrisk = {risk}\ndays = {:?}\n[trace]\npath = {trace:?}\n\
         day = {:?}\n[run]\nseed = {seed}\n",
        loaded::site(hosts).replace("[leases]\n", &format!("[leases]\nworkload = {workload:?}\n")),
        &DAYS[..4],
        DAYS[day],
    );
    spec_of(&text, &[])
}

/// Best-effort leases of a day each, more than `hosts` can take; one VM of 256 MB each, of so many
/// hundredths of a core in turn.
fn crowd(folder: &Path, hosts: usize, sizes: &[u32]) -> std::path::PathBuf {
    let mut lwf = String::new();
    for lease in 0..hosts * 24 {
        let cpu = f64::from(sizes[lease % sizes.len()]) / 100.0;
        writeln!(lwf, "0 -1 86400 86400 1 {cpu} 256 0 none 0").unwrap();
    }
    let path = folder.join("crowd.lwf");
    std::fs::write(&path, lwf).unwrap();
    path
}

/// How often each host ran short, a share of the time.
fn shortages(hosts: &[HostRecord]) -> Vec<f64> {
    hosts.iter().map(|host| host.violation_s / host.on_s).collect()
}

/// The mean of `shares` and its standard error.
fn estimate(shares: &[f64]) -> (f64, f64) {
    let count = shares.len() as f64;
    let mean = shares.iter().sum::<f64>() / count;
    let spread: f64 = shares.iter().map(|share| (share - mean).powi(2)).sum();
    (mean, (spread / (count - 1.0) / count).sqrt())
}

/// Full hosts run short no more often than was accepted, on days that nobody had seen.
#[test]
fn hosts_run_short_as_rarely_as_promised() {
    let Some(trace) = shared::file("traces/planetlab/planetlab_original_layout.tar.xz") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for (sizes, most_promised) in [(&[100][..], 60), (&[25, 50, 100][..], 60)] {
        let workload = crowd(folder.path(), 60, sizes);
        for risk in [0.001, 0.01, 0.05] {
            let mut shares = Vec::new();
            for (day, seed) in [(4, 0), (4, 1), (4, 2), (5, 0), (5, 1), (5, 2)] {
                let spec = spec(&trace, &workload, 60, day, risk, seed);
                let leases = spec.leases.as_ref().unwrap();
                let inputs = LoadedLeases::read(&spec, leases).unwrap();
                let promised = inputs.leases.workload.leases.iter().map(|l| l.promised_percent);
                assert!(promised.max() < Some(most_promised), "{risk} is worth something");
                let (_, outcome) = run(&spec, &inputs);
                shares.extend(shortages(&outcome.record.hosts));
            }
            let (mean, error) = estimate(&shares);
            println!("{sizes:?} risk {risk}: {mean:.5} +- {error:.5}");
            assert!(mean - 1.645 * error <= risk, "{sizes:?}: {mean} +- {error} above {risk}");
            assert!(mean > 0.0, "{sizes:?}: hosts are not full at {risk}");
        }
    }
}

/// Reservations among overbooked leases always get what they ask for, the others do not, and the
/// run holds against its tables.
#[test]
fn reservations_get_all_they_ask_for() {
    let Some(trace) = shared::file("traces/planetlab/planetlab_original_layout.tar.xz") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let workload = crowd(folder.path(), 12, &[100]);
    let text = std::fs::read_to_string(&workload).unwrap();
    // Of these no two fit on one host: each has others beside it.
    let reserved = "0 21600 21600 21600 6 1 5000 0 none 0\n".repeat(2);
    std::fs::write(&workload, reserved + &text).unwrap();
    let spec = spec(&trace, &workload, 12, 4, 0.9, 3);
    let inputs = LoadedLeases::read(&spec, spec.leases.as_ref().unwrap()).unwrap();
    let leases = &inputs.leases.workload.leases;
    assert!(leases[..2].iter().all(|lease| lease.is_reservation()));
    assert_eq!((leases[0].promised_percent, leases[1].needs().next().unwrap()[0]), (100, 100));
    assert!(leases[2].promised_percent < 60 && leases[2].needs().next().unwrap()[0] < 60);
    let ended = run(&spec, &inputs);
    let report = check(&evidence(&inputs, &ended));
    assert!(report.is_clean(), "{report}");
    let (_, outcome) = ended;
    let short = |vms: std::ops::Range<usize>| -> f64 {
        outcome.record.vms[vms].iter().map(|vm| vm.short_s).sum()
    };
    let (reserved, all) = (12, outcome.record.vms.len());
    assert!(outcome.record.vms[..reserved].iter().all(|vm| vm.demanded_mi > 0.0), "they ran");
    assert_eq!(short(0..reserved), 0.0);
    assert!(short(reserved..all) > 1_000.0, "{}", short(reserved..all));
    assert_eq!(outcome.summary.migrations, 0);
}

/// What is promised survives being written and read; what is no share is refused.
#[test]
fn promises_are_kept_in_the_file() {
    let mut workload =
        format::read_old_lwf("one.lwf", &b"0 -1 60 60 1 1 512 0 none 0\n"[..]).unwrap();
    workload.leases[0].promised_percent = 37;
    let mut text = Vec::new();
    format::write_lwf(&workload, &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let again = format::read_lwf("one.lwf", text.as_bytes()).unwrap();
    assert_eq!(again.leases[0].promised_percent, 37);
    assert_eq!(again.leases[0].total(), [37, 512]);
    assert_eq!(again.leases[0].extras, []);
    for wrong in ["0", "101", "some"] {
        let text = text.replace("value=\"37\"", &format!("value=\"{wrong}\""));
        let error = format::read_lwf("one.lwf", text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("GLN-143") && error.contains("promised-cpu-percent"), "{error}");
    }
}

/// Bad settings are named before anything runs.
#[test]
fn what_cannot_be_overbooked_is_refused() {
    let shown = |text: &str| spec::parse(text, "x.toml", Vec::new()).unwrap_err().to_string();
    let plain = shown("[leases.overbooking]\ndays = [\"20110303\"]\n");
    assert!(plain.contains("GLN-206 x.toml, [leases] overbooking"), "{plain}");
    let blind = shown("[leases]\nload = \"replayed\"\n[leases.overbooking]\nrisk = 0.01\n");
    assert!(blind.contains("GLN-203 x.toml, [leases] overbooking: says not"), "{blind}");
    let risky =
        "[leases]\nload = \"replayed\"\n[leases.overbooking]\nrisk = 1.5\ndays = [20110303]\n";
    assert!(shown(risky).contains("overbooking.risk"), "{}", shown(risky));
    let floored = "[leases]\nload = \"replayed\"\n[host]\noversubscription = \"floored\"\n";
    assert!(shown(floored).contains("[host] oversubscription"), "{}", shown(floored));
    let absent = "[leases]\nload = \"replayed\"\n[leases.overbooking]\npath = \"none.csv\"\n";
    let spec = spec::parse(absent, "x.toml", Vec::new()).unwrap();
    let error = LoadedLeases::read(&spec, spec.leases.as_ref().unwrap()).unwrap_err();
    assert!(error.to_string().contains("none.csv"), "{error}");
}
