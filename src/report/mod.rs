//! Pictures of finished runs: what ran where and when.
//!
//! A [`Gantt`] is a drawing of a run of leases by host, as SVG or in a page that needs nothing but
//! itself.

mod band;
mod gantt;
mod lanes;
mod page;
mod scale;

pub use gantt::Gantt;
