//! A file of parameters: the constants of the models and what is known of measured guests.
//!
//! ```toml
//! [constants]
//! link_efficiency = 0.97
//!
//! [guest]
//! base_pages = [[256, 13036], [512, 14107]]     # MiB of memory, non-zero pages once booted
//! ```

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Constants;
use crate::problem::Problem;

/// What a parameter file may hold; every key has a default.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// Constants of the models.
    pub constants: Constants,
    /// Guests whose migrations were measured.
    pub guest: Guest,
}

/// What is known of measured guests beside the columns of a measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Guest {
    /// Non-zero pages of a guest that has just booted, by MiB of memory; straight lines between.
    pub base_pages: Vec<(f64, f64)>,
    /// Non-zero pages that a kernel with balloon modules, which does not clear freed pages, has
    /// beside.
    pub balloon_pages: f64,
    /// Pages that the experiment with freed memory had dirtied.
    pub freed_pages: f64,
    /// Bytes per second at which a guest offers free pages.
    pub offer_speed: f64,
    /// Ratios of compression of base pages and of pages filled with: a word, random bytes, bytes
    /// of which one in eight is random.
    pub ratios: [f64; 4],
    /// Pages per second that the compressing threads read.
    pub compress_pages_per_s: f64,
}

impl Default for Guest {
    fn default() -> Self {
        Self {
            base_pages: vec![
                (256.0, 13_036.0),
                (512.0, 14_107.0),
                (1024.0, 16_318.0),
                (2048.0, 20_705.0),
            ],
            balloon_pages: 4070.0,
            freed_pages: 46_080.0,
            offer_speed: 0.9e9,
            ratios: [4.0, 30.0, 1.0, 5.4],
            compress_pages_per_s: 5000.0,
        }
    }
}

impl Guest {
    /// Non-zero pages of a guest with `ram_mb` MiB that has just booted.
    pub fn base(&self, ram_mb: f64) -> f64 {
        let points = &self.base_pages;
        match points.len() {
            0 => 0.0,
            1 => points[0].1,
            count => {
                let above = points.partition_point(|&(ram, _)| ram < ram_mb).clamp(1, count - 1);
                let ((r0, p0), (r1, p1)) = (points[above - 1], points[above]);
                p0 + (p1 - p0) * (ram_mb - r0) / (r1 - r0)
            }
        }
    }
}

/// Reads the parameter file at `path`.
///
/// # Errors
///
/// GLN-324 where it cannot be read or holds anything else.
pub fn read_parameters(path: &Path) -> Result<Parameters, Problem> {
    let place = path.display().to_string();
    let remedy = "Let `galerna migrate fit` write one";
    let text = std::fs::read_to_string(path)
        .map_err(|cause| Problem::new("GLN-324", &place, cause.to_string(), remedy))?;
    let parameters: Parameters = toml::from_str(&text).map_err(|error| {
        let line = error.span().map_or(0, |span| text[..span.start].matches('\n').count()) + 1;
        Problem::new("GLN-324", format!("{place}:{line}"), error.message(), remedy)
    })?;
    let wrong = parameters
        .constants
        .fields()
        .into_iter()
        .find(|(_, value)| !(value.is_finite() && *value >= 0.0));
    match wrong {
        Some((name, value)) => {
            let what = format!("found {value}, expected a number of 0 or more");
            Err(Problem::new("GLN-324", format!("{place}, constants.{name}"), what, remedy))
        }
        None => Ok(parameters),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 384 MiB lie half-way between 256 and 512: (13036 + 14107) / 2.
    #[test]
    fn base_pages_lie_on_lines_between_known_sizes() {
        let guest = Guest::default();
        assert_eq!([guest.base(512.0), guest.base(384.0)], [14_107.0, 13_571.5]);
    }

    #[test]
    fn a_wrong_file_is_told_with_its_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("p.toml");
        let error = |text: &str| {
            std::fs::write(&path, text).expect("it can be written");
            read_parameters(&path).unwrap_err().to_string()
        };
        assert!(error("[constants]\nsetup = 1").contains("p.toml:2: unknown field `setup`"));
        assert!(error("[constants]\nsetup_s = -1.0").contains("constants.setup_s: found -1"));
        std::fs::write(&path, "[constants]\nsetup_s = 0.5").expect("it can be written");
        assert_eq!(read_parameters(&path).expect("it is right").constants.setup_s, 0.5);
    }
}
