//! From a spec to what the engine runs.

use super::{PolicySpec, RunSpec};
use crate::detect::WithFallback;
use crate::engine::Policies;
use crate::model::{Fleet, Rules};
use crate::trace::{self, Selection, UtilisationTrace};

/// What a run needs beside its policies; shared by all runs on the same trace and fleet.
#[derive(Debug)]
pub struct Inputs {
    /// The load.
    pub trace: UtilisationTrace,
    /// Hosts and VMs.
    pub fleet: Fleet,
    /// The rules.
    pub rules: Rules,
}

impl Inputs {
    /// Reads the trace that `spec` names and builds its fleet.
    ///
    /// # Errors
    /// Those of [`trace::read`].
    pub fn read(spec: &RunSpec) -> Result<Self, trace::Error> {
        let selection = Selection { day: spec.trace.day.clone(), order: spec.trace.order };
        Ok(Self::with(spec, trace::read(&spec.trace.path, &selection)?))
    }

    /// The fleet of `spec` on a trace that is at hand already.
    pub fn with(spec: &RunSpec, trace: UtilisationTrace) -> Self {
        let fleet = spec.fleet.build(trace.vms(), spec.run.seed);
        Self { trace, fleet, rules: spec.rules() }
    }
}

impl RunSpec {
    /// The rules of the run that it describes.
    pub fn rules(&self) -> Rules {
        Rules {
            demand: self.demand.clone(),
            host: self.host.clone(),
            migration: self.migration.clone(),
            accounting: self.accounting.clone(),
        }
    }
}

/// Fresh policies for one run of `spec` over `fleet`.
pub fn policies(spec: &RunSpec, fleet: &Fleet) -> Policies {
    let PolicySpec { overload, fallback, underload, select, place, history, initial } =
        &spec.policy;
    Policies {
        overload: Box::new(WithFallback::new(overload.build(), fallback.build())),
        underload: underload.build(),
        select: select.build(spec.run.seed),
        place: place.build(fleet),
        history: *history,
        consolidation: spec.consolidation.clone(),
        initial: *initial,
    }
}
