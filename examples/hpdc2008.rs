//! The experiment of HPDC 2008: 30 days of batch jobs on 144 hosts, with reservations, six ways.
//!
//! ```text
//! cargo run --release --example hpdc2008 -- 30days.swf [RESERVATIONS.old.lwf ...]
//! ```
//!
//! With files of reservations it runs these; without, the 72 mixes of share (5 to 30 %), duration
//! (1 to 4 h) and nodes (small, medium, large) that `lease::generate` makes as published.
//! Per configuration: when all best-effort leases are done, relative to no reservations and no
//! suspension; mean wait and bounded slowdown of best-effort leases without the first twentieth.

use std::error::Error;
use std::ops::{ControlFlow, RangeInclusive};
use std::path::Path;
use std::time::Instant as Clock;

use galerna::engine::run_leases;
use galerna::lease::format::{SwfRules, open, read_old_lwf, read_swf};
use galerna::lease::generate::{Reservations, need, reservations};
use galerna::lease::{
    Adjustment, LeasePolicies, LeaseRules, Lengthened, PreemptionSpec, Schedule, Suspension,
    bounded_slowdown, wait_s,
};
use galerna::model::lease::{Site, Software, Workload};
use galerna::model::lease_record::LeaseState;
use galerna::provision::{ImageTransfer, Preparation};
use galerna::random::{below, stream};
use galerna::time::Span;
use rayon::prelude::*;

const HOSTS: u32 = 144;
const DAYS: f64 = 30.0;
const IMAGES: usize = 37;
const IMAGE_MB: i64 = 4096;
const NODES: [(&str, RangeInclusive<u32>); 3] =
    [("small", 1..=24), ("medium", 25..=48), ("large", 49..=72)];
const CONFIGURATIONS: [&str; 6] =
    ["NOVM-NOSR", "NOVM-SR", "VM-PREDEPLOY", "VM-MULT", "VM-REUSE-UNIFORM", "VM-REUSE-SKEWED"];

/// What one run comes to.
#[derive(Clone, Copy)]
struct Figures {
    all_done_s: f64,
    wait_s: f64,
    slowdown: f64,
}

fn rules(configuration: &str) -> LeaseRules {
    let images = ImageTransfer { cache_mb: None, ..ImageTransfer::default() };
    let preparation = match configuration {
        "VM-MULT" => Preparation::ImageTransfer(images),
        "VM-REUSE-UNIFORM" | "VM-REUSE-SKEWED" => {
            Preparation::ImageTransfer(ImageTransfer { cache_mb: Some(20 * 1024), ..images })
        }
        _ => Preparation::Unmanaged,
    };
    let plain = configuration == "NOVM-NOSR";
    LeaseRules {
        preemption: PreemptionSpec::ArPreemptsBestEffort,
        suspension: if plain { Suspension::None } else { Suspension::All },
        suspend_rate: 50.0,
        resume_rate: 50.0,
        bandwidth: 80.0,
        preparation,
        ..LeaseRules::default()
    }
}

/// Gives every lease an image: each as likely, or 7 of them a tenth each.
fn with_images(workload: &mut Workload, skewed: bool) {
    let random = &mut stream(8, "hpdc2008.images");
    let images: Vec<u32> =
        (1..=IMAGES).map(|number| workload.image(&format!("image_{number}"))).collect();
    for lease in &mut workload.leases {
        let image = match (skewed, below(100, random)) {
            (false, _) => below(IMAGES, random),
            (true, draw) if draw < 70 => draw / 10,
            (true, draw) => 7 + (draw - 70),
        };
        lease.software = Software::Image { image: images[image], size: IMAGE_MB };
    }
}

fn figures(workload: &Workload, schedule: &Schedule) -> Figures {
    let leases = workload.leases.iter().zip(&schedule.leases);
    let mut done: Vec<_> = leases
        .filter(|(lease, life)| lease.is_best_effort() && life.state == LeaseState::Done)
        .collect();
    done.sort_by_key(|(_, life)| life.end);
    let all_done_s = done.last().and_then(|(_, life)| life.end).map_or(0.0, |end| end.seconds());
    let kept = &done[done.len() / 20..];
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let waits = kept.iter().filter_map(|(lease, life)| wait_s(lease, life)).collect();
    let slowdowns =
        kept.iter().filter_map(|(lease, life)| bounded_slowdown(lease, life, false)).collect();
    Figures { all_done_s, wait_s: mean(waits), slowdown: mean(slowdowns) }
}

fn run(jobs: &Workload, reserved: Option<&Workload>, configuration: &str) -> Figures {
    let mut workload = jobs.clone();
    workload.merge(reserved.cloned().unwrap_or_default());
    if configuration.starts_with("VM") {
        let (lengthened, boot) = (Lengthened::BestEffort, Span::from_seconds(20.0));
        Adjustment { memory: None, lengthened, slowdown_percent: 5.0, boot }.apply(&mut workload);
        if configuration != "VM-PREDEPLOY" {
            with_images(&mut workload, configuration.ends_with("SKEWED"));
        }
    }
    let rules = rules(configuration);
    let (site, policies) = (Site::uniform(HOSTS as usize, 100, 1024), LeasePolicies::new(&rules));
    let go_on = &mut |_| ControlFlow::Continue(());
    let schedule = run_leases(&site, &workload.leases, &rules, policies, go_on)
        .expect("built-in policies do not fail");
    figures(&workload, &schedule)
}

/// The 72 mixes, by name.
fn mixes() -> Vec<(String, Workload)> {
    let (length, hour) = (Span::from_seconds(DAYS * 86_400.0), Span::from_seconds(3600.0));
    let mut mixes = Vec::new();
    for percent in [5_u32, 10, 15, 20, 25, 30] {
        for hours in 1..=4 {
            for (size, nodes) in NODES {
                let name = format!("{percent}%/{hours}H/{size}");
                let (duration, notice) = (hour * hours, hour * 24);
                let (share, need) = (f64::from(percent) / 100.0, need(100, 1024));
                let wanted =
                    Reservations { hosts: HOSTS, length, share, duration, nodes, notice, need };
                let mut leases = reservations(&wanted, u64::from(percent));
                leases.iter_mut().for_each(|lease| lease.number += 1_000_000);
                mixes.push((name, Workload { leases, ..Workload::default() }));
            }
        }
    }
    mixes
}

fn read(path: &str) -> Result<(String, Workload), Box<dyn Error>> {
    let mut workload = read_old_lwf(path, open(Path::new(path))?)?;
    for lease in &mut workload.leases {
        lease.number += 1_000_000;
        lease.software = Software::None;
    }
    let name = Path::new(path).file_name().map_or(path.into(), |name| name.to_string_lossy());
    Ok((name.into_owned(), workload))
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [swf, files @ ..] = &args[..] else { return Err("give the SWF file of the jobs".into()) };
    let (jobs, _) = read_swf(swf, open(Path::new(swf))?, SwfRules::default())?;
    let mixes = match files {
        [] => mixes(),
        files => files.iter().map(|path| read(path)).collect::<Result<_, _>>()?,
    };
    let start = Clock::now();
    let base = run(&jobs, None, "NOVM-NOSR").all_done_s;
    println!("no reservations, no suspension: all best-effort leases done after {base} s");
    let pairs: Vec<(usize, &str)> =
        (0..mixes.len()).flat_map(|mix| CONFIGURATIONS.map(|c| (mix, c))).collect();
    let results: Vec<Figures> =
        pairs.par_iter().map(|&(mix, name)| run(&jobs, Some(&mixes[mix].1), name)).collect();
    println!("| reservations | configuration | all done, % | wait, 1000 s | bounded slowdown |");
    println!("|---|---|---|---|---|");
    for ((mix, name), figures) in pairs.into_iter().zip(results) {
        let Figures { all_done_s, wait_s, slowdown } = figures;
        let relative = (all_done_s / base - 1.0) * 100.0;
        let wait = wait_s / 1000.0;
        println!("| {} | {name} | {relative:+.2} | {wait:.2} | {slowdown:.2} |", mixes[mix].0);
    }
    eprintln!("{} runs in {:.1} s", mixes.len() * 6 + 1, start.elapsed().as_secs_f64());
    Ok(())
}
