//! What happened when, as a picture: bars over time, and curves below.
//!
//! A [`Gantt`] is drawn as SVG, or as a page of its own that holds it. It knows nothing of what it
//! shows: rows with bars, a legend, and panels of step curves over the same time. What is drawn of
//! a run has a file each: [`moves`].
//!
//! ```
//! use galerna::draw::{Bar, Gantt, Row};
//!
//! let bar = Bar { from: 0.0, to: 2.5, class: 0, note: "copied".into() };
//! let rows = vec![Row { label: "vm 7".into(), bars: vec![bar] }];
//! let legend = vec!["bulk".into()];
//! let chart = Gantt { title: "One move".into(), legend, rows, panels: Vec::new() };
//! assert!(chart.svg().starts_with("<svg"));
//! assert!(chart.page().contains("<title>One move</title>"));
//! ```

mod axis;
mod gantt;
mod moves;

pub use gantt::{Bar, Curve, Gantt, Panel, Row};
pub use moves::{View, moves};
