//! From `[leases]` to what a run of leases is made of: its files are read, changed as the spec says
//! and made one workload.

use std::io::{BufRead, Cursor};
use std::path::Path;

use super::Error;
use super::leases::{LeaseFormat, LeaseSpec, Oversized, SAMPLE};
use super::named_types::catalogue_with;
use super::processor::Processor;
use crate::engine::{ConsolidateLeases, LeaseSide};
use crate::lease::format::{self, SwfRules};
use crate::lease::{LeasePolicies, LeaseRules, RATE, highest_rate};
use crate::model::costs::HourPrice;
use crate::model::lease::{Amounts, LeaseRequest, NodeSet, Site, Workload};
use crate::model::{Catalogue, Costs};
use crate::problem::Problem;

/// What is added to the numbers of injected leases, file by file.
const NUMBERS_PER_FILE: u64 = 1_000_000;

/// What a run of leases needs beside its policies.
#[derive(Debug, Clone, PartialEq)]
pub struct LeaseInputs {
    /// What is asked for, in the order of arrival.
    pub workload: Workload,
    /// The hosts.
    pub site: Site,
    /// How leases are served.
    pub rules: LeaseRules,
    /// Leases that were left out.
    pub left_out: usize,
    /// Whether policies say where their VMs run.
    pub consolidate: ConsolidateLeases,
    /// Hosts without VMs that stay on then.
    pub spare_hosts: usize,
}

impl LeaseInputs {
    /// Reads the files that `spec` names and makes one workload of them.
    ///
    /// # Errors
    /// Every problem of a file; GLN-145, 146 and 148 when the whole makes no sense.
    pub fn read(spec: &LeaseSpec) -> Result<Self, Error> {
        Self::read_on(spec, spec.site())
    }

    /// As [`read`](Self::read), on a site that is known already.
    pub(super) fn read_on(spec: &LeaseSpec, site: Option<Site>) -> Result<Self, Error> {
        let name = spec.workload.0.display().to_string();
        let catalogue =
            catalogue_with(spec.catalogue.as_deref()).map_err(|problems| Error { problems })?;
        let (mut workload, mut left_out) = read(&spec.workload.0, spec, &catalogue)?;
        workload.leases.truncate(spec.first.unwrap_or(usize::MAX));
        if let Some(path) = &spec.annotations {
            let input = format::open(path)?;
            let notes = format::read_annotations(&path.display().to_string(), input)?;
            notes.apply(&mut workload);
        }
        let by_file = spec.rules.oddities.numbered_by_file;
        for (path, turn) in spec.inject.iter().zip(1..) {
            let (mut injected, lacking) = read(path, spec, &catalogue)?;
            left_out += lacking;
            let offset = if by_file { 0 } else { turn * NUMBERS_PER_FILE };
            injected.leases.iter_mut().for_each(|lease| lease.number += offset);
            if by_file {
                let all = workload.leases.iter_mut().chain(&mut injected.leases);
                (1..).zip(all).for_each(|(number, lease)| lease.number = number);
            }
            workload.merge(injected);
        }
        let site = site.or_else(|| workload.site.clone()).ok_or_else(|| {
            let what = "says nothing of the hosts, and neither does the spec";
            let remedy = "Write e.g. hosts = [{ count = 144, cpu = 100, memory-mb = 1024 }]";
            Problem::new("GLN-148", &name, what, remedy)
        })?;
        if let Some(made) = &spec.reservations {
            let mut made = made.make(&site, spec.processor);
            let offset = (spec.inject.len() as u64 + 1) * NUMBERS_PER_FILE;
            made.leases.iter_mut().for_each(|lease| lease.number += offset);
            workload.merge(made);
        }
        spec.adjust.apply(&mut workload);
        if let Some(images) = &spec.images {
            images.assign(&mut workload);
        }
        let (rules, consolidate) = (spec.rules.clone(), spec.consolidate);
        let spare_hosts = spec.spare_hosts;
        let mut inputs = Self { workload, site, rules, left_out, consolidate, spare_hosts };
        inputs.check(&name, spec.oversized)?;
        Ok(inputs)
    }

    /// What the engine runs, with `policies`.
    pub fn side(&self, policies: LeasePolicies) -> LeaseSide<'_> {
        let Self { workload, site, rules, consolidate, spare_hosts, .. } = self;
        let (consolidate, spare_hosts) = (*consolidate, *spare_hosts);
        let requests = &workload.leases;
        LeaseSide { site, requests, rules, policies, consolidate, spare_hosts }
    }

    /// Finds leases of the same number, and those that the empty site could not hold.
    pub(super) fn check(&mut self, name: &str, oversized: Oversized) -> Result<(), Error> {
        let mut problems = Vec::new();
        let mut numbers: Vec<u64> = self.workload.leases.iter().map(|l| l.number).collect();
        numbers.sort_unstable();
        for twice in numbers.windows(2).filter(|pair| pair[0] == pair[1]) {
            let what = format!("two leases have number {}", twice[0]);
            problems.push(Problem::new("GLN-145", name, what, "Give each its own number"));
        }
        problems.extend(self.workload.leases.iter().filter_map(|lease| {
            let named = highest_rate(lease).err()?;
            let what = format!("lease {}: the extra attribute `{RATE}` is `{named}`", lease.number);
            Some(Problem::new("GLN-143", name, what, "Write a number from 0 on, per VM-hour"))
        }));
        let mut classes: Vec<(Amounts, i64)> = Vec::new();
        for host in &self.site.hosts {
            match classes.iter_mut().find(|(amounts, _)| amounts == host) {
                Some((_, count)) => *count += 1,
                None => classes.push((*host, 1)),
            }
        }
        let room = |need: &[i64]| -> i64 {
            let on = |host: &[i64]| {
                let fits = need.iter().zip(host).filter(|(need, _)| **need > 0);
                fits.map(|(need, has)| has / need).min().unwrap_or(i64::from(u32::MAX))
            };
            classes.iter().map(|(host, count)| on(host).saturating_mul(*count)).sum()
        };
        let too_large = |lease: &LeaseRequest| {
            lease.nodes.iter().find(|set| room(&set.need) < i64::from(set.count)).map(|set| {
                let (count, most) = (set.count, room(&set.need));
                format!("lease {} has {count} such VMs, the site could hold {most}", lease.number)
            })
        };
        let site = &self.site;
        let unruly = |lease: &LeaseRequest| without_room(lease, site);
        match oversized {
            Oversized::Refuse => problems.extend(self.workload.leases.iter().filter_map(|lease| {
                let remedy = "Name more hosts, or set leases.oversized to leave-out or keep";
                let large = too_large(lease).map(|what| ("GLN-146", what));
                let (code, what) = large.or_else(|| Some(("GLN-699", unruly(lease)?)))?;
                Some(Problem::new(code, name, what, remedy))
            })),
            Oversized::LeaveOut => {
                let before = self.workload.leases.len();
                let fits =
                    |lease: &LeaseRequest| too_large(lease).is_none() && unruly(lease).is_none();
                self.workload.leases.retain(fits);
                self.left_out += before - self.workload.leases.len();
            }
            Oversized::Keep => {}
        }
        if problems.is_empty() { Ok(()) } else { Err(Error { problems }) }
    }

    /// Refuses leases that `costs` have no price for, where these are by instance type.
    ///
    /// # Errors
    /// GLN-684 for every such lease.
    pub fn check_prices(&self, costs: Option<&Costs>) -> Result<(), Error> {
        let Some(HourPrice::ByInstance(prices)) = costs.map(|costs| &costs.vm_hour_price) else {
            return Ok(());
        };
        let problem = |(lease, set): (&LeaseRequest, &NodeSet)| {
            let what = match &set.part.instance {
                Some(name) if prices.contains_key(name) => return None,
                Some(name) => format!("the catalogue has no price for instance type `{name}`"),
                None => "it has VMs of no instance type, and prices are by type".to_owned(),
            };
            let at = format!("lease {}, node-set", lease.number);
            let remedy = "Name an instance type that has a price, or write costs.vm-hour-price";
            Some(Problem::new("GLN-684", at, what, remedy))
        };
        let leases = self.workload.leases.iter();
        let sets = leases.flat_map(|lease| lease.nodes.iter().map(move |set| (lease, set)));
        let problems: Vec<Problem> = sets.filter_map(problem).collect();
        if problems.is_empty() { Ok(()) } else { Err(Error { problems }) }
    }

    /// BLAKE3 of the leases as they are asked for, in LWF.
    pub fn blake3(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        let workload = Workload { site: Some(self.site.clone()), ..self.workload.clone() };
        format::write_lwf(&workload, &mut hasher).expect("a hasher takes all");
        hasher.finalize().to_hex().to_string()
    }
}

/// Why the empty site could not hold the VMs of `lease` as they are to be together and apart.
fn without_room(lease: &LeaseRequest, site: &Site) -> Option<String> {
    let company = lease.company()?;
    let number = lease.number;
    let (least, hosts) = (company.least_hosts(), site.hosts.len());
    if least > hosts {
        return Some(format!(
            "lease {number}: {least} of its VMs are each to be apart, the site has {hosts} hosts"
        ));
    }
    let needs: Vec<Amounts> = lease.asked().collect();
    let together = |block: &Vec<usize>| -> Amounts {
        std::array::from_fn(|k| block.iter().map(|&vm| needs[vm][k]).sum())
    };
    let holds = |host: &Amounts, need: &Amounts| host.iter().zip(need).all(|(has, n)| n <= has);
    let large = company.blocks().into_iter().find(|block| {
        let need = together(block);
        !site.hosts.iter().any(|host| holds(host, &need))
    })?;
    let (vms, [cpu, memory, ..]) = (large.len(), together(&large));
    Some(format!(
        "lease {number}: {vms} VMs that are to be together need CPU {cpu} and {memory} MB, more \
         than any host has"
    ))
}

/// Reads one file; how many of its leases were left out comes with it.
fn read(path: &Path, spec: &LeaseSpec, catalogue: &Catalogue) -> Result<(Workload, usize), Error> {
    let name = path.display().to_string();
    let sample = path == Path::new("sample") && !path.exists();
    let mut input: Box<dyn BufRead> =
        if sample { Box::new(Cursor::new(SAMPLE)) } else { format::open(path)? };
    let form = match spec.format {
        LeaseFormat::Auto => form_of(&name, &mut input)?,
        known => known,
    };
    match form {
        LeaseFormat::Swf => {
            let Processor { cpu, memory_mb } = spec.processor;
            let rules = SwfRules { cpu, memory: memory_mb, ..SwfRules::default() };
            let (mut workload, head) = format::read_swf(&name, input, rules)?;
            let hosts = head.processors.or(head.nodes);
            workload.site = hosts.map(|hosts| Site::uniform(hosts, cpu, memory_mb));
            Ok((workload, head.left_out))
        }
        LeaseFormat::OldLwf => Ok((format::read_old_lwf(&name, input)?, 0)),
        LeaseFormat::Lwf | LeaseFormat::Auto => {
            Ok((format::read_lwf_with(&name, input, catalogue)?, 0))
        }
    }
}

/// The form of a file as its beginning tells: XML, eighteen columns or a comment of SWF, or ten.
fn form_of(name: &str, input: &mut dyn BufRead) -> Result<LeaseFormat, Error> {
    let begin = input.fill_buf().map_err(|cause| {
        let what = format!("cannot be read ({cause})");
        Problem::new("GLN-140", name, what, "Check that the file is whole")
    })?;
    let begin = String::from_utf8_lossy(&begin[..begin.len().min(4096)]);
    let lines = begin.trim_start_matches('\u{feff}').lines().map(str::trim);
    let first = lines.into_iter().find(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(match first {
        Some(line) if line.starts_with(';') => LeaseFormat::Swf,
        Some(line) if !line.starts_with('<') => match line.split_whitespace().count() {
            ..=10 => LeaseFormat::OldLwf,
            _ => LeaseFormat::Swf,
        },
        _ => LeaseFormat::Lwf,
    })
}

impl From<format::Error> for Error {
    fn from(error: format::Error) -> Self {
        Self { problems: error.problems }
    }
}
