//! Ping-pong rate: the share of migrations that bring a VM back to a host it left shortly before.
//!
//! ```text
//! returns / migrations,   a return goes to a host that the VM left at most 60 minutes earlier
//! ```
//!
//! 0 when nothing migrated. A useless move costs twice: once there and once back.

use crate::id::{HostId, Id};
use crate::model::{Action, ActionKind};
use crate::time::{Instant, Span};

/// How long a host is remembered: 12 samples of 5 minutes.
const MEMORY: Span = Span(3_600_000_000);

/// The share of the migrations among `actions` that are returns.
pub fn ping_pong_rate(actions: &[Action]) -> f64 {
    // Per VM, the hosts it left and when, the latest last; few within the hour.
    let mut left: Vec<Vec<(HostId, Instant)>> = Vec::new();
    let (mut migrations, mut returns) = (0u64, 0u64);
    for action in actions.iter().filter(|a| a.kind == ActionKind::MigrationStart) {
        let (Some(vm), Some(from), Some(to)) = (action.vm, action.from, action.to) else {
            continue;
        };
        migrations += 1;
        if left.len() <= vm.index() {
            left.resize_with(vm.index() + 1, Vec::new);
        }
        let left = &mut left[vm.index()];
        let recent = left.iter().rev().take_while(|(_, at)| action.at - *at <= MEMORY);
        returns += u64::from(recent.into_iter().any(|&(host, _)| host == to));
        left.push((from, action.at));
    }
    if migrations == 0 { 0.0 } else { returns as f64 / migrations as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::VmId;
    use crate::model::record::Reason;

    fn migration(seconds: f64, from: u32, to: u32) -> Action {
        Action {
            at: Instant::from_seconds(seconds),
            seconds,
            kind: ActionKind::MigrationStart,
            vm: Some(VmId(0)),
            from: Some(HostId(from)),
            to: Some(HostId(to)),
            reason: Reason::Consequence,
        }
    }

    /// 0 -> 1 at 0 s, back at 3600 s (a return), 0 -> 1 again at 7201 s: 1 was left 3601 s before.
    #[test]
    fn only_a_return_within_the_hour_counts() {
        let actions = [migration(0.0, 0, 1), migration(3600.0, 1, 0), migration(7201.0, 0, 1)];
        assert_eq!(ping_pong_rate(&actions), 1.0 / 3.0);
        assert_eq!(ping_pong_rate(&[]), 0.0);
    }
}
