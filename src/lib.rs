//! galerna
pub mod check;
pub mod detect;
pub mod engine;
pub mod id;
pub mod metric;
pub mod migrate;
pub mod model;
pub mod place;
pub mod policy;
pub mod power;
pub mod problem;
pub mod random;
pub mod select;
pub mod stats;
pub mod time;
pub mod trace;
pub mod units;
