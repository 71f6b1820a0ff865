//! What is each oddity of `CloudSim` 3.0.3 worth? LR-MMT with one quirk at a time switched off from
//! the reference rules, and switched on in the honest model: Markdown tables, medians over days.
//!
//! ```text
//! cargo run --release --example quirk_worth -- PATH/planetlab_long.parquet
//! ```

use std::error::Error;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use galerna::engine;
use galerna::metric::Summary;
use galerna::spec::{self, Override};
use galerna::trace::{Selection, UtilisationTrace, days, read};
use rayon::prelude::*;

/// An oddity: its number (none where the published list has none), what it is, and the options that
/// switch it on and off.
struct Quirk {
    number: &'static str,
    what: &'static str,
    on: &'static [&'static str],
    off: &'static [&'static str],
}

const fn quirk(
    number: &'static str,
    what: &'static str,
    on: &'static [&'static str],
    off: &'static [&'static str],
) -> Quirk {
    Quirk { number, what, on, off }
}

const QUIRKS: [Quirk; 26] = [
    quirk("Q1", "idle VMs vanish", &["demand.idle-vms=retire"], &["demand.idle-vms=keep"]),
    quirk(
        "Q2",
        "only from the first decision to the last event",
        &["accounting.window=decisions-only"],
        &["accounting.window=whole"],
    ),
    quirk(
        "Q3",
        "LR without its weights",
        &["policy.overload.weights=none"],
        &["policy.overload.weights=tricube"],
    ),
    quirk(
        "Q4",
        "arriving demand counts in full",
        &["accounting.arriving-demand=in-full"],
        &["accounting.arriving-demand=as-served"],
    ),
    quirk("Q5", "no tolerance", &["accounting.tolerance=0.0"], &["accounting.tolerance=1e-9"]),
    quirk(
        "Q6",
        "running VMs take no RAM",
        &["host.memory=at-start-only"],
        &["host.memory=enforced"],
    ),
    quirk(
        "Q7",
        "waking costs no power",
        &["policy.place.wake-power=ignored"],
        &["policy.place.wake-power=counted"],
    ),
    quirk(
        "Q8",
        "power measured from before the step",
        &["policy.place.base=last-update"],
        &["policy.place.base=draft"],
    ),
    quirk(
        "Q9",
        "receivers may be vacated",
        &["consolidation.vacate-receivers=true"],
        &["consolidation.vacate-receivers=false"],
    ),
    quirk(
        "Q10",
        "failed hosts refuse",
        &["consolidation.failed-hosts-refuse=true"],
        &["consolidation.failed-hosts-refuse=false"],
    ),
    quirk(
        "Q11",
        "unplaced VMs leave no trace",
        &["consolidation.silent-when-unplaced=true"],
        &["consolidation.silent-when-unplaced=false"],
    ),
    quirk(
        "Q13",
        "copies do not share a link",
        &["migration.contention=none"],
        &["migration.contention=max-min"],
    ),
    quirk(
        "Q14",
        "instant on and off",
        &["host.wake-s=0.0", "host.shutdown-s=0.0"],
        &["host.wake-s=120.0", "host.shutdown-s=30.0"],
    ),
    quirk(
        "Q15",
        "whole MIPS when oversubscribed",
        &["host.oversubscription=floored"],
        &["host.oversubscription=proportional"],
    ),
    quirk("Q16", "ratios of totals", &["accounting.ratios=global"], &["accounting.ratios=mean"]),
    quirk(
        "Q17",
        "unused hosts are shutdowns",
        &["accounting.shutdowns=unused-counted"],
        &["accounting.shutdowns=observed"],
    ),
    quirk("Q18", "another order of the VMs (seed 1)", &["run.seed=1"], &["run.seed=1"]),
    quirk(
        "Q20",
        "history of the VMs on the host (off: its own)",
        &["policy.history=vms-on-host-trimmed"],
        &["policy.history=host-ring"],
    ),
    quirk(
        "",
        "demand interpolated",
        &["demand.between-samples=interpolate"],
        &["demand.between-samples=hold"],
    ),
    quirk(
        "",
        "energy by trapezoids",
        &["accounting.energy=trapezoid"],
        &["accounting.energy=exact"],
    ),
    quirk(
        "",
        "any shortage violates",
        &["accounting.violation=short"],
        &["accounting.violation=demand-above-capacity"],
    ),
    quirk(
        "",
        "all shortage of a copied VM is migration's",
        &["accounting.migration-loss=shortage"],
        &["accounting.migration-loss=overhead"],
    ),
    quirk(
        "",
        "a tenth runs at the destination",
        &["migration.destination-load=0.1"],
        &["migration.destination-load=0.0"],
    ),
    quirk(
        "",
        "idle hosts count as off",
        &["consolidation.idle-hosts-are-off=true"],
        &["consolidation.idle-hosts-are-off=false"],
    ),
    quirk(
        "",
        "first placed by nominal rate",
        &["policy.initial=nominal"],
        &["policy.initial=first-sample"],
    ),
    quirk("", "hosts of 4096 MB", &["fleet.preset=ml110-4g"], &["fleet.preset=ml110-32g"]),
];

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).map_or_else(|| "sample".into(), PathBuf::from);
    let names = days(&path)?;
    let of_day =
        |day: &String| read(&path, &Selection { day: Some(day.clone()), ..<_>::default() });
    let traces = names.iter().map(of_day).collect::<Result<Vec<_>, _>>()?;
    println!("Medians over {} days: {}.", names.len(), names.join(", "));
    println!("\n### Reference rules, one quirk switched off at a time\n");
    table("cloudsim-3.0.3/lr-mmt", &traces, |quirk| quirk.off);
    println!("\n### Honest model, one quirk switched on at a time\n");
    table("lr-mmt", &traces, |quirk| quirk.on);
    Ok(())
}

type Figures = [f64; 5];

fn table(
    base: &str,
    traces: &[UtilisationTrace],
    change: impl Fn(&Quirk) -> &'static [&'static str] + Sync,
) {
    println!("| quirk | | kWh | migrations | SLATAH % | PDM % | ESV e-3 |");
    println!("|---|---|---|---|---|---|---|");
    let before = figures(base, &[], traces).expect("the fleet holds the VMs");
    println!("| | {base} | {} |", cells(&before, |value, _, digits| format!("{value:.digits$}")));
    let rows: Vec<String> = QUIRKS
        .par_iter()
        .map(|quirk| {
            let told = match figures(base, change(quirk), traces) {
                None => "the VMs do not fit | | | |".to_owned(),
                Some(after) => cells(&after, |value, i, digits| {
                    format!("{value:.digits$} ({:+.1} %)", (value / before[i] - 1.0) * 100.0)
                }),
            };
            format!("| {} | {} | {told} |", quirk.number, quirk.what)
        })
        .collect();
    rows.iter().for_each(|row| println!("{row}"));
}

fn cells(figures: &Figures, cell: impl Fn(f64, usize, usize) -> String) -> String {
    let digits = [1, 0, 3, 4, 3];
    let cells: Vec<String> = (0..5).map(|i| cell(figures[i], i, digits[i])).collect();
    cells.join(" | ")
}

/// Medians over the days, or `None` where the VMs do not fit at the start.
fn figures(base: &str, changes: &[&str], traces: &[UtilisationTrace]) -> Option<Figures> {
    let runs: Option<Vec<Summary>> =
        traces.par_iter().map(|trace| simulated(base, changes, trace)).collect();
    let runs = runs?;
    let of = |figure: fn(&Summary) -> f64| median(runs.iter().map(figure));
    Some([
        of(|s| s.energy_kwh),
        of(|s| s.migrations as f64),
        of(|s| s.slatah * 100.0),
        of(|s| s.pdm * 100.0),
        of(|s| s.esv * 1000.0),
    ])
}

fn simulated(base: &str, changes: &[&str], trace: &UtilisationTrace) -> Option<Summary> {
    let changes = changes.iter().map(|c| Override::parse(c).expect("a change")).collect();
    let spec = spec::load(Path::new(base), changes).expect("the options exist");
    let fleet = spec.fleet.build(trace.vms(), spec.run.seed);
    let policies = spec::policies(&spec, &fleet).expect("built-in policies");
    let go_on = &mut |_| ControlFlow::Continue(());
    match engine::run(&fleet, trace, &spec.rules(), policies, go_on) {
        Ok(outcome) => Some(outcome.summary),
        Err(engine::Error::Infeasible(_)) => None,
        Err(error) => panic!("{error}"),
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}
