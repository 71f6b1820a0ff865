//! What does a move cost, and how do copies share the network?
//!
//! A [`MigrationModel`] answers a [`Task`]: how long, how long stopped, how many bytes, whether it
//! ends at all. [`PreCopy`] follows the hypervisor's own rule and is held against measurements; the
//! published models stand beside it as rivals. [`Transfers`] carries migrations out on shared
//! links, leg by leg, whatever the model.
//!
//! ```
//! use galerna::migrate::{Channel, Constants, Dirty, Memory, MigrationModel, PreCopy, Task};
//! use galerna::units::{Bytes, BytesPerSecond};
//!
//! // 4 GiB, 1 GiB of it used; 3000 pages a second written within 64 MiB; 1 Gbit/s.
//! let dirty = Dirty::Uniform { rate: 3000.0, working_set: 16_384.0 };
//! let memory = Memory::of(Bytes::from_gib(4), Bytes::from_gib(1), dirty);
//! let task = Task::new(memory, Channel::link(BytesPerSecond(125e6)));
//! let prediction = PreCopy.predict(&task, &Constants::default(), None)?;
//! assert!(prediction.convergence.converged());
//! assert!((9.0..10.5).contains(&prediction.total_s));
//! # Ok::<(), galerna::policy::PolicyError>(())
//! ```

mod clark;
mod conduct;
mod constants;
pub mod dirty;
mod dirty_rule;
pub mod evaluate;
pub mod failure;
mod far;
pub mod features;
pub mod fit;
mod foresight;
mod full_round;
mod hybrid;
mod image;
pub mod limits;
mod liu;
mod live;
pub mod measurement;
mod mvm;
pub mod parameters;
mod post_copy;
mod pre_copy;
mod prediction;
mod program;
mod ram_over_bandwidth;
mod rounds;
mod slot;
pub mod spec;
mod stop_and_copy;
mod storage;
mod task;
mod traffic;
pub mod transaction;
mod transfers;
mod used_over_bandwidth;
mod wan;

pub use clark::Clark;
pub use conduct::{Conduct, Practice};
pub use constants::{Constants, PAGE};
pub use dirty::{Dirty, DirtyPages};
pub use dirty_rule::DirtyRule;
pub use far::Way;
pub use features::Features;
pub use full_round::FullRound;
pub use hybrid::Hybrid;
pub use image::ImageTransfer;
pub use liu::Liu;
pub use live::Live;
pub use mvm::{Mvm, duration as mvm_duration};
pub use post_copy::PostCopy;
pub use pre_copy::PreCopy;
pub use prediction::{Convergence, Prediction, Stage, Timeline};
pub use program::{Leg, Next, Passed, Program, UnderWay, program};
pub use ram_over_bandwidth::RamOverBandwidth;
pub use rounds::{MOST_ROUNDS, Pass, Rounds, Step};
pub use stop_and_copy::StopAndCopy;
pub use storage::Storage;
pub use task::{Channel, Memory, Order, Pace, Task};
pub use traffic::{Arrival, Done, Escalation, Traffic};
pub use transfers::{Due, News, Totals, TransferId, Transfers};
pub use used_over_bandwidth::UsedOverBandwidth;
pub use wan::Wan;

use std::sync::Arc;

pub use crate::model::record::StageKind;
use crate::policy::PolicyError;

/// What a model answers.
pub type Answer = Result<Prediction, PolicyError>;

/// What does a move cost?
pub trait MigrationModel: Send + Sync {
    /// Name as in the run spec.
    fn name(&self) -> &str;
    /// What `task` costs; notes the stages in `timeline` where there is one.
    ///
    /// # Errors
    ///
    /// A model of one's own may fail; the built-in ones answer every task without
    /// [problems](Task::problems).
    fn predict(&self, task: &Task, constants: &Constants, timeline: Timeline<'_>) -> Answer;
    /// A program that decides at each leg anew, where the model has one of its own.
    fn live(&self, _task: &Task, _constants: &Arc<Constants>) -> Option<Box<dyn Program>> {
        None
    }
}
