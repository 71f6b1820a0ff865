//! `galerna explain`: why did this VM move, where else could it have gone, and at what price? Why
//! was this lease refused, why did it wait, and for whom did it make way?

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::figures::difference;
use super::{Answer, BAD_INPUT, Failure, Format, POLICY_FAILED, json, threads};
use crate::explain::{
    self, Choice, Counterfactual, Error, Explanation, Figures, Focus, Readying, Repeatable, Tally,
};
use crate::frames::{self, Manifest};
use crate::id::{HostId, VmId};
use crate::lease::decision::LeaseDecision;
use crate::problem::Problem;
use crate::spec::python;
use crate::time::Instant;

/// How many decisions are told before the rest is only counted.
const SHOWN: usize = 10;

/// Explain the decisions of a finished run.
///
/// Repeats the run, which is deterministic, and tells of each migration why the VM had to leave,
/// where else it could have gone, and what the move gains and costs; of each lease why it was
/// refused or waited, which hosts lacked what and for whom, where it ran, who made way, and why its
/// VMs were ready when they were; with --without or --instead, what the run would have been had it
/// been decided otherwise.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  galerna run lr-mmt --out out/first
  galerna explain out/first                          how many decisions, and the first of them
  galerna explain out/first --vm 31                  every move of VM 31
  galerna explain out/first --at 01:20:00 --host 7   what happened to host 7 at that decision
  galerna explain out/first --at 4800 --format json
  galerna explain out/first --at 4800 --vm 31 --without      had VM 31 stayed where it was
  galerna explain out/first --at 4800 --vm 31 --instead 7    had it gone to host 7
  galerna explain out/leases --lease 17              all that was decided about lease 17
  galerna explain out/leases --at 3600               about any lease then
  galerna explain out/leases --lease 17 --without    had it been refused
  galerna explain out/leases --lease 17 --at 3600 --without  had it not been displaced then")]
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
    /// Number of a lease, as in the column `number` of the table `leases`.
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["vm", "host", "instead"])]
    lease: Option<u64>,
    /// Run again without the decisions of --at (of --vm, of --host), without the lease of --lease,
    /// or, at a time at which that was displaced, with it spared, and show the difference.
    #[arg(long)]
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
    /// What became of all leases, in a run of leases.
    tally: Option<Tally>,
    /// What was decided about leases, where one or a time is asked about.
    leases: Vec<LeaseDecision>,
    /// How VMs of the lease, or the VM, became ready.
    readied: Vec<Readying>,
}

/// What `--without` and `--instead` print as JSON.
#[derive(Debug, Serialize)]
struct Otherwise {
    version: String,
    spec: String,
    /// The moves in question, as they were made.
    choices: Vec<Choice>,
    /// The decisions about the lease that are in question.
    leases: Vec<LeaseDecision>,
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
        let focus = Focus { at: self.at, vm, host, lease: self.lease };
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
                tally: explanation.tally,
                leases: explanation.leases,
                readied: explanation.readied,
            })
            .map(Answer::done),
        }
    }

    /// Whether trace and leases are those of the run, and VM and host are there.
    fn known(&self, manifest: &Manifest, inputs: &Repeatable) -> Result<(), Problem> {
        let problem = |place: &str, what: String, remedy| {
            Err(Problem::new("GLN-630", place.to_owned(), what, remedy))
        };
        if let (Some(leases), Some(recorded)) = (inputs.leases(), &manifest.report.workload) {
            let (found, expected) = (leases.blake3(), &recorded.blake3);
            if found != *expected {
                let what = format!("blake3 found {found}, expected {expected}");
                let remedy = "Put the workload back that the run was made with, or run it again";
                return problem(&recorded.path, what, remedy);
            }
        }
        let Some(inputs) = inputs.load() else {
            return match (self.vm, self.host) {
                (None, None) => Ok(()),
                _ => {
                    let what = "these leases carry no load, so that nobody moves VMs".to_owned();
                    problem("--vm, --host", what, "Ask about a lease: --lease")
                }
            };
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
        let Counterfactual { choices, leases, changed, differs_from, as_it_was, without, .. } =
            other;
        if self.format == Format::Json {
            return json(&Otherwise {
                version: manifest.report.version,
                spec: manifest.report.spec,
                choices,
                leases,
                instead: self.instead,
                changed,
                differs_from_s: differs_from.map(Instant::seconds),
                as_it_was,
                without,
            })
            .map(Answer::done);
        }
        let mut text = String::new();
        for decision in &leases {
            write!(text, "{decision}").expect("a string takes any text");
        }
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
        let mut text = self.counted(explanation);
        let Explanation { choices, leases, readied, .. } = explanation;
        let all = choices.iter().map(|choice| (choice.at, choice.to_string()));
        let told = leases.iter().map(|decision| (decision.at, decision.to_string()));
        let ready = readied.iter().map(|of| (Instant::from_seconds(of.start_s), of.to_string()));
        let mut lines: Vec<(Instant, String)> = told.chain(ready).chain(all).collect();
        // Those of one instant stay in this order.
        lines.sort_by_key(|line| line.0);
        let limit = if self.all || self.lease.is_some() { usize::MAX } else { SHOWN };
        for (_, line) in lines.iter().take(limit) {
            write!(text, "\n{line}").expect("a string takes any text");
        }
        let options = [self.vm, self.host].iter().any(Option::is_some);
        let asked = options || self.at.is_some() || self.lease.is_some();
        let end = match lines.len().saturating_sub(limit) {
            0 if lines.is_empty() && asked => {
                "\nno decision concerns what was asked; see the tables `actions` and \
                 `lease_states`, or leave out --at, --vm, --host or --lease\n"
                    .to_owned()
            }
            0 => String::new(),
            more => {
                format!(
                    "\nand {more} more: narrow down with --at, --vm, --host, --lease, or --all\n"
                )
            }
        };
        text + &end
    }

    /// How many decisions there are in the whole run.
    fn counted(&self, explanation: &Explanation) -> String {
        let [overload, underload, planned, maintenance] = explanation.decisions;
        let mut text = String::new();
        if let Some(tally) = explanation.tally {
            let Tally { leases, done, refused, preemptions, suspensions } = tally;
            writeln!(
                text,
                "{leases} leases: {done} done, {refused} refused; {preemptions} times one was \
                 displaced, {suspensions} times one was saved"
            )
            .expect("a string");
        }
        let still = overload + underload + planned + maintenance == 0;
        match planned {
            _ if still && explanation.tally.is_some() => {}
            0 => writeln!(
                text,
                "{overload} migrations from overloaded hosts, {underload} to empty underloaded ones"
            )
            .expect("a string"),
            _ => writeln!(text, "{planned} migrations planned").expect("a string"),
        }
        if maintenance > 0 {
            writeln!(text, "{maintenance} migrations for maintenance").expect("a string");
        }
        let about = self.at.is_some() || self.lease.is_some();
        if explanation.tally.is_some() && !about {
            writeln!(text, "of leases: ask with --lease NUMBER or --at TIME").expect("a string");
        }
        text
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
