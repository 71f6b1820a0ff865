//! How long does it take to read a day of the published trace from each of its forms?
//!
//! Needs the published files: the folder is named by `GALERNA_SHARED`, `../shared` by default.

use std::path::{Path, PathBuf};

use criterion::{Criterion, criterion_group, criterion_main};
use galerna::trace::{Selection, read};

fn shared() -> PathBuf {
    let folder = std::env::var_os("GALERNA_SHARED").map(PathBuf::from);
    folder.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"))
}

fn reading(criterion: &mut Criterion) {
    let day = Selection { day: Some("20110303".into()), ..Selection::default() };
    for (name, file) in
        [("archive", "planetlab_original_layout.tar.xz"), ("parquet", "planetlab_long.parquet")]
    {
        let path = shared().join("traces/planetlab").join(file);
        if !path.exists() {
            println!("skipped: {name}, there is no {}", path.display());
            continue;
        }
        criterion.bench_function(&format!("trace_read/{name}"), |bench| {
            bench.iter(|| read(&path, &day).expect("the published trace is whole"));
        });
    }
    criterion.bench_function("trace_read/sample", |bench| {
        bench.iter(|| read("sample".as_ref(), &Selection::default()).expect("it is bundled"));
    });
}

criterion_group!(benches, reading);
criterion_main!(benches);
