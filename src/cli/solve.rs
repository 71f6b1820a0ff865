//! `galerna solve`: which item goes to which machine, how good is that, and how much better could
//! it be?

use std::fmt::Write as _;
use std::io::{self, IsTerminal};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::{Args, Subcommand, value_parser};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use signal_hook::consts::SIGINT;

use super::solve_snapshot::SolveSnapshot;
use super::{Answer, DONE, Failure, Format, INTERRUPTED, POLICY_FAILED, json};
use crate::check::roadef::judge;
use crate::problem::Problem;
use crate::reassign::{
    Budget, Instance, Options, Progress, Solution, State, Status, Terms, gap, roadef, solve,
};
use crate::whole_file;

/// Search time where nothing is said, s.
const TIME_S: f64 = 60.0;

/// Longest search time, s: ten years.
const LONGEST_S: f64 = 3.2e8;

/// Searches shorter than this show no progress.
const PATIENCE: Duration = Duration::from_secs(1);

/// Solve a reassignment problem, with a bound that says how good the answer is.
#[derive(Debug, Args)]
pub(super) struct Solve {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Roadef(Roadef),
    Snapshot(SolveSnapshot),
}

/// Machine reassignment as in the ROADEF/EURO challenge 2012.
///
/// Moves processes between machines so that load above safety capacities, missed balances and the
/// moves themselves cost as little as possible, while capacities, transient use, conflicts, spread
/// and dependencies hold. The answer is verified by code of its own before it is printed or
/// written, and never costs more than the assignment that was given.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  galerna solve roadef model_a1_1.txt assignment_a1_1.txt --time-s 5
  galerna solve roadef model_b_1.txt.xz assignment_b_1.txt.xz \\
      --out new.txt --time-s 60 --threads 2 --seed 1 --format json
  galerna solve roadef model.txt assignment.txt --steps 1000000   the same on every machine

What is printed: cost and initial_cost are the weighted objective; no assignment costs less than
lower_bound; gap = (cost - lower_bound) / cost. status is optimal, limit or stopped.
Ctrl-C ends the search and gives the best assignment so far, a second one gives nothing.

Exit codes: 0 done, 2 bad input, 130 interrupted (the best so far is printed and written).")]
struct Roadef {
    /// The model file; .xz and .gz are unpacked.
    model: PathBuf,
    /// The file of the assignment to start from, one machine per process; may be packed too.
    assignment: PathBuf,
    /// Write the new assignment to this file, whole or not at all.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Seconds that it may take, reading included [default: 60, or no limit with --steps].
    #[arg(long, value_name = "S", value_parser = seconds, allow_negative_numbers = true)]
    time_s: Option<f64>,
    /// Steps that each of two searches may take; the answer is then the same for any number of
    /// threads, unless --time-s ends them first.
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    steps: Option<u64>,
    /// Threads to use; each searches by itself and goes on from the best of all now and then.
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = value_parser!(u16).range(1..=1024))]
    threads: u16,
    /// Seed of all random draws.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub(super) fn seconds(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|s| *s > 0.0 && *s <= LONGEST_S);
    number.ok_or_else(|| format!("expected seconds above 0 and at most {LONGEST_S:e}"))
}

/// What is printed with `--format json`.
#[derive(Debug, Serialize)]
struct Report {
    cost: i64,
    initial_cost: i64,
    lower_bound: i64,
    gap: f64,
    feasible: bool,
    time_s: f64,
    status: Status,
    moved: usize,
    steps: u64,
    terms: Terms,
    trajectory: Vec<Progress>,
}

impl Solve {
    /// The snapshot that is to be solved, if that is what was asked for.
    pub(super) fn snapshot(self) -> Option<SolveSnapshot> {
        match self.command {
            Command::Snapshot(snapshot) => Some(snapshot),
            Command::Roadef(_) => None,
        }
    }

    pub(super) fn execute(self) -> Result<Answer, Failure> {
        match self.command {
            Command::Roadef(roadef) => roadef.execute(),
            Command::Snapshot(snapshot) => snapshot.execute(),
        }
    }
}

impl Roadef {
    fn execute(&self) -> Result<Answer, Failure> {
        let begun = Instant::now();
        let (model, start) = self.texts().map_err(Failure::bad_input)?;
        let named = |path: &Path| path.display().to_string();
        let (model_name, start_name) = (named(&self.model), named(&self.assignment));
        let instance = roadef::parse((&model, &model_name), (&start, &start_name));
        let instance = instance.map_err(Failure::bad_input)?;
        let options = Options {
            budget: self.budget(begun.elapsed()),
            threads: usize::from(self.threads),
            seed: self.seed,
            gap: 0.0,
        };
        // The files of the challenge begin with an assignment that keeps all rules.
        State::at_start(&instance).map_err(Failure::bad_input)?;
        let solution = interruptible(|asked, line| {
            solve(&instance, options, &mut |&Progress { cost, lower_bound, .. }| {
                let gap = 100.0 * gap(cost, lower_bound);
                line.show(|| format!("cost {cost}, bound {lower_bound}, gap {gap:.4} %"));
                if asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
        });
        let solution = solution.map_err(Failure::bad_input)?;
        let new = roadef::assignment_text(&solution.assignment);
        verified(&model, &start, &new, solution.cost)?;
        if let Some(out) = &self.out {
            write(out, &new).map_err(Failure::bad_input)?;
        }
        let code = if solution.status == Status::Stopped { INTERRUPTED } else { DONE };
        let report = report(&instance, solution, begun.elapsed());
        let text = match self.format {
            Format::Table => self.table(&report),
            Format::Json => json(&report)?,
        };
        Ok(Answer { text, code })
    }

    /// Both files; what is wrong with either is told.
    fn texts(&self) -> Result<(Vec<u8>, Vec<u8>), String> {
        let (model, start) = (roadef::read_text(&self.model), roadef::read_text(&self.assignment));
        match (model, start) {
            (Ok(model), Ok(start)) => Ok((model, start)),
            (model, start) => {
                let errors = [model.err(), start.err()].into_iter().flatten();
                Err(errors.map(|error| error.to_string()).collect::<Vec<_>>().join("\n"))
            }
        }
    }

    fn budget(&self, spent: Duration) -> Budget {
        let time_s = self.time_s.or_else(|| self.steps.is_none().then_some(TIME_S));
        let time = time_s.map(|s| Duration::from_secs_f64(s).saturating_sub(spent));
        Budget { time, steps: self.steps }
    }

    fn table(&self, report: &Report) -> String {
        let mut text = String::new();
        let terms = report.terms;
        for (name, cost) in [
            ("initial cost", report.initial_cost),
            ("cost", report.cost),
            ("  load", terms.load),
            ("  balance", terms.balance),
            ("  process moves", terms.item_moves),
            ("  service moves", terms.service_moves),
            ("  machine moves", terms.machine_moves),
            ("lower bound", report.lower_bound),
        ] {
            writeln!(text, "{name:<20} {cost:>20}").expect("a string takes any text");
        }
        let status = match report.status {
            Status::Optimal => "no assignment costs less",
            Status::GapReached => "as near to the bound as asked",
            Status::Limit => "the limit was reached",
            Status::Stopped => "interrupted; the best so far",
        };
        let gap = 100.0 * report.gap;
        let Report { moved, time_s, .. } = report;
        writeln!(text, "{:<20} {gap:>19.4}%", "gap").expect("a string takes any text");
        writeln!(text, "\n{moved} processes moved, {time_s:.1} s, {status}").expect("as above");
        if let Some(out) = &self.out {
            writeln!(text, "assignment in {}", out.display()).expect("as above");
        }
        text
    }
}

fn report(instance: &Instance, solution: Solution, time: Duration) -> Report {
    let pairs = solution.assignment.iter().zip(&instance.start);
    Report {
        cost: solution.cost,
        initial_cost: solution.initial_cost,
        lower_bound: solution.lower_bound,
        gap: solution.gap(),
        feasible: true,
        time_s: time.as_secs_f64(),
        status: solution.status,
        moved: pairs.filter(|(new, old)| new != old).count(),
        steps: solution.steps,
        terms: solution.terms,
        trajectory: solution.trajectory,
    }
}

/// The answer of `search`, which is told whether Ctrl-C was pressed and may show a line; a second
/// Ctrl-C ends the process.
pub(super) fn interruptible<T>(search: impl FnOnce(&dyn Fn() -> bool, &mut Line) -> T) -> T {
    let asked = Arc::new(AtomicBool::new(false));
    let handlers = [
        signal_hook::flag::register_conditional_shutdown(SIGINT, INTERRUPTED, asked.clone()),
        signal_hook::flag::register(SIGINT, asked.clone()),
    ];
    let mut line = Line { begun: Instant::now(), bar: None };
    let answer = search(&|| asked.load(Ordering::Relaxed), &mut line);
    if let Some(bar) = line.bar {
        bar.finish_and_clear();
    }
    for handler in handlers.into_iter().flatten() {
        signal_hook::low_level::unregister(handler);
    }
    answer
}

/// A line on the terminal, once a search takes long.
pub(super) struct Line {
    begun: Instant,
    bar: Option<ProgressBar>,
}

impl Line {
    /// Shows what `say` says.
    pub(super) fn show(&mut self, say: impl FnOnce() -> String) {
        if self.bar.is_none() && self.begun.elapsed() > PATIENCE && io::stderr().is_terminal() {
            let bar = ProgressBar::new_spinner();
            let style = ProgressStyle::with_template("{elapsed} {msg}");
            self.bar = Some(match style {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            });
        }
        if let Some(bar) = &self.bar {
            bar.set_message(say());
        }
    }
}

/// Fails unless the independent check agrees that `new` is feasible and costs `cost`.
fn verified(model: &[u8], start: &[u8], new: &str, cost: i64) -> Result<(), Failure> {
    let (model, start) = (String::from_utf8_lossy(model), String::from_utf8_lossy(start));
    let agreed = judge(&model, &start, new).and_then(|judged| match () {
        () if !judged.breaches.is_empty() => Err(judged.breaches.join("; ")),
        () if judged.cost() == i128::from(cost) => Ok(()),
        () => Err(format!("costs {}, the search says {cost}", judged.cost())),
    });
    verified_or("new assignment", agreed)
}

/// Fails where the independent check disagreed about `answer`.
pub(super) fn verified_or(answer: &str, agreed: Result<(), String>) -> Result<(), Failure> {
    let Err(what) = agreed else { return Ok(()) };
    let remedy = "This is a bug in galerna; please report it with what you read";
    let problem = Problem::new("GLN-546", answer, what, remedy);
    Err(Failure { code: POLICY_FAILED, message: problem.to_string() })
}

pub(super) fn write(path: &Path, text: &str) -> Result<(), Problem> {
    whole_file::replace(path, text.as_bytes()).map_err(|cause| {
        let what = format!("cannot be written ({cause})");
        let remedy = "Check that the folder exists, is writable and has room";
        Problem::new("GLN-540", path.display().to_string(), what, remedy)
    })
}
