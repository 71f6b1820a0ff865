//! Which item goes to which machine? The abstract problem, an anytime search, and a bound that says
//! how far from the best its answer can be.
//!
//! An [`Instance`] holds machines and items as columns, rules that bind them and what everything
//! costs. Each rule and each cost has a file of its own and says in a time proportional to the
//! number of resources what one more shift or swap would do; [`State`] keeps them all in step.
//! [`solve`] anneals several chains within a [`Budget`] of time or steps. It starts from where the
//! items are and never returns anything that costs more.
//!
//! | rule | file | cost | file |
//! |---|---|---|---|
//! | capacity, transient use | `capacity.rs` | load above safety | `load.rs` |
//! | conflict | `conflict.rs` | balance | `balance.rs` |
//! | spread | `spread.rs` | item, service and machine moves | `item_move.rs`, ... |
//! | dependency | `dependency.rs` | | |
//!
//! Clusters of VMs add machines that can be switched off (`power.rs`), overload in tiers
//! (`tier.rs`), budgets and an operator's rules ([`Constraint`], `rules/`). They are searched by
//! `ruin.rs`, bounded by `class_bound.rs`, repaired by `repair.rs` where the start breaks rules,
//! and drawn by [`generate`]. [`clash`] says which rules cannot be kept together;
//! `check::reassign` verifies. Costs and rules of a user's own are asked by a search of their own
//! ([`solve_extra`]).
//!
//! [`roadef`] reads the instances of the ROADEF/EURO challenge 2012; `check::roadef` verifies
//! assignments without this code.

mod anneal;
mod balance;
mod best;
mod bound;
mod budget;
mod capacity;
mod clash;
mod class_bound;
mod conflict;
mod constraint;
mod cooling;
mod dependency;
mod dice;
mod displacement;
mod error;
mod exchange;
mod extra;
pub mod generate;
mod instance;
mod item_move;
mod lists;
mod load;
mod machine_move;
mod numbers;
mod patterns;
mod power;
mod reach;
mod region;
mod reheat;
mod relaxation;
mod relaxed_value;
mod repair;
pub mod roadef;
mod roster;
mod ruin;
mod rules;
mod service_move;
mod solve;
mod spread;
mod state;
mod step;
mod terms;
mod tier;

pub use bound::{least_cost, pooled_bound};
pub use budget::Budget;
pub use clash::{Clash, clash};
pub use constraint::Constraint;
pub use error::Error;
pub use extra::{ExtraCost, ExtraRule, ExtraSolution, Extras, solve_extra};
pub use instance::{Balance, Budgets, Instance, Items, Machines, MoveWeights, Services};
pub use lists::Lists;
pub use power::{Curve, Piece, Power};
pub use rules::ceiling::Ceiling;
pub use solve::{Hints, Options, Progress, Solution, Status, gap, solve, solve_with};
pub use state::State;
pub use step::{Shift, Swap};
pub use terms::Terms;
pub use tier::Tier;
