//! The calendar against a plain list of bookings that answers by looking at every instant.

use super::*;
use crate::random::{Stream, below, stream};
use crate::time::{Instant, Span};

/// The first instant that the vector knows; before it nothing is booked, nor after its end.
const FIRST: i64 = -20;
const LENGTH: usize = 2000;

/// What is free at every instant, and all bookings.
#[derive(Clone)]
struct Naive {
    free: Vec<[i64; 2]>,
    bookings: Vec<(BookingId, i64, i64, [i64; 2])>,
}

impl Naive {
    fn new(capacity: [i64; 2]) -> Self {
        Self { free: vec![capacity; LENGTH], bookings: Vec::new() }
    }

    fn raise(&mut self, start: i64, end: i64, amount: [i64; 2]) {
        for time in start..end {
            let free = &mut self.free[(time - FIRST) as usize];
            *free = [free[0] + amount[0], free[1] + amount[1]];
        }
    }

    fn add(&mut self, (id, start, end, amount): (BookingId, i64, i64, [i64; 2])) {
        self.raise(start, end, amount.map(|amount| -amount));
        self.bookings.push((id, start, end, amount));
    }

    fn remove(&mut self, which: usize) -> (BookingId, i64, i64, [i64; 2]) {
        let booking = self.bookings.swap_remove(which);
        self.raise(booking.1, booking.2, booking.3);
        booking
    }

    fn at(&self, time: i64) -> [i64; 2] {
        self.free[(time - FIRST) as usize]
    }

    /// Instants at which availability changes, ascending.
    fn changes(&self) -> Vec<i64> {
        let times = FIRST + 1..FIRST + LENGTH as i64;
        times.filter(|&time| self.at(time) != self.at(time - 1)).collect()
    }

    fn min_during(&self, start: i64, duration: i64) -> [i64; 2] {
        let end = start + duration.max(1);
        (start..end)
            .map(|time| self.at(time))
            .fold([i64::MAX; 2], |a, b| [a[0].min(b[0]), a[1].min(b[1])])
    }

    fn earliest_start(&self, after: i64, duration: i64, need: [i64; 2]) -> Option<i64> {
        let mut since = None;
        for time in after..FIRST + LENGTH as i64 {
            let free = self.at(time);
            let enough = free[0] >= need[0] && free[1] >= need[1];
            since = since.or(Some(time)).filter(|_| enough);
            if since.is_some_and(|start| time - start + 1 >= duration.max(1)) {
                return since;
            }
        }
        None
    }
}

fn draw(stream: &mut Stream, from: i64, to: i64) -> i64 {
    from + below((to - from) as usize, stream) as i64
}

/// Asks both everything once.
fn compare(calendar: &Calendar<2>, naive: &Naive, random: &mut Stream) {
    let time = draw(random, -10, 1100);
    let duration = draw(random, 0, 300);
    let need = [draw(random, 0, 22), draw(random, 0, 12)];
    let (at, span) = (Instant(time), Span(duration));
    assert_eq!(calendar.at(at), naive.at(time));
    assert_eq!(calendar.min_during(at, span), naive.min_during(time, duration));
    let found = calendar.earliest_start(at, span, need).map(|start| start.0);
    assert_eq!(found, naive.earliest_start(time, duration, need), "{time} {duration} {need:?}");
    let lacks = |time: &i64| naive.at(*time)[0] < need[0] || naive.at(*time)[1] < need[1];
    let lack = (time..FIRST + LENGTH as i64).find(lacks);
    assert_eq!(calendar.free_until(at, need).map(|lack| lack.0), lack);
    let changes = naive.changes();
    let next = changes.iter().copied().find(|&change| change > time);
    assert_eq!(calendar.next_change(at).map(|change| change.0), next);
    let again = next.and_then(|next| naive.earliest_start(next, duration, need));
    assert_eq!(calendar.next_start(at, span, need).map(|start| start.0), again);
}

/// Changes both alike.
fn change(calendar: &mut Calendar<2>, naive: &mut Naive, random: &mut Stream, full: usize) {
    let choice = draw(random, 0, 10);
    if naive.bookings.len() < full && choice < 7 || naive.bookings.is_empty() {
        let start = draw(random, 0, 1000);
        let end = start + draw(random, 0, 200);
        let amount = [draw(random, 0, 9), draw(random, 0, 4)];
        let id = calendar.add(Instant(start), Instant(end), amount);
        naive.add((id, start, end, amount));
        return;
    }
    let which = below(naive.bookings.len(), random);
    if choice == 9 {
        let (id, start, _, amount) = naive.remove(which);
        let end = start + draw(random, 0, 250);
        naive.add((id, start, end, amount));
        calendar.extend(id, Instant(end));
    } else {
        let (id, ..) = naive.remove(which);
        calendar.remove(id);
    }
}

#[test]
fn every_answer_agrees_with_a_list_of_bookings() {
    for (seed, full) in [(1, 3), (2, 12), (3, 60), (4, 300), (5, 300)] {
        let random = &mut stream(seed, "calendar.fuzz");
        let mut calendar = Calendar::new([20, 10]);
        let mut naive = Naive::new([20, 10]);
        for _ in 0..1200 {
            change(&mut calendar, &mut naive, random, full);
            compare(&calendar, &naive, random);
        }
        let steps: Vec<i64> =
            calendar.steps().iter().skip(1).filter_map(|s| s.0).map(|t| t.0).collect();
        assert_eq!(steps, naive.changes(), "a step where nothing changes, or none where it does");
        for (id, ..) in std::mem::take(&mut naive.bookings) {
            calendar.remove(id);
        }
        assert_eq!(
            calendar.steps(),
            [(None, [20, 10])],
            "free capacity returns to its initial value"
        );
    }
}

#[test]
fn a_rollback_restores_every_step_and_every_name() {
    let random = &mut stream(6, "calendar.transactions");
    let mut calendar = Calendar::new([20, 10]);
    let mut naive = Naive::new([20, 10]);
    for round in 0..300 {
        let (before, steps) = (naive.clone(), calendar.steps());
        let outer = calendar.mark();
        for _ in 0..draw(random, 0, 12) {
            change(&mut calendar, &mut naive, random, 80);
        }
        let (middle, inner) = (naive.clone(), calendar.mark());
        for _ in 0..draw(random, 0, 12) {
            change(&mut calendar, &mut naive, random, 80);
        }
        calendar.rollback(inner);
        naive = middle;
        compare(&calendar, &naive, random);
        if round % 3 == 0 {
            calendar.rollback(outer);
            assert_eq!(calendar.steps(), steps);
            naive = before;
        }
        compare(&calendar, &naive, random);
        calendar.commit();
    }
}

#[test]
fn a_booking_that_does_not_fit_is_refused_and_changes_nothing() {
    let mut calendar = Calendar::new([4, 100]);
    let at = Instant;
    calendar.try_add(at(10), at(20), [3, 10]).expect("all is free");
    let refused = calendar.try_add(at(0), at(11), [2, 10]);
    assert_eq!(refused, Err(Overbooked { resource: 0, free: 1, wanted: 2 }));
    assert_eq!(calendar.steps().len(), 3);
    calendar.try_add(at(0), at(10), [2, 10]).expect("it ends where the other begins");
}

#[test]
fn a_need_above_the_capacity_never_starts() {
    let mut calendar = Calendar::new([4]);
    calendar.add(Instant(0), Instant(10), [4]);
    assert_eq!(calendar.earliest_start(Instant(0), Span(5), [5]), None);
    assert_eq!(calendar.earliest_start(Instant(0), Span(i64::MAX), [4]), Some(Instant(10)));
}
