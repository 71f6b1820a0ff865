//! Which VM goes to which host, if somebody else than the greedy mapper says so.
//!
//! The policy is told what each host has left, the hosts in the order of the host selection, and
//! answers with a host for every VM. What it answers is checked before anything is planned. Who is
//! displaced is not its question: if it finds no place for a reservation it is asked again with one
//! lease less in the way.
//!
//! Source: the pluggable mapper of Haizea 1.1 (`Mapper.map`), which also chooses whom to displace.

use crate::model::lease::{Amounts, LeaseRequest, RESOURCES};
use crate::policy::PolicyError;
use crate::time::Instant;

/// What a host has left for a lease from its start on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRoom {
    /// Which host.
    pub host: u32,
    /// The least that is free from the start until each step; the first is the start.
    pub steps: Vec<(Instant, Amounts)>,
}

impl HostRoom {
    /// Until when `need` fits from the start on, at most `until`; none if it does not fit then.
    pub fn fits_until(&self, need: &Amounts, until: Instant) -> Option<Instant> {
        let lacks = |free: &Amounts| (0..RESOURCES).any(|k| need[k] > free[k]);
        match self.steps.iter().position(|(_, free)| lacks(free)) {
            None => Some(until),
            Some(0) => None,
            Some(step) => Some(self.steps[step].0.min(until)),
        }
    }

    /// What is free at the start.
    pub fn free(&self) -> Amounts {
        self.steps.first().map_or([0; RESOURCES], |step| step.1)
    }
}

/// What a mapping policy is asked.
#[derive(Debug, Clone)]
pub struct MappingQuestion<'a> {
    /// Whose VMs.
    pub lease: &'a LeaseRequest,
    /// From when on they are to run.
    pub start: Instant,
    /// Until when at most.
    pub until: Instant,
    /// Whether they must run until then; else the first host that is full cuts the slice.
    pub strict: bool,
    /// Hosts that may be taken, the best first.
    pub hosts: Vec<HostRoom>,
}

impl MappingQuestion<'_> {
    /// Until when all VMs fit on `hosts`, one for each VM.
    ///
    /// # Errors
    ///
    /// Why `hosts` is no answer, in words.
    pub fn check(&self, hosts: &[u32]) -> Result<Instant, String> {
        let vms = self.lease.vms();
        if hosts.len() != vms {
            return Err(format!("{} hosts for {vms} VMs", hosts.len()));
        }
        if let Some((a, b)) = self.lease.company().and_then(|rules| rules.broken(hosts)) {
            let how = if hosts[a] == hosts[b] { "one host" } else { "two hosts" };
            return Err(format!("{how} for VMs {a} and {b}, against the rules of the lease"));
        }
        let mut until = self.until;
        let mut sums: Vec<(u32, Amounts)> = Vec::new();
        for (&host, need) in hosts.iter().zip(self.lease.needs()) {
            match sums.iter_mut().find(|(known, _)| *known == host) {
                Some((_, sum)) => (0..RESOURCES).for_each(|k| sum[k] += need[k]),
                None => sums.push((host, need)),
            }
        }
        for (host, need) in sums {
            let offered = self.hosts.iter().find(|room| room.host == host);
            let offered = offered.ok_or_else(|| format!("host {host}, which was not offered"))?;
            let fits = offered.fits_until(&need, until);
            until = fits.ok_or_else(|| format!("more VMs than fit on host {host}"))?;
        }
        if self.strict && until < self.until {
            return Err(format!("hosts where the VMs fit until {} only", until));
        }
        Ok(until)
    }
}

/// Chooses the hosts of a lease.
pub trait MappingPolicy: Send {
    /// What messages call it.
    fn name(&self) -> &str;

    /// A host for each VM, in the order of the VMs; none if there is no place.
    ///
    /// # Errors
    ///
    /// A policy that cannot answer stops the run.
    fn map(&mut self, question: &MappingQuestion<'_>) -> Result<Option<Vec<u32>>, PolicyError>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::lease::{LeaseKind, NodeSet, Software};
    use crate::time::Span;

    /// Host 3 has 100 free until 20, then 50; two VMs of 50 fit there until 20, one to the end.
    #[test]
    fn an_answer_is_checked_against_what_hosts_have_left() {
        let amounts = |cpu: i64| {
            let mut amounts = [0; RESOURCES];
            amounts[0] = cpu;
            amounts
        };
        let lease = LeaseRequest {
            number: 1,
            arrival: Instant::START,
            kind: LeaseKind::BestEffort,
            nodes: vec![NodeSet::new(2, amounts(50))],
            duration: Span(30),
            real_duration: None,
            preemptible: true,
            software: Software::None,
            user: None,
            promised_percent: LeaseRequest::WHOLE,
            extras: Vec::new(),
        };
        let steps = vec![(Instant(10), amounts(100)), (Instant(20), amounts(50))];
        let other = vec![(Instant(10), amounts(49))];
        let hosts = vec![HostRoom { host: 3, steps }, HostRoom { host: 4, steps: other }];
        let (start, until) = (Instant(10), Instant(40));
        let mut question = MappingQuestion { lease: &lease, start, until, strict: false, hosts };
        assert_eq!(question.check(&[3, 3]), Ok(Instant(20)));
        assert_eq!(question.check(&[3]), Err("1 hosts for 2 VMs".into()));
        assert_eq!(question.check(&[3, 4]), Err("more VMs than fit on host 4".into()));
        assert_eq!(question.check(&[3, 5]), Err("host 5, which was not offered".into()));
        question.strict = true;
        assert!(question.check(&[3, 3]).is_err());
    }
}
