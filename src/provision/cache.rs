//! The disk images that a host keeps, and which of them give way.
//!
//! Images that VMs use are marked and stay. Of the others the one whose time-out comes first gives
//! way when room is needed (least recently useful first).

use crate::id::LeaseId;
use crate::time::Instant;

/// A VM that uses an image.
pub type Holder = (LeaseId, u32);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Image {
    image: u32,
    size: i64,
    timeout: Instant,
    holders: Vec<Holder>,
}

/// Images kept on one host, in the order in which they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cache {
    images: Vec<Image>,
}

impl Cache {
    /// Until when `image` is wanted, if it is here.
    pub fn timeout(&self, image: u32) -> Option<Instant> {
        self.images.iter().find(|kept| kept.image == image).map(|kept| kept.timeout)
    }

    /// Marks `image` as used by `holder` and wanted at least until `timeout`.
    pub fn reuse(&mut self, image: u32, holder: Holder, timeout: Instant) {
        if let Some(kept) = self.images.iter_mut().find(|kept| kept.image == image) {
            kept.holders.push(holder);
            kept.timeout = kept.timeout.max(timeout);
        }
    }

    /// An image arrives for `holders`. At most `limit` MB are kept (0 or less: any number), unless
    /// `overfull`: then the newcomer is not counted when others give way, as in Haizea. Names the
    /// images that gave way.
    pub fn arrive(
        &mut self,
        (image, size): (u32, i64),
        holders: &[Holder],
        timeout: Instant,
        (limit, overfull): (i64, bool),
    ) -> Vec<u32> {
        let mut gone = Vec::new();
        if let Some(kept) = self.images.iter_mut().find(|kept| kept.image == image) {
            kept.holders.extend_from_slice(holders);
            kept.timeout = kept.timeout.max(timeout);
            return gone;
        }
        let newcomer = if overfull { 0 } else { size };
        if limit > 0 && self.used() + size > limit {
            loop {
                let Some(image) = self.give_way() else { return gone };
                gone.push(image);
                if self.used() + newcomer <= limit {
                    break;
                }
            }
        }
        self.images.push(Image { image, size, timeout, holders: holders.to_vec() });
        gone
    }

    /// Takes the marks of `lease` away.
    pub fn release(&mut self, lease: LeaseId) {
        for kept in &mut self.images {
            kept.holders.retain(|holder| holder.0 != lease);
        }
    }

    fn used(&self) -> i64 {
        self.images.iter().map(|kept| kept.size).sum()
    }

    /// Removes the unmarked image whose time-out comes first and names it; none if all are marked.
    fn give_way(&mut self) -> Option<u32> {
        let unmarked = self.images.iter().enumerate().filter(|(_, kept)| kept.holders.is_empty());
        let (at, _) = unmarked.min_by_key(|(_, kept)| kept.timeout)?;
        Some(self.images.remove(at).image)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unused_image_that_is_wanted_least_long_gives_way() {
        let mut cache = Cache::default();
        let holder = (LeaseId(1), 0);
        cache.arrive((1, 40), &[holder], Instant(10), (100, false));
        cache.arrive((2, 30), &[], Instant(30), (100, false));
        cache.arrive((3, 30), &[], Instant(20), (100, false));
        cache.arrive((4, 30), &[], Instant(40), (100, false));
        let kept = |cache: &Cache| [1, 2, 3, 4].map(|image| cache.timeout(image).is_some());
        assert_eq!(kept(&cache), [true, true, false, true]);
        cache.release(LeaseId(1));
        cache.arrive((3, 31), &[], Instant(20), (100, false));
        assert_eq!(kept(&cache), [false, true, true, true]);
    }

    #[test]
    fn haizea_lets_the_newcomer_exceed_the_limit() {
        let mut cache = Cache::default();
        cache.arrive((1, 10), &[], Instant(1), (100, true));
        cache.arrive((2, 85), &[], Instant(2), (100, true));
        cache.arrive((3, 90), &[], Instant(3), (100, true));
        assert_eq!(cache.used(), 175, "only image 1 gave way");
    }
}
