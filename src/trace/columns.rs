//! Which column of a table means what: `{ vm = "machine", time-s = "t", cpu-percent = "load" }`.
//!
//! The role says the meaning and its end the unit, so that no unit is guessed:
//!
//! | role | meaning |
//! |---|---|
//! | `vm` | the VM's name |
//! | `day` | which part of the source the row belongs to |
//! | `step`, or `time-s`, `time-ms`, `time-us` | sample number from 0, or a time stamp |
//! | `cpu-R`, `cpu-peak-R` | CPU utilisation: the mean, and the greatest value in the step |
//! | `memory-R`, `memory-kb` | memory in use |
//! | `disk-io-R`, `disk-read-kbps`, `disk-write-kbps` | disk |
//! | `net-in-R`, `net-out-R`, `net-in-kbps`, `net-out-kbps` | network |
//! | `cores`, `cpu-mhz`, `memory-size-kb` | the VM's size |
//!
//! `R` is one of `fraction`, `percent`, `permille`, `centipercent` (0.01 %), `millipercent`
//! (0.001 %).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::resource::{Resource, Resources, Unit};
use crate::problem::{Problem, suggestion};

/// The column that stands for all columns without another role, in a wide table.
pub(super) const EVERY_OTHER: &str = "*";

/// The columns that a user named: role to column.
pub type Columns = BTreeMap<String, ColumnName>;

/// How a table calls a column.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a column name, or a number from 1")]
pub enum ColumnName {
    /// By its position from 1; the table then has no header.
    Position(u16),
    /// By its name in the header.
    Name(String),
}

impl ColumnName {
    /// How a message calls it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Position(position) => format!("column {position}"),
            Self::Name(name) => format!("column `{name}`"),
        }
    }
}

/// A factor between what a column holds and a fraction or seconds: `value / divisor`.
pub(super) type Divisor = f64;

/// What a column is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Role {
    Vm,
    Day,
    Step,
    Time(Divisor),
    Cpu(Divisor),
    Other(Resource, Unit, Divisor),
    Cores,
    CpuMhz,
    MemorySize,
}

/// The units in which a ratio may be told.
const RATIOS: [(&str, Divisor); 5] = [
    ("fraction", 1.0),
    ("percent", 100.0),
    ("permille", 1_000.0),
    ("centipercent", 10_000.0),
    ("millipercent", 100_000.0),
];

/// Roles whose name is complete.
const WHOLE: [(&str, Role); 12] = [
    ("vm", Role::Vm),
    ("day", Role::Day),
    ("step", Role::Step),
    ("time-s", Role::Time(1.0)),
    ("time-ms", Role::Time(1e3)),
    ("time-us", Role::Time(1e6)),
    ("cores", Role::Cores),
    ("cpu-mhz", Role::CpuMhz),
    ("memory-size-kb", Role::MemorySize),
    ("memory-kb", Role::Other(Resource::Memory, Unit::Kilobytes, 1.0)),
    ("disk-read-kbps", Role::Other(Resource::DiskRead, Unit::KilobytesPerSecond, 1.0)),
    ("disk-write-kbps", Role::Other(Resource::DiskWrite, Unit::KilobytesPerSecond, 1.0)),
];
const RATES: [(&str, Resource); 2] =
    [("net-in-kbps", Resource::NetIn), ("net-out-kbps", Resource::NetOut)];
/// Quantities that may be told as a ratio, the longer name before its beginning.
const OF_RATIO: [(&str, Resource); 5] = [
    ("cpu-peak", Resource::CpuPeak),
    ("memory", Resource::Memory),
    ("disk-io", Resource::DiskIo),
    ("net-in", Resource::NetIn),
    ("net-out", Resource::NetOut),
];

impl Role {
    /// The role called `name`.
    pub(super) fn named(name: &str) -> Option<Self> {
        if let Some((_, role)) = WHOLE.iter().find(|(whole, _)| *whole == name) {
            return Some(*role);
        }
        if let Some((_, resource)) = RATES.iter().find(|(rate, _)| *rate == name) {
            return Some(Self::Other(*resource, Unit::KilobytesPerSecond, 1.0));
        }
        let (quantity, unit) = name.rsplit_once('-')?;
        let (_, divisor) = RATIOS.iter().find(|(ratio, _)| *ratio == unit)?;
        if quantity == "cpu" {
            return Some(Self::Cpu(*divisor));
        }
        let (_, resource) = OF_RATIO.iter().find(|(known, _)| *known == quantity)?;
        Some(Self::Other(*resource, Unit::Fraction, *divisor))
    }

    /// Every name that there is.
    fn names() -> Vec<String> {
        let quantities = OF_RATIO.iter().map(|(quantity, _)| *quantity).chain(["cpu"]);
        let ratios = quantities
            .flat_map(|quantity| RATIOS.iter().map(move |(unit, _)| format!("{quantity}-{unit}")));
        let whole = WHOLE.iter().map(|(name, _)| (*name).to_owned());
        whole.chain(RATES.iter().map(|(name, _)| (*name).to_owned())).chain(ratios).collect()
    }
}

/// What is wrong with the roles of `columns`; `place` is what the problems call the map.
pub(crate) fn problems(columns: &Columns, place: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let known = Role::names();
    for (role, column) in columns {
        if Role::named(role).is_none() {
            let hint = suggestion(role, known.iter().map(String::as_str));
            let what = format!("unknown role `{role}`{hint}");
            let remedy = "Use vm, step, time-s, cpu-percent or another role of docs/traces.md";
            problems.push(Problem::new("GLN-203", format!("{place}.{role}"), what, remedy));
        }
        if *column == ColumnName::Position(0) {
            let what = "found column 0, expected positions from 1";
            let remedy = "Count the columns from 1";
            problems.push(Problem::new("GLN-203", format!("{place}.{role}"), what, remedy));
        }
    }
    let positions = columns.values().filter(|c| matches!(c, ColumnName::Position(_))).count();
    if positions > 0 && positions < columns.len() {
        let what = "found both names and positions, expected one or the other";
        let remedy = "Name all columns where the table has a header, else number them all";
        problems.push(Problem::new("GLN-203", place, what, remedy));
    }
    problems
}

/// The columns that a reader wants from a table, with what each is.
#[derive(Debug, Clone, Default)]
pub(super) struct Map {
    /// Role and column, in no particular order.
    pub(super) entries: Vec<(Role, ColumnName)>,
}

impl Map {
    /// The map that a user wrote; roles were checked with the spec, unknown ones are left out.
    pub(super) fn of(columns: &Columns) -> Self {
        let entries = columns.iter();
        let entries =
            entries.filter_map(|(role, column)| Some((Role::named(role)?, column.clone())));
        Self { entries: entries.collect() }
    }

    /// The map of a known form: role name and column name.
    pub(super) fn known(pairs: &[(&str, &str)]) -> Self {
        let entry = |(role, column): &(&str, &str)| {
            let role = Role::named(role).expect("the known forms use known roles");
            (role, ColumnName::Name((*column).to_owned()))
        };
        Self { entries: pairs.iter().map(entry).collect() }
    }

    /// The map of a known form without a header: role name and position from 1.
    pub(super) fn numbered(pairs: &[(&str, u16)]) -> Self {
        let entry = |(role, column): &(&str, u16)| {
            let role = Role::named(role).expect("the known forms use known roles");
            (role, ColumnName::Position(*column))
        };
        Self { entries: pairs.iter().map(entry).collect() }
    }

    /// The same without the quantities that nobody wants.
    pub(super) fn wanted(mut self, resources: &Resources) -> Self {
        self.entries.retain(|(role, _)| match role {
            Role::Other(resource, ..) => resources.wants(*resource),
            _ => true,
        });
        self
    }

    /// The column of the first role that `is` accepts.
    pub(super) fn find(&self, is: impl Fn(&Role) -> bool) -> Option<&ColumnName> {
        self.entries.iter().find(|(role, _)| is(role)).map(|(_, column)| column)
    }

    /// The quantities beside the CPU, in the order of [`Resource::ALL`].
    pub(super) fn others(&self) -> Vec<(Resource, Unit)> {
        let others = self.entries.iter().filter_map(|(role, _)| match role {
            Role::Other(resource, unit, _) => Some((*resource, *unit)),
            _ => None,
        });
        let mut others: Vec<_> = others.collect();
        others.sort_unstable_by_key(|(resource, _)| *resource);
        others
    }

    /// Whether columns are told by position.
    pub(super) fn is_numbered(&self) -> bool {
        self.entries.iter().any(|(_, column)| matches!(column, ColumnName::Position(_)))
    }

    /// Whether it describes a wide table.
    pub(super) fn is_wide(&self) -> bool {
        let every = |column: &ColumnName| *column == ColumnName::Name(EVERY_OTHER.to_owned());
        self.entries.iter().any(|(_, column)| every(column))
    }

    /// What a long table needs and the map lacks.
    pub(super) fn lacking(&self) -> Vec<&'static str> {
        let has = |is: fn(&Role) -> bool| self.find(is).is_some();
        let mut lacking = Vec::new();
        if !has(|role| matches!(role, Role::Vm)) {
            lacking.push("vm");
        }
        if !has(|role| matches!(role, Role::Step | Role::Time(_))) {
            lacking.push("step or time-s");
        }
        if !has(|role| matches!(role, Role::Cpu(_))) {
            lacking.push("cpu-percent or cpu-fraction");
        }
        lacking
    }
}

/// The roles that a column without a map is taken for by its name alone: those of the Parquet form
/// that [`write_parquet`](super::write_parquet) writes, and the plain names of a table.
pub(super) const PLAIN: [(&str, &str); 22] = [
    ("day", "day"),
    ("vm", "vm"),
    ("step", "step"),
    ("time-s", "time_s"),
    ("time-ms", "time_ms"),
    ("time-us", "time_us"),
    ("cpu-percent", "cpu_pct"),
    ("cpu-fraction", "cpu"),
    ("cpu-peak-fraction", "cpu_peak_fraction"),
    ("memory-fraction", "memory_fraction"),
    ("memory-kb", "memory_kb"),
    ("disk-io-fraction", "disk_io_fraction"),
    ("disk-read-kbps", "disk_read_kbps"),
    ("disk-write-kbps", "disk_write_kbps"),
    ("net-in-fraction", "net_in_fraction"),
    ("net-out-fraction", "net_out_fraction"),
    ("net-in-kbps", "net_in_kbps"),
    ("net-out-kbps", "net_out_kbps"),
    ("cores", "cores"),
    ("cpu-mhz", "cpu_mhz"),
    ("memory-size-kb", "memory_size_kb"),
    ("memory-percent", "memory_pct"),
];

/// The map of a table whose columns have plain names; empty where they have not.
pub(super) fn plain(header: &[&str]) -> Map {
    let present = PLAIN.iter().filter(|(_, column)| header.contains(column));
    Map::known(&present.copied().collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_has_one_meaning() {
        for name in Role::names() {
            assert!(Role::named(&name).is_some(), "{name}");
        }
        assert_eq!(Role::named("cpu-percent"), Some(Role::Cpu(100.0)));
        let peak = Role::Other(Resource::CpuPeak, Unit::Fraction, 10_000.0);
        assert_eq!(Role::named("cpu-peak-centipercent"), Some(peak));
        for name in ["", "cpu", "cpu-", "percent", "disk-read-percent", "time"] {
            assert_eq!(Role::named(name), None, "{name}");
        }
        for (role, _) in PLAIN {
            assert!(Role::named(role).is_some(), "{role}");
        }
    }

    #[test]
    fn wrong_roles_and_mixed_columns_are_told_together() {
        let columns: Columns =
            serde_json::from_str(r#"{"cpu-procent": "x", "vm": 0, "step": 2}"#).unwrap();
        let told: Vec<String> =
            problems(&columns, "[trace] columns").iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 3, "{told:#?}");
        assert!(told[0].contains("`cpu-procent` (did you mean `cpu-percent`?)"), "{}", told[0]);
        assert!(told[1].contains("[trace] columns.vm: found column 0"), "{}", told[1]);
        assert!(told[2].contains("both names and positions"), "{}", told[2]);
    }

    #[test]
    fn a_map_knows_what_it_lacks() {
        assert_eq!(plain(&["vm", "step", "cpu"]).lacking(), Vec::<&str>::new());
        assert_eq!(plain(&["vm"]).lacking(), ["step or time-s", "cpu-percent or cpu-fraction"]);
        assert!(Map::of(&Columns::new()).lacking().contains(&"vm"));
    }
}
