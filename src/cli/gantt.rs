//! `galerna gantt`: the leases of a run by host and time, as a picture.

use std::path::PathBuf;

use clap::Args;

use super::{Answer, Failure};
use crate::frames::{FoundEvidence, read_run};
use crate::problem::Problem;
use crate::report::Gantt;
use crate::time::Instant;
use crate::trace::Offset;
use crate::whole_file::replace;

/// Draw the leases of a run by host and time.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  galerna run leases/easy --out out/leases
  galerna gantt out/leases --out leases.html
  galerna gantt out/leases --out day-2.svg --from 1d --to 2d

The ending decides: .svg is a drawing for papers and slides, .html a page that needs no network, in
which one can zoom and point at leases. Reservations, best-effort, backfilled, immediate and
deadline leases have their colours; saving and loading memory is hatched, and where memory lies
while its lease is suspended is dashed. Below are the CPU in use and the length of the queue.")]
pub(super) struct GanttCommand {
    /// Folder that `galerna run --out` wrote.
    dir: PathBuf,
    /// The file to write, .svg or .html.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Replace the file if it is there.
    #[arg(long)]
    overwrite: bool,
    /// Draw from then on, such as 12h or 1d.
    #[arg(long, value_name = "TIME")]
    from: Option<Offset>,
    /// Draw until then.
    #[arg(long, value_name = "TIME")]
    to: Option<Offset>,
}

impl GanttCommand {
    pub(super) fn execute(&self) -> Result<Answer, Failure> {
        let page = self.is_page().map_err(Failure::bad_input)?;
        if self.out.exists() && !self.overwrite {
            let what = "is there already";
            let remedy = "Name another file, or add --overwrite";
            return Err(Failure::bad_input(Problem::new("GLN-620", self.name(), what, remedy)));
        }
        let found = read_run(&self.dir).map_err(Failure::bad_input)?;
        let report = &found.manifest.report;
        let (FoundEvidence::Leases(leases), Some(summary)) = (&found.evidence, &report.leases)
        else {
            let what = "is no run of leases";
            let remedy = "Name the folder of a run such as `galerna run leases/easy --out DIR`";
            let place = self.dir.display().to_string();
            return Err(Failure::bad_input(Problem::new("GLN-622", place, what, remedy)));
        };
        if self.from.zip(self.to).is_some_and(|(from, to)| from.span() >= to.span()) {
            let problem = Problem::new("GLN-203", "--to", "must be after --from", "Write later");
            return Err(Failure::bad_input(problem));
        }
        let instant = |offset: Option<Offset>| offset.map(|at| Instant::START + at.span());
        let title = format!("{}: {} leases", report.spec, leases.workload.leases.len());
        let gantt = Gantt::new(leases, &title).between(instant(self.from), instant(self.to));
        let text = if page { gantt.page(summary) } else { gantt.svg() };
        replace(&self.out, text.as_bytes()).map_err(|cause| {
            let what = format!("cannot be written ({cause})");
            let remedy = "Check that the folder exists, is writable and has room";
            Failure::bad_input(Problem::new("GLN-621", self.name(), what, remedy))
        })?;
        Ok(Answer::done(format!("{}\n", self.name())))
    }

    fn name(&self) -> String {
        self.out.display().to_string()
    }

    /// Whether a page is asked for, by the ending.
    fn is_page(&self) -> Result<bool, Problem> {
        match self.out.extension().and_then(|ending| ending.to_str()) {
            Some("html") => Ok(true),
            Some("svg") => Ok(false),
            _ => {
                let what = "ends neither in .svg nor in .html";
                Err(Problem::new("GLN-620", self.name(), what, "Write e.g. --out leases.html"))
            }
        }
    }
}
