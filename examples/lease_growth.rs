//! How CPU time grows with the number of leases.
//!
//! ```text
//! cargo run --release --example lease_growth [easy|conservative] [LARGEST]
//! ```
//!
//! Batch jobs of 1 to 32 VMs on 144 hosts, requested for a minute to 12 hours, really as long as a
//! uniform part of that, arriving at such a rate that 70 % of the site is used. For 1,000 leases,
//! twice as many, and so on to 10^6 it prints CPU seconds; then the exponent of a power law through
//! all (least squares of the logarithms), and of n log n for comparison.

use std::error::Error;
use std::ops::ControlFlow;

use cpu_time::ProcessTime;
use galerna::engine::run_leases;
use galerna::lease::generate::{Jobs, jobs, need};
use galerna::lease::{Backfilling, LeasePolicies, LeaseRules};
use galerna::model::lease::{LeaseRequest, Site};
use galerna::time::Span;

const HOSTS: usize = 144;
const USED: f64 = 0.7;

/// `count` jobs that use so much of the site as they arrive.
fn workload(count: usize) -> Vec<LeaseRequest> {
    let day = Span::from_seconds(86_400.0);
    let mut wanted =
        Jobs { count, length: day, nodes: 1..=32, duration_s: 60..=43_200, need: need(100, 1024) };
    let work = |lease: &LeaseRequest| lease.vms() as f64 * lease.length().seconds();
    let total: f64 = jobs(&wanted, 1).iter().map(work).sum();
    wanted.length = Span::from_seconds(total / (USED * HOSTS as f64));
    jobs(&wanted, 1)
}

fn cpu_s(requests: &[LeaseRequest], backfilling: Backfilling) -> f64 {
    let rules = LeaseRules { backfilling, ..LeaseRules::default() };
    let site = Site::uniform(HOSTS, 100, 1024);
    let policies = LeasePolicies::new(&rules);
    let start = ProcessTime::now();
    let go_on = &mut |_| ControlFlow::Continue(());
    let schedule =
        run_leases(&site, requests, &rules, policies, go_on).expect("built-in policies answer");
    let spent = start.elapsed().as_secs_f64();
    assert!(schedule.leases.iter().all(|lease| lease.end.is_some()), "all leases end");
    spent
}

/// The slope of a line through `points`.
fn slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let up: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    up / points.iter().map(|p| (p.0 - x).powi(2)).sum::<f64>()
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let backfilling = match args.next().as_deref() {
        None | Some("easy") => Backfilling::Easy,
        Some("conservative") => Backfilling::Conservative,
        Some(other) => return Err(format!("{other}: expected easy or conservative").into()),
    };
    let largest: usize = args.next().map_or(Ok(1_024_000), |text| text.parse())?;
    let (mut measured, mut log_linear) = (Vec::new(), Vec::new());
    println!("  leases   CPU s   us per lease");
    for count in (0..).map(|turn| 1000 << turn).take_while(|&count| count <= largest) {
        let (requests, mut best) = (workload(count), f64::INFINITY);
        // Short runs are repeated: the best of them was disturbed least.
        for _ in 0..(64_000 / count).clamp(1, 9) {
            best = best.min(cpu_s(&requests, backfilling));
        }
        let n = count as f64;
        println!("{count:8} {best:7.3} {:14.2}", best / n * 1e6);
        measured.push((n.ln(), best.ln()));
        log_linear.push((n.ln(), (n * n.ln()).ln()));
    }
    println!("CPU time ~ n^{:.3}; n log n ~ n^{:.3}", slope(&measured), slope(&log_linear));
    Ok(())
}
