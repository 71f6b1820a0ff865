//! Mapping VMs that share a host or never do.
//!
//! Hosts are taken in the order of the host selection; each takes every block of VMs that fits
//! beside those that it has taken and is apart from none of them. Blocks that are apart from most
//! come first, larger VMs before others: first fit decreasing, which may miss a place that there
//! is, as any mapper of this speed may.

use super::mapper::{Ask, HostOrder, sum};
use super::scheduler::Scheduler;
use crate::model::company::Company;
use crate::model::lease::{Amounts, RESOURCES};
use crate::policy::PolicyError;
use crate::time::Instant;

impl Scheduler<'_> {
    /// The VMs of `lease` in the order in which they are mapped, those that share a host together.
    pub(super) fn blocks(&self, lease: u32) -> Vec<Vec<u32>> {
        let life = &self.lives[lease as usize];
        let vms = self.requests[lease as usize].vms();
        let order: Vec<u32> = (0..vms).map(|place| self.vm_in_order(lease, place)).collect();
        let Some(company) = &life.company else {
            return order.into_iter().map(|vm| vec![vm]).collect();
        };
        let foes = |block: &[usize]| {
            (0..vms).filter(|&b| block.iter().any(|&a| company.are_apart(a, b))).count()
        };
        let place = |vm: usize| order.iter().position(|&other| other as usize == vm);
        let mut blocks = company.blocks();
        blocks.sort_by_cached_key(|block| {
            let first = block.iter().filter_map(|&vm| place(vm)).min();
            (std::cmp::Reverse(foes(block)), first)
        });
        let named = |block: Vec<usize>| block.into_iter().map(|vm| vm as u32).collect();
        blocks.into_iter().map(named).collect()
    }

    /// What the VMs of `block` need together.
    pub(super) fn block_needs(&self, lease: u32, block: &[u32]) -> Amounts {
        block.iter().fold([0; RESOURCES], |all, &vm| sum(&all, &self.needs(lease, vm)))
    }

    /// Hosts for the VMs of a lease with rules between them, and until when they fit.
    pub(super) fn map_company(
        &mut self,
        company: &Company,
        ask: &Ask<'_>,
        displaced: &[u32],
        order: &mut HostOrder,
    ) -> Result<Option<(Vec<u32>, Instant)>, PolicyError> {
        let mut left = self.blocks(ask.lease);
        let mut hosts = vec![u32::MAX; self.requests[ask.lease as usize].vms()];
        let (mut until, mut turn) = (ask.until, 0);
        while !left.is_empty() {
            let Some(host) = self.host_in_order(ask, order, turn)? else { return Ok(None) };
            turn += 1;
            let mut need = [0; RESOURCES];
            let mut here: Vec<u32> = Vec::new();
            let mut rest = Vec::new();
            for block in left {
                let more = sum(&need, &self.block_needs(ask.lease, &block));
                let row = &self.table.rows[host as usize];
                // As for other leases, a host does not shorten the slice to take more than one.
                let fixed = ask.strict || !here.is_empty();
                let lack = row.first_lack(&more, (ask.start, until), displaced);
                let fits = lack.is_none_or(|lack| !fixed && lack > ask.start);
                if !fits || is_kept_apart(company, &block, &here) {
                    rest.push(block);
                    continue;
                }
                until = lack.unwrap_or(until);
                need = more;
                block.iter().for_each(|&vm| hosts[vm as usize] = host);
                here.extend(block);
            }
            left = rest;
        }
        Ok(Some((hosts, until)))
    }
}

/// Whether a VM of `block` never shares a host with one of `here`.
pub(super) fn is_kept_apart(company: &Company, block: &[u32], here: &[u32]) -> bool {
    let apart = |a: &u32, b: &u32| company.are_apart(*a as usize, *b as usize);
    block.iter().any(|a| here.iter().any(|b| apart(a, b)))
}
