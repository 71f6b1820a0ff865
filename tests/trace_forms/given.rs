//! What the tests of the published csv forms are given: files made by hand, and shorter questions.

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use galerna::trace::{Defect, Resource, Selection, UtilisationTrace, read};
use tempfile::TempDir;

/// A folder with these files; names may have folders, and `.gz` is packed.
pub fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if name.ends_with(".gz") {
            let mut packer = GzEncoder::new(fs::File::create(path).unwrap(), Compression::fast());
            packer.write_all(text.as_bytes()).unwrap();
            packer.finish().unwrap();
        } else {
            fs::write(path, text).unwrap();
        }
    }
    folder
}

pub fn told(path: &Path, selection: &Selection) -> Vec<String> {
    let error = read(path, selection).expect_err("this is no trace");
    error.problems.iter().map(ToString::to_string).collect()
}

pub fn holds(text: &str, pieces: &[&str]) {
    for piece in pieces {
        assert!(text.contains(piece), "no `{piece}` in: {text}");
    }
}

pub fn row(trace: &UtilisationTrace, vm: usize) -> Vec<f64> {
    (0..trace.samples()).map(|sample| (trace.fraction(vm, sample) * 1e6).round() / 1e6).collect()
}

pub fn other(trace: &UtilisationTrace, resource: Resource, vm: usize) -> Vec<f64> {
    let metric = trace.metric(resource).unwrap_or_else(|| panic!("{resource} was read"));
    let range = vm * trace.samples()..(vm + 1) * trace.samples();
    range.map(|at| (metric.values.value(at) * 1e6).round() / 1e6).collect()
}

/// How often `defect` was met.
pub fn count(trace: &UtilisationTrace, defect: Defect) -> u64 {
    trace.defects().iter().filter(|f| f.defect == defect).map(|f| f.count).sum()
}
