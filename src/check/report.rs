//! What a check found, recomputed and could not verify, in a form that fits a terminal.

use std::fmt;

use crate::problem::Problem;

use super::Evidence;

/// Findings shown in full; the rest is counted.
const SHOWN: usize = 20;

/// The outcome of a check.
///
/// ```
/// let report = galerna::check::Report::default();
/// assert!(report.is_clean());
/// assert!(report.to_string().ends_with("no findings\n"));
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// Everything that is wrong, in the order of the checks; empty for a sound run.
    pub findings: Vec<Problem>,
    /// The figures of the summary as they follow from the actions, by name; empty when the
    /// actions are not sound enough to compute any.
    pub recomputed: Vec<(String, f64)>,
    /// What could not be verified and why.
    pub unverified: Vec<String>,
    /// What was looked at: rows by table.
    pub rows: Vec<(&'static str, usize)>,
}

impl Report {
    /// A report that has counted its evidence and found nothing yet.
    pub(super) fn of(evidence: &Evidence) -> Self {
        let record = &evidence.record;
        let rows = vec![
            ("actions", record.actions.len()),
            ("hosts", record.hosts.len()),
            ("VMs", record.vms.len()),
            ("decisions", record.samples.len()),
        ];
        let mut report = Self { rows, ..Self::default() };
        if evidence.event_log_blake3.is_none() {
            report.unverified.push("event_log_blake3: none was reported".into());
        }
        report
    }

    /// Whether nothing is wrong with what could be verified.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<String> = self.rows.iter().map(|(name, n)| format!("{n} {name}")).collect();
        if !rows.is_empty() {
            writeln!(f, "checked {}", rows.join(", "))?;
        }
        for (name, value) in &self.recomputed {
            writeln!(f, "  {name:<34} {value:>20.9}")?;
        }
        for what in &self.unverified {
            writeln!(f, "not verified: {what}")?;
        }
        for finding in self.findings.iter().take(SHOWN) {
            writeln!(f, "{finding}")?;
        }
        match self.findings.len() {
            0 => writeln!(f, "no findings"),
            1 => writeln!(f, "1 finding"),
            n if n > SHOWN => writeln!(f, "{n} findings, the first {SHOWN} shown"),
            n => writeln!(f, "{n} findings"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_cut_and_counted() {
        let finding = Problem::new("GLN-603", "actions row 1", "v1 is gone", "Rerun");
        let report = Report { findings: vec![finding; 21], ..Report::default() };
        let shown = report.to_string();
        assert_eq!(shown.lines().count(), 21);
        assert!(shown.ends_with("21 findings, the first 20 shown\n"));
    }
}
