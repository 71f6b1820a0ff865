//! From names to numbers: the machines and instance types that `[fleet]` names are looked up in
//! the catalogue when the spec is read, so that the resolved spec says all by itself.
//!
//! A file of one's own (`fleet.catalogue`) comes before the bundled catalogue. Prices by type
//! (`costs.vm-hour-price = "catalogue"`) become the prices that the catalogue has.

use std::collections::BTreeMap;
use std::path::Path;

use super::fleet::{FleetSpec, VmSpec};
use super::leases::LeaseSpec;
use crate::model::costs::{CountedPrice, HourPrice};
use crate::model::{Catalogue, Costs, Instance};
use crate::problem::{Problem, suggestion};

type Place<'p> = &'p dyn Fn(&str) -> String;

const BYTES_PER_MB: u64 = 1_000_000;

/// The bundled catalogue, after that of `path`, if one is named.
///
/// # Errors
/// GLN-680 where the file cannot be read or is no catalogue, GLN-681 for every row that makes no
/// sense.
pub fn catalogue_with(path: Option<&Path>) -> Result<Catalogue, Vec<Problem>> {
    let Some(path) = path else { return Ok(Catalogue::bundled().clone()) };
    let name = path.display().to_string();
    let remedy = "See docs/catalogue.md for the form of a catalogue";
    let text = std::fs::read_to_string(path)
        .map_err(|cause| vec![Problem::new("GLN-680", &name, cause.to_string(), remedy)])?;
    let own = Catalogue::read(&text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start.min(text.len()));
        let line = text.as_bytes()[..start].iter().filter(|&&byte| byte == b'\n').count() + 1;
        let what = error.message().lines().collect::<Vec<_>>().join(", ");
        vec![Problem::new("GLN-680", format!("{name}:{line}"), what, remedy)]
    })?;
    let faults = own.faults();
    if faults.is_empty() {
        return Ok(own.before(Catalogue::bundled()));
    }
    let problem = |(at, what): (String, &str)| {
        Problem::new("GLN-681", format!("{name}, {at}"), what, "Mend the row")
    };
    Err(faults.into_iter().map(problem).collect())
}

/// Looks up what `fleet` names, and gives the catalogue that it was looked up in.
pub(super) fn resolve(
    fleet: &mut FleetSpec,
    place: Place<'_>,
    problems: &mut Vec<Problem>,
) -> Catalogue {
    let own = fleet.catalogue.take();
    let catalogue = catalogue_with(own.as_deref()).unwrap_or_else(|found| {
        problems.extend(found);
        Catalogue::bundled().clone()
    });
    for block in &mut fleet.hosts {
        // What is bundled stays a name.
        let bundled = Catalogue::bundled().host(&block.machine);
        let known = catalogue.host(&block.machine).filter(|found| Some(*found) != bundled);
        if let (Some(host), true) = (known, block.describes_nothing()) {
            block.describe(host);
        }
    }
    for (row, vm) in fleet.vms.iter_mut().enumerate() {
        let at = place(&format!("[fleet] vms[{row}].instance"));
        problems.extend(look_up(vm, &catalogue, &at));
    }
    catalogue
}

/// Fills in what `vm` leaves to its instance type.
fn look_up(vm: &mut VmSpec, catalogue: &Catalogue, at: &str) -> Option<Problem> {
    let name = vm.instance.as_deref()?;
    if vm.is_whole() {
        return None;
    }
    let Some(instance) = catalogue.instance(name) else {
        return Some(unknown(name, catalogue, at));
    };
    let rate = instance.vcpu_mips().map(|rate| rate.0);
    let Some(mips) = rate.or(Some(vm.mips).filter(|&mips| mips != 0.0)) else {
        let what = format!("`{name}` has no published rate of its vCPUs");
        let remedy = "Add mips, the rate of one vCPU";
        return Some(Problem::new("GLN-683", at, what, remedy));
    };
    if vm.mips == 0.0 {
        vm.mips = mips;
    }
    if vm.ram_mb == 0 {
        vm.ram_mb = instance.vcpu_memory().0 / BYTES_PER_MB;
    }
    if vm.count.is_some() && vm.vcpus.is_none() {
        vm.vcpus = Some(instance.vcpus);
    }
    None
}

/// An instance type that the catalogue does not have.
pub(super) fn unknown(name: &str, catalogue: &Catalogue, at: &str) -> Problem {
    let hint = suggestion(name, catalogue.instances.iter().map(|known| known.name.as_str()));
    let what = format!("unknown instance type `{name}`{hint}");
    Problem::new("GLN-682", at, what, "`galerna catalogue instances` shows those that are known")
}

/// Puts prices in the place of the word `catalogue`.
pub(super) fn price(
    costs: &mut Costs,
    fleet: &FleetSpec,
    leases: Option<&LeaseSpec>,
    catalogue: &Catalogue,
    place: Place<'_>,
    problems: &mut Vec<Problem>,
) {
    if !matches!(costs.vm_hour_price, HourPrice::Catalogue(_)) {
        return;
    }
    if let Some(leases) = leases {
        // Which types leases name is seen when they are read.
        match catalogue_with(leases.catalogue.as_deref()) {
            Ok(known) => costs.vm_hour_price = HourPrice::ByInstance(prices(&known)),
            Err(found) => problems.extend(found),
        }
        return;
    }
    let mut all = Vec::new();
    for (row, vm) in fleet.vms.iter().enumerate() {
        let known = vm.instance.as_deref().and_then(|name| catalogue.instance(name));
        let price = known.and_then(|known| Some((known.hour_price?, known.vcpus)));
        let Some((price, vcpus)) = price else {
            let at = place("[costs] vm-hour-price");
            let name = vm.instance.as_deref().unwrap_or("none");
            let what = format!("the catalogue has no price for vms[{row}] (instance `{name}`)");
            let remedy = "Name an instance type that has a price, or write prices";
            problems.push(Problem::new("GLN-684", at, what, remedy));
            continue;
        };
        all.push((vm.vms(), price / f64::from(vcpus)));
    }
    costs.vm_hour_price = match all.iter().any(|(vms, _)| vms.is_none()) {
        true => HourPrice::ByType(all.into_iter().map(|(_, price)| price).collect()),
        false => HourPrice::ByCount(
            all.into_iter()
                .map(|(count, price)| CountedPrice { count: count.unwrap_or(0), price })
                .collect(),
        ),
    };
}

/// The prices of all instance types that have one.
fn prices(catalogue: &Catalogue) -> BTreeMap<String, f64> {
    let priced = |instance: &Instance| Some((instance.name.clone(), instance.hour_price?));
    catalogue.instances.iter().filter_map(priced).collect()
}
