//! Advance reservations: exactly then, or not at all.
//!
//! Source: Sotomayor et al., HPDC 2008, section 4; Haizea 1.1.

use super::best_effort::Demand;
use super::decision::Hindrance;
use super::mapper::Ask;
use super::scheduler::Scheduler;
use crate::policy::PolicyError;
use crate::time::{Instant, Span};

impl Scheduler<'_> {
    /// Plans `lease` from `start` on, displacing others if the policy allows it.
    pub(super) fn reserve(&mut self, lease: u32, start: Instant) -> Result<bool, PolicyError> {
        if start < self.now {
            self.hinder(lease, || Hindrance::Past { start_s: start.seconds() });
            return Ok(false);
        }
        let duration = self.requests[lease as usize].duration;
        let shutdown = self.shutdown_estimate(lease);
        let inside = self.rules.oddities.shutdown_inside_reservation;
        let work = if inside { duration - shutdown } else { duration };
        let asked = work + shutdown;
        let ask = Ask {
            lease,
            start,
            until: start + asked,
            strict: true,
            least: asked,
            hosts: None,
            displacing: true,
        };
        let Some(mapped) = self.map(&ask)? else { return Ok(false) };
        let Some(delivery) = self.delivery(lease, start, &mapped.hosts) else {
            self.hinder(lease, || Hindrance::ImageLate { start_s: start.seconds() });
            return Ok(false);
        };
        let threshold = Span::ZERO;
        let demand = Demand { work, asked, shutdown, threshold, strict: true, resuming: false };
        let Some(outline) = self.outline(lease, &demand, start, &mapped) else { return Ok(false) };
        if !self.agrees(lease, &mapped.displaced, start)? {
            return Ok(false);
        }
        let first = self.rules.oddities.requeue_before_transfers;
        if first {
            mapped.displaced.iter().for_each(|&other| self.displace(other, start));
        }
        self.carry_out(lease, outline);
        self.deliver(lease, &mapped.hosts, delivery);
        if !first {
            mapped.displaced.iter().for_each(|&other| self.displace(other, start));
        }
        Ok(true)
    }
}
