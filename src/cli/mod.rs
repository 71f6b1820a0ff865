//! What can a user ask of `galerna` in a shell, and which exit code answers?
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | `check` has findings, or runs of a `sweep` or `compare` failed |
//! | 2 | the input is wrong: a spec, a trace, a folder or the command itself |
//! | 3 | the plan is infeasible: the fleet cannot hold the VMs, or no room to reserve |
//! | 4 | a policy failed |
//! | 130 | interrupted |
//!
//! Results go to standard output, everything else to standard error. A reader that closes the pipe
//! early ends the command quietly.

mod batch;
mod catalogue;
mod check;
mod compare;
mod draw;
mod explain;
mod figures;
mod forecast;
mod gantt;
mod meaning;
mod migrate;
mod plan_table;
mod policies;
mod reserve;
mod run;
mod solve;
mod solve_snapshot;
mod sweep;
mod threads;
mod traces;

use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::ops::ControlFlow;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};

use crate::policy::PolicyError;
use crate::reassign::{Extras, Progress};

/// Done.
pub const DONE: i32 = 0;
/// `check` has findings, or runs of a batch failed.
pub const FINDINGS: i32 = 1;
/// Something in the input is wrong.
pub const BAD_INPUT: i32 = 2;
/// The fleet cannot hold the VMs.
pub const INFEASIBLE: i32 = 3;
/// A policy failed.
pub const POLICY_FAILED: i32 = 4;
/// Stopped by the user.
pub const INTERRUPTED: i32 = 130;

/// Simulates VM consolidation and lease scheduling: exact, reproducible, fast.
#[derive(Debug, Parser)]
#[command(name = "galerna", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  galerna run lr-mmt                          a first run, on the bundled sample
  galerna run lr-mmt --out out/first          the same, with its tables in a folder
  galerna check out/first                     verify that folder from its tables alone
  galerna explain out/first --vm 31           why it moved, and where else it could have gone
  galerna compare thr-mmt lr-mmt              which is better, and how sure is that?
  galerna sweep my-sweep.toml                 many runs at once, one table
  galerna policies list                       which runs are bundled
  galerna policies describe cloudsim-3.0.3/lr-mmt
  galerna catalogue instances                 which instance types are known by name
  galerna traces info sample                  what is in a trace
  galerna migrate predict --ram-mib 4096 --mbit 1000
  galerna run leases/easy                     serve leases of VMs instead of load
  galerna gantt out/leases --out leases.html
  galerna reserve site.plan ask --nodes 4 --for 2h
  galerna solve roadef model.txt assignment.txt   who moves where, with a bound

Exit codes: 0 done, 1 check has findings or runs of a batch failed, 2 bad input, 3 infeasible
plan, 4 a policy failed, 130 interrupted.";

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Run),
    Catalogue(catalogue::CatalogueCommand),
    Compare(compare::Compare),
    Sweep(sweep::Sweep),
    Check(check::Check),
    Explain(explain::Explain),
    Forecast(forecast::Forecast),
    Gantt(gantt::GanttCommand),
    Migrate(migrate::Migrate),
    Policies(policies::Policies),
    Reserve(reserve::Reserve),
    Solve(solve::Solve),
    Traces(traces::Traces),
}

/// How a result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people: at most 80 columns.
    Table,
    /// For programs: one object.
    Json,
}

/// Why a command gave no result.
#[derive(Debug)]
struct Failure {
    code: i32,
    message: String,
}

impl Failure {
    fn bad_input(error: impl Display) -> Self {
        Self { code: BAD_INPUT, message: error.to_string() }
    }
}

/// What a finished command prints on standard output, and its exit code.
#[derive(Debug)]
struct Answer {
    text: String,
    code: i32,
}

impl Answer {
    fn done(text: String) -> Self {
        Self { text, code: DONE }
    }
}

/// Runs the command line `args` (the first is the program's name) as a process does.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    ExitCode::from(main_with(args) as u8)
}

/// Runs the command line `args` (the first is the program's name) and returns the exit code, for
/// callers that end the process themselves.
///
/// ```
/// let args = ["galerna", "policies", "describe", "no-such"].map(Into::into);
/// assert_eq!(galerna::cli::main_with(args), galerna::cli::BAD_INPUT);
/// ```
pub fn main_with(args: impl IntoIterator<Item = OsString>) -> i32 {
    let args: Vec<OsString> = args.into_iter().collect();
    if args.len() <= 1 {
        return say(&Answer::done(Cli::command().render_help().to_string()));
    }
    let command = match Cli::try_parse_from(&args) {
        Ok(cli) => cli.command,
        Err(error) => {
            // Nothing is left to say where even the error cannot be printed.
            let _ = error.print();
            return error.exit_code();
        }
    };
    let answer = match command {
        Command::Run(run) => run.execute(&args),
        Command::Catalogue(catalogue) => catalogue.execute(),
        Command::Compare(compare) => compare.execute(),
        Command::Sweep(sweep) => sweep.execute(),
        Command::Check(check) => check.execute(),
        Command::Explain(explain) => explain.execute(),
        Command::Forecast(forecast) => forecast.execute(),
        Command::Gantt(gantt) => gantt.execute(),
        Command::Migrate(migrate) => migrate.execute(),
        Command::Policies(policies) => policies.execute(),
        Command::Reserve(reserve) => reserve.execute(),
        Command::Solve(solve) => solve.execute(),
        Command::Traces(traces) => traces.execute(),
    };
    match answer {
        Ok(answer) => say(&answer),
        Err(failure) => {
            let _ = writeln!(io::stderr(), "{}", failure.message);
            failure.code
        }
    }
}

/// Why there is no plan for a snapshot with costs and rules of the caller's own.
#[derive(Debug)]
pub enum NoPlan {
    /// The options or the snapshot are wrong: exit code and message.
    Refused(i32, String),
    /// A cost or rule failed.
    Extra(PolicyError),
}

impl From<Failure> for NoPlan {
    fn from(failure: Failure) -> Self {
        Self::Refused(failure.code, failure.message)
    }
}

/// Runs `galerna solve snapshot` with `args`, which do not name program and command, and with costs
/// and rules of the caller's own. The plan as JSON; `watch` is told how it goes and may end it.
///
/// # Errors
///
/// [`NoPlan`].
pub fn solve_with_extras(
    args: impl IntoIterator<Item = OsString>,
    extras: &Extras,
    watch: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<String, NoPlan> {
    let words = ["galerna", "solve", "snapshot"].map(OsString::from);
    let cli = Cli::try_parse_from(words.into_iter().chain(args));
    let cli = cli.map_err(|error| NoPlan::Refused(BAD_INPUT, error.to_string()))?;
    let Command::Solve(solve) = cli.command else { unreachable!("it was asked to solve") };
    let snapshot = solve.snapshot().expect("it was asked to solve a snapshot");
    snapshot.with_extras(extras, watch)
}

/// Prints an answer; a closed pipe is no error, a full disk is.
fn say(answer: &Answer) -> i32 {
    let mut out = io::stdout().lock();
    match out.write_all(answer.text.as_bytes()).and_then(|()| out.flush()) {
        Err(cause) if cause.kind() != ErrorKind::BrokenPipe => {
            let _ = writeln!(io::stderr(), "galerna: standard output: {cause}");
            BAD_INPUT
        }
        _ => answer.code,
    }
}

/// `value` as one JSON object and a line feed.
fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value).map_err(Failure::bad_input)?;
    Ok(text + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
