//! `[leases.provision]`: what it may say, and which images the repository has.

use super::Error;
use super::leases::{LeaseLoad, LeaseSpec};
use super::limits::{Bound, Number};
use crate::model::Provision;
use crate::model::lease::{DISK, LeaseRequest, Site, Software, Workload};
use crate::problem::{Problem, suggestion};
use crate::provision::Preparation;

/// Numbers and what they must be.
pub(super) fn numbers(provision: &Provision) -> Vec<Number> {
    let named = [
        ("repository-mbit-s", provision.repository_mbit_s, Bound::AboveZero, "1000"),
        ("disk-mb-s", provision.disk_mb_s, Bound::AboveZero, "100"),
        ("clone-s", provision.clone_s, Bound::AtLeastZero, "2"),
        ("customise-s", provision.customise_s, Bound::AtLeastZero, "5"),
        ("boot-s", provision.boot_s, Bound::AtLeastZero, "60"),
        ("margin-s", provision.margin_s, Bound::AtLeastZero, "30"),
        ("cache-mb", provision.cache_mb.unwrap_or(1) as f64, Bound::AboveZero, "20000"),
    ];
    let key =
        |(key, value, bound, example)| (format!("[leases] provision.{key}"), value, bound, example);
    named.into_iter().map(key).collect()
}

/// What else is wrong with it, or does not go with it.
pub(super) fn problems(
    leases: &LeaseSpec,
    hosts: usize,
    place: &dyn Fn(&str) -> String,
) -> Vec<Problem> {
    let Some(provision) = &leases.provision else { return Vec::new() };
    let at = |key: &str| place(&format!("[leases] provision{key}"));
    let mut problems = Vec::new();
    if leases.load == LeaseLoad::None {
        let what = "provisions VMs in a run with load, and these leases carry none";
        let remedy = "Set leases.load to replayed, or use leases.preparation";
        problems.push(Problem::new("GLN-687", at(""), what, remedy));
        return problems;
    }
    if leases.rules.preparation != Preparation::Unmanaged {
        let what = "sends images, and so does leases.preparation";
        problems.push(Problem::new("GLN-687", at(""), what, "Leave one of them out"));
    }
    if !(0.0..=1.0).contains(&provision.boot_cpu) {
        let what = format!("must be between 0 and 1, found {}", provision.boot_cpu);
        problems.push(Problem::new("GLN-203", at(".boot-cpu"), what, "Write e.g. 0.5"));
    }
    if provision.repository_host as usize >= hosts {
        let what = format!("is {}, the fleet has {hosts} hosts", provision.repository_host);
        let remedy = "Name a host from 0 on";
        problems.push(Problem::new("GLN-203", at(".repository-host"), what, remedy));
    }
    let empty = provision.images.iter().filter(|&(_, &mb)| mb == 0 || mb > 1 << 40);
    problems.extend(empty.map(|(name, mb)| {
        let what = format!("found {mb} MB");
        Problem::new("GLN-203", at(&format!(".images.{name}")), what, "Write its size in MB")
    }));
    problems
}

/// Numbers the images of `workload`, and gives them the sizes that the repository has them in.
///
/// # Errors
/// GLN-685 for every lease whose image the repository does not have, GLN-686 for every one whose
/// image is larger than its disk or that of any host.
pub(super) fn resolve(
    provision: &Provision,
    workload: &mut Workload,
    site: &Site,
    name: &str,
) -> Result<(), Error> {
    let mut problems = Vec::new();
    workload.number_images();
    let largest = site.hosts.iter().map(|host| host[DISK]).max().unwrap_or(0);
    let names = &workload.images;
    for lease in &mut workload.leases {
        let Software::Image { image, size } = &mut lease.software else { continue };
        let called = &names[*image as usize];
        let at = format!("{name}, lease {}", lease.number);
        match provision.images.get(called) {
            Some(&mb) => *size = mb as i64,
            None if provision.images.is_empty() => {}
            None => {
                let hint = suggestion(called, provision.images.keys().map(String::as_str));
                let what = format!("the repository has no image `{called}`{hint}");
                let remedy = "Add it to leases.provision.images, or name another";
                problems.push(Problem::new("GLN-685", at, what, remedy));
                continue;
            }
        }
        let size = *size;
        problems.extend(too_large(lease, size, largest).map(|what| {
            let remedy = "Ask for more disk, or use a smaller image";
            Problem::new("GLN-686", at, what, remedy)
        }));
    }
    if problems.is_empty() { Ok(()) } else { Err(Error { problems }) }
}

/// What an image of `size` MB does not fit on: the disk that the lease asks for, or any host.
fn too_large(lease: &LeaseRequest, size: i64, largest: i64) -> Option<String> {
    let asked = lease.nodes.iter().map(|set| set.need[DISK]).filter(|&disk| disk > 0).min();
    match asked {
        Some(disk) if size > disk => Some(format!("an image of {size} MB, and {disk} MB of disk")),
        _ if size > largest => {
            Some(format!("an image of {size} MB, the largest host has {largest}"))
        }
        _ => None,
    }
}
