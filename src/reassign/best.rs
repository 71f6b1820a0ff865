//! The best assignment met so far, kept at a cost in proportion to what has changed since.

/// The best of a search.
#[derive(Debug, Clone)]
pub(super) struct Best {
    cost: i64,
    machines: Vec<u32>,
    /// Items that may lie elsewhere in the present assignment.
    changed: Vec<u32>,
    is_changed: Vec<bool>,
}

impl Best {
    pub(super) fn new(cost: i64, machines: &[u32]) -> Self {
        let items = machines.len();
        Self {
            cost,
            machines: machines.to_vec(),
            changed: Vec::with_capacity(items),
            is_changed: vec![false; items],
        }
    }

    pub(super) fn cost(&self) -> i64 {
        self.cost
    }

    pub(super) fn machines(&self) -> &[u32] {
        &self.machines
    }

    /// Notes that `item` has moved.
    #[inline]
    pub(super) fn touch(&mut self, item: u32) {
        if !std::mem::replace(&mut self.is_changed[item as usize], true) {
            self.changed.push(item);
        }
    }

    /// Takes over the present assignment if it is cheaper.
    #[inline]
    pub(super) fn offer(&mut self, cost: i64, machines: &[u32]) {
        if cost < self.cost {
            self.cost = cost;
            for item in self.changed.drain(..) {
                self.machines[item as usize] = machines[item as usize];
                self.is_changed[item as usize] = false;
            }
        }
    }
}
