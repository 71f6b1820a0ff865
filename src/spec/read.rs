//! From text to a checked [`RunSpec`]: all problems of a file are found before it is refused.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::catalogue;
use super::costs;
use super::leases::{self, LeaseSpec};
use super::limits;
use super::named_types;
use super::outages;
use super::power_cap;
use super::sites;
use super::{DECISIONS, Error, LOAD, MigrationSection, PolicySpec, RunSpec, TraceSpec, python};
use crate::detect::{DetectorSpec, UnderloadSpec};
use crate::model::{Costs, Outages, Sites};
use crate::place::PlacerSpec;
use crate::problem::{Problem, suggestion};
use crate::select::SelectorSpec;

/// One `KEY=VALUE` from the command line.
#[derive(Debug, Clone, PartialEq)]
pub struct Override {
    key: String,
    value: Value,
}

impl Override {
    /// `value` for the dotted `key`.
    pub fn new(key: impl Into<String>, value: Value) -> Self {
        Self { key: key.into(), value }
    }

    /// Parses `a.b=v`; `v` is read as TOML, else taken as a string.
    ///
    /// # Errors
    /// [`Error`] when there is no `=` or no key.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let Some((key, value)) = text.split_once('=').filter(|(key, _)| !key.trim().is_empty())
        else {
            let what = format!("`{text}` is not of the form KEY=VALUE");
            let remedy = "Write e.g. --set trace.day=20110303";
            return Err(Problem::new("GLN-205", "--set", what, remedy).into());
        };
        let parsed = format!("v = {value}").parse::<Table>().ok();
        let parsed = parsed.filter(|table| table.len() == 1).and_then(|mut t| t.remove("v"));
        Ok(Self::new(key.trim(), parsed.unwrap_or_else(|| Value::String(value.to_owned()))))
    }

    /// Key and value.
    pub fn into_parts(self) -> (String, Value) {
        (self.key, self.value)
    }

    fn apply(self, table: &mut Table) -> Result<(), Problem> {
        let mut keys: Vec<&str> = self.key.split('.').collect();
        let last = keys.pop().unwrap_or_default().to_owned();
        let mut inner = table;
        for key in keys {
            let entry = inner.entry(key).or_insert_with(|| Value::Table(of_default_kind(key)));
            if let Value::String(kind) = entry {
                // `mad` is short for `{ kind = "mad" }`.
                let kind = Value::String(kind.clone());
                *entry = Value::Table(Table::from_iter([("kind".to_owned(), kind)]));
            }
            let found = entry.type_str();
            inner = entry.as_table_mut().ok_or_else(|| {
                let what = format!("`{key}` holds a {found}, not a table");
                Problem::new("GLN-205", format!("--set {}", self.key), what, "Shorten the key")
            })?;
        }
        inner.insert(last, self.value);
        Ok(())
    }
}

/// The table of policy `key` that a spec without it has: just the default kind; empty for others.
fn of_default_kind(key: &str) -> Table {
    let defaults = Table::try_from(PolicySpec::default()).unwrap_or_default();
    let kind = defaults.get(key).and_then(|policy| policy.get("kind"));
    kind.map_or_else(Table::new, |kind| Table::from_iter([("kind".to_owned(), kind.clone())]))
}

/// Reads the spec at `path`, or the bundled one of that name, with `overrides` applied.
///
/// # Errors
/// [`Error`] with every problem: the file is missing, is no TOML, or holds unknown keys or values
/// out of range.
pub fn load(path: &Path, overrides: Vec<Override>) -> Result<RunSpec, Error> {
    parse(&text(path)?, &path.display().to_string(), overrides)
}

/// The text of the spec at `path`, or of the bundled one of that name; a configuration of Haizea
/// (`.conf`) becomes the spec that it describes.
///
/// # Errors
/// [`Error`] when there is neither.
pub fn text(path: &Path) -> Result<String, Error> {
    let name = path.display().to_string();
    if path.is_file() && path.extension().is_some_and(|ending| ending == "conf") {
        return leases::of_configuration(path).map(|spec| spec.to_toml());
    }
    if path.is_file() {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Problem::new("GLN-201", &name, error.to_string(), "Check the file's permissions")
        })?;
        return Ok(text);
    }
    match catalogue::named(path) {
        Some(entry) => Ok(entry.text.to_owned()),
        None => {
            let known = catalogue::catalogue();
            let hint = suggestion(&name, known.iter().map(|entry| entry.name));
            let what = format!("there is no such file, and no bundled policy of that name{hint}");
            let remedy = "`galerna policies list` shows the bundled ones";
            Err(Problem::new("GLN-201", name, what, remedy).into())
        }
    }
}

/// Reads a spec from `text`; `name` is what problems call it.
///
/// # Errors
/// As [`load`].
pub fn parse(text: &str, name: &str, overrides: Vec<Override>) -> Result<RunSpec, Error> {
    let mut table: Table =
        text.parse().map_err(|error: toml::de::Error| syntax(&error, text, name))?;
    for change in overrides {
        change.apply(&mut table)?;
    }
    let place = |field: &str| format!("{name}, {field}");
    let mut problems = Vec::new();
    let spec = sections(table, &place, &mut problems);
    if problems.is_empty() {
        problems = limits::problems(&spec, &place);
        problems.extend(spec.loaded_problems(&place));
        problems.extend(spec.costs_problems(&place));
        problems.extend(spec.shifting_problems(&place));
        problems.extend(spec.outages_problems(&place));
        problems.extend(spec.sites_problems(&place));
        problems.extend(spec.power_cap_problems(&place));
    }
    if problems.is_empty() { Ok(spec) } else { Err(Error { problems }) }
}

fn syntax(error: &toml::de::Error, text: &str, name: &str) -> Error {
    let start = error.span().map_or(0, |span| span.start.min(text.len()));
    let line = text.as_bytes()[..start].iter().filter(|&&b| b == b'\n').count() + 1;
    let what = error.message().lines().collect::<Vec<_>>().join(", ");
    Problem::new("GLN-202", format!("{name}:{line}"), what, "Mend the TOML syntax").into()
}

type Place<'p> = &'p dyn Fn(&str) -> String;

fn sections(mut table: Table, place: Place<'_>, problems: &mut Vec<Problem>) -> RunSpec {
    let leases = leases_section(&mut table, place, problems);
    let costs = costs_section(&mut table, place, problems);
    let policy = table.remove("policy");
    let plans_for = power_cap::is_stated(policy.as_ref());
    let mut spec = RunSpec {
        trace: section(&mut table, "trace", place, problems),
        fleet: section(&mut table, "fleet", place, problems),
        policy: self::policy(policy, place, problems),
        consolidation: section(&mut table, "consolidation", place, problems),
        demand: section(&mut table, "demand", place, problems),
        host: section(&mut table, "host", place, problems),
        migration: section(&mut table, "migration", place, problems),
        failures: section(&mut table, "failures", place, problems),
        outages: None,
        sites: None,
        accounting: section(&mut table, "accounting", place, problems),
        costs,
        leases,
        run: section(&mut table, "run", place, problems),
    };
    spec.sites = sites_section(&mut table, place, problems);
    let stand = table.contains_key("outages").then(|| outages::Stand::of(&spec));
    spec.outages = stand.map(|stand| outages_section(&mut table, stand, place, problems));
    power_cap::read(&mut spec, plans_for, place, problems);
    if spec.loaded_leases().is_some() && spec.consolidated_leases().is_none() {
        spec.policy = PolicySpec::at_rest();
    }
    let catalogue = named_types::resolve(&mut spec.fleet, place, problems);
    if let Some(costs) = &mut spec.costs {
        let leases = spec.leases.as_ref();
        named_types::price(costs, &spec.fleet, leases, &catalogue, place, problems);
    }
    let practice = &mut spec.migration.practice;
    practice.constants = practice.constants.rounded();
    let mut known = keys_of(&RunSpec::default());
    known.extend(["leases", "costs", "outages", "sites"].map(str::to_owned));
    for key in table.keys() {
        problems.push(unknown(key, &known, &place(&format!("[{key}]")), "section"));
    }
    spec
}

/// Reads `[leases]`, if there is one; sections that it does not go with may not stand beside it.
fn leases_section(
    table: &mut Table,
    place: Place<'_>,
    problems: &mut Vec<Problem>,
) -> Option<LeaseSpec> {
    let section = table.get_mut("leases")?;
    leases::spell_out(section, &place("[leases]"), problems);
    let loaded = section.get("load").and_then(Value::as_str) == Some("replayed");
    let stays = section.get("consolidate").and_then(Value::as_str).is_none_or(|how| how == "off");
    let (refused, what): (&[&str], _) = match (loaded, stays) {
        (true, true) => (&DECISIONS, "decides about migrations, and VMs of leases stay"),
        (true, false) => (&DECISIONS[5..], "lets migrations fail, VMs of leases cannot yet"),
        (false, _) => (&LOAD, "describes load, and these leases carry none (leases.load)"),
    };
    for name in refused.iter().filter(|name| table.contains_key(**name)) {
        let remedy = match loaded {
            true if stays => format!("Remove [{name}], or set leases.consolidate"),
            true => format!("Remove [{name}]"),
            false => format!("Remove [{name}], or set leases.load to \"replayed\""),
        };
        problems.push(Problem::new("GLN-206", place(&format!("[{name}]")), what, remedy));
    }
    Some(self::section(table, "leases", place, problems))
}

/// Reads `[costs]`, if there is one, and the files that it names.
fn costs_section(
    table: &mut Table,
    place: Place<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Costs> {
    table.contains_key("costs").then(|| {
        let mut costs: Costs = section(table, "costs", place, problems);
        costs::read_files(&mut costs, place, problems);
        costs
    })
}

/// Reads `[outages]`, and the file that it names.
fn outages_section(
    table: &mut Table,
    stand: outages::Stand,
    place: Place<'_>,
    problems: &mut Vec<Problem>,
) -> Outages {
    let mut outages: Outages = section(table, "outages", place, problems);
    outages::read_file(&mut outages, stand, place, problems);
    outages
}

/// Reads `[sites]`, if there is one, and the files that it names.
fn sites_section(
    table: &mut Table,
    place: Place<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Sites> {
    table.contains_key("sites").then(|| {
        let mut sites: Sites = section(table, "sites", place, problems);
        sites::read_files(&mut sites, place, problems);
        sites
    })
}

/// Reads one section key by key, so that each problem is reported.
fn section<T: DeserializeOwned + Serialize + Default>(
    table: &mut Table,
    name: &str,
    place: Place<'_>,
    problems: &mut Vec<Problem>,
) -> T {
    let Some(value) = table.remove(name) else { return T::default() };
    let Value::Table(given) = value else {
        problems.push(not_a_table(&value, &place(&format!("[{name}]"))));
        return T::default();
    };
    let mut known = keys_of(&T::default());
    // Keys that have no default.
    match name {
        "trace" => known.extend(TraceSpec::OPTIONAL.map(str::to_owned)),
        "policy" => known.push("plan".into()),
        "fleet" => known.push("catalogue".into()),
        "host" => known.push("cap-w".into()),
        "leases" => known.extend(LeaseSpec::OPTIONAL.map(str::to_owned)),
        "outages" => {
            let parts = ["file", "host", "rack", "site", "link", "switch", "cable"];
            known.extend(parts.map(str::to_owned));
        }
        "sites" => known.extend(["disk-gib", "encryption"].map(str::to_owned)),
        "migration" => known.extend(MigrationSection::OPTIONAL.map(str::to_owned)),
        _ => {}
    }
    let mut good = Table::new();
    for (key, value) in given {
        let at = place(&format!("[{name}] {key}"));
        if !known.contains(&key) {
            problems.push(unknown(&key, &known, &at, "key"));
            continue;
        }
        let alone = Table::from_iter([(key.clone(), value.clone())]);
        match alone.try_into::<T>() {
            Ok(_) => drop(good.insert(key, value)),
            Err(error) => problems.push(wrong_value(&error, &at)),
        }
    }
    good.try_into().unwrap_or_default()
}

/// Reads `[policy]`, whose values are tables with a `kind`, or just the kind.
fn policy(value: Option<Value>, place: Place<'_>, problems: &mut Vec<Problem>) -> PolicySpec {
    let mut table = Table::new();
    if let Some(value) = value {
        table.insert("policy".into(), value);
    }
    if let Some(Value::Table(given)) = table.get_mut("policy") {
        for (key, kinds) in [
            ("overload", &DetectorSpec::KINDS[..]),
            ("fallback", &DetectorSpec::KINDS),
            ("underload", &UnderloadSpec::KINDS),
            ("select", &SelectorSpec::KINDS),
            ("place", &PlacerSpec::KINDS),
            ("plan", &[]),
        ] {
            let Some(value) = given.get_mut(key) else { continue };
            let at = place(&format!("[policy] {key}"));
            let found = problems.len();
            spell_out(value, kinds, &at, problems);
            if problems.len() == found {
                problems.extend(match key {
                    _ if python::is_python(value) => python::problems(value, &at),
                    "overload" | "fallback" => parameters::<DetectorSpec>(value, &at),
                    "underload" => parameters::<UnderloadSpec>(value, &at),
                    "select" => parameters::<SelectorSpec>(value, &at),
                    _ => parameters::<PlacerSpec>(value, &at),
                });
            }
            if problems.len() > found {
                given.remove(key);
            }
        }
    }
    section(&mut table, "policy", place, problems)
}

/// Turns `"mad"` into `{ kind = "mad" }` and checks the kind.
fn spell_out(value: &mut Value, kinds: &[&str], at: &str, problems: &mut Vec<Problem>) {
    if let Value::String(kind) = value {
        let kind = Value::String(std::mem::take(kind));
        *value = Value::Table(Table::from_iter([("kind".to_owned(), kind)]));
    }
    let Value::Table(table) = value else { return problems.push(not_a_table(value, at)) };
    python::spell_out(table);
    let known = match kinds {
        [] => "python with an entry".to_owned(),
        _ => format!("one of {}, or python with an entry", kinds.join(", ")),
    };
    match table.get("kind") {
        Some(Value::String(kind)) if kinds.contains(&kind.as_str()) || kind == python::KIND => {}
        Some(Value::String(kind)) => {
            let hint = suggestion(kind, kinds.iter().copied());
            let what = format!("unknown policy `{kind}`{hint}");
            problems.push(Problem::new("GLN-204", at, what, format!("Use {known}")));
        }
        _ => {
            let remedy = format!("Write kind = {known}");
            problems.push(Problem::new("GLN-204", at, "has no `kind`", remedy));
        }
    }
}

/// What is wrong with the parameters of a policy whose kind is known.
fn parameters<T: DeserializeOwned + Serialize>(value: &Value, at: &str) -> Vec<Problem> {
    let Value::Table(given) = value else { return Vec::new() };
    let kind_only = given.iter().filter(|(key, _)| *key == "kind");
    let bare = Table::from_iter(kind_only.map(|(k, v)| (k.clone(), v.clone())));
    let known = bare.clone().try_into::<T>().map_or_else(|_| Vec::new(), |bare| keys_of(&bare));
    let mut problems = Vec::new();
    for (key, value) in given.iter().filter(|(key, _)| *key != "kind") {
        let at = format!("{at}.{key}");
        if !known.contains(key) {
            let parameters: Vec<String> = known.iter().filter(|&k| k != "kind").cloned().collect();
            problems.push(unknown(key, &parameters, &at, "parameter"));
            continue;
        }
        let mut alone = bare.clone();
        alone.insert(key.clone(), value.clone());
        if let Err(error) = alone.try_into::<T>() {
            problems.push(wrong_value(&error, &at));
        }
    }
    problems
}

fn keys_of<T: Serialize>(value: &T) -> Vec<String> {
    Table::try_from(value).map_or_else(|_| Vec::new(), |table| table.keys().cloned().collect())
}

fn unknown(key: &str, known: &[String], at: &str, what: &str) -> Problem {
    let hint = suggestion(key, known.iter().map(String::as_str));
    let remedy = match known {
        [] => "It takes none: remove it".to_owned(),
        _ => format!("Known: {}", known.join(", ")),
    };
    Problem::new("GLN-202", at, format!("unknown {what} `{key}`{hint}"), remedy)
}

fn not_a_table(value: &Value, at: &str) -> Problem {
    let what = format!("expected a table, found a {}", value.type_str());
    Problem::new("GLN-202", at, what, "Write { key = value }")
}

fn wrong_value(error: &toml::de::Error, at: &str) -> Problem {
    let what = error.message().lines().collect::<Vec<_>>().join(", ");
    Problem::new("GLN-203", at, what, "Write a value of that kind")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{LeastUtilised, Mad};

    fn with(text: &str, changes: &[&str]) -> Result<RunSpec, Error> {
        let changes = changes.iter().map(|c| Override::parse(c).expect("a change")).collect();
        parse(text, "x.toml", changes)
    }

    #[test]
    fn a_change_is_read_as_toml_or_else_as_text() {
        let spec =
            with("", &["run.seed=7", "trace.path=a/b.tar.xz", "trace.day=20110303"]).unwrap();
        assert_eq!((spec.run.seed, spec.trace.path), (7, "a/b.tar.xz".into()));
        assert_eq!(spec.trace.day.as_deref(), Some("20110303"));
    }

    #[test]
    fn a_parameter_may_be_changed_where_the_file_leaves_the_policy_out() {
        let spec = with("", &["policy.underload.below=0.5"]).unwrap();
        let below = LeastUtilised { below: 0.5 };
        assert_eq!(spec.policy.underload, UnderloadSpec::LeastUtilised(below).into());
    }

    #[test]
    fn a_policy_may_be_named_alone() {
        let spec = with("", &["policy.overload=mad", "policy.overload.safety=3"]).unwrap();
        let mad = Mad { safety: 3.0, ..Mad::default() };
        assert_eq!(spec.policy.overload, DetectorSpec::Mad(mad).into());
    }

    #[test]
    fn all_problems_of_a_file_are_reported_at_once_with_their_remedies() {
        let text = "[policy]\noverload = { kind = \"mad\", saftey = 2 }\nselect = \"mmd\"\n\
                    [host]\nwake-s = \"soon\"\n[hots]\n";
        let problems = with(text, &[]).unwrap_err().problems;
        let shown: Vec<String> = problems.iter().map(Problem::to_string).collect();
        assert_eq!(shown.len(), 4, "{shown:#?}");
        assert!(shown[0].contains("unknown parameter `saftey` (did you mean `safety`?)"));
        assert!(shown[1].contains("unknown policy `mmd` (did you mean `mmt`?)"));
        assert!(shown[2].starts_with("GLN-203 x.toml, [host] wake-s: "));
        assert!(shown[3].contains("unknown section `hots` (did you mean `host`?)"));
    }

    #[test]
    fn values_out_of_range_are_refused_with_an_example() {
        let error = with("[migration]\nshare = 1.5\n", &[]).unwrap_err().to_string();
        let expected =
            "GLN-203 x.toml, [migration] share: must be above 0 and at most 1, found 1.5";
        assert!(error.starts_with(expected), "{error}");
    }
}
