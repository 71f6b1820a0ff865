//! All hosts in the order of a key, then of their ids, in blocks that know the most they offer.
//!
//! Finds the next host in that order that offers what is asked; a block that cannot is passed over.
//! The block of a host is found by bisection, so that a change costs one move within a block.
//!
//! What a block is known to offer may lag behind: it grows with what comes in and is brought up to
//! date when the block was looked through in vain.

use super::offer::Offer;
use super::tournament::Summary;
use crate::id::{HostId, IdVec};

/// Hosts of a block before it is split.
const FULL: usize = 64;

/// Where a host stands.
type Place = (f64, HostId);

#[inline]
fn comes_before(a: Place, b: Place) -> bool {
    a.0 < b.0 || (a.0 == b.0 && a.1 < b.1)
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    at: Place,
    offer: Offer,
}

/// Neighbours in the ranking.
#[derive(Debug, Clone)]
struct Block {
    entries: Vec<Entry>,
    /// At least the most that any of them offers.
    most: Offer,
}

impl Block {
    fn of(entries: Vec<Entry>) -> Self {
        let most = most(&entries);
        Self { entries, most }
    }
}

fn most(entries: &[Entry]) -> Offer {
    entries.iter().fold(Offer::NONE, |most, entry| most.join(&entry.offer))
}

/// All hosts, by key and then by id.
#[derive(Debug, Clone)]
pub struct Ranking {
    blocks: Vec<Block>,
    /// First place of each block.
    firsts: Vec<Place>,
    keys: IdVec<HostId, f64>,
}

impl Ranking {
    /// The ranking of these hosts, given with their keys in id order. No key is NaN.
    pub fn new(rows: impl Iterator<Item = (f64, Offer)>) -> Self {
        let mut keys = IdVec::default();
        let mut entries: Vec<Entry> =
            rows.map(|(key, offer)| Entry { at: (key, keys.push(key)), offer }).collect();
        entries.sort_by(|a, b| a.at.0.total_cmp(&b.at.0).then(a.at.1.cmp(&b.at.1)));
        let blocks: Vec<Block> =
            entries.chunks(FULL / 2).map(|chunk| Block::of(chunk.to_vec())).collect();
        let firsts = blocks.iter().map(|block| block.entries[0].at).collect();
        Self { blocks, firsts, keys }
    }

    /// Sets key and offer of `host`.
    pub fn set(&mut self, host: HostId, key: f64, offer: Offer) {
        let (old, new) = ((self.keys[host], host), Entry { at: (key, host), offer });
        let (block, row) = self.find(old);
        if old.0 == key {
            self.blocks[block].entries[row].offer = offer;
            self.blocks[block].most = self.blocks[block].most.join(&offer);
            return;
        }
        self.keys[host] = key;
        self.take_out(block, row);
        self.put_in(new);
    }

    /// Block and row of the entry at `at`.
    fn find(&self, at: Place) -> (usize, usize) {
        let block = self.block_of(at);
        let entries = &self.blocks[block].entries;
        (block, entries.partition_point(|entry| comes_before(entry.at, at)))
    }

    /// The last block that begins at or before `at`, else the first.
    fn block_of(&self, at: Place) -> usize {
        self.firsts.partition_point(|&first| !comes_before(at, first)).saturating_sub(1)
    }

    fn take_out(&mut self, block: usize, row: usize) {
        self.blocks[block].entries.remove(row);
        match self.blocks[block].entries.first() {
            Some(first) => self.firsts[block] = first.at,
            None => {
                self.blocks.remove(block);
                self.firsts.remove(block);
            }
        }
    }

    fn put_in(&mut self, entry: Entry) {
        if self.blocks.is_empty() {
            self.blocks.push(Block::of(vec![entry]));
            self.firsts.push(entry.at);
            return;
        }
        let (block, row) = self.find(entry.at);
        let Block { entries, most } = &mut self.blocks[block];
        entries.insert(row, entry);
        *most = most.join(&entry.offer);
        self.firsts[block] = entries[0].at;
        if entries.len() > FULL {
            let rest = Block::of(entries.split_off(FULL / 2));
            self.firsts.insert(block + 1, rest.entries[0].at);
            self.blocks[block] = Block::of(std::mem::take(&mut self.blocks[block].entries));
            self.blocks.insert(block + 1, rest);
        }
    }

    /// The first host after `after` whose key is at least `floor`, that offers what is `asked` and
    /// is `allowed`, with its key.
    pub fn next(
        &mut self,
        after: Option<Place>,
        floor: f64,
        asked: &Offer,
        allowed: impl Fn(HostId) -> bool,
    ) -> Option<Place> {
        let lowest = (floor, HostId(0));
        let passed = |at: Place| {
            comes_before(at, lowest) || after.is_some_and(|after| !comes_before(after, at))
        };
        let begin = after.filter(|&after| comes_before(lowest, after)).unwrap_or(lowest);
        for block in self.block_of(begin)..self.blocks.len() {
            let Block { entries, most: bound } = &mut self.blocks[block];
            if !bound.covers(asked) {
                continue;
            }
            let from = entries.partition_point(|entry| passed(entry.at));
            let fits = |entry: &&Entry| entry.offer.covers(asked) && allowed(entry.at.1);
            if let Some(entry) = entries[from..].iter().find(fits) {
                return Some(entry.at);
            }
            *bound = most(entries);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Id;
    use crate::model::Resources;
    use crate::random::{Stream, below, stream};

    /// A key and an offer of two scarce resources, from few distinct numbers so that ties abound.
    fn row(random: &mut Stream) -> (f64, Offer) {
        let mut draw = |most| below(most, random) as f64;
        let needs = Resources { cpu: draw(5), ram: draw(5), ..Resources::default() };
        (draw(6) - 2.0, Offer::asked(&needs, needs.cpu, draw(2) == 1.0))
    }

    /// 1000 instances of up to 300 hosts; each changes and is asked 40 times.
    #[test]
    fn the_ranking_answers_as_a_scan_does() {
        for seed in 0..1000 {
            let random = &mut stream(seed, "test");
            let hosts = 1 + below(300, random);
            let mut rows: Vec<(f64, Offer)> = (0..hosts).map(|_| row(random)).collect();
            let mut ranking = Ranking::new(rows.iter().copied());
            for _ in 0..40 {
                let changed = below(hosts, random);
                rows[changed] = row(random);
                ranking.set(HostId(changed as u32), rows[changed].0, rows[changed].1);
                let (floor, asked) = row(random);
                let barred = below(9, random);
                let allowed = |host: HostId| host.index() % 9 != barred;
                let mut expected: Vec<Place> = (0..hosts as u32)
                    .map(|host| (rows[host as usize].0, HostId(host)))
                    .filter(|&(key, host)| key >= floor && allowed(host))
                    .filter(|&(_, host)| rows[host.index()].1.covers(&asked))
                    .collect();
                expected.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                let (mut found, mut after) = (Vec::new(), None);
                while let Some(next) = ranking.next(after, floor, &asked, allowed) {
                    found.push(next);
                    after = Some(next);
                }
                assert_eq!(found, expected, "seed {seed}");
            }
        }
    }
}
