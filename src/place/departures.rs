//! Which hosts has each VM left lately?
//!
//! A planner that asks does not send a VM back to where it came from an hour before: a move there
//! and back costs twice and brings nothing ([`crate::metric::ping_pong_rate`]).

use crate::id::{HostId, Id, IdVec, VmId};
use crate::time::{Instant, Span};

/// The departures of all VMs, seen from step to step.
#[derive(Debug, Clone, Default)]
pub struct Departures {
    home: Vec<Option<HostId>>,
    /// Per VM: hosts that it left, and when that was seen.
    left: Vec<Vec<(HostId, Instant)>>,
}

impl Departures {
    /// Looks at where all VMs are `now`, and forgets what was longer ago than `memory`.
    pub fn look(&mut self, home: &IdVec<VmId, Option<HostId>>, now: Instant, memory: Span) {
        let homes = home.as_slice();
        self.home.resize(homes.len(), None);
        self.left.resize_with(homes.len(), Vec::new);
        for ((known, left), &home) in self.home.iter_mut().zip(&mut self.left).zip(homes) {
            left.retain(|&(_, seen)| now - seen < memory);
            if let Some(before) = *known
                && home != Some(before)
            {
                left.push((before, now));
            }
            *known = home;
        }
    }

    /// The hosts that `vm` has left lately.
    pub fn of(&self, vm: VmId) -> impl Iterator<Item = HostId> {
        self.left.get(vm.index()).into_iter().flatten().map(|&(host, _)| host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// VM 0 goes from host 4 to 5 and away, VM 1 stays: seen at 300 s and 600 s, forgotten an hour
    /// after each.
    #[test]
    fn what_was_left_is_known_for_an_hour() {
        let mut departures = Departures::default();
        let hour = Span::from_seconds(3600.0);
        let mut look = |at: f64, host: Option<u32>| -> [Vec<u32>; 2] {
            let homes = vec![host.map(HostId), Some(HostId(7))];
            departures.look(&IdVec::from(homes), Instant::from_seconds(at), hour);
            [0, 1].map(|vm| departures.of(VmId(vm)).map(|host| host.0).collect())
        };
        let none: [Vec<u32>; 2] = Default::default();
        assert_eq!(look(0.0, Some(4)), none);
        assert_eq!(look(300.0, Some(5)), [vec![4], vec![]]);
        assert_eq!(look(600.0, None), [vec![4, 5], vec![]]);
        assert_eq!(look(3900.0, Some(4)), [vec![5], vec![]]);
        assert_eq!(look(4200.0, Some(4)), none);
    }
}
