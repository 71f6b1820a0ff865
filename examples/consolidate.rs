//! How near to the best is a generated cluster consolidated? Hosts, VMs, seed, steps of each of two
//! searches and the gap at which they may end:
//!
//! ```text
//! cargo run --release --example consolidate -- 100 300 1 30000000 0.002
//! ```

use std::collections::BTreeSet;
use std::error::Error;
use std::ops::ControlFlow;

use cpu_time::ProcessTime;
use galerna::cluster;
use galerna::reassign::{Budget, Options, generate};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [hosts, vms, seed, steps, gap] = words.as_slice() else {
        return Err("expected: HOSTS VMS SEED STEPS GAP".into());
    };
    let instance = generate::consolidation(hosts.parse()?, vms.parse()?, seed.parse()?)?;
    let begun = ProcessTime::now();
    let budget = Budget { steps: Some(steps.parse()?), ..Budget::default() };
    let options = Options { budget, threads: 1, seed: 0, gap: gap.parse()? };
    let (solution, solver) =
        cluster::solve(&instance, options, &mut |_| ControlFlow::Continue(()))?;
    let on = |machines: &[u32]| machines.iter().collect::<BTreeSet<_>>().len();
    let places = solution.assignment.iter().zip(&instance.start);
    let moved = places.filter(|(now, start)| now != start).count();
    println!(
        "{hosts} x {vms}, seed {seed}: {:.1} -> {:.1} kJ, bound {:.1} kJ, gap {:.2} %, \
         hosts on {} -> {}, {moved} moves, {:.1} CPU-s, {:?} by {solver}",
        solution.initial_cost as f64 / 1e6,
        solution.cost as f64 / 1e6,
        solution.lower_bound as f64 / 1e6,
        100.0 * solution.gap(),
        on(&instance.start),
        on(&solution.assignment),
        begun.elapsed().as_secs_f64(),
        solution.status,
    );
    Ok(())
}
