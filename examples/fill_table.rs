//! How long does it take to fill a data centre, and how does that grow with the hosts? Markdown
//! tables of CPU seconds, medians of several runs, and the fitted exponents.
//!
//! ```text
//! cargo run --release --example fill_table
//! ```

#[path = "../benches/fill/instance.rs"]
mod instance;

use std::error::Error;
use std::ops::ControlFlow;
use std::time::Duration;

use cpu_time::ProcessTime;
use galerna::engine;
use galerna::spec::{self, Override};
use galerna::stats::median_in_place;
use galerna::time::Span;
use galerna::trace::{UtilisationTrace, Values};
use instance::{Fill, placer};

/// Runs of which the median is shown.
const RUNS: usize = 7;

/// CPU seconds that `work` takes.
fn cpu_s(mut work: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..RUNS)
        .map(|_| {
            let start = ProcessTime::now();
            work();
            start.elapsed().max(Duration::from_nanos(1)).as_secs_f64()
        })
        .collect();
    median_in_place(&mut times).expect("there are runs")
}

/// The slope of the straight line through the logarithms.
fn exponent(points: &[(f64, f64)]) -> f64 {
    let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let count = logs.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| logs.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let above: f64 = logs.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    above / logs.iter().map(|p| (p.0 - x).powi(2)).sum::<f64>()
}

/// Placing alone and, for first fit, whole runs of one sample with everything a run records.
fn named_instances() -> Result<(), Box<dyn Error>> {
    println!("| hosts x VMs | placer | placed | placing, CPU s | VMs per CPU s |");
    println!("|---|---|---|---|---|");
    for (hosts, vms) in [(3_000, 100_000), (20_000, 40_000)] {
        let instance = Fill::new(hosts, vms);
        for kind in ["first-fit", "best-fit", "worst-fit", "dot-product", "cosine", "norm-diff"] {
            let placer = placer(&format!("kind = '{kind}'"));
            let placed = instance.place(&placer).placed.len();
            let seconds = cpu_s(|| drop(instance.place(&placer)));
            let rate = vms as f64 / seconds;
            println!("| {hosts} x {vms} | {kind} | {placed} | {seconds:.4} | {rate:.0} |");
        }
    }
    println!("\n| hosts x VMs | placer | whole run, CPU s |\n|---|---|---|");
    for (hosts, vms, kind) in [
        (3_000, 100_000, "first-fit"),
        (20_000, 40_000, "first-fit"),
        (20_000, 40_000, "best-fit"),
        (20_000, 40_000, "worst-fit"),
    ] {
        let instance = Fill::new(hosts, vms);
        let place = Override::new("policy.place", kind.into());
        let spec = spec::load("dvfs".as_ref(), vec![place])?;
        let (step, full) = (Span::from_seconds(300.0), Values::Percent(vec![100]));
        let trace = UtilisationTrace::new(vec!["full".into()], step, full);
        let rules = spec.rules();
        let seconds = cpu_s(|| {
            let policies = spec::policies(&spec, &instance.fleet).expect("built-in policies");
            let go_on = &mut |_| ControlFlow::Continue(());
            let ended = engine::run(&instance.fleet, &trace, &rules, policies, go_on);
            drop(ended.expect("all VMs fit"));
        });
        println!("| {hosts} x {vms} | {kind} | {seconds:.4} |");
    }
    Ok(())
}

/// Time against hosts, with as many VMs as fill them and with a fixed number.
fn growth() {
    const HOSTS: [usize; 6] = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000];
    let kinds = ["first-fit", "best-fit", "worst-fit"];
    println!("\n| VMs | placer | {} | exponent |", HOSTS.map(|h| format!("{h} hosts")).join(" | "));
    println!("|---|---|{}", "---|".repeat(HOSTS.len() + 1));
    for (what, per_host, fixed) in [("33 per host", 33, 0), ("30000", 0, 30_000)] {
        for kind in kinds {
            let placer = placer(&format!("kind = '{kind}'"));
            let points = HOSTS.map(|hosts| {
                let instance = Fill::new(hosts, hosts * per_host + fixed);
                (hosts as f64, cpu_s(|| drop(instance.place(&placer))))
            });
            let cells = points.map(|(_, seconds)| format!("{seconds:.4}")).join(" | ");
            println!("| {what} | {kind} | {cells} | {:.2} |", exponent(&points));
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    named_instances()?;
    growth();
    Ok(())
}
