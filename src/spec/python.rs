//! Policies written in Python: what a spec says of them, and who builds them.
//!
//! ```toml
//! [policy]
//! overload = { kind = "python", entry = "steady:Steady", params = { limit = 0.9 } }
//! select = "steady:Smallest"          # short for { kind = "python", entry = "steady:Smallest" }
//! ```
//!
//! The engine knows no Python. A program that does installs its [`Interpreter`]; in one that does
//! not, a spec that names Python code is refused before anything runs.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::{PolicySpec, RunSpec};
use crate::detect::{OverloadDetector, UnderloadDetector};
use crate::lease::LeasePolicies;
use crate::place::{Placer, Planner};
use crate::policy::PolicyError;
use crate::problem::{Problem, suggestion};
use crate::select::VmSelector;

/// A policy written in Python, by where its code is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PythonPolicy {
    kind: Kind,
    /// `module:Class`, `module:function`, or an entry point of the group `galerna.policies`.
    pub entry: String,
    /// What the class, or the function beside its own arguments, is called with.
    #[serde(default, skip_serializing_if = "Table::is_empty")]
    pub params: Table,
}

/// The word that tells it from the built-ins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Python,
}

/// The kind of every policy written in Python.
pub const KIND: &str = "python";

impl PythonPolicy {
    /// The policy at `entry`, called with `params`.
    pub fn new(entry: impl Into<String>, params: Table) -> Self {
        Self { kind: Kind::Python, entry: entry.into(), params }
    }
}

/// Which question of `[policy]` or `[leases.policies]` a policy answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slot {
    /// Which hosts are overloaded?
    Overload,
    /// The same, where `Overload` cannot tell.
    Fallback,
    /// Which hosts could be emptied?
    Underload,
    /// Which VM leaves?
    Select,
    /// Where does it go?
    Place,
    /// All moves of a step.
    Plan,
    /// Which leases are accepted at all?
    Admission,
    /// Which lease may displace which?
    Preemption,
    /// Which hosts are taken first?
    HostSelection,
    /// Which VM of a lease goes to which host?
    Mapping,
    /// What does a lease cost?
    Pricing,
    /// From when on may a lease begin?
    Shifting,
}

impl Slot {
    /// Those about leases.
    pub const LEASES: [Self; 6] = [
        Self::Admission,
        Self::Preemption,
        Self::HostSelection,
        Self::Mapping,
        Self::Pricing,
        Self::Shifting,
    ];

    /// The section of a spec that holds it.
    pub fn section(self) -> &'static str {
        if Self::LEASES.contains(&self) { "leases.policies" } else { "policy" }
    }

    /// Its key in its section.
    pub fn key(self) -> &'static str {
        match self {
            Self::Overload => "overload",
            Self::Fallback => "fallback",
            Self::Underload => "underload",
            Self::Select => "select",
            Self::Place => "place",
            Self::Plan => "plan",
            Self::Admission => "admission",
            Self::Preemption => "preemption",
            Self::HostSelection => "host-selection",
            Self::Mapping => "mapping",
            Self::Pricing => "pricing",
            Self::Shifting => "shifting",
        }
    }
}

/// Builds policies that are written in Python, a fresh one for each run.
///
/// Each method is told the question, the policy and the seed of the run, and fails with whatever
/// keeps the code from being loaded.
#[allow(missing_docs)]
pub trait Interpreter: Send + Sync {
    fn overload(
        &self,
        slot: Slot,
        policy: &PythonPolicy,
        seed: u64,
    ) -> Result<Box<dyn OverloadDetector>, PolicyError>;

    fn underload(
        &self,
        policy: &PythonPolicy,
        seed: u64,
    ) -> Result<Box<dyn UnderloadDetector>, PolicyError>;

    fn select(&self, policy: &PythonPolicy, seed: u64) -> Result<Box<dyn VmSelector>, PolicyError>;

    fn place(&self, policy: &PythonPolicy, seed: u64) -> Result<Box<dyn Placer>, PolicyError>;

    fn plan(&self, policy: &PythonPolicy, seed: u64) -> Result<Box<dyn Planner>, PolicyError>;

    /// Puts the policy into `policies` where it answers the question of `slot` about leases.
    fn lease_policy(
        &self,
        slot: Slot,
        policy: &PythonPolicy,
        seed: u64,
        policies: &mut LeasePolicies,
    ) -> Result<(), PolicyError>;

    /// Does `work`, which asks policies many times, in this thread.
    fn stay(&self, work: &mut (dyn FnMut() + Send));

    /// Tells the user which code this is, before any of it is imported; once per process is enough.
    fn announce(&self, slot: Slot, policy: &PythonPolicy);
}

static INSTALLED: OnceLock<Box<dyn Interpreter>> = OnceLock::new();

/// Makes `interpreter` build the Python policies of this process, unless one does already.
pub fn install(interpreter: Box<dyn Interpreter>) {
    let _ = INSTALLED.set(interpreter);
}

/// The interpreter of this process.
pub fn installed() -> Option<&'static dyn Interpreter> {
    INSTALLED.get().map(|interpreter| &**interpreter)
}

/// Does `work`, which asks policies written in Python many times, in this thread.
pub(crate) fn stay(work: &mut (dyn FnMut() + Send)) {
    match installed() {
        Some(interpreter) => interpreter.stay(work),
        None => work(),
    }
}

/// Has the interpreter of this process tell which code `policies` are, before any of it is
/// imported.
pub fn announce<'p>(policies: impl IntoIterator<Item = (Slot, &'p PythonPolicy)>) {
    let Some(interpreter) = installed() else { return };
    let mut told = BTreeSet::new();
    for (slot, policy) in policies {
        if told.insert((slot, &policy.entry)) {
            interpreter.announce(slot, policy);
        }
    }
}

const NO_PYTHON: &str = "is Python code, which this program cannot run";
const GET_PYTHON: &str =
    "Install the Python package galerna and run it there: `python -m galerna run SPEC`";

impl RunSpec {
    /// The policies of the spec that are written in Python.
    pub fn python(&self) -> Vec<(Slot, &PythonPolicy)> {
        let of_leases = self.leases.iter().flat_map(|leases| leases.policies.all());
        let PolicySpec { overload, fallback, underload, select, place, plan, .. } = &self.policy;
        let all = [
            (Slot::Overload, overload.python()),
            (Slot::Fallback, fallback.python()),
            (Slot::Underload, underload.python()),
            (Slot::Select, select.python()),
            (Slot::Place, place.python()),
            (Slot::Plan, plan.as_ref()),
        ];
        let of_load = all.into_iter().filter_map(|(slot, policy)| Some((slot, policy?)));
        of_leases.chain(of_load).collect()
    }

    /// Refuses a spec that names Python code where none can run; `name` is what problems call it.
    ///
    /// # Errors
    /// GLN-402 for each policy written in Python, unless an [`Interpreter`] is installed.
    pub fn check_runnable(&self, name: &str) -> Result<(), super::Error> {
        let problem = |(slot, policy): (Slot, &PythonPolicy)| {
            let place = format!("{name}, [{}] {}", slot.section(), slot.key());
            let what = format!("`{}` {NO_PYTHON}", policy.entry);
            Problem::new("GLN-402", place, what, GET_PYTHON)
        };
        let problems: Vec<Problem> = match installed() {
            Some(_) => Vec::new(),
            None => self.python().into_iter().map(problem).collect(),
        };
        if problems.is_empty() { Ok(()) } else { Err(super::Error { problems }) }
    }
}

/// The failure of a `policy` that was to be built where there is no Python.
pub(super) fn refusal(policy: &PythonPolicy) -> PolicyError {
    let why = format!("it {NO_PYTHON}. {GET_PYTHON}");
    PolicyError::new(policy.entry.clone(), why).with_code("GLN-402")
}

/// Whether `value` is a policy written in Python.
pub(super) fn is_python(value: &Value) -> bool {
    value.get("kind").and_then(Value::as_str) == Some(KIND)
}

/// Turns `{ kind = "module:Class" }` into `{ kind = "python", entry = "module:Class" }`: no
/// built-in kind has a colon.
pub(super) fn spell_out(table: &mut Table) {
    let Some(Value::String(kind)) = table.get("kind") else { return };
    if kind.contains(':') && !table.contains_key("entry") {
        table.insert("entry".into(), Value::String(kind.clone()));
        table.insert("kind".into(), Value::String(KIND.into()));
    }
}

/// What is wrong with a policy written in Python, as far as can be told without running any.
pub(super) fn problems(value: &Value, at: &str) -> Vec<Problem> {
    let Value::Table(given) = value else { return Vec::new() };
    let mut problems = Vec::new();
    for key in given.keys().filter(|&key| !["kind", "entry", "params"].contains(&key.as_str())) {
        let hint = suggestion(key, ["entry", "params"]);
        let what = format!("unknown key `{key}`{hint}");
        let remedy = "Known: entry, params; parameters of the policy go into params";
        problems.push(Problem::new("GLN-202", format!("{at}.{key}"), what, remedy));
    }
    let whole = |word: &str| !word.trim().is_empty();
    let found = match given.get("entry") {
        Some(Value::String(entry)) if entry.splitn(2, ':').all(whole) => None,
        Some(value) => Some(format!("found {value}")),
        None => Some("has no `entry`".into()),
    };
    if let Some(found) = found {
        let remedy = "Write entry = \"module:Class\", or the name of an entry point of the group \
                      galerna.policies";
        problems.push(Problem::new("GLN-203", format!("{at}.entry"), found, remedy));
    }
    if let Some(params) = given.get("params").filter(|params| !params.is_table()) {
        let what = format!("expected a table, found a {}", params.type_str());
        let remedy = "Write params = { name = value }";
        problems.push(Problem::new("GLN-203", format!("{at}.params"), what, remedy));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Choice, Override, parse};

    fn read(text: &str, changes: &[&str]) -> Result<RunSpec, String> {
        let changes = changes.iter().map(|c| Override::parse(c).expect("a change")).collect();
        parse(text, "x.toml", changes).map_err(|error| error.to_string())
    }

    #[test]
    fn an_entry_may_be_written_in_full_or_alone_and_survives_toml_and_json() {
        let text = "[policy]\noverload = { kind = \"python\", entry = \"m:C\", params = { a = 1 } \
                    }\nselect = \"m:S\"\nplan = \"m.n:f\"\n";
        let spec = read(text, &["policy.place=m:P", "policy.place.params.b=2"]).unwrap();
        let entries: Vec<(&str, &str)> =
            spec.python().iter().map(|(slot, policy)| (slot.key(), &*policy.entry)).collect();
        let expected =
            [("overload", "m:C"), ("select", "m:S"), ("place", "m:P"), ("plan", "m.n:f")];
        assert_eq!(entries, expected);
        assert_eq!(spec.policy.place.python().unwrap().params["b"], Value::Integer(2));
        assert_eq!(read(&spec.to_toml(), &[]).unwrap(), spec);
        let json = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<RunSpec>(&json).unwrap(), spec);
        assert_ne!(spec.blake3(), read("", &[]).unwrap().blake3());
    }

    #[test]
    fn every_fault_of_an_entry_is_told_with_its_place() {
        let text = "[policy]\noverload = { kind = \"python\", entry = \":C\", limit = 3 }\n\
                    select = { kind = \"python\" }\nplace = { kind = \"python\", entry = \"m:P\", \
                    params = 3 }\nplan = \"mmt\"\n";
        let error = read(text, &[]).unwrap_err();
        for expected in [
            "GLN-202 x.toml, [policy] overload.limit: unknown key `limit`",
            "GLN-203 x.toml, [policy] overload.entry: found \":C\"",
            "GLN-203 x.toml, [policy] select.entry: has no `entry`",
            "GLN-203 x.toml, [policy] place.params: expected a table, found a integer",
            "GLN-204 x.toml, [policy] plan: unknown policy `mmt`. Use python with an entry",
        ] {
            assert!(error.contains(expected), "{expected}\n{error}");
        }
        assert_eq!(error.lines().count(), 5, "{error}");
    }

    #[test]
    fn without_python_such_a_spec_is_refused_twice() {
        let spec = read("[policy]\nselect = \"m:S\"\n", &[]).unwrap();
        let refused = spec.check_runnable("x.toml").unwrap_err().to_string();
        assert!(refused.starts_with("GLN-402 x.toml, [policy] select: `m:S` is Python code"));
        let fleet = spec.fleet.build(1, 0);
        let error = crate::spec::policies(&spec, &fleet).err().expect("it is refused").to_string();
        assert!(error.starts_with("GLN-402 policy `m:S`: it is Python code"), "{error}");
        assert!(matches!(spec.policy.overload, Choice::BuiltIn(_)));
        assert!(read("", &[]).unwrap().check_runnable("x.toml").is_ok());
    }
}
