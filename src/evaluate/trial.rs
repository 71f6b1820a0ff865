//! Rolling origins: what a forecaster says at each of them, knowing the samples up to it.

use std::time::{Duration, Instant};

use crate::forecast::{Asked, Bank, Forecaster, Panel};

/// The test part and the origins in it.
#[derive(Debug, Clone)]
pub struct Trial {
    panel: Panel,
    stride: usize,
}

/// What was said at each origin of each VM, and what that cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// Origin by origin, VM by VM, a row of forecasts.
    pub rows: Vec<f32>,
    /// Microseconds per update of a VM; not known of forecasts made elsewhere.
    pub us_per_update: Option<f64>,
    /// Microseconds per row of forecasts.
    pub us_per_prediction: Option<f64>,
    /// Bytes of state per VM.
    pub state_bytes: Option<usize>,
}

impl Trial {
    /// Every `stride`th sample of `panel` from its first origin on.
    pub fn new(panel: Panel, stride: usize) -> Self {
        Self { panel, stride: stride.max(1) }
    }

    /// The series.
    pub fn panel(&self) -> &Panel {
        &self.panel
    }

    /// The samples at which forecasts as far as `asked` are made and can be judged.
    pub fn origins(&self, asked: &Asked) -> Vec<usize> {
        let end = self.panel.samples().saturating_sub(asked.farthest());
        (self.panel.first_origin()..end).step_by(self.stride).collect()
    }

    /// What `forecaster` says at every origin; `told` hears of each that is done.
    pub fn run(&self, forecaster: &dyn Forecaster, told: &mut dyn FnMut()) -> Said {
        let (asked, vms) = (forecaster.asked(), self.panel.vms());
        let (origins, mut bank) = (self.origins(asked), forecaster.bank(vms));
        let mut rows = vec![0.0; origins.len() * vms * asked.width()];
        let mut chunks = rows.chunks_exact_mut(vms * asked.width());
        let (mut column, mut given) = (Vec::new(), 0);
        let (mut updating, mut predicting) = (Duration::ZERO, Duration::ZERO);
        for &origin in &origins {
            updating += self.feed(&mut *bank, &mut given, origin, &mut column);
            let start = Instant::now();
            if let Some(chunk) = chunks.next() {
                bank.predict(chunk);
            }
            predicting += start.elapsed();
            told();
        }
        let per = |time: Duration, count: usize| {
            (count > 0).then(|| time.as_secs_f64() * 1e6 / (count * vms) as f64)
        };
        Said {
            rows,
            us_per_update: per(updating, given),
            us_per_prediction: per(predicting, origins.len()),
            state_bytes: Some(bank.state_bytes()),
        }
    }

    /// Gives `bank` the samples up to `origin` that it has not had.
    fn feed(
        &self,
        bank: &mut dyn Bank,
        given: &mut usize,
        origin: usize,
        column: &mut Vec<f32>,
    ) -> Duration {
        let mut spent = Duration::ZERO;
        while *given <= origin {
            self.panel.column(*given, column);
            let start = Instant::now();
            bank.update(column);
            spent += start.elapsed();
            *given += 1;
        }
        spent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::ForecasterSpec;
    use crate::random::{below, stream};

    fn noise(vms: usize, samples: usize, seed: u64) -> Vec<f32> {
        let mut draws = stream(seed, "test");
        (0..vms * samples).map(|_| below(100, &mut draws) as f32 / 100.0).collect()
    }

    /// All values after an origin are replaced: what was said up to it is bit for bit the same, of
    /// every forecaster, fitted ones too.
    #[test]
    fn the_future_changes_no_forecast() {
        // Long enough that also a day ago lies behind the cut.
        let (vms, samples, cut) = (12, 720, 330);
        let values = noise(vms, samples, 1);
        let mut other = values.clone();
        for row in other.chunks_exact_mut(samples) {
            row[cut + 1..].iter_mut().for_each(|value| *value = 1.0 - *value * 0.5);
        }
        let asked = Asked::default();
        let panel = |values: Vec<f32>| Panel::new(vms, values).unwrap().with_first_origin(300);
        let (mine, theirs) = (panel(values.clone()), panel(other));
        let train = Panel::new(vms, values).unwrap().until(300);
        for name in ForecasterSpec::names() {
            let mut forecaster = ForecasterSpec::named(name).unwrap().build(&asked, 288);
            forecaster.fit(&train, &train).unwrap();
            let said = |panel: &Panel| {
                // Some fit a model for every forecast: a few origins are enough.
                let trial = Trial::new(panel.clone(), 25);
                let known = trial.origins(&asked).iter().filter(|&&at| at <= cut).count();
                let rows = trial.run(&*forecaster, &mut || ()).rows;
                let bits: Vec<u32> = rows.iter().map(|value| value.to_bits()).collect();
                let known = known * vms * asked.width();
                (bits[..known].to_vec(), bits[known..].to_vec())
            };
            let (mine, theirs) = (said(&mine), said(&theirs));
            assert_eq!(mine.0, theirs.0, "{name} saw the future");
            assert!(!mine.0.is_empty() && mine.1 != theirs.1, "{name} never looked");
        }
    }
}
