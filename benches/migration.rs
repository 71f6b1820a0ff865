//! How many migrations a second? Predictions by the closed form, whole migrations on shared links,
//! and plans of a thousand moves. Times are CPU seconds of this process, so that other work on the
//! machine counts little.

use std::hint::black_box;
use std::time::Duration;

use cpu_time::ProcessTime;
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use galerna::id::HostId;
use galerna::migrate::dirty::Dirty;
use galerna::migrate::{
    Arrival, Channel, Constants, Escalation, Memory, MigrationModel, PreCopy, Task, Traffic,
};
use galerna::random::{below, stream};
use galerna::sequence::{Host, Instance, Move, Options, plan};
use galerna::topology::{Cable, FairShare, LinkId, Routes, generate};
use galerna::units::{Bytes, BytesPerSecond};

/// CPU time of the process.
struct CpuTime;

impl Measurement for CpuTime {
    type Intermediate = ProcessTime;
    type Value = Duration;
    fn start(&self) -> ProcessTime {
        ProcessTime::now()
    }
    fn end(&self, start: ProcessTime) -> Duration {
        start.elapsed()
    }
    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }
    fn zero(&self) -> Duration {
        Duration::ZERO
    }
    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }
    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

/// 1 GiB, 30 % of the link's rate written within 256 MiB: the setting of the measurement of
/// `SimGrid`.
fn busy(link: BytesPerSecond) -> Task {
    let dirty = Dirty::Uniform { rate: 0.3 * link.0 / 4096.0, working_set: 65_536.0 };
    Task::new(Memory::of(Bytes::from_gib(1), Bytes::from_gib(1), dirty), Channel::link(link))
}

fn predictions(criterion: &mut Criterion<CpuTime>) {
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
fn shared_links(criterion: &mut Criterion<CpuTime>) {
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
fn fair_share(criterion: &mut Criterion<CpuTime>) {
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

/// What moves, from where to where, and over which links.
type Journey = (Task, [HostId; 2], Vec<LinkId>);

/// The fat tree of 1,024 hosts with 1,000 migrations of 1 to 8 GiB, up to a fifth of the link's
/// rate written within 64 MiB: what moves, and its path.
fn fat_tree() -> (Vec<f64>, Vec<Journey>) {
    let cable = Cable::mbit(10_000.0, 1);
    let tree = generate::fat_tree(16, cable);
    let mut routes = Routes::new(&tree);
    let mut random = stream(0, "fat-tree");
    let moves = (0..MIGRATIONS).map(|_| {
        let from = below(tree.hosts(), &mut random);
        let to = (from + 1 + below(tree.hosts() - 1, &mut random)) % tree.hosts();
        let part = |random: &mut _| below(1 << 20, random) as f64 / f64::from(1 << 20);
        let used = Bytes((Bytes::from_gib(1).0 as f64 * (1.0 + 7.0 * part(&mut random))) as u64);
        let rate = 0.2 * part(&mut random) * cable.0.capacity.0 / 4096.0;
        let dirty = Dirty::Constant { rate, working_set: 64.0 * 256.0 };
        let task = Task::new(Memory::of(used, used, dirty), Channel::link(cable.0.capacity));
        let ends = [from, to].map(|host| HostId(host as u32));
        (task, ends, routes.path(ends[0], ends[1]).expect("connected").to_vec())
    });
    let moves = moves.collect();
    (tree.capacities(), moves)
}

/// All of them at once, and as a plan.
fn on_a_fat_tree(criterion: &mut Criterion<CpuTime>) {
    let ((links, moves), constants) = (fat_tree(), Constants::default());
    let mut group = criterion.benchmark_group("fat tree, 1000 migrations");
    group.throughput(Throughput::Elements(MIGRATIONS as u64)).sample_size(20);
    group.bench_function("all at once", |bench| {
        bench.iter(|| {
            let mut traffic = Traffic::new(links.iter().copied(), &constants);
            for (task, _, path) in &moves {
                let (at_s, escalation) = (0.0, Escalation::Cancel);
                traffic.arrive(Arrival { at_s, task, path, escalation });
            }
            std::iter::from_fn(|| traffic.next_done()).map(|done| done.at_s).fold(0.0, f64::max)
        });
    });
    let hosts = (0..1024).map(|i| Host::with_memory(format!("h{i}"), Bytes::from_gib(1024)));
    let mut hosts: Vec<Host> = hosts.collect();
    let planned = moves.iter().map(|(task, [from, to], path)| {
        let memory = Bytes((4096.0 * task.memory.pages) as u64);
        hosts[from.0 as usize].used_memory += memory;
        let prediction = PreCopy.predict(task, &constants, None).expect("built-in");
        let one = Move::new("vm".into(), *from, *to, memory, 1.0).costing(&prediction);
        Move { path: path.clone(), rate: task.channel.nominal(), ..one }
    });
    let moves = planned.collect();
    let instance = Instance { hosts, links, moves };
    let options = Options { trials: 40, ..Options::default() };
    group.bench_function("plan", |bench| bench.iter(|| plan(&instance, &options)));
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime);
    targets = predictions, shared_links, fair_share, on_a_fat_tree
}
criterion_main!(benches);
