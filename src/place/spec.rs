//! The built-in placers by their names in a run spec.

use serde::{Deserialize, Serialize};

use super::pabfd::PabfdSpec;
use super::{FirstFit, Pabfd, Placer};
use crate::model::Fleet;

/// `policy.place` of a run spec.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum PlacerSpec {
    /// Power-aware best-fit decreasing.
    Pabfd(PabfdSpec),
    /// First fit.
    FirstFit,
}

impl PlacerSpec {
    /// Names of the built-ins.
    pub const KINDS: [&str; 2] = ["pabfd", "first-fit"];

    /// A fresh placer for one run over `fleet`.
    pub fn build(&self, fleet: &Fleet) -> Box<dyn Placer> {
        match self {
            Self::Pabfd(spec) => Box::new(Pabfd::new(spec.clone(), fleet)),
            Self::FirstFit => Box::new(FirstFit),
        }
    }
}
