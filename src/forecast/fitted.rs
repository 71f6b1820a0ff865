//! Fitted models as JSON, to be kept and read again.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::Error;
use crate::whole_file;

/// Writes a fitted model.
///
/// # Errors
/// `GLN-167` where the file cannot be written.
pub fn write_fitted(path: &Path, model: &impl Serialize) -> Result<(), Error> {
    let place = path.display().to_string();
    let fault = |what: String| Error::one("GLN-167", &place, what, "Check path and permissions");
    let text = serde_json::to_string(model).map_err(|error| fault(error.to_string()))?;
    whole_file::replace(path, (text + "\n").as_bytes()).map_err(|error| fault(error.to_string()))
}

/// Reads a fitted model.
///
/// # Errors
/// `GLN-167` where there is none, or it is another one.
pub fn read_fitted<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let place = path.display().to_string();
    let remedy = "Make it with `galerna forecast fit`";
    let fault = |what: String| Error::one("GLN-167", &place, what, remedy);
    let text = std::fs::read_to_string(path).map_err(|error| fault(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| fault(error.to_string()))
}
