//! How long does a day take? CPU-bound: the trace is read once, outside the measurement.
//!
//! Runs on the day 20110303 of the published traces where they are (the folder is named by
//! `GALERNA_SHARED`, `../shared` by default), else on the bundled sample.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use criterion::{Criterion, criterion_group, criterion_main};
use galerna::engine;
use galerna::spec::{self, Inputs, Override};

/// The published trace, if it is on this machine.
fn published() -> Option<PathBuf> {
    let folder = std::env::var_os("GALERNA_SHARED").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"));
    let path = folder.join("traces/planetlab/planetlab_long.parquet");
    path.exists().then_some(path)
}

fn day(criterion: &mut Criterion) {
    let trace = published().map_or_else(Vec::new, |path| {
        vec![
            Override::new("trace.path", path.display().to_string().into()),
            Override::new("trace.day", "20110303".into()),
        ]
    });
    let source = if trace.is_empty() { "sample" } else { "20110303" };
    for name in
        ["cloudsim-3.0.3/lr-mmt", "cloudsim-3.0.3/mad-mmt", "cloudsim-3.0.3/lr-mc", "lr-mmt"]
    {
        let spec = spec::load(name.as_ref(), trace.clone()).expect("a bundled policy");
        let inputs = Inputs::read(&spec).expect("the trace is whole");
        criterion.bench_function(&format!("{source}/{name}"), |bench| {
            bench.iter(|| {
                let policies = spec::policies(&spec, &inputs.fleet).expect("built-in policies");
                let Inputs { trace, fleet, rules } = &inputs;
                let go_on = &mut |_| ControlFlow::Continue(());
                engine::run(fleet, trace, rules, policies, go_on).expect("the run ends")
            });
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = day
}
criterion_main!(benches);
