//! Is a load of exactly the limit overload?

use serde::{Deserialize, Serialize};

use super::Verdict;

/// What a load of exactly the limit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AtLimit {
    /// No overload yet, as in CloudSim.
    #[default]
    Normal,
    /// Overload, as in OpenStack Neat.
    Overloaded,
}

impl AtLimit {
    /// The verdict on `load`.
    #[inline]
    pub fn judge(self, load: f64, limit: f64) -> Verdict {
        if load > limit || (load == limit && self == Self::Overloaded) {
            Verdict::Overloaded
        } else {
            Verdict::Normal
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_differ_at_the_limit_only() {
        for (load, normal, overloaded) in [
            (0.7, Verdict::Normal, Verdict::Normal),
            (0.8, Verdict::Normal, Verdict::Overloaded),
            (0.9, Verdict::Overloaded, Verdict::Overloaded),
        ] {
            assert_eq!(AtLimit::Normal.judge(load, 0.8), normal);
            assert_eq!(AtLimit::Overloaded.judge(load, 0.8), overloaded);
        }
    }
}
