//! Migrations under way, and the max-min fair rates at which they share the links.
//!
//! Each migration is a flow along its path while its [`Program`] sends. When one joins or leaves
//! the links, the rates of others change, and with them the time that their legs still take.
//! Between two changes all rates are constant, so that the fluid model is integrated exactly.
//!
//! Who drives it keeps the time: it announces what is [due](Due), hears of every new leg, and
//! decides what becomes of a migration that is stuck. Its clock counts microseconds; whole ones, as
//! in a run, give elapsed times without rounding. On a network without contention (Q13) each
//! has the narrowest of its links to itself.
//!
//! Who does not want to hear of every round can have them [passed over](Transfers::quietly): then
//! only the first one, the stop and the end are told, at a fraction of the cost.

use super::program::{Leg, Next, Program};
use super::slot::{MICROSECONDS, Place, Slot, elapsed};
use super::{Convergence, StageKind};
use crate::model::rules::Contention;
use crate::policy::PolicyError;
use crate::topology::{FairShare, FlowId, LinkId};

/// Names a migration under way; free again when the links are shared after its end, so that what is
/// told of it can be heard while others start.
pub type TransferId = usize;

/// When a leg is complete, unless the rate changes before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Due {
    /// Valid only while the migration is at this revision.
    pub revision: u32,
    /// Time left, s.
    pub after_s: f64,
    /// Whether the migration is to be given up then, which is known to the microsecond.
    pub gives_up: bool,
}

/// What has come of a migration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum News {
    /// Its leg will be complete then.
    Due(Due),
    /// It begins a leg.
    Leg(Leg),
    /// It would never end: [cancel](Transfers::cancel) or [stop](Transfers::stop_anyway) it.
    Stuck(Convergence),
    /// It is over and forgotten; so much was sent.
    Over(Totals),
}

/// What a migration came to.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Totals {
    /// Bytes sent.
    pub bytes: f64,
    /// Passes over memory, the stop not counted.
    pub rounds: u32,
    /// Guest work lost to throttling, s of full speed.
    pub throttled_s: f64,
}

/// All migrations under way.
#[derive(Debug)]
pub struct Transfers {
    share: FairShare,
    capacities: Vec<f64>,
    contention: Contention,
    /// Whether rounds are passed over.
    quiet: bool,
    slots: Vec<Slot>,
    vacant: Vec<TransferId>,
    /// Those that will be vacant.
    ended: Vec<TransferId>,
    /// Migration of each flow.
    of_flow: Vec<TransferId>,
    started: u64,
    /// Those whose next leg waits for their rate.
    joined: Vec<TransferId>,
    /// Those whose end has to be announced.
    moved: Vec<TransferId>,
    altered: Vec<FlowId>,
}

/// Rates that differ by less, as a fraction, are the same up to rounding.
const SAME_RATE: f64 = 1e-12;

impl Transfers {
    /// No migration on links of these capacities, bytes per second.
    pub fn new(capacities: Vec<f64>, contention: Contention) -> Self {
        Self {
            share: FairShare::new(capacities.iter().copied()),
            capacities,
            contention,
            quiet: false,
            slots: Vec::new(),
            vacant: Vec::new(),
            ended: Vec::new(),
            of_flow: Vec::new(),
            started: 0,
            joined: Vec::new(),
            moved: Vec::new(),
            altered: Vec::new(),
        }
    }

    /// Rounds that follow from the rate alone are passed over in silence.
    #[must_use]
    pub fn quietly(self) -> Self {
        Self { quiet: true, ..self }
    }

    /// Begins `program` along `path` at `now`; it is given up after `give_up_s` seconds. What it
    /// does is told by the next [`Transfers::share`].
    pub fn start(
        &mut self,
        program: Box<dyn Program>,
        path: &[LinkId],
        give_up_s: f64,
        now: f64,
    ) -> TransferId {
        let id = self.vacant.pop().unwrap_or(self.slots.len());
        let (revision, mut links) = match self.slots.get_mut(id) {
            Some(slot) => (slot.revision + 1, std::mem::take(&mut slot.path)),
            None => (0, Vec::new()),
        };
        links.clear();
        links.extend_from_slice(path);
        let slot = Slot {
            leg: program.begin(),
            program: Some(program),
            path: links,
            place: Place::Beside,
            began: now,
            remaining: 0.0,
            rate: 0.0,
            since: now,
            bytes: 0.0,
            give_up: now + give_up_s * MICROSECONDS,
            revision,
            serial: self.started,
            announced: false,
            foreseen: false,
            gives_up: false,
        };
        self.started += 1;
        let wait = slot.leg.extra_s;
        if id < self.slots.len() {
            self.slots[id] = slot
        } else {
            self.slots.push(slot)
        }
        if wait > 0.0 {
            self.announce(id)
        } else {
            self.join(id)
        }
        id
    }

    /// Whether `revision` is the current one of `id`.
    pub fn is_current(&self, id: TransferId, revision: u32) -> bool {
        let slot = &self.slots[id];
        slot.program.is_some() && slot.revision == revision
    }

    /// Bytes per second that the links give `id` now.
    pub fn rate(&self, id: TransferId) -> f64 {
        self.slots[id].rate
    }

    /// Bytes per second that pass `link` now.
    pub fn load(&self, link: LinkId) -> f64 {
        self.share.load(link)
    }

    /// The leg of `id` is complete, or its time is up: appends what comes of it.
    ///
    /// # Errors
    ///
    /// That of its model.
    pub fn advance(
        &mut self,
        id: TransferId,
        now: f64,
        news: &mut Vec<(TransferId, News)>,
    ) -> Result<(), PolicyError> {
        let slot = &self.slots[id];
        // The clock may be a rounding short of the time that was announced.
        if (slot.gives_up || now >= slot.give_up) && !slot.leg.kind.is_past_stop() {
            self.settle(id, now);
            let slot = &self.slots[id];
            let Some(program) = &slot.program else { return Ok(()) };
            let remaining_pages = program.pending(elapsed(slot.began, now));
            news.push((id, News::Stuck(Convergence::GivenUp { remaining_pages })));
            return Ok(());
        }
        let took = self.slots[id].complete(now);
        let slot = &self.slots[id];
        if slot.leg.kind == StageKind::Resume {
            news.push((id, News::Over(self.finish(id))));
        } else if slot.place == Place::Beside {
            self.join(id);
        } else {
            self.proceed(id, took, now, news)?;
        }
        Ok(())
    }

    /// Asks the program what follows the leg that is complete after `took` seconds.
    fn proceed(
        &mut self,
        id: TransferId,
        took: f64,
        now: f64,
        news: &mut Vec<(TransferId, News)>,
    ) -> Result<(), PolicyError> {
        let slot = &mut self.slots[id];
        let Some(program) = &mut slot.program else { return Ok(()) };
        match program.next(took, slot.rate)? {
            Next::Leg(leg) => self.begin_leg(id, leg, now, news),
            Next::Stuck(convergence) => news.push((id, News::Stuck(convergence))),
            Next::Over => news.push((id, News::Over(self.finish(id)))),
        }
        Ok(())
    }

    fn begin_leg(
        &mut self,
        id: TransferId,
        leg: Leg,
        now: f64,
        news: &mut Vec<(TransferId, News)>,
    ) {
        let slot = &mut self.slots[id];
        slot.bytes += slot.leg.bytes;
        (slot.leg, slot.remaining) = (leg, leg.bytes);
        (slot.began, slot.since) = (now, now);
        match (leg.sends(), slot.place) {
            (false, _) => self.leave(id),
            (true, Place::Beside) => self.enter(id),
            (true, Place::Alone | Place::Among(_)) => {}
        }
        news.push((id, News::Leg(leg)));
        self.announce(id);
    }

    /// Stops the VM of `id`, which is stuck, and sends the rest.
    pub fn stop_anyway(&mut self, id: TransferId, now: f64, news: &mut Vec<(TransferId, News)>) {
        self.settle(id, now);
        let slot = &mut self.slots[id];
        slot.leg.bytes -= slot.remaining;
        let Some(leg) = slot.program.as_mut().map(|program| program.stop_anyway()) else { return };
        self.begin_leg(id, leg, now, news);
    }

    /// The links that `id` passes.
    pub fn path(&self, id: TransferId) -> &[LinkId] {
        &self.slots[id].path
    }

    /// Sends what is left of `id` along `path` from now on.
    pub fn reroute(&mut self, id: TransferId, path: &[LinkId], now: f64) {
        self.settle(id, now);
        let beside = self.slots[id].place == Place::Beside;
        self.leave(id);
        let links = &mut self.slots[id].path;
        links.clear();
        links.extend_from_slice(path);
        if !beside {
            self.enter(id);
            self.announce(id);
        }
    }

    /// Ends `id` before its time and says what it came to.
    pub fn cancel(&mut self, id: TransferId, now: f64) -> Totals {
        self.settle(id, now);
        let slot = &mut self.slots[id];
        slot.leg.bytes -= slot.remaining;
        self.finish(id)
    }

    fn finish(&mut self, id: TransferId) -> Totals {
        self.leave(id);
        self.joined.retain(|&joined| joined != id);
        let slot = &mut self.slots[id];
        let bytes = slot.bytes + slot.leg.bytes;
        slot.revision += 1;
        self.ended.push(id);
        match slot.program.take() {
            Some(done) => Totals { bytes, rounds: done.rounds(), throttled_s: done.throttled_s() },
            None => Totals::default(),
        }
    }

    /// Takes its share of the links, at which its next leg begins.
    fn join(&mut self, id: TransferId) {
        self.enter(id);
        self.joined.push(id);
    }

    fn enter(&mut self, id: TransferId) {
        let slot = &mut self.slots[id];
        let most = slot.program.as_ref().map_or(0.0, |program| program.most());
        if self.contention == Contention::None {
            let capacities = slot.path.iter().map(|&link| self.capacities[link as usize]);
            (slot.place, slot.rate) = (Place::Alone, capacities.fold(most, f64::min));
            return;
        }
        let flow = self.share.add(&slot.path, 1.0, most);
        if self.of_flow.len() <= flow as usize {
            self.of_flow.resize(flow as usize + 1, 0);
        }
        self.of_flow[flow as usize] = id;
        (slot.place, slot.rate) = (Place::Among(flow), 0.0);
    }

    fn leave(&mut self, id: TransferId) {
        let slot = &mut self.slots[id];
        if let Place::Among(flow) = slot.place {
            self.share.remove(flow);
        }
        (slot.place, slot.rate) = (Place::Beside, 0.0);
    }

    /// Counts what was sent since its rate last changed.
    fn settle(&mut self, id: TransferId, now: f64) {
        let slot = &mut self.slots[id];
        slot.pass_over(now);
        let (seconds, pace) = (elapsed(slot.since, now), slot.leg.efficiency * slot.rate);
        slot.since = now;
        let sent = pace * seconds;
        if sent <= slot.remaining {
            slot.remaining -= sent;
        } else {
            slot.leg.extra_s = (slot.leg.extra_s - (sent - slot.remaining) / pace).max(0.0);
            slot.remaining = 0.0;
        }
    }

    /// Notes that its end has changed.
    fn announce(&mut self, id: TransferId) {
        if !std::mem::replace(&mut self.slots[id].announced, true) {
            self.moved.push(id);
        }
    }

    /// Fills the links anew, and notes whose rate that changes.
    fn refill(&mut self, now: f64) {
        let mut altered = std::mem::take(&mut self.altered);
        self.share.share(&mut altered);
        for flow in altered.drain(..) {
            let (id, next) = (self.of_flow[flow as usize], self.share.rate(flow));
            if (next - self.slots[id].rate).abs() > SAME_RATE * next {
                self.settle(id, now);
                self.slots[id].rate = next;
                self.announce(id);
            }
        }
        self.altered = altered;
    }

    /// Shares the links anew after all changes at `now` and appends what comes of it, in the order
    /// in which the migrations started.
    ///
    /// # Errors
    ///
    /// That of a model.
    pub fn share(
        &mut self,
        now: f64,
        news: &mut Vec<(TransferId, News)>,
    ) -> Result<(), PolicyError> {
        self.vacant.append(&mut self.ended);
        if self.contention == Contention::MaxMin {
            self.refill(now);
        }
        let mut joined = std::mem::take(&mut self.joined);
        for id in joined.drain(..) {
            self.proceed(id, elapsed(self.slots[id].began, now), now, news)?;
        }
        self.joined = joined;
        let mut moved = std::mem::take(&mut self.moved);
        moved.sort_unstable_by_key(|&id| self.slots[id].serial);
        for id in moved.drain(..) {
            let slot = &mut self.slots[id];
            slot.announced = false;
            if slot.program.is_some() {
                slot.revision += 1;
                let due = slot.due(now, self.quiet);
                news.push((id, News::Due(due)));
            }
        }
        self.moved = moved;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::migrate::{Channel, Constants, Dirty, Memory, RamOverBandwidth, Task, program};
    use crate::units::{Bytes, BytesPerSecond};

    /// A copy of `bytes` over `path`.
    fn start(transfers: &mut Transfers, bytes: u64, path: &[LinkId]) -> TransferId {
        let memory = Memory::of(Bytes(bytes), Bytes(bytes), Dirty::Idle);
        let task = Task::new(memory, Channel::link(BytesPerSecond(f64::INFINITY)));
        let model: Arc<dyn crate::migrate::MigrationModel> = Arc::new(RamOverBandwidth::default());
        let copy = program(&model, &task, &Arc::new(Constants::default()));
        transfers.start(copy, path, f64::INFINITY, 0.0)
    }

    fn dues(transfers: &mut Transfers, now: f64) -> Vec<(TransferId, Due)> {
        let mut news = Vec::new();
        transfers.share(now, &mut news).expect("the model answers");
        let due = |(id, news)| if let News::Due(due) = news { Some((id, due)) } else { None };
        news.into_iter().filter_map(due).collect()
    }

    fn seconds(dues: &[(TransferId, Due)]) -> Vec<f64> {
        dues.iter().map(|(_, due)| due.after_s).collect()
    }

    /// Two copies of 1000 and 500 B share 100 B/s; the second ends at 10 s, the first then runs at
    /// 100 B/s: 500 B left take 5 s. The end announced for the old rate is void.
    #[test]
    fn rates_rise_when_a_copy_ends() {
        let mut transfers = Transfers::new(vec![100.0], Contention::MaxMin);
        start(&mut transfers, 1000, &[0]);
        start(&mut transfers, 500, &[0]);
        let before = dues(&mut transfers, 0.0);
        assert_eq!(seconds(&before), [20.0, 10.0]);
        let mut news = Vec::new();
        transfers.advance(before[1].0, 10e6, &mut news).expect("the model answers");
        assert!(matches!(news[..], [(1, News::Over(Totals { bytes: 500.0, .. }))]));
        assert_eq!(seconds(&dues(&mut transfers, 10e6)), [5.0]);
        assert!(!transfers.is_current(before[0].0, before[0].1.revision));
    }

    /// Two copies of 100 B end together: what starts before both ends are heard has another name.
    #[test]
    fn the_names_of_copies_that_ended_together_are_not_used_again_at_once() {
        let mut transfers = Transfers::new(vec![100.0, 100.0], Contention::MaxMin);
        start(&mut transfers, 100, &[0]);
        start(&mut transfers, 100, &[1]);
        assert_eq!(seconds(&dues(&mut transfers, 0.0)), [1.0, 1.0]);
        let mut news = Vec::new();
        for id in [0, 1] {
            transfers.advance(id, 1e6, &mut news).expect("the model answers");
        }
        assert!(matches!(news[..], [(0, News::Over(_)), (1, News::Over(_))]));
        assert_eq!(start(&mut transfers, 100, &[0]), 2);
        dues(&mut transfers, 1e6);
        assert!(start(&mut transfers, 100, &[0]) < 2);
    }

    /// 1000 B at 100 B/s, sent over a link of 50 B/s after 4 s: 600 B left take 12 s; the first
    /// link is free again.
    #[test]
    fn a_copy_takes_another_way_with_what_is_left() {
        for contention in [Contention::MaxMin, Contention::None] {
            let mut transfers = Transfers::new(vec![100.0, 50.0], contention);
            let copy = start(&mut transfers, 1000, &[0]);
            assert_eq!(seconds(&dues(&mut transfers, 0.0)), [10.0]);
            transfers.reroute(copy, &[1], 4e6);
            assert_eq!(seconds(&dues(&mut transfers, 4e6)), [12.0]);
            assert_eq!(transfers.load(0), 0.0);
            assert_eq!(transfers.path(copy), [1]);
        }
    }

    #[test]
    fn without_contention_every_copy_has_its_narrowest_link_for_itself() {
        let mut transfers = Transfers::new(vec![100.0, 50.0], Contention::None);
        start(&mut transfers, 1000, &[0, 1]);
        start(&mut transfers, 500, &[0]);
        assert_eq!(seconds(&dues(&mut transfers, 0.0)), [20.0, 5.0]);
    }

    /// 1000 B at 100 B/s, cancelled after 3 s: 300 were sent, and the link is free again.
    #[test]
    fn what_a_cancelled_copy_sent_is_counted() {
        let mut transfers = Transfers::new(vec![100.0], Contention::MaxMin);
        let copy = start(&mut transfers, 1000, &[0]);
        dues(&mut transfers, 0.0);
        assert_eq!(transfers.cancel(copy, 3e6).bytes, 300.0);
        assert_eq!(transfers.load(0), 0.0);
    }
}
