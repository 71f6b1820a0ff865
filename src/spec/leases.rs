//! `[leases]`: which leases are asked of which hosts, and by what rules they are served.
//!
//! A spec with this section is a run of leases. Their VMs carry load where `load = "replayed"`; the
//! sections that describe load and hosts stand beside it then, and are refused otherwise.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::lease_code::{self, LeaseCode};
use super::limits::{Bound, Number};
use super::overbooking::Overbooking;
use super::processor::Processor;
use super::provision;
use super::synthetic_leases::{self, MadeImages, MadeReservations};
use super::{Error, RunSpec};
use crate::engine::ConsolidateLeases;
use crate::lease::{
    Adjustment, Backfilling, LeaseRules, Oddities, PricingSpec, ShiftingSpec, format,
};
use crate::model::Provision;
use crate::model::lease::{Amounts, CPU, DISK, MEMORY, NET_IN, NET_OUT, Site};
use crate::problem::{Problem, suggestion};

/// The bundled workload.
pub(super) const SAMPLE: &str = include_str!("../../traces/leases.lwf");

/// `[leases]`
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct LeaseSpec {
    /// `sample` (the bundled synthetic one), or a file; `.gz` is unpacked.
    pub workload: Source,
    /// The form of the files.
    pub format: LeaseFormat,
    /// So many leases of the workload are taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<usize>,
    /// Files of leases that are merged into it by arrival.
    pub inject: Vec<PathBuf>,
    /// A file of annotations for its leases.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<PathBuf>,
    /// A file of instance types of one's own that leases may name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub catalogue: Option<PathBuf>,
    /// Whether the VMs of leases carry load.
    #[serde(skip_serializing_if = "LeaseLoad::is_none")]
    pub load: LeaseLoad,
    /// Whether policies say where those VMs run, and hosts sleep.
    #[serde(skip_serializing_if = "ConsolidateLeases::is_off")]
    pub consolidate: ConsolidateLeases,
    /// Hosts without VMs that stay on then.
    #[serde(skip_serializing_if = "is_none")]
    pub spare_hosts: usize,
    /// What VMs that carry load need before they run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provision: Option<Provision>,
    /// How far hosts are overbooked with leases that are no reservation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overbooking: Option<Overbooking>,
    /// Hosts in blocks, ids in the order given; without them those that the workload names.
    pub hosts: Vec<LeaseHosts>,
    /// What a processor of a batch job becomes.
    pub processor: Processor,
    /// Reservations that are made and merged into it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reservations: Option<MadeReservations>,
    /// Disk images that its leases get.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<MadeImages>,
    /// What is changed of the leases before they are asked for.
    pub adjust: Adjustment,
    /// What becomes of leases that the empty site could not hold.
    pub oversized: Oversized,
    /// Until when leases that can wait are held back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shifting: Option<ShiftingSpec>,
    /// Policies written in Python, in place of those that the rules name.
    #[serde(skip_serializing_if = "LeaseCode::is_empty")]
    pub policies: LeaseCode,
    /// How leases are served.
    #[serde(flatten)]
    pub rules: LeaseRules,
}

/// Where a workload comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Source(pub PathBuf);

impl Default for Source {
    fn default() -> Self {
        Self("sample".into())
    }
}

/// The form of a file of leases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeaseFormat {
    /// Found out from its first character and its columns.
    #[default]
    Auto,
    /// XML.
    Lwf,
    /// Ten columns.
    OldLwf,
    /// Standard workload format of batch systems.
    Swf,
}

/// Whether the VMs of leases carry load.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeaseLoad {
    /// They hold what they asked for, and that is all.
    #[default]
    None,
    /// They replay the trace of `[trace]` on the hosts of `[fleet]`.
    Replayed,
}

fn is_none(count: &usize) -> bool {
    *count == 0
}

impl LeaseLoad {
    fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// Equal hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LeaseHosts {
    /// How many.
    pub count: usize,
    /// CPU of each, hundredths of a core.
    pub cpu: i64,
    /// Memory of each, MB.
    pub memory_mb: i64,
    /// Disk of each, MB; plenty unless it is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_mb: Option<i64>,
    /// Network into each, Mbit/s; plenty unless it is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub net_in_mbit_s: Option<i64>,
    /// Network out of each, Mbit/s; plenty unless it is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub net_out_mbit_s: Option<i64>,
}

/// What becomes of leases that the empty site could not hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Oversized {
    /// They are problems: nothing runs.
    #[default]
    Refuse,
    /// They are left out and counted.
    LeaveOut,
    /// They are asked for like others: rejected, or failed when all else is over.
    Keep,
}

impl LeaseSpec {
    /// Keys that have no default.
    pub(super) const OPTIONAL: [&str; 15] = [
        "first",
        "load",
        "consolidate",
        "spare-hosts",
        "overbooking",
        "provision",
        "shifting",
        "annotations",
        "catalogue",
        "reservations",
        "images",
        "policies",
        "suspend-time-s",
        "resume-time-s",
        "threshold-s",
    ];

    /// Numbers and what they must be.
    pub(super) fn numbers(&self) -> Vec<Number> {
        let Self { rules, adjust, processor, .. } = self;
        let above = Bound::AboveZero;
        let from = Bound::AtLeastZero;
        let mut numbers = vec![
            ("suspend-mb-s", rules.suspend_rate, above, "32"),
            ("resume-mb-s", rules.resume_rate, above, "32"),
            ("bandwidth-mbit-s", rules.bandwidth, above, "100"),
            ("threshold-factor", rules.threshold_factor, from, "1"),
            ("adjust.slowdown-percent", adjust.slowdown_percent, from, "5"),
            ("adjust.cpu", adjust.cpu.unwrap_or(1) as f64, above, "100"),
            ("adjust.memory-mb", adjust.memory.unwrap_or(1) as f64, above, "1024"),
            ("processor.cpu", processor.cpu as f64, above, "100"),
            ("processor.memory-mb", processor.memory_mb as f64, from, "1024"),
        ];
        let most = |limit| Bound::Between(limit, u32::MAX as usize);
        if let Backfilling::Intermediate(limit) = rules.backfilling {
            numbers.push(("backfilling.intermediate", f64::from(limit), most(1), "4"));
        }
        if let PricingSpec::Constant(rate) = rules.pricing {
            numbers.push(("pricing.constant", rate, from, "0.1"));
        }
        if let Some(overbooking) = &self.overbooking {
            numbers.push(("overbooking.risk", overbooking.risk, Bound::AboveZeroToOne, "0.01"));
        }
        if let Some(shifting) = &self.shifting {
            let held_s = shifting.at_most.seconds();
            numbers.push(("shifting.at-most-s", held_s, Bound::AboveZero, "86400"));
        }
        if let Some(first) = self.first {
            numbers.push(("first", first as f64, most(1), "300"));
        }
        let named =
            |(key, value, bound, example)| (format!("[leases] {key}"), value, bound, example);
        let made = synthetic_leases::numbers(self.reservations.as_ref(), self.images.as_ref());
        let provision = self.provision.iter().flat_map(provision::numbers);
        numbers.into_iter().map(named).chain(made).chain(provision).collect()
    }

    /// What else is wrong with the values.
    pub(super) fn problems(&self, place: &dyn Fn(&str) -> String) -> Vec<Problem> {
        let sound = |hosts: &LeaseHosts| {
            let sizes = [hosts.cpu, hosts.memory_mb, hosts.disk_mb.unwrap_or(1)];
            let nets = [hosts.net_in_mbit_s, hosts.net_out_mbit_s].map(|net| net.unwrap_or(1));
            let sizes = sizes.into_iter().chain(nets);
            (1..=1_000_000).contains(&hosts.count)
                && sizes.into_iter().all(|size| (1..=1 << 40).contains(&size))
        };
        let wrong = self.hosts.iter().enumerate().filter(|(_, hosts)| !sound(hosts));
        let worded = |(i, _): (usize, &LeaseHosts)| {
            let at = place(&format!("[leases] hosts[{i}]"));
            let what = "count must be 1 to 1000000, every amount above 0";
            Problem::new("GLN-203", at, what, "Write positive numbers; leave out what is plenty")
        };
        let mut problems: Vec<Problem> = wrong.map(worded).collect();
        if self.load == LeaseLoad::None && !self.consolidate.is_off() {
            let at = place("[leases] consolidate");
            let what = "these leases carry no load by which to consolidate";
            problems.push(Problem::new("GLN-206", at, what, "Set leases.load to replayed"));
        }
        if self.consolidate.is_off() && self.spare_hosts > 0 {
            let at = place("[leases] spare-hosts");
            let what = "all hosts are on where nobody consolidates";
            problems.push(Problem::new("GLN-206", at, what, "Set leases.consolidate"));
        }
        if let Some(overbooking) = &self.overbooking {
            problems.extend(overbooking.problems(self.load == LeaseLoad::Replayed, place));
        }
        problems
    }

    /// The files that it reads, but for the bundled sample.
    pub fn files(&self) -> Vec<PathBuf> {
        let Source(workload) = &self.workload;
        let sample = workload == Path::new("sample") && !workload.exists();
        let workload = (!sample).then_some(workload);
        workload.into_iter().chain(&self.inject).chain(&self.annotations).cloned().collect()
    }

    /// The hosts that the spec names, if it names any.
    pub(super) fn site(&self) -> Option<Site> {
        let mut site = Site::uniform(0, 0, 0);
        for block in &self.hosts {
            let mut equal = Site::uniform(block.count, block.cpu, block.memory_mb);
            let further = [
                (DISK, block.disk_mb),
                (NET_IN, block.net_in_mbit_s),
                (NET_OUT, block.net_out_mbit_s),
            ];
            for (resource, amount) in further {
                let Some(amount) = amount else { continue };
                equal.hosts.iter_mut().for_each(|host| host[resource] = amount);
            }
            site.hosts.extend(equal.hosts);
        }
        (!site.hosts.is_empty()).then_some(site)
    }
}

/// Spells out what may be said by a name alone: a set of oddities, a way of preparation.
pub(super) fn spell_out(section: &mut Value, at: &str, problems: &mut Vec<Problem>) {
    let Value::Table(given) = section else { return };
    lease_code::spell_out(given, at, problems);
    if let Some(Value::String(kind)) = given.get("preparation") {
        let kind = Value::String(kind.clone());
        let table = Table::from_iter([("kind".to_owned(), kind)]);
        given.insert("preparation".into(), Value::Table(table));
    }
    let (kind, changes) = match given.get("oddities") {
        Some(Value::String(kind)) => (kind.clone(), Table::new()),
        Some(Value::Table(changes)) => match changes.get("kind") {
            Some(Value::String(kind)) => (kind.clone(), changes.clone()),
            _ => return,
        },
        _ => return,
    };
    let Some(mut all) = Oddities::named(&kind).and_then(|set| Table::try_from(set).ok()) else {
        let hint = suggestion(&kind, Oddities::NAMES);
        let what = format!("unknown set of oddities `{kind}`{hint}");
        let remedy = format!("Use one of {}, or a table", Oddities::NAMES.join(", "));
        problems.push(Problem::new("GLN-204", format!("{at} oddities"), what, remedy));
        given.remove("oddities");
        return;
    };
    all.extend(changes.into_iter().filter(|(key, _)| key != "kind"));
    given.insert("oddities".into(), Value::Table(all));
}

/// The run that a configuration of Haizea describes, by the rules of its version 1.1.
///
/// # Errors
/// Every problem of the file; GLN-147 when it names no workload.
pub(super) fn of_configuration(path: &Path) -> Result<RunSpec, Error> {
    let name = path.display().to_string();
    let read = format::read_configuration(&name, format::open(path)?, LeaseRules::haizea_1_1())?;
    let workload = read.trace.ok_or_else(|| {
        let remedy = "Write `tracefile: FILE` in [tracefile]";
        Problem::new("GLN-147", name, "names no workload", remedy)
    })?;
    let blocks = |site: &Site| {
        let block = |hosts: &[Amounts]| LeaseHosts {
            count: hosts.len(),
            cpu: hosts[0][CPU],
            memory_mb: hosts[0][MEMORY],
            disk_mb: Some(hosts[0][DISK]),
            net_in_mbit_s: Some(hosts[0][NET_IN]),
            net_out_mbit_s: Some(hosts[0][NET_OUT]),
        };
        site.hosts.chunk_by(|a, b| a == b).map(block).collect()
    };
    let leases = LeaseSpec {
        workload: Source(workload),
        inject: read.injection.into_iter().collect(),
        annotations: read.annotation,
        hosts: read.site.as_ref().map(blocks).unwrap_or_default(),
        adjust: read.adjustment,
        oversized: Oversized::Keep,
        rules: read.rules,
        ..LeaseSpec::default()
    };
    Ok(RunSpec { leases: Some(leases), ..RunSpec::default() })
}

#[cfg(test)]
mod tests {
    use super::super::{LeaseInputs, Override, parse};
    use super::*;
    use crate::lease::RATE;
    use crate::provision::Preparation;

    fn leases(text: &str, changes: &[&str]) -> Result<LeaseSpec, Error> {
        let changes = changes.iter().map(|c| Override::parse(c).expect("a change")).collect();
        parse(text, "x.toml", changes).map(|spec| spec.leases.expect("a run of leases"))
    }

    #[test]
    fn a_set_of_oddities_may_be_named_and_changed() {
        let named = leases("[leases]\noddities = \"haizea-1.0\"\n", &[]).unwrap();
        assert_eq!(named.rules.oddities, Oddities::haizea_1_0());
        let change = "leases.oddities.cache-overfull=false";
        let changed = leases("[leases]\noddities = \"haizea-1.0\"\n", &[change]).unwrap();
        let expected = Oddities { cache_overfull: false, ..Oddities::haizea_1_0() };
        assert_eq!(changed.rules.oddities, expected);
        let error = leases("[leases]\noddities = \"haizea-1.2\"\n", &[]).unwrap_err().to_string();
        assert!(error.contains("GLN-204 x.toml, [leases] oddities"), "{error}");
    }

    #[test]
    fn the_resolved_spec_says_leases_only_and_is_read_as_the_same() {
        let text = "[leases]\nbackfilling = { intermediate = 4 }\nthreshold-s = 90\n\
                    preparation = \"image-transfer\"\nshutdown-s = 2.5\nfirst = 3\n\
                    hosts = [{ count = 2, cpu = 100, memory-mb = 1024 }]\n";
        let spec = parse(text, "x.toml", Vec::new()).unwrap();
        let resolved = spec.to_toml();
        assert!(!resolved.contains("[trace]") && resolved.contains("shutdown-s = 2.5"));
        assert_eq!(parse(&resolved, "again", Vec::new()).unwrap(), spec);
        let json = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<RunSpec>(&json).unwrap(), spec);
        let rules = spec.leases.unwrap().rules;
        assert!(matches!(rules.preparation, Preparation::ImageTransfer(_)));
        assert_eq!(rules.threshold.map(crate::time::Span::seconds), Some(90.0));
    }

    #[test]
    fn load_beside_leases_and_wrong_values_are_refused_together() {
        let text = "[leases]\nsuspend-mb-s = 0\nbackfiling = \"easy\"\nenactment-s = -1\n\
                    [trace]\npath = \"sample\"\n";
        let problems = parse(text, "x.toml", Vec::new()).unwrap_err().problems;
        let shown: Vec<String> = problems.iter().map(Problem::to_string).collect();
        assert_eq!(shown.len(), 3, "{shown:#?}");
        assert!(shown.iter().any(|line| line.contains("did you mean `backfilling`?")));
        assert!(shown.iter().any(|line| line.starts_with("GLN-206 x.toml, [trace]")));
        let error = leases("[leases]\nsuspend-mb-s = 0\n", &[]).unwrap_err().to_string();
        assert!(error.starts_with("GLN-203 x.toml, [leases] suspend-mb-s: must be above 0"));
    }

    #[test]
    fn what_the_site_cannot_hold_is_refused_or_left_out() {
        let one = "[leases]\nhosts = [{ count = 1, cpu = 1, memory-mb = 1 }]\n";
        let error = LeaseInputs::read(&leases(one, &[]).unwrap()).unwrap_err().to_string();
        assert!(error.contains("GLN-146 sample: lease 1 has"), "{error}");
        let left_out = leases(one, &["leases.oversized=leave-out"]).unwrap();
        let inputs = LeaseInputs::read(&left_out).unwrap();
        assert!(inputs.workload.leases.is_empty() && inputs.left_out > 0);
    }

    #[test]
    fn a_rate_that_is_no_number_is_refused() {
        let mut inputs = LeaseInputs::read(&LeaseSpec::default()).unwrap();
        inputs.workload.leases[2].extras.push((RATE.into(), "much".into()));
        let error = inputs.check("x.lwf", Oversized::Refuse).unwrap_err().to_string();
        assert!(error.starts_with("GLN-143 x.lwf: lease 3: the extra attribute `rate` is `much`"));
    }

    #[test]
    fn the_sample_is_whole() {
        let inputs = LeaseInputs::read(&LeaseSpec::default()).unwrap();
        assert!(inputs.workload.leases.len() >= 40 && inputs.site.hosts.len() >= 8);
        assert_eq!(inputs.blake3().len(), 64);
    }
}
