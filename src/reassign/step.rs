//! The smallest changes of an assignment, and what a rule and a cost must be able to say of them.

use super::instance::Instance;

/// One item goes to another machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shift {
    /// Who.
    pub item: u32,
    /// The machine where it is.
    pub from: u32,
    /// Another machine.
    pub to: u32,
}

impl Shift {
    /// The shift that undoes this one.
    #[must_use]
    pub fn back(self) -> Self {
        Self { item: self.item, from: self.to, to: self.from }
    }

    /// Whether the item is away from its first machine: before and after the shift.
    #[inline]
    pub(super) fn away(self, instance: &Instance) -> (bool, bool) {
        let home = instance.start[self.item as usize];
        (self.from != home, self.to != home)
    }
}

/// Two items on two machines change places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swap {
    /// An item.
    pub first: u32,
    /// The machine where it is.
    pub first_on: u32,
    /// An item on another machine.
    pub second: u32,
    /// That machine.
    pub second_on: u32,
}

impl Swap {
    /// The swap as two shifts.
    #[inline]
    pub fn shifts(self) -> [Shift; 2] {
        let Self { first, first_on, second, second_on } = self;
        [
            Shift { item: first, from: first_on, to: second_on },
            Shift { item: second, from: second_on, to: first_on },
        ]
    }
}

/// What an assignment must keep.
pub(super) trait Rule {
    /// Whether it holds after `shift`, given that it holds now.
    fn allows_shift(&self, instance: &Instance, shift: Shift) -> bool;

    /// Whether it holds after `swap`, given that it holds now.
    fn allows_swap(&self, instance: &Instance, swap: Swap) -> bool;

    /// Carries `shift` out, allowed or not.
    fn apply(&mut self, instance: &Instance, shift: Shift);

    /// Whether it holds at all that `shift`, already carried out, has touched.
    fn holds_after(&self, instance: &Instance, shift: Shift) -> bool;

    /// Everything that breaks it now, in words.
    fn breaches(&self, instance: &Instance) -> Vec<String>;
}

/// What an assignment pays for.
pub(super) trait Cost {
    /// By how much the cost would change.
    fn shift_delta(&self, instance: &Instance, shift: Shift) -> i64;

    /// By how much the cost would change.
    fn swap_delta(&self, instance: &Instance, swap: Swap) -> i64;

    /// Carries `shift` out.
    fn apply(&mut self, instance: &Instance, shift: Shift);

    /// The cost now.
    fn total(&self, instance: &Instance) -> i64;
}
