//! How good a planner's plan of a step is, as it says itself.

/// One row of `decisions`: how good the plan of a step is. Only where a planner says so.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct DecisionRecord {
    /// Sample index in the trace.
    pub sample: u32,
    /// Time by the run's clock, seconds.
    pub seconds: f64,
    /// Cost if nothing moved, J.
    pub before_j: f64,
    /// Cost of the plan, J.
    pub cost_j: f64,
    /// No plan costs less, J.
    pub bound_j: f64,
    /// Possible moves priced.
    pub steps: u64,
    /// Migrations planned.
    pub migrations: u32,
}

impl DecisionRecord {
    /// How far the plan is from the best at most: its distance to the bound over its cost, 0 of a
    /// plan that costs nothing.
    pub fn gap(&self) -> f64 {
        if self.cost_j > 0.0 { (self.cost_j - self.bound_j) / self.cost_j } else { 0.0 }
    }
}
