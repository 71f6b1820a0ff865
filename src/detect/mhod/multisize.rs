//! Multisize sliding windows: how likely does one state follow another, judged from as much of the
//! past as is still like the present?
//!
//! ```text
//! p_w = (times that k followed i in the latest w visits to i) / w          for each window size w
//! accepted while  v_w <= p_w (1 - p_w) / w,   v_w: sample variance of the latest w values of p_w
//! ```
//!
//! A visit to `i` is a *request*: what came next goes into the request window of `i`. For each pair
//! of states the sizes are tried in ascending order; the last before one is refused is selected.
//! While fewer than `w` values exist `v_w` and, without any, the limit are 1. `p_w` divides by `w`
//! from the first request on, so that the rows of the matrix sum to less than 1 at first, and, as
//! windows are selected pair by pair, not exactly to 1 later.
//!
//! Source: Luiz, Perkusich and Lima, IEEE Trans. Comput. 59(12), 2010, as Beloglazov and Buyya,
//! IEEE Trans. Parallel Distrib. Syst. 24(7), 2013, adapt it; operations in the order of OpenStack
//! Neat.

use std::ops::Range;

/// States that can be told apart.
pub const MAX_STATES: usize = 10;

/// Estimates of the transitions between states.
#[derive(Debug, Clone)]
pub struct Multisize {
    sizes: Vec<usize>,
    states: usize,
    /// What followed each visit to a state, oldest first.
    requests: Vec<Vec<u8>>,
    /// Every estimate so far, oldest first, by `(from * states + to) * sizes.len() + size`.
    estimates: Vec<Vec<f64>>,
    /// Index into `sizes` by `from * states + to`.
    selected: Vec<usize>,
}

impl Multisize {
    /// Nothing seen yet. `sizes`: window sizes, ascending, each at least 2; `states`: how many
    /// there are, at most [`MAX_STATES`].
    pub fn new(sizes: &[usize], states: usize) -> Self {
        assert!(states <= MAX_STATES, "at most {MAX_STATES} states");
        let pairs = states * states;
        Self {
            sizes: sizes.to_vec(),
            states,
            requests: vec![Vec::new(); states],
            estimates: vec![Vec::new(); pairs * sizes.len()],
            selected: vec![0; pairs],
        }
    }

    /// Forgets what was seen and learns from `path`, a sequence of states. It is taken to come from
    /// state 0. Estimates are made of the sizes that are tried, and as many as a window takes.
    pub fn learn(&mut self, path: impl Iterator<Item = usize>) {
        self.requests.iter_mut().for_each(Vec::clear);
        self.estimates.iter_mut().for_each(Vec::clear);
        let mut from = 0;
        for to in path {
            self.request(from, to);
            from = to;
        }
        self.select();
    }

    /// `to` has followed a visit to `from`.
    pub fn request(&mut self, from: usize, to: usize) {
        self.requests[from].push(to as u8);
    }

    /// The request window of `from`: what followed its latest visits, as many as the largest size.
    pub fn request_window(&self, from: usize) -> &[u8] {
        let all = &self.requests[from];
        &all[all.len().saturating_sub(*self.sizes.last().unwrap_or(&0))..]
    }

    /// Adds an estimate for every successor of `from` and every size.
    pub fn estimate(&mut self, from: usize) {
        let visits = self.requests[from].len();
        (0..self.sizes.len()).for_each(|size| self.estimate_after(from, size, visits - 1..visits));
    }

    /// Makes the estimates of every window that has none.
    pub fn estimate_all(&mut self) {
        for from in 0..self.states {
            (0..self.sizes.len()).for_each(|size| self.estimate_window_of(from, size));
        }
    }

    /// Makes the latest estimates of the transitions from `from` with one size, unless there are
    /// some.
    fn estimate_window_of(&mut self, from: usize, size: usize) {
        if self.estimates[self.window(from, 0, size)].is_empty() {
            let visits = self.requests[from].len();
            self.estimate_after(from, size, visits.saturating_sub(self.sizes[size])..visits);
        }
    }

    /// Adds the estimates with one size that are made after each of these `visits` of `from`.
    fn estimate_after(&mut self, from: usize, size: usize, visits: Range<usize>) {
        let width = self.sizes[size];
        let requests = &self.requests[from];
        let mut counts = [0usize; MAX_STATES];
        for &to in &requests[visits.start.saturating_sub(width)..visits.start] {
            counts[usize::from(to)] += 1;
        }
        for visit in visits {
            counts[usize::from(requests[visit])] += 1;
            if visit >= width {
                counts[usize::from(requests[visit - width])] -= 1;
            }
            for (to, &count) in counts[..self.states].iter().enumerate() {
                let window = (from * self.states + to) * self.sizes.len() + size;
                self.estimates[window].push(count as f64 / width as f64);
            }
        }
    }

    /// Adds one estimate as if it had been made.
    pub fn add_estimate(&mut self, from: usize, to: usize, size: usize, probability: f64) {
        let window = self.window(from, to, size);
        self.estimates[window].push(probability);
    }

    fn window(&self, from: usize, to: usize, size: usize) -> usize {
        (from * self.states + to) * self.sizes.len() + size
    }

    /// The latest estimates of `from` to `to` with the `size`th window size, as many as that.
    pub fn estimate_window(&self, from: usize, to: usize, size: usize) -> &[f64] {
        let all = &self.estimates[self.window(from, to, size)];
        &all[all.len().saturating_sub(self.sizes[size])..]
    }

    /// `v_w` of that window.
    pub fn variance(&self, from: usize, to: usize, size: usize) -> f64 {
        let window = self.estimate_window(from, to, size);
        if window.len() < self.sizes[size] { 1.0 } else { variance(window, self.sizes[size]) }
    }

    /// The largest variance at which that window is accepted.
    pub fn acceptable_variance(&self, from: usize, to: usize, size: usize) -> f64 {
        let newest = self.estimate_window(from, to, size).last();
        newest.map_or(1.0, |&probability| acceptable_variance(probability, self.sizes[size]))
    }

    /// Selects a window size for every pair of states.
    pub fn select(&mut self) {
        let sizes = self.sizes.len();
        for from in 0..self.states {
            for to in 0..self.states {
                let accepted = |size: usize| {
                    self.estimate_window_of(from, size);
                    self.variance(from, to, size) <= self.acceptable_variance(from, to, size)
                };
                let selected = last_accepted(sizes, accepted);
                self.selected[from * self.states + to] = selected;
            }
        }
    }

    /// The window size that is selected for `from` to `to`.
    pub fn selected(&self, from: usize, to: usize) -> usize {
        self.sizes[self.selected[from * self.states + to]]
    }

    /// Selects `size`, which must be one of the sizes, for `from` to `to`.
    pub fn set_selected(&mut self, from: usize, to: usize, size: usize) {
        let index = self.sizes.iter().position(|&other| other == size);
        self.selected[from * self.states + to] = index.expect("a window size");
    }

    /// How likely `to` follows `from`: the newest estimate of the selected window, 0 without any.
    pub fn probability(&self, from: usize, to: usize) -> f64 {
        let size = self.selected[from * self.states + to];
        self.estimate_window(from, to, size).last().copied().unwrap_or(0.0)
    }

    /// All probabilities, row by row.
    pub fn transitions(&self) -> Vec<Vec<f64>> {
        let row = |from| (0..self.states).map(|to| self.probability(from, to)).collect();
        (0..self.states).map(row).collect()
    }
}

/// The last of `count` sizes, tried in order, before the first that is not accepted; the first size
/// if that is it.
pub fn last_accepted(count: usize, mut accepted: impl FnMut(usize) -> bool) -> usize {
    (0..count).take_while(|&size| accepted(size)).last().unwrap_or(0)
}

/// The mean of `values` over a window of `size`, full or not.
pub fn mean(values: &[f64], size: usize) -> f64 {
    values.iter().sum::<f64>() / size as f64
}

/// The sample variance of `values` over a window of `size`, full or not.
pub fn variance(values: &[f64], size: usize) -> f64 {
    let centre = mean(values, size);
    let squares: f64 = values.iter().map(|value| (value - centre) * (value - centre)).sum();
    squares / (size - 1) as f64
}

/// The variance of a mean of `size` draws that succeed with `probability`.
pub fn acceptable_variance(probability: f64, size: usize) -> f64 {
    probability * (1.0 - probability) / size as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The path 0 1 0 0 1, from 0, has the steps 0>0 0>1 1>0 0>0 0>1, so 0 1 0 1 has followed 0. To
    /// 1 with size 2: of (0) none, (0 1) one, (1 0) one, (0 1) one, the latest two being 1/2 1/2;
    /// with size 4: 0 1 1 2 of 4. Of 1 one step has been seen, to 0: 1/2 and 1/4.
    #[test]
    fn estimates_are_shares_of_the_window_even_before_it_is_full() {
        let mut windows = Multisize::new(&[2, 4], 2);
        windows.learn([0, 1, 0, 0, 1].into_iter());
        windows.estimate_all();
        assert_eq!(windows.request_window(0), [0, 1, 0, 1]);
        assert_eq!(windows.estimate_window(0, 1, 0), [0.5, 0.5]);
        assert_eq!(windows.estimate_window(0, 1, 1), [0.0, 0.25, 0.25, 0.5]);
        assert_eq!(windows.estimate_window(1, 0, 0), [0.5]);
        assert_eq!(windows.estimate_window(1, 0, 1), [0.25]);
        windows.learn(std::iter::empty());
        assert!(windows.estimate_window(0, 1, 0).is_empty());
    }

    /// Row 0 to 1 as above. Size 2: values .5 .5, variance 0 <= .5 * .5 / 2. Size 4: 0 .25 .25 .5,
    /// mean .25, variance (1/16 + 1/16) / 3 = 1/24 <= .5 * .5 / 4 = 1/16: the larger is selected.
    /// With the last value 1 the mean is 3/8 and the variance (9 + 1 + 1 + 25) / 64 / 3 = 3/16,
    /// which a p of 1 (limit 0) does not accept.
    #[test]
    fn sizes_are_tried_in_ascending_order_until_one_is_refused() {
        let mut windows = Multisize::new(&[2, 4], 2);
        windows.learn([0, 1, 0, 0, 1].into_iter());
        assert!((windows.variance(0, 1, 1) - 1.0 / 24.0).abs() < 1e-16);
        assert_eq!((windows.selected(0, 1), windows.probability(0, 1)), (4, 0.5));
        let mut windows = Multisize::new(&[2, 4], 1);
        for (size, values) in [(0, vec![0.5, 0.5]), (1, vec![0.0, 0.25, 0.25, 1.0])] {
            values.into_iter().for_each(|p| windows.add_estimate(0, 0, size, p));
        }
        windows.select();
        assert_eq!(windows.variance(0, 0, 1), 3.0 / 16.0);
        assert_eq!((windows.selected(0, 0), windows.probability(0, 0)), (2, 0.5));
    }

    /// A pair of which nothing is known: variance and limit are both 1, so every size is accepted.
    #[test]
    fn nothing_seen_accepts_every_size_and_says_never() {
        let mut windows = Multisize::new(&[2, 4], 2);
        assert_eq!(windows.selected(1, 1), 2);
        windows.select();
        assert_eq!((windows.selected(1, 1), windows.probability(1, 1)), (4, 0.0));
    }
}
