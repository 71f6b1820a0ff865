//! Which policies are compared, on what, in which metrics, and what came out?

use std::collections::{BTreeMap, BTreeSet};

use super::contrast::Contrast;
use crate::batch::design::{Base, Change, Design, Point};
use crate::batch::error::Error;
use crate::batch::figures::{self, METRICS};
use crate::batch::plan::{ALL_DAYS, Plan, PlannedRun};
use crate::batch::row::Row;
use crate::problem::{Problem, suggestion};
use crate::stats::holm;

/// More pairs than that are taken for a mistake.
const MOST_PAIRS: usize = 4_000;

/// The metric called `name`, with its place among the figures of a row.
///
/// # Errors
/// GLN-711.
pub fn metric(name: &str) -> Result<(usize, &'static str), Error> {
    let names = figures::names();
    let at = names.iter().position(|&known| known == name);
    at.map(|at| (at, names[at])).ok_or_else(|| {
        let what = format!("no metric of that name{}", suggestion(name, names.iter().copied()));
        let remedy = format!("Known: {}", names.join(", "));
        Problem::new("GLN-711", name, what, remedy).into()
    })
}

/// What is to be compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// The policies.
    pub bases: Vec<Base>,
    /// Label of the one that the others are compared with; the first when `None`.
    pub baseline: Option<String>,
    /// What is changed in all of them.
    pub set: Vec<Change>,
    /// The traces; that of the specs when empty.
    pub traces: Vec<String>,
    /// The workloads of leases; those of the specs when empty.
    pub workloads: Vec<String>,
    /// The days; when empty that of the specs, or where they name none, all.
    pub days: Vec<String>,
    /// How many seeds, from 0.
    pub seeds: usize,
    /// The metrics, by name.
    pub metrics: Vec<String>,
    /// Confidence of intervals and verdicts, between 0 and 1.
    pub confidence: f64,
}

impl Question {
    /// Compares `bases` on 10 seeds in [`METRICS`] with 95 % confidence.
    pub fn about(bases: Vec<Base>) -> Self {
        Self {
            bases,
            baseline: None,
            set: Vec::new(),
            traces: Vec::new(),
            workloads: Vec::new(),
            days: Vec::new(),
            seeds: 10,
            metrics: METRICS.map(str::to_owned).into(),
            confidence: 0.95,
        }
    }

    /// The same in the metrics that one looks at first in such runs.
    pub fn in_usual_metrics(self) -> Self {
        let set = self.set.iter().map(Change::as_override);
        let read = |base: &Base| {
            let changes = base.changes.iter().map(Change::as_override).chain(set.clone());
            crate::spec::parse(&base.text, &base.label, changes.collect()).ok()
        };
        let first = self.bases.first().and_then(read);
        let metrics = first.map_or(METRICS.to_vec(), |spec| figures::usual(&spec));
        Self { metrics: metrics.into_iter().map(str::to_owned).collect(), ..self }
    }

    /// The runs that it takes.
    ///
    /// # Errors
    /// Every problem of the question, else those of [`Plan::of`].
    pub fn plan(&self) -> Result<Plan, Error> {
        let problems = self.problems();
        if !problems.is_empty() {
            return Err(Error::Input(problems));
        }
        let plan = Plan::of(&self.design())?;
        let pairs = self.of_base(&plan, 0).len();
        if pairs > MOST_PAIRS {
            let what = format!("asks for {pairs} pairs, at most {MOST_PAIRS} make sense");
            let remedy = "Give fewer seeds or days";
            return Err(Problem::new("GLN-704", "compare", what, remedy).into());
        }
        let situations = |base| self.of_base(&plan, base).into_iter().map(Situation::of);
        let first: Vec<Situation<'_>> = situations(0).collect();
        let strange = (1..self.bases.len()).find(|&base| !situations(base).eq(first.clone()));
        if let Some(strange) = strange {
            let label = &self.bases[strange].label;
            let first = &self.bases[0].label;
            let what = format!("`{label}` runs on another trace or workload than `{first}`");
            let remedy = "Name them, and the days, for all: --trace, --days, --workload";
            return Err(Problem::new("GLN-710", "compare", what, remedy).into());
        }
        Ok(plan)
    }

    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut problem = |what: String, remedy: &str| {
            problems.push(Problem::new("GLN-710", "compare", what, remedy));
        };
        if self.bases.len() < 2 {
            let what = format!("found {} spec, a comparison takes at least two", self.bases.len());
            problem(what, "Name two or more, e.g. galerna compare thr-mmt lr-mmt");
        }
        for (at, Base { label, .. }) in self.bases.iter().enumerate() {
            if self.bases[..at].iter().any(|other| other.label == *label) {
                problem(format!("`{label}` is there twice"), "Name it once");
            }
        }
        if self.seeds == 0 {
            problem("0 seeds are no repetition".into(), "Give at least 1");
        }
        if !(self.confidence > 0.0 && self.confidence < 1.0) {
            let what = format!("confidence {} is not between 0 and 1", self.confidence);
            problem(what, "Give e.g. 0.95");
        }
        let labels = || self.bases.iter().map(|base| base.label.as_str());
        if let Some(baseline) = &self.baseline
            && !labels().any(|label| label == baseline)
        {
            let hint = suggestion(baseline, labels());
            let what = format!("the baseline `{baseline}` is not compared{hint}");
            problem(what, "Name one of the specs that are compared");
        }
        if self.metrics.is_empty() {
            problem("no metric is named".into(), "Name one, e.g. energy_kwh");
        }
        for name in &self.metrics {
            if let Err(Error::Input(found)) = metric(name) {
                problems.extend(found);
            }
        }
        problems
    }

    fn design(&self) -> Design {
        let axis = |key: &str, values: &[String]| -> Vec<Point> {
            let point = |value: &String| Point::from(Change::new(key, value.as_str()));
            values.iter().map(point).collect()
        };
        let mut axes = Vec::new();
        if !self.traces.is_empty() {
            axes.push(axis("trace.path", &self.traces));
        }
        if !self.workloads.is_empty() {
            axes.push(axis("leases.workload", &self.workloads));
        }
        if !self.days.is_empty() {
            axes.push(axis("trace.day", &self.days));
        } else if !self.bases.iter().any(wants_no_day) {
            axes.push(axis("trace.day", &[ALL_DAYS.to_owned()]));
        }
        let seed = |seed: usize| Point::from(Change::new("run.seed", seed as i64));
        axes.push((0..self.seeds).map(seed).collect());
        let (bases, set) = (self.bases.clone(), self.set.clone());
        Design { name: "compare".into(), bases, set, axes }
    }

    fn of_base<'p>(&self, plan: &'p Plan, base: usize) -> Vec<&'p PlannedRun> {
        plan.runs.iter().filter(|run| run.base == base).collect()
    }

    /// What the results of its plan say.
    ///
    /// Panics when `plan` is not its own, or `rows` are not the results of `plan`.
    pub fn answer(&self, plan: &Plan, rows: &[Row]) -> Comparison {
        assert_eq!(plan.runs.len(), rows.len(), "every run has one result");
        let named = self.metrics.iter().filter_map(|name| metric(name).ok());
        let metrics: Vec<(usize, &'static str)> = named.collect();
        let labelled = |label: &String| self.bases.iter().position(|base| base.label == *label);
        let baseline = self.baseline.as_ref().and_then(labelled).unwrap_or(0);
        let results = Pairing::of(plan, rows, self.bases.len());
        let mut contrasts = Vec::new();
        for &(at, name) in &metrics {
            for (mine, Base { label, .. }) in self.bases.iter().enumerate() {
                if mine != baseline {
                    let days = results.pairs(baseline, mine, at);
                    contrasts.push(Contrast::of(name, label, &days, self.confidence));
                }
            }
        }
        let together = contrasts.len();
        let adjusted = holm(&contrasts.iter().map(|contrast| contrast.p).collect::<Vec<_>>());
        for (contrast, p_holm) in contrasts.iter_mut().zip(adjusted) {
            contrast.settle(p_holm, together, self.confidence);
        }
        let means = metrics
            .iter()
            .map(|&(at, name)| Entrant { metric: name, mean: results.mean(baseline, at) });
        let failed = plan.runs.iter().zip(rows);
        let failed = failed.filter_map(|(run, row)| Some((run.replay(), row.error()?.to_owned())));
        Comparison {
            baseline: self.bases[baseline].label.clone(),
            baselines: means.collect(),
            days: results.days(),
            seeds: self.seeds,
            repeated: results.repeated(baseline),
            confidence: self.confidence,
            contrasts,
            failed: failed.collect(),
        }
    }
}

/// Whether the spec itself says on which day it runs, or it carries no load.
fn wants_no_day(base: &Base) -> bool {
    let changes = base.changes.iter().map(Change::as_override).collect();
    let read = crate::spec::parse(&base.text, &base.label, changes);
    read.is_ok_and(|spec| spec.trace.day.is_some() || !spec.carries_load())
}

/// What two runs of a pair have in common.
#[derive(Debug, Clone, PartialEq)]
struct Situation<'p> {
    trace: String,
    workload: Option<String>,
    day: Option<&'p str>,
    seed: u64,
}

impl<'p> Situation<'p> {
    fn of(run: &'p PlannedRun) -> Self {
        let trace = run.spec.trace.path.display().to_string();
        let (workload, seed) = (run.workload(), run.spec.run.seed);
        Self { trace, workload, day: run.spec.trace.day.as_deref(), seed }
    }
}

/// Results by policy and situation.
struct Pairing<'r> {
    /// Per policy, in the order of the situations.
    rows: Vec<Vec<&'r Row>>,
    /// Per policy, the first situation of the same day with the same result.
    first_of: Vec<Vec<usize>>,
    /// Day of each situation, as a number.
    day_of: Vec<usize>,
}

impl<'r> Pairing<'r> {
    fn of(plan: &Plan, rows: &'r [Row], bases: usize) -> Self {
        let mut by_base: Vec<Vec<&Row>> = vec![Vec::new(); bases];
        let (mut days, mut day_of) = (Vec::new(), Vec::new());
        for (run, row) in plan.runs.iter().zip(rows) {
            by_base[run.base].push(row);
            if run.base == 0 {
                let trace = &run.spec.trace;
                let day = (trace.path.clone(), run.workload(), trace.day.clone());
                let known = days.iter().position(|other| *other == day);
                day_of.push(known.unwrap_or_else(|| {
                    days.push(day);
                    days.len() - 1
                }));
            }
        }
        let first_of = by_base.iter().map(|rows| first_alike(rows, &day_of)).collect();
        Self { rows: by_base, first_of, day_of }
    }

    fn days(&self) -> usize {
        self.day_of.iter().collect::<BTreeSet<_>>().len()
    }

    /// Situations in which both runs came to their end.
    fn finished(&self, baseline: usize, mine: usize) -> impl Iterator<Item = usize> {
        let done = move |at: &usize| {
            [baseline, mine].iter().all(|&base| self.rows[base][*at].error().is_none())
        };
        (0..self.day_of.len()).filter(done)
    }

    /// Those in which they do what they did with no seed before on that day: the same runs once
    /// more witness nothing.
    fn fresh(&self, baseline: usize, mine: usize) -> impl Iterator<Item = usize> {
        let mut known = BTreeSet::new();
        let pair = move |at: usize| (self.first_of[baseline][at], self.first_of[mine][at]);
        self.finished(baseline, mine).filter(move |&at| known.insert(pair(at)))
    }

    /// Figures of baseline and policy per day, where both have them.
    fn pairs(&self, baseline: usize, mine: usize, metric: usize) -> Vec<Vec<(f64, f64)>> {
        let mut days = vec![Vec::new(); self.days()];
        for at in self.fresh(baseline, mine) {
            let figure = |base: usize| self.rows[base][at].figure(metric);
            if let (Some(base), Some(mine)) = (figure(baseline), figure(mine)) {
                days[self.day_of[at]].push((base, mine));
            }
        }
        days
    }

    /// How many pairs of all policies repeat another.
    fn repeated(&self, baseline: usize) -> usize {
        let others = (0..self.rows.len()).filter(|&base| base != baseline);
        let of = |mine| self.finished(baseline, mine).count() - self.fresh(baseline, mine).count();
        others.map(of).sum()
    }

    fn mean(&self, base: usize, metric: usize) -> Option<f64> {
        let figures: Vec<f64> =
            self.rows[base].iter().filter_map(|row| row.figure(metric)).collect();
        crate::stats::mean(&figures)
    }
}

/// For each situation the first one of its day of which the result is the same.
fn first_alike(rows: &[&Row], day_of: &[usize]) -> Vec<usize> {
    let mut first = BTreeMap::new();
    let results = rows.iter().zip(day_of).enumerate();
    results.map(|(at, (row, day))| *first.entry((day, row.result())).or_insert(at)).collect()
}

/// The baseline in one metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entrant {
    /// The metric.
    pub metric: &'static str,
    /// Its mean over all runs that have it.
    pub mean: Option<f64>,
}

/// What the results of a question say.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Label of the policy that the others are compared with.
    pub baseline: String,
    /// Its figures.
    pub baselines: Vec<Entrant>,
    /// How many days there are, of all traces.
    pub days: usize,
    /// How many seeds.
    pub seeds: usize,
    /// How many pairs are bit by bit those of another seed on the same day, and so left out.
    pub repeated: usize,
    /// Confidence of intervals and verdicts.
    pub confidence: f64,
    /// Metric by metric, every policy but the baseline.
    pub contrasts: Vec<Contrast>,
    /// Runs that failed: the command that repeats each, and why.
    pub failed: Vec<(String, String)>,
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;
    use crate::batch::row::Ended;

    fn question(names: &[&str]) -> Question {
        Question::about(names.iter().flat_map(|name| Base::named(name).unwrap()).collect())
    }

    fn problems(question: &Question) -> Vec<String> {
        let Err(Error::Input(problems)) = question.plan() else { panic!("it has a plan") };
        problems.iter().map(Problem::to_string).collect()
    }

    #[test]
    fn all_that_is_wrong_with_a_question_is_told_at_once() {
        let mut bad = question(&["lr-mmt", "lr-mmt"]);
        bad.baseline = Some("lr-mm".into());
        bad.seeds = 0;
        bad.confidence = 95.0;
        bad.metrics = vec!["energy".into()];
        let found = problems(&bad);
        let expected = [
            "`lr-mmt` is there twice",
            "0 seeds",
            "confidence 95",
            "(did you mean `lr-mmt`?)",
            "GLN-711 energy: no metric of that name",
        ];
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{found}");
        }
        assert!(problems(&question(&["lr-mmt"]))[0].contains("at least two"));
    }

    #[test]
    fn policies_on_different_traces_are_no_pairs() {
        let mut apart = question(&["lr-mmt", "thr-mmt"]);
        apart.bases[1].changes.push(Change::new("trace.day", "sample"));
        let found = problems(&apart);
        assert!(
            found[0].contains("`thr-mmt` runs on another trace or workload than `lr-mmt`"),
            "{found:?}"
        );
        apart.days = vec!["sample".into()];
        assert_eq!(apart.plan().unwrap().runs.len(), 20);
    }

    /// The figures are made up: the second policy uses 5 to 14 kWh less, the third as much.
    #[test]
    fn pairs_are_those_of_the_same_day_and_seed() {
        let mut question = question(&["lr-mmt", "thr-mmt", "mad-mmt"]);
        question.metrics = vec!["energy_kwh".into()];
        let plan = question.plan().unwrap();
        let row = |(n, run): (usize, &PlannedRun)| {
            let level = 100.0 + run.spec.run.seed as f64;
            let kwh = level - [0.0, 5.0 + (n % 10) as f64, 0.0][run.base];
            let mut figures = vec![Some(0.0); figures::names().len()];
            figures[0] = Some(kwh);
            let event_log_blake3 = "e".into();
            let mut ended = Ended::Done { figures, event_log_blake3, load_log_blake3: None };
            if (run.base, run.spec.run.seed) == (2, 7) {
                ended = Ended::Failed { error: "GLN-501 no room".into() };
            }
            Row { address: None, trace_blake3: None, ended }
        };
        let rows: Vec<Row> = plan.runs.iter().enumerate().map(row).collect();
        let comparison = question.answer(&plan, &rows);
        assert_eq!(comparison.baseline, "lr-mmt");
        assert_eq!(comparison.baselines[0].mean, Some(104.5));
        let [thr, mad] = &comparison.contrasts[..] else { panic!("{comparison:?}") };
        assert_eq!((thr.pairs, thr.mean, thr.verdict), (10, 95.0, Verdict::Lower));
        assert_eq!(thr.centre.unwrap().estimate, -9.5);
        assert_eq!((mad.pairs, mad.verdict), (9, Verdict::Identical));
        assert_eq!(comparison.failed.len(), 1);
        assert!(comparison.failed[0].0.starts_with("galerna run mad-mmt "));
        assert_eq!(comparison.repeated, 0);
        question.baseline = Some("thr-mmt".into());
        assert_eq!(question.answer(&plan, &rows).contrasts[0].verdict, Verdict::Higher);
    }

    /// Nothing is drawn: ten seeds are ten times the same pair, which shows no more than one. With
    /// every second seed another there are two.
    #[test]
    fn runs_that_are_the_same_with_another_seed_count_once() {
        let mut question = question(&["lr-mmt", "thr-mmt"]);
        question.metrics = vec!["energy_kwh".into()];
        let plan = question.plan().unwrap();
        let answer = |kinds: u64| {
            let row = |run: &PlannedRun| {
                let kwh = 100.0 - run.base as f64 + (run.spec.run.seed % kinds) as f64;
                let mut figures = vec![Some(0.0); figures::names().len()];
                figures[0] = Some(kwh);
                let event_log_blake3 = "e".into();
                let ended = Ended::Done { figures, event_log_blake3, load_log_blake3: None };
                Row { address: None, trace_blake3: None, ended }
            };
            let rows: Vec<Row> = plan.runs.iter().map(row).collect();
            let found = question.answer(&plan, &rows);
            (found.contrasts[0].pairs, found.contrasts[0].verdict, found.repeated)
        };
        assert_eq!(answer(1), (1, Verdict::TooFewPairs, 9));
        assert_eq!(answer(2), (2, Verdict::TooFewPairs, 8));
        assert_eq!(answer(10), (10, Verdict::Lower, 0));
    }
}
