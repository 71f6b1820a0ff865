//! AR(p) per series, fitted by recursive least squares.
//!
//! ```text
//! x = (1, y(t-1), ..., y(t-p))      k = P x / (f + x'P x)
//! b <- b + k (y(t) - b'x)           P <- (P - k x'P) / f
//! y(t + h): the recursion run ahead on its own answers
//! ```
//!
//! `b`: coefficients, at first those of the last value; `P`: inverse of the weighted normal matrix,
//! at first 10 I; `f`: forgetting factor 0.999. One update costs O(p^2); the answer is that of
//! weighted least squares on the whole past.
//!
//! Source: Ljung and Söderström, Theory and Practice of Recursive Identification, 1983, ch. 2.

use super::asked::Asked;
use super::bank::Model;

/// What a sample counts one sample later.
const KEPT: f32 = 0.999;
/// How little is known at first.
const PRIOR: f32 = 10.0;
/// A trace of `P` beyond which it is begun anew: forgetting without excitation lets it grow.
const TOO_UNSURE: f32 = 1e5;

/// An autoregression of order `P`.
#[derive(Debug, Clone)]
pub struct Autoregression<const P: usize> {
    asked: Asked,
}

/// Coefficients, the inverse normal matrix, the latest samples.
#[derive(Debug, Clone)]
pub struct Recursion<const P: usize> {
    constant: f32,
    weights: [f32; P],
    /// Inverse normal matrix: of the constant with itself, with the lags, of the lags.
    corner: f32,
    edge: [f32; P],
    inner: [[f32; P]; P],
    lags: [f32; P],
    seen: u16,
}

impl<const P: usize> Recursion<P> {
    pub(super) fn new() -> Self {
        let mut new = Self {
            constant: 0.0,
            weights: [0.0; P],
            corner: 0.0,
            edge: [0.0; P],
            inner: [[0.0; P]; P],
            lags: [0.0; P],
            seen: 0,
        };
        new.weights[0] = 1.0;
        new.forget();
        new
    }

    fn forget(&mut self) {
        (self.corner, self.edge, self.inner) = (PRIOR, [0.0; P], [[0.0; P]; P]);
        for (i, row) in self.inner.iter_mut().enumerate() {
            row[i] = PRIOR;
        }
    }

    #[inline]
    pub(super) fn update(&mut self, value: f32) {
        if self.seen == 0 {
            self.lags = [value; P];
        }
        if usize::from(self.seen) >= P {
            self.learn(value);
        }
        self.seen = self.seen.saturating_add(1);
        self.lags.copy_within(..P - 1, 1);
        self.lags[0] = value;
    }

    #[inline]
    fn learn(&mut self, value: f32) {
        let x = &self.lags;
        let mut product = [0.0; P];
        let mut first = self.corner;
        for i in 0..P {
            first += self.edge[i] * x[i];
            let mut sum = self.edge[i];
            for (entry, x) in self.inner[i].iter().zip(x) {
                sum += entry * x;
            }
            product[i] = sum;
        }
        let mut spread = KEPT + first;
        let mut error = value - self.constant;
        for i in 0..P {
            spread += x[i] * product[i];
            error -= self.weights[i] * x[i];
        }
        let (share, kept) = (1.0 / spread, 1.0 / KEPT);
        self.constant += first * share * error;
        self.corner = (self.corner - first * first * share) * kept;
        let mut trace = self.corner;
        for i in 0..P {
            let gain = product[i] * share;
            self.weights[i] += gain * error;
            self.edge[i] = (self.edge[i] - first * gain) * kept;
            for (entry, product) in self.inner[i].iter_mut().zip(&product) {
                *entry = (*entry - gain * product) * kept;
            }
            trace += self.inner[i][i];
        }
        if !(trace > 0.0 && trace < TOO_UNSURE) {
            self.forget();
        }
        let bounded = self.weights.iter().all(|w| w.abs() < 10.0) && self.constant.abs() < 10.0;
        if !bounded {
            (self.constant, self.weights) = (0.0, [0.0; P]);
            self.weights[0] = 1.0;
            self.forget();
        }
    }

    /// Forecasts at ascending `horizons`, each within `[0, cap]`, handed to `put`.
    #[inline]
    pub(super) fn ahead(&self, horizons: &[u16], cap: f32, mut put: impl FnMut(usize, f32)) {
        let (mut lags, mut done) = (self.lags, 0);
        for (at, &horizon) in horizons.iter().enumerate() {
            while done < horizon {
                let mut next = self.constant;
                for (weight, lag) in self.weights.iter().zip(&lags) {
                    next += weight * lag;
                }
                lags.copy_within(..P - 1, 1);
                lags[0] = next.clamp(0.0, cap);
                done += 1;
            }
            put(at, lags[0]);
        }
    }
}

impl<const P: usize> Autoregression<P> {
    /// An autoregression as the answer to what is asked.
    pub fn new(asked: &Asked) -> Self {
        Self { asked: asked.clone() }
    }
}

impl<const P: usize> Model for Autoregression<P> {
    type State = Recursion<P>;
    fn state(&self) -> Recursion<P> {
        Recursion::new()
    }
    fn update(&self, state: &mut Recursion<P>, value: f32) {
        state.update(value);
    }
    fn predict(&self, state: &Recursion<P>, row: &mut [f32]) {
        row.fill(f32::NAN);
        let width = self.asked.per_horizon();
        state.ahead(&self.asked.horizons, self.asked.cap, |at, value| row[at * width] = value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::bank::row_after;
    use crate::random::stream;
    use rand::Rng;

    /// y(t) = .2 + .9 y(t-1) - .5 y(t-2) + e, e uniform within +-.1; two steps ahead of y = .5, .3
    /// (the latest last): .2 + .27 - .25 = .22, then .2 + .198 - .15 = .248.
    #[test]
    fn a_known_recursion_is_found_and_run_ahead() {
        let asked = Asked { horizons: vec![1, 2], quantiles: vec![], cap: 5.0, ..Asked::default() };
        let (mut draws, mut series) = (stream(5, "test"), vec![0.3f32, 0.3]);
        for _ in 0..3000 {
            let noise = ((draws.next_u32() >> 8) as f32 / 16_777_216.0 - 0.5) * 0.2;
            let [before, last] = [series[series.len() - 2], series[series.len() - 1]];
            series.push(0.2 + 0.9 * last - 0.5 * before + noise);
        }
        series.extend([0.5, 0.3]);
        let row = row_after(Autoregression::<2>::new(&asked), &asked, &series);
        assert!((row[0] - 0.22).abs() < 0.02 && (row[1] - 0.248).abs() < 0.03, "{row:?}");
    }

    #[test]
    fn a_constant_series_stays_where_it_is() {
        let asked = Asked { quantiles: vec![], ..Asked::default() };
        let row = row_after(Autoregression::<6>::new(&asked), &asked, &[0.4; 5000]);
        assert!(row.iter().all(|value| (value - 0.4).abs() < 1e-3), "{row:?}");
        let zero = row_after(Autoregression::<6>::new(&asked), &asked, &[0.0; 5000]);
        assert!(zero.iter().all(|value| value.abs() < 1e-3), "{zero:?}");
    }
}
