//! Fitted forecasters of any kind in files.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::asked::Asked;
use super::bank::Forecaster;
use super::error::Error;
use super::fitted::{read_fitted, write_fitted};
use super::spec::ForecasterSpec;

/// What a file holds: which forecaster, what it was asked, and what it learned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Saved {
    forecaster: String,
    asked: Asked,
    season: usize,
    fitted: Option<String>,
}

/// Writes `forecaster`, which was built with `season` samples in a day, as JSON. One that needs no
/// fitting is kept as its name.
///
/// # Errors
/// `GLN-167` where the file cannot be written, or the forecaster has not been fitted yet.
pub fn save_forecaster(
    path: &Path,
    forecaster: &dyn Forecaster,
    season: usize,
) -> Result<(), Error> {
    let fitted = forecaster.fitted();
    if forecaster.is_global() && fitted.is_none() {
        let what = format!("`{}` has learned nothing yet", forecaster.name());
        return Err(Error::one("GLN-167", path.display().to_string(), what, "Fit it first"));
    }
    let (name, asked) = (forecaster.name().to_owned(), forecaster.asked().clone());
    write_fitted(path, &Saved { forecaster: name, asked, season, fitted })
}

/// Reads a forecaster that [`save_forecaster`] wrote, ready to forecast, and its season.
///
/// ```
/// use galerna::forecast::{Asked, ForecasterSpec, load_forecaster, save_forecaster};
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("median.json");
/// let median = ForecasterSpec::named("median-12").unwrap().build(&Asked::default(), 288);
/// save_forecaster(&path, &*median, 288).unwrap();
/// let (same, season) = load_forecaster(&path).unwrap();
/// assert_eq!((same.name(), season), ("median-12", 288));
/// ```
///
/// # Errors
/// `GLN-160` to `GLN-163` and `GLN-167` where the file is damaged or holds something else.
pub fn load_forecaster(path: &Path) -> Result<(Box<dyn Forecaster>, usize), Error> {
    let place = path.display().to_string();
    let saved: Saved = read_fitted(path)?;
    let asked = saved.asked.checked(&place)?;
    let mut forecaster = ForecasterSpec::named(&saved.forecaster)?.build(&asked, saved.season);
    match &saved.fitted {
        Some(text) => forecaster.restore(&place, text)?,
        None if forecaster.is_global() => {
            let what = format!("`{}` is there without what it learned", saved.forecaster);
            return Err(Error::one("GLN-167", place, what, "Fit it again"));
        }
        None => {}
    }
    Ok((forecaster, saved.season))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_fitted_is_not_kept_and_a_bare_name_is_not_enough() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.json");
        let ridge = ForecasterSpec::named("ridge").unwrap().build(&Asked::default(), 288);
        let fault = save_forecaster(&path, &*ridge, 288).unwrap_err().to_string();
        assert!(fault.contains("`ridge` has learned nothing yet"), "{fault}");
        let median = ForecasterSpec::named("median-12").unwrap().build(&Asked::default(), 288);
        save_forecaster(&path, &*median, 288).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("median-12", "ridge")).unwrap();
        let fault = load_forecaster(&path).err().unwrap().to_string();
        assert!(fault.contains("`ridge` is there without what it learned"), "{fault}");
        std::fs::write(&path, text.replace("\"cap\":1.0", "\"cap\":0.0")).unwrap();
        assert!(load_forecaster(&path).err().unwrap().to_string().starts_with("GLN-162"));
        std::fs::write(&path, "{}").unwrap();
        assert!(load_forecaster(&path).err().unwrap().to_string().starts_with("GLN-167"));
    }
}
