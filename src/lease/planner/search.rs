//! Where and when nodes fit.

use super::answer::times;
use super::{Need, Part, PlanError, Planner, Request};
use crate::time::Instant;

impl Planner {
    /// Hosts for up to `nodes` nodes from `start` to `end`, in the order of their ids.
    pub(super) fn fitting(&self, need: Need, nodes: u32, start: Instant, end: Instant) -> Vec<u32> {
        let mut hosts = Vec::new();
        for (free, host) in self.free.iter().zip(0..) {
            let left = nodes - hosts.len() as u32;
            if left == 0 {
                break;
            }
            let here = free.room(start, end, need, left);
            hosts.extend(std::iter::repeat_n(host, here as usize));
        }
        hosts
    }

    /// How many nodes of `request` an empty host could take.
    pub(super) fn most_nodes(&self, host: u32, request: &Request) -> u32 {
        self.free[host as usize].most_nodes(request.need).min(request.nodes)
    }

    /// The earliest room for `request`.
    ///
    /// # Errors
    ///
    /// [`PlanError::NoRoom`] if it would have to start too late.
    pub(super) fn earliest(&self, request: &Request) -> Result<Part, PlanError> {
        let mut start = request.earliest;
        loop {
            let end = Instant(start.0.saturating_add(request.duration.0));
            let hosts = self.fitting(request.need, request.nodes, start, end);
            if hosts.len() == request.nodes as usize {
                return Ok(Part { start, end, hosts });
            }
            match self.not_before(request, start) {
                Some(next) if next <= request.latest => {
                    assert!(next > start, "what does not fit at a time does so only later");
                    start = next;
                }
                _ => return Err(PlanError::NoRoom(self.refusal(request))),
            }
        }
    }

    /// The first time from `start` on at which all nodes could fit as far as each host alone is
    /// concerned; none if that never comes.
    fn not_before(&self, request: &Request, start: Instant) -> Option<Instant> {
        let mut times_by_node = Vec::new();
        for (calendar, host) in self.free.iter().zip(0..) {
            let mut after = start;
            for nodes in 1..=self.most_nodes(host, request) {
                // More nodes on one host never fit earlier than fewer.
                let need = times(request.need, nodes);
                match calendar.earliest_start(after, request.duration, need) {
                    Some(first) => {
                        times_by_node.push(first);
                        after = first;
                    }
                    None => break,
                }
            }
        }
        let nodes = request.nodes as usize;
        if times_by_node.len() < nodes {
            return None;
        }
        Some(*times_by_node.select_nth_unstable(nodes - 1).1)
    }
}
