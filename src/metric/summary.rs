//! The published metrics of a run.
//!
//! ```text
//! SLATAH = mean over hosts ever on of (time in violation / time on)
//! PDM    = mean over VMs of (work lost to migration / work demanded)
//! SLAV   = SLATAH * PDM            ESV = energy (kWh) * SLAV
//! overall SLA violation = (demanded - allocated) / demanded, over all VMs
//! ```
//!
//! Source: Beloglazov and Buyya, Concurrency Computat.: Pract. Exper. 24(13), 2012, sect. 7.2.
//! CloudSim computes SLATAH and PDM as ratios of the totals instead (Q16); those have the suffix
//! `_global` here. A host that was never on and a VM that asked for nothing count 0, not 0/0.

use serde::{Deserialize, Serialize};

use super::{
    CapMeter, CapSummary, Meter, NetworkSummary, OutageSummary, SiteSummary, ping_pong_rate,
};
use crate::model::record::{DecisionRecord, MoveEnding, MoveRecord, Record};
use crate::model::rules::Ratios;
use crate::model::{ActionKind, Rules};
use crate::stats::{CompensatedSum, mean, standard_deviation};
use crate::units::Joules;

/// What a run added up to. Ratios are fractions, times seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Energy of all hosts, kWh.
    pub energy_kwh: f64,
    /// Migrations begun.
    pub migrations: u64,
    /// SLA violation time per active host.
    pub slatah: f64,
    /// Performance degradation due to migration.
    pub pdm: f64,
    /// `slatah * pdm`.
    pub slav: f64,
    /// `energy_kwh * slav`.
    pub esv: f64,
    /// Share of the demanded work that was not done.
    pub overall_sla_violation: f64,
    /// Mean relative shortage of short VMs.
    pub average_sla_violation: f64,
    /// Hosts switched off.
    pub host_shutdowns: u64,
    /// Mean time that hosts had been on when switched off; 0 if none was.
    pub mean_time_before_host_shutdown_s: f64,
    /// Its sample standard deviation; `None` with fewer than two shutdowns.
    pub sd_time_before_host_shutdown_s: Option<f64>,
    /// Share of migrations that return a VM to a host it left within the hour.
    pub ping_pong_rate: f64,
    /// Time-weighted mean of hosts that are on.
    pub active_hosts_mean: f64,
    /// SLATAH as a ratio of totals.
    pub slatah_global: f64,
    /// PDM as a ratio of totals.
    pub pdm_global: f64,
    /// Mean duration of completed migrations; `None` if there was none.
    pub mean_migration_duration_s: Option<f64>,
    /// Its sample standard deviation; `None` with fewer than two.
    pub sd_migration_duration_s: Option<f64>,
    /// Bytes sent by migrations that moved nothing; `None` if there was none.
    pub wasted_migration_bytes: Option<f64>,
    /// Mean over the decisions of a planner of how far each is from the best at most, a fraction of
    /// its cost; `None` if none was weighed.
    pub mean_decision_gap: Option<f64>,
    /// What failed and how VMs fared, in a run with `[outages]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outages: Option<OutageSummary>,
    /// What happened at every site and between them, in a run with `[sites]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sites: Option<SiteSummary>,
    /// What of its network failed, in a run in which switches or cables may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkSummary>,
    /// What its power cap came to, in a run that has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_cap: Option<CapSummary>,
}

impl Summary {
    /// Computes every metric from the closed books of a run that ended at `end` seconds.
    pub fn of(meter: &Meter, record: &Record, rules: &Rules, end: f64) -> Self {
        let energy_kwh = total(meter.hosts.iter().map(|(_, h)| Joules(h.energy_j).kwh()));
        let (slatah_mean, slatah_global) = slatah(meter);
        let (pdm_mean, pdm_global) = pdm(meter);
        let (slatah, pdm) = match rules.accounting.ratios {
            Ratios::Mean => (slatah_mean, pdm_mean),
            Ratios::Global => (slatah_global, pdm_global),
        };
        let demanded = total(meter.vms.iter().map(|(_, vm)| vm.demanded_mi));
        let allocated = total(meter.vms.iter().map(|(_, vm)| vm.allocated_mi));
        let begun = record.actions.iter().filter(|a| a.kind == ActionKind::MigrationStart).count();
        let window = end - meter.from();
        Self {
            energy_kwh,
            migrations: begun as u64,
            slatah,
            pdm,
            slav: slatah * pdm,
            esv: energy_kwh * slatah * pdm,
            overall_sla_violation: ratio(demanded - allocated, demanded),
            average_sla_violation: meter.average_shortage(),
            host_shutdowns: meter.uptimes.len() as u64,
            mean_time_before_host_shutdown_s: mean(&meter.uptimes).unwrap_or(0.0),
            sd_time_before_host_shutdown_s: standard_deviation(&meter.uptimes),
            ping_pong_rate: ping_pong_rate(&record.actions),
            active_hosts_mean: ratio(total(meter.hosts.iter().map(|(_, h)| h.on_s)), window),
            slatah_global,
            pdm_global,
            mean_migration_duration_s: mean(&meter.copy_durations),
            sd_migration_duration_s: standard_deviation(&meter.copy_durations),
            wasted_migration_bytes: wasted(record),
            mean_decision_gap: mean(
                &record.decisions.iter().map(DecisionRecord::gap).collect::<Vec<f64>>(),
            ),
            outages: None,
            network: None,
            sites: rules
                .sites
                .as_ref()
                .map(|sites| SiteSummary::of(sites, rules.outages.is_some(), meter, record)),
            power_cap: meter.cap.as_ref().map(CapMeter::summary),
        }
    }

    /// Every figure that the run has, those of outages, network, sites and a power cap as well.
    pub fn figures(&self) -> Vec<(String, f64)> {
        let metrics = self.named().into_iter().filter_map(|(name, value)| Some((name, value?)));
        let outages = self.outages.iter().flat_map(OutageSummary::named);
        let capped = self.power_cap.iter().flat_map(CapSummary::named);
        let figures = metrics.chain(outages).chain(capped);
        let figures = figures.map(|(name, value)| (name.to_owned(), value));
        let figures = figures.chain(self.network.iter().flat_map(NetworkSummary::named));
        figures.chain(self.sites.iter().flat_map(SiteSummary::named)).collect()
    }

    /// The name of every metric, in the order of [`named`](Self::named).
    pub fn names() -> Vec<&'static str> {
        Self::default().named().into_iter().map(|(name, _)| name).collect()
    }

    /// Every metric with its name, in the order of the published table.
    pub fn named(&self) -> Vec<(&'static str, Option<f64>)> {
        vec![
            ("energy_kwh", Some(self.energy_kwh)),
            ("migrations", Some(self.migrations as f64)),
            ("slatah", Some(self.slatah)),
            ("pdm", Some(self.pdm)),
            ("slav", Some(self.slav)),
            ("esv", Some(self.esv)),
            ("overall_sla_violation", Some(self.overall_sla_violation)),
            ("average_sla_violation", Some(self.average_sla_violation)),
            ("host_shutdowns", Some(self.host_shutdowns as f64)),
            ("mean_time_before_host_shutdown_s", Some(self.mean_time_before_host_shutdown_s)),
            ("sd_time_before_host_shutdown_s", self.sd_time_before_host_shutdown_s),
            ("ping_pong_rate", Some(self.ping_pong_rate)),
            ("active_hosts_mean", Some(self.active_hosts_mean)),
            ("slatah_global", Some(self.slatah_global)),
            ("pdm_global", Some(self.pdm_global)),
            ("mean_migration_duration_s", self.mean_migration_duration_s),
            ("sd_migration_duration_s", self.sd_migration_duration_s),
            ("wasted_migration_bytes", self.wasted_migration_bytes),
            ("mean_decision_gap", self.mean_decision_gap),
        ]
    }
}

/// What was sent by migrations that were given up or failed.
fn wasted(record: &Record) -> Option<f64> {
    let vain = |of: &&MoveRecord| matches!(of.ending, MoveEnding::RolledBack | MoveEnding::Lost);
    let bytes: Vec<f64> = record.moves.iter().filter(vain).map(|of| of.bytes).collect();
    (!bytes.is_empty()).then(|| total(bytes.into_iter()))
}

/// SLATAH as the mean of ratios and as the ratio of totals.
fn slatah(meter: &Meter) -> (f64, f64) {
    let on: Vec<_> = meter.hosts.iter().map(|(_, h)| h).filter(|h| h.on_s > 0.0).collect();
    let ratios = total(on.iter().map(|h| h.violation_s / h.on_s));
    let violation = total(on.iter().map(|h| h.violation_s));
    (ratio(ratios, on.len() as f64), ratio(violation, total(on.iter().map(|h| h.on_s))))
}

/// PDM as the mean of ratios and as the ratio of totals.
fn pdm(meter: &Meter) -> (f64, f64) {
    let vms = || meter.vms.iter().map(|(_, vm)| vm);
    let ratios = total(vms().map(|vm| ratio(vm.lost_mi, vm.demanded_mi)));
    let (lost, demanded) = (total(vms().map(|v| v.lost_mi)), total(vms().map(|v| v.demanded_mi)));
    (ratio(ratios, meter.vms.len() as f64), ratio(lost, demanded))
}

fn total(values: impl Iterator<Item = f64>) -> f64 {
    let mut sum = CompensatedSum::default();
    values.for_each(|value| sum.add(value));
    sum.value()
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
