//! How long does it take to fill a data centre? First, best and worst fit, from an empty draft to
//! the last VM, the index built on the way.

#[path = "fill/instance.rs"]
mod instance;

use criterion::{Criterion, criterion_group, criterion_main};
use instance::{Fill, placer};

fn fill(criterion: &mut Criterion) {
    for (hosts, vms, kinds) in [
        (3_000, 100_000, &["first-fit"][..]),
        (20_000, 40_000, &["first-fit", "best-fit", "worst-fit"]),
    ] {
        let instance = Fill::new(hosts, vms);
        for kind in kinds {
            let placer = placer(&format!("kind = '{kind}'"));
            criterion.bench_function(&format!("fill/{kind}/{hosts}x{vms}"), |bench| {
                bench.iter(|| instance.place(&placer));
            });
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = fill
}
criterion_main!(benches);
