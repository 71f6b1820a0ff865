//! Which form a Parquet file has: by the names of its columns, or by the user's map.
//!
//! | form | columns | what they are |
//! |---|---|---|
//! | Bitbrains | `month`, `vm`, `slot`, `cpu_decipct`, `mem_permille` | 65535 is saturated |
//! | the same, one week | the same with `mem_kb`, `disk_r_kbps`, `net_r_kbps`, ... | all metrics |
//! | Google 2011 | `vm`, `step`, `cpu_millipct`, `mem_millipct` | |
//! | Azure 2017 | `vm`, `step`, `cpu_avg_centipct`, `cpu_max_centipct` | |
//! | Alibaba 2018 | `machine`, `time_s`, `cpu_pct`, `mem_pct`, `net_in`, ... | irregular |
//!
//! A file `vms.csv` beside the Bitbrains ones gives the VMs' sizes.

use super::file::ParquetFile;
use crate::trace::columns::{self, ColumnName, Map, Role};
use crate::trace::series::Clock;
use crate::trace::{Error, Format, Selection, alibaba, long_csv};

/// What the columns of a file are.
#[derive(Debug, Clone)]
pub(super) struct Form {
    pub(super) map: Map,
    pub(super) clock: Clock,
    /// Numbers that stand for a failed measurement.
    pub(super) markers: &'static [f64],
    /// Numbers that only say that a column can hold no more.
    pub(super) saturated: &'static [f64],
    /// Whether the VMs' sizes are in a file beside it.
    pub(super) has_vms_csv: bool,
    /// Whether the columns have the plain names and numbered steps.
    pub(super) is_plain: bool,
}

/// A published form: whose it is and what its columns are.
struct Known {
    format: Format,
    columns: &'static [(&'static str, &'static str)],
}

const KNOWN: [Known; 5] = [
    Known {
        format: Format::Bitbrains,
        columns: &[
            ("day", "month"),
            ("vm", "vm"),
            ("step", "slot"),
            ("cpu-permille", "cpu_decipct"),
            ("memory-permille", "mem_permille"),
        ],
    },
    Known {
        format: Format::Bitbrains,
        columns: &[
            ("vm", "vm"),
            ("step", "slot"),
            ("cpu-permille", "cpu_decipct"),
            ("memory-kb", "mem_kb"),
            ("disk-read-kbps", "disk_r_kbps"),
            ("disk-write-kbps", "disk_w_kbps"),
            ("net-in-kbps", "net_r_kbps"),
            ("net-out-kbps", "net_w_kbps"),
        ],
    },
    Known {
        format: Format::Google,
        columns: &[
            ("vm", "vm"),
            ("step", "step"),
            ("cpu-millipercent", "cpu_millipct"),
            ("memory-millipercent", "mem_millipct"),
        ],
    },
    Known {
        format: Format::Azure,
        columns: &[
            ("vm", "vm"),
            ("step", "step"),
            ("cpu-centipercent", "cpu_avg_centipct"),
            ("cpu-peak-centipercent", "cpu_max_centipct"),
        ],
    },
    Known {
        format: Format::Alibaba,
        columns: &[
            ("vm", "machine"),
            ("time-s", "time_s"),
            ("cpu-percent", "cpu_pct"),
            ("memory-percent", "mem_pct"),
            ("net-in-percent", "net_in"),
            ("net-out-percent", "net_out"),
            ("disk-io-percent", "disk_io_pct"),
        ],
    },
];

impl Form {
    /// The form of `file` as `selection` sees it.
    pub(super) fn of(file: &ParquetFile, selection: &Selection) -> Result<Self, Error> {
        let header: Vec<&str> = file.columns.iter().map(String::as_str).collect();
        if !selection.columns.is_empty() {
            return Ok(Self::mapped(file, Map::of(&selection.columns), selection));
        }
        let known = KNOWN.iter().find(|known| {
            let is_asked = [Format::Auto, known.format].contains(&selection.format);
            is_asked && known.columns.iter().all(|(_, column)| header.contains(column))
        });
        if let Some(known) = known {
            return Ok(Self::published(known, selection));
        }
        if !matches!(selection.format, Format::Auto | Format::Long) {
            let format = selection.format.name();
            let what =
                format!("the columns are not those of `{format}`, found: {}", header.join(", "));
            let remedy = "Leave `format` out, or name the columns with `columns`";
            return Err(Error::one("GLN-120", &file.place, what, remedy));
        }
        let map = columns::plain(&header);
        let is_plain = map.find(|role| matches!(role, Role::Time(_))).is_none();
        Ok(Self { is_plain, ..Self::mapped(file, map, selection) })
    }

    fn published(known: &Known, selection: &Selection) -> Self {
        let map = Map::known(known.columns);
        let is_bitbrains = known.format == Format::Bitbrains;
        let clock = match known.format {
            Format::Alibaba => alibaba::clock(selection),
            _ => long_csv::clock(&map, selection),
        };
        Self {
            map,
            clock,
            markers: if known.format == Format::Alibaba { &alibaba::MARKERS } else { &[] },
            saturated: if is_bitbrains { &[u16::MAX as f64] } else { &[] },
            has_vms_csv: is_bitbrains,
            is_plain: false,
        }
    }

    fn mapped(file: &ParquetFile, map: Map, selection: &Selection) -> Self {
        let mut clock = long_csv::clock(&map, selection);
        if let (None, Some(step_s)) = (selection.step_s, file.step_s()) {
            clock.step = (step_s * 1e6).round() as i64;
        }
        let (markers, saturated): (&[f64], &[f64]) = (&[], &[]);
        Self { map, clock, markers, saturated, has_vms_csv: false, is_plain: false }
    }

    /// The column that tells the days, if there is one.
    pub(super) fn day(&self) -> Option<&str> {
        self.column(|role| *role == Role::Day)
    }

    /// The name of the first column whose role `is` accepts.
    pub(super) fn column(&self, is: impl Fn(&Role) -> bool) -> Option<&str> {
        match self.map.find(is)? {
            ColumnName::Name(name) => Some(name),
            ColumnName::Position(_) => None,
        }
    }

    /// Whether columns tell the VMs' sizes.
    pub(super) fn has_sizes(&self) -> bool {
        self.map
            .find(|role| matches!(role, Role::Cores | Role::CpuMhz | Role::MemorySize))
            .is_some()
    }
}
