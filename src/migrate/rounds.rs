//! Pre-copy as QEMU does it, one step at a time: what to send, what is dirty then, whether to stop.
//!
//! ```text
//! theta(B) = B DL / P          stop when what remains is at most theta
//! over(B)  = B q / 2P          found only at the next check: q later, half of that on average
//! bulk     : all pages but r0 = theta - over
//! sync     : d = D(tau) + b0 + b1 tau;  pending = left + d - overlap
//!            overlap = rho left min(1, d / max(W + b0, d)), at most d
//! round    : all of pending but r* = max(0, theta - over)
//! ```
//!
//! `B`: bytes per second, `DL`: downtime limit, s, `P`: page, bytes, `q`: seconds between checks,
//! `D`: dirty-page function, `b0`, `b1`: what an idle guest dirties, `W`: working set, `tau`:
//! duration of the send before. Pages left over are partly zero pages (share `1 - phi` of the tail
//! of the first pass), which cost almost nothing.
//!
//! The machine knows nothing of time and network: who drives it says how long a send took and at
//! which pace the next one starts. So the closed form at a constant pace ([`super::PreCopy`]) and
//! the simulation on shared links ([`super::Traffic`]) are the same model.
//!
//! Source: QEMU 7.2 (migration of RAM: order of checks and synchronisations), read as behaviour and
//! measured; Clark et al., NSDI 2005, for pre-copy.

use super::features::{Effective, Throttle};
use super::task::{Order, Pace};
use super::{PAGE, StageKind};

/// Rounds after which a migration is given up.
pub const MOST_ROUNDS: u32 = 1500;

/// Something to send.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pass {
    /// What for.
    pub kind: StageKind,
    /// Bytes on the wire.
    pub bytes: f64,
    /// Seconds that it takes beside the bytes.
    pub extra_s: f64,
    /// Seconds that it takes at least.
    pub least_s: f64,
}

/// What follows a send.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step {
    /// The next round.
    Pass(Pass),
    /// The VM stops and the rest is sent.
    Stop(Pass),
    /// The round would repeat the one before it, for ever: so many pages remain each time.
    Never(f64),
    /// Too many rounds: so many pages remain.
    GiveUp(f64),
}

/// The state between two steps.
#[derive(Debug, Clone)]
pub struct Rounds {
    effective: Effective,
    working_set: f64,
    /// Pages that the last send left, and those among them that are not zero.
    left: f64,
    left_nonzero: f64,
    /// Passes begun: the bulk is the first.
    count: u32,
    /// Pages sent again so far.
    again: f64,
    /// Bytes of the last send.
    bytes: f64,
    /// Pages pending, and the share of non-zero pages among them, at the last synchronisation.
    before: (f64, f64),
    throttle: Throttle,
    /// Seconds of guest work lost to throttling.
    throttled_s: f64,
}

impl Rounds {
    /// Begins; the first pass is to be sent at `pace`.
    pub fn begin(order: Order<'_>, pace: Pace) -> (Self, Pass) {
        let Order { task, constants } = order;
        let effective = task.features.effective(&task.memory, constants);
        let mut rounds = Self {
            effective,
            working_set: task.memory.dirty.working_set(),
            left: 0.0,
            left_nonzero: 0.0,
            count: 1,
            again: 0.0,
            bytes: 0.0,
            before: (f64::INFINITY, 0.0),
            throttle: Throttle::default(),
            throttled_s: 0.0,
        };
        let (threshold, late) = rounds.threshold(order, effective.pace(pace));
        let pages = effective.nonzero + effective.zero;
        rounds.left = (threshold - late).clamp(0.0, pages);
        rounds.left_nonzero = (constants.nonzero_tail * rounds.left).min(effective.nonzero);
        let nonzero = (effective.nonzero - rounds.left_nonzero).max(0.0);
        let zero = (effective.zero - (rounds.left - rounds.left_nonzero)).max(0.0);
        rounds.bytes = nonzero * effective.page_bytes + zero * constants.zero_page_bytes;
        let send = Pass {
            kind: StageKind::Bulk,
            bytes: rounds.bytes,
            extra_s: zero * constants.zero_page_s,
            least_s: 0.0,
        };
        (rounds, send)
    }

    /// Stops here, whatever is pending: what has to be sent.
    pub fn stop_anyway(&self, order: Order<'_>) -> Pass {
        let bytes = self.pending().1 * self.page_bytes(order);
        Pass { kind: StageKind::Stop, bytes, extra_s: 0.0, least_s: 0.0 }
    }

    /// What the options made of the task.
    pub fn effective(&self) -> &Effective {
        &self.effective
    }

    /// Passes so far, the stop not counted.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Pages sent again so far.
    pub fn sent_again(&self) -> f64 {
        self.again
    }

    /// Pages pending at the last synchronisation, and how many of them are not zero.
    pub fn pending(&self) -> (f64, f64) {
        (self.before.0, self.before.0 * self.before.1)
    }

    /// Speed of the guest, in `[0, 1]`.
    pub fn speed(&self) -> f64 {
        1.0 - self.throttle.level
    }

    /// Guest work lost to throttling, s of full speed.
    pub fn throttled_s(&self) -> f64 {
        self.throttled_s
    }

    /// `theta` and `over` in pages.
    fn threshold(&self, order: Order<'_>, pace: Pace) -> (f64, f64) {
        let pages_per_s = pace.rate / PAGE;
        let threshold = pages_per_s * order.task.downtime_limit_s + self.effective.in_flight;
        (threshold, pages_per_s * order.constants.check_s / 2.0)
    }

    /// Pages dirtied within `seconds` of the last synchronisation.
    pub fn dirtied(&self, order: Order<'_>, seconds: f64) -> f64 {
        let Order { task, constants } = order;
        let idle = constants.background_pages + constants.background_rate * seconds;
        let guest = task.memory.dirty.pages(seconds * self.speed());
        (guest + idle).min(self.effective.nonzero)
    }

    /// The last send took `seconds`; the next one is to start at `pace`.
    pub fn sent(&mut self, order: Order<'_>, seconds: f64, pace: Pace) -> Step {
        let pace = self.effective.pace(pace);
        let (pending, nonzero) = self.synchronise(order, seconds);
        let (threshold, late) = self.threshold(order, pace);
        let mixture = nonzero / pending;
        let page_bytes = self.page_bytes(order);
        if pending <= threshold {
            let bytes = nonzero * page_bytes;
            return Step::Stop(Pass { kind: StageKind::Stop, bytes, extra_s: 0.0, least_s: 0.0 });
        }
        let repeats = self.repeats(order, pending, mixture, pace);
        self.before = (pending, mixture);
        if repeats {
            return Step::Never(pending);
        }
        if self.count >= MOST_ROUNDS {
            return Step::GiveUp(pending);
        }
        self.count += 1;
        self.left = (threshold - late).max(0.0);
        self.left_nonzero = mixture * self.left;
        let pages = pending - self.left;
        let zero_bytes = order.constants.zero_page_bytes;
        self.bytes = pages * (mixture * page_bytes + (1.0 - mixture) * zero_bytes);
        self.again += pages * mixture;
        let least_s = order.constants.min_round_s;
        Step::Pass(Pass { kind: StageKind::Round, bytes: self.bytes, extra_s: 0.0, least_s })
    }

    /// Pages pending after a send of `seconds`, and how many of them are not zero.
    fn synchronise(&mut self, order: Order<'_>, seconds: f64) -> (f64, f64) {
        let Order { task, constants } = order;
        let dirtied = self.dirtied(order, seconds);
        self.throttled_s += seconds * self.throttle.level;
        if let Some(rule) = &task.features.auto_converge {
            self.throttle.synchronised(rule, seconds, dirtied * PAGE, self.bytes);
        }
        let first = self.count == 1;
        let hit = if first {
            constants.nonzero_tail * self.left / self.effective.nonzero.max(1.0)
        } else {
            constants.overlap
        };
        let reach = (self.working_set + constants.background_pages).max(dirtied);
        let spread = if reach > 0.0 { (dirtied / reach).min(1.0) } else { 0.0 };
        // No more of what the first pass left can be dirtied again than was dirtied at all.
        let most = if first { dirtied / self.left.max(1.0) } else { 1.0 };
        let share = (hit * spread).min(most);
        let pending = self.left + dirtied - share * self.left;
        (pending, self.left_nonzero + dirtied - share * self.left_nonzero)
    }

    fn page_bytes(&self, order: Order<'_>) -> f64 {
        let (whole, header) = (self.effective.page_bytes, order.constants.header_bytes);
        order
            .task
            .features
            .xbzrle
            .map_or(whole, |xbzrle| xbzrle.page_bytes(whole, header, self.working_set, self.again))
    }

    /// Whether this synchronisation is the same as the last, and nothing that changes is left: then
    /// all that follow are the same.
    fn repeats(&self, order: Order<'_>, pending: f64, mixture: f64, pace: Pace) -> bool {
        let (before, mixed) = self.before;
        let features = &order.task.features;
        let slows = features.auto_converge.is_some_and(|rule| !self.throttle.is_exhausted(&rule));
        let learns = features.xbzrle.is_some() && self.again < self.working_set;
        // A round that fits in a window of the rate limit may be quicker next time.
        let window = pace.rate * order.constants.window_s;
        let bursts = pace.burst.is_some() && self.bytes <= window;
        !(slows || learns || bursts)
            && (pending - before).abs() <= SAME * pending
            && (mixture - mixed).abs() <= SAME
    }
}

/// Two rounds are the same when they differ by less than rounding.
const SAME: f64 = 1e-12;
