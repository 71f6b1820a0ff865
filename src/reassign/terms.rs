//! What an assignment costs, term by term, weights included.

use serde::Serialize;

/// The weighted terms of the cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Terms {
    /// Use above the safety capacity.
    pub load: i64,
    /// Proportions that are missed.
    pub balance: i64,
    /// Moved items.
    pub item_moves: i64,
    /// The service most of whose items are moved.
    pub service_moves: i64,
    /// Ways from machine to machine.
    pub machine_moves: i64,
    /// Machines that are on, and their use.
    #[serde(skip_serializing_if = "is_nothing")]
    pub power: i64,
    /// Use above the thresholds of tiers.
    #[serde(skip_serializing_if = "is_nothing")]
    pub tiers: i64,
}

/// What a problem does not know is not told.
fn is_nothing(cost: &i64) -> bool {
    *cost == 0
}

impl Terms {
    /// The whole cost.
    pub fn total(&self) -> i64 {
        let moves = self.item_moves + self.service_moves + self.machine_moves;
        self.load + self.balance + moves + self.power + self.tiers
    }
}
