//! The constants of hypervisor, machine and network, as fitted or assumed.
//!
//! The defaults were fitted on QEMU 7.2 under software emulation on a heavily shared machine; idle
//! real hardware resumes faster (`downtime_s` about 0.02) and sends faster without a shaper.
//! `galerna migrate fit` fits those of the pre-copy model to measurements.

use serde::{Deserialize, Serialize};

use crate::problem::Problem;

/// Bytes of a page of memory.
pub const PAGE: f64 = 4096.0;

/// Constants that all models share; pages, bytes, seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Constants {
    /// Goodput / rate of a link that shapes smoothly, in (0, 1].
    pub link_efficiency: f64,
    /// Attained rate / `max-bandwidth`, near 1.
    pub limit_efficiency: f64,
    /// Set-up before the first byte, s: connect, dirty logging on.
    pub setup_s: f64,
    /// Scanning one zero page, s.
    pub zero_page_s: f64,
    /// Downtime without any page, s: device state, loading it, resuming.
    pub downtime_s: f64,
    /// Pages that an idle guest dirties at once.
    pub background_pages: f64,
    /// Pages per second that an idle guest dirties.
    pub background_rate: f64,
    /// Bytes per second inside a burst of a rate limit, and while stopped.
    pub burst_rate: f64,
    /// Seconds between two checks of what remains.
    pub check_s: f64,
    /// Share of the residual pages that the newly dirtied ones can hit.
    pub overlap: f64,
    /// Share of non-zero pages among the last in scan order.
    pub nonzero_tail: f64,
    /// Bytes in the socket that are not on the wire at the stop.
    pub backlog_bytes: f64,
    /// Shortest round, s.
    pub min_round_s: f64,
    /// Bytes sent beside the contents of a page.
    pub header_bytes: f64,
    /// Bytes of a zero page.
    pub zero_page_bytes: f64,
    /// Window of a rate limit, s.
    pub window_s: f64,
    /// From the resume to the guest's first instruction, s.
    pub first_schedule_s: f64,
    /// Goodput of post-copy / that of pre-copy.
    pub post_copy_efficiency: f64,
    /// Downtime of post-copy, s.
    pub post_copy_downtime_s: f64,
    /// Share of the working set that faults over the network under post-copy with pre-paging.
    pub post_copy_fault_share: f64,
    /// Seconds of CPU at the source per GB sent.
    pub source_cpu_s_per_gb: f64,
    /// Seconds of CPU at the destination per GB received.
    pub destination_cpu_s_per_gb: f64,
    /// Slowdown of the guest while pages are logged, fraction.
    pub logging_slowdown: f64,
    /// Joules per MB sent, both hosts together.
    pub energy_j_per_mb: f64,
    /// Joules of any migration.
    pub energy_j: f64,
}

impl Default for Constants {
    fn default() -> Self {
        Self {
            link_efficiency: 0.97,
            limit_efficiency: 1.006_454_450_124_62,
            setup_s: 0.027_611_511_619_650_6,
            zero_page_s: 5.182_037_235_382_65e-7,
            downtime_s: 0.070_039_135_563_47,
            background_pages: 50.140_590_255_914_8,
            background_rate: 50.992_783_224_291_7,
            burst_rate: 120_212_172.977_663,
            check_s: 0.125_361_601_240_785,
            overlap: 0.872_303_935_358_54,
            nonzero_tail: 0.385_249_186_012_805,
            backlog_bytes: 1_205_105.808_992_33,
            min_round_s: 0.004_762_565_689_475_38,
            header_bytes: 8.0,
            zero_page_bytes: 9.0,
            window_s: 0.1,
            first_schedule_s: 0.045,
            post_copy_efficiency: 0.85,
            post_copy_downtime_s: 0.03,
            post_copy_fault_share: 0.21,
            source_cpu_s_per_gb: 0.37,
            destination_cpu_s_per_gb: 0.5,
            logging_slowdown: 0.03,
            energy_j_per_mb: 0.512,
            energy_j: 20.165,
        }
    }
}

impl Constants {
    /// The ideal machine of the closed forms: no headers, no set-up, no constant downtime, nothing
    /// dirtied by the guest itself, no overlap, and a stop as soon as the rest fits.
    pub fn ideal() -> Self {
        Self {
            link_efficiency: 1.0,
            limit_efficiency: 1.0,
            setup_s: 0.0,
            zero_page_s: 0.0,
            downtime_s: 0.0,
            background_pages: 0.0,
            background_rate: 0.0,
            check_s: 0.0,
            overlap: 0.0,
            nonzero_tail: 1.0,
            backlog_bytes: 0.0,
            min_round_s: 0.0,
            header_bytes: 0.0,
            zero_page_bytes: 0.0,
            first_schedule_s: 0.0,
            logging_slowdown: 0.0,
            ..Self::default()
        }
    }

    /// Every constant with its name, in the order of the file.
    pub fn fields(&self) -> Vec<(String, f64)> {
        let table = toml::Value::try_from(self).unwrap_or_else(|_| toml::Table::new().into());
        let rows = table.as_table().into_iter().flatten();
        rows.filter_map(|(name, value)| Some((name.clone(), value.as_float()?))).collect()
    }

    /// The same to 15 significant digits: as many as survive any form in which they are written.
    #[must_use]
    pub fn rounded(&self) -> Self {
        let mut table = toml::Table::try_from(self).unwrap_or_default();
        for (_, value) in &mut table {
            if let toml::Value::Float(number) = value {
                *number = format!("{number:.14e}").parse().unwrap_or(*number);
            }
        }
        table.try_into().unwrap_or_else(|_| self.clone())
    }

    /// Everything out of range, GLN-311.
    pub fn problems(&self, place: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (name, value) in self.fields() {
            let divisor =
                name.ends_with("efficiency") || name == "burst_rate" || name == "window_s";
            let fraction = name.ends_with("efficiency") && name != "limit_efficiency";
            let most = if fraction { 1.0 } else { f64::MAX };
            if !(value.is_finite() && value <= most && (value > 0.0 || !divisor && value == 0.0)) {
                let from = if divisor { "above 0" } else { "0 or more" };
                let to = if fraction { ", at most 1" } else { "" };
                let what = format!("found {value}, expected {from}{to}");
                let place = format!("{place}.{name}");
                problems.push(Problem::new("GLN-311", place, what, "Write a value in that range"));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_survive_their_file() {
        let text = toml::to_string(&Constants::default()).expect("numbers are TOML");
        assert_eq!(
            toml::from_str::<Constants>(&text).expect("it was just written"),
            Constants::default()
        );
        assert_eq!(Constants::default().fields().len(), 25);
        assert_eq!(Constants::default().rounded(), Constants::default());
        let third = Constants { setup_s: 1.0 / 3.0, ..Constants::default() };
        assert_eq!(third.rounded().setup_s, 0.333_333_333_333_333);
        assert!(toml::from_str::<Constants>("link_eficiency = 1").is_err());
    }
}
