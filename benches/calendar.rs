//! How many questions and bookings does a calendar take per second?
//!
//! Instances: capacity 10,000; N bookings of 60 s to 1 day (log-uniform), 1 to 64 units, uniform
//! over a horizon of 1000 s x N; a denser one with durations uniform between the same bounds.
//! Questions: start uniform over the horizon, duration 1 to 11 h, for 64 and for 9000 units. The
//! vector form has two resources and is measured with 1000 bookings, as one host of a site has.
//!
//! `GALERNA_BENCH_WORST=1` prints the slowest single question of each kind as well.

use std::hint::black_box;
use std::time::Instant as Clock;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use galerna::calendar::Calendar;
use galerna::random::{Stream, stream};
use galerna::time::{Instant, Span};
use rand::Rng;

const CAPACITY: i64 = 10_000;
const SHORTEST_S: f64 = 60.0;
const LONGEST_S: f64 = 86_400.0;
const QUESTIONS: usize = 4096;

/// Uniform in `[0, 1)`.
fn unit(random: &mut Stream) -> f64 {
    (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

struct Instance {
    name: String,
    bookings: Vec<(Instant, Instant, i64)>,
    questions: Vec<(Instant, Span)>,
}

fn instance(count: usize, dense: bool) -> Instance {
    let random = &mut stream(count as u64, "bench.calendar");
    let horizon = 1000.0 * count as f64;
    let bookings = (0..count)
        .map(|_| {
            let start = unit(random) * horizon;
            let share = unit(random);
            let length = if dense {
                SHORTEST_S + share * (LONGEST_S - SHORTEST_S)
            } else {
                SHORTEST_S * (LONGEST_S / SHORTEST_S).powf(share)
            };
            let units = 1 + (unit(random) * 64.0) as i64;
            (Instant::from_seconds(start), Instant::from_seconds(start + length), units)
        })
        .collect();
    let questions = (0..QUESTIONS)
        .map(|_| {
            let start = Instant::from_seconds(unit(random) * horizon);
            (start, Span::from_seconds(3600.0 * (1.0 + 10.0 * unit(random))))
        })
        .collect();
    let name = format!("{count}{}", if dense { "-dense" } else { "" });
    Instance { name, bookings, questions }
}

fn filled(instance: &Instance) -> Calendar {
    let mut calendar = Calendar::new([CAPACITY]);
    for &(start, end, units) in &instance.bookings {
        calendar.add(start, end, [units]);
    }
    calendar
}

/// The slowest of all questions, microseconds.
fn worst(instance: &Instance, mut ask: impl FnMut(Instant, Span)) -> f64 {
    let times = instance.questions.iter().map(|&(start, span)| {
        let begun = Clock::now();
        ask(start, span);
        begun.elapsed().as_secs_f64() * 1e6
    });
    times.fold(0.0, f64::max)
}

fn questions(criterion: &mut Criterion, instance: &Instance) {
    let calendar = filled(instance);
    let name = &instance.name;
    let mut turn = 0;
    let mut next = || {
        turn = (turn + 1) % QUESTIONS;
        instance.questions[turn]
    };
    for units in [64, 9000] {
        criterion.bench_function(&format!("earliest_start/{units}/{name}"), |bench| {
            bench.iter(|| {
                let (start, span) = next();
                black_box(calendar.earliest_start(start, span, [units]))
            });
        });
        if std::env::var_os("GALERNA_BENCH_WORST").is_some() {
            let slowest = worst(instance, |start, span| {
                black_box(calendar.earliest_start(start, span, [units]));
            });
            println!("earliest_start/{units}/{name}: slowest of {QUESTIONS} {slowest:.1} us");
        }
    }
    criterion.bench_function(&format!("min_during/{name}"), |bench| {
        bench.iter(|| {
            let (start, span) = next();
            black_box(calendar.min_during(start, span))
        });
    });
    criterion.bench_function(&format!("at/{name}"), |bench| {
        bench.iter(|| black_box(calendar.at(next().0)));
    });
}

fn bookings(criterion: &mut Criterion, instance: &Instance) {
    let mut calendar = filled(instance);
    let name = &instance.name;
    let mut turn = 0;
    criterion.bench_function(&format!("add and remove/{name}"), |bench| {
        bench.iter(|| {
            turn = (turn + 1) % QUESTIONS;
            let (start, span) = instance.questions[turn];
            let id = calendar.add(start, start + span, [64]);
            calendar.remove(black_box(id));
        });
    });
    criterion.bench_function(&format!("mark, 10 bookings, rollback/{name}"), |bench| {
        bench.iter(|| {
            let mark = calendar.mark();
            for _ in 0..10 {
                turn = (turn + 1) % QUESTIONS;
                let (start, span) = instance.questions[turn];
                calendar.add(start, start + span, [64]);
            }
            calendar.rollback(mark);
        });
    });
}

fn fill(criterion: &mut Criterion) {
    let instance = instance(100_000, false);
    criterion.bench_function("add 100000, empty at first", |bench| {
        bench.iter_batched(|| (), |()| filled(&instance), BatchSize::PerIteration);
    });
}

/// A host: two resources, 1000 bookings.
fn vector(criterion: &mut Criterion) {
    let instance = instance(1000, true);
    let mut host = Calendar::new([6400, 64 << 20]);
    for &(start, end, units) in &instance.bookings {
        host.add(start, end, [units, units << 10]);
    }
    let mut turn = 0;
    criterion.bench_function("earliest_start/two resources/1000", |bench| {
        bench.iter(|| {
            turn = (turn + 1) % QUESTIONS;
            let (start, span) = instance.questions[turn];
            black_box(host.earliest_start(start, span, [4000, 4000 << 10]))
        });
    });
}

fn calendar(criterion: &mut Criterion) {
    let sizes = [(1000, false), (10_000, false), (100_000, false), (100_000, true)];
    for (count, dense) in sizes.into_iter().chain([(1_000_000, false)]) {
        let instance = instance(count, dense);
        questions(criterion, &instance);
        bookings(criterion, &instance);
    }
    fill(criterion);
    vector(criterion);
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = calendar
}
criterion_main!(benches);
