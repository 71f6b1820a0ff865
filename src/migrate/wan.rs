//! Over a wide-area network: the window of a connection limits it, and switching over takes longer.
//!
//! ```text
//! B = min(path, window / RTT x connections, (MSS / RTT) sqrt(3/2) / sqrt(loss) x connections)
//! downtime = downtime of the model + 2 RTT + network update
//! ```
//!
//! `window`: bytes in flight, `MSS`: 1448 bytes. Operators raise the downtime limit to 1 or 2 s.
//! Source: Mathis, Semke, Mahdavi and Ott, ACM CCR 27(3), 1997 (loss); Wood et al., VEE 2011
//! (pre-copy over WAN, update of layer 2).

use std::sync::Arc;

use super::prediction::Timeline;
use super::task::Task;
use super::{Answer, Constants, MigrationModel, PreCopy, Program};
use crate::units::BytesPerSecond;

const SEGMENT_BYTES: f64 = 1448.0;

/// Pre-copy over a long path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wan {
    /// Round trip, s.
    pub round_trip_s: f64,
    /// Bytes that one connection may have in flight.
    pub window_bytes: f64,
    /// Connections.
    pub connections: f64,
    /// Fraction of packets lost.
    pub loss: f64,
    /// Time until the network sends to the new place, s.
    pub network_update_s: f64,
}

impl Default for Wan {
    fn default() -> Self {
        let window_bytes = 4.0 * 1024.0 * 1024.0;
        Self {
            round_trip_s: 0.05,
            window_bytes,
            connections: 1.0,
            loss: 0.0,
            network_update_s: 0.2,
        }
    }
}

impl Wan {
    /// Bytes per second that the connections can carry over any path.
    pub fn most(&self) -> f64 {
        let window = self.window_bytes / self.round_trip_s;
        let lossy = if self.loss > 0.0 {
            SEGMENT_BYTES / self.round_trip_s * (1.5 / self.loss).sqrt()
        } else {
            f64::INFINITY
        };
        self.connections * window.min(lossy)
    }

    /// The task at this distance, and the constants there.
    pub(super) fn stretched(&self, task: &Task, constants: &Constants) -> (Task, Constants) {
        let mut far = task.clone();
        far.channel.link = BytesPerSecond(task.channel.link.0.min(self.most()));
        let constants = Constants {
            downtime_s: constants.downtime_s + 2.0 * self.round_trip_s + self.network_update_s,
            setup_s: constants.setup_s + 2.0 * self.round_trip_s,
            ..constants.clone()
        };
        (far, constants)
    }
}

impl MigrationModel for Wan {
    fn name(&self) -> &str {
        "wan"
    }
    fn predict(&self, task: &Task, constants: &Constants, timeline: Timeline<'_>) -> Answer {
        let (far, constants) = self.stretched(task, constants);
        PreCopy.predict(&far, &constants, timeline)
    }
    fn live(&self, task: &Task, constants: &Arc<Constants>) -> Option<Box<dyn Program>> {
        let (far, constants) = self.stretched(task, constants);
        PreCopy.live(&far, &Arc::new(constants))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 4 MiB in flight over 50 ms: 83.9 MB/s; 0.01 % loss: 1448 / 0.05 x 122.47 = 3.547 MB/s.
    #[test]
    fn window_and_loss_limit_a_connection() {
        assert!((Wan::default().most() - 83_886_080.0).abs() < 1.0);
        let lossy = Wan { loss: 1e-4, connections: 2.0, ..Wan::default() };
        assert!((lossy.most() - 2.0 * 3_546_861.0).abs() < 100.0, "{}", lossy.most());
    }
}
