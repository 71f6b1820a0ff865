//! `galerna explain`: why did this VM move, where else could it have gone, and at what price?

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::figures::difference;
use super::{Answer, BAD_INPUT, Failure, Format, POLICY_FAILED, json, threads};
use crate::explain::{
    self, Choice, Counterfactual, Error, Explanation, Figures, Focus, Repeatable,
};
use crate::frames::{self, Manifest};
use crate::id::{HostId, VmId};
use crate::problem::Problem;
use crate::spec::python;
use crate::time::Instant;

/// How many decisions are told before the rest is only counted.
const SHOWN: usize = 10;

/// Explain the decisions of a finished run.
///
/// Repeats the run, which is deterministic, and tells of each migration why the VM had to leave,
/// where else it could have gone, and what the move gains and costs; with --without or --instead,
/// what the run would have been had it been decided otherwise.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  galerna run lr-mmt --out out/first
  galerna explain out/first                          how many decisions, and the first of them
  galerna explain out/first --vm 31                  every move of VM 31
  galerna explain out/first --at 01:20:00 --host 7   what happened to host 7 at that decision
  galerna explain out/first --at 4800 --format json
  galerna explain out/first --at 4800 --vm 31 --without      had VM 31 stayed where it was
  galerna explain out/first --at 4800 --vm 31 --instead 7    had it gone to host 7")]
pub(super) struct Explain {
    /// Folder that `galerna run --out` wrote.
    dir: PathBuf,
    /// Time of the decision: seconds from the start, or hh:mm:ss.
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<Instant>,
    /// Number of the VM, as in the table `vms`.
    #[arg(long, value_name = "ID")]
    vm: Option<u32>,
    /// Number of a host that a VM left or came to.
    #[arg(long, value_name = "ID")]
    host: Option<u32>,
    /// Run again without the decisions of --at (of --vm, of --host) and show the difference.
    #[arg(long, requires = "at")]
    without: bool,
    /// Run again with the VM going to this host, and show the difference.
    #[arg(long, value_name = "ID", requires = "at", requires = "vm", conflicts_with = "without")]
    instead: Option<u32>,
    /// Tell of every decision instead of the first ten.
    #[arg(long)]
    all: bool,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// What `--format json` prints.
#[derive(Debug, Serialize)]
struct Report {
    version: String,
    spec: String,
    event_log_blake3: String,
    migrations_by_overload: usize,
    migrations_by_underload: usize,
    migrations_by_plan: usize,
    migrations_for_maintenance: usize,
    choices: Vec<Choice>,
}

/// What `--without` and `--instead` print as JSON.
#[derive(Debug, Serialize)]
struct Otherwise {
    version: String,
    spec: String,
    /// The moves in question, as they were made.
    choices: Vec<Choice>,
    /// Where the VM went instead; none if it stayed.
    instead: Option<u32>,
    changed: usize,
    differs_from_s: Option<f64>,
    as_it_was: Figures,
    without: Figures,
}

impl Explain {
    pub(super) fn execute(&self) -> Result<Answer, Failure> {
        threads::limit(None);
        let manifest = frames::read_manifest(&self.dir).map_err(Failure::bad_input)?;
        let spec = &manifest.resolved_spec;
        spec.check_runnable(&manifest.report.spec).map_err(Failure::bad_input)?;
        let inputs = Repeatable::read(spec).map_err(Failure::bad_input)?;
        self.known(&manifest, &inputs).map_err(Failure::bad_input)?;
        let (vm, host) = (self.vm.map(VmId), self.host.map(HostId));
        let focus = Focus { at: self.at, vm, host };
        let here = python::installed();
        let otherwise = self.without || self.instead.is_some();
        if otherwise {
            let instead = self.instead.map(HostId);
            let other = explain::without(spec, &inputs, here, focus, instead).map_err(failed)?;
            self.repeated(&manifest, &other.event_log_blake3).map_err(Failure::bad_input)?;
            return self.compared(manifest, other);
        }
        let explanation = explain::explain(spec, &inputs, here, focus).map_err(failed)?;
        let log = &explanation.event_log_blake3;
        self.repeated(&manifest, log).map_err(Failure::bad_input)?;
        match self.format {
            Format::Table => Ok(Answer::done(self.told(&explanation))),
            Format::Json => json(&Report {
                version: manifest.report.version,
                spec: manifest.report.spec,
                event_log_blake3: explanation.event_log_blake3,
                migrations_by_overload: explanation.decisions[0],
                migrations_by_underload: explanation.decisions[1],
                migrations_by_plan: explanation.decisions[2],
                migrations_for_maintenance: explanation.decisions[3],
                choices: explanation.choices,
            })
            .map(Answer::done),
        }
    }

    /// Whether the trace is that of the run, and VM and host are there.
    fn known(&self, manifest: &Manifest, inputs: &Repeatable) -> Result<(), Problem> {
        let inputs = inputs.load();
        let problem = |place: &str, what: String, remedy| {
            Err(Problem::new("GLN-630", place.to_owned(), what, remedy))
        };
        let (found, recorded) = (inputs.trace.blake3(), manifest.report.trace.as_ref());
        let expected = recorded.map_or("none", |trace| &trace.blake3);
        if found != expected {
            let what = format!("blake3 found {found}, expected {expected}");
            let remedy = "Put the trace back that the run was made with, or run the spec again";
            let path = recorded.map_or("trace", |trace| &trace.path);
            return problem(path, what, remedy);
        }
        let (vms, hosts) = (inputs.fleet.vms(), inputs.fleet.hosts());
        let asked = [("--vm", self.vm, vms), ("--host", self.host, hosts)];
        for (name, asked, count) in asked.into_iter().chain([("--instead", self.instead, hosts)]) {
            if let Some(id) = asked.filter(|&id| id as usize >= count) {
                let what = format!("found {id}, expected 0 to {}", count - 1);
                return problem(name, what, "Take a number from the tables of the run");
            }
        }
        Ok(())
    }

    /// Whether the run was repeated faithfully.
    fn repeated(&self, manifest: &Manifest, found: &str) -> Result<(), Problem> {
        let of_load = manifest.report.load_log_blake3.as_ref();
        let expected = of_load.unwrap_or(&manifest.report.event_log_blake3);
        if found == expected {
            return Ok(());
        }
        let version = &manifest.report.version;
        let what = format!(
            "repeated, the run has event log {found}, expected {expected} of version {version}"
        );
        let remedy = "Run the spec again with this version; a policy written in Python must not \
                      depend on anything but what it is given";
        Err(Problem::new("GLN-631", self.dir.display().to_string(), what, remedy))
    }

    /// The run beside what it would have been.
    fn compared(&self, manifest: Manifest, other: Counterfactual) -> Result<Answer, Failure> {
        let Counterfactual { choices, changed, differs_from, as_it_was, without, .. } = other;
        if self.format == Format::Json {
            return json(&Otherwise {
                version: manifest.report.version,
                spec: manifest.report.spec,
                choices,
                instead: self.instead,
                changed,
                differs_from_s: differs_from.map(Instant::seconds),
                as_it_was,
                without,
            })
            .map(Answer::done);
        }
        let mut text = String::new();
        for choice in &choices[..choices.len().min(SHOWN)] {
            writeln!(text, "{}", choice.headline()).expect("a string takes any text");
        }
        if let Some(more) = choices.len().checked_sub(SHOWN + 1) {
            writeln!(text, "and {} more", more + 1).expect("a string takes any text");
        }
        let other = match self.instead {
            Some(host) => format!("to host-{host}"),
            None => "without".to_owned(),
        };
        match differs_from {
            Some(at) => writeln!(text, "\nthe runs differ from {at} on\n"),
            None => writeln!(text, "\nthe runs do not differ\n"),
        }
        .expect("a string takes any text");
        text += &difference(&as_it_was, &without, &other);
        Ok(Answer::done(text))
    }

    fn told(&self, explanation: &Explanation) -> String {
        let [overload, underload, planned, maintenance] = explanation.decisions;
        let mut text = match planned {
            0 => format!(
                "{overload} migrations from overloaded hosts, {underload} to empty underloaded \
                 ones\n"
            ),
            _ => format!("{planned} migrations planned\n"),
        };
        if maintenance > 0 {
            writeln!(text, "{maintenance} migrations for maintenance").expect("a string");
        }
        let choices = &explanation.choices;
        let shown = if self.all { choices.len() } else { SHOWN.min(choices.len()) };
        for choice in &choices[..shown] {
            write!(text, "\n{choice}").expect("a string takes any text");
        }
        let asked = self.at.is_some() || self.vm.is_some() || self.host.is_some();
        let end = match choices.len() - shown {
            0 if choices.is_empty() && asked => {
                "\nno decision concerns what was asked; see the table `actions`, or leave out \
                 --at, --vm or --host\n"
                    .to_owned()
            }
            0 => String::new(),
            more => format!("\nand {more} more: narrow down with --at, --vm, --host, or --all\n"),
        };
        text + &end
    }
}

/// A run that cannot be explained, or not as asked.
fn failed(error: Error) -> Failure {
    let code = match error {
        Error::Asked(_) => BAD_INPUT,
        Error::Policy(_) | Error::Run(_) => POLICY_FAILED,
    };
    Failure { code, message: error.to_string() }
}

/// Seconds, or `hh:mm:ss`, or `d hh:mm:ss`.
fn time(text: &str) -> Result<Instant, String> {
    let wrong = || format!("found {text:?}, expected seconds such as 4800, or hh:mm:ss");
    let (days, clock) = text.rsplit_once(' ').unwrap_or(("0", text));
    let parts: Vec<&str> = clock.split(':').collect();
    let number = |part: &str| match part.parse::<f64>() {
        Ok(number) if number.is_finite() && number >= 0.0 => Ok(number),
        _ => Err(wrong()),
    };
    let seconds = match parts[..] {
        [seconds] => number(seconds)?,
        [hours, minutes, seconds] => {
            (number(hours)? * 60.0 + number(minutes)?) * 60.0 + number(seconds)?
        }
        _ => return Err(wrong()),
    };
    Ok(Instant::from_seconds(number(days)? * 86_400.0 + seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_printed() {
        for seconds in [0.0, 300.1, 4800.0, 90_061.5] {
            let at = Instant::from_seconds(seconds);
            assert_eq!(time(&at.to_string()), Ok(at));
            assert_eq!(time(&seconds.to_string()), Ok(at));
        }
        for wrong in ["", "noon", "1:2", "-5", "1:2:3:4", "inf"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }
}
