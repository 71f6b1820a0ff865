//! What a VM of a lease needs before it runs (`[leases.provision]`), and what came of it.
//!
//! ```text
//! image       from the repository to the host, over the network of migrations; or it is there
//! clone       copy-on-write: clone-s             full: image / disk-mb-s, one at a time per host
//! customise   customise-s
//! boot        boot-s, while each of its cores uses boot-cpu of its rate
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::{HostId, VmId};
use crate::time::Instant;

/// Bytes of an MB.
pub const BYTES_PER_MB: f64 = 1e6;
const BYTES_PER_MBIT: f64 = 125_000.0;

/// `[leases.provision]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Provision {
    /// What the repository has, MB by name; empty: whatever leases say.
    pub images: BTreeMap<String, u64>,
    /// The card of the repository, Mbit/s.
    pub repository_mbit_s: f64,
    /// The host beside which the repository stands in a topology.
    pub repository_host: u32,
    /// Images that a host keeps, MB; without it as many as come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_mb: Option<u64>,
    /// How a VM gets a disk of its image.
    pub clone: CloneKind,
    /// How long a clone by copy-on-write takes, seconds.
    pub clone_s: f64,
    /// How fast a disk copies an image, MB/s.
    pub disk_mb_s: f64,
    /// How long customising takes, seconds.
    pub customise_s: f64,
    /// How long booting takes, seconds.
    pub boot_s: f64,
    /// Part of the rate of its cores that a booting VM uses, `[0, 1]`.
    pub boot_cpu: f64,
    /// Seconds by which provisioning for what is promised begins earlier than it need if nothing
    /// else used the network.
    pub margin_s: f64,
    /// Whether the network is a topology, and not just the cards of hosts.
    #[serde(skip)]
    pub topology: bool,
}

/// How a VM gets a disk of its image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CloneKind {
    /// It shares the image and writes elsewhere.
    #[default]
    CopyOnWrite,
    /// The image is copied.
    Full,
}

impl Default for Provision {
    fn default() -> Self {
        Self {
            images: BTreeMap::new(),
            repository_mbit_s: 1000.0,
            repository_host: 0,
            cache_mb: None,
            clone: CloneKind::CopyOnWrite,
            clone_s: 0.0,
            disk_mb_s: 100.0,
            customise_s: 0.0,
            boot_s: 60.0,
            boot_cpu: 0.0,
            margin_s: 0.0,
            topology: false,
        }
    }
}

impl Provision {
    /// What the card of the repository sends, bytes per second.
    pub fn repository(&self) -> f64 {
        self.repository_mbit_s * BYTES_PER_MBIT
    }

    /// How long a clone of an image of so many `bytes` takes, seconds.
    pub fn clone_seconds(&self, bytes: f64) -> f64 {
        match self.clone {
            CloneKind::CopyOnWrite => self.clone_s,
            CloneKind::Full => bytes / (self.disk_mb_s * BYTES_PER_MB),
        }
    }
}

/// One row of `provisions`: a VM that was prepared on a host, in the order in which that began. Of
/// a VM of several cores it is the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProvisionRecord {
    /// The VM.
    pub vm: VmId,
    /// Where.
    pub host: HostId,
    /// Its image, by its row in the workload; `None` where it needs none.
    pub image: Option<u32>,
    /// The row of `image_sends` that it waited for; `None` where the image was there.
    pub send: Option<u32>,
    /// When it began.
    pub start: Instant,
    /// When the image was there.
    pub imaged: Option<Instant>,
    /// When it had its disk.
    pub cloned: Option<Instant>,
    /// When that was customised, and it began to boot.
    pub customised: Option<Instant>,
    /// When it had booted.
    pub ready: Option<Instant>,
    /// When it was given up before it ever ran there.
    pub dropped: Option<Instant>,
}

/// One row of `image_sends`: an image on its way from the repository, in the order in which they
/// began.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ImageSend {
    /// To which host.
    pub host: HostId,
    /// The image, by its row in the workload.
    pub image: u32,
    /// When it began.
    pub start: Instant,
    /// When it was over; `None` where it was not before the end of the run.
    pub end: Option<Instant>,
    /// Whether all of it was sent.
    pub whole: bool,
    /// Bytes sent.
    pub bytes: f64,
}

/// What provisioning came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct ProvisionSummary {
    /// VMs that were made ready.
    pub provisioned: u64,
    /// Mean time until their image was there, seconds.
    pub mean_image_s: f64,
    /// Mean time until they had a disk of it, seconds.
    pub mean_clone_s: f64,
    /// Mean time of customising, seconds.
    pub mean_customise_s: f64,
    /// Mean time of booting, seconds.
    pub mean_boot_s: f64,
    /// Images that were sent to a host, all of them.
    pub images_sent: u64,
    /// VMs whose image was there.
    pub images_cached: u64,
    /// Bytes that the repository sent.
    pub image_bytes: f64,
}

impl ProvisionSummary {
    /// From the rows of a run.
    pub fn of(rows: &[ProvisionRecord], sends: &[ImageSend]) -> Self {
        let mut sums = [0.0; 4];
        let mut provisioned = 0;
        for row in rows {
            let times = [Some(row.start), row.imaged, row.cloned, row.customised, row.ready];
            let [Some(a), Some(b), Some(c), Some(d), Some(e)] = times else { continue };
            provisioned += 1;
            let spans = [b - a, c - b, d - c, e - d];
            sums.iter_mut().zip(spans).for_each(|(sum, span)| *sum += span.seconds());
        }
        let [mean_image_s, mean_clone_s, mean_customise_s, mean_boot_s] =
            sums.map(|sum| if provisioned == 0 { 0.0 } else { sum / provisioned as f64 });
        let cached = |row: &&ProvisionRecord| row.image.is_some() && row.send.is_none();
        Self {
            provisioned,
            mean_image_s,
            mean_clone_s,
            mean_customise_s,
            mean_boot_s,
            images_sent: sends.iter().filter(|send| send.whole).count() as u64,
            images_cached: rows.iter().filter(cached).count() as u64,
            image_bytes: sends.iter().map(|send| send.bytes).sum(),
        }
    }

    /// Every figure by name.
    pub fn named(&self) -> [(&'static str, f64); 8] {
        [
            ("provisioned", self.provisioned as f64),
            ("mean_image_s", self.mean_image_s),
            ("mean_clone_s", self.mean_clone_s),
            ("mean_customise_s", self.mean_customise_s),
            ("mean_boot_s", self.mean_boot_s),
            ("images_sent", self.images_sent as f64),
            ("images_cached", self.images_cached as f64),
            ("image_bytes", self.image_bytes),
        ]
    }
}
