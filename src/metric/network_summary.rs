//! What of the network failed, which hosts it cut off, and how long VMs could not be reached.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::Record;
use crate::model::record::NetworkPart;
use crate::model::unreachable::unreachable;
use crate::time::Instant;
use crate::topology::Topology;

/// The figures of switches and cables that fail. Times in seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct NetworkSummary {
    /// How often a host was cut off.
    pub cut_offs: u64,
    /// For how long, all hosts together.
    pub cut_off_s: f64,
    /// How often a VM could not be reached.
    pub unreachable_vms: u64,
    /// For how long, all VMs together.
    pub unreachable_s: f64,
    /// Switches, then cables that failed, by their numbers.
    pub parts: Vec<PartFigures>,
}

/// A switch or a cable that failed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PartFigures {
    /// `switch` and its name, or `cable` and the names of its ends.
    pub part: String,
    /// How often it failed.
    pub failures: u64,
    /// Seconds during which it was out.
    pub out_s: f64,
}

impl NetworkSummary {
    /// The figures of a run over `topology` that is over.
    pub fn of(record: &Record, topology: &Topology) -> Self {
        let until = |end: Option<Instant>| end.unwrap_or(record.end);
        let cut = record.cut_offs.iter().filter(|row| row.start < record.end);
        let cut: Vec<i64> = cut.map(|row| (until(row.end) - row.start).0).collect();
        let away = unreachable(record);
        let away: Vec<i64> = away.iter().flatten().map(|&(from, to)| (to - from).0).collect();
        let mut parts: BTreeMap<(NetworkPart, u32), (u64, i64)> = BTreeMap::new();
        for row in &record.network_outages {
            let part = parts.entry((row.part, row.number)).or_default();
            part.0 += 1;
            part.1 += (until(row.end) - row.start).0;
        }
        let named = |((part, number), (failures, out_us)): ((NetworkPart, u32), (u64, i64))| {
            let names = match part {
                NetworkPart::Switch => topology.switch_name(number as usize).to_owned(),
                NetworkPart::Cable => topology.cable_names(number as usize).join("."),
            };
            let part = format!("{}.{names}", part.name());
            PartFigures { part, failures, out_s: out_us as f64 / 1e6 }
        };
        Self {
            cut_offs: cut.len() as u64,
            cut_off_s: cut.iter().sum::<i64>() as f64 / 1e6,
            unreachable_vms: away.len() as u64,
            unreachable_s: away.iter().sum::<i64>() as f64 / 1e6,
            parts: parts.into_iter().map(named).collect(),
        }
    }

    /// Every figure with its name.
    pub fn named(&self) -> impl Iterator<Item = (String, f64)> {
        let all = [
            ("network.cut_offs", self.cut_offs as f64),
            ("network.cut_off_s", self.cut_off_s),
            ("network.unreachable_vms", self.unreachable_vms as f64),
            ("network.unreachable_s", self.unreachable_s),
        ];
        let parts = self.parts.iter().flat_map(|of| {
            let figures = [("failures", of.failures as f64), ("out_s", of.out_s)];
            figures.map(|(name, value)| (format!("{}.{name}", of.part), value))
        });
        all.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(parts)
    }
}
