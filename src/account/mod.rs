//! What did a run cost, and what did it bring in? The ledger, in one currency.
//!
//! ```text
//! energy         - kWh x PUE x price                     per host, month and step of the tariff
//! carbon         - kWh x PUE x intensity x price         per host, month and step of the intensity
//! instance-hours + hours x price                         per VM or lease, and month
//! rent           - hours at a public site x its price    per VM, stay and month
//! credits        - share of the month's instance-hours   per VM or lease, and month
//! penalties      - seconds short x price                 per VM
//! ```
//!
//! Amounts are what the operator gains (+) or spends (-), in whole millionths of the currency: each
//! entry is rounded once, and totals are sums of integers, so they balance exactly.
//!
//! A VM is down while a migration has stopped it and from a crash to its restart. Availability is
//! the share of the time that it was there, within a month of 30 days, in which it was not down;
//! the tiers of the contract say which share of the month's price it gives back.
//!
//! Source: the form of the contract is that of the compute service levels of the large clouds, as
//! published by them: monthly uptime percentage, service credits by tier.
//! Known difference: theirs count calendar months, and minutes without any connection.

mod energy;
mod entry;
mod instance_hours;
mod ledger;
mod money;
mod months;
mod rent;
mod service;
mod site_total;
mod summary;

pub use entry::{Account, Entry, Subject};
pub use ledger::Ledger;
pub use money::Money;
pub use site_total::SiteTotal;
pub use summary::CostSummary;
