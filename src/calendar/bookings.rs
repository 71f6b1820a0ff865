//! The calendar itself: bookings by name over the tree of steps, and transactions.

use super::tree::{BEGINNING, NEVER, Tree};
use crate::time::{Instant, Span};

/// Names a booking of a calendar until it is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BookingId(u32);

/// A point in the history of a calendar to which it can return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(usize);

/// A booking was refused because something would not be free throughout it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("resource {resource} has {free} free at the least, {wanted} are wanted")]
pub struct Overbooked {
    /// Which of the calendar's resources, counted from 0.
    pub resource: usize,
    /// The least that is free of it during the interval.
    pub free: i64,
    /// What was asked for.
    pub wanted: i64,
}

#[derive(Debug, Clone, Copy)]
struct Booking<const K: usize> {
    start: i64,
    end: i64,
    amount: [i64; K],
}

/// What undoes a change.
#[derive(Debug, Clone, Copy)]
enum Undo<const K: usize> {
    Remove(BookingId),
    Restore(BookingId, Booking<K>),
    MoveEnd(BookingId, i64),
}

/// Availability of `K` resources over time.
///
/// ```
/// use galerna::calendar::Calendar;
/// use galerna::time::{Instant, Span};
///
/// let hour = Span::from_seconds(3600.0);
/// let noon = Instant::from_seconds(43_200.0);
/// let mut cores = Calendar::new([8]);
/// let booking = cores.add(noon, noon + hour, [6]);
/// assert_eq!(cores.at(noon), [2]);
/// // Four cores for two hours, from eleven on: not before one o'clock.
/// let eleven = Instant::from_seconds(39_600.0);
/// assert_eq!(cores.earliest_start(eleven, hour * 2, [4]), Some(noon + hour));
/// cores.remove(booking);
/// assert_eq!(cores.earliest_start(eleven, hour * 2, [4]), Some(eleven));
/// ```
#[derive(Debug, Clone)]
pub struct Calendar<const K: usize = 1> {
    tree: Tree<K>,
    bookings: Vec<Option<Booking<K>>>,
    spare: Vec<BookingId>,
    journal: Vec<Undo<K>>,
    /// Whether a mark may be returned to, so that changes are written down.
    watched: bool,
}

impl<const K: usize> Calendar<K> {
    /// A calendar in which `capacity` is always free.
    pub fn new(capacity: [i64; K]) -> Self {
        Self {
            tree: Tree::new(capacity),
            bookings: Vec::new(),
            spare: Vec::new(),
            journal: Vec::new(),
            watched: false,
        }
    }

    /// What is free at `time`; negative where more is booked than there is.
    pub fn at(&self, time: Instant) -> [i64; K] {
        self.tree.at(time.0)
    }

    /// The least that is free of each resource during `[start, start + duration)`.
    ///
    /// An interval without length is taken as the instant `start`.
    pub fn min_during(&self, start: Instant, duration: Span) -> [i64; K] {
        self.tree.least(start.0, start.0.saturating_add(duration.0.max(1)))
    }

    /// The first instant from `after` on from which `need` is free for `duration` without a break;
    /// none if that never comes. It is `after` itself or an instant at which availability changes.
    pub fn earliest_start(
        &self,
        after: Instant,
        duration: Span,
        need: [i64; K],
    ) -> Option<Instant> {
        self.tree.earliest(after.0, duration.0, need).map(Instant)
    }

    /// The first instant after `previous` at which availability changes and from which `need` is
    /// free for `duration`: the possibility after one that was not taken.
    pub fn next_start(&self, previous: Instant, duration: Span, need: [i64; K]) -> Option<Instant> {
        let change = self.next_change(previous)?;
        self.earliest_start(change, duration, need)
    }

    /// From `time` on, the first instant at which `need` is not free; none if it always is.
    pub fn free_until(&self, time: Instant, need: [i64; K]) -> Option<Instant> {
        self.tree.first_lack(time.0, need).map(Instant)
    }

    /// The first instant after `time` at which what is free changes.
    pub fn next_change(&self, time: Instant) -> Option<Instant> {
        let next = self.tree.next_step(time.0);
        (next != NEVER).then_some(Instant(next))
    }

    /// Books `amount` in `[start, end)`, whether or not it is free.
    pub fn add(&mut self, start: Instant, end: Instant, amount: [i64; K]) -> BookingId {
        let booking = Booking { start: start.0, end: end.0, amount };
        let id = self.spare.pop().unwrap_or_else(|| {
            self.bookings.push(None);
            BookingId((self.bookings.len() - 1) as u32)
        });
        self.put(id, booking);
        self.note(Undo::Remove(id));
        id
    }

    /// Books `amount` in `[start, end)` if it is free throughout.
    ///
    /// # Errors
    ///
    /// [`Overbooked`] names the first resource that is short; nothing is changed.
    pub fn try_add(
        &mut self,
        start: Instant,
        end: Instant,
        amount: [i64; K],
    ) -> Result<BookingId, Overbooked> {
        if start < end {
            let free = self.tree.least(start.0, end.0);
            if let Some(k) = (0..K).find(|&k| free[k] < amount[k]) {
                return Err(Overbooked { resource: k, free: free[k], wanted: amount[k] });
            }
        }
        Ok(self.add(start, end, amount))
    }

    /// Takes a booking out.
    ///
    /// Panics when `id` names none: it was removed already.
    pub fn remove(&mut self, id: BookingId) {
        let booking = self.take(id);
        self.note(Undo::Restore(id, booking));
    }

    /// Moves the end of a booking to `end`, later or earlier.
    ///
    /// Panics when `id` names none: it was removed already.
    pub fn extend(&mut self, id: BookingId, end: Instant) {
        let old = self.move_end(id, end.0);
        self.note(Undo::MoveEnd(id, old));
    }

    /// A point to return to by [`Calendar::rollback`]; changes are written down from now on until
    /// [`Calendar::commit`].
    pub fn mark(&mut self) -> Mark {
        self.watched = true;
        Mark(self.journal.len())
    }

    /// Undoes every change since `mark`, which stays valid.
    pub fn rollback(&mut self, mark: Mark) {
        while self.journal.len() > mark.0 {
            match self.journal.pop().expect("it is longer than the mark") {
                Undo::Remove(id) => {
                    self.take(id);
                }
                Undo::Restore(id, booking) => {
                    let top = self.spare.pop();
                    assert_eq!(top, Some(id), "names are reused in the order of removal");
                    self.put(id, booking);
                }
                Undo::MoveEnd(id, end) => {
                    self.move_end(id, end);
                }
            }
        }
    }

    /// Keeps every change and forgets all marks.
    pub fn commit(&mut self) {
        self.journal.clear();
        self.watched = false;
    }

    /// Every step of availability in order of time: from when on, and how much. The first is
    /// since ever.
    pub fn steps(&self) -> Vec<(Option<Instant>, [i64; K])> {
        let known = |time| (time != BEGINNING).then_some(Instant(time));
        self.tree.steps().into_iter().map(|(time, free)| (known(time), free)).collect()
    }

    fn note(&mut self, undo: Undo<K>) {
        if self.watched {
            self.journal.push(undo);
        }
    }

    fn put(&mut self, id: BookingId, booking: Booking<K>) {
        let taken = booking.amount.map(|amount| -amount);
        self.tree.raise(booking.start, booking.end, taken);
        self.bookings[id.0 as usize] = Some(booking);
    }

    fn take(&mut self, id: BookingId) -> Booking<K> {
        let booking = self.bookings[id.0 as usize].take().expect("the booking is there");
        self.tree.raise(booking.start, booking.end, booking.amount);
        self.spare.push(id);
        booking
    }

    /// Moves an end and returns where it was.
    fn move_end(&mut self, id: BookingId, end: i64) -> i64 {
        let booking = self.bookings[id.0 as usize].as_mut().expect("the booking is there");
        let old = std::mem::replace(&mut booking.end, end);
        let Booking { start, amount, .. } = *booking;
        self.tree.raise(start.max(end), old, amount);
        self.tree.raise(start.max(old), end, amount.map(|amount| -amount));
        old
    }
}
