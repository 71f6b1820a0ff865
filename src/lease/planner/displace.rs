//! Room that others make: which preemptible reservations would give way, and where they go.
//!
//! The youngest give way first, one after the other until there is room; then each of them, the
//! oldest first, is put back if there is room all the same. So nobody is displaced in vain.
//!
//! Source: Haizea's manual (the youngest is preempted first; its mapper does not put anybody back).

use super::{Change, Part, PlanError, Planner, Request, Reserved, Standing};
use crate::time::Instant;

impl Planner {
    /// Lets `ids` be displaced by [`Planner::hold_displacing`] from now on.
    ///
    /// # Errors
    ///
    /// One of them may not be there; nothing is changed then.
    pub fn allow_preemption(&mut self, ids: &[u64]) -> Result<(), PlanError> {
        let mut change = Change::default();
        for &id in ids {
            change.put.push(Reserved { preemptible: true, ..self.reservation(id)?.clone() });
        }
        self.make(change)
    }

    /// Room for `request`, which has none, at its earliest start if reservations that allow it give
    /// way, and these; none if that does not help.
    pub(super) fn displacing(&mut self, request: &Request) -> Option<(Part, Vec<u64>)> {
        let (start, end) = (request.earliest, request.earliest + request.duration);
        let fits = |planner: &Self| {
            let hosts = planner.fitting(request.need, request.nodes, start, end);
            (hosts.len() == request.nodes as usize).then_some(hosts)
        };
        let overlapping = self.overlapping(start, end).into_iter().filter(|r| r.preemptible);
        let candidates: Vec<Reserved> = overlapping.cloned().collect();
        let mut off: Vec<Reserved> = Vec::new();
        let mut room = None;
        for candidate in candidates.into_iter().rev() {
            if room.is_some() {
                break;
            }
            self.leave(candidate.id);
            off.push(candidate);
            room = fits(self);
        }
        let mut displaced = Vec::new();
        for reserved in off.into_iter().rev() {
            self.enter(reserved.clone());
            if room.is_some() && fits(self).is_none() {
                self.leave(reserved.id);
                displaced.push(reserved);
            }
        }
        let hosts = room.and_then(|_| fits(self));
        let ids = displaced.iter().map(|reserved| reserved.id).collect();
        displaced.into_iter().for_each(|reserved| self.enter(reserved));
        Some((Part { start, end, hosts: hosts? }, ids))
    }

    /// Keeps hosts for `request` until `expires`, at its earliest start if there is room when
    /// reservations that allow it give way; these get the next start that is possible. Returns the
    /// number of the hold and those that were displaced.
    ///
    /// # Errors
    ///
    /// As [`Planner::hold`]; nothing is changed then.
    pub fn hold_displacing(
        &mut self,
        request: &Request,
        name: &str,
        now: Instant,
        expires: Instant,
    ) -> Result<(u64, Vec<u64>), PlanError> {
        self.expire(now)?;
        self.check(request, now)?;
        if self.earliest(request).is_ok() {
            return Ok((self.hold(request, name, now, expires)?, Vec::new()));
        }
        let Some((part, displaced)) = self.displacing(request) else {
            return Err(PlanError::NoRoom(self.refusal(request)));
        };
        let Part { start, end, hosts } = part;
        let (id, standing, need) = (self.next, Standing::Held(expires), request.need);
        let name = name.to_owned();
        let held = Reserved { id, name, standing, preemptible: false, start, end, need, hosts };
        let old: Vec<Reserved> =
            displaced.iter().map(|&id| self.reservation(id).cloned()).collect::<Result<_, _>>()?;
        old.iter().for_each(|reserved| self.leave(reserved.id));
        self.enter(held.clone());
        let mut change = Change { remove: Vec::new(), put: vec![held] };
        let mut placed = Ok(());
        for reserved in &old {
            match self.later(reserved) {
                Ok(moved) => {
                    self.enter(moved.clone());
                    change.put.push(moved);
                }
                Err(error) => placed = Err(error),
            }
        }
        // Written down first, as every change.
        change.put.iter().for_each(|reserved| self.leave(reserved.id));
        old.into_iter().for_each(|reserved| self.enter(reserved));
        placed?;
        self.make(change)?;
        Ok((id, displaced))
    }

    /// A reservation that has left the calendars, at the next start that is possible.
    fn later(&self, old: &Reserved) -> Result<Reserved, PlanError> {
        let request = Request {
            nodes: old.hosts.len() as u32,
            need: old.need,
            duration: old.end - old.start,
            earliest: old.start,
            latest: Instant(i64::MAX),
        };
        let Part { start, end, hosts } = self.earliest(&request)?;
        Ok(Reserved { start, end, hosts, ..old.clone() })
    }
}
