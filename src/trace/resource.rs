//! What a trace may tell beside CPU: memory, disk, network, and the size of each VM.
//!
//! A quantity keeps the unit of its source. Ratios are fractions (1 = all of what the VM has);
//! amounts are kilobytes as the publisher counts them (Bitbrains: 1,024 bytes).

use std::fmt;

use serde::{Deserialize, Serialize};

/// A quantity beside the CPU utilisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resource {
    /// Greatest CPU utilisation within the step, where the source tells it apart from the mean.
    CpuPeak,
    /// Memory in use.
    Memory,
    /// Read from disk.
    DiskRead,
    /// Written to disk.
    DiskWrite,
    /// How busy the disk is, reads and writes together.
    DiskIo,
    /// Received from the network.
    NetIn,
    /// Sent to the network.
    NetOut,
}

impl Resource {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Self; 7] = [
        Self::CpuPeak,
        Self::Memory,
        Self::DiskRead,
        Self::DiskWrite,
        Self::DiskIo,
        Self::NetIn,
        Self::NetOut,
    ];

    /// Its name in specs and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::CpuPeak => "cpu-peak",
            Self::Memory => "memory",
            Self::DiskRead => "disk-read",
            Self::DiskWrite => "disk-write",
            Self::DiskIo => "disk-io",
            Self::NetIn => "net-in",
            Self::NetOut => "net-out",
        }
    }
}

/// In what a quantity is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// A fraction of what the VM has, or, for normalised sources, of the largest in the trace.
    Fraction,
    /// Kilobytes.
    Kilobytes,
    /// Kilobytes per second.
    KilobytesPerSecond,
}

impl Unit {
    /// How a report words it.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Fraction => "fraction",
            Self::Kilobytes => "KB",
            Self::KilobytesPerSecond => "KB/s",
        }
    }

    /// The end of a column's name.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::Fraction => "fraction",
            Self::Kilobytes => "kb",
            Self::KilobytesPerSecond => "kbps",
        }
    }
}

/// The values of one quantity, VM-major as the CPU's; not a number where there is none.
#[derive(Debug, Clone)]
pub struct Metric {
    /// Which quantity.
    pub resource: Resource,
    /// In which unit.
    pub unit: Unit,
    /// The values.
    pub values: Readings,
}

/// Values in the precision of their source.
#[derive(Debug, Clone)]
pub enum Readings {
    /// Ratios and rates, of which no source has more than seven digits that mean anything.
    Single(Vec<f32>),
    /// Amounts in kilobytes, which are exact integers beyond what an `f32` holds.
    Double(Vec<f64>),
}

impl Readings {
    /// `values` in the precision that quantities told in `unit` need.
    pub(super) fn of(values: Vec<f64>, unit: Unit) -> Self {
        match unit {
            Unit::Kilobytes => Self::Double(values),
            _ => Self::Single(values.into_iter().map(|value| value as f32).collect()),
        }
    }

    /// The value at `index`.
    pub fn value(&self, index: usize) -> f64 {
        match self {
            Self::Single(values) => f64::from(values[index]),
            Self::Double(values) => values[index],
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Self::Single(values) => values.len(),
            Self::Double(values) => values.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same values bit by bit, so that a gap equals a gap.
    fn bits(&self) -> impl Iterator<Item = u64> + '_ {
        (0..self.len()).map(|index| self.value(index).to_bits())
    }

    /// Feeds the values to `hasher` as they are stored.
    pub(super) fn hash(&self, hasher: &mut blake3::Hasher) {
        match self {
            Self::Single(values) => {
                values.iter().fold(hasher, |hasher, value| hasher.update(&value.to_le_bytes()))
            }
            Self::Double(values) => {
                values.iter().fold(hasher, |hasher, value| hasher.update(&value.to_le_bytes()))
            }
        };
    }

    /// Those in `rows` of `width` values, from `first` to before `last` of each.
    pub(super) fn window(&self, width: usize, first: usize, last: usize) -> Self {
        match self {
            Self::Single(values) => Self::Single(window(values, width, first, last)),
            Self::Double(values) => Self::Double(window(values, width, first, last)),
        }
    }
}

/// Entries `first..last` of each row of `width` values.
pub(super) fn window<T: Copy>(values: &[T], width: usize, first: usize, last: usize) -> Vec<T> {
    values.chunks_exact(width).flat_map(|row| row[first..last].iter().copied()).collect()
}

impl PartialEq for Metric {
    fn eq(&self, other: &Self) -> bool {
        (self.resource, self.unit, self.values.len())
            == (other.resource, other.unit, other.values.len())
            && self.values.bits().eq(other.values.bits())
    }
}

/// What a VM has, where the source tells; the largest value where it changes within the trace.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct VmSize {
    /// Virtual cores.
    pub cores: Option<f64>,
    /// CPU rate of all cores together, MHz.
    pub cpu_mhz: Option<f64>,
    /// Memory, kilobytes.
    pub memory_kb: Option<f64>,
}

impl VmSize {
    /// Whether nothing is known.
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }

    /// Takes the larger of each; returns whether a known one changed.
    pub(super) fn grow(&mut self, other: Self) -> bool {
        let mut changed = false;
        for (mine, found) in [
            (&mut self.cores, other.cores),
            (&mut self.cpu_mhz, other.cpu_mhz),
            (&mut self.memory_kb, other.memory_kb),
        ] {
            let Some(found) = found.filter(|value| value.is_finite()) else { continue };
            changed |= mine.is_some_and(|known| (known - found).abs() > 1e-3 * known.abs());
            *mine = Some(mine.map_or(found, |known| known.max(found)));
        }
        changed
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which quantities beside the CPU are read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected \"all\" or a list such as [\"memory\", \"net-in\"]")]
pub enum Resources {
    /// The word `all`.
    All(AllWord),
    /// These; where the source lacks one it is left out.
    Only(Vec<Resource>),
}

/// The word `all`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AllWord {
    /// Everything that the source has.
    All,
}

impl Resources {
    /// Everything that the source has.
    pub const EVERY: Self = Self::All(AllWord::All);

    /// Whether `resource` is wanted.
    pub fn wants(&self, resource: Resource) -> bool {
        match self {
            Self::All(_) => true,
            Self::Only(wanted) => wanted.contains(&resource),
        }
    }

    /// Whether only the CPU is wanted.
    pub fn is_none(&self) -> bool {
        matches!(self, Self::Only(wanted) if wanted.is_empty())
    }
}

impl Default for Resources {
    fn default() -> Self {
        Self::Only(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_size_is_kept_and_rounding_is_no_change() {
        let size = |mhz, kb| VmSize { cores: None, cpu_mhz: Some(mhz), memory_kb: Some(kb) };
        let mut known = VmSize::default();
        assert!(!known.grow(size(2599.9990, 100.0)));
        assert!(!known.grow(size(2599.9993, 100.0)));
        assert!(known.grow(size(2599.0, 300.0)));
        assert!(known.grow(size(2599.0, 200.0)));
        assert_eq!(known, size(2599.9993, 300.0));
    }

    #[test]
    fn resources_are_all_or_a_list() {
        let parsed = |text: &str| serde_json::from_str::<Resources>(text);
        assert_eq!(parsed("\"all\"").unwrap(), Resources::EVERY);
        let two = Resources::Only(vec![Resource::Memory, Resource::NetIn]);
        assert_eq!(parsed("[\"memory\", \"net-in\"]").unwrap(), two);
        assert!(parsed("[\"memry\"]").is_err());
        assert!(two.wants(Resource::NetIn) && !two.wants(Resource::DiskIo));
        for resource in Resource::ALL {
            let text = serde_json::to_string(&resource).unwrap();
            assert_eq!(text, format!("\"{resource}\""));
        }
    }
}
