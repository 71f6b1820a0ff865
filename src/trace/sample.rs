//! The bundled sample: one synthetic day in the published layout, so that every command works
//! without a download. How it was made is told in `traces/README.md`.

use super::UtilisationTrace;
use super::archive::{self, Packing};
use super::error::Error;
use super::selection::Selection;

/// The path that means the bundled sample; also the name of its only day.
pub(super) const WORD: &str = "sample";

/// The seed with which [`generate`](super::generate) and its default parameters make the sample.
pub const SAMPLE_SEED: u64 = 2011;

static ARCHIVE: &[u8] = include_bytes!("../../traces/sample.tar.xz");

pub(super) fn read(selection: &Selection) -> Result<UtilisationTrace, Error> {
    archive::read_from(WORD, ARCHIVE, Packing::Xz, selection)
}

pub(super) fn days() -> Result<Vec<String>, Error> {
    archive::days_from(WORD, ARCHIVE, Packing::Xz)
}

#[cfg(test)]
mod tests {
    use super::super::{Parameters, generate};
    use super::*;

    #[test]
    fn the_sample_is_what_the_generator_makes() {
        let made = generate(&Parameters::default(), SAMPLE_SEED);
        assert_eq!(read(&Selection::default()).unwrap(), made);
        assert_eq!(days().unwrap(), [WORD]);
    }
}
