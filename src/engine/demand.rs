//! What each VM asks for at any time, from the samples of its trace.
//!
//! ```text
//! hold:         r(t) = d[k] m                                          k = floor(t / step)
//! interpolate:  r(t) = (d[k] + (d[k+1] - d[k]) / step * (t - k step)) m
//! ```
//!
//! `d`: utilisation samples (the last one repeats), `m`: nominal rate of the VM in MIPS.

use crate::id::{IdVec, VmId};
use crate::model::Fleet;
use crate::model::rules::BetweenSamples;
use crate::trace::UtilisationTrace;

/// Demand of all VMs.
pub struct DemandCurve<'a> {
    trace: &'a UtilisationTrace,
    fleet: &'a Fleet,
    between: BetweenSamples,
    step_s: f64,
    sample: Option<usize>,
    /// Whether the trace begins again when it is over.
    repeats: bool,
    start_s: f64,
    segments: IdVec<VmId, Segment>,
    /// Demand of each VM as last updated, MIPS.
    pub mips: IdVec<VmId, f64>,
}

/// The straight piece of a VM's curve in force.
#[derive(Debug, Clone, Copy, Default)]
struct Segment {
    base: f64,
    slope: f64,
}

impl<'a> DemandCurve<'a> {
    /// Demand of `fleet` driven by `trace`.
    pub fn new(trace: &'a UtilisationTrace, fleet: &'a Fleet, between: BetweenSamples) -> Self {
        Self {
            trace,
            fleet,
            between,
            step_s: trace.step().seconds(),
            sample: None,
            repeats: false,
            start_s: 0.0,
            segments: IdVec::filled(Segment::default(), fleet.vms()),
            mips: IdVec::filled(0.0, fleet.vms()),
        }
    }

    /// Whether demand changes between samples.
    pub fn is_continuous(&self) -> bool {
        self.between == BetweenSamples::Interpolate
    }

    /// From here on the trace begins again when it is over.
    pub fn repeat(&mut self) {
        self.repeats = true;
    }

    /// Puts the pieces that hold at `seconds` in force.
    pub fn advance(&mut self, seconds: f64) {
        self.set_sample((seconds / self.step_s).floor().max(0.0) as usize);
    }

    /// Puts the pieces that begin at `sample` in force; it may lie beyond the last of the trace.
    pub fn set_sample(&mut self, sample: usize) {
        if self.sample == Some(sample) {
            return;
        }
        self.sample = Some(sample);
        self.start_s = sample as f64 * self.step_s;
        let samples = self.trace.samples();
        let row_of = |sample: usize| {
            if self.repeats { sample % samples } else { sample.min(samples - 1) }
        };
        let (sample, next) = (row_of(sample), row_of(sample + 1));
        for (vm, &row) in self.fleet.trace_row.iter() {
            let base = self.trace.fraction(row, sample);
            let slope = match self.between {
                BetweenSamples::Hold => 0.0,
                BetweenSamples::Interpolate => {
                    (self.trace.fraction(row, next) - base) / self.step_s
                }
            };
            self.segments[vm] = Segment { base, slope };
        }
    }

    /// Utilisation of `vm` at `seconds`, fraction of its nominal rate.
    #[inline]
    pub fn fraction(&self, vm: VmId, seconds: f64) -> f64 {
        let Segment { base, slope } = self.segments[vm];
        base + slope * (seconds - self.start_s)
    }

    /// Brings `mips` of `vm` up to date and returns it.
    #[inline]
    pub fn update(&mut self, vm: VmId, seconds: f64) -> f64 {
        let mips = self.fraction(vm, seconds) * self.fleet.vm_mips[vm].0;
        self.mips[vm] = mips;
        mips
    }
}
