//! What a migration model answers.

use serde::Serialize;

use super::Constants;
use crate::model::record::StageKind;
use crate::units::Joules;

/// What a migration costs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Prediction {
    /// From the command to the end, as the source reports it, s.
    pub total_s: f64,
    /// From the stop at the source to the resume at the destination, s.
    pub downtime_s: f64,
    /// As the source reports it, s.
    pub downtime_reported_s: f64,
    /// From the guest's last instruction to its first, or, under post-copy, until it can work
    /// again, s.
    pub downtime_guest_s: f64,
    /// Bytes on the wire.
    pub bytes: f64,
    /// Passes over dirty memory: the bulk, the rounds, the stop.
    pub rounds: u32,
    /// Whether it ends.
    pub convergence: Convergence,
    /// CPU at the source, s.
    pub cpu_source_s: f64,
    /// CPU at the destination, s.
    pub cpu_destination_s: f64,
    /// Energy of both hosts.
    pub energy: Joules,
    /// Guest work lost, as seconds of full speed.
    pub lost_s: f64,
    /// Fraction of its speed that auto-converge had taken from the guest in the end.
    pub throttle: f64,
}

/// Whether a migration ends.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Convergence {
    /// It ends by its own rule.
    Converged,
    /// It never ends: a round repeats the one before it. Proven.
    Never {
        /// Pages that remain dirty after every round.
        fixed_point_pages: f64,
    },
    /// It had not ended when it was given up.
    GivenUp {
        /// Pages that remained.
        remaining_pages: f64,
    },
}

impl Convergence {
    /// Whether it ends by its own rule.
    pub fn converged(self) -> bool {
        matches!(self, Self::Converged)
    }
}

/// One stage of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Stage {
    /// What it is.
    pub kind: StageKind,
    /// Seconds since the command.
    pub start_s: f64,
    /// How long it takes.
    pub seconds: f64,
    /// Bytes it sends.
    pub bytes: f64,
    /// Speed of the guest in it, in `[0, 1]`.
    pub speed: f64,
}

/// Where a model notes its stages; a model that is asked for figures only is handed `None`.
pub type Timeline<'a> = Option<&'a mut Vec<Stage>>;

/// Notes a stage that follows the last one.
pub(super) fn note(
    timeline: &mut Timeline<'_>,
    kind: StageKind,
    seconds: f64,
    bytes: f64,
    speed: f64,
) {
    if let Some(stages) = timeline {
        let start_s = stages.last().map_or(0.0, |last| last.start_s + last.seconds);
        stages.push(Stage { kind, start_s, seconds, bytes, speed });
    }
}

impl Prediction {
    /// `bytes` sent in `total_s` of which the VM is stopped for `downtime_s`, with the costs that
    /// follow; the downtimes are alike.
    pub fn simple(constants: &Constants, total_s: f64, downtime_s: f64, bytes: f64) -> Self {
        let running = (total_s - downtime_s).max(0.0);
        Self {
            total_s,
            downtime_s,
            downtime_reported_s: downtime_s,
            downtime_guest_s: downtime_s,
            bytes,
            rounds: 1,
            convergence: Convergence::Converged,
            cpu_source_s: constants.source_cpu_s_per_gb * bytes / 1e9,
            cpu_destination_s: constants.destination_cpu_s_per_gb * bytes / 1e9,
            energy: energy(constants, bytes),
            lost_s: downtime_s + constants.logging_slowdown * running,
            throttle: 0.0,
        }
    }
}

/// `E = a V + b` for both hosts together, `V` in MB (Liu et al., HPDC 2011).
pub fn energy(constants: &Constants, bytes: f64) -> Joules {
    Joules(constants.energy_j_per_mb * bytes / 1e6 + constants.energy_j)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1000 MB: 0.512 * 1000 + 20.165 = 532.165 J.
    #[test]
    fn energy_follows_the_volume() {
        let energy = energy(&Constants::default(), 1e9);
        assert!((energy.0 - 532.165).abs() < 1e-9);
    }

    #[test]
    fn stages_follow_one_another() {
        let mut stages = Vec::new();
        let mut timeline: Timeline<'_> = Some(&mut stages);
        note(&mut timeline, StageKind::SetUp, 0.5, 0.0, 1.0);
        note(&mut timeline, StageKind::Bulk, 2.0, 9.0, 1.0);
        assert_eq!(stages[1].start_s, 0.5);
        note(&mut None, StageKind::Stop, 1.0, 0.0, 0.0);
    }
}
