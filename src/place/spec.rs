//! The built-in placers by their names in a run spec.

use serde::{Deserialize, Serialize};

use super::{
    AlignmentSpec, BestFit, Cosine, Decreasing, DotProduct, FirstFit, FirstFitDecreasingSpec,
    FirstFitSpec, FitSpec, Measure, NeatBestFitDecreasing, NeatSpec, NormDiff, Pabfd,
    PabfdPublished, PabfdSpec, Placer, WorstFit,
};
use crate::model::Fleet;

/// `policy.place` of a run spec.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum PlacerSpec {
    /// Power-aware best-fit decreasing.
    Pabfd(PabfdSpec),
    /// Power-aware best-fit decreasing as published.
    PabfdPublished,
    /// First fit.
    FirstFit(FirstFitSpec),
    /// First fit decreasing.
    FirstFitDecreasing(FirstFitDecreasingSpec),
    /// Best fit.
    BestFit(FitSpec),
    /// Best fit decreasing.
    BestFitDecreasing(FitSpec),
    /// Best fit decreasing as OpenStack Neat does it.
    NeatBestFitDecreasing(NeatSpec),
    /// Worst fit.
    WorstFit(FitSpec),
    /// Worst fit decreasing.
    WorstFitDecreasing(FitSpec),
    /// Largest dot product.
    DotProduct(AlignmentSpec),
    /// Largest cosine.
    Cosine(AlignmentSpec),
    /// Least norm of the difference.
    NormDiff(AlignmentSpec),
}

impl PlacerSpec {
    /// Names of the built-ins.
    pub const KINDS: [&str; 12] = [
        "pabfd",
        "pabfd-published",
        "first-fit",
        "first-fit-decreasing",
        "best-fit",
        "best-fit-decreasing",
        "neat-best-fit-decreasing",
        "worst-fit",
        "worst-fit-decreasing",
        "dot-product",
        "cosine",
        "norm-diff",
    ];

    /// A fresh placer for one run over `fleet`.
    pub fn build(&self, fleet: &Fleet) -> Box<dyn Placer> {
        match self {
            Self::Pabfd(spec) => Box::new(Pabfd::new(spec.clone(), fleet)),
            Self::PabfdPublished => Box::new(PabfdPublished::new(fleet)),
            Self::FirstFit(spec) => Box::new(FirstFit::new(spec)),
            Self::FirstFitDecreasing(spec) => {
                let &FirstFitDecreasingSpec { by, overload, wake } = spec;
                let first_fit = Box::new(FirstFit::new(&FirstFitSpec { overload, wake }));
                Box::new(Decreasing::new("first-fit-decreasing", by, first_fit, fleet))
            }
            Self::BestFit(spec) => Box::new(BestFit::new(spec, fleet)),
            Self::BestFitDecreasing(spec) => {
                let best_fit = Box::new(BestFit::new(spec, fleet));
                Box::new(Decreasing::new("best-fit-decreasing", spec.by, best_fit, fleet))
            }
            Self::NeatBestFitDecreasing(spec) => Box::new(NeatBestFitDecreasing::new(spec.clone())),
            Self::WorstFit(spec) => Box::new(WorstFit::new(spec, fleet)),
            Self::WorstFitDecreasing(spec) => {
                let worst_fit = Box::new(WorstFit::new(spec, fleet));
                Box::new(Decreasing::new("worst-fit-decreasing", spec.by, worst_fit, fleet))
            }
            Self::DotProduct(spec) => {
                let largest_first = Box::new(DotProduct::new(spec, fleet));
                Box::new(Decreasing::new("dot-product", Measure::Mean, largest_first, fleet))
            }
            Self::Cosine(spec) => {
                let largest_first = Box::new(Cosine::new(spec, fleet));
                Box::new(Decreasing::new("cosine", Measure::Mean, largest_first, fleet))
            }
            Self::NormDiff(spec) => {
                let largest_first = Box::new(NormDiff::new(spec, fleet));
                Box::new(Decreasing::new("norm-diff", Measure::Mean, largest_first, fleet))
            }
        }
    }
}
