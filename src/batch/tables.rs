//! Which tables of each run can be kept beside the table of all runs?

use crate::problem::suggestion;
use crate::spec::RunSpec;

/// A table of a run, named as its file in the folder of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RunTable {
    /// What happened, in order.
    Actions,
    /// What the VMs asked for.
    Demand,
    /// One row per host.
    Hosts,
    /// One row per lease.
    Leases,
    /// One row per entry of the ledger.
    Ledger,
    /// One row per decision.
    Samples,
    /// One row per VM.
    Vms,
}

impl RunTable {
    /// All of them, by name.
    pub const ALL: [Self; 7] = [
        Self::Actions,
        Self::Demand,
        Self::Hosts,
        Self::Leases,
        Self::Ledger,
        Self::Samples,
        Self::Vms,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Actions => "actions",
            Self::Demand => "demand",
            Self::Hosts => "hosts",
            Self::Leases => "leases",
            Self::Ledger => "ledger",
            Self::Samples => "samples",
            Self::Vms => "vms",
        }
    }

    /// Whether runs of `spec` have it.
    pub fn is_of(self, spec: &RunSpec) -> bool {
        match self {
            Self::Leases => spec.leases.is_some(),
            Self::Ledger => spec.costs.is_some(),
            _ => spec.carries_load(),
        }
    }

    /// The table called `name`.
    ///
    /// # Errors
    /// What is wrong with `name`, and what to do.
    pub fn named(name: &str) -> Result<Self, (String, String)> {
        Self::ALL.into_iter().find(|table| table.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name);
            let what = format!("unknown table `{name}`{}", suggestion(name, names));
            (what, format!("Known: {}", names.join(", ")))
        })
    }
}
