//! What an offer costs: its node-hours, and the hours that those it displaces lose.
//!
//! ```text
//! price = r (sum over parts of n t + sum over displaced of n (m / s + m / l) / 3600)
//! ```
//!
//! | symbol | meaning | range |
//! |---|---|---|
//! | `r` | price of a node for an hour | from 0 on |
//! | `n` | nodes | |
//! | `t` | hours | |
//! | `m` | memory of a node, MB | |
//! | `s`, `l` | rates of saving and loading memory, MB/s | above 0 |
//!
//! Source: Haizea 1.1, pricing policies: a base of hours x nodes x rate, and a surcharge for the
//! hours that preempted leases spend on being suspended and resumed.

use super::{Offer, Planner};
use crate::model::lease::MEMORY;

const HOUR_S: f64 = 3600.0;

/// Prices and rates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tariff {
    /// Price of a node for an hour.
    pub node_hour: f64,
    /// MB/s at which memory is saved.
    pub suspend_mb_s: f64,
    /// MB/s at which memory is loaded.
    pub resume_mb_s: f64,
}

impl Default for Tariff {
    fn default() -> Self {
        Self { node_hour: 1.0, suspend_mb_s: 32.0, resume_mb_s: 32.0 }
    }
}

impl Tariff {
    /// What `offer` of `planner` costs.
    ///
    /// ```
    /// use galerna::lease::planner::{Answer, Planner, Request, Tariff, need};
    /// use galerna::model::lease::Site;
    /// use galerna::time::{Instant, Span};
    ///
    /// let mut planner = Planner::new(Site::uniform(4, 100, 1024));
    /// let (noon, need) = (Instant::from_seconds(43_200.0), need([100, 1024]));
    /// let duration = Span::from_seconds(7200.0);
    /// let request = Request { nodes: 3, need, duration, earliest: noon, latest: noon };
    /// let Answer::Room(offer) = planner.ask(&request, 0)? else { panic!() };
    /// let tariff = Tariff { node_hour: 0.5, ..Tariff::default() };
    /// assert_eq!(tariff.price(&planner, &offer), 3.0);
    /// # Ok::<(), galerna::lease::planner::PlanError>(())
    /// ```
    pub fn price(&self, planner: &Planner, offer: &Offer) -> f64 {
        let hours = |part: &super::Part| (part.end - part.start).seconds() / HOUR_S;
        let own: f64 = offer.parts.iter().map(|p| p.hosts.len() as f64 * hours(p)).sum();
        let displaced = offer.displaces.iter().filter_map(|&id| planner.reservation(id).ok());
        let lost: f64 = displaced
            .map(|reserved| {
                let memory = reserved.need[MEMORY] as f64;
                let seconds = memory / self.suspend_mb_s + memory / self.resume_mb_s;
                reserved.hosts.len() as f64 * seconds / HOUR_S
            })
            .sum();
        self.node_hour * (own + lost)
    }
}
