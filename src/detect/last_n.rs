//! Last-n average: a fixed threshold on the mean of the latest samples.
//!
//! ```text
//! overloaded <=> (h_(k-n+1) + .. + h_k) / n > threshold
//! ```
//!
//! `h`: past utilisation of the host up to now (fractions of capacity); `n`: how many samples are
//! averaged, all there are while there are fewer. A single spike does not count; a rise is seen
//! late.
//!
//! Source: OpenStack Neat, `last_n_average_threshold` (Beloglazov and Buyya, Concurrency Computat.:
//! Pract. Exper. 27(5), 2015). With `n = 1` it is a static threshold on the newest sample; `thr`
//! judges the demand, which is more where a VM asks for more than one core of the host has.

use serde::{Deserialize, Serialize};

use super::{HostLoad, OverloadDetector, Verdict};
use crate::policy::PolicyError;
use crate::stats::mean;

/// Static threshold on the mean of the latest samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LastN {
    /// Fraction of capacity above which a host is overloaded, above 0.
    pub threshold: f64,
    /// How many samples are averaged, at least 1.
    pub n: usize,
}

impl Default for LastN {
    fn default() -> Self {
        Self { threshold: 0.8, n: 2 }
    }
}

impl OverloadDetector for LastN {
    fn name(&self) -> &str {
        "last-n"
    }
    fn window(&self) -> usize {
        self.n
    }
    fn assess(&mut self, load: HostLoad<'_>) -> Result<Verdict, PolicyError> {
        Ok(match mean(load.latest(self.n)) {
            None => Verdict::Unknown,
            Some(average) if average > self.threshold => Verdict::Overloaded,
            Some(_) => Verdict::Normal,
        })
    }
    fn words(&self, load: HostLoad<'_>) -> Option<String> {
        let latest = load.latest(self.n);
        let average = mean(latest)?;
        let (count, threshold) = (latest.len(), self.threshold);
        Some(format!("mean load {average:.3} of the last {count}, threshold {threshold:.3}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (.75 + 1) / 2 = .875 > .8; (.5 + 1) / 2 = .75; of .2 .75 1 the last two count; 1 alone is 1.
    #[test]
    fn only_the_mean_of_the_latest_samples_counts() {
        let verdict = |history| LastN::default().assess(HostLoad::alone(0.0, history)).unwrap();
        assert_eq!(verdict(&[0.75, 1.0]), Verdict::Overloaded);
        assert_eq!(verdict(&[0.5, 1.0]), Verdict::Normal);
        assert_eq!(verdict(&[0.2, 0.75, 1.0]), Verdict::Overloaded);
        assert_eq!(verdict(&[1.0]), Verdict::Overloaded);
        assert_eq!(verdict(&[]), Verdict::Unknown);
    }
}
