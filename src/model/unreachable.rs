//! When was every VM on a host that the network cut off?
//!
//! A VM is where it runs, or stands crashed: from its start, the end of its migration or the switch
//! of a post-copy until it is elsewhere, is down or gone.

use std::collections::BTreeMap;

use super::{ActionKind, Record};
use crate::id::{HostId, Id, VmId};
use crate::time::Instant;

/// From when until when, by VM, in order.
pub type Spans = Vec<(Instant, Instant)>;

/// The time in which each VM of `record` could not be reached.
pub fn unreachable(record: &Record) -> Vec<Spans> {
    let mut found = vec![Spans::new(); record.vms.len()];
    if record.cut_offs.is_empty() {
        return found;
    }
    let mut cut: BTreeMap<HostId, Spans> = BTreeMap::new();
    for row in &record.cut_offs {
        cut.entry(row.host).or_default().push((row.start, row.end.unwrap_or(record.end)));
    }
    let mut here: Vec<Option<(HostId, Instant)>> = vec![None; found.len()];
    let mut be = |vm: VmId, host: Option<HostId>, at: Instant| {
        let (since, spans) = (&mut here[vm.index()], &mut found[vm.index()]);
        if since.map(|(left, _)| left) == host {
            return;
        }
        if let Some((left, from)) = *since {
            let cut = cut.get(&left).into_iter().flatten();
            let both = cut.map(|&(start, end)| (start.max(from), end.min(at)));
            spans.extend(both.filter(|(start, end)| start < end));
        }
        *since = host.map(|host| (host, at));
    };
    for action in &record.actions {
        let Some(vm) = action.vm else { continue };
        match action.kind {
            ActionKind::VmStart
            | ActionKind::VmRestart
            | ActionKind::MigrationEnd
            | ActionKind::MigrationSwitch => be(vm, action.to, action.at),
            ActionKind::VmStop | ActionKind::VmFail => be(vm, None, action.at),
            _ => {}
        }
    }
    (0..record.vms.len()).map(VmId::from_index).for_each(|vm| be(vm, None, record.end));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::{CutOffRecord, Reason};
    use crate::model::{Action, VmRecord};

    /// On h0 from 0 s on, crashed and there again at 15 s, and on h1 from 40 s to 90 s; h0 is cut
    /// off from 10 to 20 s and from 30 to 60 s, h1 from 80 s on.
    #[test]
    fn a_vm_is_unreachable_while_its_host_is() {
        let at = Instant::from_seconds;
        let action = |seconds: f64, kind, to: Option<u32>| {
            let (vm, reason) = (Some(VmId(0)), Reason::Consequence);
            let to = to.map(HostId);
            Action { at: at(seconds), seconds, kind, vm, from: None, to, reason }
        };
        let cut = |host, start, end: Option<f64>| CutOffRecord {
            host: HostId(host),
            start: at(start),
            end: end.map(at),
        };
        let record = Record {
            vms: vec![VmRecord::default()],
            actions: vec![
                action(0.0, ActionKind::VmStart, Some(0)),
                action(15.0, ActionKind::VmRestart, Some(0)),
                action(40.0, ActionKind::MigrationEnd, Some(1)),
                action(90.0, ActionKind::VmStop, None),
            ],
            cut_offs: vec![cut(0, 10.0, Some(20.0)), cut(0, 30.0, Some(60.0)), cut(1, 80.0, None)],
            end: at(100.0),
            ..Record::default()
        };
        let found = unreachable(&record).remove(0);
        let told: Vec<_> = found.iter().map(|&(a, b)| (a.seconds(), b.seconds())).collect();
        assert_eq!(told, [(10.0, 20.0), (30.0, 40.0), (80.0, 90.0)]);
    }
}
