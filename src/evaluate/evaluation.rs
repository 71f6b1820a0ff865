//! One evaluation: models judged one after the other on the same points.

use super::ceiling::ceiling;
use super::external::External;
use super::overload::{OverloadRow, Trials, overload};
use super::report::Report;
use super::score::{Row, score};
use super::split::Parts;
use super::trial::{Said, Trial};
use crate::forecast::{Asked, Error, FitReport, Forecaster, ForecasterSpec};

/// What an evaluation has found so far.
#[derive(Debug)]
pub struct Evaluation {
    trace: String,
    parts: Parts,
    asked: Asked,
    stride: usize,
    trial: Trial,
    last: Option<Said>,
    rows: Vec<Row>,
    fits: Vec<(String, FitReport)>,
}

impl Evaluation {
    /// Origins at every `stride`th sample of the test part of `parts`; `trace` names it in reports.
    ///
    /// # Errors
    /// `GLN-164` where the test part has no point as far ahead as `asked`.
    pub fn new(trace: String, parts: Parts, asked: Asked, stride: usize) -> Result<Self, Error> {
        let trial = Trial::new(parts.test.clone(), stride);
        if trial.origins(&asked).is_empty() {
            let what = format!(
                "the test part of {} samples, the first {} of them past, has no point {} samples \
                 ahead",
                parts.test.samples(),
                parts.test.first_origin(),
                asked.farthest()
            );
            let remedy = "Choose shorter horizons or a longer part";
            return Err(Error::one("GLN-164", "test part", what, remedy));
        }
        let (rows, fits) = (Vec::new(), Vec::new());
        Ok(Self { trace, parts, asked, stride, trial, last: None, rows, fits })
    }

    /// The parts.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }
    /// What is forecast.
    pub fn asked(&self) -> &Asked {
        &self.asked
    }
    /// The test part and its origins.
    pub fn trial(&self) -> &Trial {
        &self.trial
    }

    /// What the last value says, which all are compared with.
    fn last(&mut self, told: &mut dyn FnMut()) -> Result<Said, Error> {
        if let Some(last) = &self.last {
            return Ok(last.clone());
        }
        let last = ForecasterSpec::named("last")?.build(&self.asked, self.parts.season);
        let said = self.trial.run(&*last, told);
        self.rows.extend(score("last", &self.asked, &self.trial, &said, &said));
        self.last = Some(said.clone());
        Ok(said)
    }

    /// Fits and judges the built-in forecaster `spec`; `told` hears of every origin that is done.
    ///
    /// # Errors
    /// Those of the fit.
    pub fn judge(&mut self, spec: &ForecasterSpec, told: &mut dyn FnMut()) -> Result<(), Error> {
        let mut forecaster = spec.build(&self.asked, self.parts.season);
        let fit = forecaster.fit(&self.parts.train, &self.parts.calibrate)?;
        self.judge_fitted(&*forecaster, told)?;
        self.fits.push((forecaster.name().to_owned(), fit));
        Ok(())
    }

    /// Judges a forecaster as it is.
    ///
    /// # Errors
    /// `GLN-167` where it was fitted for other horizons and levels.
    pub fn judge_fitted(
        &mut self,
        forecaster: &dyn Forecaster,
        told: &mut dyn FnMut(),
    ) -> Result<(), Error> {
        if *forecaster.asked() != self.asked {
            let Asked { horizons, quantiles, .. } = forecaster.asked();
            let what = format!("it forecasts {horizons:?} samples ahead at {quantiles:?}");
            let remedy = "Ask for these horizons and levels, or fit it again";
            return Err(Error::one("GLN-167", forecaster.name(), what, remedy));
        }
        let last = self.last(told)?;
        let said = self.trial.run(forecaster, told);
        self.rows.extend(score(forecaster.name(), &self.asked, &self.trial, &said, &last));
        Ok(())
    }

    /// Judges what others said of the same points.
    ///
    /// # Errors
    /// `GLN-166` where there is not a row of forecasts per origin and VM.
    pub fn judge_said(&mut self, external: &External) -> Result<(), Error> {
        let (found, width) = (external.said.rows.len(), self.asked.width());
        let expected = self.trial.origins(&self.asked).len() * self.parts.test.vms() * width;
        if found != expected {
            let what = format!("found {found} values, expected {expected}");
            return Err(Error::one("GLN-166", &external.model, what, "Forecast every point once"));
        }
        let last = self.last(&mut || ())?;
        self.rows.extend(score(&external.model, &self.asked, &self.trial, &external.said, &last));
        Ok(())
    }

    /// Detectors and risk models on drawn hosts; none where no hosts are wanted.
    ///
    /// # Errors
    /// `GLN-164` where the parts are too small to draw hosts from.
    pub fn overload(&self, trials: Trials) -> Result<Vec<OverloadRow>, Error> {
        if trials.hosts.hosts == 0 {
            return Ok(Vec::new());
        }
        let Parts { train, calibrate, test, .. } = &self.parts;
        overload(train, calibrate, test, trials, &self.asked.horizons)
    }

    /// All that was found, with the rows of [`Evaluation::overload`].
    ///
    /// # Errors
    /// None but those of the last value, which is judged if nothing else was.
    pub fn report(mut self, overload: Vec<OverloadRow>) -> Result<Report, Error> {
        self.last(&mut || ())?;
        Ok(Report {
            trace: self.trace,
            parts: self.parts.words,
            stride: self.stride,
            noise_ceiling: ceiling(&self.parts.test),
            fits: self.fits,
            rows: self.rows,
            overload,
        })
    }
}
