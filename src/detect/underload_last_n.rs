//! Underload by the mean of the latest samples: one quiet sample does not empty a host.
//!
//! ```text
//! underloaded <=> (h_(k-n+1) + .. + h_k) / n <= threshold
//! ```
//!
//! `h`: past utilisation of the host up to now (fractions of capacity); `n`: how many samples are
//! averaged, all there are while there are fewer; without any the host is not underloaded. Of the
//! underloaded hosts the emptiest now is tried first.
//!
//! Source: OpenStack Neat, `last_n_average_threshold` for underload (Beloglazov and Buyya,
//! Concurrency Computat.: Pract. Exper. 27(5), 2015), with its defaults.

use serde::{Deserialize, Serialize};

use super::least_utilised::emptiest_first;
use super::{Occupancy, UnderloadDetector};
use crate::id::HostId;
use crate::policy::PolicyError;
use crate::stats::mean;

/// Static underload threshold on the mean of the latest samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UnderloadLastN {
    /// Fraction of capacity up to which a host is underloaded, at least 0.
    pub threshold: f64,
    /// How many samples are averaged, at least 1.
    pub n: usize,
}

impl Default for UnderloadLastN {
    fn default() -> Self {
        Self { threshold: 0.5, n: 2 }
    }
}

impl UnderloadDetector for UnderloadLastN {
    fn name(&self) -> &str {
        "last-n"
    }
    fn window(&self) -> usize {
        self.n
    }
    fn candidates(&mut self, active: &[Occupancy<'_>]) -> Result<Vec<HostId>, PolicyError> {
        let average =
            |host: &Occupancy<'_>| mean(&host.history[host.history.len().saturating_sub(self.n)..]);
        let quiet = |host: &&Occupancy<'_>| average(host).is_some_and(|u| u <= self.threshold);
        Ok(emptiest_first(active.iter().filter(quiet)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Means of the last two: (.9 + .1) / 2 = .5, (.2 + 1) / 2 = .6, .3, and none.
    #[test]
    fn hosts_are_judged_by_their_past_and_tried_by_their_load() {
        let pasts: [&[f64]; 4] = [&[0.0, 0.9, 0.1], &[0.2, 1.0], &[0.3, 0.3], &[]];
        let hosts = pasts.iter().zip([0.1, 0.0, 0.3, 0.0]).enumerate();
        let active: Vec<Occupancy<'_>> = hosts
            .map(|(i, (&history, utilisation))| Occupancy {
                host: HostId(i as u32),
                utilisation,
                history,
            })
            .collect();
        let order = UnderloadLastN::default().candidates(&active).unwrap();
        assert_eq!(order, [HostId(0), HostId(2)]);
    }
}
