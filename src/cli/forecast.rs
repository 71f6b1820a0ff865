//! `galerna forecast`: how good are forecasts of this load, and who foresees overload?

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use super::traces::Part;
use super::{Answer, Failure, json, threads};
use crate::evaluate::{
    Chosen, Evaluation, OverloadTrials, PartSpec, Parts, Quantity, Report, read_external,
    write_points,
};
use crate::forecast::hosts::{Draw, draw};
use crate::forecast::risk::RiskModel;
use crate::forecast::{
    Asked, Error, FitReport, Forecaster, ForecasterSpec, load_forecaster, save_forecaster,
    write_fitted,
};
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
    /// Which quantity of the trace: cpu, or another that it has, such as memory.
    #[arg(long, default_value = "cpu")]
    resource: Quantity,
}

impl Split {
    fn read(&self) -> Result<Parts, Error> {
        let (train, calibrate) = (self.train.clone(), self.calibrate.clone());
        let chosen = Chosen { train, calibrate, test: self.test.clone(), quantity: self.resource };
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
    /// Names of forecasters, or files made by `galerna forecast fit --model`.
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

/// Fit the overload risk model to hosts drawn from the training part, or a forecaster to its VMs.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  galerna forecast fit --trace sample --out risk.json
  galerna forecast fit --trace sample --model lqr --out lqr.json
  galerna forecast evaluate --trace sample --models lqr.json
  galerna run thr-mmt --set 'policy.overload={kind=\"risk\",model=\"risk.json\"}'")]
struct Fit {
    #[command(flatten)]
    split: Split,
    /// Where to write the model; a file that is there is replaced.
    #[arg(long)]
    out: PathBuf,
    /// Name of a forecaster to fit in place of the risk model.
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Levels of quantiles of that forecaster.
    #[arg(long, value_delimiter = ',', default_value = ".5,.9,.95", allow_negative_numbers = true)]
    quantiles: Vec<f32>,
    /// Samples ahead, within which overload counts.
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
        let models = self.models.iter().map(|name| Judged::named(name));
        let models: Vec<Judged> = models.collect::<Result<_, _>>()?;
        let (trace, stride) = (self.split.trace.display().to_string(), usize::from(self.stride));
        let mut evaluation = Evaluation::new(trace, self.split.read()?, asked, stride)?;
        let asked = evaluation.asked().clone();
        if let Some(path) = &self.points {
            let text = write_points(evaluation.trial(), &asked, &evaluation.parts().names);
            whole_file::replace(path, text.as_bytes()).map_err(|cause| {
                let place = path.display().to_string();
                Error::one("GLN-166", place, cause.to_string(), "Check path and permissions")
            })?;
            return Ok(None);
        }
        let externals = match &self.external {
            Some(path) => read_external(path, evaluation.trial(), &asked)?,
            None => Vec::new(),
        };
        let bar = bar(evaluation.trial().origins(&asked).len() * (models.len() + 1));
        let mut told = || bar.inc(1);
        for (name, model) in self.models.iter().zip(&models) {
            bar.set_message(name.clone());
            match model {
                Judged::BuiltIn(spec) => evaluation.judge(spec, &mut told)?,
                Judged::Fitted(forecaster) => {
                    evaluation.judge_fitted(&**forecaster, &mut told)?;
                }
            }
        }
        for external in &externals {
            evaluation.judge_said(external)?;
        }
        bar.set_message("overload");
        let (hosts, vms, seed) = (self.hosts, self.host_vms, self.seed);
        let hosts = Draw { hosts, vms, seed, ..Draw::default() };
        let limit = self.limit;
        let overload =
            evaluation.overload(OverloadTrials { hosts, limit, ..OverloadTrials::default() })?;
        bar.finish_and_clear();
        evaluation.report(overload).map(Some)
    }
}

/// A model to judge.
enum Judged {
    /// Is fitted first.
    BuiltIn(ForecasterSpec),
    /// Was fitted before.
    Fitted(Box<dyn Forecaster>),
}

impl Judged {
    fn named(name: &str) -> Result<Self, Error> {
        if name.ends_with(".json") {
            return Ok(Self::Fitted(load_forecaster(Path::new(name))?.0));
        }
        ForecasterSpec::named(name).map(Self::BuiltIn)
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
        let asked = Asked { quantiles: self.quantiles.clone(), ..asked };
        let asked = asked.checked("galerna forecast fit")?;
        limit_checked(self.limit)?;
        let forecaster = self.model.as_deref().map(ForecasterSpec::named).transpose()?;
        let parts = self.split.read()?;
        let out = self.out.display();
        if let Some(spec) = forecaster {
            let mut forecaster = spec.build(&asked, parts.season);
            let fit = forecaster.fit(&parts.train, &parts.calibrate)?;
            save_forecaster(&self.out, &*forecaster, parts.season)?;
            let (name, FitReport { rows, seconds }) = (forecaster.name(), fit);
            return Ok(format!(
                "{name}, fitted to {rows} rows in {seconds:.1} s of CPU, written to {out}\n"
            ));
        }
        let (hosts, vms, seed) = (self.hosts, self.host_vms, self.seed);
        let hosts = draw(&parts.train, Draw { hosts, vms, seed, ..Draw::default() })?;
        let mut model = RiskModel::fit(&hosts.panel, self.limit, &asked.horizons)?;
        model.resource = self.split.resource.name().to_owned();
        write_fitted(&self.out, &model)?;
        let of = &model.resource;
        Ok(format!("risk model of {of} for {:?} samples, written to {out}\n", self.horizons))
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
