//! Pictures of finished runs, as SVG or in a page that needs nothing but itself.
//!
//! A [`Gantt`] is a run of leases by host. A [`Chart`] knows nothing of what it shows: rows of bars
//! over time, a legend, and panels of step curves below; [`moves`] makes one of the migrations of a
//! run and of the load of their links.
//!
//! ```
//! use galerna::report::{Bar, Chart, Row};
//!
//! let bar = Bar { from: 0.0, to: 2.5, class: 0, note: "copied".into() };
//! let rows = vec![Row { label: "vm 7".into(), bars: vec![bar] }];
//! let legend = vec!["bulk".into()];
//! let chart = Chart { title: "One move".into(), legend, rows, panels: Vec::new() };
//! assert!(chart.svg().starts_with("<svg"));
//! assert!(chart.page().contains("<title>One move</title>"));
//! ```

mod axis;
mod band;
mod chart;
mod gantt;
mod lanes;
mod moves;
mod page;
mod scale;

pub use chart::{Bar, Chart, Curve, Panel, Row};
pub use gantt::Gantt;
pub use moves::{View, moves};
