//! How many shifts can be judged in a second? Random shifts on instance b_1 of the ROADEF/EURO
//! challenge 2012, of which most break a rule, and all of them priced.

use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use galerna::random;
use galerna::reassign::{Instance, Shift, State, roadef};

/// Shifts judged in one round.
const SHIFTS: usize = 100_000;

fn instance() -> Option<Instance> {
    let shared = std::env::var_os("GALERNA_SHARED").unwrap_or_else(|| "../shared".into());
    let folder = Path::new(&shared).join("traces/roadef2012");
    let text = |kind: &str| roadef::read_text(&folder.join(format!("{kind}_b_1.txt.xz"))).ok();
    let (model, start) = (text("model")?, text("assignment")?);
    Some(roadef::parse((&model, "model"), (&start, "start")).expect("it is published"))
}

fn shifts(criterion: &mut Criterion) {
    let Some(instance) = instance() else {
        println!("skipped: b_1 is not there (set GALERNA_SHARED)");
        return;
    };
    let state = State::at_start(&instance).expect("it is feasible");
    let mut stream = random::stream(0, "bench");
    let draws = (0..SHIFTS).map(|_| {
        let item = random::below(instance.item_count(), &mut stream) as u32;
        let to = random::below(instance.machine_count(), &mut stream) as u32;
        Shift { item, from: state.assignment()[item as usize], to }
    });
    let shifts: Vec<Shift> = draws.filter(|shift| shift.from != shift.to).collect();
    let mut group = criterion.benchmark_group("reassign/b_1");
    group.throughput(Throughput::Elements(shifts.len() as u64));
    group.bench_function("judge a shift", |bench| {
        let judge = |&shift: &Shift| state.shift_within(shift, i64::MAX).unwrap_or(0);
        bench.iter(|| shifts.iter().map(judge).fold(0_i64, i64::wrapping_add));
    });
    group.bench_function("price a shift", |bench| {
        let price = |&shift: &Shift| state.shift_delta(shift);
        bench.iter(|| shifts.iter().map(price).fold(0_i64, i64::wrapping_add));
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = shifts
}
criterion_main!(benches);
