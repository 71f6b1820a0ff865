//! Which runs are wanted? Specs, keys that are set in all of them, and axes along which keys vary.
//!
//! The runs of a design are all combinations of a spec and one point of each axis. Of two changes
//! to the same key the later holds: those of the spec, then those for all runs, then the axes.

use std::path::Path;
use std::str::FromStr;

use toml::{Table, Value};

use crate::problem::Problem;
use crate::spec::{self, Override};

/// One key of a spec and the value that it is given.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Dotted key, e.g. `policy.overload.safety`.
    pub key: String,
    /// Its value.
    pub value: Value,
}

impl Change {
    /// `value` for the dotted `key`.
    pub fn new(key: impl Into<String>, value: impl Into<Value>) -> Self {
        Self { key: key.into(), value: value.into() }
    }

    /// Every dotted key of `table` with its value; a policy with its parameters is one value.
    pub fn of_table(table: &Table) -> Vec<Self> {
        let mut changes = Vec::new();
        flatten("", table, &mut changes);
        changes
    }

    /// The same as `--set` would do.
    pub(super) fn as_override(&self) -> Override {
        Override::new(&self.key, self.value.clone())
    }
}

fn flatten(prefix: &str, table: &Table, into: &mut Vec<Change>) {
    for (key, value) in table {
        let key = dotted(prefix, key);
        match value {
            Value::Table(inner) if !inner.contains_key("kind") => flatten(&key, inner, into),
            _ => into.push(Change { key, value: value.clone() }),
        }
    }
}

pub(super) fn dotted(prefix: &str, key: &str) -> String {
    if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") }
}

/// `a.b=v`, as `--set` takes it.
///
/// ```
/// let change: galerna::batch::Change = "run.seed=3".parse().unwrap();
/// assert_eq!((change.key.as_str(), change.value.as_integer()), ("run.seed", Some(3)));
/// ```
impl FromStr for Change {
    type Err = spec::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (key, value) = Override::parse(text)?.into_parts();
        Ok(Self { key, value })
    }
}

/// A spec from which runs are made.
#[derive(Debug, Clone, PartialEq)]
pub struct Base {
    /// What tables call it.
    pub label: String,
    /// The file or the bundled name, as `galerna run` takes it.
    pub spec: String,
    /// The spec's text.
    pub text: String,
    /// What is changed in it.
    pub changes: Vec<Change>,
}

impl Base {
    /// The spec that is stored at or called `name`; in a name of bundled specs `*` stands for
    /// any text without a slash.
    ///
    /// ```
    /// let three = galerna::batch::Base::named("iqr-m*").unwrap();
    /// let labels: Vec<&str> = three.iter().map(|base| base.label.as_str()).collect();
    /// assert_eq!(labels, ["iqr-mc", "iqr-mmt", "iqr-mu"]);
    /// ```
    ///
    /// # Errors
    /// GLN-201 when there is none.
    pub fn named(name: &str) -> Result<Vec<Self>, spec::Error> {
        if !name.contains('*') || Path::new(name).is_file() {
            return Ok(vec![Self::with_text(name, spec::text(Path::new(name))?)]);
        }
        let entries = spec::catalogue().into_iter().filter(|entry| matches(name, entry.name));
        let bases: Vec<Self> =
            entries.map(|entry| Self::with_text(entry.name, entry.text.to_owned())).collect();
        if bases.is_empty() {
            let remedy = "`galerna policies list` shows the bundled ones";
            let what = "no bundled policy has such a name";
            return Err(Problem::new("GLN-201", name, what, remedy).into());
        }
        Ok(bases)
    }

    /// A spec of which the text is at hand.
    pub fn with_text(name: &str, text: String) -> Self {
        Self { label: name.to_owned(), spec: name.to_owned(), text, changes: Vec::new() }
    }
}

/// Whether `name` fits `pattern`, in which `*` stands for any text without a slash.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => name.strip_prefix(before).is_some_and(|rest| {
            let within = rest.find('/').unwrap_or(rest.len());
            let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
            ends.take_while(|&end| end <= within).any(|end| matches(after, &rest[end..]))
        }),
    }
}

/// One place on an axis.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Point {
    /// Its name, where it has one.
    pub name: Option<String>,
    /// What it changes.
    pub changes: Vec<Change>,
}

impl From<Change> for Point {
    fn from(change: Change) -> Self {
        Self { name: None, changes: vec![change] }
    }
}

/// Specs and what varies in them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Design {
    /// What problems call it, e.g. the sweep file.
    pub name: String,
    /// The specs.
    pub bases: Vec<Base>,
    /// What is changed in all runs.
    pub set: Vec<Change>,
    /// What varies: the first axis slowest, the last fastest.
    pub axes: Vec<Vec<Point>>,
}

impl Design {
    /// How many combinations there are; `None` when that is beyond counting.
    pub fn combinations(&self) -> Option<usize> {
        let sizes = self.axes.iter().map(Vec::len);
        sizes.chain([self.bases.len()]).try_fold(1usize, usize::checked_mul)
    }

    /// Which spec combination `index` has, and its point on each axis.
    pub(super) fn combination(&self, mut index: usize) -> (usize, Vec<&Point>) {
        let mut points = Vec::with_capacity(self.axes.len());
        for axis in self.axes.iter().rev() {
            points.push(&axis[index % axis.len()]);
            index /= axis.len();
        }
        points.reverse();
        (index, points)
    }

    /// Every key that is not the same in all runs, in the order of the axes.
    pub(super) fn varied(&self) -> Vec<String> {
        let mut keys: Vec<String> = Vec::new();
        let of_bases = self.bases.iter().flat_map(|base| &base.changes);
        let of_axes = self.axes.iter().flatten().flat_map(|point| &point.changes);
        for Change { key, .. } in of_bases.chain(of_axes) {
            if !keys.contains(key) {
                keys.push(key.clone());
            }
        }
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text_without_a_slash() {
        assert!(matches("*-mmt", "lr-mmt") && matches("l*r-m*", "lr-mmt"));
        assert!(matches("cloudsim-3.0.3/*", "cloudsim-3.0.3/lr-mmt"));
        assert!(!matches("*", "cloudsim-3.0.3/lr-mmt") && !matches("*-mc", "lr-mmt"));
        assert!(!matches("lr*", "mad-lr") && matches("*", "x") && matches("x*", "x"));
    }

    #[test]
    fn the_last_axis_moves_fastest() {
        let point = |n: i64| Point::from(Change::new("run.seed", n));
        let base = |name: &str| Base::with_text(name, String::new());
        let design = Design {
            bases: vec![base("a"), base("b")],
            axes: vec![vec![point(1), point(2)], vec![point(3), point(4), point(5)]],
            ..Design::default()
        };
        assert_eq!(design.combinations(), Some(12));
        let told = |index| {
            let (base, points) = design.combination(index);
            let seed = |p: &Point| p.changes[0].value.as_integer().unwrap();
            (base, points.into_iter().map(seed).collect::<Vec<_>>())
        };
        assert_eq!(told(0), (0, vec![1, 3]));
        assert_eq!(told(4), (0, vec![2, 4]));
        assert_eq!(told(11), (1, vec![2, 5]));
    }
}
