//! Which hosts may receive at all, and what a placer does that tries hosts one after the other in
//! an order of its own.
//!
//! Fits: one core is fast enough, and enough of every resource is free. The order comes from an
//! index ([`Preference`]) that follows the draft, so that hosts without room are not looked at; of
//! the others the first that the VM would not overload receives it. A host without load is never
//! asked about overload.

use serde::{Deserialize, Serialize};

use super::index::{Offer, Reader};
use super::risk_after::RiskAfter;
use super::{Arrival, Ask, Draft, Outcome, Placer, Placing, Room, place_in_order};
use crate::detect::Verdict;
use crate::id::{HostId, VmId};
use crate::model::{Fleet, Resources};
use crate::policy::PolicyError;

/// Whether a VM may go where the detector says that it would overload the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overload {
    /// Such hosts are passed over.
    #[default]
    Avoided,
    /// The detector is not asked: what fits is placed.
    Ignored,
}

/// When a sleeping host may be chosen, if any may be woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wake {
    /// It is a host like any other.
    #[default]
    LikeAny,
    /// When no host that has VMs takes the VM.
    LastResort,
}

/// An order of hosts, kept in step with a draft.
pub(super) trait Preference: Send {
    /// Looks at every host.
    fn survey(&mut self, draft: &Draft, fleet: &Fleet);
    /// Looks at `host` again.
    fn renew(&mut self, host: HostId, room: &Room);
    /// Begins a search for a VM that takes `needs`: for a host that offers what is `asked`.
    fn begin(&mut self, needs: &Resources, asked: Offer);
    /// The next best host that is `allowed`.
    fn next(&mut self, allowed: impl Fn(HostId) -> bool) -> Option<HostId>;
}

/// Which hosts a search is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Among {
    All,
    Awake,
    Asleep,
}

/// Tries hosts in the order of `P`.
pub(super) struct Chooser<P> {
    name: &'static str,
    preference: P,
    reader: Reader,
    overload: Overload,
    wake: Wake,
    /// The greatest risk that a destination may have after the move.
    at_most: Option<(f64, RiskAfter)>,
    tried: Vec<HostId>,
}

impl<P: Preference> Chooser<P> {
    /// The placer called `name`.
    pub fn new(name: &'static str, preference: P, overload: Overload, wake: Wake) -> Self {
        let (reader, at_most, tried) = (Reader::default(), None, Vec::new());
        Self { name, preference, reader, overload, wake, at_most, tried }
    }

    /// The same, passing over hosts with VMs whose `risk` after the move is above `threshold`.
    pub fn at_most(self, threshold: f64, risk: RiskAfter) -> Self {
        Self { at_most: Some((threshold, risk)), ..self }
    }

    fn choose(
        &mut self,
        vm: VmId,
        draft: &mut Draft,
        ask: &mut Ask<'_>,
    ) -> Result<Option<HostId>, PolicyError> {
        match self.reader.news(draft.journal()) {
            None => self.preference.survey(draft, ask.state.fleet),
            Some(hosts) => hosts.iter().for_each(|&h| self.preference.renew(h, draft.room(h))),
        }
        if !ask.wake {
            return self.search(vm, Among::Awake, draft, ask);
        }
        if self.wake == Wake::LikeAny {
            return self.search(vm, Among::All, draft, ask);
        }
        match self.search(vm, Among::Awake, draft, ask)? {
            Some(host) => Ok(Some(host)),
            None => self.search(vm, Among::Asleep, draft, ask),
        }
    }

    fn search(
        &mut self,
        vm: VmId,
        among: Among,
        draft: &mut Draft,
        ask: &mut Ask<'_>,
    ) -> Result<Option<HostId>, PolicyError> {
        let needs = ask.state.needs(vm);
        let asked = Offer::asked(&needs, ask.state.per_core(vm), among == Among::Awake);
        self.preference.begin(&needs, asked);
        let asks = self.overload == Overload::Avoided;
        let arrival = asks.then(|| draft.arrival(vm, &ask.state));
        let batch = if asks { ask.detector.batch().max(1) } else { 1 };
        loop {
            self.tried.clear();
            let allowed = |host| {
                let awake = among == Among::Asleep && draft.room(host).vms > 0;
                !ask.excluded.contains(host) && !awake && draft.admits(vm, host)
            };
            while self.tried.len() < batch
                && let Some(host) = self.preference.next(allowed)
            {
                let low = self.at_most.as_mut().is_none_or(|(threshold, risk)| {
                    draft.room(host).vms == 0
                        || risk.with(vm, host, draft, &ask.state) <= *threshold
                });
                if low {
                    self.tried.push(host);
                }
            }
            let Some(arrival) = arrival.as_ref().filter(|_| !self.tried.is_empty()) else {
                return Ok(self.tried.first().copied());
            };
            if let Some(host) = first_not_overloaded(arrival, &self.tried, draft, ask)? {
                return Ok(Some(host));
            }
        }
    }
}

impl<P: Preference> Placer for Chooser<P> {
    fn name(&self) -> &str {
        self.name
    }
    fn window(&self) -> usize {
        self.at_most.as_ref().map_or(0, |_| RiskAfter::WINDOW)
    }

    fn place(
        &mut self,
        vms: &[VmId],
        draft: &mut Draft,
        ask: &mut Ask<'_>,
        placing: Placing,
    ) -> Result<Outcome, PolicyError> {
        place_in_order(vms, draft, ask, placing, |vm, draft, ask| self.choose(vm, draft, ask))
    }
}

/// The first of `hosts` that `arrival` would not overload.
fn first_not_overloaded(
    arrival: &Arrival,
    hosts: &[HostId],
    draft: &mut Draft,
    ask: &mut Ask<'_>,
) -> Result<Option<HostId>, PolicyError> {
    if ask.detector.batch() > 1 {
        draft.assess_with(arrival.vm, arrival.needs.cpu, hosts, ask)?;
        let idle = |host| draft.room(host).allocated == 0.0;
        let mut verdicts = hosts.iter().zip(draft.verdicts());
        let fine = verdicts.find(|&(&host, &v)| v != Verdict::Overloaded || idle(host));
        return Ok(fine.map(|(&host, _)| host));
    }
    for &host in hosts {
        let room = draft.room(host);
        let seen = if room.allocated == 0.0 { Some(Verdict::Normal) } else { None };
        let verdict = match seen.or_else(|| draft.glance(room, arrival)) {
            Some(verdict) => verdict,
            None => draft.assess_one(host, Some(arrival), &ask.state, ask.detector)?,
        };
        if verdict != Verdict::Overloaded {
            return Ok(Some(host));
        }
    }
    Ok(None)
}
