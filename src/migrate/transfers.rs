//! Copies under way, and the max-min fair rates at which they share the hosts' network cards.
//!
//! Each copy leaves through its source's card and arrives through its destination's, each of them
//! full duplex. Rates come from progressive filling (Bertsekas and Gallager, Data Networks, 1992,
//! sect. 6.5.2): all copies speed up together until a card is full; its copies are fixed there and
//! the others go on.
//!
//! When a copy starts or ends, filling goes on as before up to the rate at which that copy is
//! fixed, because no card that is full by then carries it. So slower copies keep their rates, and
//! of the others only those can change that share a card with it, directly or through others as
//! fast.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::id::{HostId, Id, VmId};
use crate::model::rules::Contention;
use crate::time::{Instant, Span};
use crate::units::Bytes;

/// Names a copy.
pub type CopyId = usize;

/// A copy under way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Copy {
    /// The VM being copied.
    pub vm: VmId,
    /// Its host.
    pub from: HostId,
    /// Its destination.
    pub to: HostId,
    /// When it began, seconds by the run's clock.
    pub started_s: f64,
    /// Bytes still to send at `since`.
    remaining: f64,
    /// Bytes per second from `since` on.
    rate: f64,
    since: Instant,
    /// Counts the changes of its rate: an end announced for an earlier rate is void.
    revision: u32,
    /// Counts the starts.
    serial: u64,
}

/// When a copy will end, unless its rate changes before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Due {
    /// The copy.
    pub copy: CopyId,
    /// Valid only while the copy is at this revision.
    pub revision: u32,
    /// Time left, to the microsecond.
    pub after: Span,
    /// Time left in seconds, not rounded.
    pub after_s: f64,
}

/// All copies under way.
#[derive(Debug)]
pub struct Transfers {
    bandwidth: f64,
    contention: Contention,
    slots: Vec<Slot>,
    vacant: Vec<CopyId>,
    cards: Vec<Card>,
    /// Cards whose copies changed since the last sharing.
    changed: Vec<usize>,
    /// The least rate, bytes per second, at which one of those copies was or may be fixed.
    level: f64,
    started: u64,
    /// Copies whose rates are being found.
    open: Vec<CopyId>,
    /// Cards that are not full, the one that is full at the least rate first.
    unfilled: BinaryHeap<Reverse<(Rate, usize)>>,
}

/// A rate in bytes per second, ordered.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Rate(f64);

impl Eq for Rate {}
impl Ord for Rate {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}
impl PartialOrd for Rate {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Rates that differ by less, as a fraction, are the same up to rounding.
const SAME_RATE: f64 = 1e-12;

/// Room for one copy; a slot is used again, its revision goes on counting.
#[derive(Debug)]
struct Slot {
    copy: Copy,
    active: bool,
    /// Reached by the sharing in progress, which has not fixed its rate yet.
    open: bool,
    next_rate: f64,
}

/// One direction of a host's network card: `2 h` is the egress of host `h`, `2 h + 1` its ingress.
#[derive(Debug, Default, Clone)]
struct Card {
    copies: Vec<CopyId>,
    reached: bool,
    /// What the sharing in progress has left, bytes per second.
    spare: f64,
    /// Copies on it whose rate is not fixed yet.
    open: u32,
}

impl Card {
    /// What each open copy gets when they share the rest.
    fn fair(&self) -> f64 {
        self.spare / f64::from(self.open)
    }
}

impl Transfers {
    /// No copies; every card carries `bandwidth` bytes per second each way.
    pub fn new(hosts: usize, bandwidth: f64, contention: Contention) -> Self {
        let cards = vec![Card::default(); 2 * hosts];
        Self {
            bandwidth,
            contention,
            slots: Vec::new(),
            vacant: Vec::new(),
            cards,
            changed: Vec::new(),
            level: f64::INFINITY,
            started: 0,
            open: Vec::new(),
            unfilled: BinaryHeap::new(),
        }
    }

    /// Begins to copy `volume` of `vm` `now` (exactly, and in seconds by the run's clock); its rate
    /// is set by the next [`Transfers::share`].
    pub fn start(
        &mut self,
        vm: VmId,
        from: HostId,
        to: HostId,
        volume: Bytes,
        now: (Instant, f64),
    ) {
        let remaining = volume.0 as f64;
        let serial = self.started;
        self.started += 1;
        let (since, started_s) = now;
        let (rate, revision) = (0.0, 0);
        let mut copy = Copy { vm, from, to, started_s, remaining, rate, since, revision, serial };
        let id = self.vacant.pop().unwrap_or(self.slots.len());
        if let Some(slot) = self.slots.get_mut(id) {
            copy.revision = slot.copy.revision + 1;
            (slot.copy, slot.active) = (copy, true);
        } else {
            self.slots.push(Slot { copy, active: true, open: false, next_rate: 0.0 });
        }
        for card in cards_of(&copy) {
            self.cards[card].copies.push(id);
            self.changed.push(card);
        }
    }

    /// Whether `revision` is the current one of `id`.
    pub fn is_current(&self, id: CopyId, revision: u32) -> bool {
        let slot = &self.slots[id];
        slot.active && slot.copy.revision == revision
    }

    /// Ends `id` if `revision` is its current one, and says which copy that was.
    pub fn end(&mut self, id: CopyId, revision: u32) -> Option<Copy> {
        if !self.is_current(id, revision) {
            return None;
        }
        let slot = &mut self.slots[id];
        slot.active = false;
        let copy = slot.copy;
        self.vacant.push(id);
        self.level = self.level.min(copy.rate);
        for card in cards_of(&copy) {
            self.cards[card].copies.retain(|&other| other != id);
            self.changed.push(card);
        }
        Some(copy)
    }

    /// Shares the cards anew after starts and ends at `now`; appends to `due`, in the order in
    /// which they started, every one whose rate changed.
    pub fn share(&mut self, now: Instant, due: &mut Vec<Due>) {
        self.reopen();
        match self.contention {
            Contention::MaxMin => self.fill(),
            Contention::None => {
                let bandwidth = self.bandwidth;
                self.open.iter().for_each(|&id| self.slots[id].next_rate = bandwidth);
            }
        }
        self.changed.drain(..).for_each(|card| self.cards[card].reached = false);
        let mut open = std::mem::take(&mut self.open);
        open.retain(|&id| {
            let slot = &mut self.slots[id];
            slot.open = false;
            (slot.next_rate - slot.copy.rate).abs() > SAME_RATE * slot.next_rate
        });
        open.sort_unstable_by_key(|&id| self.slots[id].copy.serial);
        for id in open.drain(..) {
            let Slot { copy, next_rate, .. } = &mut self.slots[id];
            let sent = copy.rate * (now - copy.since).seconds();
            copy.remaining = (copy.remaining - sent).max(0.0);
            (copy.since, copy.rate) = (now, *next_rate);
            copy.revision += 1;
            let after_s = copy.remaining / copy.rate;
            let after = Span::from_seconds(after_s);
            due.push(Due { copy: id, revision: copy.revision, after, after_s });
        }
        self.open = open;
    }

    /// Opens the copies whose rates may change; the cards they are on are added to those changed.
    fn reopen(&mut self) {
        self.changed.sort_unstable();
        self.changed.dedup();
        for &card in &self.changed {
            let card = &mut self.cards[card];
            card.reached = true;
            let starts = card.copies.iter().any(|&id| self.slots[id].copy.rate == 0.0);
            if starts {
                self.level = self.level.min(self.bandwidth / card.copies.len() as f64);
            }
        }
        let level = self.level * (1.0 - SAME_RATE);
        self.level = f64::INFINITY;
        let mut next = 0;
        while next < self.changed.len() {
            let at = self.changed[next];
            next += 1;
            let (mut fixed, mut open) = (0.0, 0);
            for i in 0..self.cards[at].copies.len() {
                let id = self.cards[at].copies[i];
                let Slot { copy, open: reopened, .. } = &mut self.slots[id];
                if copy.rate < level && copy.rate > 0.0 {
                    fixed += copy.rate;
                    continue;
                }
                open += 1;
                if std::mem::replace(reopened, true) {
                    continue;
                }
                self.open.push(id);
                for card in cards_of(copy) {
                    if !std::mem::replace(&mut self.cards[card].reached, true) {
                        self.changed.push(card);
                    }
                }
            }
            let card = &mut self.cards[at];
            (card.spare, card.open) = (self.bandwidth - fixed, open);
        }
    }

    /// Progressive filling of the reached cards. What a card offers its open copies only grows, so
    /// an outdated offer is met again when it is due.
    fn fill(&mut self) {
        let cards = self.changed.iter().filter(|&&id| self.cards[id].open > 0);
        self.unfilled.extend(cards.map(|&id| Reverse((Rate(self.cards[id].fair()), id))));
        while let Some(Reverse((Rate(offer), full))) = self.unfilled.pop() {
            if self.cards[full].open == 0 {
                continue;
            }
            let rate = self.cards[full].fair();
            if rate > offer {
                self.unfilled.push(Reverse((Rate(rate), full)));
                continue;
            }
            for i in 0..self.cards[full].copies.len() {
                let slot = &mut self.slots[self.cards[full].copies[i]];
                if !std::mem::replace(&mut slot.open, false) {
                    continue;
                }
                slot.next_rate = rate;
                for card in cards_of(&slot.copy) {
                    self.cards[card].spare -= rate;
                    self.cards[card].open -= 1;
                }
            }
        }
    }
}

fn cards_of(copy: &Copy) -> [usize; 2] {
    [2 * copy.from.index(), 2 * copy.to.index() + 1]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{below, stream};

    fn start(transfers: &mut Transfers, vm: u32, from: u32, to: u32, bytes: u64) {
        let (from, to) = (HostId(from), HostId(to));
        transfers.start(VmId(vm), from, to, Bytes(bytes), (Instant::START, 0.0));
    }

    fn seconds(due: &[Due]) -> Vec<f64> {
        due.iter().map(|d| d.after.seconds()).collect()
    }

    /// Host 0 sends A and B (1000 B each) to 1 and 2; host 3 sends C to 2. 100 B/s a card: A and B
    /// get 50 each (egress of 0 is full), C what B leaves of the ingress of 2: 50 as well.
    #[test]
    fn copies_of_one_host_share_its_card() {
        let mut transfers = Transfers::new(4, 100.0, Contention::MaxMin);
        for (vm, from, to) in [(0, 0, 1), (1, 0, 2), (2, 3, 2)] {
            start(&mut transfers, vm, from, to, 1000);
        }
        let mut due = Vec::new();
        transfers.share(Instant::START, &mut due);
        assert_eq!(seconds(&due), [20.0, 20.0, 20.0]);
    }

    /// A, B, C leave host 0 (33.3 each), D goes from 4 to the destination of A: it gets 66.7.
    #[test]
    fn what_a_slow_copy_leaves_goes_to_the_others() {
        let mut transfers = Transfers::new(5, 90.0, Contention::MaxMin);
        for (vm, from, to) in [(0, 0, 1), (1, 0, 2), (2, 0, 3), (3, 4, 1)] {
            start(&mut transfers, vm, from, to, 900);
        }
        let mut due = Vec::new();
        transfers.share(Instant::START, &mut due);
        assert_eq!(seconds(&due), [30.0, 30.0, 30.0, 15.0]);
    }

    /// Two copies of 1000 and 500 B at 50 B/s each; the second ends at 10 s, the first then runs at
    /// 100 B/s: 500 B left take 5 s. The end announced for the old rate is void.
    #[test]
    fn rates_rise_when_a_copy_ends() {
        let mut transfers = Transfers::new(3, 100.0, Contention::MaxMin);
        start(&mut transfers, 0, 0, 1, 1000);
        start(&mut transfers, 1, 0, 2, 500);
        let mut due = Vec::new();
        transfers.share(Instant::START, &mut due);
        let (stale, ends) = (due[0], due[1]);
        assert_eq!(transfers.end(ends.copy, ends.revision).unwrap().vm, VmId(1));
        due.clear();
        transfers.share(Instant::from_seconds(10.0), &mut due);
        assert_eq!(seconds(&due), [5.0]);
        assert_eq!(transfers.end(stale.copy, stale.revision), None);
    }

    #[test]
    fn without_contention_every_copy_has_the_card_for_itself() {
        let mut transfers = Transfers::new(3, 100.0, Contention::None);
        start(&mut transfers, 0, 0, 1, 1000);
        start(&mut transfers, 1, 0, 1, 500);
        let mut due = Vec::new();
        transfers.share(Instant::START, &mut due);
        assert_eq!(seconds(&due), [10.0, 5.0]);
    }

    /// Rates of all copies by progressive filling from scratch, card by card.
    fn plainly_filled(transfers: &Transfers) -> Vec<(CopyId, f64)> {
        let mut open: Vec<CopyId> =
            (0..transfers.slots.len()).filter(|&id| transfers.slots[id].active).collect();
        let mut spare = vec![transfers.bandwidth; transfers.cards.len()];
        let mut rates = Vec::new();
        while !open.is_empty() {
            let on = |card: usize| {
                let carried = |&&id: &&CopyId| cards_of(&transfers.slots[id].copy).contains(&card);
                open.iter().filter(carried).count()
            };
            let used = (0..spare.len()).filter(|&card| on(card) > 0);
            let (rate, full) = used
                .map(|card| (spare[card] / on(card) as f64, card))
                .min_by(|a, b| a.0.total_cmp(&b.0))
                .unwrap();
            let fixed = |id: &CopyId| cards_of(&transfers.slots[*id].copy).contains(&full);
            for id in open.extract_if(.., |id| fixed(id)) {
                cards_of(&transfers.slots[id].copy).iter().for_each(|&card| spare[card] -= rate);
                rates.push((id, rate));
            }
        }
        rates
    }

    /// 20 random histories of 300 starts and ends on 12 hosts: after each, every rate is what
    /// filling from scratch gives.
    #[test]
    fn rates_are_those_of_filling_from_scratch() {
        for seed in 0..20 {
            let mut draws = stream(seed, "test");
            let mut transfers = Transfers::new(12, 1000.0, Contention::MaxMin);
            let (mut due, mut seconds) = (Vec::new(), 0.0);
            for step in 0..300 {
                seconds += 0.001;
                let active: Vec<CopyId> =
                    (0..transfers.slots.len()).filter(|&id| transfers.slots[id].active).collect();
                if !active.is_empty() && below(5, &mut draws) < 2 + active.len() / 25 {
                    let id = active[below(active.len(), &mut draws)];
                    transfers.end(id, transfers.slots[id].copy.revision).unwrap();
                } else {
                    let from = below(12, &mut draws) as u32;
                    let to = (from + 1 + below(11, &mut draws) as u32) % 12;
                    start(&mut transfers, step, from, to, 1_000_000);
                }
                transfers.share(Instant::from_seconds(seconds), &mut due);
                for (id, rate) in plainly_filled(&transfers) {
                    let found = transfers.slots[id].copy.rate;
                    assert!((found - rate).abs() < 1e-9 * rate, "step {step}: {found} for {rate}");
                }
            }
        }
    }
}
