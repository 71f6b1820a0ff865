//! Getting disk images to where VMs will start.
//!
//! A best-effort lease learns on which host its image could be when: there already (reuse), by a
//! transfer of the same image that has not begun (a ride), or by a transfer of its own, first come
//! first served. A reservation's own transfer is as late as possible.
//!
//! Source: Haizea 1.1, `imagetransfer` deployment with its FIFO and EDF transfers.

use super::decision::Decided;
use super::reservation::Reservation;
use super::scheduler::Scheduler;
use crate::id::LeaseId;
use crate::model::lease::{NET_IN, RESOURCES, Software};
use crate::model::lease_record::{LeaseState, Use};
use crate::provision::{ImageTransfer, Preparation, Rider, Transfer, TransferId, transfer_time};
use crate::time::{Instant, Span};

/// How an image comes to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// By a transfer of the lease's own.
    Transfer,
    /// It is there.
    Reuse,
    /// With a transfer for another lease.
    Ride(TransferId),
}

/// When hosts could have what a lease needs.
#[derive(Debug, Clone)]
pub(super) enum Readiness {
    /// Nothing is needed.
    AtOnce,
    /// An image is needed.
    Images {
        /// When a transfer of the lease's own would begin.
        slot: Instant,
        /// Hosts that have the image now, ascending.
        cached: Vec<u32>,
        /// When and how all other hosts could have it.
        other: (Instant, Way),
    },
}

/// The image of a lease: which one, its size in MB, and how images are sent.
type Image<'a> = (u32, i64, &'a ImageTransfer);

/// How the images of a reservation come: those there already, and a transfer for the others.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    reused: Vec<u32>,
    transferred: Vec<u32>,
    start: Instant,
}

impl Scheduler<'_> {
    /// The image that a lease needs, its size, and how images are sent; none if it needs none.
    pub(super) fn image(&self, lease: u32) -> Option<Image<'_>> {
        match (&self.rules.preparation, self.requests[lease as usize].software) {
            (Preparation::ImageTransfer(rules), Software::Image { image, size }) => {
                Some((image, size, rules))
            }
            _ => None,
        }
    }

    /// How long sending an image to `vms` VMs takes.
    fn transfer_span(&self, size: i64, vms: usize, rules: &ImageTransfer) -> Span {
        let once = rules.fixed_time.unwrap_or_else(|| transfer_time(size, self.rules.bandwidth));
        if rules.multicast { once } else { once * vms as i64 }
    }

    /// When hosts could have what `lease` needs. A suspended lease has its image.
    pub(super) fn readiness(&self, lease: u32) -> Readiness {
        let Some(image) = self.image(lease) else { return Readiness::AtOnce };
        if self.lives[lease as usize].state.is_suspended() {
            return Readiness::AtOnce;
        }
        let (slot, other) = self.sent(lease, image);
        let cached = self.caches.keepers(image.0).to_vec();
        Readiness::Images { slot, cached, other }
    }

    /// When a transfer of its own could begin for a lease, and when and how its image could come
    /// to hosts that do not have it.
    pub(super) fn sent(&self, lease: u32, image: Image<'_>) -> (Instant, (Instant, Way)) {
        let (image, size, rules) = image;
        let vms = self.requests[lease as usize].vms();
        let span = self.transfer_span(size, vms, rules);
        let slot = self.repository.first_come(self.now, span);
        let own = slot + span;
        // Transfers come one after the other, so of those to ride on the first is over first.
        let mut rides = self.repository.transfers().iter();
        let ride = rides.find(|other| other.image == image && !other.started);
        match ride.filter(|ride| rules.multicast && rules.piggyback && ride.end < own) {
            Some(ride) => (slot, (ride.end, Way::Ride(ride.id))),
            None => (slot, (own, Way::Transfer)),
        }
    }

    /// Prepares a lease that was just planned, and says in its state what it waits for.
    pub(super) fn prepare(&mut self, lease: u32, readiness: &Readiness) {
        if self.lives[lease as usize].state.is_suspended() {
            return self.turn(lease, LeaseState::SuspendedScheduled);
        }
        self.turn(lease, LeaseState::Scheduled);
        let Readiness::Images { slot, cached, other } = readiness else {
            return self.turn(lease, LeaseState::Ready);
        };
        let Some((image, ..)) = self.image(lease) else { return };
        let (mapping, end) = self.planned(lease);
        self.life(lease).disk_at = vec![None; mapping.len()];
        let mut own = Vec::new();
        let mut reused = 0;
        for (vm, &host) in mapping.iter().enumerate() {
            let vm = vm as u32;
            let way = if cached.binary_search(&host).is_ok() { Way::Reuse } else { other.1 };
            match way {
                Way::Reuse => {
                    self.reuse(lease, image, (vm, host), end);
                    reused += 1;
                }
                Way::Ride(id) => {
                    let rider = Rider { lease: LeaseId(lease), vm, host };
                    if let Some(transfer) = self.repository.transfer_mut(id) {
                        transfer.riders.push(rider);
                    }
                }
                Way::Transfer => own.push(vm),
            }
        }
        self.order_transfer(lease, &own, &mapping, *slot);
        if reused == mapping.len() {
            self.turn(lease, LeaseState::Ready);
        }
    }

    /// The hosts of the planned run of a lease, and its end.
    fn planned(&self, lease: u32) -> (Vec<u32>, Instant) {
        let run = self.lives[lease as usize].run.map(|run| self.table.get(run));
        run.map_or((Vec::new(), self.now), |run| (run.mapping.clone(), run.end))
    }

    fn reuse(&mut self, lease: u32, image: u32, (vm, host): (u32, u32), timeout: Instant) {
        self.caches.reuse(host, image, (LeaseId(lease), vm), timeout);
        self.life(lease).disk_at[vm as usize] = Some(host);
    }

    /// Enters a transfer for some VMs of a lease.
    fn order_transfer(&mut self, lease: u32, vms: &[u32], mapping: &[u32], start: Instant) {
        let Some((image, size, rules)) = self.image(lease) else { return };
        if vms.is_empty() {
            return;
        }
        let end = start + self.transfer_span(size, vms.len(), rules);
        let (start_s, until_s, count) = (start.seconds(), end.seconds(), vms.len());
        self.tell(lease, || Decided::ImageSent { start_s, until_s, vms: count, mb: size });
        let first = LeaseId(lease);
        let riders: Vec<Rider> =
            vms.iter().map(|&vm| Rider { lease: first, vm, host: mapping[vm as usize] }).collect();
        let mut hosts: Vec<u32> = riders.iter().map(|rider| rider.host).collect();
        hosts.sort_unstable();
        hosts.dedup();
        let id = TransferId(0);
        let transfer = Transfer { id, start, end, image, size, first, riders, started: false };
        let id = self.repository.add(transfer);
        let mut reservation = Reservation::new(lease, Use::Transfer, start, end);
        let mut amounts = [0; RESOURCES];
        amounts[NET_IN] = self.rules.bandwidth as i64;
        reservation.hosts = hosts.into_iter().map(|host| (host, amounts)).collect();
        reservation.transfer = id.0;
        let reservation = self.table.enter(reservation);
        self.transfers.insert(id, reservation);
    }

    /// How the images of a reservation could be there in time; none if they cannot.
    pub(super) fn delivery(
        &self,
        lease: u32,
        start: Instant,
        mapping: &[u32],
    ) -> Option<Option<Delivery>> {
        let Some((image, size, rules)) = self.image(lease) else { return Some(None) };
        let cached = |vm: &u32| {
            let kept = self.caches.timeout(mapping[*vm as usize], image);
            rules.cache_mb.is_some() && kept.is_some_and(|timeout| timeout >= start)
        };
        let (reused, transferred): (Vec<u32>, Vec<u32>) =
            (0..mapping.len() as u32).partition(cached);
        if transferred.is_empty() {
            return Some(Some(Delivery { reused, transferred, start }));
        }
        let span = self.transfer_span(size, transferred.len(), rules);
        let begin = self.repository.just_in_time(start, span)?;
        if begin < self.now && !self.rules.oddities.transfer_may_be_late {
            return None;
        }
        Some(Some(Delivery { reused, transferred, start: begin }))
    }

    /// Carries out the delivery of a reservation that was just planned.
    pub(super) fn deliver(&mut self, lease: u32, mapping: &[u32], delivery: Option<Delivery>) {
        self.turn(lease, LeaseState::Scheduled);
        let Some(delivery) = delivery else { return self.turn(lease, LeaseState::Ready) };
        let Some((image, ..)) = self.image(lease) else { return };
        self.life(lease).disk_at = vec![None; mapping.len()];
        let run = self.lives[lease as usize].run;
        let start = run.map_or(self.now, |run| self.table.get(run).start);
        for &vm in &delivery.reused {
            self.reuse(lease, image, (vm, mapping[vm as usize]), start);
        }
        self.order_transfer(lease, &delivery.transferred, mapping, delivery.start);
        if delivery.transferred.is_empty() {
            self.turn(lease, LeaseState::Ready);
        }
    }

    /// A transfer begins.
    pub(super) fn begin_transfer(&mut self, id: u32) {
        let transfer = TransferId(self.table.get(id).transfer);
        let Some(transfer) = self.repository.transfer_mut(transfer) else { return };
        transfer.started = true;
        let lease = transfer.first.0;
        self.life(lease).outcome.transfers += 1;
        if self.life(lease).state == LeaseState::Scheduled {
            self.turn(lease, LeaseState::Preparing);
        }
    }

    /// A transfer ends: its image is where it was sent.
    pub(super) fn end_transfer(&mut self, id: u32) {
        let name = TransferId(self.table.get(id).transfer);
        self.transfers.remove(&name);
        let Some(transfer) = self.repository.take(name) else { return };
        for rider in &transfer.riders {
            if let Some(place) = self.life(rider.lease.0).disk_at.get_mut(rider.vm as usize) {
                *place = Some(rider.host);
            }
        }
        self.fill_caches(&transfer);
        let lease = transfer.first.0;
        if self.life(lease).state == LeaseState::Preparing {
            self.turn(lease, LeaseState::Ready);
        }
    }

    fn fill_caches(&mut self, transfer: &Transfer) {
        let Preparation::ImageTransfer(rules) = &self.rules.preparation else { return };
        let Some(limit) = rules.cache_mb else { return };
        let overfull = self.rules.oddities.cache_overfull;
        let mut riders = transfer.riders.clone();
        let ends: Vec<Instant> = riders.iter().map(|rider| self.planned(rider.lease.0).1).collect();
        let timeout = ends.into_iter().max().unwrap_or(self.now);
        riders.sort_by_key(|rider| rider.host);
        for group in riders.chunk_by(|a, b| a.host == b.host) {
            let holders: Vec<_> = group.iter().map(|rider| (rider.lease, rider.vm)).collect();
            let image = (transfer.image, transfer.size);
            self.caches.arrive(group[0].host, image, &holders, timeout, (limit, overfull));
        }
    }

    /// Takes a lease that lost its place off all transfers; unless it is suspended, its images go.
    pub(super) fn drop_preparation(&mut self, lease: u32) {
        if self.image(lease).is_none() {
            return;
        }
        for id in self.repository.forget(LeaseId(lease)) {
            if let Some(reservation) = self.transfers.remove(&id) {
                self.break_off(reservation);
            }
        }
        if !self.lives[lease as usize].state.is_suspended() {
            self.life(lease).disk_at.clear();
            self.release_caches(lease);
        }
    }

    /// The images of a lease that is over go.
    pub(super) fn forget_images(&mut self, lease: u32) {
        if self.image(lease).is_some() {
            self.life(lease).disk_at.clear();
            self.release_caches(lease);
        }
    }

    fn release_caches(&mut self, lease: u32) {
        self.caches.release(LeaseId(lease));
    }
}
