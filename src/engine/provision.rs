//! Provisioning: the VM of a lease gets its image on the host that was chosen for it, a disk of
//! that, is customised and boots; only then it runs.
//!
//! For what is promised it begins early enough, if nothing else used the network; others wait. An
//! image that a host has, or that is on its way there, is not sent again. A VM that was suspended
//! brings its disk with it, and one that is restarted after a failure finds it: neither is
//! provisioned again.

use super::leases::Leases;
use super::moves::Moves;
use super::queue::Event;
use super::run::Engine;
use crate::id::{HostId, Id, IdVec, LeaseId, VmId};
use crate::migrate::{ImageTransfer, Totals, TransferId};
use crate::model::lease::{Guest, Guests, LeaseRequest, Software};
use crate::model::provision::{BYTES_PER_MB, CloneKind, ImageSend, Provision, ProvisionRecord};
use crate::model::record::{ActionKind, Reason};
use crate::provision::Caches;
use crate::time::{Instant, Span};
use crate::topology::LinkId;

/// Everything about provisioning, in a run that has any.
pub(super) struct Provisioning<'a> {
    rules: &'a Provision,
    /// The first core of the VM that each core belongs to.
    first: IdVec<VmId, VmId>,
    /// The image of each VM, and its size in MB.
    image: IdVec<VmId, Option<(u32, i64)>>,
    /// The most that the network gives one image, bytes per second.
    fastest: f64,
    caches: Caches,
    sending: Vec<Sending>,
    under_way: Vec<Preparing>,
    /// What each VM is ready to do: begin, or go on where it was.
    state: IdVec<VmId, Readiness>,
    /// Until when the disk of each host copies.
    busy: IdVec<HostId, Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Readiness {
    Raw,
    Ready { row: usize },
    Ran,
}

/// An image on its way.
#[derive(Debug)]
struct Sending {
    transfer: TransferId,
    row: usize,
    host: HostId,
    image: (u32, i64),
    waiting: Vec<VmId>,
}

/// A VM that is prepared.
#[derive(Debug, Clone, Copy)]
struct Preparing {
    vm: VmId,
    host: HostId,
    row: usize,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    Image,
    Clone,
    Customise,
    Boot,
}

/// How a VM marks an image as used: one mark for each.
fn mark(vm: VmId) -> (LeaseId, u32) {
    (LeaseId(vm.0), 0)
}

impl<'a> Provisioning<'a> {
    /// Nothing is prepared yet of the VMs of `requests`, `each` one of the fleet, on `hosts` hosts
    /// whose cards take `card` bytes per second.
    pub fn new(
        rules: &'a Provision,
        requests: &[LeaseRequest],
        each: Guests,
        hosts: usize,
        card: f64,
    ) -> Self {
        let mut first = Vec::new();
        let mut image = Vec::new();
        for request in requests {
            let wants = match request.software {
                Software::Image { image, size } if size > 0 => Some((image, size)),
                _ => None,
            };
            let mut last = None;
            for Guest { node, .. } in request.guests(each) {
                let core = VmId::from_index(first.len());
                let leader = last.filter(|&(other, _)| other == node).map_or(core, |(_, vm)| vm);
                last = Some((node, leader));
                first.push(leader);
                image.push(wants);
            }
        }
        let vms = first.len();
        Self {
            rules,
            first: first.into_iter().collect(),
            image: image.into_iter().collect(),
            fastest: rules.repository().min(card),
            caches: Caches::new(hosts),
            sending: Vec::new(),
            under_way: Vec::new(),
            state: IdVec::filled(Readiness::Raw, vms),
            busy: IdVec::filled(Instant::START, hosts),
        }
    }

    /// How long before its promised start `vm` is to be provisioned, where nothing is there yet.
    pub fn lead(&self, vm: VmId) -> Span {
        let rules = self.rules;
        let bytes = self.image[vm].map_or(0.0, |(_, size)| size as f64 * BYTES_PER_MB);
        let clone = if bytes > 0.0 { rules.clone_seconds(bytes) } else { 0.0 };
        let stages = bytes / self.fastest + clone + rules.customise_s + rules.boot_s;
        Span::from_seconds(stages + rules.margin_s)
    }

    /// The most that a cache holds, in the terms of [`Caches`]: 0 is no limit.
    fn limit(&self) -> (i64, bool) {
        (self.rules.cache_mb.map_or(0, |mb| mb as i64), false)
    }
}

impl Moves<'_> {
    /// Sends an image of so many `bytes` to `host`.
    fn send_image(&mut self, rules: &Provision, bytes: f64, host: HostId, now: f64) -> TransferId {
        let beside = HostId(rules.repository_host);
        let mut path = vec![self.repository];
        match &mut self.routes {
            None => path.push(2 * host.index() as LinkId + 1),
            Some(routes) if beside != host => {
                let links = routes.path(beside, host).expect("all hosts are connected");
                path.extend(&links[1..]);
            }
            Some(routes) => {
                // Its own card alone, which is the end of every path to it.
                let other = HostId(u32::from(host.0 == 0));
                path.extend(routes.path(other, host).and_then(|links| links.last()));
            }
        }
        let program = Box::new(ImageTransfer::new(bytes, rules.repository()));
        let id = self.transfers.start(program, &path, f64::INFINITY, now);
        if self.flights.len() <= id {
            self.flights.resize(id + 1, None);
        }
        self.flights[id] = None;
        id
    }
}

impl<'a> Engine<'a> {
    /// Expects to provision the VMs of `leases`, if the rules say so.
    pub(super) fn expect_provisioning(&mut self, leases: &Leases<'_>) {
        let rules: &'a crate::model::Rules = self.world.rules;
        self.provisioning = rules.provision.as_ref().map(|provision| {
            let (hosts, card) = (self.world.fleet.hosts(), rules.migration.bandwidth());
            let each = leases.consolidate.guests();
            Provisioning::new(provision, leases.requests(), each, hosts, card)
        });
    }

    /// Whether `vm` may begin to run.
    pub(super) fn is_provisioned(&self, vm: VmId) -> bool {
        let state = |of: &Provisioning<'_>| of.state[of.first[vm]] != Readiness::Raw;
        self.provisioning.as_ref().is_none_or(state)
    }

    /// Begins to prepare `vm` on `host`, which is on, unless that is under way or over.
    pub(super) fn provision(&mut self, vm: VmId, host: HostId) {
        let now = self.world.now.instant;
        let Some(all) = &mut self.provisioning else { return };
        let vm = all.first[vm];
        let known = all.under_way.iter().any(|other| other.vm == vm);
        if known || all.state[vm] != Readiness::Raw {
            return;
        }
        let row = self.world.record.provisions.len();
        let wanted = all.image[vm];
        let kept = |image: u32| all.caches.timeout(host.0, image).is_some();
        let there = wanted.is_none_or(|(image, _)| kept(image));
        self.world.record.provisions.push(ProvisionRecord {
            vm,
            host,
            image: wanted.map(|(image, _)| image),
            send: None,
            start: now,
            imaged: None,
            cloned: None,
            customised: None,
            ready: None,
            dropped: None,
        });
        all.under_way.push(Preparing { vm, host, row, stage: Stage::Image });
        match wanted {
            Some((image, _)) if there => all.caches.reuse(host.0, image, mark(vm), now),
            Some(image) => return self.await_image(vm, host, image, row),
            None => {}
        }
        self.end_stage(vm, row);
    }

    /// Lets `vm` wait for an image that `host` does not have.
    fn await_image(&mut self, vm: VmId, host: HostId, image: (u32, i64), row: usize) {
        let now = self.world.now.instant;
        let Some(all) = &mut self.provisioning else { return };
        let coming = |sending: &&mut Sending| sending.host == host && sending.image.0 == image.0;
        let send = match all.sending.iter_mut().find(coming) {
            Some(sending) => {
                sending.waiting.push(vm);
                sending.row
            }
            None => {
                let bytes = image.1 as f64 * BYTES_PER_MB;
                let transfer = self.moves.send_image(all.rules, bytes, host, now.0 as f64);
                self.transfers_changed = true;
                let row = self.world.record.sends.len();
                let (image_row, end, whole) = (image.0, None, false);
                let sent = ImageSend { host, image: image_row, start: now, end, whole, bytes: 0.0 };
                self.world.record.sends.push(sent);
                all.sending.push(Sending { transfer, row, host, image, waiting: vec![vm] });
                row
            }
        };
        self.world.record.provisions[row].send = Some(send as u32);
    }

    /// A transfer is over that was no migration: its image is where it was sent.
    pub(super) fn image_arrived(&mut self, transfer: TransferId, totals: Totals) {
        let now = self.world.now.instant;
        let Some(all) = &mut self.provisioning else { return };
        let row = all.sending.iter().position(|sending| sending.transfer == transfer);
        let Some(Sending { row, host, image, waiting, .. }) =
            row.map(|row| all.sending.remove(row))
        else {
            return;
        };
        let sent = &mut self.world.record.sends[row];
        (sent.end, sent.whole, sent.bytes) = (Some(now), true, totals.bytes);
        let marks: Vec<_> = waiting.iter().map(|&vm| mark(vm)).collect();
        all.caches.arrive(host.0, image, &marks, now, all.limit());
        let rows: Vec<(VmId, usize)> = all
            .under_way
            .iter()
            .filter(|p| waiting.contains(&p.vm))
            .map(|p| (p.vm, p.row))
            .collect();
        for (vm, row) in rows {
            self.end_stage(vm, row);
        }
    }

    /// The stage of `vm` that is under way is over, unless it was given up before.
    pub(super) fn end_stage(&mut self, vm: VmId, row: usize) {
        let now = self.world.now.instant;
        let Some(all) = &mut self.provisioning else { return };
        let at = all.under_way.iter().position(|p| p.vm == vm && p.row == row);
        let Some(at) = at else { return };
        let Preparing { host, stage, .. } = all.under_way[at];
        let record = &mut self.world.record.provisions[row];
        let size = all.image[vm].map_or(0, |(_, size)| size);
        let (next, until) = match stage {
            Stage::Image => {
                record.imaged = Some(now);
                let span = Span::from_seconds(match size {
                    0 => 0.0,
                    _ => all.rules.clone_seconds(size as f64 * BYTES_PER_MB),
                });
                let copies = size > 0 && all.rules.clone == CloneKind::Full;
                let until = if copies { now.max(all.busy[host]) + span } else { now + span };
                if copies {
                    all.busy[host] = until;
                }
                (Stage::Clone, until)
            }
            Stage::Clone => {
                record.cloned = Some(now);
                (Stage::Customise, now + Span::from_seconds(all.rules.customise_s))
            }
            Stage::Customise => {
                record.customised = Some(now);
                (Stage::Boot, now + Span::from_seconds(all.rules.boot_s))
            }
            Stage::Boot => {
                record.ready = Some(now);
                all.under_way.remove(at);
                all.state[vm] = Readiness::Ready { row };
                self.count_boot(vm, host, false);
                return self.begin_on(host);
            }
        };
        all.under_way[at].stage = next;
        if next == Stage::Boot {
            self.count_boot(vm, host, true);
        }
        if until > now {
            self.queue.push(self.clock.at(until), Event::StageEnds(vm, row));
        } else {
            self.end_stage(vm, row);
        }
    }

    /// The cores of `vm` begin or cease to boot on `host`.
    fn count_boot(&mut self, vm: VmId, host: HostId, begins: bool) {
        let Some(all) = &self.provisioning else { return };
        let cores = all.first.iter().skip(vm.index()).take_while(|&(_, &first)| first == vm);
        let cores: Vec<VmId> = cores.map(|(core, _)| core).collect();
        for core in cores {
            if begins {
                self.world.boots[host].push(core);
                self.world.note(ActionKind::BootStart, Some(core), None, Some(host), Reason::Lease);
            } else {
                self.world.boots[host].retain(|&other| other != core);
                self.world.note(ActionKind::BootEnd, Some(core), Some(host), None, Reason::Lease);
            }
        }
        self.touched.push(host);
    }

    /// `vm` begins to run: what it got is its own.
    pub(super) fn use_provision(&mut self, vm: VmId) {
        if let Some(all) = &mut self.provisioning {
            let vm = all.first[vm];
            all.state[vm] = Readiness::Ran;
        }
    }

    /// What was prepared for `vm` is given up, unless it ran.
    pub(super) fn drop_provision(&mut self, vm: VmId) {
        let now = self.world.now.instant;
        let Some(all) = &mut self.provisioning else { return };
        let vm = all.first[vm];
        if let Readiness::Ready { row } = all.state[vm] {
            all.state[vm] = Readiness::Raw;
            let record = &mut self.world.record.provisions[row];
            record.dropped = Some(now);
            all.caches.release_on(record.host.0, mark(vm).0);
            return;
        }
        let Some(at) = all.under_way.iter().position(|other| other.vm == vm) else { return };
        let Preparing { host, row, stage, .. } = all.under_way.remove(at);
        self.world.record.provisions[row].dropped = Some(now);
        all.caches.release_on(host.0, mark(vm).0);
        match stage {
            Stage::Image => self.leave_send(vm),
            Stage::Boot => self.count_boot(vm, host, false),
            Stage::Clone | Stage::Customise => {}
        }
    }

    /// `vm` no longer waits for its image, which is sent on if others do.
    fn leave_send(&mut self, vm: VmId) {
        let now = self.world.now.instant;
        let Some(all) = &mut self.provisioning else { return };
        let waits = |sending: &Sending| sending.waiting.contains(&vm);
        let Some(at) = all.sending.iter().position(waits) else { return };
        all.sending[at].waiting.retain(|&other| other != vm);
        if all.sending[at].waiting.is_empty() {
            let Sending { transfer, row, .. } = all.sending.remove(at);
            let totals = self.moves.transfers.cancel(transfer, now.0 as f64);
            self.transfers_changed = true;
            let sent = &mut self.world.record.sends[row];
            (sent.end, sent.bytes) = (Some(now), totals.bytes);
        }
    }

    /// The lease of `vm`, which ran, lets it go: its image may give way.
    pub(super) fn release_image(&mut self, vm: VmId) {
        if let Some(all) = &mut self.provisioning {
            all.caches.release(mark(vm).0);
        }
    }
}
