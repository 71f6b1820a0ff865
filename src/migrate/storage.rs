//! Storage: the disk in bulk, then every write twice until memory has followed.
//!
//! ```text
//! bulk   : S / B,  during which w_d S / B are written;   catching up: w_d (S / B) / (B - w_d)
//! sum    : S / (B - w_d)         memory: another model at B - w_d
//! ```
//!
//! `S`: bytes of disk, `w_d`: bytes written per second, which must stay below `B`. Writes are
//! mirrored until the VM stops. Source: Mashtizadeh, Celebi, Garfinkel and Cai, USENIX ATC 2011
//! (bulk copy and mirroring; disk first, memory last).

use super::prediction::{Timeline, note};
use super::task::{Channel, Task};
use super::{Answer, Constants, Convergence, MigrationModel, PreCopy, Prediction, StageKind};
use crate::units::{Bytes, BytesPerSecond};

/// A disk that moves with the VM.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Storage {
    /// Size of what is used of it.
    pub disk: Bytes,
    /// Rate at which the VM writes to it.
    pub writes: BytesPerSecond,
}

impl Default for Storage {
    fn default() -> Self {
        Self { disk: Bytes::from_gib(20), writes: BytesPerSecond(1e6) }
    }
}

impl MigrationModel for Storage {
    fn name(&self) -> &str {
        "storage"
    }
    fn predict(&self, task: &Task, constants: &Constants, mut timeline: Timeline<'_>) -> Answer {
        let rate = task.channel.paces(constants).0.rate;
        let (disk, writes) = (self.disk.0 as f64, self.writes.0);
        if writes >= rate {
            let spent = if task.give_up_s.is_finite() { task.give_up_s } else { disk / rate };
            note(&mut timeline, StageKind::Storage, spent, spent * rate, 1.0);
            let convergence = Convergence::Never { fixed_point_pages: disk / super::PAGE };
            let simple = Prediction::simple(constants, spent, 0.0, spent * rate);
            return Ok(Prediction { convergence, ..simple });
        }
        let seconds = disk / (rate - writes);
        note(&mut timeline, StageKind::Storage, seconds, seconds * rate, 1.0);
        let mut memory = task.clone();
        memory.channel = Channel::link(BytesPerSecond((rate - writes) / constants.link_efficiency));
        memory.give_up_s = (task.give_up_s - seconds).max(0.0);
        let rest = PreCopy.predict(&memory, constants, timeline)?;
        let mirrored = writes * rest.total_s;
        let bytes = seconds * rate + mirrored + rest.bytes;
        let simple = Prediction::simple(constants, seconds + rest.total_s, rest.downtime_s, bytes);
        Ok(Prediction {
            total_s: seconds + rest.total_s,
            bytes,
            cpu_source_s: simple.cpu_source_s,
            cpu_destination_s: simple.cpu_destination_s,
            energy: simple.energy,
            lost_s: rest.lost_s,
            ..rest
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::PAGE;
    use crate::migrate::dirty::Dirty;
    use crate::migrate::task::Memory;

    /// 900 B of disk at 100 B/s with 10 B/s written: 10 s (1000 B on the wire); then memory at
    /// 90 B/s, 4096 of them in 45.5 s with 10 B/s mirrored.
    #[test]
    fn the_disk_comes_first_and_slows_the_memory() {
        let memory = Memory { pages: 1.0, nonzero: 1.0, dirty: Dirty::Idle };
        let task = Task::new(memory, Channel::link(BytesPerSecond(100.0)));
        let storage = Storage { disk: Bytes(900), writes: BytesPerSecond(10.0) };
        let prediction = storage.predict(&task, &Constants::ideal(), None).expect("yes");
        let memory_s = PAGE / 90.0;
        assert!((prediction.total_s - (10.0 + memory_s)).abs() < 1e-9);
        assert!((prediction.bytes - (1000.0 + PAGE + 10.0 * memory_s)).abs() < 1e-9);
        let busy = Storage { writes: BytesPerSecond(100.0), ..storage };
        let never = busy.predict(&task, &Constants::ideal(), None).expect("yes");
        assert!(!never.convergence.converged());
    }
}
