//! Writes the bundled sample anew: `cargo run --release --example make_sample -- FILE.tar.xz`.

use std::error::Error;
use std::path::Path;

use galerna::trace::{Parameters, SAMPLE_SEED, generate, write_archive};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("give the path of the archive to write")?;
    let trace = generate(&Parameters::default(), SAMPLE_SEED);
    Ok(write_archive(&trace, "sample", Path::new(&path))?)
}
