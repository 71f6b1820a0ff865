//! A placer written in Python: asked for one VM after the other, or for all of them at once.

use std::sync::Arc;

use galerna::id::{HostId, VmId};
use galerna::place::{self, Ask, Outcome, Placer, Placing, RiskAfter};
use galerna::policy::PolicyError;
use pyo3::prelude::*;

use super::Resolved;
use super::answer;
use super::draft::Draft;
use super::hosts::Hosts;
use super::lent::{Desk, Lent, Shelf, lend};
use super::vms::{Vm, Vms};

/// The bridge to `policy`.
pub fn bridge(policy: Resolved) -> Box<dyn Placer> {
    let shelf = Shelf::default();
    match policy.batched {
        true => Box::new(Place { policy, shelf }),
        false => Box::new(Choose { policy, shelf }),
    }
}

/// Lends `draft` and `ask` to `call`.
pub fn with_draft<R>(
    draft: &mut place::Draft,
    ask: &mut Ask<'_>,
    shelf: &mut Shelf,
    call: impl FnOnce(Python<'_>, &Arc<Lent>) -> R,
) -> R {
    let mut desk = shelf.desk(draft, ask, None);
    Python::attach(|py| lend(&mut desk, |lent| call(py, lent)))
}

/// Calls `choose(vm, hosts)` for each VM.
struct Choose {
    policy: Resolved,
    shelf: Shelf,
}

impl Choose {
    fn chosen(
        &self,
        answer: &Bound<'_, PyAny>,
        vm: VmId,
        desk: &mut Desk<'_>,
    ) -> PyResult<Option<HostId>> {
        if answer.is_none() {
            return Ok(None);
        }
        let name = &self.policy.name;
        let Some(number) = answer::id(answer) else {
            let found = answer::described(answer);
            let what = format!(
                "choose returned {found}, expected one of the hosts, its number, or None (it fits \
                 nowhere)"
            );
            return Err(answer::mistyped(name, &what));
        };
        let (state, bench) = desk.bench()?;
        let known = u32::try_from(number).ok().filter(|&n| (n as usize) < state.fleet.hosts());
        let refusal = match known {
            Some(host) => bench.refusal(vm, HostId(host), state),
            None => Some(format!("hosts go from 0 to {}", state.fleet.hosts() - 1)),
        };
        match refusal {
            None => Ok(known.map(HostId)),
            Some(why) => {
                let what = format!("choose returned host {number}: {why}");
                Err(answer::impossible(name, &what))
            }
        }
    }

    fn choose(
        &self,
        vm: VmId,
        draft: &mut place::Draft,
        ask: &mut Ask<'_>,
        shelf: &mut Shelf,
    ) -> PyResult<Option<HostId>> {
        with_draft(draft, ask, shelf, |py, lent| {
            let rows = lent.with(|desk| {
                let (state, bench) = desk.bench()?;
                Ok(bench.candidates(vm, state))
            })?;
            let view = Vm::new(lent, vm, self.policy.window);
            let hosts = Hosts::new(lent, rows, Some(vm));
            let answer = self.policy.call.bind(py).call1((view, hosts))?;
            lent.with(|desk| self.chosen(&answer, vm, desk))
        })
    }
}

impl Placer for Choose {
    fn name(&self) -> &str {
        &self.policy.name
    }
    fn window(&self) -> usize {
        RiskAfter::WINDOW
    }

    fn place(
        &mut self,
        vms: &[VmId],
        draft: &mut place::Draft,
        ask: &mut Ask<'_>,
        placing: Placing,
    ) -> Result<Outcome, PolicyError> {
        let mut order = vms.to_vec();
        if self.policy.decreasing {
            order.sort_by(|&a, &b| ask.state.demand[b].total_cmp(&ask.state.demand[a]));
        }
        let mark = draft.mark();
        let mut outcome = Outcome::default();
        let mut shelf = std::mem::take(&mut self.shelf);
        for vm in order {
            let chosen = self.choose(vm, draft, ask, &mut shelf);
            let about = |error| self.policy.failed(error).about(format!("VM {}", vm.0));
            match chosen.map_err(about)? {
                Some(host) => {
                    draft.append(vm, host, ask.state.demand[vm], &ask.state);
                    outcome.placed.push((vm, host));
                }
                None if placing == Placing::Each => outcome.left.push(vm),
                None => {
                    draft.undo(mark);
                    outcome = Outcome { placed: Vec::new(), left: vms.to_vec() };
                    break;
                }
            }
        }
        self.shelf = shelf;
        Ok(outcome)
    }
}

/// Calls `place(vms, draft)` once for all VMs.
struct Place {
    policy: Resolved,
    shelf: Shelf,
}

impl Place {
    fn ask(
        &self,
        py: Python<'_>,
        lent: &Arc<Lent>,
        vms: &[VmId],
        placing: Placing,
    ) -> PyResult<Vec<(VmId, HostId)>> {
        let rows = Vms::new(lent, vms.to_vec(), self.policy.window);
        let draft = Draft::new(lent, vms.to_vec(), placing == Placing::AllOrNone);
        let draft = Bound::new(py, draft)?;
        let answer = self.policy.call.bind(py).call1((rows, &draft))?;
        if !answer.is_none() {
            let what = format!(
                "place returned {}, expected None: what is to be placed is put with draft.put(vm, \
                 host)",
                answer::described(&answer)
            );
            return Err(answer::mistyped(&self.policy.name, &what));
        }
        Ok(draft.get().outcome())
    }
}

impl Placer for Place {
    fn name(&self) -> &str {
        &self.policy.name
    }
    fn window(&self) -> usize {
        RiskAfter::WINDOW
    }

    fn place(
        &mut self,
        vms: &[VmId],
        draft: &mut place::Draft,
        ask: &mut Ask<'_>,
        placing: Placing,
    ) -> Result<Outcome, PolicyError> {
        if vms.is_empty() {
            return Ok(Outcome::default());
        }
        let mark = draft.mark();
        let mut shelf = std::mem::take(&mut self.shelf);
        let call = |py: Python<'_>, lent: &Arc<Lent>| self.ask(py, lent, vms, placing);
        let placed = with_draft(draft, ask, &mut shelf, call);
        self.shelf = shelf;
        let subject = || match vms {
            [vm] => format!("VM {}", vm.0),
            _ => format!("{} VMs from VM {}", vms.len(), vms[0].0),
        };
        let placed = placed.map_err(|error| self.policy.failed(error).about(subject()))?;
        if placed.len() == vms.len() {
            return Ok(Outcome { placed, left: Vec::new() });
        }
        if placing == Placing::AllOrNone {
            draft.undo(mark);
            return Ok(Outcome { placed: Vec::new(), left: vms.to_vec() });
        }
        let is_left = |vm: &&VmId| !placed.iter().any(|(other, _)| other == *vm);
        let left = vms.iter().filter(is_left).copied().collect();
        Ok(Outcome { placed, left })
    }
}
