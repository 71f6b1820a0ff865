//! galerna
pub mod check;
pub mod id;
pub mod model;
pub mod policy;
pub mod problem;
pub mod random;
pub mod stats;
pub mod time;
pub mod trace;
pub mod units;
