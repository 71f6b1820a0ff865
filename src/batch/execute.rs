//! All runs of a plan on several threads: one run per thread at a time, results in plan order.
//!
//! The calling thread runs nothing. It takes the results as they come and hands them to its
//! caller, who keeps them; so there is one writer. A run that fails, even by a bug, is a result.

use std::io;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use cpu_time::ThreadTime;

use super::address::address;
use super::inputs::{Inputs, Ran};
use super::plan::{Plan, PlannedRun};
use super::queue::Queue;
use super::row::{Ended, Row};
use super::traces::SharedTraces;
use crate::engine::{self, Policies};
use crate::lease::LeasePolicies;
use crate::model::Fleet;
use crate::policy::PolicyError;
use crate::spec::{self, LeaseSpec, python};

/// How often the caller is asked whether to go on while nothing finishes.
const PULSE: Duration = Duration::from_millis(50);

/// Where the policies of a run come from.
pub trait PolicySource: Sync {
    /// Fresh policies for one run.
    ///
    /// # Errors
    /// When they cannot be built.
    fn policies(&self, run: &PlannedRun, fleet: &Fleet) -> Result<Policies, PolicyError>;

    /// Fresh policies of leases for one run, where it is a run of leases.
    ///
    /// # Errors
    /// When they cannot be built.
    fn lease_policies(
        &self,
        run: &PlannedRun,
        leases: &LeaseSpec,
    ) -> Result<LeasePolicies, PolicyError> {
        spec::lease_policies(&run.spec, leases, python::installed())
    }

    /// Whether the spec tells all about them, so that the result may be kept under its address;
    /// not so for Python code, which may have another text tomorrow.
    fn told_by_spec(&self, run: &PlannedRun) -> bool {
        run.spec.python().is_empty()
    }

    /// Whether of such runs one goes at a time, beside others; so where Python is asked.
    fn goes_alone(&self, run: &PlannedRun) -> bool {
        !run.spec.python().is_empty()
    }
}

/// The policies that the spec names.
#[derive(Debug, Clone, Copy)]
pub struct BySpec;

impl PolicySource for BySpec {
    fn policies(&self, run: &PlannedRun, fleet: &Fleet) -> Result<Policies, PolicyError> {
        spec::policies(&run.spec, fleet)
    }
}

/// Where results are kept.
pub trait Store: Sync {
    /// The result at `address`, if it is there with all that belongs to it.
    fn find(&self, address: &str) -> Option<Row>;

    /// Keeps the tables of a run.
    ///
    /// # Errors
    /// When the operating system refuses.
    fn keep(&self, address: &str, ran: &Ran<'_>) -> io::Result<()>;
}

/// Keeps nothing.
#[derive(Debug, Clone, Copy)]
pub struct Nowhere;

impl Store for Nowhere {
    fn find(&self, _address: &str) -> Option<Row> {
        None
    }
    fn keep(&self, _: &str, _: &Ran<'_>) -> io::Result<()> {
        Ok(())
    }
}

/// A run that has ended.
#[derive(Debug)]
pub struct Finished {
    /// Its place in the plan.
    pub index: usize,
    /// Its result.
    pub row: Row,
    /// Whether the result was there already.
    pub reused: bool,
    /// CPU seconds that it took.
    pub cpu_s: f64,
    /// What stopped it, where an engine's error did.
    pub error: Option<engine::Error>,
}

/// Why an execution did not come to its end.
#[derive(Debug)]
pub enum Stopped {
    /// The caller said so.
    Asked,
    /// A table could not be kept.
    Store(io::Error),
}

/// Everything that is needed to run a plan.
#[derive(Clone, Copy)]
pub struct Execution<'a> {
    /// What to run.
    pub plan: &'a Plan,
    /// On how many threads.
    pub threads: usize,
    /// With which policies.
    pub policies: &'a dyn PolicySource,
    /// Where results are kept.
    pub store: &'a dyn Store,
}

/// What a worker sends.
type Message = io::Result<Finished>;

impl Execution<'_> {
    /// Runs the plan; `watch` gets every run as it ends, now and then nothing, and says whether to
    /// go on.
    ///
    /// # Errors
    /// [`Stopped`]; what was finished before has gone to `watch`.
    pub fn run(
        &self,
        watch: &mut dyn FnMut(Option<Finished>) -> ControlFlow<()>,
    ) -> Result<(), Stopped> {
        let threads = self.threads.clamp(1, self.plan.runs.len().max(1));
        let traces = SharedTraces::of(self.plan);
        let alone = self.plan.runs.iter().map(|run| self.policies.goes_alone(run)).collect();
        let queue = Queue::new(traces.by_trace(), alone, traces.of_runs().to_vec(), threads);
        let work = Work { execution: self, queue, traces, stop: AtomicBool::new(false) };
        let (sender, results) = mpsc::channel::<Message>();
        thread::scope(|scope| {
            for _ in 0..threads {
                let (work, sender) = (&work, sender.clone());
                scope.spawn(move || work.go_on(&sender));
            }
            drop(sender);
            loop {
                let finished = match results.recv_timeout(PULSE) {
                    Ok(Ok(finished)) => Some(finished),
                    Ok(Err(cause)) => {
                        work.stop.store(true, Ordering::Relaxed);
                        return Err(Stopped::Store(cause));
                    }
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => return Ok(()),
                };
                if watch(finished).is_break() {
                    work.stop.store(true, Ordering::Relaxed);
                    return Err(Stopped::Asked);
                }
            }
        })
    }
}

/// What the workers share.
struct Work<'a> {
    execution: &'a Execution<'a>,
    traces: SharedTraces<'a>,
    queue: Queue,
    stop: AtomicBool,
}

impl Work<'_> {
    /// Takes runs until there are none left.
    fn go_on(&self, sender: &Sender<Message>) {
        while let Some(taken) = self.queue.take(|| self.stop.load(Ordering::Relaxed)) {
            let mut finished = Ok(None);
            let mut work = || finished = self.one(taken.run);
            match self.execution.policies.goes_alone(&self.execution.plan.runs[taken.run]) {
                true => python::stay(&mut work),
                false => work(),
            }
            self.traces.release(taken.run);
            drop(taken);
            let Some(message) = finished.transpose() else { return };
            if sender.send(message).is_err() {
                return;
            }
        }
    }

    /// Run `index`; `None` when it was told to stop.
    fn one(&self, index: usize) -> io::Result<Option<Finished>> {
        let start = ThreadTime::now();
        let run = &self.execution.plan.runs[index];
        let finished = |row, reused, error| {
            let cpu_s = start.elapsed().as_secs_f64();
            Ok(Some(Finished { index, row, reused, cpu_s, error }))
        };
        let failed = |address, trace_blake3: Option<&str>, error: String| Row {
            address,
            trace_blake3: trace_blake3.map(str::to_owned),
            ended: Ended::Failed { error },
        };
        let inputs = match self.read(index) {
            Ok(inputs) => inputs,
            Err(error) => return finished(failed(None, None, error.to_string()), false, None),
        };
        let told = self.execution.policies.told_by_spec(run);
        let address = told.then(|| address(&run.spec, &inputs.content()));
        let trace_blake3 = inputs.trace_blake3();
        if let Some(row) = address.as_ref().and_then(|a| self.execution.store.find(a)) {
            return finished(row, true, None);
        }
        match catch_unwind(AssertUnwindSafe(|| self.simulated(run, &inputs))) {
            Ok(Ok(ran)) => {
                if let Some(address) = &address {
                    self.execution.store.keep(address, &ran)?;
                }
                finished(Row::done(address, trace_blake3, &ran), false, None)
            }
            Ok(Err(engine::Error::Interrupted { .. })) => Ok(None),
            Ok(Err(error)) => {
                let row = failed(address, trace_blake3, error.to_string());
                finished(row, false, Some(error))
            }
            Err(panic) => {
                let row = failed(address, trace_blake3, bug(&*panic));
                finished(row, false, None)
            }
        }
    }

    /// What run `index` is run on.
    fn read(&self, index: usize) -> Result<Inputs, spec::Error> {
        let shared = self.traces.get(index);
        let shared = shared.map_err(|error| spec::Error { problems: error.problems })?;
        Inputs::read(&self.execution.plan.runs[index], shared)
    }

    fn simulated<'i>(
        &self,
        run: &PlannedRun,
        inputs: &'i Inputs,
    ) -> Result<Ran<'i>, engine::Error> {
        let source = self.execution.policies;
        let mut go_on = |_sample| match self.stop.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        };
        let policies = || source.policies(run, inputs.fleet());
        inputs.ran(run, policies, |leases| source.lease_policies(run, leases), &mut go_on)
    }
}

/// The words of a run that ended by a broken invariant.
fn bug(panic: &(dyn std::any::Any + Send)) -> String {
    let told = panic.downcast_ref::<String>().map(String::as_str);
    let told = told.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
    format!("GLN-730 stopped by a bug in galerna ({told}). Please report it with this command.")
}
