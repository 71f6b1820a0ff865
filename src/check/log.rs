//! Is the event log the one whose hash was reported?
//!
//! One record of 21 bytes per action except `unplaced`, little-endian: time in microseconds (i64),
//! kind (u8), subject (u32: the VM, or the host of a host action), from (u32), to (u32); all bits
//! set stand for nobody.

use crate::model::{Action, ActionKind};
use crate::problem::Problem;

use super::Evidence;

/// Compares hashes, if one was reported.
pub(super) fn check(evidence: &Evidence) -> Option<Problem> {
    let reported = evidence.event_log_blake3.as_ref()?;
    let found = hash(&evidence.record.actions);
    let remedy = "The actions were changed after the run, or the report belongs to another run";
    (found != *reported).then(|| {
        let what = format!("the actions hash to {found}, expected {reported}");
        Problem::new("GLN-611", "event_log_blake3", what, remedy)
    })
}

/// The hash of the records, hexadecimal.
pub(super) fn hash(actions: &[Action]) -> String {
    let mut bytes: Vec<u8> = Vec::new();
    for action in actions {
        let Some(kind) = number(action.kind) else { continue };
        let from = action.from.map(|host| host.0);
        let subject = action.vm.map(|vm| vm.0).or(from);
        bytes.extend(action.at.0.to_le_bytes());
        bytes.push(kind);
        for id in [subject, from, action.to.map(|host| host.0)] {
            bytes.extend(id.map_or([0xff; 4], u32::to_le_bytes));
        }
    }
    blake3::hash(&bytes).to_hex().to_string()
}

/// Numbers of the kinds in the log, `None` for what is not logged.
fn number(kind: ActionKind) -> Option<u8> {
    match kind {
        ActionKind::HostWake => Some(0),
        ActionKind::HostOn => Some(1),
        ActionKind::HostSleep => Some(2),
        ActionKind::HostOff => Some(3),
        ActionKind::VmStart => Some(4),
        ActionKind::VmStop => Some(5),
        ActionKind::MigrationStart => Some(6),
        ActionKind::MigrationEnd => Some(7),
        ActionKind::Unplaced => None,
        ActionKind::MigrationSwitch => Some(9),
        ActionKind::MigrationAbort => Some(10),
        ActionKind::VmCrash => Some(11),
        ActionKind::VmRestart => Some(12),
        ActionKind::HostFail => Some(13),
        ActionKind::HostRepair => Some(14),
        ActionKind::VmFail => Some(15),
        ActionKind::BootStart => Some(16),
        ActionKind::BootEnd => Some(17),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{HostId, VmId};
    use crate::model::record::Reason;
    use crate::time::Instant;

    /// One second = 1 000 000 us = 0x0f4240; kind 6; VM 2 from host 1 to host 3.
    #[test]
    fn a_record_is_these_21_bytes_and_an_unplaced_vm_leaves_none() {
        let start = Action {
            at: Instant(1_000_000),
            seconds: 1.0,
            kind: ActionKind::MigrationStart,
            vm: Some(VmId(2)),
            from: Some(HostId(1)),
            to: Some(HostId(3)),
            reason: Reason::Overload(0.9),
        };
        let stay = Action { kind: ActionKind::Unplaced, ..start };
        let on = Action { kind: ActionKind::HostOn, vm: None, to: None, ..start };
        let bytes = [
            [0x40, 0x42, 0x0f, 0, 0, 0, 0, 0, 6, 2, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0],
            [0x40, 0x42, 0x0f, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 255, 255, 255, 255],
        ];
        let expected = blake3::hash(bytes.as_flattened()).to_hex().to_string();
        assert_eq!(hash(&[start, stay, on]), expected);
    }
}
