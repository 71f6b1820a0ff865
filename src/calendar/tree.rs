//! The B+ tree that holds the steps of availability, in arenas.
//!
//! Invariants: every leaf has at least one step and every inner node at least one child; `first`
//! of a child is the time of the first step below it; the first step of all is at [`BEGINNING`];
//! `least` and `most` of a child include the child's own `add` but not that of its ancestors.

/// Steps of a leaf.
pub(super) const LEAF: usize = 64;
/// Children of an inner node.
pub(super) const FAN: usize = 32;
/// Before all times.
pub(super) const BEGINNING: i64 = i64::MIN;
/// After all times.
pub(super) const NEVER: i64 = i64::MAX;

/// Amounts of `K` resources.
pub(super) type Amounts<const K: usize> = [i64; K];

/// Steps in order of time; step `i` holds from `times[i]` until the next step.
#[derive(Debug, Clone)]
pub(super) struct Leaf<const K: usize> {
    pub len: usize,
    pub times: [i64; LEAF],
    pub free: [[i64; LEAF]; K],
}

/// Children in order of time, with what must be known of each without visiting it.
#[derive(Debug, Clone)]
pub(super) struct Inner<const K: usize> {
    pub len: usize,
    pub first: [i64; FAN],
    pub child: [u32; FAN],
    pub add: [[i64; FAN]; K],
    pub least: [[i64; FAN]; K],
    pub most: [[i64; FAN]; K],
}

/// A subtree: its node and how many levels of inner nodes it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Subtree {
    pub node: u32,
    pub height: u32,
}

/// The tree.
#[derive(Debug, Clone)]
pub(super) struct Tree<const K: usize> {
    pub root: Subtree,
    pub leaves: Vec<Leaf<K>>,
    pub inners: Vec<Inner<K>>,
    pub spare_leaves: Vec<u32>,
    pub spare_inners: Vec<u32>,
}

impl<const K: usize> Leaf<K> {
    pub fn empty() -> Self {
        Self { len: 0, times: [0; LEAF], free: [[0; LEAF]; K] }
    }

    /// The step that holds at `time`, which is not before the first one.
    pub fn position(&self, time: i64) -> usize {
        self.times[..self.len].partition_point(|&start| start <= time) - 1
    }

    pub fn at(&self, step: usize) -> Amounts<K> {
        std::array::from_fn(|k| self.free[k][step])
    }

    /// Makes room for a step at `step` and writes it.
    pub fn insert(&mut self, step: usize, time: i64, free: Amounts<K>) {
        self.times.copy_within(step..self.len, step + 1);
        self.times[step] = time;
        for (row, value) in self.free.iter_mut().zip(free) {
            row.copy_within(step..self.len, step + 1);
            row[step] = value;
        }
        self.len += 1;
    }

    pub fn erase(&mut self, step: usize) {
        self.times.copy_within(step + 1..self.len, step);
        for row in &mut self.free {
            row.copy_within(step + 1..self.len, step);
        }
        self.len -= 1;
    }

    pub fn range(&self) -> (Amounts<K>, Amounts<K>) {
        range(&self.free, self.len)
    }

    /// Moves the steps from `from` on, each increased by `add`, to the end of `to`.
    pub fn pour(&mut self, from: usize, to: &mut Self, add: Amounts<K>) {
        let moved = self.len - from;
        let end = to.len + moved;
        to.times[to.len..end].copy_from_slice(&self.times[from..self.len]);
        for ((into, row), add) in to.free.iter_mut().zip(&self.free).zip(add) {
            for (target, source) in into[to.len..end].iter_mut().zip(&row[from..self.len]) {
                *target = source + add;
            }
        }
        to.len = end;
        self.len = from;
    }
}

impl<const K: usize> Inner<K> {
    pub fn empty() -> Self {
        let zeros = [[0; FAN]; K];
        Self { len: 0, first: [0; FAN], child: [0; FAN], add: zeros, least: zeros, most: zeros }
    }

    /// The child whose interval holds `time`, which is not before the first one.
    pub fn position(&self, time: i64) -> usize {
        self.first[..self.len].partition_point(|&start| start <= time) - 1
    }

    pub fn insert(&mut self, at: usize, first: i64, child: u32) {
        self.first.copy_within(at..self.len, at + 1);
        self.child.copy_within(at..self.len, at + 1);
        for rows in [&mut self.add, &mut self.least, &mut self.most] {
            for row in rows {
                row.copy_within(at..self.len, at + 1);
                row[at] = 0;
            }
        }
        self.first[at] = first;
        self.child[at] = child;
        self.len += 1;
    }

    pub fn erase(&mut self, at: usize) {
        self.first.copy_within(at + 1..self.len, at);
        self.child.copy_within(at + 1..self.len, at);
        for rows in [&mut self.add, &mut self.least, &mut self.most] {
            for row in rows {
                row.copy_within(at + 1..self.len, at);
            }
        }
        self.len -= 1;
    }

    /// What is to be added to everything below child `at`.
    pub fn added(&self, at: usize) -> Amounts<K> {
        std::array::from_fn(|k| self.add[k][at])
    }

    pub fn range(&self) -> (Amounts<K>, Amounts<K>) {
        (range(&self.least, self.len).0, range(&self.most, self.len).1)
    }

    /// Adds `amount` to everything below child `at`.
    pub fn raise(&mut self, at: usize, amount: Amounts<K>) {
        for (k, amount) in amount.into_iter().enumerate() {
            self.add[k][at] += amount;
            self.least[k][at] += amount;
            self.most[k][at] += amount;
        }
    }

    /// Moves the children from `from` on, each increased by `add`, to the end of `to`.
    pub fn pour(&mut self, from: usize, to: &mut Self, add: Amounts<K>) {
        for at in from..self.len {
            let end = to.len;
            to.first[end] = self.first[at];
            to.child[end] = self.child[at];
            for k in 0..K {
                to.add[k][end] = self.add[k][at];
                to.least[k][end] = self.least[k][at];
                to.most[k][end] = self.most[k][at];
            }
            to.len += 1;
            to.raise(end, add);
        }
        self.len = from;
    }
}

impl<const K: usize> Tree<K> {
    /// A tree of one step: `free` always.
    pub fn new(free: Amounts<K>) -> Self {
        let mut leaf = Leaf::empty();
        leaf.insert(0, BEGINNING, free);
        Self {
            root: Subtree { node: 0, height: 0 },
            leaves: vec![leaf],
            inners: Vec::new(),
            spare_leaves: Vec::new(),
            spare_inners: Vec::new(),
        }
    }

    pub fn new_leaf(&mut self) -> u32 {
        self.spare_leaves.pop().unwrap_or_else(|| {
            self.leaves.push(Leaf::empty());
            (self.leaves.len() - 1) as u32
        })
    }

    pub fn new_inner(&mut self) -> u32 {
        self.spare_inners.pop().unwrap_or_else(|| {
            self.inners.push(Inner::empty());
            (self.inners.len() - 1) as u32
        })
    }

    /// Least and greatest availability of a subtree, without what its ancestors add.
    pub fn range(&self, tree: Subtree) -> (Amounts<K>, Amounts<K>) {
        match tree.height {
            0 => self.leaves[tree.node as usize].range(),
            _ => self.inners[tree.node as usize].range(),
        }
    }

    /// Brings `least` and `most` of child `at` of `node` up to date.
    pub fn refresh(&mut self, node: u32, height: u32, at: usize) {
        let child = self.inners[node as usize].child[at];
        let (least, most) = self.range(Subtree { node: child, height: height - 1 });
        let inner = &mut self.inners[node as usize];
        for k in 0..K {
            inner.least[k][at] = least[k] + inner.add[k][at];
            inner.most[k][at] = most[k] + inner.add[k][at];
        }
    }
}

fn range<const K: usize, const N: usize>(
    rows: &[[i64; N]; K],
    len: usize,
) -> (Amounts<K>, Amounts<K>) {
    let mut least = [NEVER; K];
    let mut most = [BEGINNING; K];
    for (k, row) in rows.iter().enumerate() {
        for &value in &row[..len] {
            least[k] = least[k].min(value);
            most[k] = most[k].max(value);
        }
    }
    (least, most)
}
