//! What a host offers a VM, as numbers of which each must be at least what is asked.

use super::tournament::Summary;
use crate::model::{RESOURCES, Resources};
use crate::place::Room;

/// Resources left, rate of a core, whether it is awake.
const QUESTIONS: usize = RESOURCES + 2;

/// What a host offers, the most that any of several hosts offers, or what a VM asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Offer([f64; QUESTIONS]);

impl Offer {
    /// What a host with this room offers; it is awake if it has VMs.
    #[inline]
    pub fn of(room: &Room) -> Self {
        Self::with(&room.free, room.core, room.vms > 0)
    }

    /// What a host offers that has this left and cores of `core` MIPS.
    #[inline]
    pub fn with(free: &Resources, core: f64, awake: bool) -> Self {
        let [cpu, ram, disk, net] = free.as_array();
        Self([cpu, ram, disk, net, core, f64::from(u8::from(awake))])
    }

    /// What a VM asks for that takes `needs`, `per_core` MIPS of them with each of its cores; of
    /// hosts with VMs only if `awake`.
    pub fn asked(needs: &Resources, per_core: f64, awake: bool) -> Self {
        Self::with(needs, per_core, awake)
    }

    /// Whether it is at least `asked` in everything.
    #[inline]
    pub fn covers(&self, asked: &Self) -> bool {
        self.0.iter().zip(&asked.0).fold(true, |all, (offered, asked)| all & (offered >= asked))
    }
}

impl Summary for Offer {
    /// Less than anyone asks for.
    const NONE: Self = Self([f64::NEG_INFINITY; QUESTIONS]);

    /// The most of each.
    #[inline]
    fn join(&self, other: &Self) -> Self {
        let mut most = self.0;
        most.iter_mut().zip(&other.0).for_each(|(most, other)| *most = most.max(*other));
        Self(most)
    }
}
