//! How a detector is asked about the hosts of a draft: as they are, or with one more VM.
//!
//! The past of a host is the sum of the pasts of its VMs, kept in step with its list, so that the
//! question "would it be overloaded with this VM?" costs one addition per sample. A detector that
//! is linear in the load needs two sums instead, and a past only where these cannot tell.

use serde::{Deserialize, Serialize};

use super::{Draft, HostSet, Room};
use crate::detect::{Glance, HostLoad, OverloadDetector, Question, Sums, Verdict};
use crate::id::{HostId, Id, VmId};
use crate::model::history::WINDOW;
use crate::model::{Resources, Snapshot};
use crate::policy::PolicyError;

/// Whose past a host's history is (`policy.history`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HistoryKind {
    /// That of the VMs now on it (Q20): it moves with them, and asking about one more VM changes
    /// it.
    #[default]
    VmsOnHost,
    /// The same without the zeros at its oldest end, as CloudSim builds it.
    VmsOnHostTrimmed,
    /// The host's own past; it ends before the sample that is being judged.
    HostRing,
}
/// How a placer asks about destinations.
pub struct Ask<'a> {
    /// State of the run.
    pub state: Snapshot<'a>,
    /// Hosts that may not receive.
    pub excluded: &'a HostSet,
    /// Whether hosts without VMs may receive.
    pub wake: bool,
    /// Who says whether a host would be overloaded.
    pub detector: &'a mut dyn OverloadDetector,
}

/// A VM that may arrive at a host, with what a detector needs of it.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// The VM.
    pub vm: VmId,
    /// What it takes; of CPU what it asks for now.
    pub needs: Resources,
    /// What it asks of each of its cores, MIPS.
    pub per_core: f64,
    sums: Sums,
    length: usize,
    copy_intervals: f64,
}

impl Draft {
    pub(super) fn past_len(&self, vm: VmId, state: &Snapshot<'_>) -> usize {
        match self.kind {
            HistoryKind::VmsOnHostTrimmed => {
                let (trimmed, seen) = (state.histories.trimmed_len(vm), self.window.max(WINDOW));
                if trimmed <= seen {
                    return trimmed;
                }
                // More is kept than detectors look at, for a placer or planner.
                let past = state.histories.latest(vm, seen);
                past.len() - past.iter().take_while(|&&u| u == 0.0).count()
            }
            _ => state.histories.len(vm),
        }
    }

    /// What there is to know of `vm` before it arrives anywhere.
    pub fn arrival(&mut self, vm: VmId, state: &Snapshot<'_>) -> Arrival {
        self.weigh(vm, state);
        Arrival {
            vm,
            needs: state.needs(vm),
            per_core: state.per_core(vm),
            sums: self.vm_sums[vm].1,
            length: self.past_len(vm, state),
            copy_intervals: self.copy_intervals[vm],
        }
    }

    /// What a linear detector says of a host with `room` once `arrival` is on it; `None` where the
    /// detector must be asked.
    #[inline]
    pub fn glance(&self, room: &Room, arrival: &Arrival) -> Option<Verdict> {
        self.linear.as_ref()?.judge(Glance {
            sums: room.sums + arrival.sums,
            requested: room.requested + arrival.needs.cpu,
            length: (room.length as usize).max(arrival.length),
            copy_intervals: room.copy_intervals.max(arrival.copy_intervals),
            capacity: room.capacity,
        })
    }

    /// Writes the history of `host`, with `extra` on it as well if given, into `past` (as long as
    /// the window) and says how many of its values count.
    fn write_past(
        &self,
        host: HostId,
        extra: Option<VmId>,
        state: &Snapshot<'_>,
        past: &mut [f64],
    ) -> usize {
        let width = past.len();
        if let Some(rings) = &self.rings {
            let own = rings.latest(VmId(host.0), width);
            past[width - own.len()..].copy_from_slice(own);
            return own.len();
        }
        let room = &self.rooms[host];
        if self.keeps_pasts() {
            past.copy_from_slice(&self.pasts[own_past(host, width)]);
        } else {
            past.fill(0.0);
            self.lists[host].iter().for_each(|&vm| add_past(past, vm, room.capacity, state));
        }
        let Some(vm) = extra else { return (room.length as usize).min(width) };
        let machine = usize::from(state.fleet.machine[host]);
        let scaled = &self.scaled[machine * width..][..width];
        past.iter_mut().zip(scaled).for_each(|(sum, own)| *sum += own);
        (room.length as usize).max(self.past_len(vm, state)).min(width)
    }

    /// The latest samples of the history of `host`, at most `count`, oldest first; the draft must
    /// have been made to [lend](Draft::lending_pasts) them.
    pub fn past(&self, host: HostId, count: usize) -> &[f64] {
        if let Some(rings) = &self.rings {
            return rings.latest(VmId(host.0), count.min(self.window));
        }
        let own = &self.pasts[own_past(host, self.window)];
        &own[own.len() - (self.rooms[host].length as usize).min(count).min(own.len())..]
    }

    /// Prepares the past of `vm` in fractions of each machine.
    fn scale(&mut self, vm: VmId, state: &Snapshot<'_>) {
        if self.rings.is_some() || self.scaled_for == Some((vm, state.now)) {
            return;
        }
        self.scaled_for = Some((vm, state.now));
        if self.window == 0 {
            return;
        }
        let rows = self.scaled.chunks_exact_mut(self.window);
        for (scaled, machine) in rows.zip(&state.fleet.machines) {
            scaled.fill(0.0);
            add_past(scaled, vm, machine.capacity().0, state);
        }
    }

    /// Adds to `loads` what a detector sees of `host`, with `extra` on it as well if given.
    fn describe(&mut self, host: HostId, extra: Option<(VmId, f64)>, state: &Snapshot<'_>) {
        let mut past = std::mem::take(&mut self.own_past);
        let len = self.write_past(host, extra.map(|(vm, _)| vm), state, &mut past);
        let room = &self.rooms[host];
        let (intervals, demand) =
            extra.map_or((0.0, 0.0), |(vm, demand)| (self.copy_intervals[vm], demand));
        let intervals = room.copy_intervals.max(intervals);
        self.loads.hosts.push(host);
        self.loads.now.push((room.requested + demand) / room.capacity);
        self.loads.lengths.push(len);
        self.loads.copy_intervals.push(intervals);
        self.loads.histories.extend_from_slice(&past);
        self.own_past = past;
    }

    /// Judges `host` as it is, or as it would be with `arrival` on it.
    ///
    /// # Errors
    /// Those of the detector, naming the host.
    pub fn assess_one(
        &mut self,
        host: HostId,
        arrival: Option<&Arrival>,
        state: &Snapshot<'_>,
        detector: &mut dyn OverloadDetector,
    ) -> Result<Verdict, PolicyError> {
        let verdict = self.look_at(host, arrival, state, |load| detector.assess(load));
        verdict.map_err(|error| error.about(format!("host {}", host.0)))
    }

    /// The probability, by a detector that knows it, that `host` runs short with `arrival` on it.
    ///
    /// # Errors
    /// Those of the detector, naming the host.
    pub fn probability(
        &mut self,
        host: HostId,
        arrival: &Arrival,
        state: &Snapshot<'_>,
        detector: &mut dyn OverloadDetector,
    ) -> Result<Option<f64>, PolicyError> {
        let found = self.look_at(host, Some(arrival), state, |load| detector.probability(load));
        found.map_err(|error| error.about(format!("host {}", host.0)))
    }

    /// Shows `look` the load of `host` as it is, or as it would be with `arrival` on it.
    fn look_at<R>(
        &mut self,
        host: HostId,
        arrival: Option<&Arrival>,
        state: &Snapshot<'_>,
        look: impl FnOnce(HostLoad<'_>) -> R,
    ) -> R {
        if let Some(arrival) = arrival {
            self.scale(arrival.vm, state);
        }
        let mut past = std::mem::take(&mut self.own_past);
        let len = self.write_past(host, arrival.map(|a| a.vm), state, &mut past);
        let room = &self.rooms[host];
        let (demand, copy) = arrival.map_or((0.0, 0.0), |a| (a.needs.cpu, a.copy_intervals));
        let load = HostLoad {
            host,
            at: state.now,
            question: if arrival.is_some() { Question::WithVm } else { Question::Now },
            now: (room.requested + demand) / room.capacity,
            history: &past[self.window - len..],
            copy_intervals: room.copy_intervals.max(copy),
        };
        let found = look(load);
        self.own_past = past;
        found
    }

    /// Judges `hosts` as they are in the draft; [`Draft::verdicts`] has the answers.
    ///
    /// # Errors
    /// Those of the detector.
    pub fn assess(
        &mut self,
        hosts: &[HostId],
        state: &Snapshot<'_>,
        detector: &mut dyn OverloadDetector,
    ) -> Result<(), PolicyError> {
        if self.linear.is_some() {
            return self.glance_at(hosts, state, detector);
        }
        self.loads.clear(Question::Now, state.now, self.window);
        for &host in hosts {
            self.describe(host, None, state);
        }
        self.ask(detector)
    }

    /// Judges `host` as it would be without `leaving`: as if they had been taken off it one by one.
    ///
    /// # Errors
    /// Those of the detector.
    pub fn assess_without(
        &mut self,
        leaving: &[VmId],
        host: HostId,
        state: &Snapshot<'_>,
        detector: &mut dyn OverloadDetector,
    ) -> Result<Verdict, PolicyError> {
        let mut past = std::mem::take(&mut self.own_past);
        let (mut requested, mut copy_intervals, mut length) = (0.0, 0.0, 0);
        let capacity = self.rooms[host].capacity;
        past.fill(0.0);
        for &vm in self.lists[host].iter().filter(|vm| !leaving.contains(vm)) {
            requested += self.vm_request[vm];
            copy_intervals = self.copy_intervals[vm].max(copy_intervals);
            length = length.max(self.past_len(vm, state));
            add_past(&mut past, vm, capacity, state);
        }
        let mut length = length.min(self.window);
        if self.rings.is_some() {
            length = self.write_past(host, None, state, &mut past);
        }
        self.loads.clear(Question::Now, state.now, self.window);
        self.loads.hosts.push(host);
        self.loads.now.push(requested / capacity);
        self.loads.lengths.push(length);
        self.loads.copy_intervals.push(copy_intervals);
        self.loads.histories.extend_from_slice(&past);
        self.own_past = past;
        self.ask(detector)?;
        Ok(self.verdicts[0])
    }

    /// Judges `hosts` as they would be with `vm`, which asks for `demand` MIPS, on each of them;
    /// [`Draft::verdicts`] has the answers.
    ///
    /// # Errors
    /// Those of the detector.
    pub fn assess_with(
        &mut self,
        vm: VmId,
        demand: f64,
        hosts: &[HostId],
        ask: &mut Ask<'_>,
    ) -> Result<(), PolicyError> {
        self.loads.clear(Question::WithVm, ask.state.now, self.window);
        self.scale(vm, &ask.state);
        for &host in hosts {
            self.describe(host, Some((vm, demand)), &ask.state);
        }
        self.ask(ask.detector)
    }

    /// [`Draft::assess`] by sums where they can tell.
    fn glance_at(
        &mut self,
        hosts: &[HostId],
        state: &Snapshot<'_>,
        detector: &mut dyn OverloadDetector,
    ) -> Result<(), PolicyError> {
        self.verdicts.clear();
        for &host in hosts {
            let Room { sums, requested, length, copy_intervals, capacity, .. } = self.rooms[host];
            let length = length as usize;
            let glance = Glance { sums, requested, length, copy_intervals, capacity };
            let seen = self.linear.as_ref().and_then(|linear| linear.judge(glance));
            let verdict = match seen {
                Some(verdict) => verdict,
                None => self.assess_one(host, None, state, detector)?,
            };
            self.verdicts.push(verdict);
        }
        Ok(())
    }

    /// The verdicts of the latest assessment, one per host asked about.
    pub fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }

    fn ask(&mut self, detector: &mut dyn OverloadDetector) -> Result<(), PolicyError> {
        detector.assess_all(&self.loads, &mut self.verdicts)?;
        assert_eq!(self.verdicts.len(), self.loads.len(), "one verdict per host");
        Ok(())
    }
}

/// Where the past of `host` lies, for a detector that looks at `window` samples.
pub(super) fn own_past(host: HostId, window: usize) -> std::ops::Range<usize> {
    let start = host.index() * window;
    start..start + window
}

/// Adds the past of `vm` to that of a host of `capacity` MIPS; both end with the newest sample. VM
/// by VM in fractions of the host, as CloudSim does.
#[inline]
pub(super) fn add_past(past: &mut [f64], vm: VmId, capacity: f64, state: &Snapshot<'_>) {
    let history = state.histories.latest(vm, past.len());
    let mips = state.fleet.vm_mips[vm].0;
    let start = past.len() - history.len();
    for (sum, u) in past[start..].iter_mut().zip(history) {
        *sum += u * mips / capacity;
    }
}
