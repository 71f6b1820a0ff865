//! What a sweep file may say.
//!
//! ```toml
//! policies = ["lr-mmt", "thr-*"]       # specs; or base = "lr-mmt" for a single one
//! keep = ["samples"]                   # tables of each run to keep beside the table of all runs
//!
//! [set]                                # the same in all runs
//! migration.share = 0.25
//!
//! [grid]                               # every combination of these values
//! policy.overload.safety = [1.1, 1.2, 1.3]
//! run.seed = { from = 0, to = 4 }      # whole numbers, both ends included
//! trace.day = "all"                    # every day of the trace
//!
//! [[list]]                             # several keys at once, each entry combined with the grid
//! name = "quick"
//! host.wake-s = 10
//! host.shutdown-s = 5
//! ```

use std::path::Path;

use toml::{Table, Value};

use super::design::{Base, Change, Design, Point, dotted};
use super::error::Error;
use super::plan::{ALL_DAYS, MOST_RUNS};
use super::tables::RunTable;
use crate::problem::{Problem, suggestion};

/// The spec of a sweep that names none; all its values are the defaults.
const DEFAULT_BASE: &str = "lr-mmt";

const KEYS: [&str; 6] = ["base", "policies", "keep", "set", "grid", "list"];

/// A sweep as its file tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sweep {
    /// The runs wanted.
    pub design: Design,
    /// The tables of each run that are kept.
    pub keep: Vec<RunTable>,
}

impl Sweep {
    /// Reads the sweep file at `path`.
    ///
    /// # Errors
    /// GLN-701 when it cannot be read, else as [`parse`](Self::parse).
    pub fn load(path: &Path) -> Result<Self, Error> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|cause| {
            let remedy = "Name a TOML file; docs/compare-and-sweep.md shows one";
            Problem::new("GLN-701", &name, format!("cannot be read ({cause})"), remedy)
        })?;
        Self::parse(&text, &name)
    }

    /// Reads a sweep from `text`; `name` is what problems call it.
    ///
    /// ```
    /// let sweep = galerna::batch::Sweep::parse("grid.run.seed = [0, 1, 2]", "three").unwrap();
    /// assert_eq!(sweep.design.combinations(), Some(3));
    /// ```
    ///
    /// # Errors
    /// Every problem of its form: syntax, unknown keys, axes without values. Whether the runs are
    /// well formed, [`Plan::of`](super::Plan::of) tells.
    pub fn parse(text: &str, name: &str) -> Result<Self, Error> {
        let table: Table = text.parse().map_err(|error: toml::de::Error| {
            let start = error.span().map_or(0, |span| span.start.min(text.len()));
            let line = text.as_bytes()[..start].iter().filter(|&&b| b == b'\n').count() + 1;
            let what = error.message().lines().collect::<Vec<_>>().join(", ");
            Problem::new("GLN-702", format!("{name}:{line}"), what, "Mend the TOML syntax")
        })?;
        Self::from_table(&table, name)
    }

    /// The sweep that `table` tells.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn from_table(table: &Table, name: &str) -> Result<Self, Error> {
        let mut reader = Reader { name, problems: Vec::new() };
        for key in table.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            let what = format!("unknown key `{key}`{}", suggestion(key, KEYS));
            let remedy = format!("Known: {}", KEYS.join(", "));
            reader.problem("GLN-702", key, what, &remedy);
        }
        let set = reader.set(table);
        let list = reader.list(table);
        let grid = reader.grid(table);
        reader.set_twice(&set, &list, &grid);
        let keep = reader.keep(table);
        let bases = reader.bases(table);
        if !reader.problems.is_empty() {
            return Err(Error::Input(reader.problems));
        }
        let mut axes = Vec::new();
        if !list.is_empty() {
            axes.push(list);
        }
        axes.extend(grid);
        Ok(Self { design: Design { name: name.to_owned(), bases, set, axes }, keep })
    }
}

/// Reads a table and gathers what is wrong with it.
struct Reader<'n> {
    name: &'n str,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn problem(&mut self, code: &'static str, field: &str, what: impl Into<String>, remedy: &str) {
        let place = format!("{}, {field}", self.name);
        self.problems.push(Problem::new(code, place, what, remedy));
    }

    fn set(&mut self, table: &Table) -> Vec<Change> {
        let mut changes = Vec::new();
        match table.get("set") {
            None => {}
            Some(Value::Table(set)) => changes = Change::of_table(set),
            Some(_) => {
                let remedy = "Write [set] and below it e.g. migration.share = 0.25";
                self.problem("GLN-702", "set", "must be a table", remedy);
            }
        }
        changes
    }

    fn list(&mut self, table: &Table) -> Vec<Point> {
        let Some(list) = table.get("list") else { return Vec::new() };
        let remedy = "Write [[list]] and below it the keys of one run";
        let Some(entries) = list.as_array().filter(|entries| !entries.is_empty()) else {
            self.problem("GLN-702", "list", "must be a list of tables", remedy);
            return Vec::new();
        };
        let mut points: Vec<Point> = Vec::new();
        for (i, entry) in entries.iter().enumerate() {
            let field = format!("[[list]] {}", i + 1);
            let Value::Table(entry) = entry else {
                self.problem("GLN-702", &field, "must be a table", remedy);
                continue;
            };
            let mut entry = entry.clone();
            let name = match entry.remove("name") {
                None => None,
                Some(Value::String(name)) => Some(name),
                Some(_) => {
                    let remedy = "Write a name such as \"quick\"";
                    self.problem("GLN-702", &format!("{field} name"), "must be text", remedy);
                    continue;
                }
            };
            let point = Point { name, changes: Change::of_table(&entry) };
            if points.contains(&point) {
                self.problem("GLN-703", &field, "is there twice", "Remove one of the two");
            }
            points.push(point);
        }
        points
    }

    fn grid(&mut self, table: &Table) -> Vec<Vec<Point>> {
        let mut axes = Vec::new();
        match table.get("grid") {
            None => {}
            Some(Value::Table(grid)) => self.axes("", grid, &mut axes),
            Some(_) => {
                let remedy = "Write [grid] and below it e.g. run.seed = [0, 1, 2]";
                self.problem("GLN-702", "grid", "must be a table", remedy);
            }
        }
        axes
    }

    fn axes(&mut self, prefix: &str, table: &Table, into: &mut Vec<Vec<Point>>) {
        for (key, value) in table {
            let key = dotted(prefix, key);
            let field = format!("[grid] {key}");
            let values = match value {
                Value::Array(values) => values.clone(),
                Value::Table(range) if range.contains_key("from") || range.contains_key("to") => {
                    match self.range(&field, range) {
                        Some(values) => values,
                        None => continue,
                    }
                }
                Value::Table(inner) => {
                    self.axes(&key, inner, into);
                    continue;
                }
                Value::String(all) if key == "trace.day" && all == ALL_DAYS => vec![value.clone()],
                _ => {
                    let what = format!("must be a list of values, found a {}", value.type_str());
                    let remedy = "Write [a, b], or put a single value under [set]";
                    self.problem("GLN-703", &field, what, remedy);
                    continue;
                }
            };
            if values.is_empty() {
                self.problem("GLN-703", &field, "has no values", "Give one, or remove the key");
            }
            for (i, value) in values.iter().enumerate() {
                if values[..i].contains(value) {
                    let what = format!("has {value} twice");
                    self.problem("GLN-703", &field, what, "Remove one of the two");
                }
            }
            let point = |value| Point::from(Change { key: key.clone(), value });
            into.push(values.into_iter().map(point).collect());
        }
    }

    /// The whole numbers of `{ from = 0, to = 4, step = 2 }`.
    fn range(&mut self, field: &str, range: &Table) -> Option<Vec<Value>> {
        let whole = |key: &str| range.get(key).map_or(Some(1), Value::as_integer);
        let known = range.keys().all(|key| ["from", "to", "step"].contains(&key.as_str()));
        let both = range.contains_key("from") && range.contains_key("to");
        let numbers = (known && both).then(|| (whole("from"), whole("to"), whole("step")));
        if let Some((Some(from), Some(to), Some(step))) = numbers
            && step > 0
            && from <= to
            && to.abs_diff(from) / step.unsigned_abs() < MOST_RUNS as u64
        {
            let steps = 0..=(to.abs_diff(from) / step.unsigned_abs()) as i64;
            return Some(steps.map(|n| Value::Integer(from + n * step)).collect());
        }
        let what = format!("no range of whole numbers: {}", Value::Table(range.clone()));
        let remedy = "Write e.g. { from = 0, to = 4 } or { from = 10, to = 50, step = 10 }";
        self.problem("GLN-703", field, what, remedy);
        None
    }

    /// A key belongs in one place only.
    fn set_twice(&mut self, set: &[Change], list: &[Point], grid: &[Vec<Point>]) {
        let mut places: Vec<(&str, &str)> = Vec::new();
        let in_set = set.iter().map(|change| (change.key.as_str(), "[set]"));
        let in_list = list.iter().flat_map(|point| &point.changes);
        let in_list = in_list.map(|change| (change.key.as_str(), "[[list]]"));
        let in_grid = grid.iter().filter_map(|axis| axis.first());
        let in_grid = in_grid.flat_map(|point| &point.changes);
        let in_grid = in_grid.map(|change| (change.key.as_str(), "[grid]"));
        for (key, place) in in_set.chain(in_list).chain(in_grid) {
            match places.iter().find(|(known, _)| *known == key) {
                Some(&(_, other)) if other != place => {
                    let what = format!("is also given in {other}");
                    let field = format!("{place} {key}");
                    self.problem("GLN-705", &field, what, "Remove it from one of the two");
                }
                Some(_) => {}
                None => places.push((key, place)),
            }
        }
    }

    fn keep(&mut self, table: &Table) -> Vec<RunTable> {
        let words = self.texts(table, "keep");
        let mut keep = Vec::new();
        for word in words {
            match RunTable::named(&word) {
                Ok(table) if !keep.contains(&table) => keep.push(table),
                Ok(_) => {}
                Err((what, remedy)) => self.problem("GLN-702", "keep", what, &remedy),
            }
        }
        keep.sort_unstable();
        keep
    }

    fn bases(&mut self, table: &Table) -> Vec<Base> {
        let names = match (table.get("base"), table.contains_key("policies")) {
            (Some(_), true) => {
                let remedy = "Name one spec as base, or several as policies";
                self.problem("GLN-705", "base", "is there beside `policies`", remedy);
                return Vec::new();
            }
            (Some(Value::String(base)), false) => vec![base.clone()],
            (Some(_), false) => {
                let remedy = "Write e.g. base = \"lr-mmt\"";
                self.problem("GLN-702", "base", "must be text", remedy);
                return Vec::new();
            }
            (None, true) => self.texts(table, "policies"),
            (None, false) => vec![DEFAULT_BASE.to_owned()],
        };
        let mut bases: Vec<Base> = Vec::new();
        for name in names {
            match Base::named(&name) {
                Ok(found) => {
                    let new = found.into_iter().filter(|base| !bases.contains(base));
                    let new: Vec<Base> = new.collect();
                    bases.extend(new);
                }
                Err(error) => self.problems.extend(error.problems),
            }
        }
        bases
    }

    /// The list of texts at `key`, empty when there is none.
    fn texts(&mut self, table: &Table, key: &str) -> Vec<String> {
        let Some(value) = table.get(key) else { return Vec::new() };
        let texts = value.as_array().map(|values| {
            values.iter().map(|value| value.as_str().map(str::to_owned)).collect::<Vec<_>>()
        });
        match texts {
            Some(texts) if !texts.is_empty() && texts.iter().all(Option::is_some) => {
                texts.into_iter().flatten().collect()
            }
            _ => {
                let remedy = format!("Write e.g. {key} = [\"{}\"]", example(key));
                self.problem("GLN-702", key, "must be a list of texts", &remedy);
                Vec::new()
            }
        }
    }
}

fn example(key: &str) -> &'static str {
    if key == "keep" { "samples" } else { "lr-mmt" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let Err(Error::Input(problems)) = Sweep::parse(text, "s.toml") else { panic!("{text}") };
        problems.iter().map(Problem::to_string).collect()
    }

    #[test]
    fn the_sweep_of_the_story_reads_as_told() {
        let story =
            include_str!("sweep_file.rs").lines().take_while(|line| line.starts_with("//!"));
        let lines = story.skip_while(|line| *line != "//! ```toml").skip(1);
        let text: Vec<&str> = lines.take_while(|line| *line != "//! ```").collect();
        let text: String = text.iter().map(|line| format!("{}\n", &line[3..])).collect();
        let sweep = Sweep::parse(&text, "s.toml").unwrap();
        let labels: Vec<&str> = sweep.design.bases.iter().map(|b| b.label.as_str()).collect();
        let (first, others) = labels.split_first().unwrap();
        assert!(*first == "lr-mmt" && others.iter().all(|label| label.starts_with("thr-")));
        assert!(["thr-mc", "thr-mmt"].iter().all(|label| others.contains(label)), "{labels:?}");
        assert_eq!(sweep.keep, [RunTable::Samples]);
        assert_eq!(sweep.design.set, [Change::new("migration.share", 0.25)]);
        let [list, safety, seed, day] = &sweep.design.axes[..] else { panic!("{sweep:?}") };
        let quick = [Change::new("host.shutdown-s", 5), Change::new("host.wake-s", 10)];
        assert_eq!(list, &[Point { name: Some("quick".into()), changes: quick.into() }]);
        assert_eq!((safety.len(), seed.len(), day.len()), (3, 5, 1));
        assert_eq!(seed[4].changes, [Change::new("run.seed", 4)]);
    }

    #[test]
    fn a_policy_with_its_parameters_is_one_value() {
        let text = "[grid]\npolicy.overload = [\"thr\", { kind = \"mad\", safety = 3 }]\n\
                    [[list]]\npolicy.select = { kind = \"rs\", seeded = true }\n";
        let sweep = Sweep::parse(text, "s.toml").unwrap();
        assert_eq!(sweep.design.axes[0][0].changes[0].key, "policy.select");
        assert_eq!(sweep.design.axes[1][1].changes[0].key, "policy.overload");
        assert!(sweep.design.axes[1][1].changes[0].value.is_table());
    }

    #[test]
    fn all_problems_of_a_sweep_file_are_told_at_once() {
        let text = "polices = 3\nkeep = [\"sample\"]\nbase = \"lr-mmmt\"\n\
                    [set]\nrun.seed = 1\n\
                    [grid]\nrun.seed = [1, 2, 1]\nmigration.share = 0.5\nhost.wake-s = []\n\
                    migration.overhead = { from = 0.1, to = 0.5 }\n";
        let found = problems(text);
        let expected = [
            "GLN-702 s.toml, polices: unknown key `polices` (did you mean `policies`?)",
            "GLN-703 s.toml, [grid] host.wake-s: has no values",
            "GLN-703 s.toml, [grid] migration.overhead: no range of whole numbers: { from = 0.1",
            "GLN-703 s.toml, [grid] migration.share: must be a list of values, found a float",
            "GLN-703 s.toml, [grid] run.seed: has 1 twice",
            "GLN-705 s.toml, [grid] run.seed: is also given in [set]",
            "GLN-702 s.toml, keep: unknown table `sample` (did you mean `samples`?)",
            "GLN-201 lr-mmmt: there is no such file, and no bundled policy of that name (did you",
        ];
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found}\n{expected}");
        }
    }

    #[test]
    fn broken_toml_is_told_with_its_line() {
        assert!(problems("[grid]\nrun.seed = [1, 2\n")[0].starts_with("GLN-702 s.toml:"));
        assert!(problems("grid = 3")[0].contains("must be a table"));
        assert!(problems("list = 3")[0].contains("must be a list of tables"));
        assert!(problems("[[list]]\nname = 3")[0].contains("[[list]] 1 name: must be text"));
        let both = problems("base = \"lr-mmt\"\npolicies = [\"thr-mmt\"]");
        assert!(both[0].contains("is there beside `policies`"));
        assert!(problems("policies = []")[0].contains("must be a list of texts"));
    }
}
