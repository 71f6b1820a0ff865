//! Repair: where the start breaks rules, a search first looks for an assignment that keeps them
//! all.
//!
//! ```text
//! place(i) = the machine with the least (violations, cost) of those on which i may be
//! ```
//!
//! Suspects are the items without which there would be fewer violations. They are taken out, all at
//! once, and put back one by one, large ones first, where they do least harm. When that does not
//! help any more, the items of random machines are taken out with them. What has not more
//! violations than before is kept.
//!
//! Source: repair by ruin and recreate, as in `ruin`; that only the items involved are looked at is
//! the repair mode of BtrPlace.

use super::dice::Dice;
use super::reach::Reach;
use super::state::State;
use super::step::Shift;

/// Rounds after which a repair is given up.
const ROUNDS: usize = 300;

/// Machines that are looked at for an item, where more could be.
const LOOKS: usize = 4_000;

/// Random machines whose items are taken out when nothing else helps.
const MACHINES: usize = 3;

/// Brings `state` to an assignment that keeps all rules. Whether there are no violations left.
pub(super) fn repair(state: &mut State<'_>, reach: &Reach, dice: &mut Dice) -> bool {
    let mut wrong = state.wrong();
    let mut is_stuck = false;
    for _ in 0..ROUNDS {
        if wrong == 0 {
            break;
        }
        let origin = state.assignment().to_vec();
        let mut out = take_out_suspects(state);
        if is_stuck || out.is_empty() {
            take_out_machines(state, &mut out, dice);
        }
        let size =
            |&item: &u32| std::cmp::Reverse(state.instance().demand(item).iter().sum::<i64>());
        out.sort_by_key(size);
        if is_stuck && out.len() > 1 {
            let (a, b) = (dice.below(out.len()), dice.below(out.len()));
            out.swap(a, b);
        }
        out.iter().for_each(|&item| put_back(state, reach, dice, item));
        let now = state.wrong();
        is_stuck = now >= wrong;
        if now > wrong {
            state.become_like(&origin);
        } else {
            wrong = now;
        }
    }
    wrong == 0
}

/// Takes out one after the other the items whose absence helps.
fn take_out_suspects(state: &mut State<'_>) -> Vec<u32> {
    let nowhere = state.instance().nowhere();
    let mut out = Vec::new();
    for item in 0..state.assignment().len() as u32 {
        let shift = Shift { item, from: state.assignment()[item as usize], to: nowhere };
        if state.wrong_delta(shift) < 0 {
            let delta = state.shift_delta(shift);
            state.apply(shift, delta);
            out.push(item);
        }
    }
    out
}

fn take_out_machines(state: &mut State<'_>, out: &mut Vec<u32>, dice: &mut Dice) {
    let nowhere = state.instance().nowhere();
    for _ in 0..MACHINES {
        let Some(machine) = dice.one_of(state.open()) else { return };
        for item in state.on(machine).to_vec() {
            let shift = Shift { item, from: machine, to: nowhere };
            let delta = state.shift_delta(shift);
            state.apply(shift, delta);
            out.push(item);
        }
    }
}

/// Puts `item`, which is nowhere, where it does least harm at the least cost.
fn put_back(state: &mut State<'_>, reach: &Reach, dice: &mut Dice, item: u32) {
    let from = state.instance().nowhere();
    let machines = reach.machines(item);
    let looks = machines.len().min(LOOKS);
    let first = dice.below(machines.len());
    let price = |at: usize| {
        let shift = Shift { item, from, to: machines[(first + at) % machines.len()] };
        (state.wrong_delta(shift), state.shift_delta(shift), shift)
    };
    let best = (0..looks).map(price).min_by_key(|&(wrong, delta, shift)| (wrong, delta, shift.to));
    let (_, delta, shift) = best.expect("an item may be on its first machine at least");
    state.apply(shift, delta);
}
