//! How long the reservation planner takes to answer.
//!
//! ```text
//! cargo run --release --example planner_mix
//! ```
//!
//! A site of 10,000 hosts with 100,000 reservations over a year (1 to 64 nodes and 15 minutes to 7
//! days, both log-uniform, a node is a host), then 2,000 questions of the same shape: 3 in 10 for a
//! fixed start, the others for the earliest start within a week. Answered is "there is room, here",
//! or the best 5 alternatives. Prints the median, the 99th percentile and the slowest.

use std::error::Error;
use std::time::Instant as Clock;

use galerna::lease::planner::{Answer, Planner, Request, need};
use galerna::model::lease::Site;
use galerna::random::{Stream, below, stream};
use galerna::time::{Instant, Span};

const HOSTS: usize = 10_000;
const RESERVATIONS: usize = 100_000;
const QUESTIONS: usize = 2_000;
const HOUR_S: f64 = 3600.0;
const DAY_S: f64 = 86_400.0;

fn log_uniform(least: f64, most: f64, random: &mut Stream) -> f64 {
    let unit = below(1 << 30, random) as f64 / f64::from(1 << 30);
    least * (most / least).powf(unit)
}

/// A request somewhere in the year.
fn request(fixed: bool, random: &mut Stream) -> Request {
    let nodes = log_uniform(1.0, 65.0, random) as u32;
    let duration = Span::from_seconds(log_uniform(HOUR_S / 4.0, 7.0 * DAY_S, random).round());
    let start = Instant::from_seconds(below(365 * 86_400, random) as f64);
    let week = Span::from_seconds(if fixed { 0.0 } else { 7.0 * DAY_S });
    Request { nodes, need: need([100, 1024]), duration, earliest: start, latest: start + week }
}

fn main() -> Result<(), Box<dyn Error>> {
    let random = &mut stream(1, "planner.mix");
    let mut planner = Planner::new(Site::uniform(HOSTS, 100, 1024));
    let (begun, mut held) = (Clock::now(), 0);
    for turn in 0..RESERVATIONS {
        let wanted = request(turn % 10 < 3, random);
        if let Ok(id) = planner.hold(&wanted, "mix", Instant::START, Instant(i64::MAX)) {
            planner.commit(id, Instant::START)?;
            held += 1;
        }
    }
    let spent = begun.elapsed().as_secs_f64();
    println!("{held} of {RESERVATIONS} reservations in {spent:.1} s");
    let (mut times, mut room) = (Vec::new(), 0);
    for turn in 0..QUESTIONS {
        let wanted = request(turn % 10 < 3, random);
        let asked = Clock::now();
        let answer = planner.ask(&wanted, 5)?;
        times.push(asked.elapsed().as_secs_f64() * 1e3);
        room += usize::from(matches!(answer, Answer::Room(_)));
    }
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!(
        "{QUESTIONS} questions, room for {room}: median {:.3} ms, 99 % {:.3} ms, slowest {:.3} ms",
        at(0.5),
        at(0.99),
        at(1.0)
    );
    Ok(())
}
