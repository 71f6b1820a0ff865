//! What is made beside the files of a workload: reservations by share, and disk images.
//!
//! ```toml
//! [leases]
//! reservations = { share = 0.2, duration-s = 10800, nodes = [25, 48], length-s = 2592000 }
//! images = { count = 37, size-mb = 4096, popular = 7, popular-share = 0.7 }
//! ```
//!
//! Source of the recipe and of these numbers: Sotomayor, Keahey, Foster, HPDC 2008, section 5.1.

use serde::{Deserialize, Serialize};

use super::limits::{Bound, Number};
use super::processor::Processor;
use crate::lease::generate::{Reservations, need, reservations};
use crate::model::lease::{Site, Software, Workload};
use crate::random::{below, stream};
use crate::time::Span;

/// Advance reservations to be made, see [`crate::lease::generate`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct MadeReservations {
    /// Their share of the site's node-time.
    pub share: f64,
    /// Their mean duration; single ones differ by up to half an hour.
    pub duration_s: f64,
    /// The least and the most VMs of one.
    pub nodes: [u32; 2],
    /// How long before its start each is asked for.
    pub notice_s: f64,
    /// For how long they are made.
    pub length_s: f64,
    /// Which of the equally likely sets.
    pub seed: u64,
}

impl Default for MadeReservations {
    fn default() -> Self {
        let (hour, day) = (3600.0, 86_400.0);
        let (duration_s, length_s) = (3.0 * hour, 30.0 * day);
        Self { share: 0.1, duration_s, nodes: [25, 48], notice_s: day, length_s, seed: 0 }
    }
}

impl MadeReservations {
    pub(super) fn numbers(&self) -> Vec<(&'static str, f64, Bound, &'static str)> {
        let [least, most] = self.nodes;
        let to = Bound::Between(least.max(1) as usize, u32::MAX as usize);
        vec![
            ("reservations.share", self.share, Bound::AboveZeroToOne, "0.2"),
            ("reservations.duration-s", self.duration_s, Bound::AboveZero, "10800"),
            ("reservations.nodes[0]", f64::from(least), Bound::AboveZero, "1"),
            ("reservations.nodes[1]", f64::from(most), to, "48"),
            ("reservations.notice-s", self.notice_s, Bound::AtLeastZero, "86400"),
            ("reservations.length-s", self.length_s, Bound::AboveZero, "2592000"),
        ]
    }

    /// The reservations for `site`; each VM needs what a processor of a job does.
    pub(super) fn make(&self, site: &Site, processor: Processor) -> Workload {
        let span = Span::from_seconds;
        let wanted = Reservations {
            hosts: site.hosts.len() as u32,
            length: span(self.length_s),
            share: self.share,
            duration: span(self.duration_s),
            nodes: self.nodes[0]..=self.nodes[1],
            notice: span(self.notice_s),
            need: need(processor.cpu, processor.memory_mb),
        };
        Workload { leases: reservations(&wanted, self.seed), ..Workload::default() }
    }
}

/// Disk images that all leases get.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct MadeImages {
    /// How many images there are.
    pub count: usize,
    /// The size of each.
    pub size_mb: i64,
    /// So many of them are popular.
    pub popular: usize,
    /// The share of the leases that have a popular one; all images are as likely if it is 0.
    pub popular_share: f64,
    /// Which of the equally likely assignments.
    pub seed: u64,
}

impl Default for MadeImages {
    fn default() -> Self {
        Self { count: 37, size_mb: 4096, popular: 7, popular_share: 0.0, seed: 0 }
    }
}

impl MadeImages {
    pub(super) fn numbers(&self) -> Vec<(&'static str, f64, Bound, &'static str)> {
        let most = Bound::Between(1, 1_000_000);
        let popular = Bound::Between(1, self.count.saturating_sub(1).max(1));
        let mut numbers = vec![
            ("images.count", self.count as f64, most, "37"),
            ("images.size-mb", self.size_mb as f64, Bound::AboveZero, "4096"),
            ("images.popular-share", self.popular_share, Bound::ZeroToBelowOne, "0.7"),
        ];
        if self.popular_share > 0.0 {
            numbers.push(("images.popular", self.popular as f64, popular, "7"));
        }
        numbers
    }

    /// Gives every lease of `workload` an image.
    pub(super) fn assign(&self, workload: &mut Workload) {
        const GRAINS: usize = 1 << 30;
        let random = &mut stream(self.seed, "lease.images");
        let images: Vec<u32> =
            (1..=self.count).map(|turn| workload.image(&format!("image_{turn}"))).collect();
        for lease in &mut workload.leases {
            let chance = below(GRAINS, random) as f64 / GRAINS as f64;
            let turn = match self.popular_share {
                0.0 => below(self.count, random),
                share if chance < share => below(self.popular, random),
                _ => self.popular + below(self.count - self.popular, random),
            };
            lease.software = Software::Image { image: images[turn], size: self.size_mb };
        }
    }
}

/// The numbers of both, by their keys under `[leases]`.
pub(super) fn numbers(
    reservations: Option<&MadeReservations>,
    images: Option<&MadeImages>,
) -> Vec<Number> {
    let made = reservations.into_iter().flat_map(MadeReservations::numbers);
    let all = made.chain(images.into_iter().flat_map(MadeImages::numbers));
    let named = |(key, value, bound, example)| (format!("[leases] {key}"), value, bound, example);
    all.map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn popular_images_are_as_popular_as_they_are_said_to_be() {
        let site = Site::uniform(144, 100, 1024);
        let mut workload = MadeReservations::default().make(&site, Processor::default());
        let made = MadeImages { popular_share: 0.7, ..MadeImages::default() };
        for _ in 0..4 {
            let more = Workload { leases: workload.leases.clone(), ..Workload::default() };
            workload.merge(more);
        }
        made.assign(&mut workload);
        let popular = |lease: &&crate::model::lease::LeaseRequest| {
            matches!(lease.software, Software::Image { image: ..7, size: 4096 })
        };
        let share =
            workload.leases.iter().filter(popular).count() as f64 / workload.leases.len() as f64;
        assert_eq!(workload.images.len(), 37);
        assert!((share - 0.7).abs() < 0.05, "{share} of {}", workload.leases.len());
    }
}
