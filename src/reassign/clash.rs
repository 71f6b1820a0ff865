//! Which rules clash? Where no assignment keeps all of them, a small set that already cannot be
//! kept.
//!
//! ```text
//! start with all rules; for each part of the list, halves first, single rules last:
//!     if what remains without the part is still proved impossible, leave the part out
//! ```
//!
//! Impossible is what a complete search does not find: items are placed one by one, those named by
//! rules first, on every machine on which they may be. No rule is broken less by one more item, so
//! that a branch ends where one is broken. The search gives up after so many steps; then nothing is
//! said. Capacities and conflicts hold throughout.
//!
//! Source: deletion filtering, Chinneck and Dravnieks, ORSA Journal on Computing 3(2), 1991; halves
//! first as in QuickXplain, Junker, AAAI 2004.

use super::instance::{Budgets, Instance};
use super::reach::Reach;
use super::state::State;
use super::step::Shift;

/// Steps of one search.
const STEPS: usize = 200_000;

/// Most items of a problem that is searched.
const ITEMS: usize = 4_000;

/// Rules that cannot be kept together, none of which can be left out; named as in messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// Places in the list of constraints.
    pub constraints: Vec<usize>,
    /// Whether the budgets take part.
    pub budgets: bool,
}

impl Clash {
    /// What clashes, in words.
    pub fn words(&self, instance: &Instance) -> String {
        let name = |&at: &usize| format!("constraint {at} ({})", instance.constraints[at].name());
        let mut names: Vec<String> = self.constraints.iter().map(name).collect();
        if self.budgets {
            names.push("the budgets".into());
        }
        if names.is_empty() {
            return "the items do not fit on the machines, whatever the rules".into();
        }
        format!("these cannot be kept together: {}", names.join(", "))
    }
}

/// Rules of `instance` that clash; none where that is not proved.
///
/// ```
/// use galerna::reassign::{Clash, Constraint, clash, generate};
///
/// let mut instance = generate::consolidation(4, 6, 0)?;
/// instance.constraints = vec![
///     Constraint::Spread { items: vec![0, 1] },
///     Constraint::Gather { items: vec![2, 3] },
///     Constraint::Gather { items: vec![0, 1] },
/// ];
/// assert_eq!(clash(&instance), Some(Clash { constraints: vec![0, 2], budgets: false }));
/// # Ok::<(), galerna::reassign::Error>(())
/// ```
pub fn clash(instance: &Instance) -> Option<Clash> {
    if !instance.can_be_ruined() {
        return None;
    }
    // The budgets count as one more rule, behind the others.
    let budgets = instance.constraints.len();
    let mut kept: Vec<usize> = (0..=budgets).collect();
    if !is_impossible(instance, &kept) {
        return None;
    }
    let mut size = kept.len().div_ceil(2);
    loop {
        let mut at = 0;
        while at < kept.len() {
            let end = (at + size).min(kept.len());
            let rest: Vec<usize> = kept[..at].iter().chain(&kept[end..]).copied().collect();
            if is_impossible(instance, &rest) {
                kept = rest;
            } else {
                at = end;
            }
        }
        if size == 1 {
            break;
        }
        size = size.div_ceil(2);
    }
    let has_budgets = kept.last() == Some(&budgets);
    kept.retain(|&at| at != budgets);
    Some(Clash { constraints: kept, budgets: has_budgets })
}

/// Whether it is proved that no assignment keeps the rules listed.
fn is_impossible(instance: &Instance, rules: &[usize]) -> bool {
    let mut part = instance.clone();
    let constraints = rules.iter().filter_map(|&at| instance.constraints.get(at));
    part.constraints = constraints.cloned().collect();
    if rules.last() != Some(&instance.constraints.len()) {
        part.budgets = Budgets::default();
    }
    let reach = Reach::of(&part);
    let mut state = State::as_it_is(&part);
    search(&mut state, &reach) == Some(false)
}

/// Brings `state` to an assignment that keeps all rules by a complete search, from nothing. Whether
/// there is one; none where that is not known after so many steps.
pub(super) fn search(state: &mut State<'_>, reach: &Reach) -> Option<bool> {
    let part = state.instance();
    if part.item_count() > ITEMS {
        return None;
    }
    for item in 0..part.item_count() as u32 {
        let from = state.assignment()[item as usize];
        let shift = Shift { item, from, to: part.nowhere() };
        let delta = state.shift_delta(shift);
        state.apply(shift, delta);
    }
    let mut named = vec![false; part.item_count()];
    let sets = part.constraints.iter().flat_map(|constraint| constraint.sets());
    sets.flatten().for_each(|&item| named[item as usize] = true);
    let mut order: Vec<u32> = (0..part.item_count() as u32).collect();
    order.sort_by_key(|&item| (!named[item as usize], reach.machines(item).len(), item));
    let mut steps = STEPS;
    place(state, reach, &order, &mut steps)
}

/// Places the items of `order`. Whether that is possible; none when the steps are used up.
fn place(state: &mut State<'_>, reach: &Reach, order: &[u32], steps: &mut usize) -> Option<bool> {
    let Some((&item, rest)) = order.split_first() else { return Some(true) };
    let instance = state.instance();
    let (from, home) = (instance.nowhere(), instance.start[item as usize]);
    let others = reach.machines(item).iter().copied().filter(|&machine| machine != home);
    for to in [home].into_iter().chain(others) {
        *steps = steps.checked_sub(1)?;
        let shift = Shift { item, from, to };
        if let Some(delta) = state.shift_within(shift, i64::MAX) {
            state.apply(shift, delta);
            let found = place(state, reach, rest, steps);
            if found == Some(true) {
                return found;
            }
            state.apply(shift.back(), -delta);
            found?;
        }
    }
    Some(false)
}
