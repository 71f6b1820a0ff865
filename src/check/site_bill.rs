//! What each site owes: energy at its own price, or rent by the hour.

use std::collections::BTreeMap;

use super::Evidence;
use super::bill::{self, Bill, BillRow, Due};
use super::event::Event;
use super::sites::{Ground, stays};
use crate::model::costs::Costs;
use crate::model::sites::SiteKind;
use crate::problem::Problem;
use crate::time::Instant;

const REMEDY: &str = "Rerun the spec; if it happens again, report it with the run directory";

/// The costs at site `site`, as if all hosts stood there.
fn costs_at(costs: &Costs, ground: &Ground<'_>, site: usize) -> Costs {
    let site = &ground.sites.list[site];
    let mut here = Costs { tariffs: None, ..costs.clone() };
    here.energy_price = site.energy_price.clone().unwrap_or(here.energy_price);
    here.carbon_intensity = site.carbon_intensity.clone().unwrap_or(here.carbon_intensity);
    here.pue = site.pue.unwrap_or(here.pue);
    here
}

/// Every instant up to `end` at which a rate of any site may change or a month ends.
pub(super) fn edges(evidence: &Evidence, costs: &Costs, end: Instant) -> Vec<Instant> {
    let Some(ground) = Ground::of(evidence) else { return bill::edges(costs, end) };
    let sites = 0..ground.sites.list.len();
    let mut edges: Vec<Instant> =
        sites.flat_map(|site| bill::edges(&costs_at(costs, &ground, site), end)).collect();
    edges.extend(bill::edges(costs, end));
    edges.sort_unstable();
    edges.dedup();
    edges
}

/// Adds what hosts used to what is due, each at the price of its site.
pub(super) fn energy(
    evidence: &Evidence,
    costs: &Costs,
    used: &BTreeMap<(Instant, usize), f64>,
    end: Instant,
    due: &mut Due,
) {
    let Some(ground) = Ground::of(evidence) else { return bill::energy(costs, used, end, due) };
    for (number, site) in ground.sites.list.iter().enumerate() {
        if site.kind == SiteKind::Private {
            let here = used.iter().filter(|((_, host), _)| ground.site[*host] == number);
            let here = here.map(|(key, joules)| (*key, *joules)).collect();
            bill::energy(&costs_at(costs, &ground, number), &here, end, due);
        }
    }
}

/// Adds the rent of VMs at public sites.
pub(super) fn rent(evidence: &Evidence, events: &[Event], end: Instant, due: &mut Due) {
    let Some(ground) = Ground::of(evidence) else { return };
    for (vm, site, from, until) in stays(&ground, evidence.fleet.vms(), events, end) {
        let site = &ground.sites.list[site];
        if site.kind == SiteKind::Public {
            let price = site.instance_hour_price.unwrap_or(0.0);
            for (_, from, until) in bill::by_month(from, until) {
                let hours = (until - from).0 as f64 / 3.6e9;
                due.insert(("rent", ("vm", vm as u32), from, until), (hours, price));
            }
        }
    }
}

/// The totals of sites that do not follow from the entries, and those that do.
pub(super) fn totals(
    evidence: &Evidence,
    events: &[Event],
    bill: &Bill,
    end: Instant,
) -> (Vec<Problem>, Vec<(String, f64)>) {
    let Some(ground) = Ground::of(evidence) else { return Default::default() };
    let stays = stays(&ground, evidence.fleet.vms(), events, end);
    let site_of = |row: &BillRow| match (row.account.as_str(), row.subject.1 as usize) {
        ("energy" | "carbon", host) => ground.site.get(host).copied(),
        ("rent", vm) => {
            let then = |&&(other, _, from, until): &&(usize, usize, Instant, Instant)| {
                other == vm && from <= row.start && row.start < until
            };
            stays.iter().find(then).map(|&(_, site, ..)| site)
        }
        _ => None,
    };
    let rent: i64 = bill.rows.iter().filter(|row| row.account == "rent").map(micro).sum();
    let mut totals = vec![("costs.rent".to_owned(), rent as f64 / 1e6)];
    for (number, site) in ground.sites.list.iter().enumerate() {
        let of = |account: &'static str| {
            let here = bill.rows.iter().filter(|row| site_of(row) == Some(number));
            here.filter(move |row| row.account == account)
        };
        for account in ["energy", "carbon", "rent"] {
            let sum: i64 = of(account).map(micro).sum();
            totals.push((format!("costs.{}.{account}", site.name), sum as f64 / 1e6));
        }
        for (account, name) in
            [("energy", "energy_kwh"), ("carbon", "emissions_kg"), ("rent", "rented_hours")]
        {
            let sum: f64 = of(account).map(|row| row.quantity).sum();
            totals.push((format!("costs.{}.{name}", site.name), sum));
        }
    }
    let found = |name: &str| bill.totals.iter().find(|(n, _)| n == name).map(|(_, v)| *v);
    let wrong = totals.iter().filter(|(name, value)| {
        let near = |found: f64| (found - value).abs() <= 1e-9 * value.abs().max(1.0);
        !found(name).is_some_and(near)
    });
    let words = |(name, value): &(String, f64)| {
        let found = found(name).map_or_else(|| "nothing".to_owned(), |found| found.to_string());
        let what = format!("found {found}, the entries add up to {value}");
        Problem::new("GLN-619", name.clone(), what, REMEDY)
    };
    (wrong.map(words).collect(), totals)
}

fn micro(row: &BillRow) -> i64 {
    row.amount_micro
}
