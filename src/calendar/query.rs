//! Questions to the tree: each descends along at most two paths.

use super::tree::{Amounts, BEGINNING, NEVER, Subtree, Tree};

/// Whether `free` lacks some of `need`.
pub(super) fn lacks<const K: usize>(free: Amounts<K>, need: Amounts<K>) -> bool {
    (0..K).any(|k| free[k] < need[k])
}

fn minus<const K: usize>(a: Amounts<K>, b: Amounts<K>) -> Amounts<K> {
    std::array::from_fn(|k| a[k] - b[k])
}

fn column<const K: usize, const N: usize>(rows: &[[i64; N]; K], at: usize) -> Amounts<K> {
    std::array::from_fn(|k| rows[k][at])
}

impl<const K: usize> Tree<K> {
    /// What is free at `time`.
    pub fn at(&self, time: i64) -> Amounts<K> {
        let Subtree { mut node, height } = self.root;
        let mut sum = [0; K];
        for _ in 0..height {
            let inner = &self.inners[node as usize];
            let at = inner.position(time);
            for (k, sum) in sum.iter_mut().enumerate() {
                *sum += inner.add[k][at];
            }
            node = inner.child[at];
        }
        let leaf = &self.leaves[node as usize];
        let step = leaf.position(time);
        std::array::from_fn(|k| sum[k] + leaf.free[k][step])
    }

    /// The first step after `time`, or [`NEVER`].
    pub fn next_step(&self, time: i64) -> i64 {
        let Subtree { mut node, height } = self.root;
        let mut later = NEVER;
        for _ in 0..height {
            let inner = &self.inners[node as usize];
            let at = inner.position(time);
            if at + 1 < inner.len {
                later = inner.first[at + 1];
            }
            node = inner.child[at];
        }
        let leaf = &self.leaves[node as usize];
        let next = leaf.position(time) + 1;
        if next < leaf.len { leaf.times[next] } else { later }
    }

    /// The least that is free of each resource in `[from, until)`, with `from < until`.
    pub fn least(&self, from: i64, until: i64) -> Amounts<K> {
        self.least_below(self.root, from, until)
    }

    fn least_below(&self, tree: Subtree, from: i64, until: i64) -> Amounts<K> {
        let mut least = [NEVER; K];
        if tree.height == 0 {
            let leaf = &self.leaves[tree.node as usize];
            let start = leaf.times[..leaf.len].partition_point(|&t| t <= from).saturating_sub(1);
            let end = start + leaf.times[start..leaf.len].partition_point(|&t| t < until);
            for (least, row) in least.iter_mut().zip(&leaf.free) {
                *least = row[start..end].iter().copied().fold(NEVER, i64::min);
            }
            return least;
        }
        let inner = &self.inners[tree.node as usize];
        let start = inner.first[..inner.len].partition_point(|&t| t <= from).saturating_sub(1);
        let end = start + inner.first[start..inner.len].partition_point(|&t| t < until);
        for at in start..end {
            // A child whose start lies before `from` or whose end lies after `until` is visited.
            let whole = inner.first[at] >= from && at + 1 < end;
            let below = if whole {
                column(&inner.least, at)
            } else {
                let child = Subtree { node: inner.child[at], height: tree.height - 1 };
                let below = self.least_below(child, from, until);
                std::array::from_fn(|k| below[k] + inner.add[k][at])
            };
            least = std::array::from_fn(|k| least[k].min(below[k]));
        }
        least
    }

    /// The end of the last step in `[from, until)` that lacks some of `need`, if there is one.
    pub fn last_lack(&self, from: i64, until: i64, need: Amounts<K>) -> Option<i64> {
        self.last_lack_below(self.root, (from, until), need, NEVER)
    }

    fn last_lack_below(
        &self,
        tree: Subtree,
        (from, until): (i64, i64),
        need: Amounts<K>,
        end: i64,
    ) -> Option<i64> {
        if tree.height == 0 {
            let leaf = &self.leaves[tree.node as usize];
            let start = leaf.times[..leaf.len].partition_point(|&t| t <= from).saturating_sub(1);
            let stop = start + leaf.times[start..leaf.len].partition_point(|&t| t < until);
            let last = (start..stop).rev().find(|&step| lacks(leaf.at(step), need))?;
            return Some(if last + 1 < leaf.len { leaf.times[last + 1] } else { end });
        }
        let inner = &self.inners[tree.node as usize];
        let start = inner.first[..inner.len].partition_point(|&t| t <= from).saturating_sub(1);
        let stop = start + inner.first[start..inner.len].partition_point(|&t| t < until);
        for at in (start..stop).rev() {
            if !lacks(column(&inner.least, at), need) {
                continue;
            }
            let child = Subtree { node: inner.child[at], height: tree.height - 1 };
            let need = minus(need, inner.added(at));
            let end = if at + 1 < inner.len { inner.first[at + 1] } else { end };
            let found = self.last_lack_below(child, (from, until), need, end);
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// The first instant from `from` on at which nothing of `need` is lacking.
    pub fn first_enough(&self, from: i64, need: Amounts<K>) -> Option<i64> {
        self.first_enough_below(self.root, from, need)
    }

    fn first_enough_below(&self, tree: Subtree, from: i64, need: Amounts<K>) -> Option<i64> {
        if tree.height == 0 {
            let leaf = &self.leaves[tree.node as usize];
            let start = leaf.times[..leaf.len].partition_point(|&t| t <= from).saturating_sub(1);
            let step = (start..leaf.len).find(|&step| !lacks(leaf.at(step), need))?;
            return Some(leaf.times[step].max(from));
        }
        let inner = &self.inners[tree.node as usize];
        let start = inner.first[..inner.len].partition_point(|&t| t <= from).saturating_sub(1);
        (start..inner.len).find_map(|at| {
            if lacks(column(&inner.most, at), need) {
                return None;
            }
            let child = Subtree { node: inner.child[at], height: tree.height - 1 };
            self.first_enough_below(child, from, minus(need, inner.added(at)))
        })
    }

    /// The first instant from `from` on at which some of `need` is lacking.
    pub fn first_lack(&self, from: i64, need: Amounts<K>) -> Option<i64> {
        self.first_lack_below(self.root, from, need)
    }

    fn first_lack_below(&self, tree: Subtree, from: i64, need: Amounts<K>) -> Option<i64> {
        if tree.height == 0 {
            let leaf = &self.leaves[tree.node as usize];
            let start = leaf.times[..leaf.len].partition_point(|&t| t <= from).saturating_sub(1);
            let step = (start..leaf.len).find(|&step| lacks(leaf.at(step), need))?;
            return Some(leaf.times[step].max(from));
        }
        let inner = &self.inners[tree.node as usize];
        let start = inner.first[..inner.len].partition_point(|&t| t <= from).saturating_sub(1);
        (start..inner.len).find_map(|at| {
            if !lacks(column(&inner.least, at), need) {
                return None;
            }
            let child = Subtree { node: inner.child[at], height: tree.height - 1 };
            self.first_lack_below(child, from, minus(need, inner.added(at)))
        })
    }

    /// The first instant from `after` on from which `need` is free for `duration` without a break.
    pub fn earliest(&self, after: i64, duration: i64, need: Amounts<K>) -> Option<i64> {
        let mut start = after;
        loop {
            let until = start.saturating_add(duration.max(1));
            match self.last_lack(start, until, need) {
                None => return Some(start),
                Some(NEVER) => return None,
                Some(end) => start = self.first_enough(end, need)?,
            }
        }
    }

    /// Every step, in order of time.
    pub fn steps(&self) -> Vec<(i64, Amounts<K>)> {
        let mut steps = Vec::new();
        let mut time = BEGINNING;
        loop {
            steps.push((time, self.at(time)));
            time = self.next_step(time);
            if time == NEVER {
                return steps;
            }
        }
    }
}
