//! `[sites]`: everything that can be said without trace and workload is checked before they are
//! read.

use std::collections::BTreeMap;

use super::RunSpec;
use super::costs::read_file;
use super::limits::{Bound, Number, out_of_bounds};
use crate::model::costs::Rate;
use crate::model::sites::{MOST_SITES, Numbers, Site, SiteRule, Sites};
use crate::problem::{Problem, suggestion};

type Place<'p> = &'p dyn Fn(&str) -> String;

/// The series of all sites, with where they stand.
pub(super) fn rates(sites: &Sites) -> impl Iterator<Item = (String, &Rate)> {
    sites.list.iter().enumerate().flat_map(|(number, site)| {
        let rates =
            [("energy-price", &site.energy_price), ("carbon-intensity", &site.carbon_intensity)];
        let at = move |key| format!("[sites] list[{number}].{key}");
        rates.into_iter().filter_map(move |(key, rate)| Some((at(key), rate.as_ref()?)))
    })
}

/// Puts the steps of files in their place.
pub(super) fn read_files(sites: &mut Sites, place: Place<'_>, problems: &mut Vec<Problem>) {
    for (number, site) in sites.list.iter_mut().enumerate() {
        let rates = [
            ("energy-price", &mut site.energy_price),
            ("carbon-intensity", &mut site.carbon_intensity),
        ];
        for (key, rate) in rates {
            let Some(rate) = rate else { continue };
            let at = place(&format!("[sites] list[{number}].{key}"));
            read_file(rate, &format!("{}.{key}", site.name), &at, problems);
        }
    }
}

/// Problems as they are found, each worded with its field of `[sites]`.
struct Found<'p> {
    place: Place<'p>,
    problems: Vec<Problem>,
}

impl Found<'_> {
    fn note(&mut self, code: &'static str, field: &str, what: impl Into<String>, remedy: &str) {
        let at = (self.place)(&format!("[sites] {field}"));
        self.problems.push(Problem::new(code, at, what.into(), remedy));
    }
}

impl RunSpec {
    /// What is wrong with `[sites]`, as far as can be said without trace and workload.
    pub(super) fn sites_problems(&self, place: Place<'_>) -> Vec<Problem> {
        let Some(sites) = &self.sites else { return Vec::new() };
        let mut found = Found { place, problems: out_of_bounds(numbers(sites), place) };
        names(sites, &mut found);
        stands(sites, self.fleet.count(), &mut found);
        links(sites, &mut found);
        for (number, rule) in sites.rules.iter().enumerate() {
            self.rule(sites, rule, &format!("rules[{number}]"), &mut found);
        }
        tenants(sites, &mut found);
        self.without_effect(sites, &mut found);
        self.at_odds(sites, &mut found);
        let mut problems = found.problems;
        for (at, rate) in rates(sites) {
            if let Rate::Series(series) = rate {
                problems.extend(self.series_problems(&place(&at), series));
            }
        }
        problems
    }

    /// What is wrong with a rule by itself.
    fn rule(&self, sites: &Sites, rule: &SiteRule, at: &str, found: &mut Found<'_>) {
        let SiteRule { vms, types, at_most, per, .. } = rule;
        if let Some(numbers) = vms {
            readable(numbers, &format!("{at}.vms"), found);
        }
        for kind in types.iter().flatten().filter(|kind| **kind as usize >= self.fleet.vms.len()) {
            let what = format!("there is no type {kind}, [fleet] vms has {}", self.fleet.vms.len());
            found.note("GLN-666", &format!("{at}.types"), what, "Write types from 0 on");
        }
        if types.is_some() && self.leases.is_some() {
            let remedy = "Write vms: they are numbered by the arrival of their leases";
            found.note("GLN-206", &format!("{at}.types"), "VMs of leases have no types", remedy);
        }
        let known: Vec<&str> = sites.list.iter().map(|site| site.name.as_str()).collect();
        for name in rule.sites.iter().flatten().filter(|name| sites.named(name).is_none()) {
            let what = format!("there is no site `{name}`{}", suggestion(name, known.clone()));
            let remedy = format!("Name one of {}", known.join(", "));
            found.note("GLN-662", &format!("{at}.sites"), what, &remedy);
        }
        match (at_most, per) {
            (Some(0), _) => {
                found.note("GLN-664", &format!("{at}.at-most"), "allows nobody", "Write 1 or more");
            }
            (Some(_), None) => {
                let what = "does not say of what";
                found.note("GLN-664", &format!("{at}.at-most"), what, "Add per = \"zone\"");
            }
            (None, Some(_)) => {
                let what = "does not say how many";
                found.note("GLN-664", &format!("{at}.per"), what, "Add at-most = 1");
            }
            _ => {}
        }
        let SiteRule { private, trusted, stay, .. } = *rule;
        if !(private || trusted || stay || rule.sites.is_some() || at_most.is_some()) {
            let remedy = "Add private, trusted, sites, stay, or at-most with per";
            found.note("GLN-664", at, "says who, and not what", remedy);
        }
        let named = rule.sites.iter().flatten().all(|name| sites.named(name).is_some());
        if named && !sites.list.is_empty() && sites.list.iter().all(|site| rule.forbids(site)) {
            let remedy = "Name a site where its VMs may be, or drop a part of it";
            found.note("GLN-665", at, "contradicts itself: it leaves no site", remedy);
        }
    }

    /// Keys that change nothing.
    fn without_effect(&self, sites: &Sites, found: &mut Found<'_>) {
        let none = Sites::default();
        let public = sites.list.iter().any(Site::is_public);
        let of_links = [
            ("disk-gib", sites.disk_gib.is_some()),
            ("disk-writes-mb-s", sites.disk_writes_mb_s != none.disk_writes_mb_s),
            ("window-kib", sites.window_kib != none.window_kib),
            ("connections", sites.connections != none.connections),
            ("network-update-s", sites.network_update_s != none.network_update_s),
            ("encryption", sites.encryption.is_some()),
        ];
        for (key, _) in of_links.iter().filter(|(_, said)| *said && sites.links.is_empty()) {
            let what = "is about migrations between sites, and no links connect them";
            found.note("GLN-664", key, what, "Add links, or leave it out");
        }
        let of_return = [
            ("return-after-s", sites.return_after_s != none.return_after_s),
            ("return-margin", sites.return_margin != none.return_margin),
        ];
        for (key, _) in of_return.iter().filter(|(_, said)| *said && !public) {
            let what = "is about VMs at public sites, and there are none";
            found.note("GLN-664", key, what, "Leave it out");
        }
        for (number, site) in sites.list.iter().enumerate() {
            let energy = [
                ("energy-price", site.energy_price.is_some()),
                ("pue", site.pue.is_some()),
                ("carbon-intensity", site.carbon_intensity.is_some()),
            ];
            let rent = [("instance-hour-price", site.instance_hour_price.is_some())];
            let costs = self.costs.is_some();
            for (key, of_energy) in
                energy.iter().map(|k| (k, true)).chain(rent.iter().map(|k| (k, false)))
            {
                let what = match (key.1, costs, of_energy == site.is_public()) {
                    (false, ..) | (true, true, false) => continue,
                    (true, false, _) => "is money, and there is no [costs]",
                    (true, true, true) if of_energy => "is paid by whom the public site belongs to",
                    (true, true, true) => "is the price of a public site, and this one is private",
                };
                let remedy = "Leave it out, or change the kind of the site or add [costs]";
                found.note("GLN-664", &format!("list[{number}].{}", key.0), what, remedy);
            }
        }
    }

    /// Other sections that do not go with `[sites]`.
    fn at_odds(&self, sites: &Sites, found: &mut Found<'_>) {
        let model = self.migration.rules.model.as_str();
        if ["wan", "storage"].contains(&model) {
            let what = format!("the model `{model}` makes every move one between sites");
            let remedy = "Choose another migration.model: moves between sites are far by [sites]";
            found.note("GLN-664", "links", what, remedy);
        }
        let encrypts = self.migration.practice.features.encryption.is_some();
        if sites.encryption.is_some() && encrypts {
            let what = "stands beside migration.features.encryption, which encrypts all streams";
            found.note("GLN-664", "encryption", what, "Leave one of them out");
        }
        let provision = self.leases.as_ref().and_then(|leases| leases.provision.as_ref());
        if provision.is_some() && sites.list.len() > 1 {
            let what = "stands beside [leases.provision], whose images pass no link between sites";
            let remedy = "Leave out [leases.provision], or write one site";
            found.note("GLN-653", "list", what, remedy);
        }
    }
}

/// Names of sites and zones.
fn names(sites: &Sites, found: &mut Found<'_>) {
    if sites.list.is_empty() {
        let remedy = "Write list = [{ name = \"home\", hosts = \"0-9\" }], or drop the section";
        found.note("GLN-660", "list", "there is no site", remedy);
    }
    if sites.list.len() > MOST_SITES {
        let what = format!("has {} sites, expected at most {MOST_SITES}", sites.list.len());
        found.note("GLN-660", "list", what, "Join some of them");
    }
    let mut known: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (number, site) in sites.list.iter().enumerate() {
        let zones = site.zones.iter().enumerate();
        let zones = zones.map(|(z, zone)| ("zone", &zone.name, format!(".zones[{z}]")));
        for (kind, name, part) in std::iter::once(("site", &site.name, String::new())).chain(zones)
        {
            let at = format!("list[{number}]{part}.name");
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if name.is_empty() || name.len() > 40 || !name.chars().all(plain) {
                let what = format!("found `{name}`, expected 1 to 40 letters, digits, - and _");
                found.note("GLN-660", &at, what, "Write a plain name");
            } else if known.insert((kind, name), number).is_some() {
                let what = format!("the name `{name}` is there twice");
                found.note("GLN-660", &at, what, "Rename one of the two");
            }
        }
    }
}

/// Whether `numbers` can be read; says so where not.
fn readable(numbers: &Numbers, at: &str, found: &mut Found<'_>) -> bool {
    let Err(part) = numbers.ranges() else { return true };
    let what = format!("found `{part}`, expected a number or a range such as 0-39");
    found.note("GLN-660", at, what, "Write e.g. \"0-39, 52\"");
    false
}

/// Numbers of hosts that are there; says so where not.
fn known_hosts(numbers: &Numbers, hosts: usize, at: &str, found: &mut Found<'_>) -> Vec<usize> {
    if !readable(numbers, at, found) {
        return Vec::new();
    }
    let ranges = numbers.ranges().unwrap_or_default();
    for range in ranges.iter().filter(|range| *range.end() as usize >= hosts) {
        let what = format!("there is no host {}, [fleet] has {hosts}", range.end());
        found.note("GLN-661", at, what, "Write hosts from 0 on");
    }
    let members: Vec<usize> = numbers.below(hosts).collect();
    if members.is_empty() {
        found.note("GLN-661", at, "has no host", "Write e.g. \"0-39\"");
    }
    members
}

/// Every host belongs to one site, and to one of its zones at most.
fn stands(sites: &Sites, hosts: usize, found: &mut Found<'_>) {
    let mut site_of: Vec<Option<usize>> = vec![None; hosts];
    let mut zone_of: Vec<Option<&str>> = vec![None; hosts];
    for (number, site) in sites.list.iter().enumerate() {
        let at = format!("list[{number}].hosts");
        for host in known_hosts(&site.hosts, hosts, &at, found) {
            if let Some(other) = site_of[host].replace(number) {
                let what = format!("host {host} belongs to `{}` as well", sites.list[other].name);
                found.note("GLN-661", &at, what, "Let every host belong to one site");
            }
        }
    }
    for (number, site) in sites.list.iter().enumerate() {
        for (z, zone) in site.zones.iter().enumerate() {
            let at = format!("list[{number}].zones[{z}].hosts");
            for host in known_hosts(&zone.hosts, hosts, &at, found) {
                if site_of[host] != Some(number) {
                    let what = format!("host {host} is none of the site `{}`", site.name);
                    found.note("GLN-661", &at, what, "Let a zone have hosts of its site");
                } else if let Some(other) = zone_of[host].replace(&zone.name) {
                    let what = format!("host {host} belongs to zone `{other}` as well");
                    found.note("GLN-661", &at, what, "Let a host belong to one zone");
                }
            }
        }
    }
    let none: Vec<usize> = (0..hosts).filter(|&host| site_of[host].is_none()).collect();
    if let Some(first) = none.first() {
        let what = format!("{} hosts belong to no site, the first is {first}", none.len());
        found.note("GLN-661", "list", what, "Let every host of [fleet] belong to one site");
    }
}

/// Links lead from one site to another.
fn links(sites: &Sites, found: &mut Found<'_>) {
    let names: Vec<&str> = sites.list.iter().map(|site| site.name.as_str()).collect();
    let mut known: Vec<[&str; 2]> = Vec::new();
    for (number, link) in sites.links.iter().enumerate() {
        let at = format!("links[{number}].between");
        for name in link.between.iter().filter(|name| sites.named(name).is_none()) {
            let what = format!("there is no site `{name}`{}", suggestion(name, names.clone()));
            found.note("GLN-662", &at, what, &format!("Name one of {}", names.join(", ")));
        }
        let [a, b] = [0, 1].map(|end: usize| link.between[end].as_str());
        if a == b {
            found.note("GLN-663", &at, format!("leads from `{a}` to itself"), "Name two sites");
        } else if known.contains(&[a, b]) || known.contains(&[b, a]) {
            let what = format!("`{a}` and `{b}` are connected twice");
            found.note("GLN-663", &at, what, "Write one link of the rate of both");
        }
        known.push([a, b]);
    }
}

/// A VM belongs to one tenant at most.
fn tenants(sites: &Sites, found: &mut Found<'_>) {
    let mut known: Vec<(u32, u32, usize)> = Vec::new();
    for (number, tenant) in sites.tenants.iter().enumerate() {
        let at = format!("tenants[{number}]");
        if !readable(tenant, &at, found) {
            continue;
        }
        if tenant.is_empty() {
            found.note("GLN-664", &at, "has no VM", "Leave it out");
        }
        for range in tenant.ranges().unwrap_or_default() {
            let (first, last) = range.into_inner();
            let twice = known.iter().find(|&&(from, to, _)| first <= to && from <= last);
            if let Some(&(from, _, other)) = twice {
                let what = format!("VM {} is of tenant {other} as well", first.max(from));
                found.note("GLN-664", &at, what, "Let a VM belong to one tenant");
            }
            known.push((first, last, number));
        }
    }
}

/// Numbers and what they must be.
fn numbers(sites: &Sites) -> Vec<Number> {
    let number =
        |key: &str, value, bound, example| (format!("[sites] {key}"), value, bound, example);
    let mut all = vec![
        number("disk-gib", sites.disk_gib.unwrap_or(0.0), Bound::Amount, "20"),
        number("disk-writes-mb-s", sites.disk_writes_mb_s, Bound::Amount, "1"),
        number("window-kib", sites.window_kib, Bound::AboveZero, "4096"),
        number("connections", sites.connections, Bound::FromOneOn, "1"),
        number("network-update-s", sites.network_update_s, Bound::AtLeastZero, "0.2"),
        number("return-after-s", sites.return_after_s, Bound::AtLeastZero, "3600"),
        number("return-margin", sites.return_margin, Bound::AtLeastZero, "0.2"),
    ];
    if let Some(cipher) = sites.encryption {
        all.push(number("encryption.speed-mb-s", cipher.speed_mb_s, Bound::AboveZero, "1000"));
        all.push(number("encryption.overhead", cipher.overhead, Bound::AtLeastZero, "0.0018"));
    }
    for (turn, link) in sites.links.iter().enumerate() {
        let key = |key: &str| format!("links[{turn}].{key}");
        all.push(number(&key("mbit-s"), link.mbit_s, Bound::AboveZero, "1000"));
        all.push(number(&key("rtt-ms"), link.rtt_ms, Bound::AboveZero, "20"));
        all.push(number(&key("loss"), link.loss, Bound::ZeroToBelowOne, "0.0001"));
    }
    for (turn, site) in sites.list.iter().enumerate() {
        let key = |key: &str| format!("list[{turn}].{key}");
        all.push(number(&key("pue"), site.pue.unwrap_or(1.0), Bound::FromOneOn, "1.5"));
        let rent = site.instance_hour_price.unwrap_or(0.0);
        all.push(number(&key("instance-hour-price"), rent, Bound::Amount, "0.1"));
        let rates =
            [("energy-price", &site.energy_price), ("carbon-intensity", &site.carbon_intensity)];
        for (name, rate) in rates {
            if let Some(Rate::Constant(value)) = rate {
                all.push(number(&key(name), *value, Bound::Amount, "0.25"));
            }
        }
    }
    all
}
