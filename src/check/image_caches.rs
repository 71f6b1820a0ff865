//! The images that hosts keep, followed through a run once more.

use std::collections::BTreeMap;

use super::event::{Deed, Event};
use super::provision::{Refuse, first_core};
use super::{Evidence, Tenancy};
use crate::id::VmId;
use crate::model::Provision;
use crate::time::Instant;

/// What happens to images, in the order of one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    /// The send in that row is complete.
    Arrives(usize),
    /// A VM ends, or is given up.
    Leaves(u32),
    /// The VM of that row finds its image there.
    Found(usize),
}

/// An image that a host keeps.
#[derive(Debug)]
struct Kept {
    image: u32,
    mb: i64,
    used: Instant,
    users: Vec<VmId>,
}

/// Verifies that images which were not sent were there, and that what was sent is as large as it.
pub(super) fn caches(
    evidence: &Evidence,
    rules: &Provision,
    tenancy: &Tenancy,
    events: &[Event],
    refuse: &mut Refuse<'_>,
) {
    let record = &evidence.record;
    let mut turns: Vec<(Instant, Turn)> = Vec::new();
    for (row, send) in record.sends.iter().enumerate() {
        turns.extend(send.end.filter(|_| send.whole).map(|end| (end, Turn::Arrives(row))));
    }
    for (row, of) in record.provisions.iter().enumerate() {
        turns.extend(of.dropped.map(|at| (at, Turn::Leaves(of.vm.0))));
        if of.image.is_some() && of.send.is_none() {
            turns.push((of.start, Turn::Found(row)));
        }
    }
    for event in events {
        if let Deed::Stop { vm, .. } = event.deed {
            turns.push((event.at, Turn::Leaves(first_core(tenancy, vm).0)));
        }
    }
    turns.sort_unstable();
    let limit = rules.cache_mb.map_or(i64::MAX, |mb| mb as i64);
    let mut hosts: BTreeMap<u32, Vec<Kept>> = BTreeMap::new();
    for (at, turn) in turns {
        match turn {
            Turn::Leaves(vm) => {
                hosts.values_mut().flatten().for_each(|kept| kept.users.retain(|user| user.0 != vm))
            }
            Turn::Found(row) => {
                let of = &record.provisions[row];
                let kept = hosts.get_mut(&of.host.0).into_iter().flatten();
                match kept.into_iter().find(|kept| Some(kept.image) == of.image) {
                    Some(kept) => {
                        kept.used = kept.used.max(at);
                        kept.users.push(of.vm);
                    }
                    None => {
                        let what = format!("h{} did not have image {:?}", of.host.0, of.image);
                        refuse("GLN-693", format!("provisions row {row}"), what);
                    }
                }
            }
            Turn::Arrives(row) => {
                let send = &record.sends[row];
                let waited = record
                    .provisions
                    .iter()
                    .filter(|of| of.send == Some(row as u32) && of.imaged.is_some());
                let users: Vec<VmId> = waited.map(|of| of.vm).collect();
                let image = users.first().and_then(|vm| tenancy.wants(vm.0 as usize)?.1);
                let mb = image.map_or(0, |(_, mb)| mb);
                if (send.bytes - mb as f64 * 1e6).abs() > 1.0 {
                    let what = format!("{} bytes were sent of an image of {mb} MB", send.bytes);
                    refuse("GLN-693", format!("image_sends row {row}"), what);
                }
                let kept = hosts.entry(send.host.0).or_default();
                keep(kept, Kept { image: send.image, mb, used: at, users }, limit);
            }
        }
    }
}

/// Puts `new` among `kept`; unused images give way, the least recently used first.
fn keep(kept: &mut Vec<Kept>, new: Kept, limit: i64) {
    if let Some(known) = kept.iter_mut().find(|known| known.image == new.image) {
        known.users.extend(new.users);
        known.used = known.used.max(new.used);
        return;
    }
    while kept.iter().map(|image| image.mb).sum::<i64>() + new.mb > limit {
        let unused = kept.iter().enumerate().filter(|(_, image)| image.users.is_empty());
        let Some((oldest, _)) = unused.min_by_key(|(_, image)| image.used) else { return };
        kept.remove(oldest);
    }
    kept.push(new);
}
