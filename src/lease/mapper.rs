//! Which VM goes to which host: the greedy mapper.
//!
//! Hosts are taken in the order of the host selection, and each takes as many of the next VMs as
//! fit. If the slice may be shortened, a host where the VMs fit at first and not to the end
//! shortens it. If there is no room and the policy allows it, leases are displaced one by one, and
//! the search starts again without them.
//!
//! Source: Haizea 1.0 and 1.1, `GreedyMapper`. Known differences: with the oddities off a host
//! does not shorten the slice only to take one VM more, and the lease with the *highest* score of
//! the preemption policy is displaced first.

use super::decision::Considered;
use super::host_selection::HostStatus;
use super::mapping::{HostRoom, MappingQuestion};
use super::rules::{ColdMigration, Mapping};
use super::scheduler::Scheduler;
use super::slots::NEVER;
use crate::model::lease::{Amounts, LeaseRequest, RESOURCES};
use crate::model::lease_record::LeaseState;
use crate::policy::PolicyError;
use crate::time::{Instant, Span};

/// What is to be mapped.
pub(super) struct Ask<'a> {
    pub lease: u32,
    pub start: Instant,
    pub until: Instant,
    /// Whether `until` must be kept.
    pub strict: bool,
    /// The shortest slice of use; only a hint that spares hopeless searches.
    pub least: Span,
    /// The only hosts that may be taken, ascending; all if none are given.
    pub hosts: Option<&'a [u32]>,
    /// Whether others may be displaced.
    pub displacing: bool,
}

/// Where the VMs go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mapped {
    /// The host of each VM.
    pub hosts: Vec<u32>,
    /// Until when they fit.
    pub until: Instant,
    /// Who must go, in the order in which they were chosen.
    pub displaced: Vec<u32>,
}

/// Hosts in the order of the host selection, found as far as they are needed.
#[derive(Default)]
pub(super) struct HostOrder {
    found: Vec<u32>,
    /// The same with their scores, where somebody asks.
    pub(super) told: Vec<Considered>,
    /// How many hosts have been looked at. Those that are not empty are scored only when the
    /// empty ones do not suffice.
    asked: usize,
    sorted: bool,
}

impl HostOrder {
    /// Those that have been found.
    pub fn all(&self) -> &[u32] {
        &self.found
    }
}

impl Scheduler<'_> {
    /// Whether the hosts that keep `image` could hold `need`, were they empty.
    fn keepers_suffice(&self, image: u32, need: [i64; 2]) -> bool {
        let keepers = self.caches.keepers(image).len() as i64;
        let most = self.table.largest;
        (0..2).all(|k| most[k].saturating_mul(keepers) >= need[k])
    }

    /// Maps the VMs of a lease, if possible.
    pub(super) fn map(&mut self, ask: &Ask<'_>) -> Result<Option<Mapped>, PolicyError> {
        if !ask.displacing && !self.could_fit(ask) {
            self.hinder(ask.lease, || self.no_room(ask, &[]));
            return Ok(None);
        }
        if ask.displacing && self.rules.mapping == Mapping::Deadline {
            return self.map_by_deadline(ask);
        }
        let mut order = HostOrder::default();
        let mut displaced = Vec::new();
        let mut candidates = None;
        loop {
            if let Some((hosts, until)) = self.map_beside(ask, &displaced, &mut order)? {
                self.tell_mapping(&order.told, &displaced);
                return Ok(Some(Mapped { hosts, until, displaced }));
            }
            if !ask.displacing {
                self.hinder(ask.lease, || self.no_room(ask, &[]));
                return Ok(None);
            }
            if candidates.is_none() {
                candidates = Some(self.candidates(ask)?);
            }
            match candidates.as_mut().and_then(Vec::pop) {
                None => {
                    self.hinder(ask.lease, || self.no_room(ask, &displaced));
                    return Ok(None);
                }
                Some(next) => displaced.push(next),
            }
        }
    }

    /// What will be left of the duration of a lease at `at`, if it runs until then as planned.
    pub(super) fn remaining_at(&self, lease: u32, at: Instant) -> Span {
        let life = &self.lives[lease as usize];
        let runs = life.run.iter().chain(&life.later).map(|&run| self.table.get(run));
        let ran = runs.map(|run| (run.end.min(at).0 - run.start.0).max(0)).sum();
        self.requests[lease as usize].duration - life.accumulated - Span(ran)
    }

    /// Whether the site as a whole has room for the shortest slice of use.
    fn could_fit(&self, ask: &Ask<'_>) -> bool {
        let need = self.site_need(ask.lease);
        let span = if ask.strict { ask.until - ask.start } else { self.shortest(ask) };
        let free = self.table.site.min_during(ask.start, span);
        free[0] >= need[0] && free[1] >= need[1]
    }

    fn shortest(&self, ask: &Ask<'_>) -> Span {
        ask.least.min(ask.until - ask.start).max(Span(1))
    }

    /// CPU and memory of all VMs of a lease.
    pub(super) fn site_need(&self, lease: u32) -> [i64; 2] {
        self.lives[lease as usize].need
    }

    /// Whether the site as a whole has room for the VMs of a waiting lease at one of the first
    /// instants at which it could begin; `free` is what is free now. If not, nobody need look for
    /// hosts.
    pub(super) fn could_begin(&self, lease: u32, free: [i64; 3]) -> bool {
        let need = self.site_need(lease);
        let suffices = |free: [i64; 3]| free[0] >= need[0] && free[1] >= need[1];
        let life = &self.lives[lease as usize];
        if life.state.is_suspended() {
            let elsewhere = self.rules.migration != ColdMigration::No;
            let start = self.now + if elsewhere { life.moving } else { Span::ZERO };
            return suffices(self.table.site.at(start));
        }
        match self.image(lease) {
            None => suffices(free),
            Some(image) if suffices(free) && self.keepers_suffice(image.0, need) => true,
            Some(image) => suffices(self.table.site.at(self.sent(lease, image).1.0)),
        }
    }

    pub(super) fn map_beside(
        &mut self,
        ask: &Ask<'_>,
        displaced: &[u32],
        order: &mut HostOrder,
    ) -> Result<Option<(Vec<u32>, Instant)>, PolicyError> {
        if self.mapping.is_some() {
            return self.map_by_policy(ask, displaced, order);
        }
        if self.site_rules.is_some() {
            return self.map_by_rules(ask, displaced, order);
        }
        if let Some(company) = self.lives[ask.lease as usize].company.clone() {
            return self.map_company(&company, ask, displaced, order);
        }
        let vms = self.requests[ask.lease as usize].vms();
        let mut hosts = vec![u32::MAX; vms];
        let mut until = ask.until;
        let (mut placed, mut turn) = (0, 0);
        while placed < vms {
            let Some(host) = self.host_in_order(ask, order, turn)? else { return Ok(None) };
            turn += 1;
            let mut need = [0; RESOURCES];
            let mut packed = 0;
            while placed < vms {
                let vm = self.vm_in_order(ask.lease, placed);
                let more = sum(&need, &self.needs(ask.lease, vm));
                let packing = packed > 0 && !self.rules.oddities.packing_shortens_the_slice;
                let fixed = ask.strict || packing;
                let row = &self.table.rows[host as usize];
                match row.first_lack(&more, (ask.start, until), displaced) {
                    None => {}
                    Some(lack) if fixed || lack == ask.start => break,
                    Some(lack) => until = lack,
                }
                need = more;
                hosts[vm as usize] = host;
                placed += 1;
                packed += 1;
            }
        }
        Ok(Some((hosts, until)))
    }

    /// The same by the mapping policy of the run.
    fn map_by_policy(
        &mut self,
        ask: &Ask<'_>,
        displaced: &[u32],
        order: &mut HostOrder,
    ) -> Result<Option<(Vec<u32>, Instant)>, PolicyError> {
        self.complete(ask, order)?;
        let Ask { start, until, strict, .. } = *ask;
        let room = |&host: &u32| HostRoom {
            host,
            steps: self.table.rows[host as usize].room((start, until), displaced),
        };
        let hosts = self.open_to(ask.lease, &order.found).iter().map(room).collect();
        let lease = &self.requests[ask.lease as usize];
        let question = MappingQuestion { lease, start, until, strict, hosts };
        let Some(policy) = self.mapping.as_mut() else { return Ok(None) };
        let name = policy.name().to_owned();
        let answer = policy.map(&question).map_err(|error| self.blamed(error, ask.lease))?;
        let Some(hosts) = answer else { return Ok(None) };
        match question.check(&hosts) {
            // It is not told the rules of `[sites]`: an answer that breaks them is none.
            Ok(until) => {
                let until = self.allowed_until(ask, displaced, (&hosts, until));
                Ok(until.map(|until| (hosts, until)))
            }
            Err(why) => {
                let error = PolicyError::new(name, format!("it answered with {why}"));
                Err(self.blamed(error.with_code("GLN-405"), ask.lease))
            }
        }
    }

    /// All hosts in their order as things are now.
    pub(super) fn whole_order(&mut self, ask: &Ask<'_>) -> Result<HostOrder, PolicyError> {
        let mut order = HostOrder::default();
        self.complete(ask, &mut order)?;
        Ok(order)
    }

    /// Finds all hosts of an order.
    pub(super) fn complete(
        &mut self,
        ask: &Ask<'_>,
        order: &mut HostOrder,
    ) -> Result<(), PolicyError> {
        self.host_in_order(ask, order, usize::MAX).map(|_| ())
    }

    /// The host whose turn it is as number `turn`, if there are so many.
    pub(super) fn host_in_order(
        &mut self,
        ask: &Ask<'_>,
        order: &mut HostOrder,
        turn: usize,
    ) -> Result<Option<u32>, PolicyError> {
        let duration = self.requests[ask.lease as usize].duration;
        let prefers_empty = self.host_selection.prefers_empty();
        while order.found.len() <= turn && !order.sorted {
            let next = match ask.hosts {
                None => (order.asked < self.table.rows.len()).then_some(order.asked as u32),
                Some(hosts) => hosts.get(order.asked).copied(),
            };
            let Some(host) = next else {
                self.score_rest(ask, order)?;
                break;
            };
            order.asked += 1;
            if prefers_empty && self.table.is_empty_for(host, ask.start, duration) {
                order.found.push(host);
                if self.notes.is_some() {
                    order.told.push(Considered { host, score: None });
                }
            }
        }
        Ok(order.found.get(turn).copied())
    }

    /// Appends the hosts that are not empty, the best first; hosts without room for even the
    /// smallest VM at the start are left out if nobody is displaced.
    fn score_rest(&mut self, ask: &Ask<'_>, order: &mut HostOrder) -> Result<(), PolicyError> {
        let lease = &self.requests[ask.lease as usize];
        let smallest = smallest_need(lease);
        let instant = (ask.start, Instant(ask.start.0 + 1));
        let mut scored = Vec::new();
        let mut empty = order.found.iter().copied().peekable();
        for at in 0..order.asked {
            let host = ask.hosts.map_or(at as u32, |hosts| hosts[at]);
            if empty.next_if_eq(&host).is_some() {
                continue;
            }
            let row = &self.table.rows[host as usize];
            if !ask.displacing && row.first_lack(&smallest, instant, &[]).is_some() {
                continue;
            }
            let change = row.next_change(ask.start);
            let unchanged = (change != NEVER).then(|| change - ask.start);
            let status = HostStatus { host, leases: row.leases_at(ask.start), unchanged };
            let score = self.host_selection.score(status, lease);
            let score = score.map_err(|error| {
                error.about(format!("lease {}, host {host}", lease.number)).at(self.now)
            })?;
            scored.push((score, host));
        }
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        if self.notes.is_some() {
            let one = |&(score, host): &(f64, u32)| Considered { host, score: Some(score) };
            order.told.extend(scored.iter().map(one));
        }
        order.found.extend(scored.into_iter().map(|(_, host)| host));
        order.sorted = true;
        Ok(())
    }

    /// Leases that may be displaced, the first to go at the end.
    pub(super) fn candidates(&mut self, ask: &Ask<'_>) -> Result<Vec<u32>, PolicyError> {
        let mut leases: Vec<u32> = Vec::new();
        for row in &self.table.rows {
            let slots = row.slots.iter().take_while(|slot| slot.start < ask.until);
            leases.extend(slots.filter(|slot| slot.end > ask.start).map(|slot| slot.lease));
        }
        leases.sort_unstable_by_key(|&lease| (self.requests[lease as usize].number, lease));
        leases.dedup();
        let mut scored = Vec::new();
        for lease in leases {
            let request = &self.requests[lease as usize];
            let willing = request.preemptible || self.rules.oddities.preemptible_flag_ignored;
            if !willing || !self.can_be_displaced(lease) {
                continue;
            }
            let by = &self.requests[ask.lease as usize];
            let preemptee = self.preemptee(lease, ask.start);
            let score = self.preemption.score(by, preemptee, ask.start);
            let score = score.map_err(|error| {
                let pair = format!("lease {} displacing lease {}", by.number, request.number);
                error.about(pair).at(self.now)
            })?;
            scored.extend(score.map(|score| (score, lease)));
        }
        if self.rules.oddities.lowest_score_goes_first {
            scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        } else {
            // Of equal scores the lease that was numbered last goes first.
            scored.sort_by(|a, b| a.0.total_cmp(&b.0));
        }
        self.tell_candidates(&scored);
        Ok(scored.into_iter().map(|(_, lease)| lease).collect())
    }

    /// Whether a lease has a plan that can still be changed.
    fn can_be_displaced(&self, lease: u32) -> bool {
        let life = &self.lives[lease as usize];
        let planned = life.run.is_some_and(|run| self.table.get(run).is_live());
        // A deadline lease must not be sent back to the queue: only who plans it anew may move it.
        let bound = self.window(lease).is_some() && self.rules.mapping != Mapping::Deadline;
        planned && !bound && life.state != LeaseState::Suspending
    }

    pub(super) fn vm_in_order(&self, lease: u32, place: usize) -> u32 {
        match &self.lives[lease as usize].order {
            None => place as u32,
            Some(order) => order[place],
        }
    }

    /// What a VM of a lease needs.
    pub(super) fn needs(&self, lease: u32, vm: u32) -> Amounts {
        let mut before = 0;
        let lease = &self.requests[lease as usize];
        let set = lease.nodes.iter().find(|set| {
            before += set.count;
            vm < before
        });
        lease.promised(set.expect("the lease has so many VMs"))
    }
}

/// The least that any VM needs of each resource.
fn smallest_need(lease: &LeaseRequest) -> Amounts {
    let sets = || lease.nodes.iter().map(|set| lease.promised(set));
    std::array::from_fn(|k| sets().map(|need| need[k]).min().unwrap_or(0))
}

pub(super) fn sum(a: &Amounts, b: &Amounts) -> Amounts {
    std::array::from_fn(|k| a[k] + b[k])
}

/// The order in which VMs of different size are mapped: by the sum over resources of what they
/// need, relative to the greatest need of the lease; greater ones first.
pub(super) fn mapping_order(needs: &[Amounts]) -> Option<Vec<u32>> {
    if needs.windows(2).all(|pair| pair[0] == pair[1]) {
        return None;
    }
    let most: Amounts =
        std::array::from_fn(|k| needs.iter().map(|need| need[k]).max().unwrap_or(0));
    let size = |need: &Amounts| -> f64 {
        (0..RESOURCES).filter(|&k| most[k] > 0).map(|k| need[k] as f64 / most[k] as f64).sum()
    };
    let mut order: Vec<u32> = (0..needs.len() as u32).collect();
    order.sort_by(|&a, &b| size(&needs[b as usize]).total_cmp(&size(&needs[a as usize])));
    Some(order)
}
