//! What did it add up to? Meters that integrate energy and service between evaluations, and the
//! published metrics computed from them.

mod cap_meter;
mod energy_series;
mod meter;
mod network_summary;
mod outage_summary;
mod ping_pong;
mod site_summary;
mod summary;

pub use cap_meter::{CapMeter, CapSummary};
pub use energy_series::EnergySeries;
pub use meter::{HostMeter, Meter, VmMeter};
pub use network_summary::{NetworkSummary, PartFigures};
pub use outage_summary::OutageSummary;
pub use ping_pong::ping_pong_rate;
pub use site_summary::{LinkFigures, PairFigures, SiteFigures, SiteSummary};
pub use summary::Summary;
