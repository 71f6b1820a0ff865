//! MHOD, Markov host overload detection: a VM leaves an overloaded host when no policy of waiting
//! would keep the host within its share of overload.
//!
//! ```text
//! overloaded <=> u is in the last state, it may stay there (P_NN > 0), and no policy m of
//!                migrating keeps (c + y + L_N(m)) / (c + T + sum L_i(m)) <= otf
//! ```
//!
//! States divide utilisation `u` (fraction of capacity): state `j` up to the `j`th limit, the last
//! one above. `P`: transition probabilities, estimated from the host's past over windows of several
//! sizes ([`multisize`]); `L(m)`: expected samples in each state before a VM migrates
//! ([`sojourn`]); `T`, `y`: decisions at which the host had VMs, and was overloaded; `c`: the
//! longest copy from the host in samples; `otf`: share of its time that a host may be overloaded
//! ([`policy`]).
//!
//! Source: Beloglazov and Buyya, IEEE Trans. Parallel Distrib. Syst. 24(7), 2013, as in OpenStack
//! Neat (`mhod`), whose defaults these are. Neat solves two states on a grid, `search = "grid"`;
//! it takes the mean copy time of a host's VMs where this takes the longest, and says "no" while it
//! is learning (here the fallback answers). `P` is learned anew at each question from the history
//! that the host has, or would have, then.

pub mod multisize;
pub mod policy;
pub mod sojourn;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::overload_time::{OverloadTimes, Times};
use super::{HostLoad, OverloadDetector, Verdict};
use crate::policy::PolicyError;
use crate::time::Instant;

use multisize::Multisize;
use policy::{Goal, Search, exact, on_grid};

/// Markov host overload detection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Mhod {
    /// Where each state but the last ends, fractions of capacity, ascending.
    pub states: Vec<f64>,
    /// Share of its time that a host may be overloaded, 0 to 1.
    pub otf: f64,
    /// Samples of history it learns from, at most.
    pub history: usize,
    /// Window sizes, samples, ascending.
    pub windows: Vec<usize>,
    /// Samples of history below which the verdict is `Unknown`.
    pub learning_steps: usize,
    /// How a policy is searched for.
    pub search: Search,
    /// Step of the grid, above 0, at most 1; used with `search = "grid"` only.
    pub step: f64,
}

impl Default for Mhod {
    fn default() -> Self {
        Self {
            states: vec![0.8],
            otf: 0.1,
            history: 500,
            windows: (3..=10).map(|tens| tens * 10).collect(),
            learning_steps: 10,
            search: Search::Exact,
            step: 0.5,
        }
    }
}

impl Mhod {
    /// The state of a host of this utilisation.
    pub fn state(&self, utilisation: f64) -> usize {
        let below = |&limit: &f64| utilisation < limit;
        self.states.iter().position(below).unwrap_or(self.states.len())
    }

    /// The policy that keeps the goal from state `now` on, `None` if there is none: then a VM has
    /// to migrate.
    pub fn policy(&self, now: usize, transitions: &[Vec<f64>], goal: &Goal) -> Option<Vec<f64>> {
        match self.search {
            Search::Exact => exact(now, transitions, goal),
            Search::Grid => on_grid(now, transitions, goal, self.step),
        }
    }
}

/// MHOD at work: it remembers every host's times.
#[derive(Debug, Clone)]
pub struct MhodDetector {
    spec: Mhod,
    times: OverloadTimes,
    windows: Multisize,
    path: Vec<u8>,
    /// Transitions by path, of this decision: most VMs change no state of a host's past.
    known: HashMap<Vec<u8>, Vec<Vec<f64>>>,
    known_at: Option<Instant>,
}

impl MhodDetector {
    /// For one run.
    pub fn new(spec: Mhod) -> Self {
        let windows = Multisize::new(&spec.windows, spec.states.len() + 1);
        let (times, path, known) = Default::default();
        Self { spec, times, windows, path, known, known_at: None }
    }

    /// How long each host has been watched and overloaded.
    pub fn times(&self) -> &OverloadTimes {
        &self.times
    }

    /// Transition probabilities learned from `history`.
    pub fn learn(&mut self, history: &[f64]) -> &mut Multisize {
        let Self { spec, windows, .. } = self;
        windows.learn(history.iter().map(|&utilisation| spec.state(utilisation)));
        windows
    }

    /// Whether a policy of waiting keeps the goal, from the last state on.
    fn waits(&mut self, load: &HostLoad<'_>, goal: &Goal) -> bool {
        if self.known_at != Some(load.at) {
            self.known_at = Some(load.at);
            self.known.clear();
        }
        let history = load.latest(self.spec.history);
        self.path.clear();
        self.path.extend(history.iter().map(|&utilisation| self.spec.state(utilisation) as u8));
        if !self.known.contains_key(&self.path) {
            let transitions = self.learn(history).transitions();
            self.known.insert(self.path.clone(), transitions);
        }
        let (transitions, last) = (&self.known[&self.path], self.spec.states.len());
        transitions[last][last] == 0.0 || self.spec.policy(last, transitions, goal).is_some()
    }
}

impl OverloadDetector for MhodDetector {
    fn name(&self) -> &str {
        "mhod"
    }
    fn window(&self) -> usize {
        self.spec.history
    }
    fn assess(&mut self, load: HostLoad<'_>) -> Result<Verdict, PolicyError> {
        let (state, last) = (self.spec.state(load.now), self.spec.states.len());
        let Times { total, overloaded } = self.times.observe(&load, state == last);
        if load.history.len() < self.spec.learning_steps {
            return Ok(Verdict::Unknown);
        }
        if state < last {
            return Ok(Verdict::Normal);
        }
        let goal = Goal {
            otf: self.spec.otf,
            copy: load.copy_intervals,
            total: total.into(),
            overloaded: overloaded.into(),
        };
        Ok(if self.waits(&load, &goal) { Verdict::Normal } else { Verdict::Overloaded })
    }
    fn words(&self, load: HostLoad<'_>) -> Option<String> {
        if load.history.len() < self.spec.learning_steps {
            return None;
        }
        let (state, last) = (self.spec.state(load.now), self.spec.states.len());
        let Times { total, overloaded } = self.times.with(&load, state == last);
        let mut learner = self.clone();
        let stays = learner.learn(load.latest(self.spec.history)).probability(last, last);
        let (now, otf) = (load.now, self.spec.otf);
        Some(format!(
            "load {now:.3}, state {state} of 0 to {last}; overloaded {overloaded} of {total} \
             samples, goal {otf:.3}; stays overloaded with probability {stays:.3}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_begins_at_its_lower_limit() {
        let spec = Mhod { states: vec![0.4, 0.7], ..Mhod::default() };
        let states = [0.0, 0.39, 0.4, 0.69, 0.7, 1.3].map(|u| spec.state(u));
        assert_eq!(states, [0, 0, 1, 1, 2, 2]);
    }

    /// The verdict of the last of these loads, each a decision.
    fn last_verdict(spec: &Mhod, loads: &[f64]) -> Verdict {
        let mut detector = MhodDetector::new(spec.clone());
        let mut verdict = Verdict::Unknown;
        for seen in 1..=loads.len() {
            let at = Instant::from_seconds(300.0 * seen as f64);
            let load = HostLoad { at, ..HostLoad::alone(loads[seen - 1], &loads[..seen]) };
            verdict = detector.assess(load).unwrap();
        }
        verdict
    }

    /// 38 quiet samples and two of overload: migrating now gives (1 + 2 + 1) / (1 + 40 + 1), below
    /// a tenth. Half of 40 samples overloaded, in long spells: far above, and waiting only adds to
    /// it. The same half by turns, never twice in a row: P_NN = 0, so it is left to pass.
    #[test]
    fn a_rare_spike_is_borne_and_a_long_spell_is_not() {
        let spec = Mhod { windows: vec![10, 20], ..Mhod::default() };
        let rare: Vec<f64> = (0..40).map(|k| if k >= 38 { 0.9 } else { 0.5 }).collect();
        let spells: Vec<f64> = (0..40).map(|k| if k / 10 % 2 == 1 { 0.9 } else { 0.5 }).collect();
        let turns: Vec<f64> = (0..40).map(|k| if k % 2 == 1 { 0.9 } else { 0.5 }).collect();
        for search in [Search::Exact, Search::Grid] {
            let spec = Mhod { search, ..spec.clone() };
            assert_eq!(last_verdict(&spec, &rare), Verdict::Normal);
            assert_eq!(last_verdict(&spec, &spells), Verdict::Overloaded);
            assert_eq!(last_verdict(&spec, &turns), Verdict::Normal);
            assert_eq!(last_verdict(&spec, &spells[..9]), Verdict::Unknown);
            assert_eq!(last_verdict(&spec, &spells[..30]), Verdict::Normal);
        }
    }
}
