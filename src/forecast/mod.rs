//! What will the load be, and how sure is that?
//!
//! A [`Forecaster`] is fitted on a [`Panel`] (or needs no fitting), opens a [`Bank`] with one state
//! of fixed size per VM, takes one sample of every VM at a time and answers for all of them at
//! once: per horizon a point forecast and the quantiles that were asked for.
//!
//! ```text
//! asked         horizons, quantiles, cap: what a forecast is about
//! panel, bank   series to learn from; states of all VMs and their batched update and prediction
//! window        the past 96 samples of a VM with running sums and sorted windows
//! last, window_mean, window_median, window_max, window_quantile, ewma, holt, ses,
//! autoregression, markov, seasonal:  one series at a time
//! features, least_squares, ridge, quantile_regression:  one model for all series
//! random_forest, nearest_neighbours, support_vectors, gradient_boosting, auto_ets, mstl:  those
//!               of libraries, to be compared with (feature `learn`)
//! conformal     quantiles that are shifted as they miss
//! selector      per VM, horizon and level the expert that has erred least of late
//! online_logistic  weights that are learned as they are used
//! risk          the probability that a host runs short
//! overbooking   how many VMs may be promised a host together
//! ```
//!
//! What is not a number counts as missing: the value before it stands for it, and a VM without any
//! value yet has none to stand for. A VM with fewer samples than [`Asked::min_history`] is forecast
//! by its last value, one without samples by 0. Forecasts lie in `[0, cap]`, quantiles ascend.

mod asked;
#[cfg(feature = "learn")]
mod auto_ets;
mod autoregression;
mod bank;
mod conformal;
mod error;
mod ewma;
mod features;
mod fitted;
#[cfg(feature = "learn")]
mod gradient_boosting;
mod holt;
pub mod hosts;
mod last;
#[cfg(feature = "learn")]
mod learned;
mod least_squares;
mod linear;
mod logistic;
mod markov;
#[cfg(feature = "learn")]
mod mstl;
#[cfg(feature = "learn")]
mod nearest_neighbours;
mod online_logistic;
mod overbooking;
mod panel;
mod quantile_regression;
#[cfg(feature = "learn")]
mod random_forest;
#[cfg(feature = "learn")]
mod recent;
mod ridge;
pub mod risk;
mod saved;
mod seasonal;
mod selector;
mod ses;
mod sorted;
mod spec;
#[cfg(feature = "learn")]
mod support_vectors;
mod window;
mod window_max;
mod window_mean;
mod window_median;
mod window_quantile;

pub use asked::Asked;
#[cfg(feature = "learn")]
pub use auto_ets::AutoEts;
pub use autoregression::Autoregression;
pub use bank::{Bank, FitReport, Forecaster, Local, Model};
pub use error::Error;
pub use ewma::Ewma;
pub use features::{FEATURES, features};
pub use fitted::{read_fitted, write_fitted};
pub use holt::Holt;
pub use last::Last;
pub use logistic::Logistic;
pub use markov::Markov;
#[cfg(feature = "learn")]
pub use mstl::Mstl;
pub use online_logistic::OnlineLogistic;
pub use overbooking::{most_vms, promised_percent};
pub use panel::Panel;
pub use quantile_regression::QuantileRegression;
pub use ridge::Ridge;
pub use saved::{load_forecaster, save_forecaster};
pub use seasonal::Seasonal;
pub use selector::Selector;
pub use ses::Ses;
pub use spec::{ForecasterSpec, KINDS};
pub use window::Window;
pub use window_max::WindowMax;
pub use window_mean::WindowMean;
pub use window_median::WindowMedian;
pub use window_quantile::WindowQuantile;
