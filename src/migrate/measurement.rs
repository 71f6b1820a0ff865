//! Measured migrations from a CSV file: what was asked, and what came of it.
//!
//! One line per migration, addressed by `row`; the columns are those of the published measurements
//! (see `docs/migration.md`). Only what is needed to predict is read, and the outcome.

use std::collections::BTreeMap;
use std::path::Path;

use super::features::{AutoConverge, Compression, FreePages, Multifd, Xbzrle};
use super::parameters::Guest;
use super::{Channel, Dirty, Memory, PAGE, Task};
use crate::problem::{Problem, listed, suggestion};
use crate::units::BytesPerSecond;

/// Why there are no measurements: every problem of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", listed(.problems))]
pub struct MeasurementError {
    /// At least one.
    pub problems: Vec<Problem>,
}

/// What a migration came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Seconds in all.
    pub total_s: f64,
    /// Seconds from stop to resume.
    pub downtime_s: f64,
    /// Bytes on the wire.
    pub bytes: f64,
}

/// One line.
#[derive(Debug, Clone)]
pub struct Measurement {
    /// Its name.
    pub row: String,
    /// Experiment that it belongs to.
    pub group: String,
    /// `precopy`, `postcopy`, `hybrid` or `cold`.
    pub algorithm: String,
    /// Whether it completed before it was given up.
    pub completed: bool,
    /// The outcome, where it completed and was timed.
    pub measured: Option<Measured>,
    /// Place among migrations that ran side by side, from 0.
    pub place: usize,
    numbers: BTreeMap<&'static str, f64>,
}

const TEXTS: [&str; 6] = ["row", "run", "group", "algo", "status", "action"];
/// Columns of numbers, and whether a line may leave them empty.
const NUMBERS: [(&str, bool); 31] = [
    ("ram_mb", false),
    ("ram_total", true),
    ("fill_mb", false),
    ("fill_type", false),
    ("ws_mb", false),
    ("pattern", false),
    ("ops_before", true),
    ("write_bytes", true),
    ("hot_p", true),
    ("hot_n", true),
    ("link_mbit", false),
    ("max_bw_mbs", false),
    ("downtime_limit_ms", false),
    ("xbzrle", true),
    ("autoconv", true),
    ("multifd", true),
    ("compress", true),
    ("hybrid_rounds", true),
    ("balloon", true),
    ("balloon_mb", true),
    ("iof", true),
    ("action_at", true),
    ("bw2", true),
    ("tmax", true),
    ("total_time_ms", true),
    ("downtime_ev_ms", true),
    ("transferred", true),
    ("rate", true),
    ("read_rate", true),
    ("duplicate", true),
    ("throttle_max", true),
];
/// Columns with a few values, whose misspelling would change the meaning.
const CHOICES: [(&str, &[&str]); 3] = [
    ("algo", &["precopy", "postcopy", "hybrid", "cold"]),
    ("status", &["completed", "cancelled", "failed", "timeout-cancel"]),
    ("pattern", &["0", "1", "2"]),
];
/// Columns that a file must have: those of [`TEXTS`] and these.
const NEEDED: [&str; 12] = [
    "ram_mb",
    "fill_mb",
    "ws_mb",
    "pattern",
    "ops_before",
    "link_mbit",
    "max_bw_mbs",
    "downtime_limit_ms",
    "tmax",
    "total_time_ms",
    "downtime_ev_ms",
    "transferred",
];

/// Reads the measurements at `path`.
///
/// # Errors
///
/// GLN-321 where the file cannot be read, GLN-322 for a missing column, GLN-323 for a value that
/// is not what its column says.
pub fn read_measurements(path: &Path) -> Result<Vec<Measurement>, MeasurementError> {
    let place = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|cause| {
        let remedy = "Check path and permissions";
        let problem = Problem::new("GLN-321", &place, cause.to_string(), remedy);
        MeasurementError { problems: vec![problem] }
    })?;
    parse_measurements(&text, &place)
}

/// The measurements in `text`; problems name `place`.
///
/// # Errors
///
/// As [`read_measurements`].
pub fn parse_measurements(text: &str, place: &str) -> Result<Vec<Measurement>, MeasurementError> {
    if text.trim().is_empty() {
        let problem = Problem::new("GLN-323", place, "the file is empty", "Measure something");
        return Err(MeasurementError { problems: vec![problem] });
    }
    let mut lines = text.lines().enumerate();
    let header: Vec<&str> =
        lines.next().map_or(Vec::new(), |(_, line)| line.split(',').map(str::trim).collect());
    let mut problems = missing_columns(&header, place);
    if !problems.is_empty() {
        return Err(MeasurementError { problems });
    }
    let mut found = Vec::new();
    for (number, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        let place = format!("{place}:{}", number + 1);
        if cells.len() != header.len() {
            let what = format!("{} cells under {} columns", cells.len(), header.len());
            problems.push(Problem::new("GLN-323", place, what, "Write one cell per column"));
            continue;
        }
        let cell = |name: &str| header.iter().position(|&h| h == name).map_or("", |at| cells[at]);
        found.extend(line_of(&cell, &place, &mut problems));
    }
    if found.is_empty() && problems.is_empty() {
        problems.push(Problem::new("GLN-323", place, "there is no line", "Measure something"));
    }
    if problems.is_empty() { Ok(found) } else { Err(MeasurementError { problems }) }
}

fn missing_columns(header: &[&str], place: &str) -> Vec<Problem> {
    let needed = TEXTS.iter().chain(&NEEDED);
    let missing = needed.filter(|name| !header.contains(name));
    missing
        .map(|name| {
            let hint = suggestion(name, header.iter().copied());
            let what = format!("there is no column `{name}`{hint}");
            let remedy = "Name columns as in docs/migration.md, units included";
            Problem::new("GLN-322", format!("{place}:1"), what, remedy)
        })
        .collect()
}

fn line_of<'a>(
    cell: &impl Fn(&str) -> &'a str,
    place: &str,
    problems: &mut Vec<Problem>,
) -> Option<Measurement> {
    let before = problems.len();
    let mut numbers = BTreeMap::new();
    for (name, optional) in NUMBERS {
        let text = cell(name);
        if text.is_empty() && optional {
            continue;
        }
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() && value >= 0.0 => {
                numbers.insert(name, value);
            }
            _ => {
                let what = format!("found `{text}`, expected a number of 0 or more");
                let place = format!("{place}, {name}");
                problems.push(Problem::new("GLN-323", place, what, "Mend the cell"));
            }
        }
    }
    for (name, known) in CHOICES {
        if !known.contains(&cell(name)) {
            let what = format!("found `{}`, expected one of {}", cell(name), known.join(", "));
            let place = format!("{place}, {name}");
            problems.push(Problem::new("GLN-323", place, what, "Mend the cell"));
        }
    }
    let number = |name: &str| numbers.get(name).copied().unwrap_or(0.0);
    if problems.len() == before && number("link_mbit") == 0.0 && number("max_bw_mbs") == 0.0 {
        let what = "neither link_mbit nor max_bw_mbs is above 0";
        problems.push(Problem::new("GLN-323", place, what, "Say what limited the migration"));
    }
    if problems.len() > before {
        return None;
    }
    let completed = cell("status") == "completed";
    let total_s = number("total_time_ms") / 1e3;
    let measured = (completed && total_s > 0.0).then(|| Measured {
        total_s,
        downtime_s: number("downtime_ev_ms") / 1e3,
        bytes: number("transferred"),
    });
    if cell("action") != "setbw" {
        numbers.remove("bw2");
    }
    let place = cell("run").rsplit('-').next().and_then(|last| last.parse().ok());
    Some(Measurement {
        row: cell("row").to_owned(),
        group: cell("group").to_owned(),
        algorithm: cell("algo").to_owned(),
        completed,
        measured,
        place: place.unwrap_or(0),
        numbers,
    })
}

impl Measurement {
    fn number(&self, name: &str) -> f64 {
        self.numbers.get(name).copied().unwrap_or(0.0)
    }

    /// Seconds after which it would have been given up, infinite where it never was.
    pub fn give_up_s(&self) -> f64 {
        self.numbers.get("tmax").copied().unwrap_or(f64::INFINITY)
    }

    /// The fraction of its speed that the guest had lost to auto-converge in the end, where that
    /// was on and is known.
    pub fn throttle(&self) -> Option<f64> {
        let known = self.numbers.get("throttle_max").filter(|_| self.number("autoconv") > 0.0);
        known.map(|percent| percent / 100.0)
    }

    /// How many migrations ran side by side.
    pub fn side_by_side(&self) -> usize {
        self.group.strip_prefix("parallel").and_then(|k| k.parse().ok()).unwrap_or(1)
    }

    /// The workload's own dirty-page function.
    fn dirty(&self) -> Dirty {
        let (rate, working_set) = (self.number("ops_before"), 256.0 * self.number("ws_mb"));
        if working_set == 0.0 {
            return Dirty::Idle;
        }
        match self.number("pattern") as u32 {
            0 => Dirty::Constant { rate, working_set },
            1 => Dirty::Uniform { rate, working_set },
            _ => Dirty::HotCold {
                rate,
                working_set,
                // Whole pages, as the workload itself counts them.
                hot: (working_set * self.number("hot_n") / 100.0).floor(),
                share: self.number("hot_p") / 100.0,
            },
        }
    }

    /// The task that was set, without any option of the hypervisor.
    pub fn plain_task(&self, guest: &Guest) -> Task {
        let ram_mb = self.number("ram_mb");
        let nonzero = guest.base(ram_mb) + 256.0 * self.number("fill_mb");
        let memory = Memory { pages: 256.0 * ram_mb, nonzero, dirty: self.dirty() };
        let rate = |name: &str, factor: f64| {
            let value = self.number(name) * factor;
            (value > 0.0).then_some(BytesPerSecond(value))
        };
        let limit = rate("max_bw_mbs", 1e6);
        let change = rate("bw2", 1e6).map(|limit| (self.number("action_at"), limit));
        let link = rate("link_mbit", 1e6 / 8.0).unwrap_or(BytesPerSecond(f64::INFINITY));
        let mut task = Task::new(memory, Channel { link, limit, change });
        task.downtime_limit_s = self.number("downtime_limit_ms") / 1e3;
        task.hybrid_rounds = self.number("hybrid_rounds").max(1.0) as u32;
        task
    }

    /// The task that was set, with the options that were in force.
    pub fn task(&self, guest: &Guest) -> Task {
        let mut task = self.plain_task(guest);
        let features = &mut task.features;
        if self.number("autoconv") > 0.0 {
            features.auto_converge = Some(AutoConverge::default());
        }
        if self.number("xbzrle") > 0.0 {
            let cache = 256.0 * self.number("xbzrle");
            // What a write changes, and a few bytes that say where.
            let encoded_bytes = (4.0 + 1.1 * self.number("write_bytes")).min(PAGE);
            features.xbzrle = Some(Xbzrle { cache, encoded_bytes });
        }
        if self.number("multifd") > 0.0 {
            let channels = self.number("multifd");
            features.multifd = Some(Multifd { channels, ..Multifd::default() });
        }
        if self.number("compress") > 0.0 {
            features.compression = Some(self.compression(guest));
        }
        self.free(guest, &mut task);
        task
    }

    /// Compression at the mean of what the guest's pages come to.
    fn compression(&self, guest: &Guest) -> Compression {
        let base = guest.base(self.number("ram_mb"));
        let fill = 256.0 * self.number("fill_mb");
        let kind = (self.number("fill_type") as usize).min(2) + 1;
        let ratio = (base + fill) / (base / guest.ratios[0] + fill / guest.ratios[kind]);
        Compression { ratio, pages_per_s: guest.compress_pages_per_s }
    }

    /// Memory that was dirtied and freed, and what became of it.
    fn free(&self, guest: &Guest, task: &mut Task) {
        let dirtied = if self.group.starts_with("dirtyfree") { guest.freed_pages } else { 0.0 };
        let cleared = self.number("iof") > 0.0;
        let balloon = self.numbers.contains_key("balloon") || self.numbers.contains_key("iof");
        let memory = &mut task.memory;
        if !balloon || cleared {
            return;
        }
        memory.nonzero = (memory.nonzero + guest.balloon_pages + dirtied).min(memory.pages);
        if self.number("balloon") > 0.0 {
            let offered = memory.pages - memory.nonzero + dirtied;
            let speed = guest.offer_speed;
            task.features.free_pages = Some(FreePages { freed: dirtied, offered, speed });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "row,run,group,algo,status,action,ram_mb,fill_mb,fill_type,ws_mb,pattern,\
                          ops_before,hot_p,hot_n,link_mbit,max_bw_mbs,downtime_limit_ms,tmax,\
                          total_time_ms,downtime_ev_ms,transferred,action_at,bw2";

    #[test]
    fn a_line_becomes_a_task_and_an_outcome() {
        let line = "c1,x-2,parallel3,precopy,completed,,512,8,0,2,2,100,90,10,500,0,300,20,2500,80,\
                    9000,,";
        let found = parse_measurements(&format!("{HEADER}\n{line}\n"), "m.csv").expect("whole");
        let task = found[0].task(&Guest::default());
        assert_eq!(task.memory.nonzero, 14_107.0 + 2048.0);
        assert_eq!(task.channel.nominal(), 62.5e6);
        assert!(matches!(task.memory.dirty, Dirty::HotCold { hot: 51.0, .. }), "51.2 pages");
        assert_eq!((found[0].place, found[0].side_by_side()), (2, 3));
        let outcome = Measured { total_s: 2.5, downtime_s: 0.08, bytes: 9000.0 };
        assert_eq!(found[0].measured, Some(outcome));
    }

    #[test]
    fn columns_that_are_missing_and_cells_that_are_wrong_are_named() {
        let error = |text: &str| parse_measurements(text, "m.csv").unwrap_err().to_string();
        let renamed = HEADER.replace("total_time_ms", "total_time_s");
        let told = error(&renamed);
        assert!(told.starts_with("GLN-322 m.csv:1: there is no column `total_time_ms`"), "{told}");
        assert!(told.contains("did you mean `total_time_s`?"), "{told}");
        let line =
            "c1,x-2,precopy,precopy,completed,,512,-8,0,2,2,100,90,10,0,0,300,20,2500,80,x,,";
        let told = error(&format!("{HEADER}\n{line}\nshort\n"));
        assert!(told.contains("GLN-323 m.csv:2, fill_mb: found `-8`"), "{told}");
        assert!(told.contains("GLN-323 m.csv:2, transferred: found `x`"), "{told}");
        assert!(told.contains("GLN-323 m.csv:3: 1 cells under 23 columns"), "{told}");
        let odd = "c1,x,precopy,pre,complete,,512,8,0,2,3,100,90,10,500,0,300,20,2500,80,9,,";
        let told = error(&format!("{HEADER}\n{odd}\n"));
        assert!(told.contains("m.csv:2, algo: found `pre`, expected one of precopy"), "{told}");
        assert!(told.contains("m.csv:2, status: found `complete`"), "{told}");
        assert!(told.contains("m.csv:2, pattern: found `3`, expected one of 0, 1, 2"), "{told}");
        let nan = "c1,x,precopy,cold,failed,,512,8,0,2,1,NaN,90,10,500,0,300,20,2500,80,9,,";
        assert!(error(&format!("{HEADER}\n{nan}\n")).contains("ops_before: found `NaN`"));
        assert!(error("\n").contains("GLN-323 m.csv: the file is empty"));
        assert!(error(&format!("{HEADER}\n")).contains("GLN-323 m.csv: there is no line"));
    }
}
