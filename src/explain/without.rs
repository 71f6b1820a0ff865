//! What if it had been decided otherwise? The run once more, from that moment on without the
//! decision.
//!
//! A run is deterministic, so that up to the decision the second run is the first. There the moves
//! in question are not made, or go to another host, and everything after that follows from it.
//!
//! The decision to empty a host is one decision: without the move of one of its VMs none of the
//! others is made, as the host could not be switched off. In a plan, moves that had room only
//! because of one that is left out are left out with it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::repeat::{Figures, Repeatable, Repeated};
use super::{Choice, Error, Focus, observed, without_lease};
use crate::engine::{self, Policies};
use crate::id::{HostId, LeaseId, VmId};
use crate::lease::decision::LeaseDecision;
use crate::model::lease_record::{Stretch, Use};
use crate::model::record::Action;
use crate::place::{
    Ask, Draft, Outcome, Placer, Placing, Planner, Refusal, Roster, Weighed, enter,
};
use crate::policy::PolicyError;
use crate::problem::Problem;
use crate::spec::RunSpec;
use crate::spec::python::Interpreter;
use crate::time::Instant;

/// A run, and what it would have been without some of its decisions.
#[derive(Debug, Clone, PartialEq)]
pub struct Counterfactual {
    /// The moves that are in question, as they were made.
    pub choices: Vec<Choice>,
    /// The decisions about the lease that are in question.
    pub leases: Vec<LeaseDecision>,
    /// How many moves of that moment were not made, or made to another host.
    pub changed: usize,
    /// When the two runs first differ; `None` if they never do.
    pub differs_from: Option<Instant>,
    /// The figures of the run.
    pub as_it_was: Figures,
    /// The figures of the other run.
    pub without: Figures,
    /// BLAKE3 of the event log of the run as it was repeated.
    pub event_log_blake3: String,
}

/// Repeats the run of `spec`, and runs it again without the moves in `focus`, or with the one move
/// in focus going to the host `instead`; policies written in Python are built by `interpreter`.
///
/// With a lease in focus the other run goes without that: it is refused when it is asked for. With
/// a time at which it was displaced as well, the lease for which it made way must spare it.
///
/// # Errors
/// GLN-650 when `focus` has neither time nor lease, when no move is in it, or when more than one is
/// to go elsewhere; GLN-651 when the VM has no room there; GLN-697 when there is no such lease;
/// what building the policies and running them gives.
///
/// ```
/// use galerna::explain::{Focus, Repeatable, without};
/// use galerna::spec::{self, Override};
/// use galerna::time::Instant;
///
/// let brief = vec![Override::new("fleet.preset", "ml110-32g".into())];
/// let spec = spec::load("thr-mmt".as_ref(), brief)?;
/// let inputs = Repeatable::read(&spec)?;
/// let focus = Focus { at: Some(Instant::from_seconds(600.0)), ..Focus::default() };
/// let other = without(&spec, &inputs, None, focus, None)?;
/// assert_eq!(other.differs_from, focus.at);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn without(
    spec: &RunSpec,
    inputs: &Repeatable,
    interpreter: Option<&dyn Interpreter>,
    focus: Focus,
    instead: Option<HostId>,
) -> Result<Counterfactual, Error> {
    if focus.lease.is_some() {
        return without_lease::without(spec, inputs, interpreter, focus, instead);
    }
    let (explanation, as_it_was) = observed(spec, inputs, interpreter, focus)?;
    let choices: Vec<Choice> =
        explanation.choices.into_iter().filter(|choice| choice.to.is_some()).collect();
    let at = in_question(&choices, focus, instead)?;
    let vms = choices.iter().map(|choice| choice.vm).collect();
    let changed = Arc::new(AtomicUsize::new(0));
    let other = Otherwise { at, vms, instead, changed: Arc::clone(&changed) };
    let repeated = inputs.run(spec, interpreter, |policies| other.over(policies), |same| same);
    let repeated = repeated.map_err(no_room)?;
    Ok(Counterfactual {
        choices,
        leases: Vec::new(),
        changed: changed.load(Ordering::Relaxed),
        differs_from: first_difference(&as_it_was, &repeated),
        as_it_was: inputs.figures(spec, &as_it_was),
        without: inputs.figures(spec, &repeated),
        event_log_blake3: explanation.event_log_blake3,
    })
}

/// When the moves in question were decided.
fn in_question(
    choices: &[Choice],
    focus: Focus,
    instead: Option<HostId>,
) -> Result<Instant, Problem> {
    let problem = |place: &str, what: String, remedy: &str| {
        Err(Problem::new("GLN-650", place.to_owned(), what, remedy))
    };
    if focus.at.is_none() {
        let what = "no time is given, expected that of one decision".to_owned();
        return problem("--without", what, "Add --at with the time of a decision");
    }
    let Some(first) = choices.first() else {
        let what = "no VM moved then that this concerns".to_owned();
        let remedy = "Take a time, VM or host that `galerna explain` shows without it";
        return problem("--without", what, remedy);
    };
    if instead.is_some() && choices.len() > 1 {
        let what = format!("{} VMs moved then, expected one", choices.len());
        return problem("--instead", what, "Add --vm with the VM that is to go elsewhere");
    }
    if instead.is_some_and(|host| first.from == Some(host) || first.to == Some(host)) {
        let what = format!("{} moved from or to that host", first.vm);
        let remedy = "Take another host; --without alone leaves the VM where it was";
        return problem("--instead", what, remedy);
    }
    Ok(first.at)
}

/// What there is no room for was asked for by the caller, not by a policy.
fn no_room(error: Error) -> Error {
    match error {
        Error::Run(engine::Error::Policy(error)) if error.code == NO_ROOM => {
            let subject = error.subject.unwrap_or_default();
            let what = format!("{subject}: {}", error.source);
            Problem::new(NO_ROOM, "--instead", what, "Take a host that has room then").into()
        }
        other => other,
    }
}

const NO_ROOM: &str = "GLN-651";

/// When two runs first do different things.
pub(super) fn first_difference(one: &Repeated, other: &Repeated) -> Option<Instant> {
    let actions = |run: &Repeated| -> Vec<Action> {
        run.outcome.as_ref().map_or_else(Vec::new, |outcome| outcome.record.actions.clone())
    };
    let of_load = departure(&actions(one), &actions(other), |action| action.at);
    let leases = one.schedule.iter().flat_map(|all| &all.leases);
    let others = other.schedule.iter().flat_map(|all| &all.leases);
    let histories = leases.zip(others).map(|(a, b)| departure(&a.history, &b.history, |s| s.0));
    let of_hosts = departure(&edges(one), &edges(other), |edge| edge.0);
    histories.chain([of_load, of_hosts]).flatten().min()
}

/// What begins and ends when: of which lease, for what, on which hosts.
fn edges(run: &Repeated) -> Vec<(Instant, LeaseId, Use, bool, Vec<u32>)> {
    let stretches = run.schedule.iter().flat_map(|all| &all.stretches);
    let mut all: Vec<_> = stretches
        .flat_map(|&Stretch { lease, purpose, start, end, ref hosts }| {
            let hosts: Vec<u32> = hosts.iter().map(|&(host, _)| host).collect();
            [(start, lease, purpose, true, hosts.clone()), (end, lease, purpose, false, hosts)]
        })
        .collect();
    all.sort_unstable();
    all
}

/// When two sequences first differ.
fn departure<T: PartialEq>(one: &[T], other: &[T], at: impl Fn(&T) -> Instant) -> Option<Instant> {
    let same = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    [one, other].into_iter().filter_map(|all| all.get(same).map(&at)).min()
}

/// What is decided otherwise.
#[derive(Clone)]
struct Otherwise {
    at: Instant,
    vms: BTreeSet<VmId>,
    instead: Option<HostId>,
    changed: Arc<AtomicUsize>,
}

impl Otherwise {
    fn over(&self, policies: Policies) -> Policies {
        let other = || self.clone();
        Policies {
            place: Box::new(PlacedOtherwise { inner: policies.place, other: other() }),
            plan: policies.plan.map(|inner| -> Box<dyn Planner> {
                Box::new(PlannedOtherwise { inner, other: other(), weighed: None })
            }),
            ..policies
        }
    }

    /// Where `vm` goes that was to go to `to`: there, elsewhere, or nowhere.
    fn destination(&self, vm: VmId, to: HostId) -> Option<HostId> {
        if !self.vms.contains(&vm) {
            return Some(to);
        }
        self.changed.fetch_add(1, Ordering::Relaxed);
        self.instead
    }

    fn concerns(&self, at: Instant, mut vms: impl Iterator<Item = VmId>) -> bool {
        at == self.at && vms.any(|vm| self.vms.contains(&vm))
    }

    /// Why `vm` cannot go to the host that it is to go to instead, if that is why.
    fn refused(&self, vm: VmId, refusal: Refusal) -> Option<PolicyError> {
        let forced = self.instead.is_some() && self.vms.contains(&vm);
        let error = || PolicyError::new("explain", refusal).with_code(NO_ROOM).about(vm);
        forced.then(error)
    }
}

/// Places as the placer that it wraps, but for the VMs in question.
struct PlacedOtherwise {
    inner: Box<dyn Placer>,
    other: Otherwise,
}

impl Placer for PlacedOtherwise {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn place(
        &mut self,
        vms: &[VmId],
        draft: &mut Draft,
        ask: &mut Ask<'_>,
        placing: Placing,
    ) -> Result<Outcome, PolicyError> {
        let mark = draft.mark();
        let decided = self.inner.place(vms, draft, ask, placing)?;
        let placed = decided.placed.iter().map(|&(vm, _)| vm);
        if !self.other.concerns(ask.state.now, placed) {
            return Ok(decided);
        }
        draft.undo(mark);
        let mut outcome = Outcome { placed: Vec::new(), left: decided.left };
        for (vm, to) in decided.placed {
            let Some(to) = self.other.destination(vm, to) else {
                outcome.left.push(vm);
                continue;
            };
            let needs = ask.state.needs(vm);
            match Refusal::of(vm, to, &needs, ask.state.per_core(vm), draft) {
                None => {
                    draft.append(vm, to, needs.cpu, &ask.state);
                    outcome.placed.push((vm, to));
                }
                Some(refusal) => match self.other.refused(vm, refusal) {
                    Some(error) => return Err(error),
                    None => outcome.left.push(vm),
                },
            }
        }
        if placing == Placing::AllOrNone && !outcome.left.is_empty() {
            draft.undo(mark);
            return Ok(Outcome { placed: Vec::new(), left: vms.to_vec() });
        }
        Ok(outcome)
    }
}

/// Plans as the planner that it wraps, but for the moves in question.
struct PlannedOtherwise {
    inner: Box<dyn Planner>,
    other: Otherwise,
    /// What the latest plan was weighed by, if it was changed.
    weighed: Option<Weighed>,
}

impl PlannedOtherwise {
    /// Keeps of what the plan was weighed by what belongs to the moves `kept`, by their number.
    fn keep(&mut self, kept: &[usize]) {
        self.weighed = self.inner.weighed().cloned().map(|mut weighed| {
            weighed.why = kept.iter().filter_map(|&n| weighed.why.get(n).copied()).collect();
            weighed
        });
    }
}

impl Planner for PlannedOtherwise {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn window(&self) -> usize {
        self.inner.window()
    }

    fn weighed(&self) -> Option<&Weighed> {
        self.weighed.as_ref().or_else(|| self.inner.weighed())
    }

    fn plan(
        &mut self,
        draft: &mut Draft,
        ask: &mut Ask<'_>,
        roster: Roster<'_>,
    ) -> Result<Vec<(VmId, HostId)>, PolicyError> {
        self.weighed = None;
        let mark = draft.mark();
        let moves = self.inner.plan(draft, ask, roster)?;
        if !self.other.concerns(ask.state.now, moves.iter().map(|&(vm, _)| vm)) {
            return Ok(moves);
        }
        let changed = moves.into_iter().enumerate();
        let mut kept: Vec<(usize, (VmId, HostId))> = changed
            .filter_map(|(n, (vm, to))| Some((n, (vm, self.other.destination(vm, to)?))))
            .collect();
        loop {
            draft.undo(mark);
            let moves: Vec<(VmId, HostId)> = kept.iter().map(|&(_, made)| made).collect();
            let Err((vm, refusal)) = enter(&moves, draft, ask, roster) else {
                let numbers: Vec<usize> = kept.iter().map(|&(n, _)| n).collect();
                self.keep(&numbers);
                return Ok(moves);
            };
            if let Some(error) = self.other.refused(vm, refusal) {
                return Err(error);
            }
            kept.retain(|&(_, (other, _))| other != vm);
        }
    }
}
