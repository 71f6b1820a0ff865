//! Changes to the tree: amounts added over an interval, steps that appear and vanish.

use super::tree::{Amounts, BEGINNING, FAN, Inner, LEAF, Leaf, NEVER, Subtree, Tree};

/// A node that was split off: the time of its first step, and the node.
type Sibling = Option<(i64, u32)>;

impl<const K: usize> Tree<K> {
    /// Adds `amount` (which may be negative) to what is free in `[from, until)`.
    pub fn raise(&mut self, from: i64, until: i64, amount: Amounts<K>) {
        if from >= until || amount == [0; K] {
            return;
        }
        // Where there was no step before there is a change now.
        let old_from = !self.ensure_step(from);
        let old_until = until != NEVER && !self.ensure_step(until);
        self.raise_below(self.root, from, until, amount);
        if old_from {
            self.drop_if_flat(from);
        }
        if old_until {
            self.drop_if_flat(until);
        }
    }

    /// Raises the steps of `tree` in `[from, until)`; both are steps or beyond the tree.
    fn raise_below(&mut self, tree: Subtree, from: i64, until: i64, amount: Amounts<K>) {
        if tree.height == 0 {
            let leaf = &mut self.leaves[tree.node as usize];
            let start = leaf.times[..leaf.len].partition_point(|&t| t < from);
            let end = leaf.times[..leaf.len].partition_point(|&t| t < until);
            for (row, amount) in leaf.free.iter_mut().zip(amount) {
                row[start..end].iter_mut().for_each(|value| *value += amount);
            }
            return;
        }
        let inner = &self.inners[tree.node as usize];
        let start = inner.first[..inner.len].partition_point(|&t| t <= from).saturating_sub(1);
        let end = start + inner.first[start..inner.len].partition_point(|&t| t < until);
        for at in start..end {
            let inner = &mut self.inners[tree.node as usize];
            let whole = inner.first[at] >= from && at + 1 < end;
            if whole {
                inner.raise(at, amount);
                continue;
            }
            let child = Subtree { node: inner.child[at], height: tree.height - 1 };
            self.raise_below(child, from, until, amount);
            self.refresh(tree.node, tree.height, at);
        }
    }

    /// Makes a step at `time` where there is none, and says whether it did; what is free does not
    /// change.
    fn ensure_step(&mut self, time: i64) -> bool {
        let (inserted, split) = self.ensure_below(self.root, time);
        if let Some((first, sibling)) = split {
            self.grow(first, sibling);
        }
        inserted
    }

    /// Puts a new root over the old one and what was split off it.
    fn grow(&mut self, first: i64, sibling: u32) {
        let old = self.root;
        let node = self.new_inner();
        let height = old.height + 1;
        self.inners[node as usize].insert(0, BEGINNING, old.node);
        self.inners[node as usize].insert(1, first, sibling);
        self.refresh(node, height, 0);
        self.refresh(node, height, 1);
        self.root = Subtree { node, height };
    }

    fn ensure_below(&mut self, tree: Subtree, time: i64) -> (bool, Sibling) {
        if tree.height == 0 {
            return self.ensure_in_leaf(tree.node, time);
        }
        let inner = &self.inners[tree.node as usize];
        let at = inner.position(time);
        let child = Subtree { node: inner.child[at], height: tree.height - 1 };
        let (inserted, split) = self.ensure_below(child, time);
        let split = split.and_then(|(first, sibling)| self.adopt(tree, at, first, sibling));
        (inserted, split)
    }

    /// Takes in `sibling`, split off child `at`, and splits if there is no room for it.
    fn adopt(&mut self, tree: Subtree, at: usize, first: i64, sibling: u32) -> Sibling {
        let mut parts = (tree.node, at);
        let mut split = None;
        if self.inners[tree.node as usize].len == FAN {
            let other = self.new_inner();
            let mut moved = Inner::empty();
            self.inners[tree.node as usize].pour(FAN / 2, &mut moved, [0; K]);
            split = Some((moved.first[0], other));
            self.inners[other as usize] = moved;
            if at >= FAN / 2 {
                parts = (other, at - FAN / 2);
            }
        }
        let (node, at) = parts;
        let inner = &mut self.inners[node as usize];
        let added = inner.added(at);
        inner.insert(at + 1, first, sibling);
        for (k, added) in added.into_iter().enumerate() {
            inner.add[k][at + 1] = added;
        }
        self.refresh(node, tree.height, at);
        self.refresh(node, tree.height, at + 1);
        split
    }

    fn ensure_in_leaf(&mut self, node: u32, time: i64) -> (bool, Sibling) {
        let leaf = &mut self.leaves[node as usize];
        let step = leaf.position(time);
        if leaf.times[step] == time {
            return (false, None);
        }
        let free = leaf.at(step);
        if leaf.len < LEAF {
            leaf.insert(step + 1, time, free);
            return (true, None);
        }
        let mut moved = Leaf::empty();
        leaf.pour(LEAF / 2, &mut moved, [0; K]);
        if step >= LEAF / 2 {
            moved.insert(step + 1 - LEAF / 2, time, free);
        } else {
            leaf.insert(step + 1, time, free);
        }
        let first = moved.times[0];
        let sibling = self.new_leaf();
        self.leaves[sibling as usize] = moved;
        (true, Some((first, sibling)))
    }

    /// Removes the step at `time` if availability does not change there.
    fn drop_if_flat(&mut self, time: i64) {
        if time == BEGINNING || self.at(time) != self.at(time - 1) {
            return;
        }
        self.erase_below(self.root, time);
        while self.root.height > 0 && self.inners[self.root.node as usize].len == 1 {
            self.shorten();
        }
    }

    /// Replaces a root that has one child by that child.
    fn shorten(&mut self) {
        let Subtree { node, height } = self.root;
        let (child, added) = {
            let inner = &mut self.inners[node as usize];
            inner.len = 0;
            (inner.child[0], inner.added(0))
        };
        self.spare_inners.push(node);
        self.root = Subtree { node: child, height: height - 1 };
        self.raise_all(self.root, added);
    }

    fn raise_all(&mut self, tree: Subtree, amount: Amounts<K>) {
        if tree.height == 0 {
            let leaf = &mut self.leaves[tree.node as usize];
            for (row, amount) in leaf.free.iter_mut().zip(amount) {
                row[..leaf.len].iter_mut().for_each(|value| *value += amount);
            }
        } else {
            let inner = &mut self.inners[tree.node as usize];
            (0..inner.len).for_each(|at| inner.raise(at, amount));
        }
    }

    /// Removes the step at `time`, which is not the first of all, and tidies up on the way back.
    fn erase_below(&mut self, tree: Subtree, time: i64) {
        if tree.height == 0 {
            let leaf = &mut self.leaves[tree.node as usize];
            let step = leaf.position(time);
            leaf.erase(step);
            return;
        }
        let at = self.inners[tree.node as usize].position(time);
        let child =
            Subtree { node: self.inners[tree.node as usize].child[at], height: tree.height - 1 };
        self.erase_below(child, time);
        let (len, first) = self.outline(child);
        if len == 0 {
            self.retire(child);
            self.inners[tree.node as usize].erase(at);
            return;
        }
        self.inners[tree.node as usize].first[at] = first;
        if !self.merge_around(tree, at, len) {
            self.refresh(tree.node, tree.height, at);
        }
    }

    /// How many entries a node has, and the time of its first step.
    fn outline(&self, tree: Subtree) -> (usize, i64) {
        let node = tree.node as usize;
        match tree.height {
            0 => (self.leaves[node].len, self.leaves[node].times[0]),
            _ => (self.inners[node].len, self.inners[node].first[0]),
        }
    }

    fn retire(&mut self, tree: Subtree) {
        match tree.height {
            0 => self.spare_leaves.push(tree.node),
            _ => self.spare_inners.push(tree.node),
        }
    }

    /// Merges child `at` of `tree`, which has `len` entries, with a neighbour if both are small.
    fn merge_around(&mut self, tree: Subtree, at: usize, len: usize) -> bool {
        let height = tree.height - 1;
        let room = if height == 0 { LEAF } else { FAN };
        if len > room / 4 {
            return false;
        }
        let children = self.inners[tree.node as usize].len;
        let entries = |this: &Self, at: usize| {
            this.outline(Subtree { node: this.inners[tree.node as usize].child[at], height }).0
        };
        let left = if at + 1 < children && len + entries(self, at + 1) <= room * 3 / 4 {
            at
        } else if at > 0 && len + entries(self, at - 1) <= room * 3 / 4 {
            at - 1
        } else {
            return false;
        };
        self.merge(tree, left);
        true
    }

    /// Moves what child `left + 1` of `tree` holds into child `left`.
    fn merge(&mut self, tree: Subtree, left: usize) {
        let height = tree.height - 1;
        let inner = &self.inners[tree.node as usize];
        let (a, b) = (inner.child[left], inner.child[left + 1]);
        let (of_a, of_b) = (inner.added(left), inner.added(left + 1));
        let difference = std::array::from_fn(|k| of_b[k] - of_a[k]);
        if height == 0 {
            let mut source = std::mem::replace(&mut self.leaves[b as usize], Leaf::empty());
            source.pour(0, &mut self.leaves[a as usize], difference);
        } else {
            let mut source = std::mem::replace(&mut self.inners[b as usize], Inner::empty());
            source.pour(0, &mut self.inners[a as usize], difference);
        }
        self.retire(Subtree { node: b, height });
        self.inners[tree.node as usize].erase(left + 1);
        self.refresh(tree.node, tree.height, left);
    }
}
