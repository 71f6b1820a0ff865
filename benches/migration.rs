//! How many migrations a second? Predictions by the closed form, and whole migrations on shared
//! links.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use galerna::id::HostId;
use galerna::migrate::dirty::Dirty;
use galerna::migrate::{
    Arrival, Channel, Constants, Escalation, Memory, MigrationModel, PreCopy, Task, Traffic,
};
use galerna::random::{below, stream};
use galerna::topology::{Cable, FairShare, LinkId, Routes, generate};
use galerna::units::{Bytes, BytesPerSecond};

/// 1 GiB, 30 % of the link's rate written within 256 MiB: the setting of the measurement of
/// `SimGrid`.
fn busy(link: BytesPerSecond) -> Task {
    let dirty = Dirty::Uniform { rate: 0.3 * link.0 / 4096.0, working_set: 65_536.0 };
    Task::new(Memory::of(Bytes::from_gib(1), Bytes::from_gib(1), dirty), Channel::link(link))
}

fn predictions(criterion: &mut Criterion) {
    let (task, constants) = (busy(BytesPerSecond(1.25e9)), Constants::default());
    let mut group = criterion.benchmark_group("predict");
    group.throughput(Throughput::Elements(1));
    group.bench_function("pre-copy", |bench| {
        bench.iter(|| PreCopy.predict(black_box(&task), &constants, None));
    });
    group.finish();
}

const HOSTS: usize = 100;
const MIGRATIONS: usize = 1000;

/// Paths of random migrations between 100 hosts around one switch.
fn paths() -> (Vec<f64>, Vec<[LinkId; 2]>) {
    let star = generate::star(HOSTS, Cable::of(BytesPerSecond(1.25e9)));
    let mut routes = Routes::new(&star);
    let mut random = stream(0, "bench");
    let host = |index: usize| HostId(index as u32);
    let path = |_| {
        let from = below(HOSTS, &mut random);
        let to = (from + 1 + below(HOSTS - 1, &mut random)) % HOSTS;
        let path = routes.path(host(from), host(to)).expect("connected");
        [path[0], path[1]]
    };
    let paths = (0..MIGRATIONS).map(path).collect();
    (star.capacities(), paths)
}

/// Migrations that start `apart_s` seconds apart: 1.3 s leaves each alone, 0 starts all at once.
fn shared_links(criterion: &mut Criterion) {
    let (capacities, paths) = paths();
    let (task, constants) = (busy(BytesPerSecond(1.25e9)), Constants::default());
    let mut group = criterion.benchmark_group("traffic of 1000 migrations, 100 hosts");
    group.throughput(Throughput::Elements(MIGRATIONS as u64)).sample_size(20);
    for (name, apart_s) in
        [("one at a time", 2.0), ("10 at once", 0.13), ("100 at once", 0.015), ("all at once", 0.0)]
    {
        group.bench_function(name, |bench| {
            bench.iter(|| {
                let mut traffic = Traffic::new(capacities.iter().copied(), &constants);
                for (number, path) in paths.iter().enumerate() {
                    let (at_s, escalation) = (apart_s * number as f64, Escalation::Cancel);
                    traffic.arrive(Arrival { at_s, task: &task, path, escalation });
                }
                std::iter::from_fn(|| traffic.next_done()).map(|done| done.at_s).fold(0.0, f64::max)
            });
        });
    }
    group.finish();
}

/// One flow leaves and another comes, among so many.
fn fair_share(criterion: &mut Criterion) {
    let (capacities, paths) = paths();
    let mut group = criterion.benchmark_group("fair share, one leaves and one comes");
    for count in [100, 1000] {
        let mut share = FairShare::new(capacities.iter().copied());
        let add = |share: &mut FairShare, path: &[LinkId; 2]| share.add(path, 1.0, f64::INFINITY);
        let mut flows: Vec<_> = paths[..count].iter().map(|path| add(&mut share, path)).collect();
        let (mut altered, mut next) = (Vec::new(), 0);
        group.bench_function(format!("{count} flows"), |bench| {
            bench.iter(|| {
                next = (next + 1) % count;
                share.remove(flows[next]);
                share.share(&mut altered);
                flows[next] = add(&mut share, &paths[(7 * next + 3) % MIGRATIONS]);
                share.share(&mut altered);
                altered.clear();
            });
        });
    }
    group.finish();
}

criterion_group!(benches, predictions, shared_links, fair_share);
criterion_main!(benches);
