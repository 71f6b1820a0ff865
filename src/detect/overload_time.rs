//! How long has each host been watched, and how much of that was it overloaded?
//!
//! Time is counted in decisions. At each decision a host counts once, as it is when the decision
//! begins. Whatever else is asked at the same instant, about the host without some of its VMs or
//! with one more, is judged as if that were its load now, and not remembered.

use super::{HostLoad, Question};
use crate::id::{HostId, Id};
use crate::time::Instant;

/// Samples that a host was watched, and overloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Times {
    /// Watched.
    pub total: u32,
    /// Overloaded.
    pub overloaded: u32,
}

impl Times {
    /// These times and one more sample.
    fn and(self, overloaded: bool) -> Self {
        Self { total: self.total + 1, overloaded: self.overloaded + u32::from(overloaded) }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Watched {
    /// Before the latest decision.
    before: Times,
    /// With the latest decision.
    after: Times,
    latest: Option<Instant>,
}

/// The times of every host of a run.
#[derive(Debug, Clone, Default)]
pub struct OverloadTimes {
    hosts: Vec<Watched>,
}

impl OverloadTimes {
    /// The times of the host of `load`, this sample included, which is one of overload or not.
    pub fn observe(&mut self, load: &HostLoad<'_>, overloaded: bool) -> Times {
        let (row, times) = (load.host.index(), self.with(load, overloaded));
        if row >= self.hosts.len() {
            self.hosts.resize(row + 1, Watched::default());
        }
        let watched = &mut self.hosts[row];
        if load.question == Question::Now && watched.latest != Some(load.at) {
            *watched = Watched { before: watched.after, after: times, latest: Some(load.at) };
        }
        times
    }

    /// The same without remembering it.
    pub fn with(&self, load: &HostLoad<'_>, overloaded: bool) -> Times {
        let watched = self.hosts.get(load.host.index()).copied().unwrap_or_default();
        let seen = watched.latest == Some(load.at);
        if seen { watched.before.and(overloaded) } else { watched.after.and(overloaded) }
    }

    /// The times of `host` up to its latest decision.
    pub fn of(&self, host: HostId) -> Times {
        self.hosts.get(host.index()).map_or_else(Times::default, |watched| watched.after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_counts_once_per_decision_as_it_was_when_that_began() {
        let mut times = OverloadTimes::default();
        let (host, later) = (HostId(2), Instant::from_seconds(300.0));
        let first = HostLoad { host, ..HostLoad::alone(1.0, &[]) };
        assert_eq!(times.observe(&first, true), Times { total: 1, overloaded: 1 });
        // Without a VM at the same instant, and with another one: judged, not remembered.
        assert_eq!(times.observe(&first, false), Times { total: 1, overloaded: 0 });
        let with_vm = HostLoad { question: Question::WithVm, ..first };
        assert_eq!(times.observe(&with_vm, true), Times { total: 1, overloaded: 1 });
        assert_eq!(times.of(host), Times { total: 1, overloaded: 1 });
        let with_vm = HostLoad { at: later, ..with_vm };
        assert_eq!(times.observe(&with_vm, true), Times { total: 2, overloaded: 2 });
        let second = HostLoad { at: later, ..first };
        assert_eq!(times.observe(&second, false), Times { total: 2, overloaded: 1 });
        assert_eq!(times.of(host), Times { total: 2, overloaded: 1 });
        assert_eq!(times.of(HostId(9)), Times::default());
    }
}
