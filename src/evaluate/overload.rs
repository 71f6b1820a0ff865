//! Who foresees that a host runs short? Detectors and risk models on the same drawn hosts.
//!
//! An event is a demand above the limit at some sample within the horizon. Detectors are judged by
//! how they rank: by the load less their threshold, or the load they predict, whatever the safety
//! that a run gives them. Onsets are decisions on hosts that are not above the limit already.
//! Probabilities are also judged by their skill and truth.

use serde::Serialize;

use super::average_precision::average_precision;
use super::reliability::{Bin, reliability};
use super::trial::Trial;
use crate::detect::{HostLoad, Iqr, Lr, Lrr, Mad};
use crate::forecast::hosts::{Draw, Hosts, draw};
use crate::forecast::risk::{BottomUp, Calibration, RiskModel, each_origin, mean_and_variance};
use crate::forecast::{Asked, Error, ForecasterSpec, Panel, Window};

/// One detector at one horizon.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OverloadRow {
    /// Name of the detector.
    pub detector: String,
    /// Samples ahead within which the limit is passed.
    pub horizon: u16,
    /// Decisions judged.
    pub decisions: usize,
    /// Share of them with an event.
    pub base_rate: f64,
    /// Average precision; none where there was no event.
    pub ap: Option<f64>,
    /// Average precision on hosts that are not above the limit.
    pub ap_onset: Option<f64>,
    /// Brier skill, of those that give probabilities.
    pub brier_skill: Option<f64>,
    /// Expected calibration error, of those that give probabilities.
    pub ece: Option<f64>,
    /// Reliability diagram, of those that give probabilities.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reliability: Vec<Bin>,
}

/// The hosts that a table is about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trials {
    /// Hosts of the test part; the training part gives as many again by half.
    pub hosts: Draw,
    /// What a host may use, fraction of its capacity.
    pub limit: f32,
    /// Samples between two decisions.
    pub stride: usize,
}

impl Default for Trials {
    fn default() -> Self {
        Self { hosts: Draw::default(), limit: 0.9, stride: 3 }
    }
}

/// Rows of every detector at every horizon of `horizons`.
///
/// # Errors
/// `GLN-164` where the parts are too small to draw hosts from.
pub fn overload(
    train: &Panel,
    calibrate: &Panel,
    test: &Panel,
    trials: Trials,
    horizons: &[u16],
) -> Result<Vec<OverloadRow>, Error> {
    let Trials { hosts: wanted, limit, stride } = trials;
    let many = Draw { hosts: wanted.hosts * 3 / 2, seed: wanted.seed + 1, ..wanted };
    let learned = RiskModel::fit(&draw(train, many)?.panel, limit, horizons)?;
    let bottom = bottom_up(calibrate, Draw { seed: wanted.seed + 2, ..wanted }, trials, horizons)?;
    let hosts = draw(test, wanted)?;
    let judged = Judged::of(&hosts, limit, horizons, stride);
    let mut rows = Vec::new();
    for (name, score) in classics() {
        let scores: Vec<f32> = judged.each(&hosts, score);
        rows.extend((0..horizons.len()).map(|at| judged.row(name, at, &scores, false)));
    }
    for name in ["mean-6", "ar-6", "markov"] {
        for (at, scores) in judged.forecast(&hosts, name).into_iter().enumerate() {
            rows.push(judged.row(name, at, &scores, false));
        }
    }
    for (at, &rate) in bottom.iter().enumerate().take(horizons.len()) {
        let plain = judged.risks(&hosts, &learned, at);
        rows.push(judged.row("risk", at, &judged.calibrated(&plain, at), true));
        let apart = judged.apart(test, &hosts, at, rate);
        // The two see different things: what VMs do together, and what each of them does.
        let odds = |p: &f32| {
            let p = p.clamp(1e-4, 1.0 - 1e-4);
            (p / (1.0 - p)).ln()
        };
        let both: Vec<f32> =
            plain.iter().zip(&apart).map(|(plain, p)| 0.5 * (plain + odds(p))).collect();
        rows.push(judged.row("risk-both", at, &judged.calibrated(&both, at), true));
        let apart: Vec<f32> = apart.iter().map(odds).collect();
        rows.push(judged.row("risk-bottom-up", at, &judged.calibrated(&apart, at), true));
    }
    Ok(rows)
}

/// A published detector: its name and how it ranks the past of a host.
type Classic = (&'static str, fn(&[f64]) -> f32);

fn classics() -> [Classic; 5] {
    fn now(history: &[f64]) -> f64 {
        history.last().copied().unwrap_or(0.0)
    }
    [
        ("thr", |history| now(history) as f32),
        ("iqr", |history| (now(history) - Iqr::default().threshold(history).unwrap_or(1.0)) as f32),
        ("mad", |history| (now(history) - Mad::default().threshold(history).unwrap_or(1.0)) as f32),
        ("lr", |history| {
            let load = HostLoad::alone(now(history), history);
            Lr::default().predicted(load).unwrap_or(0.0) as f32
        }),
        ("lrr", |history| {
            let load = HostLoad::alone(now(history), history);
            Lrr::default().predicted(load).unwrap_or(0.0) as f32
        }),
    ]
}

/// The decisions, host by host: what came, and what was there.
struct Judged {
    horizons: Vec<u16>,
    /// Origin, and whether the host is above the limit there.
    decisions: Vec<(usize, usize, bool)>,
    /// Per horizon, whether the limit was passed.
    events: Vec<Vec<bool>>,
    limit: f32,
    stride: usize,
}

impl Judged {
    fn of(hosts: &Hosts, limit: f32, horizons: &[u16], stride: usize) -> Self {
        let (mut decisions, mut events) = (Vec::new(), vec![Vec::new(); horizons.len()]);
        each_origin(&hosts.panel, limit, horizons, stride, |host, at, window, peaks| {
            decisions.push((host, at, window.lag(0) > 1.0));
            for (events, &peak) in events.iter_mut().zip(peaks) {
                events.push(peak > 1.0);
            }
        });
        Self { horizons: horizons.to_vec(), decisions, events, limit, stride }
    }

    /// Scores by the past of a host, at most 30 samples of it.
    fn each(&self, hosts: &Hosts, score: impl Fn(&[f64]) -> f32) -> Vec<f32> {
        let mut history = Vec::with_capacity(30);
        let of = |&(host, at, _): &(usize, usize, bool)| {
            let past = &hosts.panel.series(host)[at.saturating_sub(29)..=at];
            history.clear();
            history.extend(past.iter().map(|&u| f64::from(u)));
            score(&history)
        };
        self.decisions.iter().map(of).collect()
    }

    /// Scores by a forecaster of the host's load, per horizon.
    fn forecast(&self, hosts: &Hosts, name: &str) -> Vec<Vec<f32>> {
        let asked = Asked {
            horizons: self.horizons.clone(),
            quantiles: vec![],
            cap: 4.0,
            ..Asked::default()
        };
        let Ok(spec) = ForecasterSpec::named(name) else { return Vec::new() };
        let said =
            Trial::new(hosts.panel.clone(), self.stride).run(&*spec.build(&asked, 288), &mut || ());
        let (vms, width) = (hosts.panel.vms(), asked.width());
        let origins = said.rows.len() / (vms * width);
        let of = |at: usize| {
            let cell = move |host: usize, origin: usize| (origin * vms + host) * width + at;
            let each = (0..vms).flat_map(|host| (0..origins).map(move |origin| cell(host, origin)));
            each.map(|cell| said.rows[cell]).collect()
        };
        (0..width).map(of).collect()
    }

    /// Log odds of the fitted model.
    fn risks(&self, hosts: &Hosts, model: &RiskModel, at: usize) -> Vec<f32> {
        let mut found = Vec::with_capacity(self.decisions.len());
        each_origin(&hosts.panel, self.limit, &self.horizons, self.stride, |_, _, window, _| {
            found.push(model.log_odds(at, window));
        });
        found
    }

    /// Probabilities in order of time: an outcome is learned once its horizon has passed.
    fn calibrated(&self, log_odds: &[f32], at: usize) -> Vec<f32> {
        let hosts = self.decisions.last().map_or(0, |decision| decision.0 + 1);
        let rounds = self.decisions.len() / hosts.max(1);
        let late = usize::from(self.horizons[at]).div_ceil(self.stride);
        let (mut calibration, mut found) = (Calibration::default(), vec![0.0; log_odds.len()]);
        for round in 0..rounds {
            if let Some(known) = round.checked_sub(late) {
                let of = |host| host * rounds + known;
                calibration.learn((0..hosts).map(|h| (log_odds[of(h)], self.events[at][of(h)])));
            }
            for host in 0..hosts {
                let cell = host * rounds + round;
                found[cell] = calibration.probability(log_odds[cell]);
            }
        }
        found
    }

    /// Bottom-up probabilities from the windows of the single VMs.
    fn apart(&self, panel: &Panel, hosts: &Hosts, at: usize, risk: BottomUp) -> Vec<f32> {
        let sums = sums(panel, hosts, &self.horizons, self.stride);
        let of = |(&(host, _, _), &(mean, variance)): (&(usize, usize, bool), &(f64, f64))| {
            let limit = f64::from(self.limit * hosts.capacities[host]);
            risk.probability(mean, variance, limit, self.horizons[at]) as f32
        };
        self.decisions.iter().zip(&sums).map(of).collect()
    }

    fn row(&self, detector: &str, at: usize, scores: &[f32], probabilities: bool) -> OverloadRow {
        let events = &self.events[at];
        let scored = |only: &dyn Fn(usize) -> bool| -> Vec<(f32, bool)> {
            let each = scores.iter().copied().zip(events.iter().copied()).enumerate();
            each.filter(|(cell, _)| only(*cell)).map(|(_, pair)| pair).collect()
        };
        let all = scored(&|_| true);
        let found = probabilities.then(|| reliability(&all)).flatten();
        let came = events.iter().filter(|&&event| event).count();
        OverloadRow {
            detector: detector.to_owned(),
            horizon: self.horizons[at],
            decisions: all.len(),
            base_rate: came as f64 / all.len().max(1) as f64,
            ap_onset: average_precision(scored(&|cell| !self.decisions[cell].2)),
            ap: average_precision(all),
            brier_skill: found.as_ref().map(|found| found.brier_skill),
            ece: found.as_ref().map(|found| found.ece),
            reliability: found.map_or_else(Vec::new, |found| found.bins),
        }
    }
}

/// Sums of means and variances of the VMs of each host at each decision.
fn sums(panel: &Panel, hosts: &Hosts, horizons: &[u16], stride: usize) -> Vec<(f64, f64)> {
    let farthest = horizons.last().map_or(0, |&h| usize::from(h));
    let first = hosts.panel.first_origin();
    let end = panel.samples().saturating_sub(farthest);
    let mut each = vec![Vec::new(); panel.vms()];
    for (vm, moments) in each.iter_mut().enumerate() {
        let mut window = Window::default();
        for (at, &value) in panel.series(vm)[..end].iter().enumerate() {
            window.push(if value.is_finite() { value } else { 0.0 });
            if at >= first && (at - first).is_multiple_of(stride) {
                moments.push(mean_and_variance(&window));
            }
        }
    }
    let mut found = Vec::new();
    for members in &hosts.members {
        let begin = found.len();
        found.resize(begin + each[members[0]].len(), (0.0, 0.0));
        for &vm in members {
            for (sum, (mean, variance)) in found[begin..].iter_mut().zip(&each[vm]) {
                *sum = (sum.0 + mean, sum.1 + variance);
            }
        }
    }
    found
}

/// The bottom-up factor per horizon, fitted on hosts of the calibration part.
fn bottom_up(
    panel: &Panel,
    wanted: Draw,
    trials: Trials,
    horizons: &[u16],
) -> Result<Vec<BottomUp>, Error> {
    let hosts = draw(panel, wanted)?;
    let judged = Judged::of(&hosts, trials.limit, horizons, trials.stride);
    let sums = sums(panel, &hosts, horizons, trials.stride);
    let case = |at: usize, cell: usize| {
        let limit = f64::from(judged.limit * hosts.capacities[judged.decisions[cell].0]);
        (sums[cell].0, sums[cell].1, limit, judged.events[at][cell])
    };
    let of = |at: usize| {
        let cases: Vec<_> = (0..sums.len()).map(|cell| case(at, cell)).collect();
        BottomUp::fit(&cases, horizons[at])
    };
    Ok((0..horizons.len()).map(of).collect())
}
