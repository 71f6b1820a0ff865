//! Auto-converge: the guest is slowed in steps until its dirty pages can be sent.
//!
//! ```text
//! at a synchronisation at least a second after the last one counted:
//!   dirtied bytes > trigger x sent bytes, for the second time
//!     -> throttle = initial, then + step each time, up to most;   D(t) becomes D((1 - throttle) t)
//! ```
//!
//! The guest runs at `1 - throttle` of its speed from then on. Source: QEMU 7.2, migration
//! parameters `throttle-trigger-threshold`, `cpu-throttle-initial`, `cpu-throttle-increment`,
//! `max-cpu-throttle`.

use serde::{Deserialize, Serialize};

use super::Range;

/// Parameters; fractions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct AutoConverge {
    /// Dirtied / sent bytes above which a period counts.
    pub trigger: f64,
    /// First throttle.
    pub initial: f64,
    /// What each further step adds.
    pub step: f64,
    /// Largest throttle, below 1.
    pub most: f64,
    /// Shortest period, s.
    pub period_s: f64,
}

impl Default for AutoConverge {
    fn default() -> Self {
        Self { trigger: 0.5, initial: 0.2, step: 0.1, most: 0.99, period_s: 1.0 }
    }
}

impl AutoConverge {
    pub(super) fn ranges(&self) -> [Range; 5] {
        [
            Range::positive("auto-converge.trigger", self.trigger),
            Range::fraction("auto-converge.initial", self.initial),
            Range::fraction("auto-converge.step", self.step),
            Range::fraction("auto-converge.most", self.most),
            Range::positive("auto-converge.period-s", self.period_s),
        ]
    }
}

/// How far a guest is slowed, round by round.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Throttle {
    /// Fraction of its speed that the guest loses.
    pub level: f64,
    strikes: u32,
    seconds: f64,
    dirtied: f64,
    sent: f64,
}

impl Throttle {
    /// A synchronisation after `seconds` in which `dirtied` bytes became dirty and `sent` bytes
    /// were sent.
    pub fn synchronised(&mut self, rule: &AutoConverge, seconds: f64, dirtied: f64, sent: f64) {
        self.seconds += seconds;
        self.dirtied += dirtied;
        self.sent += sent;
        if self.seconds < rule.period_s {
            return;
        }
        if self.dirtied > rule.trigger * self.sent {
            self.strikes += 1;
        }
        (self.seconds, self.dirtied, self.sent) = (0.0, 0.0, 0.0);
        if self.strikes >= 2 {
            self.strikes = 0;
            let next = if self.level == 0.0 { rule.initial } else { self.level + rule.step };
            self.level = next.min(rule.most);
        }
    }

    /// Whether the guest cannot be slowed further.
    pub fn is_exhausted(&self, rule: &AutoConverge) -> bool {
        self.level >= rule.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Periods of 1 s with 60 of 100 bytes dirtied: the second gives 20 %, the fourth 30 %; half a
    /// second does not count by itself.
    #[test]
    fn every_second_bad_period_slows_the_guest_further() {
        let (rule, mut throttle) = (AutoConverge::default(), Throttle::default());
        let mut after = |seconds, dirtied| {
            throttle.synchronised(&rule, seconds, dirtied, 100.0);
            throttle.level
        };
        assert_eq!([after(1.0, 60.0), after(0.5, 60.0), after(0.5, 60.0)], [0.0, 0.0, 0.2]);
        assert_eq!([after(1.0, 10.0), after(1.0, 60.0)], [0.2, 0.2]);
        assert!((after(1.0, 60.0) - 0.3).abs() < 1e-12);
    }
}
