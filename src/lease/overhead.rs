//! How long suspending, resuming and moving a lease takes, and when each part of it happens.
//!
//! Saving or loading a VM takes `ceil(memory / rate)` seconds, or what the rules fix. With local
//! exclusion a host handles its VMs one after the other, hosts work side by side, and operations
//! that coincide are one; with global exclusion all VMs are handled one after the other. Each
//! command to a VM adds the enactment overhead. Operations of one lease that would overlap after
//! that are pushed apart.
//!
//! Source: Sotomayor et al., "Resource Leasing and the Art of Suspending Virtual Machines", HPCC
//! 2009; Haizea 1.1, whose estimates add up all VMs whatever the exclusion.

use super::reservation::Move;
use super::rules::Exclusion;
use crate::time::{Instant, Span};

/// VMs that are saved or loaded together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Operation {
    pub start: Instant,
    pub end: Instant,
    pub vms: Vec<u32>,
}

/// What a layout of operations depends on.
pub(super) struct Layout<'a> {
    /// The host of each VM.
    pub hosts: &'a [u32],
    /// How long each VM takes.
    pub spans: &'a [Span],
    pub exclusion: Exclusion,
    pub enactment: Span,
}

impl Layout<'_> {
    /// Operations from `start` on, in order of time.
    pub fn forward(&self, start: Instant) -> Vec<Operation> {
        let mut operations = self.after(0);
        let mut free = i64::MIN;
        operations.sort_by_key(|&(from, until, _)| (from, until));
        let mut laid = Vec::with_capacity(operations.len());
        for (from, until, vms) in operations {
            let push = (free - from).max(0);
            free = until + push;
            let at = |offset: i64| Instant(start.0 + offset + push);
            laid.push(Operation { start: at(from), end: at(until), vms });
        }
        laid
    }

    /// Operations that are over at `end`, in order of time.
    pub fn backward(&self, end: Instant) -> Vec<Operation> {
        // The mirror image: what would begin at 0 and go forward ends at `end` and goes backward.
        let mut laid = self.forward(Instant(-end.0));
        for operation in &mut laid {
            let (start, end) = (operation.start, operation.end);
            (operation.start, operation.end) = (Instant(-end.0), Instant(-start.0));
        }
        laid.reverse();
        laid
    }

    /// Operations before they are pushed apart: from, until, whom.
    fn after(&self, start: i64) -> Vec<(i64, i64, Vec<u32>)> {
        let mut single = Vec::with_capacity(self.hosts.len());
        let mut order: Vec<u32> = (0..self.hosts.len() as u32).collect();
        let local = self.exclusion == Exclusion::Local;
        if local {
            order.sort_by_key(|&vm| self.hosts[vm as usize]);
        }
        let (mut time, mut host) = (start, None);
        for vm in order {
            if local && host != Some(self.hosts[vm as usize]) {
                (time, host) = (start, Some(self.hosts[vm as usize]));
            }
            let from = time;
            time += self.spans[vm as usize].0;
            if !local {
                time += self.enactment.0;
            }
            single.push((from, time, vm));
        }
        if !local {
            return single.into_iter().map(|(from, until, vm)| (from, until, vec![vm])).collect();
        }
        single.sort_unstable();
        let groups = single.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1));
        let merged = groups.map(|group| {
            let vms: Vec<u32> = group.iter().map(|&(.., vm)| vm).collect();
            (group[0].0, group[0].1 + self.enactment.0 * vms.len() as i64, vms)
        });
        merged.collect()
    }
}

/// The rounds in which `moves` are made: no host takes part twice in a round, neither as source
/// nor as destination; earlier moves go first.
pub(super) fn rounds(mut moves: Vec<Move>) -> Vec<Vec<Move>> {
    let mut rounds = Vec::new();
    while !moves.is_empty() {
        let mut busy = std::collections::BTreeSet::new();
        let (now, later) = moves.into_iter().partition(|step: &Move| {
            let free = !busy.contains(&step.from) && !busy.contains(&step.to);
            if free {
                busy.extend([step.from, step.to]);
            }
            free
        });
        rounds.push(now);
        moves = later;
    }
    rounds
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid(operations: Vec<Operation>) -> Vec<(i64, i64, Vec<u32>)> {
        operations.into_iter().map(|o| (o.start.0, o.end.0, o.vms)).collect()
    }

    /// VMs 0 and 2 share a host, 1 is elsewhere, each takes 10: {0, 1} coincide, 2 follows.
    #[test]
    fn hosts_work_side_by_side_with_local_exclusion() {
        let spans = [Span(10); 3];
        let mut layout = Layout {
            hosts: &[7, 8, 7],
            spans: &spans,
            exclusion: Exclusion::Local,
            enactment: Span(0),
        };
        assert_eq!(
            laid(layout.forward(Instant(100))),
            [(100, 110, vec![0, 1]), (110, 120, vec![2])]
        );
        assert_eq!(laid(layout.backward(Instant(100))), [(80, 90, vec![2]), (90, 100, vec![0, 1])]);
        layout.enactment = Span(1);
        // The pair takes two commands, so the third VM is pushed by 2 and takes one itself.
        assert_eq!(laid(layout.forward(Instant(0))), [(0, 12, vec![0, 1]), (12, 23, vec![2])]);
        layout.exclusion = Exclusion::Global;
        let all = [(0, 11, vec![0]), (11, 22, vec![1]), (22, 33, vec![2])];
        assert_eq!(laid(layout.forward(Instant(0))), all);
    }

    #[test]
    fn a_host_takes_part_once_in_a_round() {
        let step = |vm, from, to| Move { vm, from, to };
        let moves = vec![step(0, 1, 2), step(1, 2, 3), step(2, 4, 5), step(3, 1, 6)];
        let expected = vec![vec![step(0, 1, 2), step(2, 4, 5)], vec![step(1, 2, 3), step(3, 1, 6)]];
        assert_eq!(rounds(moves), expected);
    }
}
