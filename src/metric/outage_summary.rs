//! What failed, and how long VMs were down for it.
//!
//! ```text
//! downtime of a VM = from the failure of its host until it runs again, its lease ends or the run
//! ```

use serde::{Deserialize, Serialize};

use crate::model::Record;

/// The figures of `[outages]`. Times in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct OutageSummary {
    /// Outages of hosts.
    pub host_failures: u64,
    /// VMs that were down, one as often as its host failed.
    pub vm_failures: u64,
    /// How many of them ran again.
    pub vm_restarts: u64,
    /// How many did not, before their lease or the run ended.
    pub not_restarted: u64,
    /// All downtime together.
    pub downtime_s: f64,
    /// Its mean over failures of VMs, 0 where there was none.
    pub mean_downtime_s: f64,
    /// The longest.
    pub max_downtime_s: f64,
    /// Time during which the headroom that was asked for was missing; `None` where none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without_headroom_s: Option<f64>,
}

impl OutageSummary {
    /// The figures of a run that is over.
    pub fn of(record: &Record, without_headroom_s: Option<f64>) -> Self {
        let rows = &record.restarts;
        let down: Vec<f64> =
            rows.iter().map(|row| (row.until(record.end) - row.failed).seconds()).collect();
        let restarts = rows.iter().filter(|row| row.up.is_some()).count() as u64;
        // An empty sum is -0.
        let (count, downtime_s) = (rows.len() as u64, down.iter().sum::<f64>() + 0.0);
        Self {
            host_failures: record.outages.len() as u64,
            vm_failures: count,
            vm_restarts: restarts,
            not_restarted: count - restarts,
            downtime_s,
            mean_downtime_s: if count > 0 { downtime_s / count as f64 } else { 0.0 },
            max_downtime_s: down.iter().copied().fold(0.0, f64::max),
            without_headroom_s,
        }
    }

    /// Every figure with its name.
    pub fn named(&self) -> Vec<(&'static str, f64)> {
        let mut figures = vec![
            ("host_failures", self.host_failures as f64),
            ("vm_failures", self.vm_failures as f64),
            ("vm_restarts", self.vm_restarts as f64),
            ("not_restarted", self.not_restarted as f64),
            ("downtime_s", self.downtime_s),
            ("mean_downtime_s", self.mean_downtime_s),
            ("max_downtime_s", self.max_downtime_s),
        ];
        figures.extend(self.without_headroom_s.map(|s| ("without_headroom_s", s)));
        figures
    }
}
