//! Counters of things in places, and what one or two shifts would do to a few of them.

use super::super::step::Shift;

/// Net changes of cells: of two shifts, at most four cells of one table change.
#[derive(Debug, Clone, Copy)]
pub(super) struct Net {
    cells: [(usize, i64); 4],
    len: usize,
}

impl Net {
    pub(super) fn new() -> Self {
        Self { cells: [(0, 0); 4], len: 0 }
    }

    /// Adds `by` to `cell`.
    pub(super) fn add(&mut self, cell: usize, by: i64) {
        let known = &mut self.cells[..self.len];
        if let Some((_, sum)) = known.iter_mut().find(|(known, _)| *known == cell) {
            *sum += by;
            return;
        }
        self.cells[self.len] = (cell, by);
        self.len += 1;
    }

    /// Takes `amount` from one machine of the shift to the other, in a row of one cell per machine
    /// that begins at `row`; nowhere has no cell.
    pub(super) fn carry(&mut self, row: usize, machines: usize, shift: Shift, amount: i64) {
        for (machine, by) in [(shift.from, -amount), (shift.to, amount)] {
            if (machine as usize) < machines {
                self.add(row + machine as usize, by);
            }
        }
    }

    /// Cells and by how much each changes.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, i64)> + '_ {
        self.cells[..self.len].iter().copied()
    }

    /// By how much `cell` changes.
    pub(super) fn of(&self, cell: usize) -> i64 {
        self.iter().find(|&(known, _)| known == cell).map_or(0, |(_, by)| by)
    }
}

/// A table of counters.
#[derive(Debug, Clone)]
pub(super) struct Cells(pub(super) Vec<i64>);

impl Cells {
    pub(super) fn new(len: usize) -> Self {
        Self(vec![0; len])
    }

    /// By how much the sum of `value` over all cells changes.
    pub(super) fn change(&self, net: &Net, value: impl Fn(i64) -> i64) -> i64 {
        net.iter().map(|(cell, by)| value(self.0[cell] + by) - value(self.0[cell])).sum()
    }

    pub(super) fn apply(&mut self, net: &Net) {
        net.iter().for_each(|(cell, by)| self.0[cell] += by);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_one_cell_add_up() {
        let mut net = Net::new();
        for (cell, by) in [(3, 1), (1, 1), (3, -1), (2, -1)] {
            net.add(cell, by);
        }
        assert_eq!(net.iter().collect::<Vec<_>>(), [(3, 0), (1, 1), (2, -1)]);
        assert_eq!((net.of(1), net.of(9)), (1, 0));
        let cells = Cells(vec![0, 1, 2, 3]);
        assert_eq!(cells.change(&net, |n| (n - 1).max(0)), 1 - 1);
    }
}
