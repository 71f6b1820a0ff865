//! A long table as text: one row per VM and sample, columns by name or position.
//!
//! A row whose VM, time or value makes no sense is told with file, line and column; a row without
//! a value is a gap. Two flaws of published headers are seen through and counted: one column too
//! few in the header (an index column without a name) and a header repeated among the rows.

use std::collections::{BTreeSet, HashMap};
use std::io::BufRead;

use super::columns::{ColumnName, Map, Role};
use super::defect::{Defect, Defects};
use super::delimited::{Fields, Lines, number, separator};
use super::faults::{Faults, excerpt};
use super::resource::{Resource, Unit, VmSize};
use super::series::Series;
use crate::problem::Problem;

/// Time stamps above this are not seconds: as such they would lie after the year 5000.
const LATEST_SECOND: f64 = 1e11;

/// How the rows of a file are to be understood.
#[derive(Debug, Clone)]
pub(super) struct Schema {
    pub(super) map: Map,
    /// Length of a step of the `step` column, microseconds.
    pub(super) step: i64,
    /// Numbers that stand for a failed measurement of a ratio.
    pub(super) markers: &'static [f64],
    /// The header says ms where the values may be seconds: the values decide.
    pub(super) doubtful_ms: bool,
    /// Time of the source that is not before the begin and before the end, microseconds.
    pub(super) span: Option<(i64, i64)>,
    /// The value of the day column that is wanted; all where there is none.
    pub(super) day: Option<String>,
}

impl Schema {
    /// A schema without oddities.
    pub(super) fn of(map: Map, step: i64) -> Self {
        Self { map, step, markers: &[], doubtful_ms: false, span: None, day: None }
    }
}

/// What the files of a source held.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) series: Vec<Series>,
    pub(super) defects: Defects,
    pub(super) problems: Vec<Problem>,
    /// The values of the day column, ascending.
    pub(super) days: BTreeSet<String>,
}

impl Part {
    /// The parts of a source as one; a VM may be in several of them.
    pub(super) fn together(parts: Vec<Self>) -> Self {
        let mut whole = Self::default();
        let mut index: HashMap<String, usize> = HashMap::new();
        for part in parts {
            whole.defects.merge(part.defects);
            whole.problems.extend(part.problems);
            whole.days.extend(part.days);
            for series in part.series {
                match index.get(&series.name) {
                    None => {
                        index.insert(series.name.clone(), whole.series.len());
                        whole.series.push(series);
                    }
                    Some(&at) => append(&mut whole.series[at], series),
                }
            }
        }
        whole
    }
}

fn append(series: &mut Series, more: Series) {
    series.times.extend(more.times);
    series.size.grow(more.size);
    for (column, values) in series.values.iter_mut().zip(more.values) {
        column.extend(values);
    }
}

/// Reads the rows of `text`; `vm` is the VM of all rows where no column names it.
pub(super) fn read(place: &str, text: impl BufRead, schema: &Schema, vm: Option<&str>) -> Part {
    let mut lines = Lines::of(text);
    let mut table = Table::new(place, schema, vm);
    loop {
        match lines.next() {
            Ok(Some((line, text))) => {
                if !table.line(line, text) {
                    break;
                }
            }
            Ok(None) => break,
            Err(cause) => {
                let what = format!("the text is damaged or cut short ({cause})");
                let problem = Problem::new("GLN-110", place, what, "Fetch the file again");
                table.faults.push(problem);
                break;
            }
        }
    }
    table.finished()
}

/// A column that is read: what it is and where.
#[derive(Debug, Clone)]
struct Wanted {
    role: Role,
    at: usize,
    /// How messages call it.
    name: String,
}

/// A table while it is read.
struct Table<'a> {
    place: &'a str,
    schema: &'a Schema,
    vm: Option<&'a str>,
    header: Vec<u8>,
    separator: u8,
    width: usize,
    wanted: Vec<Wanted>,
    others: Vec<(Resource, Unit)>,
    fields: Fields,
    values: Vec<f64>,
    series: Vec<Series>,
    index: HashMap<Vec<u8>, usize>,
    changed: Vec<bool>,
    last: Option<usize>,
    divisor: Option<f64>,
    seen: u64,
    days: BTreeSet<String>,
    defects: Defects,
    faults: Faults,
}

impl<'a> Table<'a> {
    fn new(place: &'a str, schema: &'a Schema, vm: Option<&'a str>) -> Self {
        let others = schema.map.others();
        Self {
            place,
            schema,
            vm,
            header: Vec::new(),
            separator: 0,
            width: 0,
            wanted: Vec::new(),
            values: vec![f64::NAN; 1 + others.len()],
            others,
            fields: Fields::default(),
            series: Vec::new(),
            index: HashMap::new(),
            changed: Vec::new(),
            last: None,
            divisor: None,
            seen: 0,
            days: BTreeSet::new(),
            defects: Defects::default(),
            faults: Faults::of(place),
        }
    }

    /// Takes a line; `false` where the rest makes no sense.
    fn line(&mut self, line: u64, text: &[u8]) -> bool {
        if self.separator == 0 {
            return self.begin(line, text);
        }
        if text == self.header.as_slice() {
            let place = || format!("{}:{line}", self.place);
            self.defects.count(Defect::RepeatedHeader, 1, "passed over", place);
            return true;
        }
        self.fields.split(text, self.separator);
        if self.seen == 0 && !self.header.is_empty() && self.fields.len() == self.width + 1 {
            self.shift(line);
        }
        self.seen += 1;
        if self.fields.len() != self.width {
            let (found, expected) = (self.fields.len(), self.width);
            let what = || format!("found {found} fields, expected {expected}");
            self.faults.line("GLN-127", line, "", what);
            return true;
        }
        self.row(line, text);
        true
    }

    /// The first line: a header, or a row that tells how many fields there are.
    fn begin(&mut self, line: u64, text: &[u8]) -> bool {
        self.separator = separator(text);
        self.fields.split(text, self.separator);
        self.width = self.fields.len();
        let names = self.fields.texts(text);
        let mut missing = Vec::new();
        for (role, column) in &self.schema.map.entries {
            let at = match column {
                ColumnName::Position(position) => Some(usize::from(*position) - 1),
                ColumnName::Name(name) => names.iter().position(|known| known == name),
            };
            match at.filter(|at| *at < self.width) {
                Some(at) => self.wanted.push(Wanted { role: *role, at, name: column.shown() }),
                None => missing.push(column.shown()),
            }
        }
        if !missing.is_empty() {
            let found = names.join(", ");
            for column in missing {
                let place = format!("{}:{line}", self.place);
                let what = format!("{column} is missing, found: {found}");
                let remedy = "Choose another `format`, or name the columns with `columns`";
                self.faults.push(Problem::new("GLN-120", place, what, remedy));
            }
            return false;
        }
        if !self.schema.map.is_numbered() {
            self.header = text.to_vec();
        } else if self.is_row(text) {
            self.seen = 1;
            self.row(line, text);
        }
        true
    }

    /// Whether the split line has a time: a numbered table may have a header all the same.
    fn is_row(&self, text: &[u8]) -> bool {
        let time = self.wanted.iter().find(|w| matches!(w.role, Role::Time(_) | Role::Step));
        let field = time.and_then(|wanted| self.fields.raw(text, wanted.at));
        field.and_then(number).is_some()
    }

    /// The rows have an index column that the header does not name.
    fn shift(&mut self, line: u64) {
        let place = format!("{}:{line}", self.place);
        let handled = "names taken for the last columns";
        self.defects.count(Defect::ShiftedHeader, 1, handled, || place);
        self.width += 1;
        self.wanted.iter_mut().for_each(|wanted| wanted.at += 1);
    }

    fn row(&mut self, line: u64, text: &[u8]) {
        let Some(time) = self.time(line, text) else { return };
        if self.schema.span.is_some_and(|(from, to)| time < from || time >= to) {
            return;
        }
        if !self.is_of_day(text) {
            return;
        }
        let Some(size) = self.measure(line, text) else { return };
        let Some(vm) = self.vm(line, text) else { return };
        self.changed[vm] |= self.series[vm].size.grow(size);
        self.series[vm].push(time, &self.values);
    }

    /// Whether the row belongs to the day that is wanted.
    fn is_of_day(&mut self, text: &[u8]) -> bool {
        let Some(column) = self.wanted.iter().find(|wanted| wanted.role == Role::Day) else {
            return true;
        };
        let day = self.fields.text(text, column.at).unwrap_or_default();
        if !self.days.contains(day.as_ref()) {
            self.days.insert(day.clone().into_owned());
        }
        self.schema.day.as_deref().is_none_or(|wanted| wanted == day)
    }

    /// The time of the row, microseconds.
    fn time(&mut self, line: u64, text: &[u8]) -> Option<i64> {
        let is_time = |w: &&Wanted| matches!(w.role, Role::Time(_) | Role::Step);
        let wanted = self.wanted.iter().find(is_time)?;
        let field = self.fields.raw(text, wanted.at).unwrap_or_default();
        let value = number(field).filter(|value| !value.is_nan() && value.abs() < 9e15);
        let Some(value) = value else {
            let what = || format!("found `{}`, expected a time", excerpt(field));
            self.faults.line("GLN-101", line, &wanted.name, what);
            return None;
        };
        let factor = match wanted.role {
            Role::Time(_) if self.schema.doubtful_ms => 1e6 / self.epoch_divisor(value, line),
            Role::Time(divisor) => 1e6 / divisor,
            _ => self.schema.step as f64,
        };
        Some((value * factor).round() as i64)
    }

    /// Whether time stamps that are labelled ms are: no second lies so late.
    fn epoch_divisor(&mut self, value: f64, line: u64) -> f64 {
        if let Some(divisor) = self.divisor {
            return divisor;
        }
        let divisor = if value.abs() > LATEST_SECOND { 1e3 } else { 1.0 };
        if divisor == 1.0 {
            let place = format!("{}:{line}", self.place);
            self.defects.count(Defect::MislabelledTime, 1, "read as seconds", || place);
        }
        self.divisor = Some(divisor);
        divisor
    }

    /// Puts the values of the row into `self.values` and returns the VM's size.
    fn measure(&mut self, line: u64, text: &[u8]) -> Option<VmSize> {
        let mut size = VmSize::default();
        let mut whole = true;
        for at in 0..self.wanted.len() {
            let Wanted { role, at: column, .. } = self.wanted[at];
            let (slot, divisor) = match role {
                Role::Cpu(divisor) => (Some(0), divisor),
                Role::Other(resource, _, divisor) => {
                    let slot = self.others.iter().position(|(other, _)| *other == resource);
                    (slot.map(|slot| slot + 1), divisor)
                }
                Role::Cores | Role::CpuMhz | Role::MemorySize => (None, 1.0),
                Role::Vm | Role::Day | Role::Step | Role::Time(_) => continue,
            };
            let field = self.fields.raw(text, column).unwrap_or_default();
            let Some(value) = self.value(line, at, field, divisor) else {
                whole = false;
                continue;
            };
            let known = (!value.is_nan()).then_some(value);
            match role {
                Role::Cores => size.cores = known,
                Role::CpuMhz => size.cpu_mhz = known,
                Role::MemorySize => size.memory_kb = known,
                _ => self.values[slot.unwrap_or_default()] = value,
            }
        }
        whole.then_some(size)
    }

    /// The number in `field`, at least 0, or not a number where there is none.
    fn value(&mut self, line: u64, wanted: usize, field: &[u8], divisor: f64) -> Option<f64> {
        let found = number(field);
        let is_marker = |value: f64| divisor != 1.0 && self.schema.markers.contains(&value);
        match found {
            Some(value) if is_marker(value) => {
                let place = || format!("{}:{line}, {}", self.place, self.wanted[wanted].name);
                self.defects.count(Defect::Marker, 1, "count as gaps", place);
                Some(f64::NAN)
            }
            // Adding 0 turns -0 into 0.
            Some(value) if value.is_nan() || value >= 0.0 => Some(value / divisor + 0.0),
            _ => {
                let name = &self.wanted[wanted].name;
                let what =
                    || format!("found `{}`, expected a number of at least 0", excerpt(field));
                self.faults.line("GLN-101", line, name, what);
                None
            }
        }
    }

    /// The series of the row's VM.
    fn vm(&mut self, line: u64, text: &[u8]) -> Option<usize> {
        let column = self.wanted.iter().find(|wanted| wanted.role == Role::Vm);
        let Some(column) = column.filter(|_| self.vm.is_none()) else {
            let name = self.vm.unwrap_or_default().to_owned();
            if self.series.is_empty() {
                self.add(name);
            }
            return Some(0);
        };
        let field = self.fields.raw(text, column.at).unwrap_or_default();
        if let Some(last) = self.last.filter(|&last| self.series[last].name.as_bytes() == field) {
            return Some(last);
        }
        let vm = match self.index.get(field) {
            Some(&vm) => vm,
            None => {
                let name = self.fields.text(text, column.at).filter(|name| !name.is_empty());
                let Some(name) = name.map(|name| name.into_owned()) else {
                    let what = || format!("found `{}`, expected a VM name", excerpt(field));
                    self.faults.line("GLN-103", line, &column.name, what);
                    return None;
                };
                let key = field.to_vec();
                let vm = self.add(name);
                self.index.insert(key, vm);
                vm
            }
        };
        self.last = Some(vm);
        Some(vm)
    }

    fn add(&mut self, name: String) -> usize {
        self.series.push(Series::new(name, self.values.len()));
        self.changed.push(false);
        self.series.len() - 1
    }

    fn finished(mut self) -> Part {
        let changed = self.changed.iter().filter(|changed| **changed).count() as u64;
        let first = self.changed.iter().position(|changed| *changed).unwrap_or_default();
        let place = || format!("VM `{}`", self.series[first].name);
        self.defects.count(Defect::SizeChange, changed, "largest size kept", place);
        let problems = self.faults.problems();
        Part { series: self.series, defects: self.defects, problems, days: self.days }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Finding;

    fn schema(pairs: &[(&str, &str)]) -> Schema {
        Schema::of(Map::known(pairs), 300_000_000)
    }

    fn usual() -> Schema {
        schema(&[("vm", "vm"), ("time-s", "t"), ("cpu-percent", "cpu"), ("memory-kb", "mem")])
    }

    fn told(part: Part) -> Vec<String> {
        part.problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn columns_are_found_by_name_in_any_order() {
        let text = "mem;t;x;cpu;vm\n7;300;;50;b\n;600;;nan;b\n9;0;;12.5;\"a;1\"\n";
        let part = read("f", text.as_bytes(), &usual(), None);
        assert!(part.problems.is_empty(), "{:?}", part.problems);
        let [b, a] = &part.series[..] else { panic!("two VMs") };
        assert_eq!((b.name.as_str(), a.name.as_str()), ("b", "a;1"));
        assert_eq!(b.times, [300_000_000, 600_000_000]);
        assert_eq!((b.values[0][0], b.values[1][0]), (0.5, 7.0));
        assert!(b.values[0][1].is_nan() && b.values[1][1].is_nan());
        assert_eq!(a.values[0], [0.125]);
    }

    #[test]
    fn every_wrong_field_is_told_with_line_and_column() {
        let text = "vm,t,cpu,mem\na,0,x,1\na,300,1\n,600,1,1\na,soon,-3,1\na,900,-3,1\n";
        let remedy = "Correct the line or leave it out.";
        let least = "expected a number of at least 0";
        assert_eq!(
            told(read("f", text.as_bytes(), &usual(), None)),
            [
                format!("GLN-101 f:2, column `cpu`: found `x`, {least}. {remedy}"),
                format!("GLN-127 f:3: found 3 fields, expected 4. {remedy}"),
                format!("GLN-103 f:4, column `vm`: found ``, expected a VM name. {remedy}"),
                format!("GLN-101 f:5, column `t`: found `soon`, expected a time. {remedy}"),
                format!("GLN-101 f:6, column `cpu`: found `-3`, {least}. {remedy}"),
            ]
        );
        let rubbish = "vm,t,cpu,mem\n".to_owned() + &"a,b,c,d\n".repeat(100);
        let told = told(read("f", rubbish.as_bytes(), &usual(), None));
        assert_eq!(told.len(), 21);
        assert!(told[20].contains("found 80 more wrong values"), "{}", told[20]);
    }

    #[test]
    fn missing_columns_are_told_with_those_found() {
        let told = told(read("f", &b"vm,cpu\na,1\n"[..], &usual(), None));
        assert_eq!(told.len(), 2);
        assert!(told[0].starts_with("GLN-120 f:1: column `t` is missing, found: vm, cpu."));
    }

    #[test]
    fn shifted_and_repeated_headers_are_seen_through_and_counted() {
        let text = "vm,t,cpu,mem\n0,a,0,10,1\nvm,t,cpu,mem\n1,a,300,20,1\n";
        let part = read("f", text.as_bytes(), &usual(), None);
        assert!(part.problems.is_empty(), "{:?}", part.problems);
        assert_eq!(part.series[0].values[0], [0.1, 0.2]);
        let told: Vec<String> = part.defects.findings().iter().map(Finding::to_string).collect();
        assert_eq!(
            told,
            [
                "header shifted by one column: 1 files, names taken for the last columns \
                 (first: f:2)",
                "header repeated among the rows: 1 lines, passed over (first: f:3)",
            ]
        );
    }

    #[test]
    fn positions_need_no_header_and_pass_over_one() {
        let map = Map::numbered(&[("vm", 2), ("step", 1), ("cpu-fraction", 3)]);
        for text in ["0,a,0.5\n1,a,0.75\n", "step,vm,cpu\n0,a,0.5\n1,a,0.75\n"] {
            let part = read("f", text.as_bytes(), &Schema::of(map.clone(), 300_000_000), None);
            assert!(part.problems.is_empty(), "{:?}", part.problems);
            assert_eq!(part.series[0].times, [0, 300_000_000]);
            assert_eq!(part.series[0].values[0], [0.5, 0.75]);
        }
    }

    #[test]
    fn time_stamps_labelled_ms_are_what_their_size_says() {
        let doubtful = Schema { doubtful_ms: true, ..usual() };
        for (first, mislabelled) in [("1375308176", 1), ("1375308176000", 0)] {
            let text = format!("vm,t,cpu,mem\na,{first},1,1\n");
            let part = read("f", text.as_bytes(), &doubtful, None);
            assert_eq!(part.series[0].times, [1_375_308_176_000_000]);
            assert_eq!(part.defects.findings().len(), mislabelled);
        }
    }

    #[test]
    fn markers_are_gaps_only_where_they_are_ratios() {
        let odd = Schema { markers: &[-1.0, 101.0], ..usual() };
        let part = read("f", &b"vm,t,cpu,mem\na,0,101,101\na,1,-1,5\n"[..], &odd, None);
        assert!(part.problems.is_empty(), "{:?}", part.problems);
        assert!(part.series[0].values[0].iter().all(|v| v.is_nan()));
        assert_eq!(part.series[0].values[1], [101.0, 5.0]);
        assert_eq!(part.defects.findings()[0].count, 2);
    }

    #[test]
    fn a_vm_in_several_files_is_one_vm() {
        let part = |text: &str| read("f", text.as_bytes(), &usual(), None);
        let parts =
            vec![part("vm,t,cpu,mem\na,0,1,1\nb,0,2,2\n"), part("vm,t,cpu,mem\na,300,3,3\n")];
        let whole = Part::together(parts);
        assert_eq!(whole.series.len(), 2);
        assert_eq!(whole.series[0].values[0], [0.01, 0.03]);
    }
}
