//! The published policies under the honest model beside the same policies as `CloudSim` 3.0.3
//! computes them: one Markdown table, medians over the days of a trace. With names of policies,
//! those instead; one that `CloudSim` does not have is shown under the honest model only.
//!
//! ```text
//! cargo run --release --example honest_table -- PATH/planetlab_long.parquet [POLICY...]
//! ```

use std::error::Error;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use galerna::metric::Summary;
use galerna::trace::{Selection, UtilisationTrace, days, read};
use galerna::{engine, spec};
use rayon::prelude::*;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).map_or_else(|| "sample".into(), PathBuf::from);
    let names = days(&path)?;
    let of_day =
        |day: &String| read(&path, &Selection { day: Some(day.clone()), ..<_>::default() });
    let traces = names.iter().map(of_day).collect::<Result<Vec<_>, _>>()?;
    println!("Medians over {} days: {}.\n", names.len(), names.join(", "));
    println!("| policy | kWh | migrations | SLATAH % | PDM % | ESV e-3 | hosts on | ping-pong % |");
    println!("|---|---|---|---|---|---|---|---|");
    let mut policies: Vec<String> = ["thr", "iqr", "mad", "lr", "lrr"]
        .iter()
        .flat_map(|detector| ["mmt", "mc", "mu", "rs"].map(|s| format!("{detector}-{s}")))
        .collect();
    policies.extend(["dvfs".to_owned(), "npa".to_owned()]);
    let given: Vec<String> = std::env::args().skip(2).collect();
    if !given.is_empty() {
        policies = given;
    }
    let rows: Vec<String> = policies.par_iter().map(|policy| row(policy, &traces)).collect();
    rows.iter().for_each(|row| println!("{row}"));
    Ok(())
}

/// A figure of a run and its decimals.
type Column = (fn(&Summary) -> f64, usize);

/// A row: each figure honest / as in CloudSim, if that has the policy.
fn row(policy: &str, traces: &[UtilisationTrace]) -> String {
    let honest = summaries(policy, traces);
    let reference = format!("cloudsim-3.0.3/{policy}");
    let reference = spec::named(Path::new(&reference)).map(|entry| summaries(entry.name, traces));
    let columns: [Column; 7] = [
        (|s| s.energy_kwh, 1),
        (|s| s.migrations as f64, 0),
        (|s| s.slatah * 100.0, 3),
        (|s| s.pdm * 100.0, 4),
        (|s| s.esv * 1000.0, 3),
        (|s| s.active_hosts_mean, 1),
        (|s| s.ping_pong_rate * 100.0, 1),
    ];
    let cells = columns.map(|(figure, digits)| {
        let of = |runs: &Vec<Summary>| format!("{:.digits$}", median(runs.iter().map(figure)));
        reference.iter().fold(of(&honest), |cell, reference| cell + " / " + &of(reference))
    });
    format!("| {policy} | {} |", cells.join(" | "))
}

/// One run per trace.
fn summaries(name: &str, traces: &[UtilisationTrace]) -> Vec<Summary> {
    let spec = spec::load(Path::new(name), Vec::new()).expect("the policy is bundled");
    let run = |trace: &UtilisationTrace| {
        let fleet = spec.fleet.build(trace.vms(), spec.run.seed);
        let policies = spec::policies(&spec, &fleet).expect("built-in policies");
        let go_on = &mut |_| ControlFlow::Continue(());
        let run = engine::run(&fleet, trace, &spec.rules(), policies, go_on);
        run.expect("the fleet holds the VMs").summary
    };
    traces.iter().map(run).collect()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}
