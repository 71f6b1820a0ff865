//! Which rounds follow one another as long as the rate stays?
//!
//! While the links give the same rate, pre-copy needs nobody: each round says how long it takes and
//! what it leaves dirty. So rounds need not be events of the network. [`Foresight::look`] carries
//! out a copy of the rounds up to the one after which something else follows - the stop, or the
//! proof that they never end - and tells when that is over. If the rate changes before,
//! [`Foresight::pass`] carries out the rounds until then once more, now for good.
//!
//! How many rounds it looks ahead follows from how many came true before: twice as many, so that
//! where rates change often little is carried out in vain, and a quiet network has few events.

use super::program::UnderWay;
use super::rounds::{Pass, Rounds, Step};
use super::task::{Order, Pace};

/// Rounds that are looked ahead at first, and at most.
const FIRST: u32 = 4;
const MOST: u32 = 256;

/// What is foreseen.
#[derive(Debug)]
pub(super) struct Foresight {
    /// Rounds to look ahead.
    reach: u32,
    seen: Option<Seen>,
}

impl Default for Foresight {
    fn default() -> Self {
        Self { reach: FIRST, seen: None }
    }
}

#[derive(Debug)]
struct Seen {
    pace: Pace,
    /// Seconds until the round under way is complete, and that it takes in all.
    first: (f64, f64),
    /// Bytes of that round.
    first_bytes: f64,
    /// Rounds that begin, at least one, and the state after the last of them has begun.
    count: u32,
    rounds: Rounds,
    last: Pass,
    /// Seconds that the last one takes.
    last_s: f64,
    /// Bytes of the round under way and of all that begin but the last.
    bytes: f64,
}

/// Seconds that `pass` takes at `pace`.
fn seconds(pass: &Pass, pace: Pace) -> f64 {
    (pass.bytes / pace.rate + pass.extra_s).max(pass.least_s)
}

impl Foresight {
    /// Seconds until the last round that is foreseen is complete; `None` where none is.
    pub(super) fn look(
        &mut self,
        order: Order<'_>,
        rounds: &Rounds,
        now: &UnderWay,
        rate: f64,
    ) -> Option<f64> {
        self.seen = None;
        let pace = Pace { rate: order.constants.link_efficiency * rate, burst: None };
        let left_s = now.left_s(rate);
        let first = (left_s, now.elapsed_s + left_s);
        let mut ahead = rounds.clone();
        let Step::Pass(mut last) = ahead.sent(order, first.1, pace) else { return None };
        let (mut last_s, mut bytes, mut count) = (seconds(&last, pace), now.leg.bytes, 1);
        let mut total = left_s + last_s;
        while count < self.reach {
            let mut next = ahead.clone();
            let Step::Pass(pass) = next.sent(order, last_s, pace) else { break };
            bytes += last.bytes;
            (ahead, last, last_s) = (next, pass, seconds(&pass, pace));
            total += last_s;
            count += 1;
        }
        let (rounds, first_bytes) = (ahead, now.leg.bytes);
        self.seen = Some(Seen { pace, first, first_bytes, count, rounds, last, last_s, bytes });
        Some(total)
    }

    /// Carries out the `rounds` that begin until `until_s`, or all that are foreseen: the one under
    /// way then, how long it has been, and the bytes of those before it.
    pub(super) fn pass(
        &mut self,
        order: Order<'_>,
        rounds: &mut Rounds,
        until_s: Option<f64>,
    ) -> Option<(Pass, f64, f64)> {
        let seen = self.seen.take()?;
        let Some(until_s) = until_s else {
            self.reach = (2 * seen.count).min(MOST);
            *rounds = seen.rounds;
            return Some((seen.last, seen.last_s, seen.bytes));
        };
        let (mut end, mut took, mut bytes) = (seen.first.0, seen.first.1, seen.first_bytes);
        let (mut under_way, mut count) = (None, 0);
        while end <= until_s && count < seen.count {
            let Step::Pass(pass) = rounds.sent(order, took, seen.pace) else { break };
            under_way = Some((pass, end, bytes));
            (took, bytes) = (seconds(&pass, seen.pace), bytes + pass.bytes);
            (end, count) = (end + took, count + 1);
        }
        self.reach = (2 * count).max(2);
        under_way.map(|(pass, begin, bytes)| (pass, until_s - begin, bytes))
    }
}
