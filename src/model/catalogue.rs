//! Which hosts and instance types are known by name? Catalogues are data files: those that come
//! with galerna (`hosts.toml`, `instances.toml`), and files of one's own in the same form.
//!
//! ```text
//! rate of a vCPU = ECU / vCPUs x 1000 MIPS          memory of a vCPU = memory / vCPUs
//! ```
//!
//! An EC2 compute unit (ECU) counts as 1000 MIPS, and a VM of one core has its share of an
//! instance's memory, as in the published experiments; a type without ECU says nothing of its rate.
//!
//! Source: Beloglazov and Buyya, Concurrency Computat.: Pract. Exper. 24(13), 2012, sect. 7: the
//! small instance (1 ECU) has 1000 MIPS, the high-CPU medium one (5 ECU, 2 cores) 2500 MIPS.
//! Known difference: they take 870 MB for a core of the latter, a half of 1.7 GiB is 912 MB.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::fleet::POWER_STEPS;
use crate::units::{Bytes, Mips};

/// MIPS that an EC2 compute unit counts as.
const MIPS_PER_ECU: f64 = 1000.0;
const GIB: f64 = (1_u64 << 30) as f64;

/// A host by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HostModel {
    /// The name by which a spec knows it.
    pub name: String,
    /// What it is.
    #[serde(default)]
    pub title: String,
    /// CPU cores.
    pub cores: u32,
    /// Rate of a core, MIPS.
    pub core_mips: f64,
    /// Watts at 0, 10, .., 100 % load.
    pub watts: [f64; POWER_STEPS + 1],
    /// Where that is said.
    #[serde(default)]
    pub source: String,
}

/// An instance type by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Instance {
    /// The name by which a spec or a lease knows it.
    pub name: String,
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Memory, GiB.
    pub memory_gib: f64,
    /// EC2 compute units of all vCPUs together, where they are published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ecu: Option<f64>,
    /// Price of an hour, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hour_price: Option<f64>,
    /// Of when that price is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priced: Option<String>,
    /// Where that is said.
    #[serde(default)]
    pub source: String,
}

impl Instance {
    /// Rate of one vCPU, where the type says something of it.
    ///
    /// ```
    /// use galerna::model::Catalogue;
    /// use galerna::units::{Bytes, Mips};
    ///
    /// let medium = Catalogue::bundled().instance("c1.medium").unwrap();
    /// assert_eq!(medium.vcpu_mips(), Some(Mips(2500.0)));
    /// assert_eq!(medium.vcpu_memory(), Bytes(912_680_550));
    /// ```
    pub fn vcpu_mips(&self) -> Option<Mips> {
        self.ecu.map(|ecu| Mips(ecu / f64::from(self.vcpus) * MIPS_PER_ECU))
    }

    /// Memory of the whole instance.
    pub fn memory(&self) -> Bytes {
        Bytes((self.memory_gib * GIB) as u64)
    }

    /// Memory of one vCPU.
    pub fn vcpu_memory(&self) -> Bytes {
        Bytes(self.memory().0 / u64::from(self.vcpus))
    }
}

/// Hosts and instance types by name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Catalogue {
    /// What rows call their source in short, and what that is.
    #[serde(skip_serializing)]
    sources: BTreeMap<String, String>,
    /// Hosts, in the order of the file.
    #[serde(rename = "host")]
    pub hosts: Vec<HostModel>,
    /// Instance types, in the order of the file.
    #[serde(rename = "instance")]
    pub instances: Vec<Instance>,
}

static BUNDLED: LazyLock<Catalogue> = LazyLock::new(|| {
    let read = |text| Catalogue::read(text).expect("bundled catalogues are in order");
    let hosts = read(include_str!("hosts.toml")).hosts;
    Catalogue { hosts, ..read(include_str!("instances.toml")) }
});

impl Catalogue {
    /// The catalogue that comes with galerna.
    pub fn bundled() -> &'static Self {
        &BUNDLED
    }

    /// Reads a catalogue: tables `[[host]]` and `[[instance]]`, and `[sources]` for what their
    /// `source` calls by a short name.
    ///
    /// # Errors
    /// That of the TOML reader; what the numbers are is [another question](Self::faults).
    pub fn read(text: &str) -> Result<Self, toml::de::Error> {
        let mut read: Self = toml::from_str(text)?;
        let sources = std::mem::take(&mut read.sources);
        let hosts = read.hosts.iter_mut().map(|host| &mut host.source);
        let cited = hosts.chain(read.instances.iter_mut().map(|instance| &mut instance.source));
        for source in cited {
            if let Some(whole) = sources.get(source) {
                source.clone_from(whole);
            }
        }
        Ok(read)
    }

    /// This catalogue, and of `other` what it does not have.
    #[must_use]
    pub fn before(mut self, other: &Self) -> Self {
        let new_host = |host: &&HostModel| self.host(&host.name).is_none();
        let hosts: Vec<HostModel> = other.hosts.iter().filter(new_host).cloned().collect();
        let new = |instance: &&Instance| self.instance(&instance.name).is_none();
        let instances: Vec<Instance> = other.instances.iter().filter(new).cloned().collect();
        self.hosts.extend(hosts);
        self.instances.extend(instances);
        self
    }

    /// The host called `name`.
    pub fn host(&self, name: &str) -> Option<&HostModel> {
        self.hosts.iter().find(|host| host.name == name)
    }

    /// The instance type called `name`.
    pub fn instance(&self, name: &str) -> Option<&Instance> {
        self.instances.iter().find(|instance| instance.name == name)
    }

    /// Rows whose numbers make no sense or whose name is there twice, and what they must be.
    pub fn faults(&self) -> Vec<(String, &'static str)> {
        let mut faults = Vec::new();
        let positive = |number: f64| number > 0.0 && number.is_finite();
        for (row, host) in self.hosts.iter().enumerate() {
            let at = format!("[[host]] {} `{}`", row + 1, host.name);
            let rising = host.watts.windows(2).all(|pair| pair[0] <= pair[1]);
            if host.name.is_empty() || host.cores == 0 || !positive(host.core_mips) {
                faults.push((at.clone(), "it needs a name, cores and core-mips above 0"));
            }
            if !host.watts.iter().all(|&watts| positive(watts)) || !rising {
                faults.push((at.clone(), "watts must be above 0 and not fall with the load"));
            }
            if self.hosts[..row].iter().any(|other| other.name == host.name) {
                faults.push((at, "the name is there twice"));
            }
        }
        for (row, instance) in self.instances.iter().enumerate() {
            let at = format!("[[instance]] {} `{}`", row + 1, instance.name);
            let sized = instance.vcpus > 0 && positive(instance.memory_gib);
            if instance.name.is_empty() || !sized || !instance.ecu.is_none_or(positive) {
                let what = "it needs a name, vcpus and memory-gib above 0, and so is ecu";
                faults.push((at.clone(), what));
            }
            let priced = |price: f64| (0.0..=1e9).contains(&price);
            if !instance.hour_price.is_none_or(priced) {
                faults.push((at.clone(), "hour-price must be 0 to 1e9"));
            }
            if self.instances[..row].iter().any(|other| other.name == instance.name) {
                faults.push((at, "the name is there twice"));
            }
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_catalogue_is_in_order_and_cites_everything() {
        let bundled = Catalogue::bundled();
        assert_eq!(bundled.faults(), []);
        let sources = bundled.hosts.iter().map(|host| &host.source);
        let mut sources = sources.chain(bundled.instances.iter().map(|instance| &instance.source));
        assert!(sources.all(|source| source.len() > 12), "a source is more than its short name");
        let priced = |i: &Instance| i.hour_price.is_some() == i.priced.is_some();
        assert!(bundled.instances.iter().all(priced), "every price has its date");
    }

    /// 4 ECU on 2 vCPUs; 7.5 GiB = 8053063680 bytes.
    #[test]
    fn a_vcpu_has_its_share() {
        let large = Catalogue::bundled().instance("m1.large").unwrap();
        assert_eq!((large.vcpu_mips(), large.memory()), (Some(Mips(2000.0)), Bytes(8_053_063_680)));
        assert_eq!(large.vcpu_memory(), Bytes(4_026_531_840));
        assert_eq!(Catalogue::bundled().instance("t3.large").unwrap().vcpu_mips(), None);
    }

    #[test]
    fn ones_own_rows_come_before_those_of_the_same_name() {
        let text = "[[instance]]\nname = \"m1.large\"\nvcpus = 3\nmemory-gib = 1\n";
        let both = Catalogue::read(text).unwrap().before(Catalogue::bundled());
        assert_eq!(both.instance("m1.large").unwrap().vcpus, 3);
        assert_eq!(both.instances.len(), Catalogue::bundled().instances.len());
        assert!(both.host("hp-ml110-g4").is_some());
        let text = "[[host]]\nname = \"a\"\ncores = 0\ncore-mips = 1\n\
                    watts = [9, 8, 9, 9, 9, 9, 9, 9, 9, 9, 9]\n";
        assert_eq!(Catalogue::read(text).unwrap().faults().len(), 2);
    }
}
