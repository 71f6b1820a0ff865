//! Policies of leases that are written in Python.
//!
//! ```toml
//! [leases.policies]
//! preemption = "mine:Gentle"
//! host-selection = { kind = "python", entry = "mine:Packed", params = { most = 4 } }
//! ```

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::RunSpec;
use super::leases::LeaseSpec;
use super::python::{self, Interpreter, PythonPolicy, Slot};
use crate::lease::{LeasePolicies, LowestRate, ShiftBy};
use crate::model::costs::Rate;
use crate::policy::PolicyError;
use crate::problem::{Problem, suggestion};

/// `[leases.policies]`: each stands in place of the built-in policy of that name.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct LeaseCode {
    /// Which requests are accepted at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admission: Option<PythonPolicy>,
    /// Who may displace whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preemption: Option<PythonPolicy>,
    /// Which hosts are taken first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_selection: Option<PythonPolicy>,
    /// Which VM goes to which host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mapping: Option<PythonPolicy>,
    /// What leases cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pricing: Option<PythonPolicy>,
    /// From when on leases that can wait may begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shifting: Option<PythonPolicy>,
}

impl LeaseCode {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all().is_empty()
    }

    /// Every policy that is given, with its question.
    pub fn all(&self) -> Vec<(Slot, &PythonPolicy)> {
        let Self { admission, preemption, host_selection, mapping, pricing, shifting } = self;
        let all = [admission, preemption, host_selection, mapping, pricing, shifting];
        let slots = Slot::LEASES.into_iter().zip(all);
        slots.filter_map(|(slot, policy)| Some((slot, policy.as_ref()?))).collect()
    }
}

/// Spells out the policies of `[leases]`, and says what is wrong with them.
pub(super) fn spell_out(leases: &mut Table, at: &str, problems: &mut Vec<Problem>) {
    let Some(Value::Table(given)) = leases.get_mut("policies") else { return };
    let known = Slot::LEASES.map(Slot::key);
    let mut wrong = Vec::new();
    for (key, value) in given.iter_mut() {
        let place = format!("{at} policies.{key}");
        if !known.contains(&key.as_str()) {
            let what = format!("unknown key `{key}`{}", suggestion(key, known));
            problems.push(Problem::new(
                "GLN-202",
                place,
                what,
                format!("Known: {}", known.join(", ")),
            ));
            wrong.push(key.clone());
            continue;
        }
        if let Value::String(entry) = value {
            let kind = Table::from_iter([("kind".to_owned(), Value::String(entry.clone()))]);
            *value = Value::Table(kind);
        }
        if let Value::Table(table) = value {
            python::spell_out(table);
        }
        let found = match python::is_python(value) {
            true => python::problems(value, &place),
            false => {
                let remedy = format!("Write \"module:Class\"; built-in ones go into leases.{key}");
                vec![Problem::new("GLN-204", place, "is no Python policy", remedy)]
            }
        };
        if !found.is_empty() {
            wrong.push(key.clone());
        }
        problems.extend(found);
    }
    wrong.iter().for_each(|key| drop(given.remove(key)));
}

/// Fresh policies for one run of the `leases` of `spec`; those written in Python are built by
/// `interpreter`.
///
/// # Errors
/// GLN-402 when a policy is written in Python and there is no interpreter, else its own.
pub fn lease_policies(
    spec: &RunSpec,
    leases: &LeaseSpec,
    interpreter: Option<&dyn Interpreter>,
) -> Result<LeasePolicies, PolicyError> {
    let seed = spec.run.seed;
    let mut policies = LeasePolicies::new(&leases.rules);
    if let (Some(shifting), Some(costs)) = (&leases.shifting, &spec.costs) {
        let rate = match shifting.by {
            ShiftBy::Carbon => costs.carbon_intensity.clone(),
            ShiftBy::Price => costs.energy_price.clone(),
        };
        policies.shifting = Some(Box::new(LowestRate::new(rate, shifting.at_most)));
    }
    for (slot, policy) in leases.policies.all() {
        let interpreter = interpreter.ok_or_else(|| python::refusal(policy))?;
        interpreter.lease_policy(slot, policy, seed, &mut policies)?;
    }
    Ok(policies)
}

impl RunSpec {
    /// What is wrong with how leases are shifted: there must be a series to shift them by.
    pub(super) fn shifting_problems(&self, place: &dyn Fn(&str) -> String) -> Vec<Problem> {
        let shifting = self.leases.as_ref().and_then(|leases| leases.shifting.as_ref());
        let Some(shifting) = shifting else { return Vec::new() };
        let (key, rate) = match shifting.by {
            ShiftBy::Carbon => {
                ("carbon-intensity", self.costs.as_ref().map(|c| &c.carbon_intensity))
            }
            ShiftBy::Price => ("energy-price", self.costs.as_ref().map(|c| &c.energy_price)),
        };
        if matches!(rate, Some(Rate::Series(_))) {
            return Vec::new();
        }
        let what = format!("[costs] {key} is no series, so that no time is better than another");
        let remedy = format!("Write e.g. {key} = {{ file = \"a.csv\" }} under [costs]");
        vec![Problem::new("GLN-206", place("[leases] shifting"), what, remedy)]
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Override, parse};
    use super::*;

    #[test]
    fn policies_of_leases_are_read_told_apart_and_refused_without_python() {
        let text = "[leases.policies]\nadmission = \"m:A\"\nhost-selection = { kind = \"python\", \
                    entry = \"m:H\", params = { most = 4 } }\n";
        let change = Override::parse("leases.policies.pricing=m:P").unwrap();
        let spec = parse(text, "x.toml", vec![change]).unwrap();
        let slots: Vec<Slot> = spec.python().into_iter().map(|(slot, _)| slot).collect();
        assert_eq!(slots, [Slot::Admission, Slot::HostSelection, Slot::Pricing]);
        assert_eq!(parse(&spec.to_toml(), "again", Vec::new()).unwrap(), spec);
        let refused = spec.check_runnable("x.toml").unwrap_err().to_string();
        assert!(
            refused.contains("GLN-402 x.toml, [leases.policies] admission: `m:A`"),
            "{refused}"
        );
        let leases = spec.leases.as_ref().unwrap();
        let error = lease_policies(&spec, leases, None).err().expect("there is no Python");
        assert_eq!(error.code, "GLN-402");
    }

    #[test]
    fn what_is_no_python_policy_is_refused_with_its_place() {
        let text = "[leases.policies]\nadmission = \"accept-all\"\npricin = \"m:P\"\n";
        let error = parse(text, "x.toml", Vec::new()).unwrap_err().to_string();
        assert!(error.contains("GLN-204 x.toml, [leases] policies.admission"), "{error}");
        assert!(error.contains("did you mean `pricing`?"), "{error}");
        assert_eq!(error.lines().count(), 2, "{error}");
    }
}
