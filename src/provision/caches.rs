//! The caches of all hosts, and which hosts keep an image.

use super::cache::{Cache, Holder};
use crate::id::LeaseId;
use crate::time::Instant;

/// A cache per host.
#[derive(Debug, Clone, Default)]
pub struct Caches {
    hosts: Vec<Cache>,
    /// The hosts that keep each image, ascending.
    keepers: Vec<Vec<u32>>,
}

impl Caches {
    /// Empty ones for so many hosts.
    pub fn new(hosts: usize) -> Self {
        Self { hosts: vec![Cache::default(); hosts], keepers: Vec::new() }
    }

    /// Hosts that keep `image`, ascending.
    pub fn keepers(&self, image: u32) -> &[u32] {
        self.keepers.get(image as usize).map_or(&[], Vec::as_slice)
    }

    /// Until when `image` is wanted on `host`, if it is there.
    pub fn timeout(&self, host: u32, image: u32) -> Option<Instant> {
        self.hosts[host as usize].timeout(image)
    }

    /// Marks `image` on `host` as used by `holder` and wanted at least until `timeout`.
    pub fn reuse(&mut self, host: u32, image: u32, holder: Holder, timeout: Instant) {
        self.hosts[host as usize].reuse(image, holder, timeout);
    }

    /// An image arrives on `host`, see [`Cache::arrive`].
    pub fn arrive(
        &mut self,
        host: u32,
        image: (u32, i64),
        holders: &[Holder],
        timeout: Instant,
        limit: (i64, bool),
    ) {
        let gone = self.hosts[host as usize].arrive(image, holders, timeout, limit);
        for gone in gone {
            self.keepers[gone as usize].retain(|&keeper| keeper != host);
        }
        if self.timeout(host, image.0).is_none() {
            return;
        }
        let image = image.0 as usize;
        self.keepers.resize(self.keepers.len().max(image + 1), Vec::new());
        if let Err(at) = self.keepers[image].binary_search(&host) {
            self.keepers[image].insert(at, host);
        }
    }

    /// Takes the marks of `lease` on `host` away.
    pub fn release_on(&mut self, host: u32, lease: LeaseId) {
        self.hosts[host as usize].release(lease);
    }

    /// Takes the marks of `lease` away.
    pub fn release(&mut self, lease: LeaseId) {
        self.hosts.iter_mut().for_each(|cache| cache.release(lease));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keepers_are_known_as_images_come_and_go() {
        let mut caches = Caches::new(2);
        let (limit, time) = ((100, false), Instant(1));
        caches.arrive(1, (7, 60), &[], time, limit);
        caches.arrive(0, (7, 60), &[], time, limit);
        assert_eq!(caches.keepers(7), [0, 1]);
        caches.arrive(1, (3, 60), &[(LeaseId(1), 0)], time, limit);
        assert_eq!((caches.keepers(7), caches.keepers(3)), (&[0][..], &[1][..]));
        caches.arrive(1, (7, 60), &[], time, limit);
        assert_eq!(caches.keepers(7), [0], "image 3 is in use, so there was no room");
    }
}
