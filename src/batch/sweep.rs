//! A whole sweep: plan, run what is not there yet, keep it.

use std::ops::ControlFlow;
use std::path::Path;

use super::dataset::Dataset;
use super::error::Error;
use super::execute::{Execution, Finished, Nowhere, PolicySource, Stopped, Store};
use super::plan::Plan;
use super::row::Row;
use super::tables::RunTable;
use crate::frames::Existing;
use crate::problem::Problem;

/// Where the results of a sweep go.
#[derive(Debug, Clone, Copy)]
pub struct Output<'a> {
    /// The folder.
    pub dir: &'a Path,
    /// Tables of each run that are kept there.
    pub keep: &'a [RunTable],
    /// Whether results that are no longer asked for may be dropped.
    pub existing: Existing,
}

/// The results of a batch, one per run of its plan.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Results {
    /// In the order of the plan.
    pub rows: Vec<Row>,
    /// CPU seconds that each run took, 0 where its result was there already.
    pub cpu_s: Vec<f64>,
    /// How many results were there already.
    pub reused: usize,
}

impl Results {
    /// How many runs failed.
    pub fn failed(&self) -> usize {
        self.rows.iter().filter(|row| row.error().is_some()).count()
    }
}

/// How a batch is run.
#[derive(Clone, Copy)]
pub struct Batch<'a> {
    /// What to run.
    pub plan: &'a Plan,
    /// On how many threads.
    pub threads: usize,
    /// With which policies.
    pub policies: &'a dyn PolicySource,
}

/// Called with every run that ends, and now and then with `None`; decides whether to go on.
pub type Watch<'w> = dyn FnMut(Option<&mut Finished>) -> ControlFlow<()> + 'w;

impl Batch<'_> {
    /// Runs all of it; with `output`, takes from there what is there and keeps the rest there.
    ///
    /// # Errors
    /// Those of [`Plan::check_keep`] and [`Dataset::open`], and [`Error::Interrupted`] when `watch`
    /// says so. Failed runs are results, not errors.
    pub fn run(&self, output: Option<Output<'_>>, watch: &mut Watch<'_>) -> Result<Results, Error> {
        let Some(Output { dir, keep, existing }) = output else {
            return self.executed(&Nowhere, &mut |_| Ok(()), watch);
        };
        self.plan.check_keep(keep)?;
        let (dataset, mut notes) = Dataset::open(dir, self.plan, keep, existing)?;
        let runs = &self.plan.runs;
        let note = &mut |ended: &Finished| notes.add(&runs[ended.index], &ended.row);
        let results = self.executed(&dataset, note, watch)?;
        dataset.finish(notes, self.plan, &results.rows)?;
        Ok(results)
    }

    /// Runs all of it, taking what `store` has; `note` keeps each result.
    fn executed(
        &self,
        store: &dyn Store,
        note: &mut dyn FnMut(&Finished) -> Result<(), Error>,
        watch: &mut Watch<'_>,
    ) -> Result<Results, Error> {
        let Self { plan, threads, policies } = *self;
        let mut rows: Vec<Option<(Row, f64)>> = vec![None; plan.runs.len()];
        let mut reused = 0;
        let mut trouble = None;
        let execution = Execution { plan, threads, policies, store };
        let ended = execution.run(&mut |finished| {
            let Some(mut finished) = finished else { return watch(None) };
            let go_on = watch(Some(&mut finished));
            reused += usize::from(finished.reused);
            // A trace that could not be read may be there the next time.
            if !finished.reused
                && finished.row.address.is_some()
                && let Err(error) = note(&finished)
            {
                trouble = Some(error);
                return ControlFlow::Break(());
            }
            let cpu_s = if finished.reused { 0.0 } else { finished.cpu_s };
            rows[finished.index] = Some((finished.row, cpu_s));
            go_on
        });
        match ended {
            Ok(()) => {}
            Err(Stopped::Asked) => return Err(trouble.unwrap_or(Error::Interrupted)),
            Err(Stopped::Store(cause)) => {
                let remedy = "Check that the folder is writable and has room";
                let what = format!("a table could not be kept ({cause})");
                return Err(Problem::new("GLN-721", "the output folder", what, remedy).into());
            }
        }
        let all = rows.into_iter().map(|row| row.expect("every run has ended"));
        let (rows, cpu_s) = all.unzip();
        Ok(Results { rows, cpu_s, reused })
    }
}
