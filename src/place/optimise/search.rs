//! Which assignment costs least? A descent: hosts are relieved by their best single moves, then
//! emptied as a whole, until nothing pays or the budget of steps is used up.
//!
//! Steps are possible moves priced, not seconds: the same bytes come out on any machine.

use super::state::{NOWHERE, State};

/// What must be gained at least, J: less is rounding.
const LEAST: f64 = 1e-3;

/// The best place for an item.
#[derive(Debug, Clone, Copy)]
struct Best {
    item: usize,
    to: usize,
    gain: f64,
}

/// Improves `state` until nothing pays or it has taken `budget` steps.
pub fn improve(state: &mut State<'_>, budget: u64) {
    state.budget = budget;
    let mut destinations = Vec::new();
    loop {
        let mut better = relieve(state, &mut destinations);
        better |= empty_hosts(state, &mut destinations);
        if !better || state.is_spent() {
            return;
        }
    }
}

/// Puts every item that is nowhere where it costs least; says which fit nowhere.
pub fn insert(state: &mut State<'_>, order: &[usize]) -> Vec<usize> {
    let (mut destinations, mut left) = (Vec::new(), Vec::new());
    for &item in order {
        state.destinations(&mut destinations);
        match best_place(state, item, &destinations, NOWHERE) {
            Some(best) => state.shift(item, best.to),
            None => left.push(item),
        }
    }
    left
}

/// The slot of `destinations` but `without` where item `i` adds least.
fn best_place(
    state: &mut State<'_>,
    item: usize,
    destinations: &[usize],
    without: usize,
) -> Option<Best> {
    let mut best: Option<Best> = None;
    for &to in destinations {
        if state.is_spent() {
            break;
        }
        if to == state.at[item] || to == without || !state.fits(item, to) {
            continue;
        }
        let gain = -state.arriving(item, to);
        if best.is_none_or(|known| gain > known.gain) {
            best = Some(Best { item, to, gain });
        }
    }
    best
}

/// Makes the best single move of each host in turn while it pays.
fn relieve(state: &mut State<'_>, destinations: &mut Vec<usize>) -> bool {
    let mut better = false;
    for from in state.used().to_vec() {
        loop {
            if state.is_spent() {
                return better;
            }
            let mut best: Option<Best> = None;
            for item in state.lists[from].clone() {
                state.destinations(destinations);
                destinations.extend(state.items[item].home.filter(|&home| home != from));
                let leaving = state.leaving(item);
                let found = best_place(state, item, destinations, NOWHERE);
                let found = found.map(|found| Best { gain: found.gain - leaving, ..found });
                if let Some(found) = found.filter(|f| best.is_none_or(|b| f.gain > b.gain)) {
                    best = Some(found);
                }
            }
            match best {
                Some(Best { item, to, gain }) if gain > LEAST => state.shift(item, to),
                _ => break,
            }
            better = true;
        }
    }
    better
}

/// Empties each host that it pays to empty, those with the least on them first.
fn empty_hosts(state: &mut State<'_>, destinations: &mut Vec<usize>) -> bool {
    let mut hosts: Vec<usize> = state.used().to_vec();
    hosts.retain(|&s| state.slots[s].pinned == 0);
    hosts.sort_by(|&a, &b| {
        let tolls = |s: usize| state.lists[s].iter().map(|&i| state.items[i].needs.ram).sum();
        let (a, b): (f64, f64) = (tolls(a), tolls(b));
        a.total_cmp(&b)
    });
    let mut better = false;
    for host in hosts {
        if state.is_spent() {
            return better;
        }
        better |= empty(state, host, destinations);
    }
    better
}

/// Empties `host` if that pays; else everything is as before.
fn empty(state: &mut State<'_>, host: usize, destinations: &mut Vec<usize>) -> bool {
    let mut items = state.lists[host].clone();
    let (cpu, ram) = {
        let slots = &state.slots[host];
        let total: f64 = items.iter().map(|&i| state.items[i].needs.ram).sum();
        (state.prices.capacity(slots.kind), total.max(1.0))
    };
    let size = |i: usize| {
        let item = &state.items[i];
        item.mean / cpu + item.needs.ram / ram
    };
    items.sort_by(|&a, &b| size(b).total_cmp(&size(a)).then(a.cmp(&b)));
    let mut change = 0.0;
    let mut done = Vec::with_capacity(items.len());
    let mut possible = true;
    for &item in &items {
        state.destinations(destinations);
        let Some(best) = best_place(state, item, destinations, host) else {
            possible = false;
            break;
        };
        change += state.leaving(item) - best.gain;
        state.shift(item, best.to);
        done.push(item);
    }
    if possible && change < -LEAST {
        return true;
    }
    done.into_iter().rev().for_each(|item| state.shift(item, host));
    false
}
