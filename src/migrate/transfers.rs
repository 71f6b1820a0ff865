//! Copies under way, and the max-min fair rates at which they share the hosts' network cards.
//!
//! Each copy leaves through its source's card and arrives through its destination's, each of them
//! full duplex. Rates come from progressive filling (Bertsekas and Gallager, Data Networks, 1992,
//! sect. 6.5.2): all copies speed up together until a card is full; its copies are fixed there and
//! the others go on. They change only when a copy that shares a card, directly or through others,
//! starts or ends.

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
    started: u64,
}

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
            started: 0,
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
        for card in cards_of(&copy) {
            self.cards[card].copies.retain(|&other| other != id);
            self.changed.push(card);
        }
        Some(copy)
    }

    /// Shares the cards anew after starts and ends at `now`; appends to `due`, in the order in
    /// which they started, every one whose rate changed.
    pub fn share(&mut self, now: Instant, due: &mut Vec<Due>) {
        let (cards, mut copies) = self.affected();
        match self.contention {
            Contention::MaxMin => self.fill(&cards),
            Contention::None => {
                copies.iter().for_each(|&id| self.slots[id].next_rate = self.bandwidth);
            }
        }
        cards.iter().for_each(|&card| self.cards[card].reached = false);
        copies.retain(|&id| {
            let slot = &mut self.slots[id];
            slot.open = false;
            slot.next_rate != slot.copy.rate
        });
        copies.sort_unstable_by_key(|&id| self.slots[id].copy.serial);
        for id in copies {
            let Slot { copy, next_rate, .. } = &mut self.slots[id];
            let sent = copy.rate * (now - copy.since).seconds();
            copy.remaining = (copy.remaining - sent).max(0.0);
            (copy.since, copy.rate) = (now, *next_rate);
            copy.revision += 1;
            let after_s = copy.remaining / copy.rate;
            let after = Span::from_seconds(after_s);
            due.push(Due { copy: id, revision: copy.revision, after, after_s });
        }
    }

    /// The cards and copies that share something, however indirectly, with a changed card.
    fn affected(&mut self) -> (Vec<usize>, Vec<CopyId>) {
        let (mut cards, mut copies) = (std::mem::take(&mut self.changed), Vec::new());
        cards.sort_unstable();
        cards.dedup();
        cards.iter().for_each(|&card| self.cards[card].reached = true);
        let mut next = 0;
        while next < cards.len() {
            let card = &self.cards[cards[next]];
            next += 1;
            for i in 0..card.copies.len() {
                let id = self.cards[cards[next - 1]].copies[i];
                let slot = &mut self.slots[id];
                if std::mem::replace(&mut slot.open, true) {
                    continue;
                }
                copies.push(id);
                for card in cards_of(&slot.copy) {
                    if !std::mem::replace(&mut self.cards[card].reached, true) {
                        cards.push(card);
                    }
                }
            }
        }
        (cards, copies)
    }

    /// Progressive filling of `cards`.
    fn fill(&mut self, cards: &[usize]) {
        let mut unfilled: Vec<usize> = Vec::with_capacity(cards.len());
        for &id in cards {
            let card = &mut self.cards[id];
            (card.spare, card.open) = (self.bandwidth, card.copies.len() as u32);
            if card.open > 0 {
                unfilled.push(id);
            }
        }
        while !unfilled.is_empty() {
            let fair = |id: usize| self.cards[id].spare / f64::from(self.cards[id].open);
            let full = unfilled
                .iter()
                .copied()
                .min_by(|&a, &b| fair(a).total_cmp(&fair(b)).then(a.cmp(&b)));
            let Some(full) = full else { return };
            let rate = fair(full);
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
            unfilled.retain(|&id| self.cards[id].open > 0);
        }
    }
}

fn cards_of(copy: &Copy) -> [usize; 2] {
    [2 * copy.from.index(), 2 * copy.to.index() + 1]
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
