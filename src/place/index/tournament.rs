//! A tournament tree over all hosts: every inner node holds the summary of the hosts below it.
//!
//! Finds the first host, by id, that a question admits, and the host of least cost; a subtree whose
//! summary is not admitted, or promises nothing better, is not entered. A change of one host
//! climbs towards the root until it changes nothing.
//!
//! Source: the tournament tree as Johnson, J. Comput. Syst. Sci. 8(3), 1974, uses it for first fit
//! in `O(n log n)`.

use crate::id::{HostId, Id};

/// What is known of a group of hosts.
pub trait Summary: Copy + PartialEq {
    /// The summary of no host.
    const NONE: Self;
    /// The summary of two groups together.
    fn join(&self, other: &Self) -> Self;
}

/// The deepest a tree of 2^32 hosts can be, with its siblings.
const DEPTH: usize = 66;

/// A tournament tree with one leaf per host.
#[derive(Debug, Clone)]
pub struct Tournament<S> {
    /// A power of two; leaf `i` is node `leaves + i`, the children of node `n` are `2n`, `2n + 1`.
    leaves: usize,
    nodes: Vec<S>,
}

impl<S: Summary> Tournament<S> {
    /// The tree of these hosts, in id order.
    pub fn new(rows: impl ExactSizeIterator<Item = S>) -> Self {
        let leaves = rows.len().next_power_of_two();
        let mut nodes = vec![S::NONE; 2 * leaves];
        rows.enumerate().for_each(|(i, row)| nodes[leaves + i] = row);
        for node in (1..leaves).rev() {
            nodes[node] = nodes[2 * node].join(&nodes[2 * node + 1]);
        }
        Self { leaves, nodes }
    }

    /// Sets what `host` is.
    #[inline]
    pub fn set(&mut self, host: HostId, row: S) {
        let mut node = self.leaves + host.index();
        self.nodes[node] = row;
        while node > 1 {
            let joined = self.nodes[node].join(&self.nodes[node ^ 1]);
            node /= 2;
            if self.nodes[node] == joined {
                return;
            }
            self.nodes[node] = joined;
        }
    }

    /// The first host from `from` on that `admits` its row and is `allowed`. `admits` must hold for
    /// the summary of a group if it holds for one of its hosts.
    #[inline]
    pub fn first(
        &self,
        from: HostId,
        admits: impl Fn(&S) -> bool,
        allowed: impl Fn(HostId) -> bool,
    ) -> Option<HostId> {
        if from.index() >= self.leaves {
            return None;
        }
        let leaf = self.leaves + from.index();
        // The largest subtree that begins with `from`.
        let mut node = leaf >> leaf.trailing_zeros().min(self.leaves.trailing_zeros());
        loop {
            let enter = admits(&self.nodes[node]);
            if enter && node < self.leaves {
                node *= 2;
                continue;
            }
            let host = HostId::from_index(node.saturating_sub(self.leaves));
            if enter && allowed(host) {
                return Some(host);
            }
            // On to the next subtree on the right: up from right children, then across.
            node >>= node.trailing_ones();
            if node == 0 {
                return None;
            }
            node += 1;
        }
    }

    /// Every host that `admits` its row, in id order.
    pub fn each(&self, admits: impl Fn(&S) -> bool, mut see: impl FnMut(HostId, &S)) {
        let mut from = HostId(0);
        while let Some(host) = self.first(from, &admits, |_| true) {
            see(host, &self.nodes[self.leaves + host.index()]);
            from = HostId(host.0 + 1);
        }
    }

    /// The host of least `cost` among those that `admits` their rows and are `allowed`, the lowest
    /// id among equals. The cost of a group must not be above that of any of its hosts that is
    /// admitted; it is never NaN.
    pub fn least(
        &self,
        admits: impl Fn(&S) -> bool,
        cost: impl Fn(&S) -> f64,
        allowed: impl Fn(HostId) -> bool,
    ) -> Option<HostId> {
        let mut best: Option<(f64, usize)> = None;
        let mut open = [(0.0, 0); DEPTH];
        let mut count = 0;
        let push = |node: usize, count: &mut usize, open: &mut [(f64, usize)]| {
            if admits(&self.nodes[node]) {
                open[*count] = (cost(&self.nodes[node]), node);
                *count += 1;
            }
        };
        push(1, &mut count, &mut open);
        while count > 0 {
            count -= 1;
            let (bound, node) = open[count];
            if best.is_some_and(|(least, host)| {
                bound > least || (bound == least && self.first_below(node) > host)
            }) {
                continue;
            }
            if node >= self.leaves {
                let host = node - self.leaves;
                if allowed(HostId::from_index(host)) {
                    best = Some((bound, host));
                }
                continue;
            }
            let from = count;
            push(2 * node + 1, &mut count, &mut open);
            push(2 * node, &mut count, &mut open);
            // The more promising on top, the left one of equals.
            if count == from + 2 && open[from].0 < open[from + 1].0 {
                open.swap(from, from + 1);
            }
        }
        best.map(|(_, host)| HostId::from_index(host))
    }

    /// The lowest host below `node`.
    fn first_below(&self, node: usize) -> usize {
        let levels = self.leaves.trailing_zeros() - node.ilog2();
        (node << levels) - self.leaves
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{below, stream};

    /// The most of two numbers, and the span of a third.
    #[derive(Debug, Clone, Copy, PartialEq)]
    struct Three {
        most: [f64; 2],
        low: f64,
        high: f64,
    }

    impl Summary for Three {
        const NONE: Self =
            Self { most: [f64::NEG_INFINITY; 2], low: f64::INFINITY, high: f64::NEG_INFINITY };
        fn join(&self, other: &Self) -> Self {
            let most = [0, 1].map(|i| self.most[i].max(other.most[i]));
            Self { most, low: self.low.min(other.low), high: self.high.max(other.high) }
        }
    }

    impl Three {
        fn admits(&self, asked: [f64; 2]) -> bool {
            self.most[0] >= asked[0] && self.most[1] >= asked[1]
        }
        /// Distance of the third number from 4.
        fn cost(&self) -> f64 {
            (self.low - 4.0).max(4.0 - self.high).max(0.0)
        }
    }

    /// 2000 instances of up to 70 hosts with few distinct numbers, so that ties abound; each
    /// changes and is asked 30 times.
    #[test]
    fn the_tree_answers_as_a_scan_does() {
        for seed in 0..2000 {
            let mut random = stream(seed, "test");
            let hosts = 1 + below(70, &mut random);
            let mut draw = |most: usize| below(most, &mut random) as f64;
            let mut three = || {
                let (most, third) = ([draw(7), draw(7)], draw(9));
                Three { most, low: third, high: third }
            };
            let mut rows: Vec<Three> = (0..hosts).map(|_| three()).collect();
            let mut tree = Tournament::new(rows.iter().copied());
            for _ in 0..30 {
                let (mut random, row) = (stream(seed + 1, "host"), three());
                let changed = (row.low as usize * 31 + below(hosts, &mut random)) % hosts;
                rows[changed] = row;
                tree.set(HostId(changed as u32), row);
                let (asked, from, barred) = (three().most, changed / 2, three().low as usize);
                let allowed = |host: usize| host % 9 != barred;
                let fits = |&host: &usize| rows[host].admits(asked) && allowed(host);
                let first = (from..hosts).find(fits);
                let by_cost = |a: &usize, b: &usize| rows[*a].cost().total_cmp(&rows[*b].cost());
                let least = (0..hosts).filter(fits).min_by(by_cost);
                let ok = |host: HostId| allowed(host.index());
                let admits = |row: &Three| row.admits(asked);
                let found = tree.first(HostId(from as u32), admits, ok);
                assert_eq!(found.map(Id::index), first, "seed {seed}");
                let found = tree.least(admits, Three::cost, ok);
                assert_eq!(found.map(Id::index), least, "seed {seed}");
                let mut all = Vec::new();
                tree.each(admits, |host, row| all.push((host.index(), *row)));
                let every = (0..hosts).filter(|&host| rows[host].admits(asked));
                assert_eq!(all, every.map(|host| (host, rows[host])).collect::<Vec<_>>());
            }
        }
    }
}
