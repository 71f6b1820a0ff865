//! `galerna migrate`: what does a move cost, and do the models agree with measurements?

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::draw::Draw;
use super::{Answer, Failure, Format, POLICY_FAILED, json};
use crate::migrate::evaluate::{self, Accuracy, Family};
use crate::migrate::fit::{self, Fit};
use crate::migrate::measurement::read_measurements;
use crate::migrate::parameters::{Parameters, read_parameters};
use crate::migrate::{
    Channel, Convergence, Dirty, Memory, Prediction, Stage, Task, spec as models,
};
use crate::problem::{Problem, listed};
use crate::units::BytesPerSecond;
use crate::whole_file;

/// Predict migrations, hold the models against measurements, draw those of a run.
#[derive(Debug, Args)]
pub(super) struct Migrate {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Predict(Predict),
    Evaluate(Evaluate),
    Fit(FitConstants),
    Draw(Draw),
}

/// Duration, downtime, bytes and stages of one migration.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  galerna migrate predict --ram-mib 4096 --used-mib 1024 --mbit 1000
  galerna migrate predict --ram-mib 4096 --mbit 1000 --dirty-rate 3000 --working-set-mib 64
  galerna migrate predict --ram-mib 4096 --mbit 1000 --model post-copy --format json")]
struct Predict {
    /// Memory of the VM, MiB.
    #[arg(long)]
    ram_mib: u64,
    /// Memory that is not zero, MiB; all of it by default.
    #[arg(long)]
    used_mib: Option<u64>,
    /// Bandwidth of the link, Mbit/s.
    #[arg(long, allow_negative_numbers = true)]
    mbit: f64,
    /// The hypervisor's own limit, 10^6 bytes/s.
    #[arg(long, allow_negative_numbers = true)]
    limit_mb_s: Option<f64>,
    /// Pages written per second.
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
    dirty_rate: f64,
    /// Memory within which they are written, MiB.
    #[arg(long, default_value_t = 64.0, allow_negative_numbers = true)]
    working_set_mib: f64,
    /// How they are written.
    #[arg(long, value_enum, default_value_t = Pattern::Uniform)]
    pattern: Pattern,
    /// Downtime limit, ms.
    #[arg(long, default_value_t = 300.0, allow_negative_numbers = true)]
    downtime_limit_ms: f64,
    /// Migration model.
    #[arg(long, default_value = "pre-copy")]
    model: String,
    /// Parameter file with other constants.
    #[arg(long)]
    params: Option<PathBuf>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// How a workload writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Pattern {
    /// One page after the other.
    Constant,
    /// Any page alike.
    Uniform,
}

/// Accuracy of every model on measured migrations, by family.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  galerna migrate evaluate calibrate.csv
  galerna migrate evaluate calibrate.csv --params params.toml --format json
  galerna migrate evaluate calibrate.csv --model clark-capped

docs/migration.md names the columns.")]
struct Evaluate {
    /// Measurements, one line each.
    measurements: PathBuf,
    /// Only this model.
    #[arg(long)]
    model: Option<String>,
    /// Parameter file with other constants.
    #[arg(long)]
    params: Option<PathBuf>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Fit the constants of the pre-copy model to measured migrations.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  galerna migrate fit calibrate.csv --out params.toml")]
struct FitConstants {
    /// Measurements, one line each.
    measurements: PathBuf,
    /// Where to write the parameters; a file that is there is replaced.
    #[arg(long)]
    out: PathBuf,
    /// Parameter file to start from.
    #[arg(long)]
    params: Option<PathBuf>,
    /// Seed of the search.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How to print the accuracy reached.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

impl Migrate {
    pub(super) fn execute(self) -> Result<Answer, Failure> {
        match self.command {
            Command::Predict(predict) => predict.execute(),
            Command::Evaluate(evaluate) => evaluate.execute(),
            Command::Fit(fit) => fit.execute(),
            Command::Draw(draw) => draw.execute(),
        }
    }
}

fn parameters(path: Option<&Path>) -> Result<Parameters, Failure> {
    path.map_or_else(|| Ok(Parameters::default()), read_parameters).map_err(Failure::bad_input)
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure { code: POLICY_FAILED, message: error.to_string() }
}

/// What `predict --format json` prints.
#[derive(Debug, Serialize)]
struct PredictReport<'a> {
    model: &'a str,
    #[serde(flatten)]
    prediction: Prediction,
    stages: Vec<Stage>,
}

impl Predict {
    fn execute(self) -> Result<Answer, Failure> {
        let parameters = parameters(self.params.as_deref())?;
        let model = models::named(&self.model).map_err(Failure::bad_input)?;
        let task = self.task().map_err(Failure::bad_input)?;
        let mut stages = Vec::new();
        let answer = model.predict(&task, &parameters.constants, Some(&mut stages));
        let prediction = answer.map_err(failed)?;
        Ok(Answer::done(match self.format {
            Format::Table => predicted(&prediction, &stages),
            Format::Json => json(&PredictReport { model: &self.model, prediction, stages })?,
        }))
    }

    fn task(&self) -> Result<Task, String> {
        // In a MiB.
        const PAGES: f64 = 256.0;
        let place = "galerna migrate predict";
        let mut problems = Vec::new();
        for (name, value) in
            [("--dirty-rate", self.dirty_rate), ("--working-set-mib", self.working_set_mib)]
        {
            if !(value >= 0.0 && value.is_finite()) {
                let what = format!("found {value}, expected a number of 0 or more");
                let place = format!("{place}, {name}");
                problems.push(Problem::new("GLN-311", place, what, "Write such a number"));
            }
        }
        let (rate, working_set) = (self.dirty_rate, PAGES * self.working_set_mib);
        let dirty = match self.pattern {
            _ if rate == 0.0 || working_set == 0.0 => Dirty::Idle,
            Pattern::Constant => Dirty::Constant { rate, working_set },
            Pattern::Uniform => Dirty::Uniform { rate, working_set },
        };
        let pages = |mib: u64| PAGES * mib as f64;
        let nonzero = pages(self.used_mib.unwrap_or(self.ram_mib));
        let memory = Memory { pages: pages(self.ram_mib), nonzero, dirty };
        let link = BytesPerSecond(self.mbit * 1e6 / 8.0);
        let limit = self.limit_mb_s.map(|limit| BytesPerSecond(limit * 1e6));
        let mut task = Task::new(memory, Channel { link, limit, change: None });
        task.downtime_limit_s = self.downtime_limit_ms / 1e3;
        problems.extend(task.problems(place));
        if problems.is_empty() { Ok(task) } else { Err(listed(&problems)) }
    }
}

/// A prediction and its stages for people.
fn predicted(prediction: &Prediction, stages: &[Stage]) -> String {
    let ends = match prediction.convergence {
        Convergence::Converged => "yes".to_owned(),
        Convergence::Never { fixed_point_pages } => {
            format!("never: {fixed_point_pages:.0} pages remain after every round")
        }
        Convergence::GivenUp { remaining_pages } => {
            format!("given up: {remaining_pages:.0} pages remained")
        }
    };
    let rows = [
        ("total time", format!("{:.3} s", prediction.total_s)),
        ("downtime, stop to resume", format!("{:.3} s", prediction.downtime_s)),
        ("downtime, as reported", format!("{:.3} s", prediction.downtime_reported_s)),
        ("downtime, seen by the guest", format!("{:.3} s", prediction.downtime_guest_s)),
        ("bytes", format!("{:.0} B", prediction.bytes)),
        ("rounds", prediction.rounds.to_string()),
        ("ends", ends),
        ("CPU at the source", format!("{:.3} s", prediction.cpu_source_s)),
        ("CPU at the destination", format!("{:.3} s", prediction.cpu_destination_s)),
        ("energy of both hosts", format!("{:.1} J", prediction.energy.0)),
        ("work lost", format!("{:.3} s", prediction.lost_s)),
    ];
    let mut text = String::new();
    for (name, value) in rows {
        let _ = writeln!(text, "{name:<28} {value}");
    }
    let _ = writeln!(
        text,
        "\n{:<10} {:>10} {:>10} {:>14} {:>6}",
        "stage", "from", "for", "bytes", "speed"
    );
    for stage in stages {
        let kind = stage.kind.name();
        let (start, seconds) = (stage.start_s, stage.seconds);
        let (bytes, speed) = (stage.bytes, stage.speed);
        let _ = writeln!(
            text,
            "{kind:<10} {start:>8.3} s {seconds:>8.3} s {bytes:>12.0} B {speed:>6.2}"
        );
    }
    text
}

/// What `evaluate --format json` prints.
#[derive(Debug, Serialize)]
struct EvaluateReport {
    measurements: usize,
    families: BTreeMap<String, Family>,
}

impl Evaluate {
    fn execute(self) -> Result<Answer, Failure> {
        let parameters = parameters(self.params.as_deref())?;
        if let Some(name) = &self.model {
            models::named(name).map_err(Failure::bad_input)?;
        }
        let rows = read_measurements(&self.measurements).map_err(Failure::bad_input)?;
        let answer = evaluate::evaluate(&rows, &parameters, self.model.as_deref());
        let families = answer.map_err(failed)?;
        Ok(Answer::done(match self.format {
            Format::Table => families_table(&families),
            Format::Json => json(&EvaluateReport { measurements: rows.len(), families })?,
        }))
    }
}

fn families_table(families: &BTreeMap<String, Family>) -> String {
    let mut text = String::new();
    for (name, family) in families {
        let _ = writeln!(text, "{name} ({})\n{HEADER}", family.model);
        for (model, accuracy) in &family.models {
            let _ = writeln!(text, "{}", accuracy_row(model, accuracy));
        }
        text.push('\n');
    }
    text
}

const HEADER: &str = concat!(
    "                          n      time rel.        bytes rel.     downtime ms   ends\n",
    "                            median     p90    median     p90   median    p90  right"
);

fn accuracy_row(name: &str, accuracy: &Accuracy) -> String {
    let figure = |value: Option<f64>, factor: f64, digits: usize| {
        value.map_or_else(|| "-".to_owned(), |value| format!("{:.digits$}", value * factor))
    };
    let percent = |value| figure(value, 100.0, 1);
    let throttle = accuracy.throttle_mean_abs.map_or_else(String::new, |mean| {
        format!("  throttle off by {:.0}% of speed on average", 100.0 * mean)
    });
    let ms = |value| figure(value, 1e3, 0);
    format!(
        "{name:<23} {:>3} {:>6}% {:>6}% {:>8}% {:>6}% {:>8} {:>6}  {}/{}{}",
        accuracy.n,
        percent(accuracy.time_median_rel),
        percent(accuracy.time_p90_rel),
        percent(accuracy.bytes_median_rel),
        percent(accuracy.bytes_p90_rel),
        ms(accuracy.downtime_median_abs_s),
        ms(accuracy.downtime_p90_abs_s),
        accuracy.convergence_correct,
        accuracy.convergence_n,
        throttle
    )
}

/// What `fit --format json` prints.
#[derive(Debug, Serialize)]
struct FitReport {
    out: String,
    loss_before: f64,
    loss_after: f64,
    fitted: Accuracy,
    cross_validated: Accuracy,
}

impl FitConstants {
    fn execute(self) -> Result<Answer, Failure> {
        let start = parameters(self.params.as_deref())?;
        let rows = read_measurements(&self.measurements).map_err(Failure::bad_input)?;
        let place = self.measurements.display().to_string();
        let few = || {
            let what = "fewer than ten pre-copy migrations were timed";
            Failure::bad_input(Problem::new("GLN-325", place, what, "Measure more of them"))
        };
        let Fit { constants, loss, fitted, cross_validated } =
            fit::fit(&rows, &start, self.seed).ok_or_else(few)?;
        let found = Parameters { constants, guest: start.guest };
        let text = toml::to_string(&found).map_err(Failure::bad_input)?;
        whole_file::replace(&self.out, text.as_bytes()).map_err(|cause| {
            let place = self.out.display().to_string();
            let remedy = "Check path and permissions";
            Failure::bad_input(Problem::new("GLN-324", place, cause.to_string(), remedy))
        })?;
        let out = self.out.display().to_string();
        let (loss_before, loss_after) = loss;
        Ok(Answer::done(match self.format {
            Format::Table => format!(
                "{HEADER}\n{}\n{}\n\nloss {loss_before:.4} -> {loss_after:.4}, written to {out}\n",
                accuracy_row("fitted", &fitted),
                accuracy_row("cross-validated", &cross_validated)
            ),
            Format::Json => {
                json(&FitReport { out, loss_before, loss_after, fitted, cross_validated })?
            }
        }))
    }
}
