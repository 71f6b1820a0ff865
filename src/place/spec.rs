//! The built-in placers by their names in a run spec.

use serde::{Deserialize, Serialize};

use super::best_fit::best_fit;
use super::cosine::cosine;
use super::dot_product::dot_product;
use super::first_fit::first_fit;
use super::norm_diff::norm_diff;
use super::optimise::{OptimiseSpec, Optimised};
use super::pabfd_published::pabfd_published;
use super::risk_fit::risk_fit;
use super::worst_fit::worst_fit;
use super::{
    AlignmentSpec, BalanceSpec, CheapestSpec, Decreasing, FirstFitDecreasingSpec, FirstFitSpec,
    FitSpec, NeatBestFitDecreasing, NeatSpec, Pabfd, PabfdSpec, Placer, PowerCapSpec, RiskFitSpec,
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
    /// Best fit under a limit on the risk of the destination.
    RiskFit(RiskFitSpec),
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
    /// Whole steps by cost and benefit.
    Optimise(OptimiseSpec),
    /// Whole steps that even out the load.
    Balance(BalanceSpec),
    /// Whole steps that keep all hosts together below a power.
    PowerCap(PowerCapSpec),
    /// Whole steps that cost least money within the contract.
    CheapestWithinSla(CheapestSpec),
}

impl PlacerSpec {
    /// Names of the built-ins.
    pub const KINDS: [&str; 17] = [
        "pabfd",
        "pabfd-published",
        "first-fit",
        "first-fit-decreasing",
        "best-fit",
        "best-fit-decreasing",
        "neat-best-fit-decreasing",
        "risk-fit",
        "worst-fit",
        "worst-fit-decreasing",
        "dot-product",
        "cosine",
        "norm-diff",
        "optimise",
        "balance",
        "power-cap",
        "cheapest-within-sla",
    ];

    /// Whether it plans whole steps.
    pub fn plans(&self) -> bool {
        matches!(
            self,
            Self::Optimise(_) | Self::Balance(_) | Self::PowerCap(_) | Self::CheapestWithinSla(_)
        )
    }

    /// A fresh placer for one run over `fleet`.
    pub fn build(&self, fleet: &Fleet) -> Box<dyn Placer> {
        match self {
            Self::Pabfd(spec) => Box::new(Pabfd::new(spec.clone(), fleet)),
            Self::PabfdPublished => pabfd_published(fleet),
            Self::FirstFit(spec) => first_fit(spec),
            Self::FirstFitDecreasing(spec) => {
                let &FirstFitDecreasingSpec { by, overload, wake } = spec;
                let placer = first_fit(&FirstFitSpec { overload, wake });
                Box::new(Decreasing::new("first-fit-decreasing", by, placer, fleet))
            }
            Self::BestFit(spec) => best_fit(spec, fleet),
            Self::BestFitDecreasing(spec) => {
                let placer = best_fit(spec, fleet);
                Box::new(Decreasing::new("best-fit-decreasing", spec.by, placer, fleet))
            }
            Self::NeatBestFitDecreasing(spec) => Box::new(NeatBestFitDecreasing::new(spec.clone())),
            Self::RiskFit(spec) => risk_fit(spec, fleet),
            Self::WorstFit(spec) => worst_fit(spec, fleet),
            Self::WorstFitDecreasing(spec) => {
                let placer = worst_fit(spec, fleet);
                Box::new(Decreasing::new("worst-fit-decreasing", spec.by, placer, fleet))
            }
            Self::DotProduct(spec) => dot_product(spec, fleet),
            Self::Cosine(spec) => cosine(spec, fleet),
            Self::NormDiff(spec) => norm_diff(spec, fleet),
            Self::Optimise(spec) => Box::new(Optimised::new(spec.clone(), fleet)),
            Self::CheapestWithinSla(spec) => Box::new(Optimised::new(spec.steps(), fleet)),
            Self::Balance(_) => worst_fit(&FitSpec::default(), fleet),
            Self::PowerCap(_) => Box::new(Pabfd::new(PabfdSpec::default(), fleet)),
        }
    }
}
