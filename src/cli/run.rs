//! `galerna run`: from a spec to figures, and to a folder when asked.

use std::ffi::OsString;
use std::fmt::Write;
use std::io::{self, IsTerminal};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, value_parser};
use cpu_time::ProcessTime;
use indicatif::{ProgressBar, ProgressStyle};
use toml::Value;

use super::{
    Answer, Failure, Format, INFEASIBLE, INTERRUPTED, POLICY_FAILED, figures, json, threads,
};
use crate::account::Ledger;
use crate::engine::{self, Outcome};
use crate::frames::{
    self, Existing, LeaseFolder, RunFolder, RunReport, Timing, TraceReport, WorkloadReport,
};
use crate::lease::{LeasePolicies, Schedule};
use crate::model::Record;
use crate::policy::PolicyError;
use crate::problem::Problem;
use crate::spec::{self, Inputs, LeaseInputs, LeaseSpec, LoadedLeases, Override, RunSpec};

/// Runs shorter than this show no progress.
const PATIENCE: Duration = Duration::from_secs(1);

/// TOML has no larger integers.
const LARGEST_SEED: u64 = i64::MAX as u64;

/// Run a spec and print its figures.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  galerna run lr-mmt
  galerna run lr-mmt --set policy.overload.safety=1.4 --seed 3
  galerna run my-policy.toml --out out/mine --overwrite
  galerna run cloudsim-3.0.3/lr-mmt --set trace.path=planetlab.tar.xz \\
      --set trace.day=20110303 --format json
  galerna run leases/easy --set leases.workload=jobs.swf.gz --out out/jobs
  galerna run haizea.conf --set leases.oddities=none

SPEC is a TOML file in which every key has a default; an empty file is a complete run. With a
section [leases] it is a run of leases, whose VMs may carry load (leases/loaded); Haizea's
configurations (.conf) are read as runs of leases. Relative
paths are taken from the current directory. With the same spec and seed the event
log is the same, whatever the number of threads.")]
pub(super) struct Run {
    /// A TOML file, or a name that `galerna policies list` shows.
    spec: PathBuf,
    /// Change one value of the spec; VALUE is TOML, else text. May be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    changes: Vec<String>,
    /// Write the tables (Parquet) and run.json to this folder, all or nothing.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replace the previous run that the folder holds.
    #[arg(long, requires = "out")]
    overwrite: bool,
    /// How to print the figures.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Same as --set run.seed=N.
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(..=LARGEST_SEED))]
    seed: Option<u64>,
    /// Also say how little energy any placement could have used that serves all that the VMs ask
    /// for (load without leases).
    #[arg(long)]
    bound: bool,
    /// Threads to use at most; the results are the same.
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

impl Run {
    pub(super) fn execute(&self, args: &[OsString]) -> Result<Answer, Failure> {
        threads::limit(self.threads.map(usize::from));
        let spec = self.read_spec().map_err(Failure::bad_input)?;
        let name = self.spec.display().to_string();
        spec.check_runnable(&name).map_err(Failure::bad_input)?;
        if let Some(dir) = &self.out {
            frames::check_destination(dir, self.existing()).map_err(Failure::bad_input)?;
        }
        if self.bound && spec.leases.is_some() {
            let what = "the lower bound of energy is for VMs that are there from start to end";
            let problem =
                Problem::new("GLN-215", format!("{name}, [leases]"), what, "Leave --bound out");
            return Err(Failure::bad_input(problem));
        }
        let command = &command(args);
        let report = match (&spec.leases, spec.loaded_leases()) {
            (_, Some(leases)) => self.of_loaded_leases(&name, &spec, leases, command)?,
            (Some(leases), None) => self.of_leases(&name, &spec, leases, command)?,
            (None, None) => self.of_load(&name, &spec, command)?,
        };
        match self.format {
            Format::Table => Ok(Answer::done(self.table(&report))),
            Format::Json => json(&report).map(Answer::done),
        }
    }

    /// What to do with a previous run in the folder.
    fn existing(&self) -> Existing {
        if self.overwrite { Existing::Replace } else { Existing::Refuse }
    }

    fn of_load(
        &self,
        name: &str,
        spec: &RunSpec,
        command: &[String],
    ) -> Result<RunReport, Failure> {
        let start = ProcessTime::now();
        let inputs = &Inputs::read(spec).map_err(Failure::bad_input)?;
        let read_s = start.elapsed().as_secs_f64();
        let start = ProcessTime::now();
        let Outcome { record, summary } = &simulated(spec, inputs)?;
        let timing = Timing { read_s, run_s: start.elapsed().as_secs_f64() };
        let ledger = spec.billing().map(|costs| Ledger::of_load(&costs, record));
        let ledger = ledger.as_ref();
        let report = RunReport::new(name, spec, inputs, record, summary, timing);
        let bound = self.bound.then(|| inputs.energy_lower_bound_kwh(spec, name)).transpose();
        let report = report.with_costs(ledger).with_bound(bound.map_err(Failure::bad_input)?);
        if let Some(dir) = &self.out {
            let folder = RunFolder { report: &report, spec, inputs, record, ledger, command };
            frames::write_run(dir, &folder, self.existing()).map_err(Failure::bad_input)?;
        }
        Ok(report)
    }

    fn of_leases(
        &self,
        name: &str,
        spec: &RunSpec,
        leases: &LeaseSpec,
        command: &[String],
    ) -> Result<RunReport, Failure> {
        let start = ProcessTime::now();
        let inputs = &LeaseInputs::read(leases).map_err(Failure::bad_input)?;
        inputs.check_prices(spec.costs.as_ref()).map_err(Failure::bad_input)?;
        let read_s = start.elapsed().as_secs_f64();
        let start = ProcessTime::now();
        let schedule = &scheduled(spec, leases, inputs)?;
        let timing = Timing { read_s, run_s: start.elapsed().as_secs_f64() };
        let ledger = billed(spec, inputs, schedule, None);
        let ledger = ledger.as_ref();
        let report = RunReport::of_leases(name, spec, inputs, schedule, timing);
        let report = report.with_costs(ledger);
        if let Some(dir) = &self.out {
            let (report, load) = (&report, None);
            let folder = LeaseFolder { report, spec, inputs, schedule, load, ledger, command };
            frames::write_lease_run(dir, &folder, self.existing()).map_err(Failure::bad_input)?;
        }
        Ok(report)
    }

    fn of_loaded_leases(
        &self,
        name: &str,
        spec: &RunSpec,
        leases: &LeaseSpec,
        command: &[String],
    ) -> Result<RunReport, Failure> {
        let start = ProcessTime::now();
        let inputs = &LoadedLeases::read(spec, leases).map_err(Failure::bad_input)?;
        let read_s = start.elapsed().as_secs_f64();
        let start = ProcessTime::now();
        let (schedule, outcome) = &scheduled_with_load(spec, leases, inputs)?;
        let timing = Timing { read_s, run_s: start.elapsed().as_secs_f64() };
        let LoadedLeases { leases: inputs, load } = inputs;
        let report = RunReport::of_leases(name, spec, inputs, schedule, timing);
        let ledger = billed(spec, inputs, schedule, Some(&outcome.record));
        let ledger = ledger.as_ref();
        let report = report.with_load(spec, load, &outcome.record, &outcome.summary);
        let report = report.with_costs(ledger);
        if let Some(dir) = &self.out {
            let (report, load) = (&report, Some((load, &outcome.record)));
            let folder = LeaseFolder { report, spec, inputs, schedule, load, ledger, command };
            frames::write_lease_run(dir, &folder, self.existing()).map_err(Failure::bad_input)?;
        }
        Ok(report)
    }

    /// The spec with all changes; every change that cannot be read is reported.
    fn read_spec(&self) -> Result<RunSpec, spec::Error> {
        let mut problems: Vec<Problem> = Vec::new();
        let mut changes = Vec::new();
        for text in &self.changes {
            match Override::parse(text) {
                Ok(change) => changes.push(change),
                Err(error) => problems.extend(error.problems),
            }
        }
        if !problems.is_empty() {
            return Err(spec::Error { problems });
        }
        let seed = self.seed.and_then(|seed| i64::try_from(seed).ok());
        changes.extend(seed.map(|seed| Override::new("run.seed", Value::Integer(seed))));
        spec::load(&self.spec, changes)
    }

    fn table(&self, report: &RunReport) -> String {
        let mut text = format!("{}, seed {}\n", report.spec, report.seed);
        if let Some(trace) = &report.trace {
            text += &told(trace);
        }
        if let Some(workload) = &report.workload {
            let WorkloadReport { path, leases, hosts, left_out, steps, .. } = workload;
            writeln!(text, "{path}: {leases} leases on {hosts} hosts, {steps} steps")
                .expect("a string");
            if *left_out > 0 {
                writeln!(text, "  {left_out} leases of the source were left out")
                    .expect("a string");
            }
        }
        text.push('\n');
        text += &report.summary.as_ref().map_or_else(String::new, figures::table);
        text += &report.energy_lower_bound_kwh.map_or_else(String::new, figures::bound);
        text += &report.leases.as_ref().map_or_else(String::new, figures::lease_table);
        text += &report.costs.as_ref().map_or_else(String::new, figures::cost_table);
        writeln!(text, "\nevent log {}", report.event_log_blake3).expect("a string");
        if let Some(dir) = &self.out {
            writeln!(text, "tables in {}", dir.display()).expect("a string");
        }
        text
    }
}

/// The ledger of a run of leases, where amounts are asked for.
fn billed(
    spec: &RunSpec,
    inputs: &LeaseInputs,
    schedule: &Schedule,
    load: Option<&Record>,
) -> Option<Ledger> {
    let requests = &inputs.workload.leases;
    let load = load.map(|record| (record, spec.guests()));
    let billing = spec.billing()?;
    Some(Ledger::of_leases(&billing, requests, &schedule.stretches, load))
}

/// The trace in words.
fn told(trace: &TraceReport) -> String {
    let day = trace.day.as_ref().map(|day| format!(", day {day}")).unwrap_or_default();
    let per_vm = trace.samples / trace.vms.max(1);
    let size = format!("{} VMs x {per_vm} samples", trace.vms);
    let mut text = format!("{}{day}: {size}\n", trace.path);
    for finding in &trace.defects {
        writeln!(text, "  {finding}").expect("a string");
    }
    text
}

/// The command line, without the place where the program happens to be installed.
fn command(args: &[OsString]) -> Vec<String> {
    let rest = args.iter().skip(1).map(|arg| arg.to_string_lossy().into_owned());
    std::iter::once("galerna".to_owned()).chain(rest).collect()
}

fn simulated(spec: &RunSpec, inputs: &Inputs) -> Result<Outcome, Failure> {
    let policies = spec::policies(spec, &inputs.fleet).map_err(refused)?;
    let mut progress = Progress::over(inputs.trace.samples());
    let step = inputs.trace.step().0;
    let outcome = engine::run(&inputs.fleet, &inputs.trace, &inputs.rules, policies, &mut |at| {
        progress.reach((at.0 / step) as usize);
        ControlFlow::Continue(())
    });
    progress.close();
    outcome.map_err(stopped)
}

/// The schedule of the leases that `inputs` ask for.
fn scheduled(
    spec: &RunSpec,
    leases: &LeaseSpec,
    inputs: &LeaseInputs,
) -> Result<Schedule, Failure> {
    let LeaseInputs { workload, site, rules, .. } = inputs;
    let requests = &workload.leases;
    let mut progress = Progress::over(requests.len());
    let policies = lease_policies(spec, leases)?;
    let schedule = engine::run_leases(site, requests, rules, policies, &mut |now| {
        progress.reach(requests.partition_point(|lease| lease.arrival <= now));
        ControlFlow::Continue(())
    });
    progress.close();
    schedule.map_err(stopped)
}

/// The schedule of leases that carry load, and what that came to.
fn scheduled_with_load(
    spec: &RunSpec,
    leases: &LeaseSpec,
    inputs: &LoadedLeases,
) -> Result<(Schedule, Outcome), Failure> {
    let policies = spec::policies(spec, &inputs.load.fleet).map_err(refused)?;
    let load = inputs.load.side(policies);
    let leases = inputs.leases.side(lease_policies(spec, leases)?);
    let requests = leases.requests;
    let mut progress = Progress::over(requests.len());
    let ended = engine::run_leases_with_load(leases, load, &mut |now| {
        progress.reach(requests.partition_point(|lease| lease.arrival <= now));
        ControlFlow::Continue(())
    });
    progress.close();
    ended.map_err(stopped)
}

fn lease_policies(spec: &RunSpec, leases: &LeaseSpec) -> Result<LeasePolicies, Failure> {
    spec::lease_policies(spec, leases, spec::python::installed()).map_err(refused)
}

/// A policy that could not be built.
fn refused(error: PolicyError) -> Failure {
    Failure { code: POLICY_FAILED, message: error.to_string() }
}

/// A run that stopped before its end.
fn stopped(error: engine::Error) -> Failure {
    let code = match error {
        engine::Error::Policy(_) => POLICY_FAILED,
        engine::Error::Infeasible(_) => INFEASIBLE,
        engine::Error::Interrupted { .. } => INTERRUPTED,
    };
    Failure { code, message: error.to_string() }
}

/// A bar on the terminal, once a run takes long.
struct Progress {
    samples: usize,
    start: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    fn over(samples: usize) -> Self {
        Self { samples, start: Instant::now(), bar: None }
    }

    fn reach(&mut self, sample: usize) {
        if let Some(bar) = &self.bar {
            bar.set_position(sample as u64);
        } else if self.start.elapsed() > PATIENCE && io::stderr().is_terminal() {
            let bar = ProgressBar::new(self.samples as u64);
            let style = ProgressStyle::with_template("{bar:40} {pos}/{len}, {eta} left");
            self.bar = Some(match style {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            });
        }
    }

    fn close(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
