//! A glance at a host, hour by hour, before its calendar is asked.
//!
//! Most hosts are either idle during a wanted interval or have no core left in the midst of it. Two
//! bits for each hour tell these apart from the others: whether anything is booked in that hour,
//! and whether at some instant of it no CPU is left. They lie side by side, so that a week is a few
//! words, where a calendar is a descent through its tree.
//!
//! Both bits are honest in one direction: an hour that is not `busy` is idle, and one that is
//! `full` has an instant without CPU. Hours that are not covered may be anything.

use std::ops::Range;

use crate::time::Instant;

const HOUR: i64 = 3_600_000_000;
const WORD: i64 = 64;
/// Four years are covered at the most, from 64 hours before the first booking on.
const MOST_HOURS: i64 = 4 * 366 * 24;

/// Two bits for each hour.
#[derive(Debug, Default)]
pub(super) struct Hours {
    /// The first hour that is covered, a multiple of 64.
    first: i64,
    busy: Vec<u64>,
    full: Vec<u64>,
    /// Whether something was booked before that and is not noted: nothing earlier can be covered.
    closed: bool,
}

/// What a glance tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Glance {
    /// Nothing is booked at any time.
    Idle,
    /// At some instant no CPU is left.
    Full,
    /// The calendar must be asked.
    Unclear,
}

/// The hours that overlap `[start, end)`.
fn hours(start: Instant, end: Instant) -> Range<i64> {
    start.0.div_euclid(HOUR)..(end.0.saturating_sub(1)).div_euclid(HOUR) + 1
}

/// The words that hold `range`, with the bits of each that belong to it.
fn words(range: Range<i64>) -> impl Iterator<Item = (usize, u64)> {
    let (first, last) = (range.start / WORD, (range.end - 1) / WORD);
    (first..=last).map(move |word| {
        let below = |hour: i64| match (hour - word * WORD).clamp(0, WORD) {
            WORD => u64::MAX,
            bits => (1 << bits) - 1,
        };
        (word as usize, below(range.end) & !below(range.start))
    })
}

impl Hours {
    /// Where `range` of hours is in the bits, if all of it is covered.
    fn place(&self, range: Range<i64>) -> Option<Range<i64>> {
        let covered = self.first..self.first + self.busy.len() as i64 * WORD;
        let inside = range.start >= covered.start && range.end <= covered.end;
        (inside && !range.is_empty()).then(|| range.start - self.first..range.end - self.first)
    }

    /// What there is to see of `[start, end)`, which is not empty.
    #[inline]
    pub fn glance(&self, start: Instant, end: Instant) -> Glance {
        let Some(touched) = self.place(hours(start, end)) else { return Glance::Unclear };
        if words(touched).all(|(word, bits)| self.busy[word] & bits == 0) {
            return Glance::Idle;
        }
        let whole = start.0.saturating_add(HOUR - 1).div_euclid(HOUR)..end.0.div_euclid(HOUR);
        let Some(whole) = self.place(whole) else { return Glance::Unclear };
        match words(whole).any(|(word, bits)| self.full[word] & bits != 0) {
            true => Glance::Full,
            false => Glance::Unclear,
        }
    }

    /// Covers the hours of `[start, end)` as far as four years allow, and gives those.
    pub fn cover(&mut self, start: Instant, end: Instant) -> Range<i64> {
        let wanted = hours(start, end);
        if self.busy.is_empty() {
            self.first = (wanted.start.div_euclid(WORD) - 1) * WORD;
        }
        let before = (self.first - wanted.start).div_euclid(WORD) + 1;
        let reach = self.first + self.busy.len() as i64 * WORD;
        if wanted.start < self.first {
            self.closed |= reach - wanted.start + WORD > MOST_HOURS;
            if !self.closed {
                let zeros = || std::iter::repeat_n(0, before as usize);
                self.busy.splice(..0, zeros());
                self.full.splice(..0, zeros());
                self.first -= before * WORD;
            }
        }
        let until = wanted.end.min(self.first + MOST_HOURS);
        let needed = (until - self.first).max(0).unsigned_abs().div_ceil(WORD as u64) as usize;
        if needed > self.busy.len() {
            self.busy.resize(needed, 0);
            self.full.resize(needed, 0);
        }
        let covered = self.first..self.first + self.busy.len() as i64 * WORD;
        wanted.start.max(covered.start)..wanted.end.min(covered.end)
    }

    /// Writes what is known of one hour that is covered.
    pub fn set(&mut self, hour: i64, busy: bool, full: bool) {
        let at = hour - self.first;
        let (word, bit) = ((at / WORD) as usize, 1_u64 << (at % WORD));
        for (bits, value) in [(&mut self.busy, busy), (&mut self.full, full)] {
            if value {
                bits[word] |= bit;
            } else {
                bits[word] &= !bit;
            }
        }
    }
}

/// When `hour` begins and ends.
pub(super) fn bounds(hour: i64) -> (Instant, Instant) {
    (Instant(hour.saturating_mul(HOUR)), Instant((hour + 1).saturating_mul(HOUR)))
}
