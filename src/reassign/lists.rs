//! Lists of numbers, one per row, in one column.

use serde::{Serialize, Serializer};

/// Rows of different lengths, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lists {
    ends: Vec<u32>,
    values: Vec<u32>,
}

impl Default for Lists {
    fn default() -> Self {
        Self { ends: vec![0], values: Vec::new() }
    }
}

impl Lists {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.ends.len() - 1
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether all rows are empty.
    pub fn has_no_values(&self) -> bool {
        self.values.is_empty()
    }

    /// Adds a row.
    pub fn push(&mut self, row: impl IntoIterator<Item = u32>) {
        self.values.extend(row);
        self.ends.push(self.values.len() as u32);
    }

    /// Row `at`.
    #[inline]
    pub fn row(&self, at: u32) -> &[u32] {
        let at = at as usize;
        &self.values[self.ends[at] as usize..self.ends[at + 1] as usize]
    }

    /// The lists seen from their values: row `v` of the result names the rows that hold `v`.
    pub fn inverted(&self) -> Self {
        let mut holders = vec![Vec::new(); self.len()];
        for at in 0..self.len() as u32 {
            self.row(at).iter().for_each(|&value| holders[value as usize].push(at));
        }
        holders.into_iter().collect()
    }
}

/// Written as a list of lists.
impl Serialize for Lists {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((0..self.len() as u32).map(|at| self.row(at)))
    }
}

impl FromIterator<Vec<u32>> for Lists {
    fn from_iter<T: IntoIterator<Item = Vec<u32>>>(rows: T) -> Self {
        let mut lists = Self::default();
        rows.into_iter().for_each(|row| lists.push(row));
        lists
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_depends_on_whom_turns_into_on_whom_depends_who() {
        let lists = Lists::from_iter([vec![1, 2], vec![], vec![0, 1]]);
        let inverted = lists.inverted();
        assert_eq!([0, 1, 2].map(|at| inverted.row(at)), [&[2][..], &[0, 2], &[0]]);
    }
}
