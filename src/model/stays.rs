//! At which site was every VM, and from when until when?
//!
//! A VM is where it runs: from its start, the end of its migration or the switch of a post-copy
//! until it is elsewhere, is down or gone.

use super::{Action, ActionKind};
use crate::id::{HostId, Id, IdVec, VmId};
use crate::time::Instant;

/// A VM at one site.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stay {
    /// The VM.
    pub vm: VmId,
    /// The site, by its number.
    pub site: u16,
    /// From when on.
    pub from: Instant,
    /// Until when.
    pub until: Instant,
}

/// The stays of `vms` VMs in the order of their ends; the run ended at `end`.
pub fn stays(
    site_of: &IdVec<HostId, u16>,
    actions: &[Action],
    vms: usize,
    end: Instant,
) -> Vec<Stay> {
    let mut stays = Vec::new();
    let mut here: Vec<Option<(u16, Instant)>> = vec![None; vms];
    let mut be = |vm: VmId, site: Option<u16>, at: Instant| {
        let known = here[vm.index()];
        if known.map(|(site, _)| site) != site {
            let left = known.filter(|&(_, from)| from < at);
            stays.extend(left.map(|(site, from)| Stay { vm, site, from, until: at }));
            here[vm.index()] = site.map(|site| (site, at));
        }
    };
    for action in actions {
        let Some(vm) = action.vm else { continue };
        let site = |host: Option<HostId>| host.map(|host| site_of[host]);
        match action.kind {
            ActionKind::VmStart
            | ActionKind::VmRestart
            | ActionKind::MigrationEnd
            | ActionKind::MigrationSwitch => be(vm, site(action.to), action.at),
            ActionKind::VmStop | ActionKind::VmFail => be(vm, None, action.at),
            _ => {}
        }
    }
    (0..vms).map(VmId::from_index).for_each(|vm| be(vm, None, end));
    stays
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::Reason;

    /// At h1 of the second site from 10 s on, at h2 of it from 20 s, at home from 50 s to 70 s,
    /// then at h1 until the end at 100 s.
    #[test]
    fn a_stay_lasts_while_the_vm_is_at_the_site() {
        let action = |seconds: f64, kind, to| {
            let (at, vm, reason) = (Instant::from_seconds(seconds), VmId(0), Reason::Consequence);
            let to = Some(HostId(to));
            Action { at, seconds, kind, vm: Some(vm), from: None, to, reason }
        };
        let actions = [
            action(10.0, ActionKind::VmStart, 1),
            action(20.0, ActionKind::MigrationEnd, 2),
            action(50.0, ActionKind::MigrationSwitch, 0),
            action(60.0, ActionKind::MigrationEnd, 0),
            action(70.0, ActionKind::VmFail, 0),
            action(80.0, ActionKind::VmRestart, 1),
        ];
        let site_of: IdVec<HostId, u16> = vec![0, 1, 1].into();
        let found = stays(&site_of, &actions, 1, Instant::from_seconds(100.0));
        let told: Vec<_> =
            found.iter().map(|s| (s.site, s.from.seconds(), s.until.seconds())).collect();
        assert_eq!(told, [(1, 10.0, 50.0), (0, 50.0, 70.0), (1, 80.0, 100.0)]);
    }
}
