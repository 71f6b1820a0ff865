//! `galerna migrate draw`: the migrations of a run over time, with the load of their links.

use std::path::PathBuf;

use clap::Args;

use super::{Answer, Failure};
use crate::frames::{FoundEvidence, read_run};
use crate::model::rules::Contention;
use crate::problem::Problem;
use crate::report::{View, moves};
use crate::whole_file::replace;

/// Draw the migrations of a run: stages over time, load of the links below.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  galerna run lr-mmt --set migration.model=pre-copy --out out/first
  galerna migrate draw out/first --to 1200 --out moves.svg
  galerna migrate draw out/first --from 600 --to 900 --rows 100 --out moves.html")]
pub(super) struct Draw {
    /// Folder that `galerna run --out` wrote.
    dir: PathBuf,
    /// File to write: a picture (.svg), or a page that holds it (.html).
    #[arg(long)]
    out: PathBuf,
    /// First second that is drawn.
    #[arg(long, default_value_t = 0.0)]
    from: f64,
    /// Last second that is drawn; the end of the run by default.
    #[arg(long)]
    to: Option<f64>,
    /// Migrations at most; those that begin first.
    #[arg(long, default_value_t = View::default().rows)]
    rows: usize,
}

impl Draw {
    pub(super) fn execute(self) -> Result<Answer, Failure> {
        let refuse = |place: String, what: &str, remedy: &str| {
            Failure::bad_input(Problem::new("GLN-626", place, what, remedy))
        };
        let to = self.to.unwrap_or(f64::INFINITY);
        if self.from.is_nan() || to.is_nan() || self.from >= to {
            let what = format!("found --from {} and --to {to}", self.from);
            return Err(refuse("--from, --to".into(), &what, "Let --to be after --from"));
        }
        let page = match self.out.extension().and_then(|ending| ending.to_str()) {
            Some("svg") => false,
            Some("html" | "htm") => true,
            _ => {
                let what = "ends neither in .svg nor in .html";
                return Err(refuse(self.out.display().to_string(), what, "Name such a file"));
            }
        };
        let found = read_run(&self.dir).map_err(Failure::bad_input)?;
        let FoundEvidence::Load(evidence) = &found.evidence else {
            let remedy = "Name the folder of a run of load; `galerna gantt` draws leases";
            let place = self.dir.display().to_string();
            let problem = Problem::new("GLN-622", place, "is a run of leases", remedy);
            return Err(Failure::bad_input(problem));
        };
        let migration = &found.manifest.resolved_spec.migration;
        let card = migration.topology.is_none().then(|| migration.rules.bandwidth());
        let shared = migration.rules.contention == Contention::MaxMin;
        let view = View { from: self.from, to, rows: self.rows, card, shared };
        let mut chart = moves(&evidence.record, &view);
        let drawn = chart.title.clone();
        chart.title = format!("{}: {drawn}", found.manifest.report.spec);
        let text = if page { chart.page() } else { chart.svg() };
        replace(&self.out, text.as_bytes()).map_err(|cause| {
            refuse(self.out.display().to_string(), &cause.to_string(), "Check path and permissions")
        })?;
        Ok(Answer::done(format!("{drawn} in {}\n", self.out.display())))
    }
}
