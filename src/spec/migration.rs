//! `[migration]`: which model, on which network, by which practice.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::RunSpec;
use crate::check::{self, Sending};
use crate::id::{HostId, Id};
use crate::migrate::failure::Failures;
use crate::migrate::limits::Limits;
use crate::migrate::{Conduct, Features, PAGE, Practice, spec};
use crate::model::rules::MigrationRules;
use crate::policy::PolicyError;
use crate::problem::{Problem, listed};
use crate::topology::{self, NodeKind, Routes, Topology};

/// `[migration]`
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MigrationSection {
    /// The model by name, the hosts' cards, and what a VM loses meanwhile.
    #[serde(flatten)]
    pub rules: MigrationRules,
    /// Guests, hypervisor and machines.
    #[serde(flatten)]
    pub practice: Practice,
    /// The network: a topology file, or the table of its generator; without it each host has its
    /// card and nothing else is narrow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topology: Option<toml::Value>,
}

impl MigrationSection {
    /// Keys that are left out of a resolved spec where they say nothing.
    pub(super) const OPTIONAL: [&str; 2] = ["give-up-s", "topology"];

    /// How migrations are carried out on `hosts` hosts.
    ///
    /// # Errors
    /// Every problem with it; `place` words the file and field.
    pub fn conduct(
        &self,
        hosts: usize,
        place: &dyn Fn(&str) -> String,
    ) -> Result<Conduct, Vec<Problem>> {
        let mut problems = self.practice_problems(place);
        let mut keep = |key: &str, problem: Problem| {
            let place = place(&format!("[migration] {key}"));
            problems.push(Problem { code: "GLN-204", place, ..problem });
        };
        let model = spec::named(&self.rules.model).map_err(|problem| keep("model", problem)).ok();
        let limits =
            Limits::preset(&self.practice.limits).map_err(|problem| keep("limits", problem)).ok();
        let topology = match self.network(hosts, &place("[migration] topology")) {
            Ok(topology) => topology.map(Arc::new),
            Err(found) => {
                problems.extend(found);
                None
            }
        };
        match (model, limits) {
            (Some(model), Some(limits)) if problems.is_empty() => {
                Ok(Conduct::new(Arc::from(model), self.practice.clone(), limits, topology))
            }
            _ => Err(problems),
        }
    }

    fn practice_problems(&self, place: &dyn Fn(&str) -> String) -> Vec<Problem> {
        let practice = &self.practice;
        let mut problems = practice.dirty.problems(&place("[migration] dirty"));
        problems.extend(practice.features.problems(&place("[migration] features")));
        problems.extend(practice.constants.problems(&place("[migration] constants")));
        problems
    }

    /// Switches and cables of its topology, where it has one that can be read.
    pub(super) fn parts(&self, hosts: usize) -> (usize, usize) {
        let topology = self.network(hosts, "").ok().flatten();
        topology.map_or((0, 0), |topology| (topology.switches(), topology.cables()))
    }

    /// The network on which `hosts` hosts migrate their VMs.
    fn network(&self, hosts: usize, place: &str) -> Result<Option<Topology>, Vec<Problem>> {
        let topology = match &self.topology {
            None => return Ok(None),
            Some(toml::Value::String(path)) => topology::read(Path::new(path)),
            Some(table) => {
                let file = toml::Table::from_iter([("generate".to_owned(), table.clone())]);
                topology::parse(&file.to_string(), place)
            }
        };
        let topology = topology.map_err(|error| error.problems)?;
        if topology.hosts() < hosts {
            let what = format!("it has {} hosts, the fleet {hosts}", topology.hosts());
            let remedy = "Let the topology have at least as many hosts as [fleet]";
            return Err(vec![Problem::new("GLN-305", place, what, remedy)]);
        }
        let mut routes = Routes::new(&topology);
        let apart =
            (0..hosts).map(HostId::from_index).find(|&host| routes.path(host, HostId(0)).is_none());
        if let Some(host) = apart {
            let what = format!("there is no path between {} and {host}", HostId(0));
            let remedy = "Connect all hosts with cables";
            return Err(vec![Problem::new("GLN-305", place, what, remedy)]);
        }
        Ok(Some(topology))
    }
}

impl RunSpec {
    /// What a check has to know to verify how long each stage of a migration sends; `None` where it
    /// follows from more than the cards of the hosts.
    pub fn sending(&self) -> Option<Sending> {
        let section = &self.migration;
        let Practice { limits, features, constants, used, .. } = &section.practice;
        let unlimited = Limits::preset(limits).is_ok_and(|limits| limits.rate.is_none());
        let near = section.topology.is_none() && self.sites.is_none();
        let plain = unlimited && *features == Features::default() && near;
        (section.rules.model == "pre-copy" && plain).then(|| Sending {
            efficiency: constants.link_efficiency,
            pause_s_per_byte: (1.0 - used) * constants.zero_page_s / PAGE,
            least_s: constants.min_round_s,
        })
    }

    /// What a check has to know of the network, where switches or cables fail.
    pub fn network(&self) -> Option<check::Network> {
        self.outages.as_ref().filter(|outages| outages.hits_network())?;
        let hosts = self.fleet.count();
        let topology = self.migration.network(hosts, "").ok().flatten()?;
        let mut network = check::Network::default();
        for (number, node) in topology.nodes().enumerate() {
            network.nodes.push(node.name.clone());
            match node.kind {
                NodeKind::Switch => network.switches.push(number),
                NodeKind::Host(host) if host.index() < hosts => network.hosts.push(number),
                NodeKind::Host(_) => {}
            }
        }
        network.cables = (0..topology.cables()).map(|cable| topology.cable_ends(cable)).collect();
        Some(network)
    }

    /// Why a check that knows cards and whole copies only cannot tell how long migrations take.
    pub fn unknown_durations(&self) -> Option<String> {
        let section = &self.migration;
        let Practice { limits, give_up_s, .. } = &section.practice;
        match section.rules.model.as_str() {
            "ram-over-bandwidth" if section.topology.is_some() => {
                Some("the network is a topology of its own".into())
            }
            "ram-over-bandwidth" if self.sites.is_some() => {
                Some("migrations pass links between sites".into())
            }
            "ram-over-bandwidth" if limits != "unlimited" || give_up_s.is_some() => {
                Some("migrations wait, are slowed or given up".into())
            }
            "ram-over-bandwidth" if self.failures != Failures::default() => {
                Some("migrations may fail".into())
            }
            "ram-over-bandwidth" if self.rules().provision.is_some() => {
                Some("images are sent over the same network".into())
            }
            "ram-over-bandwidth" if self.outages.is_some() => Some("hosts may fail".into()),
            "ram-over-bandwidth" => None,
            model => Some(format!("the model is `{model}`")),
        }
    }
}

/// How migrations of `spec` are carried out on `hosts` hosts.
pub(super) fn conduct(spec: &RunSpec, hosts: usize) -> Result<Conduct, PolicyError> {
    let conduct = spec.migration.conduct(hosts, &str::to_owned).map_err(|problems| {
        PolicyError::new(spec.migration.rules.model.as_str(), listed(&problems))
            .with_code("GLN-204")
    })?;
    Ok(Conduct { failures: spec.failures.clone(), seed: spec.run.seed, ..conduct })
}
