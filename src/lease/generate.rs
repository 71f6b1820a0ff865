//! Synthetic leases: advance reservations that take a given share of a site, and batch jobs.
//!
//! ```text
//! count    = share x hosts x length / (mean nodes x mean duration)
//! interval = length / count;   start(k+1) = start(k) + uniform(interval - 1 h, interval + 1 h)
//! duration = uniform(mean - 30 min, mean + 30 min);   arrival = max(0, start - notice)
//! ```
//!
//! | symbol | meaning | range |
//! |---|---|---|
//! | `share` | node-time of the reservations over that of the site | `(0, 1]` |
//! | `nodes` | VMs of a reservation, uniform, ends included | 1 to `hosts` |
//! | `notice` | how long before its start a reservation is asked for | from 0 on |
//!
//! Source: the injected reservations of Sotomayor, Keahey, Foster, HPDC 2008, section 5.1. Known
//! difference: their generator and its seeds are not published, so single reservations differ.

use std::ops::RangeInclusive;

use crate::model::lease::{
    Amounts, CPU, LeaseKind, LeaseRequest, MEMORY, NodeSet, RESOURCES, Software,
};
use crate::random::{Stream, below, stream};
use crate::time::{Instant, Span};

const HOUR_S: u64 = 3600;

/// Reservations to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct Reservations {
    /// Hosts of the site, each taken whole by a VM.
    pub hosts: u32,
    /// How long the workload is.
    pub length: Span,
    /// Share of the site's node-time that they take together.
    pub share: f64,
    /// Mean duration.
    pub duration: Span,
    /// VMs of each.
    pub nodes: RangeInclusive<u32>,
    /// How long before its start each is asked for.
    pub notice: Span,
    /// What each VM needs.
    pub need: Amounts,
}

/// What a VM of `cpu` hundredths of a core and `memory` MB needs.
pub fn need(cpu: i64, memory: i64) -> Amounts {
    let mut need = [0; RESOURCES];
    (need[CPU], need[MEMORY]) = (cpu, memory);
    need
}

/// Uniform whole seconds between `mean - spread` and `mean + spread`, at least `least`.
fn around(mean: f64, spread: u64, least: f64, random: &mut Stream) -> Span {
    let shift = below(2 * spread as usize + 1, random) as f64 - spread as f64;
    Span::from_seconds((mean + shift).round().max(least))
}

/// Advance reservations by arrival, numbered from 1.
///
/// ```
/// use galerna::lease::generate::{Reservations, need, reservations};
/// use galerna::time::Span;
///
/// let (length, hour) = (Span::from_seconds(30.0 * 86_400.0), Span::from_seconds(3600.0));
/// let (duration, notice, need) = (hour * 3, hour * 24, need(100, 1024));
/// let parameters =
///     Reservations { hosts: 144, length, share: 0.2, duration, nodes: 25..=48, notice, need };
/// let leases = reservations(&parameters, 1);
/// let work: f64 = leases.iter().map(|l| l.vms() as f64 * l.duration.seconds()).sum();
/// let share = work / (144.0 * length.seconds());
/// assert!((share - 0.2).abs() < 0.02, "{share}");
/// ```
pub fn reservations(parameters: &Reservations, seed: u64) -> Vec<LeaseRequest> {
    let Reservations { hosts, length, share, duration, nodes, notice, need } = parameters;
    let random = &mut stream(seed, "lease.reservations");
    let capacity = f64::from(*hosts) * length.seconds();
    let mean_nodes = f64::from(nodes.start() + nodes.end()) / 2.0;
    let count = share * capacity / (mean_nodes * duration.seconds());
    let interval = length.seconds() / count;
    let mut start = Instant::START;
    let mut leases = Vec::new();
    while start < Instant::START + *length {
        let duration = around(duration.seconds(), HOUR_S / 2, 1.0, random);
        let several = (nodes.end() - nodes.start() + 1) as usize;
        let count = nodes.start() + below(several, random) as u32;
        leases.push(LeaseRequest {
            number: leases.len() as u64 + 1,
            arrival: Instant((start.0 - notice.0).max(0)),
            kind: LeaseKind::AdvanceReservation { start },
            nodes: vec![NodeSet::new(count, *need)],
            duration,
            real_duration: None,
            preemptible: false,
            software: Software::None,
            user: None,
            promised_percent: LeaseRequest::WHOLE,
            extras: Vec::new(),
        });
        start = start + around(interval, HOUR_S, 0.0, random);
    }
    leases.sort_by_key(|lease| lease.arrival);
    leases
}

/// Batch jobs to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct Jobs {
    /// How many.
    pub count: usize,
    /// Over how long they arrive, at equal rate.
    pub length: Span,
    /// VMs of each, log-uniform.
    pub nodes: RangeInclusive<u32>,
    /// Requested durations, seconds, log-uniform; a job really runs for a uniform part of that.
    pub duration_s: RangeInclusive<u32>,
    /// What each VM needs.
    pub need: Amounts,
}

fn unit(random: &mut Stream) -> f64 {
    below(1 << 53, random) as f64 / (1_u64 << 53) as f64
}

fn log_uniform(range: &RangeInclusive<u32>, random: &mut Stream) -> u32 {
    let (least, most) = (f64::from(*range.start()), f64::from(*range.end()) + 1.0);
    ((least * (most / least).powf(unit(random))) as u32).clamp(*range.start(), *range.end())
}

/// Best-effort leases by arrival, numbered from 1.
pub fn jobs(parameters: &Jobs, seed: u64) -> Vec<LeaseRequest> {
    let Jobs { count, length, nodes, duration_s, need } = parameters;
    let random = &mut stream(seed, "lease.jobs");
    let mut arrivals: Vec<Instant> = (0..*count)
        .map(|_| Instant::from_seconds((length.seconds() * unit(random)).floor()))
        .collect();
    arrivals.sort_unstable();
    let job = |(number, arrival): (u64, Instant)| {
        let duration = Span::from_seconds(f64::from(log_uniform(duration_s, random)));
        let real = Span::from_seconds((duration.seconds() * unit(random)).ceil().max(1.0));
        LeaseRequest {
            number,
            arrival,
            kind: LeaseKind::BestEffort,
            nodes: vec![NodeSet::new(log_uniform(nodes, random), *need)],
            duration,
            real_duration: Some(real).filter(|&real| real < duration),
            preemptible: true,
            software: Software::None,
            user: None,
            promised_percent: LeaseRequest::WHOLE,
            extras: Vec::new(),
        }
    };
    (1..).zip(arrivals).map(job).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_keep_their_ranges_and_repeat_with_their_seed() {
        let length = Span::from_seconds(86_400.0);
        let parameters =
            Jobs { count: 500, length, nodes: 1..=16, duration_s: 60..=7200, need: need(100, 512) };
        let made = jobs(&parameters, 3);
        assert_eq!(made, jobs(&parameters, 3));
        assert_ne!(made, jobs(&parameters, 4));
        assert!(made.iter().all(|job| (1..=16).contains(&job.vms())));
        let longest = made.iter().map(|job| job.duration).max().expect("some");
        assert!(longest > Span::from_seconds(5000.0) && longest <= Span::from_seconds(7200.0));
        assert!(made.windows(2).all(|pair| pair[0].arrival <= pair[1].arrival));
    }
}
