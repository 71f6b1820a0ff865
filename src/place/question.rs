//! How a detector is asked about the hosts of a draft: as they are, or with one more VM.
//!
//! The past of a host is the sum of the pasts of its VMs, kept in step with its list, so that the
//! question "would it be overloaded with this VM?" costs one addition per sample.

use serde::{Deserialize, Serialize};

use super::{Draft, HostSet};
use crate::detect::{HostLoad, OverloadDetector, Question, Verdict};
use crate::id::{HostId, Id, VmId};
use crate::model::Snapshot;
use crate::policy::PolicyError;
use crate::units::Bytes;

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

impl Draft {
    pub(super) fn past_len(&self, vm: VmId, state: &Snapshot<'_>) -> usize {
        match self.kind {
            HistoryKind::VmsOnHostTrimmed => state.histories.trimmed_len(vm),
            _ => state.histories.len(vm),
        }
    }

    /// Sampling intervals that copying the largest VM of a host takes.
    #[inline]
    fn copy_intervals(&self, largest: Bytes) -> f64 {
        largest.0 as f64 * self.intervals_per_byte
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
        past.copy_from_slice(&self.pasts[own_past(host, width)]);
        let Some(vm) = extra else { return (room.length as usize).min(width) };
        let machine = usize::from(state.fleet.machine[host]);
        let scaled = &self.scaled[machine * width..][..width];
        past.iter_mut().zip(scaled).for_each(|(sum, own)| *sum += own);
        (room.length as usize).max(self.past_len(vm, state)).min(width)
    }

    /// The latest samples of the history of `host`, at most `count`, oldest first.
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
        let (arriving, demand) =
            extra.map_or((Bytes(0), 0.0), |(vm, demand)| (state.fleet.vm_ram[vm], demand));
        let intervals = self.copy_intervals(room.largest.max(arriving));
        self.loads.hosts.push(host);
        self.loads.now.push((room.requested + demand) / room.capacity);
        self.loads.lengths.push(len);
        self.loads.copy_intervals.push(intervals);
        self.loads.histories.extend_from_slice(&past);
        self.own_past = past;
    }

    /// Judges `host` as it would be with `vm`, which asks for `demand` MIPS, on it.
    ///
    /// # Errors
    /// Those of the detector, naming the host.
    pub fn assess_one_with(
        &mut self,
        vm: VmId,
        demand: f64,
        host: HostId,
        ask: &mut Ask<'_>,
    ) -> Result<Verdict, PolicyError> {
        self.scale(vm, &ask.state);
        let mut past = std::mem::take(&mut self.own_past);
        let len = self.write_past(host, Some(vm), &ask.state, &mut past);
        let room = &self.rooms[host];
        let largest = room.largest.max(ask.state.fleet.vm_ram[vm]);
        let load = HostLoad {
            host,
            at: ask.state.now,
            question: Question::WithVm,
            now: (room.requested + demand) / room.capacity,
            history: &past[self.window - len..],
            copy_intervals: self.copy_intervals(largest),
        };
        let verdict = ask.detector.assess(load);
        self.own_past = past;
        verdict.map_err(|error| error.about(format!("host {}", host.0)))
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
        self.loads.clear(Question::Now, state.now, self.window);
        for &host in hosts {
            self.describe(host, None, state);
        }
        self.ask(detector)
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
