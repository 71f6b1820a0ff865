//! An explanation names the true reason: every destination that it says was impossible, or worse,
//! is forced upon the same run, and turns out to be so.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use galerna::detect::Verdict;
use galerna::engine;
use galerna::explain::{Cause, Choice, Fate, Focus, Repeatable, explain, without};
use galerna::id::{HostId, VmId};
use galerna::model::ActionKind;
use galerna::place::{Ask, Draft, Outcome, Placer, Placing};
use galerna::policy::PolicyError;
use galerna::power::PowerTable;
use galerna::spec::{self, Inputs, Override, RunSpec};
use galerna::time::Instant;

/// What came of forcing a VM upon a host.
#[derive(Debug, Clone, PartialEq)]
enum Found {
    /// It does not fit; one of the resources is short.
    NoRoom(Vec<&'static str>),
    /// It fits, is it overloaded then, and by how much did power rise, W?
    Fits(bool, f64),
    /// It might not receive.
    Excluded,
}

/// Decides as the placer it wraps, but for one VM at one time, which it sends to one host.
struct Forced {
    inner: Box<dyn Placer>,
    at: Instant,
    vm: VmId,
    host: HostId,
    found: Arc<Mutex<Option<Found>>>,
}

impl Placer for Forced {
    fn name(&self) -> &str {
        "forced"
    }
    fn place(
        &mut self,
        vms: &[VmId],
        draft: &mut Draft,
        ask: &mut Ask<'_>,
        placing: Placing,
    ) -> Result<Outcome, PolicyError> {
        let due = ask.state.now == self.at && vms.contains(&self.vm);
        if !due || self.found.lock().unwrap().is_some() {
            return self.inner.place(vms, draft, ask, placing);
        }
        // Those that the placer deals with before it, as it does; then the VM in question.
        let mark = draft.mark();
        let decided = self.inner.place(vms, draft, ask, placing)?;
        draft.undo(mark);
        let mut placed = Vec::new();
        let mut all = decided.placed.into_iter();
        for (vm, to) in all.by_ref().take_while(|(vm, _)| *vm != self.vm) {
            draft.append(vm, to, ask.state.demand[vm], &ask.state);
            placed.push((vm, to));
        }
        let found = self.try_out(draft, ask)?;
        if matches!(found, Found::Fits(..)) {
            placed.push((self.vm, self.host));
        }
        // Those after it go where they went, as far as there is still room.
        for (vm, to) in all {
            let needs = ask.state.needs(vm);
            if draft.room(to).fits(&needs, needs.cpu) {
                draft.append(vm, to, needs.cpu, &ask.state);
                placed.push((vm, to));
            }
        }
        *self.found.lock().unwrap() = Some(found);
        let left = vms.iter().copied().filter(|vm| placed.iter().all(|(other, _)| other != vm));
        Ok(Outcome { left: left.collect(), placed })
    }
}

impl Forced {
    fn try_out(&self, draft: &mut Draft, ask: &mut Ask<'_>) -> Result<Found, PolicyError> {
        if ask.excluded.contains(self.host) {
            return Ok(Found::Excluded);
        }
        let (needs, before) = (ask.state.needs(self.vm), *draft.room(self.host));
        if !before.fits(&needs, needs.cpu) {
            let short = galerna::model::Resource::ALL.into_iter().filter(|&resource| {
                let core = if resource.name() == "cpu" { before.core } else { f64::INFINITY };
                needs[resource] > before.free[resource].min(core)
            });
            return Ok(Found::NoRoom(short.map(|resource| resource.name()).collect()));
        }
        draft.append(self.vm, self.host, needs.cpu, &ask.state);
        draft.assess(&[self.host], &ask.state, ask.detector)?;
        let overloaded = draft.verdicts() == [Verdict::Overloaded];
        let table = PowerTable::of(ask.state.fleet.machine_of(self.host));
        let watts = |mips: f64| table.power(mips / before.capacity).0;
        let idle = if before.vms == 0 { 0.0 } else { watts(before.allocated) };
        Ok(Found::Fits(overloaded, watts(draft.room(self.host).allocated) - idle))
    }
}

/// Runs `spec` again with `choice` changed to `host` and says what came of it, and whether the VM
/// was then sent there.
fn force(spec: &RunSpec, inputs: &Inputs, choice: &Choice, host: HostId) -> (Found, bool) {
    let mut policies = spec::policies(spec, &inputs.fleet).unwrap();
    let found = Arc::new(Mutex::new(None));
    let (at, vm) = (choice.at, choice.vm);
    policies.place =
        Box::new(Forced { inner: policies.place, at, vm, host, found: Arc::clone(&found) });
    let Inputs { trace, fleet, rules } = inputs;
    // One step more than the decision: the rest of the day does not matter.
    let last = at + trace.step() * 3;
    let go_on = &mut |now| match now > last {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    };
    let ended = engine::run(fleet, trace, rules, policies, go_on);
    assert!(matches!(ended, Err(engine::Error::Interrupted { .. })), "the day is longer");
    let found = found.lock().unwrap().clone().expect("the decision came again");
    let sent = matches!(found, Found::Fits(..));
    (found, sent)
}

/// The first choices of a run on the sample around `at` that differ in kind.
fn told(name: &str, at: f64) -> (RunSpec, Repeatable, Vec<Choice>) {
    let spec = spec::load(name.as_ref(), Vec::new()).unwrap();
    let inputs = Repeatable::read(&spec).unwrap();
    let focus = Focus { at: Some(Instant::from_seconds(at)), ..Focus::default() };
    let explanation = explain(&spec, &inputs, None, focus).unwrap();
    (spec, inputs, explanation.choices)
}

#[test]
fn forcing_the_alternatives_shows_that_their_reasons_are_true() {
    let mut kinds = [0; 4];
    for (name, at) in [("lr-mmt", 12_000.0), ("mad-mmt", 30_000.0), ("thr-mmt", 6_000.0)] {
        let (spec, inputs, choices) = told(name, at);
        assert!(choices.len() > 3, "{name} decides nothing at {at}");
        for choice in choices.iter().filter(|choice| choice.to.is_some()).take(4) {
            let mut tried = [0; 4];
            for possibility in &choice.possibilities {
                let (fate, host) = (&possibility.fate, possibility.host);
                let kind = match fate {
                    Fate::Open { .. } => 0,
                    Fate::Overloaded { .. } => 1,
                    Fate::NoRoom { .. } => 2,
                    Fate::Excluded | Fate::Forbidden => 3,
                };
                tried[kind] += 1;
                if tried[kind] > 2 {
                    continue;
                }
                kinds[kind] += 1;
                let (found, _) = force(&spec, inputs.load().unwrap(), choice, host);
                let true_reason = match (fate, &found) {
                    (Fate::Open { increase_w }, Found::Fits(false, watts)) => {
                        (increase_w - watts).abs() < 1e-9
                    }
                    (Fate::Overloaded { .. }, Found::Fits(overloaded, _)) => *overloaded,
                    (Fate::NoRoom { resource, .. }, Found::NoRoom(short)) => {
                        short.contains(resource)
                    }
                    (Fate::Excluded, Found::Excluded) => true,
                    _ => false,
                };
                assert!(true_reason, "{name}, {host} for {choice}\nforced: {found:?}");
            }
        }
    }
    assert!(kinds[..2].iter().all(|&tried| tried > 3) && kinds[3] > 0, "{kinds:?}");
}

/// With PABFD the chosen host is the open one that adds least power: no other open host beats it.
#[test]
fn the_destination_is_the_open_host_that_adds_least_power() {
    let (_, _, choices) = told("mad-mmt", 30_000.0);
    let mut moves = 0;
    for choice in choices.iter().filter(|choice| choice.to.is_some()) {
        let best = choice.possibilities.first().unwrap();
        let Fate::Open { increase_w: least } = best.fate else { panic!("{choice}") };
        let chosen = choice.possibilities.iter().find(|p| Some(p.host) == choice.to).unwrap();
        let Fate::Open { increase_w } = chosen.fate else { panic!("{choice}") };
        assert!(increase_w <= least + 1e-9, "{choice}");
        moves += 1;
    }
    assert!(moves > 5, "{moves}");
}

/// Every migration of the run is explained, with its own source, destination and cause, and the
/// run with witnesses is the run itself.
#[test]
fn every_migration_has_its_explanation() {
    is_explained("mmt");
}

/// The same where VMs are chosen as a set.
#[test]
fn every_migration_of_a_set_has_its_explanation() {
    is_explained("knapsack");
}

fn is_explained(select: &str) {
    let select = Override::new("policy.select", select.into());
    let spec = spec::load("thr-mmt".as_ref(), vec![select]).unwrap();
    let inputs = Repeatable::read(&spec).unwrap();
    let Inputs { trace, fleet, rules } = inputs.load().unwrap();
    let policies = spec::policies(&spec, fleet).unwrap();
    let run =
        engine::run(fleet, trace, rules, policies, &mut |_| ControlFlow::Continue(())).unwrap();
    let host = HostId(3);
    let explanation =
        explain(&spec, &inputs, None, Focus { host: Some(host), ..Focus::default() }).unwrap();
    assert_eq!(explanation.event_log_blake3, run.record.event_log_blake3());
    let starts = run.record.actions.iter().filter(|a| a.kind == ActionKind::MigrationStart);
    let mut recorded: Vec<_> = starts
        .filter(|action| [action.from, action.to].contains(&Some(host)))
        .map(|action| (action.vm, action.from, action.to, action.reason.words()))
        .collect();
    let mut explained: Vec<_> = explanation
        .choices
        .iter()
        .filter(|choice| choice.to.is_some())
        .map(|choice| {
            let cause = match &choice.cause {
                Cause::Overload { seen, .. } => {
                    format!("overload: source at {}", &seen["load ".len()..][..5])
                }
                Cause::Underload { utilisation, .. } => {
                    format!("underload: source at {utilisation:.3}")
                }
                Cause::Weighed(weighing) => weighing.words(),
                Cause::Planned => "planned".to_owned(),
                Cause::Maintenance | Cause::Return | Cause::Begins => {
                    panic!("no host is out or rented, no VM begins")
                }
            };
            (Some(choice.vm), choice.from, choice.to, cause)
        })
        .collect();
    recorded.sort();
    explained.sort();
    assert_eq!(explained, recorded);
    assert!(recorded.len() > 10, "{}", recorded.len());
}

/// The run with `choice` changed to `host`, to its end.
fn forced_run(spec: &RunSpec, inputs: &Inputs, choice: &Choice, host: HostId) -> engine::Outcome {
    let mut policies = spec::policies(spec, &inputs.fleet).unwrap();
    let (at, vm, found) = (choice.at, choice.vm, Arc::new(Mutex::new(None)));
    policies.place = Box::new(Forced { inner: policies.place, at, vm, host, found });
    let Inputs { trace, fleet, rules } = inputs;
    engine::run(fleet, trace, rules, policies, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// A move sent elsewhere gives the run in which a placer of this test, which knows nothing of
/// `without`, sends it there.
#[test]
fn going_elsewhere_is_as_if_the_placer_had_said_so() {
    let (spec, inputs, choices) = told("mad-mmt", 30_000.0);
    let mut tried = 0;
    for choice in &choices {
        let Cause::Overload { .. } = choice.cause else { continue };
        let open = |p: &&galerna::explain::Possibility| {
            matches!(p.fate, Fate::Open { .. }) && Some(p.host) != choice.to
        };
        let (Some(_), Some(other)) = (choice.to, choice.possibilities.iter().find(open)) else {
            continue;
        };
        let focus = Focus { at: Some(choice.at), vm: Some(choice.vm), ..Focus::default() };
        let found = without(&spec, &inputs, None, focus, Some(other.host)).unwrap();
        let forced = forced_run(&spec, inputs.load().unwrap(), choice, other.host);
        assert_eq!(found.without.summary.as_ref(), Some(&forced.summary), "{choice}");
        assert_ne!(found.as_it_was.summary.as_ref(), Some(&forced.summary), "{choice}");
        assert_eq!((found.differs_from, found.changed), (Some(choice.at), 1), "{choice}");
        tried += 1;
        if tried == 3 {
            break;
        }
    }
    assert!(tried > 1, "{tried} choices had another open host");
}

/// Without the emptying of a host no VM leaves it then, though only one of them is named.
#[test]
fn a_host_is_not_emptied_by_halves() {
    let spec = spec::load("thr-mmt".as_ref(), Vec::new()).unwrap();
    let inputs = Repeatable::read(&spec).unwrap();
    let focus = Focus { host: Some(HostId(3)), ..Focus::default() };
    let choices = explain(&spec, &inputs, None, focus).unwrap().choices;
    let is_emptied = |choice: &&Choice| {
        let by_underload = matches!(choice.cause, Cause::Underload { .. });
        by_underload && choice.to.is_some() && choice.from == focus.host
    };
    let of = |at| choices.iter().filter(is_emptied).filter(move |choice| choice.at == at);
    let alone = |at| choices.iter().filter(|choice| choice.at == at).count() == of(at).count();
    let several = |choice: &&Choice| of(choice.at).count() > 1 && alone(choice.at);
    let mut emptied = choices.iter().filter(is_emptied);
    let choice = emptied.find(several).expect("it is emptied of several VMs");
    let moves = of(choice.at).count();
    let one = Focus { at: Some(choice.at), vm: Some(choice.vm), ..Focus::default() };
    let named = without(&spec, &inputs, None, one, None).unwrap();
    let all = Focus { at: Some(choice.at), host: choice.from, ..Focus::default() };
    let from = without(&spec, &inputs, None, all, None).unwrap();
    assert_eq!((named.choices.len(), from.choices.len()), (1, moves));
    assert_eq!(named.differs_from, Some(choice.at));
    assert_eq!(named.without, from.without, "the same decision, named twice");
}

/// A planned step without one of its moves is a run, and another one.
#[test]
fn a_plan_is_carried_out_without_a_move() {
    let spec = spec::load("optimise".as_ref(), Vec::new()).unwrap();
    let inputs = Repeatable::read(&spec).unwrap();
    let all = explain(&spec, &inputs, None, Focus::default()).unwrap();
    let choice = all.choices.iter().find(|choice| choice.to.is_some()).expect("it moves VMs");
    let focus = Focus { at: Some(choice.at), vm: Some(choice.vm), ..Focus::default() };
    let found = without(&spec, &inputs, None, focus, None).unwrap();
    assert_eq!((found.differs_from, found.changed), (Some(choice.at), 1));
    assert_eq!(found.event_log_blake3, all.event_log_blake3);
    assert_ne!(found.as_it_was, found.without);
}

/// What cannot be asked is said, with what to do.
#[test]
fn questions_without_an_answer_are_refused() {
    let (spec, inputs, choices) = told("thr-mmt", 6_000.0);
    let choice = choices.iter().find(|choice| choice.to.is_some()).unwrap();
    let (at, vm) = (Some(choice.at), Some(choice.vm));
    let refused = |focus, instead: Option<HostId>| {
        without(&spec, &inputs, None, focus, instead).unwrap_err().to_string()
    };
    let nobody = Focus { at: Some(Instant::from_seconds(6_001.5)), ..Focus::default() };
    for (focus, instead, words) in [
        (Focus { vm, ..Focus::default() }, None, "GLN-650 --without: no time is given"),
        (nobody, None, "GLN-650 --without: no VM moved then"),
        (Focus { at, ..Focus::default() }, Some(HostId(0)), "VMs moved then, expected one"),
        (Focus { at, vm, ..Focus::default() }, choice.to, "moved from or to that host"),
    ] {
        let found = refused(focus, instead);
        assert!(found.contains(words), "{found}");
    }
    let full = choice.possibilities.iter().find(|p| matches!(p.fate, Fate::NoRoom { .. }));
    if let Some(full) = full {
        let found = refused(Focus { at, vm, ..Focus::default() }, Some(full.host));
        assert!(found.starts_with("GLN-651 --instead: ") && found.contains("does not fit"));
    }
}
