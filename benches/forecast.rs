//! VMs per second and core: one update and one forecast of three horizons and three levels each.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use galerna::forecast::{Asked, ForecasterSpec, Panel};
use galerna::random::{below, stream};

const VMS: usize = 10_000;

fn panel(vms: usize, samples: usize) -> Panel {
    let mut draws = stream(1, "bench");
    let values = (0..vms * samples).map(|_| below(100, &mut draws) as f32 / 100.0).collect();
    Panel::new(vms, values).expect("there are series")
}

fn forecasts(criterion: &mut Criterion) {
    // One core.
    let _ = rayon::ThreadPoolBuilder::new().num_threads(1).build_global();
    let (asked, train, load) = (Asked::default(), panel(200, 288), panel(VMS, 150));
    let mut group = criterion.benchmark_group("forecast");
    group.throughput(Throughput::Elements(VMS as u64)).sample_size(10);
    for name in ["median-12", "lqr", "selector-plain", "selector-local", "selector"] {
        let spec = ForecasterSpec::named(name).expect("it is known");
        let mut forecaster = spec.build(&asked, 288);
        forecaster.fit(&train, &train).expect("it is fitted");
        let (mut bank, mut column) = (forecaster.bank(VMS), Vec::new());
        let mut out = vec![0.0; VMS * asked.width()];
        for at in 0..120 {
            load.column(at, &mut column);
            bank.update(&column);
        }
        let mut at = 0;
        group.bench_function(name, |bench| {
            bench.iter(|| {
                load.column(120 + at % 30, &mut column);
                at += 1;
                bank.update(&column);
                bank.predict(&mut out);
                black_box(&out);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, forecasts);
criterion_main!(benches);
