//! From a design to runs that are known to be well formed: everything is checked before anything
//! runs, and all problems are reported at once.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::PathBuf;

use rayon::prelude::*;
use toml::Value;

use super::design::{Base, Change, Design, Point};
use super::error::Error;
use super::replay;
use super::tables::RunTable;
use crate::lease::format;
use crate::problem::{Problem, suggestion};
use crate::spec::{self, LeaseSpec, RunSpec};
use crate::trace;

/// More runs than that are taken for a mistake.
pub const MOST_RUNS: usize = 100_000;

/// The value of `trace.day` that stands for every day of the trace.
pub const ALL_DAYS: &str = "all";

const DAY: &str = "trace.day";
const SEED: &str = "run.seed";

/// Runs in the order of their design.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The runs.
    pub runs: Vec<PlannedRun>,
    /// Every key that is not the same in all runs.
    pub varied: Vec<String>,
}

/// One run of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedRun {
    /// What tables call its spec.
    pub label: String,
    /// The file or bundled name of its spec.
    pub name: String,
    /// Which of the design's specs it is.
    pub base: usize,
    /// Name of the point that it has from a list, where that has one.
    pub point: Option<String>,
    /// What tells it from other runs, apart from day and seed, in words.
    pub variant: String,
    /// What is changed in the spec, in this order.
    pub changes: Vec<Change>,
    /// The result: a complete spec.
    pub spec: RunSpec,
}

impl PlannedRun {
    /// The command that repeats it alone.
    pub fn replay(&self) -> String {
        replay::command(&self.name, &self.changes)
    }

    /// The workload of its leases, in a run of leases.
    pub fn workload(&self) -> Option<String> {
        self.spec.leases.as_ref().map(|leases| leases.workload.0.display().to_string())
    }

    /// The value that the run gives to `key`, where it changes it.
    pub fn change(&self, key: &str) -> Option<&Value> {
        self.changes.iter().rev().find(|change| change.key == key).map(|change| &change.value)
    }
}

impl Plan {
    /// Every run of `design`, checked.
    ///
    /// # Errors
    /// [`Error::Input`] with every problem: of the specs, of the values that they are given, of
    /// the traces and days that they name. The samples of the traces are not read.
    pub fn of(design: &Design) -> Result<Self, Error> {
        let of_bases: Vec<Problem> = design.bases.iter().flat_map(problems_of).collect();
        if !of_bases.is_empty() {
            return Err(Error::Input(of_bases));
        }
        let combinations = design.combinations().filter(|&runs| runs <= MOST_RUNS);
        let Some(combinations) = combinations else {
            let what = format!("asks for more than {MOST_RUNS} runs");
            let remedy = "Split it, or leave values out";
            return Err(Problem::new("GLN-704", &design.name, what, remedy).into());
        };
        let resolved: Vec<Result<PlannedRun, Faulty>> =
            (0..combinations).into_par_iter().map(|index| resolved(design, index)).collect();
        let mut faults = Faults::among(combinations);
        let mut runs = Vec::with_capacity(combinations);
        for result in resolved {
            match result {
                Ok(run) => runs.push(run),
                Err(Faulty { run, problems }) => {
                    problems.into_iter().for_each(|problem| faults.add(problem, &run));
                }
            }
        }
        let runs = on_days(runs, &mut faults);
        workloads(&runs, &mut faults);
        let problems = faults.into_problems();
        if !problems.is_empty() {
            return Err(Error::Input(problems));
        }
        Ok(Self { runs, varied: design.varied() })
    }
}

impl Plan {
    /// Refuses tables that some of the runs do not have.
    ///
    /// # Errors
    /// GLN-213.
    pub fn check_keep(&self, keep: &[RunTable]) -> Result<(), Error> {
        let lacking = |table: &RunTable| {
            let without = self.runs.iter().find(|run| !table.is_of(&run.spec))?;
            let what = format!("`{}` has no such table", without.variant);
            let remedy = "Leave it out: `leases` are of runs of leases, `ledger` of those with \
                          [costs], the others of runs that carry load";
            Some(Problem::new("GLN-213", format!("keep, {}", table.name()), what, remedy))
        };
        let problems: Vec<Problem> = keep.iter().filter_map(lacking).collect();
        if problems.is_empty() { Ok(()) } else { Err(Error::Input(problems)) }
    }
}

/// What is wrong with a spec by itself.
fn problems_of(base: &Base) -> Vec<Problem> {
    let changes = base.changes.iter().map(Change::as_override).collect();
    let read = spec::parse(&base.text, &base.label, changes);
    read.err().map_or_else(Vec::new, |error| error.problems)
}

/// A combination that is no run, in words, and why not.
struct Faulty {
    run: String,
    problems: Vec<Problem>,
}

fn resolved(design: &Design, index: usize) -> Result<PlannedRun, Faulty> {
    let (at, points) = design.combination(index);
    let base = &design.bases[at];
    let of_points = points.iter().flat_map(|point| &point.changes);
    let changes: Vec<Change> =
        base.changes.iter().chain(&design.set).chain(of_points).cloned().collect();
    let overrides = changes.iter().map(Change::as_override).collect();
    let parsed = spec::parse(&base.text, &design.name, overrides);
    let runnable = parsed.and_then(|spec| spec.check_runnable(&design.name).map(|()| spec));
    match runnable {
        Ok(spec) => Ok(PlannedRun {
            label: base.label.clone(),
            name: base.spec.clone(),
            base: at,
            point: points.iter().find_map(|point| point.name.clone()),
            variant: variant(base, &points),
            changes,
            spec,
        }),
        Err(error) => Err(Faulty { run: told(base, &points), problems: error.problems }),
    }
}

/// A combination in words: `lr-mmt, run.seed=1`.
fn told(base: &Base, points: &[&Point]) -> String {
    let changes = points.iter().flat_map(|point| &point.changes).map(replay::assignment);
    std::iter::once(base.label.clone()).chain(changes).collect::<Vec<_>>().join(", ")
}

/// A combination in words, whatever its day and seed: `lr-mmt migration.share=0.5`.
fn variant(base: &Base, points: &[&Point]) -> String {
    let repeats = |change: &&Change| [DAY, SEED].contains(&change.key.as_str());
    let mut words = vec![base.label.clone()];
    for point in points {
        match &point.name {
            Some(name) => words.push(name.clone()),
            None => {
                let changes = point.changes.iter().filter(|change| !repeats(change));
                words.extend(changes.map(replay::assignment));
            }
        }
    }
    words.join(" ")
}

/// Checks the days of all runs, and repeats those that are to run on every day.
fn on_days(runs: Vec<PlannedRun>, faults: &mut Faults) -> Vec<PlannedRun> {
    let mut known: BTreeMap<PathBuf, Result<Vec<String>, trace::Error>> = BTreeMap::new();
    let mut dated = Vec::with_capacity(runs.len());
    for run in runs {
        if !run.spec.carries_load() {
            dated.push(run);
            continue;
        }
        let days = match known.entry(run.spec.trace.path.clone()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let days = trace::days(entry.key());
                entry.insert(days)
            }
        };
        match days {
            Ok(days) => match wanted(&run, days) {
                Ok(None) => dated.push(run),
                Ok(Some([])) => dated.push(on_day(&run, None)),
                Ok(Some(all)) => dated.extend(all.iter().map(|day| on_day(&run, Some(day)))),
                Err(problem) => faults.add(problem, &run.label),
            },
            Err(error) => {
                for problem in &error.problems {
                    faults.add(problem.clone(), &run.label);
                }
            }
        }
        if dated.len() > MOST_RUNS {
            let what = format!("the days make more than {MOST_RUNS} runs");
            let problem = Problem::new("GLN-704", "trace.day", what, "Name fewer days");
            faults.add(problem, "");
            break;
        }
    }
    dated
}

/// Finds files of leases that cannot be opened; what they hold is read when the runs are.
fn workloads(runs: &[PlannedRun], faults: &mut Faults) {
    let mut known: BTreeMap<PathBuf, Vec<Problem>> = BTreeMap::new();
    for run in runs {
        for path in run.spec.leases.iter().flat_map(LeaseSpec::files) {
            let found = known.entry(path).or_insert_with_key(|path| {
                format::open(path).err().map_or_else(Vec::new, |error| error.problems)
            });
            found.iter().for_each(|problem| faults.add(problem.clone(), &run.label));
        }
    }
}

/// The days on which `run` is to be repeated; `None` when it names what it wants.
fn wanted<'d>(run: &PlannedRun, days: &'d [String]) -> Result<Option<&'d [String]>, Problem> {
    let path = run.spec.trace.path.display().to_string();
    let listed = || format!("It has {}", days.join(", "));
    match run.spec.trace.day.as_deref() {
        Some(ALL_DAYS) => Ok(Some(days)),
        Some(day) if !days.is_empty() && !days.iter().any(|known| known == day) => {
            let hint = suggestion(day, days.iter().map(String::as_str));
            let what = format!("there is no day `{day}`{hint}");
            Err(Problem::new("GLN-108", path, what, listed()))
        }
        None if days.len() > 1 => {
            let remedy = format!("Give trace.day; `{ALL_DAYS}` takes every one. {}", listed());
            let what = format!("holds {} days, none selected", days.len());
            Err(Problem::new("GLN-107", path, what, remedy))
        }
        _ => Ok(None),
    }
}

/// `run` on `day`; none where the trace does not tell days apart.
fn on_day(run: &PlannedRun, day: Option<&String>) -> PlannedRun {
    let mut run = run.clone();
    run.changes.retain(|change| change.key != DAY);
    run.changes.extend(day.map(|day| Change::new(DAY, day.as_str())));
    run.spec.trace.day = day.cloned();
    run
}

/// Problems of many runs, each once, with the runs that have it.
struct Faults {
    runs: usize,
    /// A problem, how many runs have it, and the first of them.
    found: Vec<(Problem, usize, String)>,
    places: BTreeMap<String, usize>,
}

impl Faults {
    fn among(runs: usize) -> Self {
        Self { runs, found: Vec::new(), places: BTreeMap::new() }
    }

    fn add(&mut self, problem: Problem, run: &str) {
        let new = self.found.len();
        match *self.places.entry(problem.to_string()).or_insert(new) {
            at if at < new => self.found[at].1 += 1,
            _ => self.found.push((problem, 1, run.to_owned())),
        }
    }

    fn into_problems(self) -> Vec<Problem> {
        let runs = self.runs;
        let worded = |(mut problem, count, first): (Problem, usize, String)| {
            if count < runs && !first.is_empty() {
                problem.what += &format!(" (in {count} of {runs} runs, first in {first})");
            }
            problem
        };
        self.found.into_iter().map(worded).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn design(specs: &[&str], axes: Vec<Vec<Point>>) -> Design {
        let bases = specs.iter().flat_map(|name| Base::named(name).unwrap()).collect();
        Design { name: "sweep.toml".into(), bases, set: Vec::new(), axes }
    }

    fn axis<V: Into<Value>>(key: &str, values: impl IntoIterator<Item = V>) -> Vec<Point> {
        values.into_iter().map(|value| Change::new(key, value).into()).collect()
    }

    fn problems(design: &Design) -> Vec<String> {
        let Err(Error::Input(problems)) = Plan::of(design) else { panic!("a plan was made") };
        problems.iter().map(Problem::to_string).collect()
    }

    #[test]
    fn every_combination_becomes_a_run_with_its_replay() {
        let axes = vec![axis("policy.overload.safety", [1.1, 1.2]), axis("run.seed", [0, 1, 2])];
        let plan = Plan::of(&design(&["lr-mmt", "lrr-mmt"], axes)).unwrap();
        assert_eq!(plan.runs.len(), 12);
        assert_eq!(plan.varied, ["policy.overload.safety", "run.seed"]);
        let last = &plan.runs[11];
        assert_eq!((last.label.as_str(), last.base, last.spec.run.seed), ("lrr-mmt", 1, 2));
        let replay = "galerna run lrr-mmt --set policy.overload.safety=1.2 --seed 2";
        assert_eq!(last.replay(), replay);
        assert_eq!(last.change("policy.overload.safety"), Some(&Value::Float(1.2)));
        assert_eq!(last.variant, "lrr-mmt policy.overload.safety=1.2");
    }

    #[test]
    fn a_problem_is_told_once_with_the_runs_that_have_it() {
        let axes = vec![axis("policy.overload.safety", [1.1, -1.0]), axis("run.seed", [0, 1])];
        let found = problems(&design(&["lr-mmt", "thr-mmt"], axes));
        assert_eq!(found.len(), 2, "{found:#?}");
        assert!(found[0].contains("must be above 0, found -1 (in 2 of 8 runs, first in lr-mmt"));
        assert!(found[1].contains("unknown parameter `safety`"), "{found:#?}");
        assert!(found[1].contains("(in 4 of 8 runs, first in thr-mmt, "), "{found:#?}");
        let misspelt = vec![axis("policy.overload.saftey", [1.1, 1.2])];
        let found = problems(&design(&["lr-mmt"], misspelt));
        let expected = "GLN-202 sweep.toml, [policy] overload.saftey: unknown parameter `saftey` \
                        (did you mean `safety`?). Known: safety, weights.";
        assert_eq!(found, [expected]);
    }

    #[test]
    fn days_are_checked_and_all_of_them_can_be_asked_for() {
        let all = vec![axis(DAY, [ALL_DAYS])];
        let plan = Plan::of(&design(&["lr-mmt"], all)).unwrap();
        assert_eq!(plan.runs[0].spec.trace.day.as_deref(), Some("sample"));
        assert_eq!(plan.runs[0].replay(), "galerna run lr-mmt --set trace.day=sample");
        let found = problems(&design(&["lr-mmt"], vec![axis(DAY, ["sampel", "sample"])]));
        assert!(found[0].contains("no day `sampel` (did you mean `sample`?) (in 1 of 2 runs"));
        let found = problems(&design(&["lr-mmt"], vec![axis("trace.path", ["no/such"])]));
        assert!(found[0].starts_with("GLN-106 no/such: "), "{found:?}");
    }

    #[test]
    fn what_is_wrong_with_a_spec_is_told_of_that_spec_alone() {
        let mut design = design(&["lr-mmt"], vec![axis("run.seed", [0, 1, 2])]);
        design.bases.push(Base::with_text("mine.toml", "[hots]\n".into()));
        let found = problems(&design);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("GLN-202 mine.toml, [hots]: unknown section"), "{found:?}");
    }

    #[test]
    fn a_design_with_too_many_runs_is_refused_before_it_is_spelt_out() {
        let seeds = || axis("run.seed", 0..1000);
        let shares = || axis("migration.share", (1..=1000).map(|n| f64::from(n) / 1000.0));
        let found = problems(&design(&["lr-mmt"], vec![seeds(), shares()]));
        assert!(found[0].starts_with("GLN-704 sweep.toml: asks for more than 100000"), "{found:?}");
    }
}
