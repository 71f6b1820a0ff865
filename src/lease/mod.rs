//! Which lease runs when and where?
//!
//! Leases are asked for over time; each is placed on hosts of a site for a time, refused, or put
//! into a queue. Reservations start exactly when they say; best-effort leases wait for a gap and
//! may be displaced: their memory is saved and they are resumed later, perhaps elsewhere. What a
//! site does is its [`LeaseRules`]; what became of each lease is a [`Schedule`].
//!
//! ```
//! use galerna::lease::{LeasePolicies, LeaseRules, Scheduler, format};
//! use galerna::model::lease::Site;
//!
//! // Old LWF: submitted at 0 s, best effort (-1), 60 s, of these 50 s really, on 2 hosts.
//! let workload = format::read_old_lwf("two.lwf", "0 -1 60 50 2 1 512 0 none 0\n".as_bytes())?;
//! let rules = LeaseRules::default();
//! let policies = LeasePolicies::new(&rules);
//! let site = Site::uniform(4, 100, 1024);
//! let mut scheduler = Scheduler::new(&site, &workload.leases, rules, policies);
//! while let Some(now) = scheduler.next_instant() {
//!     scheduler.step(now)?;
//! }
//! let schedule = scheduler.finish();
//! assert_eq!(schedule.leases[0].end.map(|end| end.seconds()), Some(50.0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Source: Sotomayor, Keahey, Foster, "Combining Batch Execution and Leasing Using Virtual
//! Machines", HPDC 2008; Haizea 1.0 and 1.1, whose decisions the presets reproduce.

mod adjustment;
mod admission;
mod advance;
mod best_effort;
mod company;
mod deadline;
mod deadline_mapper;
pub mod decision;
mod decision_words;
mod estimate;
pub mod format;
pub mod generate;
mod happen;
mod host_selection;
mod life;
mod mapper;
mod mapping;
mod notes;
mod obstacle;
mod overhead;
mod plan;
pub mod planner;
mod preemption;
mod premature;
mod prepare;
mod pricing;
mod reservation;
mod rules;
mod schedule;
mod scheduler;
mod shifting;
mod site_rules;
mod slots;
mod state;
mod summary;
mod table;

pub use adjustment::{Adjustment, Lengthened};
pub use admission::{AdmissionPolicy, AdmissionSpec};
pub use host_selection::{HostSelection, HostSelectionSpec, HostStatus};
pub use mapping::{HostRoom, MappingPolicy, MappingQuestion};
pub use notes::{Interest, Notes};
pub use preemption::{Preemptee, PreemptionPolicy, PreemptionSpec};
pub use pricing::{PricingPolicy, PricingSpec, RATE, highest_rate};
pub use rules::{
    Backfilling, ColdMigration, Estimate, Exclusion, LeaseRules, Mapping, Oddities, Suspension,
};
pub use schedule::{Schedule, UseOfCpu};
pub use scheduler::{LeasePolicies, RunChange, Scheduler};
pub use shifting::{LowestRate, ShiftBy, ShiftingPolicy, ShiftingSpec, lowest};
pub use state::is_legal;
pub use summary::{LateStarts, LeaseSummary, bounded_slowdown, wait_s};
