//! What does a VM write, where only its size and its CPU are known?
//!
//! One rule serves VMs of all sizes: sizes are fractions of the memory in use, rates are pages per
//! second. `from-cpu` alone looks at the VM's load when the migration begins: `rate` pages per
//! second at the full rate of the VM, in proportion below. The functions themselves are those of
//! [`Dirty`].

use serde::{Deserialize, Serialize};

use super::dirty::Dirty;
use crate::problem::Problem;

/// A dirty-page function for VMs of any size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
#[serde(deny_unknown_fields)]
pub enum DirtyRule {
    /// Nothing.
    Idle,
    /// One page after the other.
    Constant {
        /// Pages per second.
        rate: f64,
        /// Fraction of the used memory.
        working_set: f64,
    },
    /// Any page of the working set alike.
    Uniform {
        /// Pages per second.
        rate: f64,
        /// Fraction of the used memory.
        working_set: f64,
    },
    /// Two classes of pages.
    HotCold {
        /// Pages per second.
        rate: f64,
        /// Fraction of the used memory.
        working_set: f64,
        /// Fraction of the working set that is hot.
        hot: f64,
        /// Share of the writes that goes to hot pages alone.
        share: f64,
    },
    /// Two slopes.
    Mvm {
        /// Fraction of the used memory that is hot.
        hot: f64,
        /// Seconds until all of it is written.
        hot_s: f64,
        /// Pages per second beyond.
        cold_rate: f64,
    },
    /// Straight lines between `[seconds, pages]`.
    Measured {
        /// At least two points, ascending.
        points: Vec<(f64, f64)>,
    },
    /// Uniform, at a rate in proportion to the CPU.
    FromCpu {
        /// Pages per second at the full rate of the VM.
        rate: f64,
        /// Fraction of the used memory.
        working_set: f64,
    },
}

impl Default for DirtyRule {
    fn default() -> Self {
        Self::FromCpu { rate: 5000.0, working_set: 0.1 }
    }
}

impl DirtyRule {
    /// What a VM with `used` pages in use writes at `cpu` of its nominal rate.
    pub fn of(&self, used: f64, cpu: f64) -> Dirty {
        match *self {
            Self::Idle => Dirty::Idle,
            Self::Constant { rate, working_set } => {
                Dirty::Constant { rate, working_set: working_set * used }
            }
            Self::Uniform { rate, working_set } => {
                Dirty::Uniform { rate, working_set: working_set * used }
            }
            Self::HotCold { rate, working_set, hot, share } => {
                let working_set = working_set * used;
                Dirty::HotCold { rate, working_set, hot: hot * working_set, share }
            }
            Self::Mvm { hot, hot_s, cold_rate } => Dirty::Mvm { hot: hot * used, hot_s, cold_rate },
            Self::Measured { ref points } => Dirty::Measured(points.as_slice().into()),
            Self::FromCpu { rate, working_set } => {
                Dirty::Uniform { rate: rate * cpu, working_set: working_set * used }
            }
        }
    }

    /// Everything that is out of range, GLN-311, or falls, GLN-313.
    pub fn problems(&self, place: &str) -> Vec<Problem> {
        let (mut fractions, mut rates, mut times) = (Vec::new(), Vec::new(), Vec::new());
        match *self {
            Self::Idle => {}
            Self::Constant { rate, working_set }
            | Self::Uniform { rate, working_set }
            | Self::FromCpu { rate, working_set } => {
                fractions.push(("working-set", working_set));
                rates.push(("rate", rate));
            }
            Self::HotCold { rate, working_set, hot, share } => {
                fractions.extend([("working-set", working_set), ("hot", hot), ("share", share)]);
                rates.push(("rate", rate));
            }
            Self::Mvm { hot, hot_s, cold_rate } => {
                fractions.push(("hot", hot));
                rates.push(("cold-rate", cold_rate));
                times.push(("hot-s", hot_s));
            }
            Self::Measured { ref points } => return measured_problems(points, place),
        }
        let within = |value: f64, low: bool, most: f64| {
            value.is_finite() && value <= most && (value > 0.0 || low && value == 0.0)
        };
        let fractions =
            fractions.into_iter().map(|(n, v)| (n, v, within(v, true, 1.0), "from 0 to 1"));
        let rates = rates.into_iter().map(|(n, v)| (n, v, within(v, true, 1e12), "0 or more"));
        let times = times.into_iter().map(|(n, v)| (n, v, within(v, false, 1e12), "above 0"));
        let wrong = fractions.chain(rates).chain(times).filter(|&(_, _, sound, _)| !sound);
        wrong
            .map(|(name, value, _, expected)| {
                let what = format!("found {value}, expected {expected}");
                let place = format!("{place}.{name}");
                Problem::new("GLN-311", place, what, "Write a value in that range")
            })
            .collect()
    }
}

fn measured_problems(points: &[(f64, f64)], place: &str) -> Vec<Problem> {
    let sound = |&(at, pages): &(f64, f64)| at.is_finite() && pages.is_finite() && pages >= 0.0;
    let place = format!("{place}.points");
    let rising = points.windows(2).all(|pair| pair[0].0 < pair[1].0);
    if points.len() < 2 || !points.iter().all(sound) || !rising {
        let what = "no ascending times with page counts of 0 or more, at least two";
        let remedy = "Write e.g. [[0.5, 900], [1, 1500], [2, 2100]]";
        return vec![Problem::new("GLN-311", place, what, remedy)];
    }
    let fall = points.windows(2).find(|pair| pair[1].1 < pair[0].1);
    let problem = fall.map(|pair| {
        let what =
            format!("dirty pages fall from {} to {} at {} s", pair[0].1, pair[1].1, pair[1].0);
        let remedy = "Count distinct pages since the start: that number never falls";
        Problem::new("GLN-313", place, what, remedy)
    });
    problem.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_read_with_its_kind_and_checked() {
        let rule: DirtyRule = toml::from_str(
            "kind = \"hot-cold\"\nrate = 9\nworking-set = 2\nhot = 0.1\nshare = 0.9",
        )
        .expect("it is well formed");
        let problems = rule.problems("dirty");
        assert_eq!(problems.len(), 1);
        assert!(problems[0].to_string().starts_with("GLN-311 dirty.working-set: found 2"));
        let falling = DirtyRule::Measured { points: vec![(1.0, 9.0), (2.0, 8.0)] };
        assert!(falling.problems("d")[0].to_string().contains("fall from 9 to 8 at 2 s"));
    }
}
