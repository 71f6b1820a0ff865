//! What stands in the way of a lease: which hosts lack what, whose reservations those are, and
//! until when.
//!
//! Hosts are gone through by id, each takes as many of the next VMs as fit, with rules between VMs
//! as many as these allow. For VMs that are alike
//! that is as many as the mapper can place, whatever order it takes hosts in.

use super::company::is_kept_apart;
use super::decision::{Hindrance, Lack, Obstacle};
use super::mapper::{Ask, Mapped, sum};
use super::scheduler::Scheduler;
use crate::model::lease::{Amounts, KNOWN_RESOURCES, RESOURCES};
use crate::time::Instant;

impl Scheduler<'_> {
    /// There is no room as `ask` wants it, beside all but the leases `without`.
    pub(super) fn no_room(&self, ask: &Ask<'_>, without: &[u32]) -> Hindrance {
        // A slice that may be short lacks room at its start.
        let until = if ask.strict { ask.until } else { Instant(ask.start.0 + 1) };
        Hindrance::NoRoom(self.obstacle(ask.lease, (ask.start, until), ask.hosts, without))
    }

    /// There is room as `ask` wants it, and not for long enough.
    pub(super) fn too_short(&self, ask: &Ask<'_>, mapped: &Mapped) -> Hindrance {
        Hindrance::TooShort {
            slice_s: (mapped.until - ask.start).seconds(),
            least_s: ask.least.seconds(),
            then: self.obstacle(ask.lease, (ask.start, ask.until), ask.hosts, &[]),
        }
    }

    /// What is in the way of `lease` during `span` on `hosts` (all if none are given), beside all
    /// but the leases `without`.
    pub(super) fn obstacle(
        &self,
        lease: u32,
        span: (Instant, Instant),
        hosts: Option<&[u32]>,
        without: &[u32],
    ) -> Obstacle {
        let vms = self.requests[lease as usize].vms();
        let company = self.lives[lease as usize].company.clone();
        let all = 0..self.table.rows.len() as u32;
        let hosts = hosts.map_or_else(|| all.collect(), <[u32]>::to_vec);
        let (mut left, mut lacks) = (self.blocks(lease), Vec::new());
        for host in hosts.iter().copied() {
            let (mut own, mut here) = ([0; RESOURCES], Vec::new());
            let (mut rest, mut first) = (Vec::new(), None);
            for block in left {
                // Without rules between VMs a host that is full is left.
                let open = first.is_none() || company.is_some();
                let needs = self.block_needs(lease, &block);
                let apart = company.as_ref().is_some_and(|c| is_kept_apart(c, &block, &here));
                let row = &self.table.rows[host as usize];
                let lack = row.first_lack(&sum(&own, &needs), span, without);
                if open && !apart && lack.is_none() {
                    own = sum(&own, &needs);
                    here.extend(block);
                    continue;
                }
                let takes = here.len() as u32;
                first = first.or_else(|| match lack {
                    Some(at) if !apart => {
                        self.lack((host, takes), (&own, &needs), (span.0, at), without)
                    }
                    _ => Some(kept_apart(host, takes, span.0)),
                });
                rest.push(block);
            }
            lacks.extend(first);
            left = rest;
        }
        let fit = vms - left.iter().map(Vec::len).sum::<usize>();
        Obstacle {
            start_s: span.0.seconds(),
            until_s: span.1.seconds(),
            vms,
            fit,
            lacks,
            bound: hosts.len() < self.table.rows.len(),
            without: without.iter().map(|&other| self.requests[other as usize].number).collect(),
        }
    }

    /// What `host`, which takes so many VMs that need `own`, lacks for one more at `at`.
    fn lack(
        &self,
        (host, takes): (u32, u32),
        (own, next): (&Amounts, &Amounts),
        (start, at): (Instant, Instant),
        without: &[u32],
    ) -> Option<Lack> {
        let row = &self.table.rows[host as usize];
        let need = sum(own, next);
        let (resource, free) = row.short_at(&need, at, without)?;
        let holders = row.holders_at(at, without);
        Some(Lack {
            host,
            takes,
            resource: Some(KNOWN_RESOURCES.get(resource).copied().unwrap_or("a resource")),
            needs: next[resource],
            free: free - own[resource],
            from_s: at.max(start).seconds(),
            again_s: row.fits_again(&need, at, without).map(Instant::seconds),
            by: holders.iter().map(|&lease| self.requests[lease as usize].number).collect(),
        })
    }
}

/// A host that takes so many VMs and may take no other beside them.
fn kept_apart(host: u32, takes: u32, start: Instant) -> Lack {
    let (from_s, again_s, by) = (start.seconds(), None, Vec::new());
    Lack { host, takes, resource: None, needs: 0, free: 0, from_s, again_s, by }
}
