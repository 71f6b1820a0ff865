//! THR: a fixed threshold on the host's utilisation.
//!
//! ```text
//! overloaded <=> u > threshold
//! ```
//!
//! `u`: utilisation demanded now, fraction of capacity. Higher thresholds pack tighter: less
//! energy, more SLA violations. Source: Beloglazov, Abawajy and Buyya, Future Gener. Comput. Syst.
//! 28(5), 2012, sect. 4.

use serde::{Deserialize, Serialize};

use super::{HostLoad, Linear, OverloadDetector, Verdict};
use crate::policy::PolicyError;

/// Static utilisation threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Thr {
    /// Fraction of capacity above which a host is overloaded, above 0, normally below 1.
    pub threshold: f64,
}

impl Default for Thr {
    fn default() -> Self {
        Self { threshold: 0.8 }
    }
}

impl OverloadDetector for Thr {
    fn name(&self) -> &str {
        "thr"
    }
    fn window(&self) -> usize {
        0
    }
    fn assess(&mut self, load: HostLoad<'_>) -> Result<Verdict, PolicyError> {
        Ok(if load.now > self.threshold { Verdict::Overloaded } else { Verdict::Normal })
    }
    fn words(&self, load: HostLoad<'_>) -> Option<String> {
        Some(format!("load {:.3}, threshold {:.3}", load.now, self.threshold))
    }
    fn linear(&self) -> Option<Linear> {
        Some(Linear { line: None, threshold: Some(self.threshold) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_load_above_the_threshold_is_overload() {
        let at = |now| HostLoad::alone(now, &[]);
        assert_eq!(Thr::default().assess(at(0.8)).unwrap(), Verdict::Normal);
        assert_eq!(Thr::default().assess(at(0.800_001)).unwrap(), Verdict::Overloaded);
    }
}
