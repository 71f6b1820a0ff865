//! Displacement: an item takes the place of another, which goes elsewhere, half of the time home.
//!
//! Where a machine is full, nothing comes unless something leaves. Done one after the other, the
//! first half costs without a gain, and a cool search refuses it. Of transient resources, whoever
//! leaves for home frees room for a newcomer and needs none there.
//!
//! Source: ejection chains, Glover, Discrete Applied Mathematics 65(1-3), 1996; here of length two.

use super::dice::Dice;
use super::reach::Reach;
use super::region::Region;
use super::state::State;
use super::step::Shift;

/// Two shifts that are carried out together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Displacement {
    /// Who comes.
    pub(super) come: Shift,
    /// Who goes, from where the other comes.
    pub(super) go: Shift,
}

impl Displacement {
    /// One of three different machines, if the draws lead to such.
    pub(super) fn draw(
        state: &State<'_>,
        region: &Region,
        reach: &Reach,
        dice: &mut Dice,
    ) -> Option<Self> {
        let item = region.item(dice);
        let from = state.assignment()[item as usize];
        let at = region.machine_for(item, reach, dice)?;
        let other = dice.one_of(state.on(at))?;
        let home = state.instance().start[other as usize];
        let to = if home != at && dice.below(2) == 0 {
            home
        } else {
            region.machine_for(other, reach, dice)?
        };
        let three = at != from && to != at && to != from;
        let come = Shift { item, from, to: at };
        let go = Shift { item: other, from: at, to };
        (three && region.has(to)).then_some(Self { come, go })
    }

    /// Carries it out if the rules allow it and it costs at most `limit` more.
    pub(super) fn carry_out(self, state: &mut State<'_>, limit: i64) -> bool {
        let Self { come, go } = self;
        if !state.fits_displacement(come, go) {
            return false;
        }
        let violations = state.violations();
        let gone = state.shift_delta(go);
        state.apply(go, gone);
        let came = state.shift_delta(come);
        state.apply(come, came);
        let holds = state.violations() <= violations;
        if gone + came <= limit && holds && state.holds_after(go) && state.holds_after(come) {
            return true;
        }
        state.apply(come.back(), -came);
        state.apply(go.back(), -gone);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reassign::roadef;

    #[test]
    fn a_displacement_is_carried_out_whole_or_not_at_all() {
        // Room for one item on each of three machines; where the second item is, more is safe.
        let model = "1  0 10  3  0 0 3 0 0 0 0  0 1 3 3 0 0 0  0 2 3 0 0 0 0  \
                     2  0 0 0 0  2  0 3 1  1 2 1  0  1 0 1";
        let start = (&b"0 1"[..], "start");
        let instance = roadef::parse((model.as_bytes(), "model"), start).expect("it is right");
        let mut state = State::at_start(&instance).expect("it keeps all rules");
        let come = Shift { item: 0, from: 0, to: 1 };
        let go = Shift { item: 1, from: 1, to: 2 };
        // 30 less for the first item, 20 more for the second, and two moves.
        assert_eq!(state.cost(), 30);
        assert!(!Displacement { come, go }.carry_out(&mut state, -9));
        assert_eq!((state.assignment(), state.cost()), (&[0, 1][..], 30));
        assert!(Displacement { come, go }.carry_out(&mut state, -8));
        assert_eq!((state.assignment(), state.cost()), (&[1, 2][..], 22));
        assert_eq!(state.terms().total(), 22);
    }
}
