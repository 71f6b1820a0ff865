//! The built-in detectors by their names in a run spec.

use serde::{Deserialize, Serialize};

use super::{
    Always, Iqr, LastN, LeastUtilised, Loess, LoessRobust, Lr, Lrr, Mad, Mhod, MhodDetector, Never,
    Otf, OtfDetector, OverloadDetector, Regression, Risk, RiskCost, RiskCostDetector, RiskDetector,
    Thr, UnderloadDetector, UnderloadLastN, UnderloadThreshold,
};

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
    /// Local regression of any length.
    Loess(Loess),
    /// Robust local regression of any length.
    LoessRobust(LoessRobust),
    /// Static threshold on the mean of the latest samples.
    LastN(LastN),
    /// Overload time fraction.
    Otf(Otf),
    /// Markov host overload detection.
    Mhod(Mhod),
    /// Probability of overload.
    Risk(Risk),
    /// Probability of overload against the cost of a migration.
    RiskCost(RiskCost),
    /// No host is ever overloaded.
    Never,
}

impl DetectorSpec {
    /// Names of the built-ins.
    pub const KINDS: [&str; 13] = [
        "thr",
        "iqr",
        "mad",
        "lr",
        "lrr",
        "loess",
        "loess-robust",
        "last-n",
        "otf",
        "mhod",
        "risk",
        "risk-cost",
        "never",
    ];

    /// A fresh detector for one run.
    pub fn build(&self) -> Box<dyn OverloadDetector> {
        match self.clone() {
            Self::Thr(thr) => Box::new(thr),
            Self::Iqr(iqr) => Box::new(iqr),
            Self::Mad(mad) => Box::new(mad),
            Self::Lr(lr) => Box::new(lr),
            Self::Lrr(lrr) => Box::new(lrr),
            Self::Loess(loess) => Box::new(Regression::from(loess)),
            Self::LoessRobust(loess) => Box::new(Regression::from(loess)),
            Self::LastN(last_n) => Box::new(last_n),
            Self::Otf(otf) => Box::new(OtfDetector::new(otf)),
            Self::Mhod(mhod) => Box::new(MhodDetector::new(mhod)),
            Self::Risk(risk) => Box::new(RiskDetector::new(risk)),
            Self::RiskCost(risk) => Box::new(RiskCostDetector::new(risk)),
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
    /// Hosts that are used no more than a threshold.
    Threshold(UnderloadThreshold),
    /// Hosts whose latest samples are on average no more than a threshold.
    LastN(UnderloadLastN),
    /// All hosts, also full ones.
    Always,
    /// No host is ever emptied.
    Never,
}

impl UnderloadSpec {
    /// Names of the built-ins.
    pub const KINDS: [&str; 5] = ["least-utilised", "threshold", "last-n", "always", "never"];

    /// A fresh rule for one run.
    pub fn build(&self) -> Box<dyn UnderloadDetector> {
        match self.clone() {
            Self::LeastUtilised(rule) => Box::new(rule),
            Self::Threshold(rule) => Box::new(rule),
            Self::LastN(rule) => Box::new(rule),
            Self::Always => Box::new(Always),
            Self::Never => Box::new(Never),
        }
    }
}
