//! How good are forecasts and detectors? Forecast verification on real traces.
//!
//! ```text
//! split     which part trains, which calibrates, which tests; they may not overlap
//! trial     forecasts of a model at every origin of the test part, made through its bank
//! score     errors, pinball losses, coverage against what came; bootstrap by series
//! ceiling   how much of the naive error can be saved at all
//! average_precision, reliability:  how well probabilities rank and how true they are
//! overload  detectors and risk models on drawn hosts
//! external  forecasts that others made of the same points
//! evaluation  models judged one after the other on the same points
//! report    all of it as one object, as tables, as Markdown
//! ```
//!
//! Nothing of the future can leak: panels end where their part ends, and a forecast comes from
//! a bank that was given the samples up to its origin and no others.

mod average_precision;
mod ceiling;
mod evaluation;
mod external;
mod overload;
mod reliability;
mod report;
mod score;
mod split;
mod trial;

pub use average_precision::average_precision;
pub use ceiling::{Ceiling, ceiling};
pub use evaluation::Evaluation;
pub use external::{External, read_external, write_points};
pub use overload::{OverloadRow, Trials as OverloadTrials, overload};
pub use reliability::{Bin, Reliability, reliability};
pub use report::Report;
pub use score::{Row, score};
pub use split::{Chosen, PartSpec, Parts, Quantity};
pub use trial::{Said, Trial};
