//! The built-in detectors by their names in a run spec.

use serde::{Deserialize, Serialize};

use super::{Iqr, LeastUtilised, Lr, Lrr, Mad, Never, OverloadDetector, Thr, UnderloadDetector};

/// `policy.overload` of a run spec.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum DetectorSpec {
    /// Static threshold.
    Thr(Thr),
    /// Interquartile range.
    Iqr(Iqr),
    /// Median absolute deviation.
    Mad(Mad),
    /// Local regression.
    Lr(Lr),
    /// Robust local regression.
    Lrr(Lrr),
    /// No host is ever overloaded.
    Never,
}

impl DetectorSpec {
    /// Names of the built-ins.
    pub const KINDS: [&str; 6] = ["thr", "iqr", "mad", "lr", "lrr", "never"];

    /// A fresh detector for one run.
    pub fn build(&self) -> Box<dyn OverloadDetector> {
        match self.clone() {
            Self::Thr(thr) => Box::new(thr),
            Self::Iqr(iqr) => Box::new(iqr),
            Self::Mad(mad) => Box::new(mad),
            Self::Lr(lr) => Box::new(lr),
            Self::Lrr(lrr) => Box::new(lrr),
            Self::Never => Box::new(Never),
        }
    }
}

/// `policy.underload` of a run spec.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum UnderloadSpec {
    /// All hosts, the emptiest first.
    LeastUtilised(LeastUtilised),
    /// No host is ever emptied.
    Never,
}

impl UnderloadSpec {
    /// Names of the built-ins.
    pub const KINDS: [&str; 2] = ["least-utilised", "never"];

    /// A fresh rule for one run.
    pub fn build(&self) -> Box<dyn UnderloadDetector> {
        match self.clone() {
            Self::LeastUtilised(rule) => Box::new(rule),
            Self::Never => Box::new(Never),
        }
    }
}
