//! Learners of a library as forecasters: one model for all series, of one size of state per VM.
//!
//! ```text
//! y(t + h) = y(t) + s_h f_h(z)      z_i = (x_i - m_i) / d_i
//! ```
//!
//! `x`: the features of a series, `m_i`, `d_i`: their means and spreads on the training part,
//! `s_h`: spread of the change from `t` to `t + h` there, `f_h`: what was learned. Rows are as many
//! as the learner can take, evenly spread over series and time.
//!
//! Before it is fitted a learner answers with the mean of the latest 24 samples. These are here to
//! be compared with: they cost tens to thousands of times what the default does
//! ([`Selector`](super::Selector)).

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::asked::Asked;
use super::bank::{Bank, FitReport, Forecaster, Model, bank_of};
use super::error::Error;
use super::features::{FEATURES, features};
use super::linear::each_row;
use super::panel::Panel;
use super::window::Window;
use super::window_mean::WindowMean;

/// Features that say something: all but the constant.
pub(super) const SEEN: usize = FEATURES - 1;

/// What a learner is taught, all of it standardised.
pub(super) struct Lesson {
    /// Rows of [`SEEN`] features.
    pub(super) seen: Vec<Vec<f32>>,
    /// Per horizon the change of each row.
    pub(super) changes: Vec<Vec<f32>>,
}

/// Something that learns changes from features.
pub(super) trait Learner: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Most rows that it is taught.
    const ROWS: usize;
    /// Whether it says quantiles.
    const QUANTILES: bool = false;
    /// Learns `lesson` with its one number `size`; the text says why it cannot.
    fn learn(lesson: Lesson, size: usize) -> Result<Self, String>;
    /// Writes what it expects after `seen`, per horizon the change and, where it says these, its
    /// quantiles.
    fn say(&self, seen: &[f32], asked: &Asked, row: &mut [f32]);
}

/// A forecaster that learns with `L`.
pub(super) struct Learned<L> {
    name: String,
    asked: Asked,
    size: usize,
    model: Option<Arc<Taught<L>>>,
}

impl<L> Learned<L> {
    /// A learner that was taught nothing yet, with its one number.
    pub(super) fn new(name: &str, asked: &Asked, size: usize) -> Self {
        Self { name: name.to_owned(), asked: asked.clone(), size, model: None }
    }
}

/// What was learned, with the scales of what it is about.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound = "L: Learner")]
struct Taught<L> {
    name: String,
    asked: Asked,
    /// Mean and spread per feature.
    scales: Vec<(f32, f32)>,
    /// Spread of the changes per horizon.
    spreads: Vec<f32>,
    learner: L,
}

/// A model in a file: its text, and a digest by which a changed text is known.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    model: String,
    digest: String,
}

impl<L: Learner> Taught<L> {
    fn teach(
        name: &str,
        asked: &Asked,
        size: usize,
        train: &Panel,
    ) -> Result<(Self, usize), Error> {
        let mut lesson = Lesson { seen: Vec::new(), changes: vec![vec![]; asked.horizons.len()] };
        each_row(train, asked, L::ROWS, |features, ahead| {
            lesson.seen.push(features[1..].to_vec());
            for (changes, then) in lesson.changes.iter_mut().zip(ahead) {
                changes.push(then - features[1]);
            }
        });
        let rows = lesson.seen.len();
        let fault = |what: String| {
            let remedy = format!("Give at least {} rows of series and time", 2 * FEATURES);
            Error::one("GLN-164", "training part", what, remedy)
        };
        if rows < 2 * FEATURES {
            return Err(fault(format!("{rows} rows are too few to learn from")));
        }
        let scales: Vec<(f32, f32)> =
            (0..SEEN).map(|at| scale(lesson.seen.iter().map(|row| row[at]))).collect();
        lesson.seen.iter_mut().for_each(|row| standardise(row, &scales));
        let spreads: Vec<f32> =
            lesson.changes.iter().map(|all| scale(all.iter().copied()).1).collect();
        for (changes, spread) in lesson.changes.iter_mut().zip(&spreads) {
            changes.iter_mut().for_each(|change| *change /= spread);
        }
        let learner = L::learn(lesson, size)
            .map_err(|what| fault(format!("`{name}` cannot learn from it: {what}")))?;
        let (name, asked) = (name.to_owned(), asked.clone());
        Ok((Self { name, asked, scales, spreads, learner }, rows))
    }
}

/// Mean and spread of `values`; a spread of 1 where they are all the same.
fn scale(values: impl Iterator<Item = f32> + Clone) -> (f32, f32) {
    let count = values.clone().count().max(1) as f64;
    let mean = values.clone().map(f64::from).sum::<f64>() / count;
    let spread =
        (values.map(|value| (f64::from(value) - mean).powi(2)).sum::<f64>() / count).sqrt();
    (mean as f32, if spread > 1e-6 { spread as f32 } else { 1.0 })
}

fn standardise(row: &mut [f32], scales: &[(f32, f32)]) {
    for (value, (mean, spread)) in row.iter_mut().zip(scales) {
        *value = (*value - mean) / spread;
    }
}

impl<L: Learner> Model for Taught<L> {
    type State = Window;
    fn state(&self) -> Window {
        Window::default()
    }
    fn update(&self, state: &mut Window, value: f32) {
        state.push(value);
    }
    fn predict(&self, state: &Window, row: &mut [f32]) {
        let all = features(state);
        let mut seen = [0.0; SEEN];
        seen.copy_from_slice(&all[1..]);
        standardise(&mut seen, &self.scales);
        row.fill(f32::NAN);
        self.learner.say(&seen, &self.asked, row);
        for (cells, spread) in row.chunks_exact_mut(self.asked.per_horizon()).zip(&self.spreads) {
            cells.iter_mut().for_each(|cell| *cell = all[1] + spread * *cell);
        }
    }
    fn has_quantiles(&self) -> bool {
        L::QUANTILES
    }
}

impl<L: Learner> Forecaster for Learned<L> {
    fn name(&self) -> &str {
        &self.name
    }
    fn asked(&self) -> &Asked {
        &self.asked
    }
    fn is_global(&self) -> bool {
        true
    }
    fn has_quantiles(&self) -> bool {
        L::QUANTILES
    }
    fn fit(&mut self, train: &Panel, _: &Panel) -> Result<FitReport, Error> {
        let start = cpu_time::ProcessTime::now();
        let (taught, rows) = Taught::teach(&self.name, &self.asked, self.size, train)?;
        self.model = Some(Arc::new(taught));
        Ok(FitReport { rows, seconds: start.elapsed().as_secs_f64() })
    }
    fn fitted(&self) -> Option<String> {
        let model = serde_json::to_string(&**self.model.as_ref()?).ok()?;
        let digest = blake3::hash(model.as_bytes()).to_hex().to_string();
        serde_json::to_string(&Sealed { model, digest }).ok()
    }
    fn restore(&mut self, place: &str, text: &str) -> Result<(), Error> {
        let remedy = "Fit it again for these horizons and levels";
        let fault = |what: String| Error::one("GLN-167", place, what, remedy);
        let sealed: Sealed =
            serde_json::from_str(text).map_err(|error| fault(error.to_string()))?;
        if blake3::hash(sealed.model.as_bytes()).to_hex().as_str() != sealed.digest {
            return Err(fault("the model was changed after it was written".into()));
        }
        let taught: Taught<L> =
            serde_json::from_str(&sealed.model).map_err(|error| fault(error.to_string()))?;
        if taught.name != self.name {
            return Err(fault(format!("it holds `{}`, not `{}`", taught.name, self.name)));
        }
        if taught.asked != self.asked {
            let (horizons, levels) = (&taught.asked.horizons, &taught.asked.quantiles);
            return Err(fault(format!("it forecasts {horizons:?} samples ahead at {levels:?}")));
        }
        self.model = Some(Arc::new(taught));
        Ok(())
    }
    fn bank(&self, vms: usize) -> Box<dyn Bank> {
        bank_of(self.model.as_ref(), WindowMean::<24>::new(&self.asked), &self.asked, vms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::ForecasterSpec;
    use crate::random::{below, stream};

    const NAMES: [&str; 4] = ["random-forest-5", "knn-20", "svr", "boosting-30"];

    /// Series that jump to a new value between 0 and 0.99 whenever they like: the best forecast of
    /// the next is the mean of all, .495, whatever the last one was.
    fn noise() -> Panel {
        let mut draws = stream(11, "test");
        let values = (0..40 * 200).map(|_| below(100, &mut draws) as f32 / 100.0).collect();
        Panel::new(40, values).unwrap()
    }

    fn said(forecaster: &dyn Forecaster, panel: &Panel) -> Vec<f32> {
        let (mut bank, mut column) = (forecaster.bank(panel.vms()), Vec::new());
        for at in 0..120 {
            panel.column(at, &mut column);
            bank.update(&column);
        }
        let mut out = vec![0.0; panel.vms() * forecaster.asked().width()];
        bank.predict(&mut out);
        out
    }

    #[test]
    fn every_learner_finds_the_mean_of_noise_and_survives_a_file() {
        let asked = Asked { horizons: vec![1, 3], quantiles: vec![0.1, 0.9], ..Asked::default() };
        for name in NAMES {
            let build = || ForecasterSpec::named(name).unwrap().build(&asked, 288);
            let (mut fitted, mut restored) = (build(), build());
            assert_eq!(fitted.fitted(), None, "{name}");
            assert!(fitted.fit(&noise(), &noise()).unwrap().rows > 1000);
            let rows = said(&*fitted, &noise());
            for cell in [0, 3] {
                let each = || rows.iter().skip(cell).step_by(asked.width());
                let mean = each().sum::<f32>() / 40.0;
                let far = each().filter(|value| (*value - 0.495).abs() > 0.3).count();
                assert!((mean - 0.495).abs() < 0.06 && far <= 2, "{name}: {mean}, {far} far");
            }
            assert_eq!(rows[1].is_nan(), name != "knn-20");
            let text = fitted.fitted().unwrap();
            restored.restore("file", &text).unwrap();
            for (mine, theirs) in rows.iter().zip(said(&*restored, &noise())) {
                assert!((mine - theirs).abs() < 1e-5 || mine.is_nan(), "{name}: {mine} {theirs}");
            }
            let changed = text.replacen("0.", "1.", 1);
            let fault = restored.restore("f.json", &changed).unwrap_err().to_string();
            assert!(fault.starts_with("GLN-167 f.json: the model was changed"), "{fault}");
            let other = Asked { horizons: vec![2], ..asked.clone() };
            let fault = ForecasterSpec::named(name).unwrap().build(&other, 288).restore("f", &text);
            assert!(fault.unwrap_err().to_string().contains("it forecasts [1, 3]"), "{name}");
        }
        let mut forest = ForecasterSpec::named("random-forest-5").unwrap().build(&asked, 288);
        forest.fit(&noise(), &noise()).unwrap();
        let mut other = ForecasterSpec::named("random-forest-6").unwrap().build(&asked, 288);
        let fault = other.restore("f", &forest.fitted().unwrap()).unwrap_err().to_string();
        assert!(fault.contains("it holds `random-forest-5`"), "{fault}");
    }

    #[test]
    fn constant_series_can_be_learned_from_and_too_few_rows_are_told() {
        for name in NAMES {
            let mut learner = ForecasterSpec::named(name).unwrap().build(&Asked::default(), 288);
            let flat = Panel::new(20, vec![0.25; 20 * 200]).unwrap();
            learner.fit(&flat, &flat).unwrap();
            let rows = said(&*learner, &flat);
            assert!(rows.iter().all(|v| v.is_nan() || (v - 0.25).abs() < 1e-3), "{name} {rows:?}");
            let short = Panel::new(1, vec![0.5; 40]).unwrap();
            let error = learner.fit(&short, &short).unwrap_err();
            assert!(error.to_string().starts_with("GLN-164"), "{error}");
        }
    }

    /// The logistic map, y <- 4 y (1 - y): all that is to come is in the last value, but no line
    /// through it says anything.
    #[test]
    fn what_no_plane_says_is_learned() {
        let mut draws = stream(12, "test");
        let mut values = Vec::new();
        for _ in 0..40 {
            let mut y = 0.1 + below(800, &mut draws) as f32 / 1000.0;
            for _ in 0..200 {
                y = (4.0 * y * (1.0 - y)).clamp(0.001, 0.999);
                values.push(y);
            }
        }
        let panel = Panel::new(40, values).unwrap();
        let asked = Asked { horizons: vec![1], quantiles: vec![], ..Asked::default() };
        let error = |name: &str| {
            let mut forecaster = ForecasterSpec::named(name).unwrap().build(&asked, 288);
            forecaster.fit(&panel, &panel).unwrap();
            let rows = said(&*forecaster, &panel);
            let came = (0..40).map(|vm| panel.series(vm)[120]);
            rows.iter().zip(came).map(|(said, came)| (said - came).abs()).sum::<f32>() / 40.0
        };
        let plane = error("ridge");
        for name in NAMES {
            let error = error(name);
            assert!(error < 0.9 * plane, "{name}: {error} {plane}");
        }
    }
}
