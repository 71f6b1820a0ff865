//! Is there a policy of migrating that keeps the host within its share of overload?
//!
//! ```text
//! maximise sum L_i(m)   subject to   (c + y + L_N(m)) / (c + T + sum L_i(m)) <= otf
//! over m in [0, 1]^N
//! ```
//!
//! `L(m)`: expected samples in each state before a VM migrates ([`expected_times`]); `T`, `y`:
//! samples so far, and those overloaded; `c`: a copy, in samples; state `N` is overload. If no `m`
//! keeps the constraint there is no use in waiting and a VM migrates now.
//!
//! **Exact.** With `x_i = L_i (1 - m_i)` all of this is linear: `L = p0 + x P`, `0 <= x <= L`, and
//! as denominators are positive the constraint is `c + y - otf (c + T) + sum k_i L_i <= 0` with
//! `k_i = -otf`, `1 - otf` for `i = N`. So only the least value of `sum k_i L_i` matters. That is
//! an optimal stopping problem, whose best policies migrate for certain or not at all:
//!
//! ```text
//! V_i = k_i + min(0, sum_j P_ij V_j)
//! ```
//!
//! found by value iteration from `V = k`. It falls from step to step, so the search stops as soon
//! as the constraint is met, when nothing changes any more, or [`HORIZON`] samples ahead. Rows
//! whose probabilities, each from a window of its own, sum to more than 1 are scaled to 1.
//!
//! **Grid.** OpenStack Neat tries every `m` on a grid, skips divisions by 0 and keeps the largest
//! `sum L_i` above 0. For two states this does as that program does, to the last bit.
//!
//! Source: Beloglazov and Buyya, IEEE Trans. Parallel Distrib. Syst. 24(7), 2013, sect. 5.

use serde::{Deserialize, Serialize};

use super::sojourn::{expected_times, two_states};

/// How far ahead the exact search looks, samples: more than a month of 5-minute samples.
pub const HORIZON: usize = 10_000;

/// A change of value, in samples, below which the exact search ends.
const SETTLED: f64 = 1e-12;

/// How a policy is searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Search {
    /// The optimal stopping problem, solved.
    #[default]
    Exact,
    /// Every policy on a grid, as in OpenStack Neat.
    Grid,
}

/// What a policy has to keep, in samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Goal {
    /// Share of its time that a host may be overloaded.
    pub otf: f64,
    /// `c`: how long a copy takes.
    pub copy: f64,
    /// `T`: how long the host has been watched.
    pub total: f64,
    /// `y`: how long of that it was overloaded.
    pub overloaded: f64,
}

/// A policy that keeps `goal` by looking ahead from state `now`, 1 where it migrates and 0 where it
/// does not; `None` if there is none.
pub fn exact(now: usize, transitions: &[Vec<f64>], goal: &Goal) -> Option<Vec<f64>> {
    let last = transitions.len() - 1;
    let price = |state: usize| f64::from(state == last) - goal.otf;
    let spent = goal.copy + goal.overloaded - goal.otf * (goal.copy + goal.total);
    let scales = transitions.iter().map(|row| 1.0 / row.iter().sum::<f64>().max(1.0));
    let scales: Vec<f64> = scales.collect();
    let ahead = |state: usize, value: &[f64]| {
        let dot: f64 = transitions[state].iter().zip(value).map(|(p, v)| p * v).sum();
        dot * scales[state]
    };
    let mut value: Vec<f64> = (0..=last).map(price).collect();
    let mut next = value.clone();
    for _ in 0..HORIZON {
        if spent + value[now] <= 0.0 {
            let waits = |state| if ahead(state, &value) < 0.0 { 0.0 } else { 1.0 };
            return Some((0..=last).map(waits).collect());
        }
        for (state, value_next) in next.iter_mut().enumerate() {
            *value_next = price(state) + ahead(state, &value).min(0.0);
        }
        let settled = value.iter().zip(&next).all(|(old, new)| (old - new).abs() < SETTLED);
        if settled {
            return None;
        }
        std::mem::swap(&mut value, &mut next);
    }
    None
}

/// The policy on the grid 0, `step`, 2 `step`, .. up to 1 with the longest expected time that keeps
/// `goal`; `None` if none does.
pub fn on_grid(now: usize, transitions: &[Vec<f64>], goal: &Goal, step: f64) -> Option<Vec<f64>> {
    let levels: Vec<f64> = std::iter::successors(Some(0.0), |level| Some(level + step))
        .take_while(|l| *l <= 1.0)
        .collect();
    let states = transitions.len();
    let mut best: (f64, Option<Vec<f64>>) = (0.0, None);
    for number in 0..levels.len().pow(states as u32) {
        let digit = |state: usize| {
            let place = levels.len().pow((states - 1 - state) as u32);
            levels[number / place % levels.len()]
        };
        let migrate: Vec<f64> = (0..states).map(digit).collect();
        let times = match states {
            2 => two_states(now, transitions, &migrate).map(Vec::from),
            _ => expected_times(now, transitions, &migrate),
        };
        let Some(times) = times else { continue };
        let whole: f64 = times.iter().sum();
        let last = times[states - 1];
        let fraction = (goal.copy + goal.overloaded + last) / (goal.copy + goal.total + whole);
        if fraction <= goal.otf && whole > best.0 {
            best = (whole, Some(migrate));
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Stream, below, stream};

    const GOAL: Goal = Goal { otf: 0.25, copy: 0.0, total: 9.0, overloaded: 3.0 };

    /// From overload with otf = 1/4, after 9 samples of which 3 were overloaded: migrating at once
    /// gives 4 / 10. Waiting with P = (1/2 1/2; 1/2 1/2) is no better in the long run, 1/2. With P
    /// = (9/10 1/10; 1/2 1/2) overload makes up 1/6 of the time: waiting long enough helps.
    #[test]
    fn waiting_helps_where_the_host_recovers_by_itself() {
        let even = [vec![0.5, 0.5], vec![0.5, 0.5]];
        assert_eq!(exact(1, &even, &GOAL), None);
        assert_eq!(on_grid(1, &even, &GOAL, 0.5), None);
        let calm = [vec![0.9, 0.1], vec![0.5, 0.5]];
        assert_eq!(exact(1, &calm, &GOAL), Some(vec![0.0, 0.0]));
    }

    /// No sample overloaded yet of 9, the present one makes 1 / 10 <= 1/4: any policy will do, the
    /// longest is taken: with P = (1/2 1/4; 1/2 1/4) never migrating gives L = (2, 2) and 2 / 13.
    #[test]
    fn the_grid_keeps_the_longest_time_that_is_allowed() {
        let leaky = [vec![0.5, 0.25], vec![0.5, 0.25]];
        let goal = Goal { overloaded: 0.0, ..GOAL };
        assert_eq!(on_grid(1, &leaky, &goal, 0.5), Some(vec![0.0, 0.0]));
        let strict = Goal { otf: 0.1, ..goal };
        // 1 / 10 <= .1 by migrating at once; 2 / 13 is not.
        assert_eq!(on_grid(1, &leaky, &strict, 1.0), Some(vec![0.0, 1.0]));
    }

    fn share(stream: &mut Stream) -> f64 {
        below(1000, stream) as f64 / 1000.0
    }

    /// Rows of `states` probabilities that sum to less than 1.
    fn leaky(states: usize, stream: &mut Stream) -> Vec<Vec<f64>> {
        let mut row = || {
            let parts: Vec<f64> = (0..states).map(|_| share(stream)).collect();
            let whole = parts.iter().sum::<f64>() + 0.02 + 0.1 * share(stream);
            parts.into_iter().map(|part| part / whole).collect()
        };
        (0..states).map(|_| row()).collect()
    }

    /// Whether a policy keeps the goal, but for rounding; `None` where that is too close to call.
    fn keeps(now: usize, transitions: &[Vec<f64>], goal: &Goal, policy: &[f64]) -> Option<bool> {
        let times = expected_times(now, transitions, policy).unwrap();
        let whole: f64 = times.iter().sum();
        let most = goal.otf * (goal.copy + goal.total + whole);
        let over = goal.copy + goal.overloaded + times[policy.len() - 1] - most;
        (over.abs() > 1e-7).then_some(over < 0.0)
    }

    /// Random chains of 2 to 4 states: the exact search finds a policy just where one of the
    /// corners of the grid keeps the goal, and what it finds does keep it.
    #[test]
    fn the_exact_search_agrees_with_trying_everything() {
        let mut stream = stream(1, "test");
        let (mut found, mut none) = (0, 0);
        for round in 0..600 {
            let states = 2 + round % 3;
            let transitions = leaky(states, &mut stream);
            let total = 5.0 + below(60, &mut stream) as f64;
            let overloaded = (total * share(&mut stream) * 0.5).floor();
            let goal = Goal { otf: 0.05 + 0.4 * share(&mut stream), copy: 0.1, total, overloaded };
            let now = states - 1;
            let corners = (0..1 << states).map(|bits: usize| -> Vec<f64> {
                (0..states).map(|state| (bits >> state & 1) as f64).collect()
            });
            let verdicts: Vec<Option<bool>> =
                corners.map(|policy| keeps(now, &transitions, &goal, &policy)).collect();
            if verdicts.contains(&None) {
                continue;
            }
            let possible = verdicts.contains(&Some(true));
            let policy = exact(now, &transitions, &goal);
            assert_eq!(policy.is_some(), possible, "{transitions:?} {goal:?}");
            assert_eq!(on_grid(now, &transitions, &goal, 0.25).is_some(), possible);
            match policy {
                Some(policy) => {
                    found += 1;
                    assert_eq!(keeps(now, &transitions, &goal, &policy), Some(true));
                }
                None => none += 1,
            }
        }
        assert!(found > 100 && none > 100, "{found} {none}");
    }
}
