//! The past of a host as the sum of the pasts of its VMs, for placers and planners.

use galerna::id::HostId;
use galerna::model::Snapshot;
use galerna::place::Draft;

/// Past utilisation of `host` in `past`, right-aligned and NaN where no VM has a past; how many of
/// its values count.
pub fn write(host: HostId, draft: &Draft, state: &Snapshot<'_>, past: &mut [f64]) -> usize {
    past.fill(f64::NAN);
    let capacity = draft.room(host).capacity;
    let mut longest = 0;
    for &vm in draft.vms_on(host) {
        let own = state.histories.latest(vm, past.len());
        let (mips, from) = (state.fleet.vm_mips[vm].0, past.len() - own.len());
        for (sum, u) in past[from..].iter_mut().zip(own) {
            let before = if sum.is_nan() { 0.0 } else { *sum };
            *sum = before + u * mips / capacity;
        }
        longest = longest.max(own.len());
    }
    longest
}
