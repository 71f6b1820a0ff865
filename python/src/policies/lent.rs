//! State of the engine, lent to Python for the length of one call.
//!
//! A policy may keep the views that it is given, but they answer only while the call lasts and only
//! in its thread; afterwards they raise. One look at a time: a detector that is asked through a
//! placer's view cannot look through that same view.

use std::cell::Cell;
use std::ptr::NonNull;
use std::sync::Arc;
use std::thread::{self, ThreadId};

use galerna::detect::OverloadDetector;
use galerna::model::Snapshot;
use galerna::place::{Ask, Draft, HostSet, RiskAfter, Roster};
use galerna::power::PowerTable;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

/// What is lent.
pub struct Desk<'a> {
    pub state: Snapshot<'a>,
    /// One table per machine of the fleet.
    pub tables: &'a [PowerTable],
    /// Where VMs are tried out; placers and planners have one.
    pub bench: Option<Bench<'a>>,
    /// Where VMs are; planners are told.
    pub roster: Option<Roster<'a>>,
}

/// A tentative placement and the questions that may be asked about it.
pub struct Bench<'a> {
    pub draft: &'a mut Draft,
    /// Hosts that may not receive.
    pub excluded: &'a HostSet,
    /// Whether hosts without VMs may receive.
    pub wake: bool,
    pub detector: &'a mut (dyn OverloadDetector + 'a),
    /// Who knows the risk of a destination from the pasts of its VMs.
    pub risk: &'a mut RiskAfter,
}

/// What the bridge to a placer or planner keeps from question to question.
#[derive(Default)]
pub struct Shelf {
    tables: Vec<PowerTable>,
    risk: RiskAfter,
}

impl Shelf {
    /// A desk with `draft`, about which `ask` may be asked.
    pub fn desk<'a>(
        &'a mut self,
        draft: &'a mut Draft,
        ask: &'a mut Ask<'_>,
        roster: Option<Roster<'a>>,
    ) -> Desk<'a> {
        let Self { tables, risk } = self;
        if tables.is_empty() {
            tables.extend(ask.state.fleet.machines.iter().map(PowerTable::of));
        }
        let Ask { state, excluded, wake, detector } = ask;
        let bench = Bench { draft, excluded, wake: *wake, detector: &mut **detector, risk };
        Desk { state: *state, tables, bench: Some(bench), roster }
    }
}

/// A desk that may be looked at until its owner wants it back.
pub struct Lent {
    desk: Cell<Option<NonNull<Desk<'static>>>>,
    busy: Cell<bool>,
    lender: ThreadId,
}

// SAFETY: only the lending thread reads or writes the cells, see `with`; nothing is dropped with
// them.
unsafe impl Send for Lent {}
// SAFETY: as for `Send`.
unsafe impl Sync for Lent {}

/// Takes the desk back, however the call ends.
struct TakeBack<'l>(&'l Lent);

impl Drop for TakeBack<'_> {
    fn drop(&mut self) {
        self.0.desk.set(None);
    }
}

/// Ends a look, however it ends.
struct Release<'l>(&'l Cell<bool>);

impl Drop for Release<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

/// Lends `desk` to `call`; no view answers after it.
pub fn lend<R>(desk: &mut Desk<'_>, call: impl FnOnce(&Arc<Lent>) -> R) -> R {
    let pointer = NonNull::from(desk).cast::<Desk<'static>>();
    let (desk, busy, lender) = (Cell::new(Some(pointer)), Cell::new(false), thread::current().id());
    let lent = Arc::new(Lent { desk, busy, lender });
    let _take_back = TakeBack(&lent);
    call(&lent)
}

impl Lent {
    /// Lets `look` at the desk.
    pub fn with<R>(&self, look: impl for<'d> FnOnce(&mut Desk<'d>) -> PyResult<R>) -> PyResult<R> {
        let refused = |what: &str| Err(PyRuntimeError::new_err(what.to_owned()));
        if thread::current().id() != self.lender {
            return refused("what a policy is lent may only be used in the thread that asks it");
        }
        let Some(mut desk) = self.desk.get() else {
            return refused(
                "what a policy is lent may only be used while it is asked: keep arrays and \
                 numbers, not the views that they came from",
            );
        };
        if self.busy.replace(true) {
            return refused("this draft is being asked about: a detector may not look into it");
        }
        let _release = Release(&self.busy);
        // SAFETY: the desk is alive, as `lend` holds its borrow until it has taken the pointer
        // back; nobody else looks at it, as the owner waits in `lend` and `busy` keeps out other
        // looks; the lifetime is the closure's own, so nothing of it can leave.
        look(unsafe { desk.as_mut() })
    }
}
