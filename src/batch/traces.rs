//! Each trace of a batch is read once, shared by its runs, and dropped after the last of them.
//!
//! The runs are taken trace by trace, so that never more traces are in memory than twice the number
//! of threads, however many the batch has. Leases without load need none.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use super::plan::{Plan, PlannedRun};
use crate::trace::{self, UtilisationTrace};

/// A trace with its hash.
#[derive(Debug)]
pub(super) struct SharedTrace {
    pub trace: UtilisationTrace,
    pub blake3: String,
}

type Reading = OnceLock<Result<Option<Arc<SharedTrace>>, trace::Error>>;

/// One source, day and order.
struct Slot<'p> {
    /// A run that names it.
    run: &'p PlannedRun,
    /// How many runs still need it.
    waiting: AtomicUsize,
    reading: Mutex<Arc<Reading>>,
}

/// The traces of a plan.
pub(super) struct SharedTraces<'p> {
    slots: Vec<Slot<'p>>,
    /// Slot of each run.
    of_run: Vec<usize>,
}

impl<'p> SharedTraces<'p> {
    pub(super) fn of(plan: &'p Plan) -> Self {
        let mut slots: Vec<Slot<'p>> = Vec::new();
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        let mut of_run = Vec::with_capacity(plan.runs.len());
        for run in &plan.runs {
            let name = match run.spec.carries_load() {
                true => toml::to_string(&run.spec.trace).expect("a trace section has a TOML form"),
                false => String::new(),
            };
            let at = *known.entry(name).or_insert_with(|| {
                slots.push(Slot { run, waiting: AtomicUsize::new(0), reading: Mutex::default() });
                slots.len() - 1
            });
            slots[at].waiting.fetch_add(1, Ordering::Relaxed);
            of_run.push(at);
        }
        Self { slots, of_run }
    }

    /// The runs, those of one trace together and else in the order of the plan.
    pub(super) fn by_trace(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.of_run.len()).collect();
        order.sort_by_key(|&run| self.of_run[run]);
        order
    }

    /// The trace of each run, as a number.
    pub(super) fn of_runs(&self) -> &[usize] {
        &self.of_run
    }

    /// The trace of `run`, if it needs one, which the first to ask for it reads while others wait.
    pub(super) fn get(&self, run: usize) -> Result<Option<Arc<SharedTrace>>, trace::Error> {
        let slot = &self.slots[self.of_run[run]];
        let reading = Arc::clone(&slot.reading.lock().expect("no reader panics with the lock"));
        let read = || {
            if !slot.run.spec.carries_load() {
                return Ok(None);
            }
            let trace = slot.run.spec.read_trace()?;
            let blake3 = trace.blake3();
            Ok(Some(Arc::new(SharedTrace { trace, blake3 })))
        };
        reading.get_or_init(read).clone()
    }

    /// Says that `run` needs its trace no longer.
    pub(super) fn release(&self, run: usize) {
        let slot = &self.slots[self.of_run[run]];
        if slot.waiting.fetch_sub(1, Ordering::AcqRel) == 1 {
            *slot.reading.lock().expect("no reader panics with the lock") = Arc::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::design::{Base, Change, Design, Point};
    use super::*;

    #[test]
    fn runs_of_one_trace_share_it_until_the_last_of_them() {
        let axis = |key: &str, values: Vec<toml::Value>| {
            values.into_iter().map(|value| Point::from(Change::new(key, value))).collect()
        };
        let axes = vec![
            axis("run.seed", vec![0.into(), 1.into()]),
            axis("trace.order", vec!["name".into(), "listed".into()]),
        ];
        let bases = Base::named("lr-mmt").unwrap();
        let plan = Plan::of(&Design { bases, axes, ..Design::default() }).unwrap();
        let traces = SharedTraces::of(&plan);
        assert_eq!(traces.by_trace(), [0, 2, 1, 3]);
        let get = |run| traces.get(run).unwrap().unwrap();
        let first = get(0);
        assert!(Arc::ptr_eq(&first, &get(2)));
        assert!(!Arc::ptr_eq(&first, &get(1)));
        traces.release(0);
        assert!(Arc::ptr_eq(&first, &get(2)));
        traces.release(2);
        assert_eq!(Arc::strong_count(&first), 1);
    }
}
