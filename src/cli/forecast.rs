//! `galerna forecast`: how good are forecasts of this load, and who foresees overload?

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use super::traces::Part;
use super::{Answer, Failure, json, threads};
use crate::evaluate::{
    Chosen, OverloadTrials, PartSpec, Parts, Report, Trial, ceiling, overload, read_external,
    score, write_points,
};
use crate::forecast::hosts::{Draw, draw};
use crate::forecast::risk::RiskModel;
use crate::forecast::{Asked, Error, Forecaster, ForecasterSpec, write_fitted};
use crate::whole_file;

/// Judge forecasts of load and of overload on a trace.
#[derive(Debug, Args)]
pub(super) struct Forecast {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Evaluate(Evaluate),
    Fit(Fit),
}

/// Which part of the trace does what.
#[derive(Debug, Args)]
struct Split {
    /// `sample`, a folder, an archive, a .csv or a .parquet file.
    #[arg(long)]
    trace: PathBuf,
    #[command(flatten)]
    part: Part,
    /// What models learn from: days, vms:0..500, or time:0..60%.
    #[arg(long, value_name = "PART")]
    train: Option<PartSpec>,
    /// What their levels are corrected on.
    #[arg(long, value_name = "PART")]
    calibrate: Option<PartSpec>,
    /// What they are judged on.
    #[arg(long, value_name = "PART")]
    test: Option<PartSpec>,
}

impl Split {
    fn read(&self) -> Result<Parts, Error> {
        let (train, calibrate) = (self.train.clone(), self.calibrate.clone());
        let chosen = Chosen { train, calibrate, test: self.test.clone() };
        Parts::read(&self.trace, &self.part.selection(), &chosen)
    }
}

/// The models that are judged unless others are named.
const MODELS: &str = "selector,selector-local,lqr,ridge,ses,ar-6,quantile-48,median-12,mean-12";

/// Errors, quantiles and overload risk of many models on the same points.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  galerna forecast evaluate --trace sample
  galerna forecast evaluate --trace planetlab.parquet --models selector,lqr,median-12
  galerna forecast evaluate --trace gcd.parquet --train vms:0..500 --calibrate vms:500..650 \\
    --test vms:650..900
  galerna forecast evaluate --trace planetlab.parquet --points points.csv
  galerna forecast evaluate --trace planetlab.parquet --external lightgbm.csv --format md

Without parts the last day tests and the one before calibrates; a trace of fewer than three days is
cut by time at 60 % and 75 %. docs/forecasting.md names models and figures.")]
struct Evaluate {
    #[command(flatten)]
    split: Split,
    /// Names of forecasters.
    #[arg(long, value_delimiter = ',', default_value = MODELS)]
    models: Vec<String>,
    /// Samples ahead.
    #[arg(long, value_delimiter = ',', default_value = "1,6,12")]
    horizons: Vec<u16>,
    /// Levels of quantiles.
    #[arg(long, value_delimiter = ',', default_value = ".5,.9,.95", allow_negative_numbers = true)]
    quantiles: Vec<f32>,
    /// Samples between two origins.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    stride: u16,
    /// Forecasts that other tools made of the same points, csv.
    #[arg(long, value_name = "FILE")]
    external: Option<PathBuf>,
    /// Write the points that are to be forecast to a csv file, and stop.
    #[arg(long, value_name = "FILE")]
    points: Option<PathBuf>,
    /// Hosts drawn for the overload tables; 0 leaves these out.
    #[arg(long, default_value_t = 800)]
    hosts: usize,
    /// VMs on each of them.
    #[arg(long, default_value_t = 20)]
    host_vms: usize,
    /// What a host may use, fraction of its capacity.
    #[arg(long, default_value_t = 0.9)]
    limit: f32,
    /// Seed of the draw of hosts.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Threads [default: a few].
    #[arg(long)]
    threads: Option<u16>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Layout::Table)]
    format: Layout,
}

/// How a report is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Layout {
    /// For people.
    Table,
    /// For programs: one object.
    Json,
    /// For documents.
    Md,
}

/// Fit the overload risk model to hosts drawn from the training part.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  galerna forecast fit --trace sample --out risk.json
  galerna run thr-mmt --set 'policy.overload={kind=\"risk\",model=\"risk.json\"}'")]
struct Fit {
    #[command(flatten)]
    split: Split,
    /// Where to write the model; a file that is there is replaced.
    #[arg(long)]
    out: PathBuf,
    /// Samples ahead within which overload counts.
    #[arg(long, value_delimiter = ',', default_value = "1,6,12")]
    horizons: Vec<u16>,
    /// Hosts drawn to learn from.
    #[arg(long, default_value_t = 1500)]
    hosts: usize,
    /// VMs on each of them.
    #[arg(long, default_value_t = 20)]
    host_vms: usize,
    /// What a host may use, fraction of its capacity.
    #[arg(long, default_value_t = 1.0)]
    limit: f32,
    /// Seed of the draw of hosts.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

impl Forecast {
    pub(super) fn execute(self) -> Result<Answer, Failure> {
        match self.command {
            Command::Evaluate(evaluate) => evaluate.execute(),
            Command::Fit(fit) => fit.execute(),
        }
    }
}

fn limit_checked(limit: f32) -> Result<(), Error> {
    if limit > 0.0 && limit.is_finite() {
        return Ok(());
    }
    let what = format!("found {limit}, expected a number above 0");
    Err(Error::one("GLN-162", "--limit", what, "Write a fraction such as 0.9"))
}

impl Evaluate {
    fn execute(self) -> Result<Answer, Failure> {
        threads::limit(self.threads.map(usize::from));
        let report = self.report().map_err(Failure::bad_input)?;
        let Some(report) = report else { return Ok(Answer::done(String::new())) };
        Ok(Answer::done(match self.format {
            Layout::Table => report.table(),
            Layout::Json => json(&report)?,
            Layout::Md => report.markdown(),
        }))
    }

    /// The figures; none where only the points were asked for.
    fn report(&self) -> Result<Option<Report>, Error> {
        let (horizons, quantiles) = (self.horizons.clone(), self.quantiles.clone());
        let asked = Asked { horizons, quantiles, ..Asked::default() };
        let asked = asked.checked("galerna forecast evaluate")?;
        limit_checked(self.limit)?;
        let specs: Vec<ForecasterSpec> =
            self.models.iter().map(|name| ForecasterSpec::named(name)).collect::<Result<_, _>>()?;
        let parts = self.split.read()?;
        let trial = Trial::new(parts.test.clone(), usize::from(self.stride));
        let origins = trial.origins(&asked).len();
        if origins == 0 {
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
        if let Some(path) = &self.points {
            let text = write_points(&trial, &asked, &parts.names);
            whole_file::replace(path, text.as_bytes()).map_err(|cause| {
                let place = path.display().to_string();
                Error::one("GLN-166", place, cause.to_string(), "Check path and permissions")
            })?;
            return Ok(None);
        }
        let externals = match &self.external {
            Some(path) => read_external(path, &trial, &asked)?,
            None => Vec::new(),
        };
        let bar = bar(origins * (specs.len() + 1));
        let mut told = || bar.inc(1);
        let last = ForecasterSpec::named("last")?.build(&asked, parts.season);
        let last = trial.run(&*last, &mut told);
        let mut rows = score("last", &asked, &trial, &last, &last);
        let mut fits = Vec::new();
        for spec in specs {
            let mut forecaster = spec.build(&asked, parts.season);
            bar.set_message(forecaster.name().to_owned());
            let fit = forecaster.fit(&parts.train, &parts.calibrate)?;
            let said = trial.run(&*forecaster as &dyn Forecaster, &mut told);
            rows.extend(score(forecaster.name(), &asked, &trial, &said, &last));
            fits.push((forecaster.name().to_owned(), fit));
        }
        for external in &externals {
            rows.extend(score(&external.model, &asked, &trial, &external.said, &last));
        }
        bar.set_message("overload");
        let overload = self.overload(&parts, &asked)?;
        bar.finish_and_clear();
        Ok(Some(Report {
            trace: self.split.trace.display().to_string(),
            parts: parts.words.clone(),
            stride: usize::from(self.stride),
            noise_ceiling: ceiling(&parts.test),
            fits,
            rows,
            overload,
        }))
    }

    fn overload(
        &self,
        parts: &Parts,
        asked: &Asked,
    ) -> Result<Vec<crate::evaluate::OverloadRow>, Error> {
        if self.hosts == 0 {
            return Ok(Vec::new());
        }
        let (hosts, vms, seed) = (self.hosts, self.host_vms, self.seed);
        let hosts = Draw { hosts, vms, seed, ..Draw::default() };
        let trials = OverloadTrials { hosts, limit: self.limit, ..OverloadTrials::default() };
        overload(&parts.train, &parts.calibrate, &parts.test, trials, &asked.horizons)
    }
}

impl Fit {
    fn execute(self) -> Result<Answer, Failure> {
        threads::limit(None);
        let text = self.fitted().map_err(Failure::bad_input)?;
        Ok(Answer::done(text))
    }

    fn fitted(&self) -> Result<String, Error> {
        let asked = Asked { horizons: self.horizons.clone(), ..Asked::default() };
        let asked = asked.checked("galerna forecast fit")?;
        limit_checked(self.limit)?;
        let parts = self.split.read()?;
        let (hosts, vms, seed) = (self.hosts, self.host_vms, self.seed);
        let hosts = draw(&parts.train, Draw { hosts, vms, seed, ..Draw::default() })?;
        let model = RiskModel::fit(&hosts.panel, self.limit, &asked.horizons)?;
        write_fitted(&self.out, &model)?;
        Ok(format!(
            "risk model for {:?} samples, written to {}\n",
            self.horizons,
            self.out.display()
        ))
    }
}

/// A bar over all forecasts, drawn on a terminal only.
fn bar(steps: usize) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(steps as u64);
    match ProgressStyle::with_template("{bar:40} {percent} % {msg}, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
