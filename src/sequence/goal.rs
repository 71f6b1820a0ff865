//! What is a plan to be best at?
//!
//! | goal | value |
//! |---|---|
//! | makespan | when the last move is over, s |
//! | sum of ends | the sum of the times at which moves are over, s |
//! | downtime | how long VMs are stopped in all, s |
//! | bytes | what is sent |
//! | energy | what all moves take, J |
//!
//! The first two depend on the order of moves. The others depend only on which moves there are: on
//! how circles are broken, since a detour moves a VM twice and a suspended one is stopped. Among
//! plans that are as good by the goal the shorter one is taken; missed deadlines come before all.

use super::Move;

/// What a plan is to be best at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Goal {
    /// The time until the last move is over.
    #[default]
    Makespan,
    /// The sum of the times at which moves are over.
    SumOfEnds,
    /// The time that VMs are stopped.
    Downtime,
    /// Bytes sent.
    Bytes,
    /// Energy of all moves.
    Energy,
}

impl Goal {
    /// Every goal with its name.
    pub const ALL: [(&'static str, Self); 5] = [
        ("makespan", Self::Makespan),
        ("sum-of-ends", Self::SumOfEnds),
        ("downtime", Self::Downtime),
        ("bytes", Self::Bytes),
        ("energy", Self::Energy),
    ];

    /// The goal called `name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(other, _)| *other == name).map(|&(_, goal)| goal)
    }

    /// What `one` adds to the value, whenever it goes; `None` where that depends on the time.
    pub fn amount(self, one: &Move) -> Option<f64> {
        match self {
            Self::Makespan | Self::SumOfEnds => None,
            Self::Downtime => Some(one.downtime_s),
            Self::Bytes => Some(one.bytes),
            Self::Energy => Some(one.energy_j),
        }
    }

    /// Whether the value follows from the moves alone.
    pub fn is_timeless(self) -> bool {
        !matches!(self, Self::Makespan | Self::SumOfEnds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::HostId;
    use crate::units::Bytes;

    #[test]
    fn every_goal_has_its_name_and_its_amount() {
        let one = Move::new("v".into(), HostId(0), HostId(1), Bytes(7), 5.0);
        let one = Move { downtime_s: 0.5, energy_j: 9.0, ..one };
        let amounts = Goal::ALL.map(|(name, goal)| {
            assert_eq!(Goal::named(name), Some(goal));
            assert_eq!(goal.is_timeless(), goal.amount(&one).is_some());
            goal.amount(&one)
        });
        assert_eq!(amounts, [None, None, Some(0.5), Some(7.0), Some(9.0)]);
        assert_eq!(Goal::named("duration"), None);
    }
}
