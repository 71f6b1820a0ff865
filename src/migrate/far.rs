//! A migration from site to site: the disk goes first, over a connection that a long way limits.
//!
//! ```text
//! disk   : S / (g - w)               g = e r / (1 + o)
//!          on the wire               S g / (g - w) (1 + o) bytes
//! memory : the run's own model, at   r' = r / (1 + o) - w / e
//! r     <= min(links, window / RTT x connections, loss, cipher)
//! ```
//!
//! `S`: bytes of disk, `w`: bytes per second that the VM writes to it, mirrored until the VM is
//! there; `r`: what the links give, bytes per second; `e`: efficiency of the link, in (0, 1]; `o`:
//! what encryption adds per byte. What is written while the disk is copied is reckoned at the rate
//! at which that begins. The models are [`Storage`](super::Storage) and [`Wan`], whose sources hold
//! here, in front of any model of memory.

use std::sync::Arc;

use super::program::{Leg, Next, Program, program};
use super::task::Task;
use super::{Conduct, Convergence, PAGE, Prediction, StageKind, Wan};
use crate::model::sites::{Route, Sites};
use crate::policy::PolicyError;

/// Bytes per second of one MB/s.
const BYTES_PER_MB: f64 = 1e6;

/// The way of one migration between sites.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Way {
    /// Distance and connections.
    pub wan: Wan,
    /// Disk that travels, bytes.
    pub disk: f64,
    /// Bytes that the VM writes to it per second.
    pub writes: f64,
    /// Bytes per second that the cipher encrypts, where the stream is encrypted.
    pub cipher: f64,
    /// Bytes that encryption adds per byte.
    pub overhead: f64,
}

impl Way {
    /// The way of a VM with so many bytes of `disk` over `route`.
    pub fn of(sites: &Sites, disk: f64, route: &Route) -> Self {
        let (round_trip_s, loss) = sites.distance(route);
        let wan = Wan {
            round_trip_s,
            window_bytes: sites.window_kib * 1024.0,
            connections: sites.connections,
            loss,
            network_update_s: sites.network_update_s,
        };
        let cipher = sites.encryption;
        Self {
            wan,
            disk,
            writes: sites.disk_writes_mb_s * BYTES_PER_MB,
            cipher: cipher.map_or(f64::INFINITY, |cipher| cipher.speed_mb_s * BYTES_PER_MB),
            overhead: cipher.map_or(0.0, |cipher| cipher.overhead),
        }
    }

    /// What the model of `conduct` says of `task` this way, where its channel gives the same all
    /// the time; none if it would not end.
    ///
    /// # Errors
    /// Those of the model.
    pub fn predict(
        &self,
        conduct: &Conduct,
        task: &Task,
    ) -> Result<Option<Prediction>, PolicyError> {
        let (mut task, constants) = self.wan.stretched(task, &conduct.constants);
        let rate = task.channel.nominal().min(self.most());
        let efficiency = constants.link_efficiency;
        let writes = if self.disk > 0.0 { self.writes } else { 0.0 };
        let left = rate / (1.0 + self.overhead) - writes / efficiency;
        if left <= 0.0 {
            return Ok(None);
        }
        let disk_s = self.disk / (efficiency * left);
        task.channel.link.0 = left;
        let memory = conduct.model.predict(&task, &constants, None)?;
        let total_s = disk_s + memory.total_s;
        let ends = memory.convergence.converged() && total_s <= task.give_up_s;
        let bytes = disk_s * efficiency * rate + memory.bytes * rate / left;
        Ok(ends.then_some(Prediction { total_s, bytes, ..memory }))
    }

    /// Bytes per second of the stream at most, whatever the links give.
    pub fn most(&self) -> f64 {
        self.wan.most().min(self.cipher)
    }

    /// `task` by the model of `conduct`, leg by leg.
    pub fn program(&self, conduct: &Conduct, task: &Task) -> Box<dyn Program> {
        let (mut task, constants) = self.wan.stretched(task, &conduct.constants);
        task.channel.link.0 = task.channel.link.0.min(self.most());
        let (efficiency, downtime_s) = (constants.link_efficiency, constants.downtime_s);
        let inner = program(&conduct.model, &task, &Arc::new(constants));
        let memory = task.memory.nonzero * PAGE;
        let writes = if self.disk > 0.0 { self.writes } else { 0.0 };
        let way = Self { writes, ..*self };
        let (part, swell) = (Part::Begin, 1.0);
        Box::new(Far { way, inner, part, efficiency, downtime_s, memory, swell })
    }
}

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Part {
    Begin,
    Disk,
    Memory,
    /// The VM was stopped before its disk was there, and everything is sent.
    Forced,
}

/// Disk, then memory.
#[derive(Debug)]
struct Far {
    way: Way,
    inner: Box<dyn Program>,
    part: Part,
    efficiency: f64,
    downtime_s: f64,
    /// Bytes of memory in use.
    memory: f64,
    /// Bytes on the wire per byte of memory, at the latest leg.
    swell: f64,
}

impl Far {
    /// It would go on for ever: the VM writes as fast as its disk can be sent.
    fn never(&self) -> Next {
        let fixed_point_pages = self.way.disk / PAGE;
        Next::Stuck(Convergence::Never { fixed_point_pages })
    }

    /// The leg of the disk, at `rate`.
    fn disk(&self, rate: f64) -> Next {
        let Way { disk, writes, overhead, .. } = self.way;
        let goodput = self.efficiency * rate / (1.0 + overhead);
        if writes >= goodput {
            return self.never();
        }
        let bytes = disk * (goodput / (goodput - writes)) * (1.0 + overhead);
        let pause = Leg::pause(StageKind::Storage, 0.0, 1.0);
        Next::Leg(Leg { bytes, efficiency: self.efficiency, ..pause })
    }

    /// A leg of memory as it goes over the wire.
    fn swollen(&self, leg: Leg) -> Leg {
        Leg { bytes: leg.bytes * self.swell, ..leg }
    }
}

impl Program for Far {
    fn begin(&self) -> Leg {
        self.inner.begin()
    }
    fn most(&self) -> f64 {
        self.inner.most().min(self.way.most())
    }
    fn next(&mut self, seconds: f64, rate: f64) -> Result<Next, PolicyError> {
        match self.part {
            Part::Begin if self.way.disk > 0.0 => {
                let next = self.disk(rate);
                if matches!(next, Next::Leg(_)) {
                    self.part = Part::Disk;
                }
                return Ok(next);
            }
            Part::Forced => return Ok(Next::Over),
            Part::Begin | Part::Disk | Part::Memory => {}
        }
        // A leg without bytes has no rate, and asks for none.
        let left = rate / (1.0 + self.way.overhead) - self.way.writes / self.efficiency;
        if left <= 0.0 && rate > 0.0 {
            return Ok(self.never());
        }
        self.part = Part::Memory;
        if rate > 0.0 {
            self.swell = rate / left;
        }
        Ok(match self.inner.next(seconds, left.max(0.0))? {
            Next::Leg(leg) => Next::Leg(self.swollen(leg)),
            other => other,
        })
    }
    fn stop_anyway(&mut self) -> Leg {
        if self.part == Part::Memory {
            let leg = self.inner.stop_anyway();
            return self.swollen(leg);
        }
        self.part = Part::Forced;
        let bytes = (self.way.disk + self.memory) * (1.0 + self.way.overhead);
        let pause = Leg::pause(StageKind::Stop, self.downtime_s, 0.0);
        Leg { bytes, efficiency: self.efficiency, ..pause }
    }
    fn rounds(&self) -> u32 {
        self.inner.rounds()
    }
    fn pending(&self, seconds: f64) -> f64 {
        match self.part {
            Part::Memory => self.inner.pending(seconds),
            _ => (self.way.disk + self.memory) / PAGE,
        }
    }
    fn throttled_s(&self) -> f64 {
        self.inner.throttled_s()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::{Constants, Practice, limits};
    use crate::units::Bytes;

    fn way(disk: f64, writes: f64) -> Way {
        Way { wan: Wan::default(), disk, writes, cipher: f64::INFINITY, overhead: 0.0 }
    }

    fn far(way: &Way) -> Box<dyn Program> {
        let practice = Practice { constants: Constants::ideal(), ..Practice::default() };
        let model = Arc::new(crate::migrate::RamOverBandwidth::default());
        let conduct = Conduct::new(model, practice, limits::UNLIMITED, None);
        way.program(&conduct, &conduct.task(Bytes(4_096_000), 0.0))
    }

    fn leg(next: Next) -> Leg {
        match next {
            Next::Leg(leg) => leg,
            other => panic!("{other:?} is no leg"),
        }
    }

    /// 900 B at 100 B/s with 10 B/s written: 1000 B on the wire. Then 4,096,000 B of memory at
    /// 90 B/s: 4,551,111 B with what is mirrored.
    #[test]
    fn the_disk_goes_first_and_is_mirrored_until_the_memory_has_followed() {
        let mut far = far(&way(900.0, 10.0));
        let disk = leg(far.next(0.0, 100.0).unwrap());
        assert_eq!((disk.kind, disk.bytes.round()), (StageKind::Storage, 1000.0));
        let memory = leg(far.next(10.0, 100.0).unwrap());
        assert_eq!((memory.kind, memory.bytes.round()), (StageKind::Bulk, 4_551_111.0));
    }

    /// The same as a prediction: 10 s and 4,096,000 B / 90 B/s, over which 100 B/s are sent.
    #[test]
    fn what_is_predicted_is_what_is_sent() {
        let practice = Practice { constants: Constants::ideal(), ..Practice::default() };
        let model = Arc::new(crate::migrate::RamOverBandwidth::default());
        let conduct = Conduct::new(model, practice, limits::UNLIMITED, None);
        let mut task = conduct.task(Bytes(4_096_000), 0.0);
        task.channel.link.0 = 100.0;
        let found = way(900.0, 10.0).predict(&conduct, &task).unwrap().expect("it ends");
        let seconds = 10.0 + 4_096_000.0 / 90.0;
        assert!((found.total_s - seconds).abs() < 1e-6, "{found:?}");
        assert!((found.bytes - 100.0 * seconds).abs() < 1e-3, "{found:?}");
        assert_eq!(way(900.0, 100.0).predict(&conduct, &task).unwrap(), None);
    }

    #[test]
    fn encryption_adds_bytes_and_may_be_the_bottleneck() {
        let way = Way { cipher: 50.0, overhead: 0.5, ..way(900.0, 0.0) };
        let mut far = far(&way);
        assert_eq!(far.most(), 50.0);
        assert_eq!(leg(far.next(0.0, 50.0).unwrap()).bytes, 1350.0);
        assert_eq!(leg(far.next(27.0, 50.0).unwrap()).bytes, 1.5 * 4_096_000.0);
    }

    #[test]
    fn who_writes_as_fast_as_its_disk_is_sent_is_stuck_or_stopped() {
        let mut far = far(&way(900.0, 100.0));
        assert!(matches!(far.next(0.0, 100.0).unwrap(), Next::Stuck(_)));
        let stop = far.stop_anyway();
        assert_eq!((stop.kind, stop.bytes), (StageKind::Stop, 900.0 + 0.75 * 4_096_000.0));
        assert_eq!(far.next(9.0, 100.0).unwrap(), Next::Over);
    }
}
