//! What `sweep` and `compare` have in common: run a plan with a bar on the terminal.

use std::io::{self, IsTerminal};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

use super::{BAD_INPUT, Failure, INTERRUPTED};
use crate::batch::{Batch, BySpec, Error, Finished, Output, Plan, Results};
use crate::spec::python;

/// How often a bar that nothing changes is drawn again, so that one sees that it goes on.
const TICK: Duration = Duration::from_millis(500);

/// Runs `plan` on `threads` threads and tells on the terminal how far it is.
pub(super) fn run(
    plan: &Plan,
    threads: usize,
    output: Option<Output<'_>>,
) -> Result<Results, Failure> {
    python::announce(plan.runs.iter().flat_map(|run| run.spec.python()));
    let batch = Batch { plan, threads, policies: &BySpec };
    let mut progress = Progress::over(plan.runs.len());
    let results = batch.run(output, &mut |finished| {
        progress.advance(finished.as_deref());
        ControlFlow::Continue(())
    });
    progress.close();
    results.map_err(failure)
}

/// The answer of a command whose batch came to no end.
pub(super) fn failure(error: Error) -> Failure {
    let code = match error {
        Error::Input(_) => BAD_INPUT,
        Error::Interrupted => INTERRUPTED,
    };
    Failure { code, message: error.to_string() }
}

/// A bar with the runs that are done and the time that the others will take.
struct Progress {
    bar: Option<ProgressBar>,
    failed: usize,
    /// Runs that really ran, from which the rest is judged: those that were there take no time.
    ran: u64,
    start: Instant,
}

impl Progress {
    fn over(runs: usize) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(runs as u64);
            let style = ProgressStyle::with_template("{bar:40} {pos}/{len} runs, {msg}");
            let bar = match style {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            };
            bar.set_message("reading traces");
            bar.enable_steady_tick(TICK);
            bar
        });
        Self { bar, failed: 0, ran: 0, start: Instant::now() }
    }

    fn advance(&mut self, finished: Option<&Finished>) {
        let (Some(bar), Some(finished)) = (&self.bar, finished) else { return };
        bar.inc(1);
        self.failed += usize::from(finished.row.error().is_some());
        if finished.reused {
            return;
        }
        self.ran += 1;
        let left = bar.length().unwrap_or(0).saturating_sub(bar.position());
        let per_run = self.start.elapsed().as_secs_f64() / self.ran as f64;
        let left = HumanDuration(Duration::from_secs_f64(per_run * left as f64));
        let failed = match self.failed {
            0 => String::new(),
            failed => format!(", {failed} failed"),
        };
        bar.set_message(format!("{left} left{failed}"));
    }

    fn close(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
