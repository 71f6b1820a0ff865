//! A Markov chain of 16 levels of utilisation per series.
//!
//! ```text
//! P(i -> j) = (n_ij + 1/16) / (n_i + 1)      p(t + h) = p(t) P^h
//! point: sum_j p_j m_j      quantile: the level at which the cumulated p passes
//! ```
//!
//! `n_ij`: transitions counted so far, halved whenever a count is full; `m_j`: middle of level `j`
//! of `[0, cap]`. Within a level the quantile is linear.

use super::asked::Asked;
use super::bank::Model;

/// Levels.
const LEVELS: usize = 16;

/// A chain over levels of utilisation.
#[derive(Debug, Clone)]
pub struct Markov {
    asked: Asked,
}

/// Transitions counted, and where the series is.
#[derive(Debug, Clone)]
pub struct Counts {
    counts: [[u8; LEVELS]; LEVELS],
    level: Option<u8>,
}

impl Markov {
    /// A chain as the answer to what is asked.
    pub fn new(asked: &Asked) -> Self {
        Self { asked: asked.clone() }
    }

    fn level(&self, value: f32) -> usize {
        ((value / self.asked.cap * LEVELS as f32) as usize).min(LEVELS - 1)
    }

    fn quantile(&self, chances: &[f32; LEVELS], level: f32) -> f32 {
        let (mut below, width) = (0.0, self.asked.cap / LEVELS as f32);
        for (at, &chance) in chances.iter().enumerate() {
            if below + chance >= level {
                let within = if chance > 0.0 { (level - below) / chance } else { 0.0 };
                return (at as f32 + within) * width;
            }
            below += chance;
        }
        self.asked.cap
    }
}

impl Model for Markov {
    type State = Counts;
    fn state(&self) -> Counts {
        Counts { counts: [[0; LEVELS]; LEVELS], level: None }
    }

    fn update(&self, state: &mut Counts, value: f32) {
        let now = self.level(value);
        if let Some(before) = state.level {
            let row = &mut state.counts[usize::from(before)];
            if row[now] == u8::MAX {
                row.iter_mut().for_each(|count| *count /= 2);
            }
            row[now] += 1;
        }
        state.level = Some(now as u8);
    }

    fn predict(&self, state: &Counts, row: &mut [f32]) {
        let mut chances = [0.0; LEVELS];
        chances[usize::from(state.level.unwrap_or(0))] = 1.0;
        let (mut done, width) = (0, self.asked.cap / LEVELS as f32);
        let each = row.chunks_exact_mut(self.asked.per_horizon());
        for (cells, &horizon) in each.zip(&self.asked.horizons) {
            while done < horizon {
                let mut next = [0.0; LEVELS];
                for (row, chance) in state.counts.iter().zip(chances) {
                    let total: u32 = row.iter().map(|&count| u32::from(count)).sum();
                    for (cell, &count) in next.iter_mut().zip(row) {
                        let weight = f32::from(count) + 1.0 / LEVELS as f32;
                        *cell += chance * weight / (total as f32 + 1.0);
                    }
                }
                (chances, done) = (next, done + 1);
            }
            let middle = |(at, chance): (usize, &f32)| (at as f32 + 0.5) * width * chance;
            cells[0] = chances.iter().enumerate().map(middle).sum();
            for (cell, &level) in cells[1..].iter_mut().zip(&self.asked.quantiles) {
                *cell = self.quantile(&chances, level);
            }
        }
    }

    fn has_quantiles(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::bank::row_after;

    /// A series that flips between level 0 (middle 1/32) and level 8 (17/32), 100 times: from level
    /// 8 it goes to 0 with weight 99 + 1/16 of 100, so that one step ahead is near 1/32.
    #[test]
    fn the_chain_learns_an_alternation() {
        let asked = Asked { quantiles: vec![0.5], horizons: vec![1, 2], ..Asked::default() };
        let flips: Vec<f32> = (0..200).map(|k| if k % 2 == 0 { 0.0 } else { 0.5 }).collect();
        let row = row_after(Markov::new(&asked), &asked, &flips);
        assert!((row[0] - 1.0 / 32.0).abs() < 0.01, "{row:?}");
        assert!((row[2] - 17.0 / 32.0).abs() < 0.01, "{row:?}");
        assert!(row[1] < 1.0 / 16.0 && row[3] > 0.5);
    }
}
