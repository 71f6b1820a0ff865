//! What happened at every site, and between them.

use serde::{Deserialize, Serialize};

use super::Meter;
use crate::model::Record;
use crate::model::record::MoveEnding;
use crate::model::sites::Sites;
use crate::model::stays::stays;
use crate::units::Joules;

/// The figures of `[sites]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SiteSummary {
    /// By site, in the order of the spec.
    pub sites: Vec<SiteFigures>,
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
    pub fn of(sites: &Sites, meter: &Meter, record: &Record) -> Self {
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
        Self { sites: figures, pairs }
    }

    /// Every figure with its name.
    pub fn named(&self) -> impl Iterator<Item = (String, f64)> {
        let sites = self.sites.iter().flat_map(|site| {
            let figures = [("energy_kwh", site.energy_kwh), ("vm_hours", site.vm_hours)];
            figures.map(|(name, value)| (format!("site.{}.{name}", site.site), value))
        });
        let pairs = self.pairs.iter().flat_map(|pair| {
            let (begun, moved) = (pair.migrations as f64, pair.moved as f64);
            let figures = [("migrations", begun), ("moved", moved), ("bytes", pair.bytes)];
            figures.map(|(name, value)| (format!("wan.{}.{}.{name}", pair.from, pair.to), value))
        });
        sites.chain(pairs)
    }
}
