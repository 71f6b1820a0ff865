//! In how many ways do pieces of a few sizes fill a machine? All combinations to which nothing can
//! be added.

/// Combinations of sizes that fit and to which no further piece fits.
#[derive(Debug, Clone)]
pub(super) struct Patterns {
    sizes: usize,
    /// Per combination: how many pieces of each size.
    counts: Vec<u16>,
}

impl Patterns {
    /// Most sizes for which combinations are listed.
    pub(super) const SIZES: usize = 12;

    /// Most combinations that are listed.
    const MOST: usize = 4_000;

    /// Those that fit into `room`; none where they are too many. `sizes`: ascending, above 0.
    pub(super) fn of(room: i64, sizes: &[i64]) -> Option<Self> {
        let mut patterns = Self { sizes: sizes.len(), counts: Vec::new() };
        let mut counts = vec![0; sizes.len()];
        patterns.extend(room.max(0), sizes, sizes.len(), &mut counts).then_some(patterns)
    }

    /// Fills `room` with the first `left` sizes, largest first. Whether the list is still short.
    fn extend(&mut self, room: i64, sizes: &[i64], left: usize, counts: &mut [u16]) -> bool {
        let Some(at) = left.checked_sub(1) else {
            if sizes.first().is_none_or(|&least| room < least) {
                self.counts.extend_from_slice(counts);
            }
            return self.counts.len() <= Self::MOST * self.sizes.max(1);
        };
        let most = (room / sizes[at]).min(i64::from(u16::MAX));
        (0..=most).rev().all(|n| {
            counts[at] = n as u16;
            let goes_on = self.extend(room - n * sizes[at], sizes, at, counts);
            counts[at] = 0;
            goes_on
        })
    }

    /// Weights of the sizes with which no combination weighs more than 1 and so many pieces most:
    /// the dual of filling machines with combinations, by the simplex method with Bland's rule.
    pub(super) fn weights(&self, pieces: &[f64]) -> Vec<f64> {
        let columns = self.sizes;
        let rows: Vec<&[u16]> = self.counts.chunks_exact(columns.max(1)).collect();
        // Tableau: a row per combination, columns for sizes and the right side; a slack is basic.
        let mut table: Vec<Vec<f64>> = rows
            .iter()
            .map(|counts| counts.iter().map(|&n| f64::from(n)).chain([1.0]).collect())
            .collect();
        let mut gains: Vec<f64> = pieces.to_vec();
        let mut basic: Vec<usize> = (columns..columns + rows.len()).collect();
        let mut free: Vec<usize> = (0..columns).collect();
        for _ in 0..Self::PIVOTS {
            let entering = (0..columns).filter(|&c| gains[c] > 1e-9).min_by_key(|&c| free[c]);
            let Some(c) = entering else { break };
            let bounded = (0..table.len()).filter(|&r| table[r][c] > 1e-9);
            let ratio = |r: &usize| table[*r][columns] / table[*r][c];
            let least = bounded.clone().map(|r| ratio(&r)).fold(f64::INFINITY, f64::min);
            let tied = bounded.filter(|r| ratio(r) <= least + 1e-12);
            let Some(r) = tied.min_by_key(|&r| basic[r]) else { break };
            pivot(&mut table, &mut gains, (r, c));
            std::mem::swap(&mut basic[r], &mut free[c]);
        }
        let mut weights = vec![0.0; columns];
        for (row, &variable) in table.iter().zip(&basic) {
            weights.get_mut(variable).into_iter().for_each(|weight| *weight = row[columns]);
        }
        weights
    }

    /// Most steps of the simplex method.
    const PIVOTS: usize = 500;

    /// The most that a combination is worth at `prices` per piece, and which one it is.
    pub(super) fn most_worth(&self, prices: &[f64]) -> (f64, usize) {
        let mut best = (0.0, 0);
        for (at, counts) in self.counts.chunks_exact(self.sizes.max(1)).enumerate() {
            let worth: f64 = counts.iter().zip(prices).map(|(&n, p)| f64::from(n) * p).sum();
            if worth > best.0 {
                best = (worth, at);
            }
        }
        best
    }

    /// How many pieces of each size combination `at` has.
    pub(super) fn counts_of(&self, at: usize) -> &[u16] {
        &self.counts[at * self.sizes..][..self.sizes]
    }
}

/// Exchanges the basic variable of a row with the free one of a column.
fn pivot(table: &mut [Vec<f64>], gains: &mut [f64], (r, c): (usize, usize)) {
    let inverse = 1.0 / table[r][c];
    table[r][c] = 1.0;
    table[r].iter_mut().for_each(|value| *value *= inverse);
    let row = table[r].clone();
    let subtract = |values: &mut [f64]| {
        let factor = std::mem::take(&mut values[c]);
        values.iter_mut().zip(&row).for_each(|(value, own)| *value -= factor * own);
    };
    let others = table.iter_mut().enumerate().filter(|(at, _)| *at != r);
    others.for_each(|(_, values)| subtract(values));
    subtract(gains);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_is_full_and_none_is_missing() {
        let patterns = Patterns::of(10, &[3, 4]).expect("they are few");
        let listed: Vec<&[u16]> = patterns.counts.chunks(2).collect();
        assert_eq!(listed, [[0, 2], [2, 1], [3, 0]]);
    }

    #[test]
    fn the_most_worth_depends_on_prices() {
        let patterns = Patterns::of(10, &[3, 4]).expect("they are few");
        assert_eq!(patterns.most_worth(&[1.0, 1.0]), (3.0, 1));
        assert_eq!(patterns.counts_of(1), [2, 1]);
        assert_eq!(patterns.most_worth(&[1.0, 3.0]), (6.0, 0));
    }

    #[test]
    fn weights_say_how_many_machines_are_needed() {
        // The flavours of the generator on 8,192 MB: four of 1,740 with two of 613, or four and a
        // half of 1,740, of which two of 870 make one.
        let patterns = Patterns::of(8_192, &[613, 870, 1_740]).expect("they are few");
        let weights = patterns.weights(&[70.0, 80.0, 150.0]);
        let machines: f64 = weights.iter().zip([70.0, 80.0, 150.0]).map(|(w, n)| w * n).sum();
        assert!((machines - (35.0 + 50.0 / 4.5)).abs() < 1e-6, "{weights:?}");
        assert!(patterns.most_worth(&weights).0 <= 1.0 + 1e-9);
    }

    #[test]
    fn too_many_combinations_are_not_listed() {
        assert!(Patterns::of(1_000_000, &[1, 2, 3, 5, 7, 11]).is_none());
    }
}
