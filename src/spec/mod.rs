//! What a run file may say: one TOML file is a complete run, and every key has a default.
//!
//! ```toml
//! [trace]
//! path = "sample"                   # or a directory, an archive, a Parquet file
//! [fleet]
//! preset = "ml110-32g"
//! [policy]
//! overload = { kind = "lr", safety = 1.2 }
//! select = { kind = "mmt" }
//! [run]
//! seed = 0
//! ```
//!
//! A file with a section `[leases]` is a run of leases instead; with `load = "replayed"` in it
//! their VMs carry load.

mod build;
mod catalogue;
mod choice;
mod costs;
mod energy_bound;
mod error;
mod fleet;
mod lease_code;
mod lease_inputs;
pub mod leases;
mod limits;
mod loaded_leases;
mod migration;
mod named_types;
mod outages;
mod overbooking;
mod placer_limits;
mod policy_limits;
mod power_cap;
mod processor;
mod provision;
pub mod python;
mod read;
mod site_conflicts;
mod sites;
mod synthetic_leases;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::detect::{DetectorSpec, LeastUtilised, Lr, Thr, UnderloadSpec};
use crate::engine::{Consolidation, InitialDemand};
use crate::migrate::failure::Failures;
use crate::model::rules::{Accounting, Demand, HostRules};
use crate::model::{Costs, Outages, Sites};
use crate::place::{HistoryKind, PabfdSpec, PlacerSpec};
use crate::problem::Problem;
use crate::select::SelectorSpec;
use crate::trace::{Columns, Excess, Format, Gaps, Group, Offset, Order, Resources, Selection};

pub use build::{Inputs, policies, policies_by};
pub use catalogue::{Entry, catalogue, named, template};
pub use choice::Choice;
pub use error::Error;
pub use fleet::{FleetSpec, HostBlock, Preset, VmSpec};
pub use lease_code::{LeaseCode, lease_policies};
pub use lease_inputs::LeaseInputs;
pub use leases::LeaseSpec;
pub use loaded_leases::{LoadedLeases, fleet_of};
pub use migration::MigrationSection;
pub use named_types::catalogue_with;
pub use overbooking::Overbooking;
pub use processor::Processor;
pub use python::PythonPolicy;
pub use read::{Override, load, parse, text};
pub use synthetic_leases::{MadeImages, MadeReservations};

/// A complete run: of load, or of leases.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunSpec {
    /// Which load the VMs replay.
    pub trace: TraceSpec,
    /// Which hosts and VMs there are.
    pub fleet: FleetSpec,
    /// Who decides.
    pub policy: PolicySpec,
    /// Rules of a decision.
    pub consolidation: Consolidation,
    /// How the trace becomes demand.
    pub demand: Demand,
    /// What hosts can do.
    pub host: HostRules,
    /// What migrations cost, and how they are done.
    pub migration: MigrationSection,
    /// What fails of migrations.
    pub failures: Failures,
    /// Which hosts fail, if any.
    pub outages: Option<Outages>,
    /// Where hosts stand, if at several sites.
    pub sites: Option<Sites>,
    /// How energy and SLA are counted.
    pub accounting: Accounting,
    /// What energy, carbon, instances and service are worth, where amounts are asked for.
    pub costs: Option<Costs>,
    /// Which leases are asked for; unless they carry load, all of the above is unused then.
    pub leases: Option<LeaseSpec>,
    /// Seed.
    pub run: RunSection,
}

/// `[trace]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct TraceSpec {
    /// `sample` (the bundled synthetic one), a directory, an archive, a csv or a Parquet file.
    pub path: PathBuf,
    /// The day to take from a source that holds several.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "day_name")]
    pub day: Option<String>,
    /// Order of the VMs (Q18).
    pub order: Order,
    /// The form of the source.
    pub format: Format,
    /// Where the run begins, counted from the first sample of the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Offset>,
    /// Where it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Offset>,
    /// Seconds between two samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_s: Option<u32>,
    /// What stands where there is no sample.
    pub gaps: Gaps,
    /// What becomes of values above 100 %.
    pub excess: Excess,
    /// What counts as a VM in traces of tasks.
    pub group: Group,
    /// Which quantities beside the CPU are read.
    pub resources: Resources,
    /// Which column means what, in a table.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: Columns,
}

impl TraceSpec {
    /// Keys that are left out of a resolved spec where they say nothing.
    const OPTIONAL: [&str; 5] = ["day", "from", "to", "step-s", "columns"];

    /// Which part of the source is read, and how.
    pub fn selection(&self) -> Selection {
        Selection {
            day: self.day.clone(),
            order: self.order,
            format: self.format,
            columns: self.columns.clone(),
            from: self.from,
            to: self.to,
            step_s: self.step_s,
            gaps: self.gaps,
            excess: self.excess,
            group: self.group,
            resources: self.resources.clone(),
            raw: false,
        }
    }
}

/// A day, which may be written as a number, `20110303`, or as a string.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a day, such as 20110303 or \"20110303\"")]
enum Day {
    Number(u64),
    Name(String),
}

impl Day {
    fn name(self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Name(name) => name,
        }
    }
}

fn day_name<'de, D: Deserializer<'de>>(source: D) -> Result<Option<String>, D::Error> {
    Day::deserialize(source).map(|day| Some(day.name()))
}

fn day_names<'de, D: Deserializer<'de>>(source: D) -> Result<Vec<String>, D::Error> {
    let days = Vec::<Day>::deserialize(source)?;
    Ok(days.into_iter().map(Day::name).collect())
}

impl Default for TraceSpec {
    fn default() -> Self {
        let Selection { order, format, gaps, excess, group, resources, .. } = Selection::default();
        Self {
            path: "sample".into(),
            day: None,
            order,
            format,
            from: None,
            to: None,
            step_s: None,
            gaps,
            excess,
            group,
            resources,
            columns: Columns::new(),
        }
    }
}

/// `[policy]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PolicySpec {
    /// Which hosts are overloaded?
    pub overload: Choice<DetectorSpec>,
    /// Who answers where `overload` cannot tell yet.
    pub fallback: Choice<DetectorSpec>,
    /// Which hosts could be emptied?
    pub underload: Choice<UnderloadSpec>,
    /// Which VM leaves?
    pub select: Choice<SelectorSpec>,
    /// Where does it go?
    pub place: Choice<PlacerSpec>,
    /// Who plans whole steps, in place of the others; they still serve the initial placement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<PythonPolicy>,
    /// Whose past a host's history is (Q20).
    pub history: HistoryKind,
    /// What VMs count as when they are first placed.
    pub initial: InitialDemand,
}

impl PolicySpec {
    /// Nobody is ever moved.
    fn at_rest() -> Self {
        Self {
            overload: DetectorSpec::Never.into(),
            underload: UnderloadSpec::Never.into(),
            ..Self::default()
        }
    }
}

impl Default for PolicySpec {
    fn default() -> Self {
        Self {
            overload: DetectorSpec::Lr(Lr::default()).into(),
            fallback: DetectorSpec::Thr(Thr { threshold: 0.7 }).into(),
            underload: UnderloadSpec::LeastUtilised(LeastUtilised::default()).into(),
            select: SelectorSpec::Mmt.into(),
            place: PlacerSpec::Pabfd(PabfdSpec::default()).into(),
            plan: None,
            history: HistoryKind::default(),
            initial: InitialDemand::default(),
        }
    }
}

/// `[run]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunSection {
    /// Seeds every random stream; other than 0 it also permutes which trace drives which VM.
    pub seed: u64,
}

impl Serialize for RunSpec {
    /// The sections that are used: those of load, that of leases, or both.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut sections = to.serialize_struct("RunSpec", LOAD.len() + 3)?;
        if let Some(leases) = &self.leases {
            sections.serialize_field("leases", leases)?;
        }
        let decided = self.leases.is_none() || self.consolidated_leases().is_some();
        if decided || self.loaded_leases().is_some() {
            sections.serialize_field("trace", &self.trace)?;
            sections.serialize_field("fleet", &self.fleet)?;
            if decided {
                sections.serialize_field("policy", &self.policy)?;
                sections.serialize_field("consolidation", &self.consolidation)?;
            }
            sections.serialize_field("demand", &self.demand)?;
            sections.serialize_field("host", &self.host)?;
            if decided {
                sections.serialize_field("migration", &self.migration)?;
                if self.failures != Failures::default() {
                    sections.serialize_field("failures", &self.failures)?;
                }
                if let Some(outages) = &self.outages {
                    sections.serialize_field("outages", outages)?;
                }
                if let Some(sites) = &self.sites {
                    sections.serialize_field("sites", sites)?;
                }
            }
            sections.serialize_field("accounting", &self.accounting)?;
        }
        if let Some(costs) = &self.costs {
            sections.serialize_field("costs", costs)?;
        }
        sections.serialize_field("run", &self.run)?;
        sections.end()
    }
}

/// The sections of a run of load, which one of leases without load does not have.
const LOAD: [&str; 11] = [
    "trace",
    "fleet",
    "policy",
    "consolidation",
    "demand",
    "host",
    "migration",
    "outages",
    "sites",
    "failures",
    "accounting",
];

/// Those of them that leases do not have even if they carry load: nobody moves their VMs.
const DECISIONS: [&str; 6] =
    ["policy", "consolidation", "migration", "outages", "sites", "failures"];

impl RunSpec {
    /// Refuses a run of leases where only load is dealt with; `name` is what problems call the
    /// spec, `verb` what is not done with leases yet.
    ///
    /// # Errors
    /// GLN-206 when the spec has a section `[leases]`.
    pub fn check_load(&self, name: &str, verb: &str) -> Result<(), Error> {
        let place = format!("{name}, [leases]");
        let what = format!("runs of leases are not {verb} yet");
        let remedy = "Use `galerna run`, and `galerna check` on its folder";
        match self.leases {
            None => Ok(()),
            Some(_) => Err(Problem::new("GLN-206", place, what, remedy).into()),
        }
    }

    /// The spec with every default filled in, as TOML.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a run spec has a TOML form")
    }

    /// BLAKE3 of the resolved spec: what was run, whatever file it came from.
    pub fn blake3(&self) -> String {
        blake3::hash(self.to_toml().as_bytes()).to_hex().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A resolved spec that leaves a section out is another run when it is run again.
    #[test]
    fn a_resolved_spec_is_read_as_the_same_with_every_section() {
        let texts = [
            "[failures]\nper-hour = 0.5\n[migration]\nmodel = \"pre-copy\"\nsla = \"measured\"\n",
            "[costs]\nenergy-price = { steps = [[0, 0.1], [60, 0.2]], then = \"hold\" }\n\
             vm-hour-price = [1, 2, 3, 4]\nsla = [{ from = 0, credit = 5 }]\n",
            "[outages]\nlist = [{ start-s = 0, end-s = 60, host = 3 }, \
             { start-s = 7, end-s = 9, rack = 1 }]\nrack-hosts = 20\n\
             host = { mtbf-h = 900, mttr-h = 4, repair = \"lognormal\" }\n\
             priority = [2, 1, 0, 0]\n",
            "[leases]\nload = \"replayed\"\n[host]\nmemory = \"enforced\"\n[run]\nseed = 3\n",
        ];
        for text in texts {
            let spec = parse(text, "x.toml", Vec::new()).unwrap();
            let again = parse(&spec.to_toml(), "again", Vec::new()).unwrap();
            assert_eq!(again, spec, "{text}");
            let json = serde_json::to_string(&spec).unwrap();
            assert_eq!(serde_json::from_str::<RunSpec>(&json).unwrap().to_toml(), spec.to_toml());
        }
    }
}
