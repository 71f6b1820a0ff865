//! What happened at every site, and between them.

use serde::{Deserialize, Serialize};

use super::Meter;
use crate::id::{HostId, IdVec};
use crate::model::Record;
use crate::model::record::{LinkOutageRecord, MoveEnding};
use crate::model::sites::Sites;
use crate::model::stays::stays;
use crate::time::Instant;
use crate::units::Joules;

/// The figures of `[sites]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SiteSummary {
    /// By site, in the order of the spec.
    pub sites: Vec<SiteFigures>,
    /// Links between sites, in a run with `[outages]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<LinkFigures>,
    /// By pair of sites between which a VM was migrated, by source, then destination.
    pub pairs: Vec<PairFigures>,
}

/// One site.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SiteFigures {
    /// Its name.
    pub site: String,
    /// Energy of its hosts, kWh.
    pub energy_kwh: f64,
    /// Hours that VMs ran there.
    pub vm_hours: f64,
    /// Seconds during which all of its hosts were out, in a run with `[outages]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_s: Option<f64>,
}

/// A link between sites.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LinkFigures {
    /// The two sites.
    pub between: [String; 2],
    /// How often it failed.
    pub failures: u64,
    /// Seconds during which it was out.
    pub out_s: f64,
}

/// What went from one site to another.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PairFigures {
    /// The source.
    pub from: String,
    /// The destination.
    pub to: String,
    /// Migrations begun.
    pub migrations: u64,
    /// Those that moved their VM.
    pub moved: u64,
    /// Bytes of all of them.
    pub bytes: f64,
}

impl SiteSummary {
    /// The figures of a run that is over.
    pub fn of(sites: &Sites, fails: bool, meter: &Meter, record: &Record) -> Self {
        let site_of = sites.site_of(meter.hosts.len());
        let mut figures: Vec<SiteFigures> = Vec::new();
        for site in &sites.list {
            figures.push(SiteFigures { site: site.name.clone(), ..SiteFigures::default() });
        }
        for (host, meter) in meter.hosts.iter() {
            figures[usize::from(site_of[host])].energy_kwh += Joules(meter.energy_j).kwh();
        }
        for stay in stays(&site_of, &record.actions, record.vms.len(), record.end) {
            let hours = (stay.until - stay.from).seconds() / 3600.0;
            figures[usize::from(stay.site)].vm_hours += hours;
        }
        if fails {
            for (number, figures) in figures.iter_mut().enumerate() {
                figures.out_s = Some(out_s(record, &site_of, number as u16));
            }
        }
        let links = sites.links.iter().enumerate().filter(|_| fails);
        let links = links.map(|(number, link)| {
            let rows = record.link_outages.iter().filter(|row| row.link as usize == number);
            let seconds =
                |row: &LinkOutageRecord| (row.end.unwrap_or(record.end) - row.start).seconds();
            let (failures, between) = (rows.clone().count() as u64, link.between.clone());
            LinkFigures { between, failures, out_s: rows.map(seconds).sum() }
        });
        let links = links.collect();
        let count = sites.list.len();
        let mut pairs = vec![PairFigures::default(); count * count];
        for row in &record.moves {
            let [from, to] = [row.from, row.to].map(|host| usize::from(site_of[host]));
            let pair = &mut pairs[from * count + to];
            (pair.from, pair.to) = (sites.list[from].name.clone(), sites.list[to].name.clone());
            pair.migrations += 1;
            pair.moved += u64::from(row.ending == MoveEnding::Moved);
            pair.bytes += row.bytes;
        }
        pairs.retain(|pair| pair.migrations > 0 && pair.from != pair.to);
        Self { sites: figures, links, pairs }
    }

    /// Every figure with its name.
    pub fn named(&self) -> impl Iterator<Item = (String, f64)> {
        let sites = self.sites.iter().flat_map(|site| {
            let figures = [("energy_kwh", site.energy_kwh), ("vm_hours", site.vm_hours)];
            let out = site.out_s.map(|seconds| ("out_s", seconds));
            figures
                .into_iter()
                .chain(out)
                .map(|(name, value)| (format!("site.{}.{name}", site.site), value))
        });
        let pairs = self.pairs.iter().flat_map(|pair| {
            let (begun, moved) = (pair.migrations as f64, pair.moved as f64);
            let figures = [("migrations", begun), ("moved", moved), ("bytes", pair.bytes)];
            figures.map(|(name, value)| (format!("wan.{}.{}.{name}", pair.from, pair.to), value))
        });
        let links = self.links.iter().flat_map(|link| {
            let [a, b] = &link.between;
            let figures = [("failures", link.failures as f64), ("out_s", link.out_s)];
            figures.map(|(name, value)| (format!("link.{a}.{b}.{name}"), value))
        });
        sites.chain(pairs).chain(links)
    }
}

/// Seconds during which all hosts of `site` were out.
fn out_s(record: &Record, site_of: &IdVec<HostId, u16>, site: u16) -> f64 {
    let hosts = site_of.iter().filter(|(_, of)| **of == site).count() as i64;
    let here = record.outages.iter().filter(|row| site_of[row.host] == site);
    let mut steps: Vec<(Instant, i64)> =
        here.flat_map(|row| [(row.start, 1), (row.end.unwrap_or(record.end), -1)]).collect();
    steps.sort_unstable();
    let (mut out, mut since, mut seconds) = (0, Instant::START, 0.0);
    for (at, step) in steps {
        if out == hosts {
            seconds += (at - since).seconds();
        }
        (out, since) = (out + step, at);
    }
    seconds
}
