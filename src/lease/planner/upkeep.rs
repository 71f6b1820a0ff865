//! Changes to what is promised: extend, shrink, move, maintain, heal, repeat.

use super::{Change, Part, PlanError, Planner, Request, Reserved, Standing};
use crate::time::{Instant, Span};

/// What became of the reservations on a host that failed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Healing {
    /// Those that stand on other hosts now, for the same time.
    pub moved: Vec<u64>,
    /// Those that cannot be kept.
    pub lost: Vec<u64>,
}

impl Planner {
    /// Moves the end of a reservation to `end`, on the same hosts.
    ///
    /// # Errors
    ///
    /// The hosts may be promised to others then; nothing is changed.
    pub fn extend(&mut self, id: u64, end: Instant) -> Result<(), PlanError> {
        let reserved = self.reservation(id)?.clone();
        if end <= reserved.start {
            return Err(PlanError::Senseless { wrong: "ends before it starts" });
        }
        let request = request_of(&reserved, reserved.start, end);
        let changed = Reserved { end, ..reserved };
        self.replace(&changed, &request)
    }

    /// Gives nodes of a reservation back until `nodes` are left.
    ///
    /// # Errors
    ///
    /// It may have fewer already.
    pub fn shrink(&mut self, id: u64, nodes: u32) -> Result<(), PlanError> {
        let mut reserved = self.reservation(id)?.clone();
        if nodes == 0 || nodes as usize > reserved.hosts.len() {
            return Err(PlanError::Senseless { wrong: "shrinks to nothing, or grows" });
        }
        reserved.hosts.truncate(nodes as usize);
        self.make(Change { remove: Vec::new(), put: vec![reserved] })
    }

    /// Moves a reservation to `start`, on whatever hosts are free then.
    ///
    /// # Errors
    ///
    /// There may be no room, or `start` may be before `now`; nothing is changed.
    pub fn move_to(&mut self, id: u64, start: Instant, now: Instant) -> Result<(), PlanError> {
        let old = self.reservation(id)?.clone();
        let request = request_of(&old, start, start + (old.end - old.start));
        self.check(&request, now)?;
        self.leave(id);
        let found = self.earliest(&request);
        self.enter(old.clone());
        let Part { start, end, hosts } = found?;
        self.make(Change { remove: Vec::new(), put: vec![Reserved { start, end, hosts, ..old }] })
    }

    /// Takes `changed` in place of what it was, if its hosts have room for it.
    fn replace(&mut self, changed: &Reserved, request: &Request) -> Result<(), PlanError> {
        let old = self.reservation(changed.id)?.clone();
        self.leave(old.id);
        let mut hosts = changed.hosts.clone();
        hosts.sort_unstable();
        let fits = hosts.chunk_by(|a, b| a == b).all(|nodes| {
            let host = &self.free[nodes[0] as usize];
            let most = nodes.len() as u32;
            host.room(changed.start, changed.end, changed.need, most) == most
        });
        let refusal = (!fits).then(|| self.refusal(request));
        self.enter(old);
        match refusal {
            Some(refusal) => Err(PlanError::NoRoom(refusal)),
            None => self.make(Change { remove: Vec::new(), put: vec![changed.clone()] }),
        }
    }

    /// Requests for the same `times` times, `period` apart; hold them with
    /// [`Planner::hold_all`].
    ///
    /// # Errors
    ///
    /// A period that is not longer than the duration would let the times overlap.
    pub fn recurring(
        request: &Request,
        period: Span,
        times: u32,
    ) -> Result<Vec<Request>, PlanError> {
        if period < request.duration || times == 0 {
            return Err(PlanError::Senseless { wrong: "recurs before it is over, or never" });
        }
        let shifted = |turn: u32| {
            let shift = period * i64::from(turn);
            let (earliest, latest) = (request.earliest + shift, request.latest + shift);
            Request { earliest, latest, ..request.clone() }
        };
        Ok((0..times).map(shifted).collect())
    }

    /// Keeps `host` free of new reservations from `start` to `end`; what is promised there for that
    /// time is re-placed as far as possible.
    ///
    /// # Errors
    ///
    /// The host may not exist, or the file may refuse.
    pub fn maintain(
        &mut self,
        host: u32,
        start: Instant,
        end: Instant,
        name: &str,
    ) -> Result<Healing, PlanError> {
        let Some(&need) = self.site.hosts.get(host as usize) else {
            return Err(PlanError::Senseless { wrong: "names a host that is not there" });
        };
        if end <= start {
            return Err(PlanError::Senseless { wrong: "lasts no time" });
        }
        let affected: Vec<Reserved> = self
            .overlapping(start, end)
            .into_iter()
            .filter(|r| r.standing != Standing::Maintenance && r.hosts.contains(&host))
            .cloned()
            .collect();
        let closed = Reserved {
            id: self.next,
            name: name.to_owned(),
            standing: Standing::Maintenance,
            preemptible: false,
            start,
            end,
            need,
            hosts: vec![host],
        };
        affected.iter().for_each(|reserved| self.leave(reserved.id));
        self.enter(closed.clone());
        let mut change = Change { remove: Vec::new(), put: vec![closed.clone()] };
        let mut healing = Healing::default();
        for old in &affected {
            match self.elsewhere(old) {
                Some(new) => {
                    healing.moved.push(new.id);
                    self.enter(new.clone());
                    change.put.push(new);
                }
                None => {
                    healing.lost.push(old.id);
                    change.remove.push(old.id);
                }
            }
        }
        // Written down first, as every change.
        change.put.iter().for_each(|reserved| self.leave(reserved.id));
        affected.into_iter().for_each(|reserved| self.enter(reserved));
        self.make(change)?;
        Ok(healing)
    }

    /// A host is gone from `now` on for good.
    ///
    /// # Errors
    ///
    /// As [`Planner::maintain`].
    pub fn fail(&mut self, host: u32, now: Instant) -> Result<Healing, PlanError> {
        self.maintain(host, now, Instant(i64::MAX), "failed")
    }

    /// A reservation that has left the calendars, for the same time where there is room: on its
    /// own hosts as far as possible.
    fn elsewhere(&self, old: &Reserved) -> Option<Reserved> {
        let mut stay: Vec<u32> = old.hosts.clone();
        stay.sort_unstable();
        let mut hosts = Vec::new();
        for nodes in stay.chunk_by(|a, b| a == b) {
            let host = &self.free[nodes[0] as usize];
            let here = host.room(old.start, old.end, old.need, nodes.len() as u32);
            hosts.extend_from_slice(&nodes[..here as usize]);
        }
        for (free, host) in self.free.iter().zip(0..) {
            let taken = hosts.iter().filter(|&&other| other == host).count();
            let here = free.room(old.start, old.end, old.need, old.hosts.len() as u32) as usize;
            let more = here.saturating_sub(taken).min(old.hosts.len() - hosts.len());
            hosts.extend(std::iter::repeat_n(host, more));
        }
        (hosts.len() == old.hosts.len()).then(|| Reserved { hosts, ..old.clone() })
    }
}

fn request_of(reserved: &Reserved, start: Instant, end: Instant) -> Request {
    Request {
        nodes: reserved.hosts.len() as u32,
        need: reserved.need,
        duration: end - start,
        earliest: start,
        latest: start,
    }
}
