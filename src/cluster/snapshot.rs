//! A cluster in galerna's own format: hosts, VMs, where they are and which rules hold, in JSON.
//!
//! ```json
//! {"hosts": [{"name": "h0", "cpu": 5320, "ram_mb": 8192, "idle_w": 93.7, "peak_w": 135.0}],
//!  "vms": [{"name": "v0", "host": "h0", "cpu": 500, "ram_mb": 870, "movable": true}],
//!  "rules": [{"kind": "spread", "vms": ["v0", "v1"]}]}
//! ```
//!
//! `cpu` is in any one unit throughout, MIPS or cores: what hosts have and VMs use now. A host
//! draws nothing without VMs, else `idle_w` and in proportion to its use up to `peak_w`.
//!
//! | rule | fields | what must hold |
//! |---|---|---|
//! | spread | vms | no two on one host |
//! | gather | vms | all on one host |
//! | lonely | vms | their hosts hold no others |
//! | ban, fence | vms, hosts | never, only on these hosts |
//! | root | vms | stay where they are |
//! | quarantine | hosts | nothing comes or leaves |
//! | max-online | hosts, most | at most so many of them hold anything |
//! | running-capacity | hosts, most | together they hold at most so many VMs |

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::error::{Error, Findings};
use crate::reassign::Constraint;

/// A host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// What it has of CPU.
    pub cpu: f64,
    /// Its memory, MB.
    pub ram_mb: f64,
    /// Power with VMs that use nothing, W.
    #[serde(default)]
    pub idle_w: f64,
    /// Power at full use, W.
    #[serde(default)]
    pub peak_w: f64,
}

/// A VM.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vm {
    /// Its name.
    pub name: String,
    /// Name of its host.
    pub host: String,
    /// What it uses of CPU.
    pub cpu: f64,
    /// Its memory, MB.
    pub ram_mb: f64,
    /// Whether it may move.
    #[serde(default = "yes")]
    pub movable: bool,
}

fn yes() -> bool {
    true
}

/// A rule of the operator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Which one.
    pub kind: String,
    /// The VMs that it names.
    #[serde(default)]
    pub vms: Vec<String>,
    /// The hosts that it names.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Its limit.
    #[serde(default)]
    pub most: Option<i64>,
}

/// Hosts, VMs and rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// The hosts.
    pub hosts: Vec<Host>,
    /// The VMs.
    pub vms: Vec<Vm>,
    /// The rules.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// Host of each VM.
    #[serde(skip)]
    pub home: Vec<u32>,
    /// The rules by number of VM and host.
    #[serde(skip)]
    pub constraints: Vec<Constraint>,
}

/// Places of names.
type Places<'a> = HashMap<&'a str, u32>;

impl Snapshot {
    /// The snapshot of `text`; `source` is its name in messages.
    ///
    /// # Errors
    ///
    /// GLN-560 to GLN-564, all problems of the file together.
    ///
    /// ```
    /// use galerna::cluster::Snapshot;
    ///
    /// let text = br#"{"hosts": [{"name": "a", "cpu": 4, "ram_mb": 100}],
    ///                 "vms": [{"name": "v", "host": "b", "cpu": 1, "ram_mb": 10}]}"#;
    /// let error = Snapshot::parse(text, "mine.json").unwrap_err();
    /// assert!(error.to_string().contains("vm v"));
    /// ```
    pub fn parse(text: &[u8], source: &str) -> Result<Self, Error> {
        let mut findings = Findings::of(source);
        let mut snapshot: Self = match serde_json::from_slice(text) {
            Ok(snapshot) => snapshot,
            Err(cause) => return Err(findings.shape(&cause)),
        };
        snapshot.check_amounts(&mut findings);
        let hosts = places("host", snapshot.hosts.iter().map(|h| h.name.as_str()), &mut findings);
        let vms = places("vm", snapshot.vms.iter().map(|v| v.name.as_str()), &mut findings);
        let mut home = Vec::new();
        for vm in &snapshot.vms {
            match hosts.get(vm.host.as_str()) {
                Some(&host) => home.push(host),
                None => {
                    let what = format!("its host {} is not among the hosts", vm.host);
                    let field = format!("vm {}", vm.name);
                    findings.add("GLN-561", &field, what, "Name a host of the snapshot");
                }
            }
        }
        let rules = snapshot.rules.iter().enumerate();
        let mut constraints: Vec<Constraint> = rules
            .filter_map(|(at, rule)| constraint(rule, at, &vms, &hosts, &mut findings))
            .collect();
        let still = snapshot.vms.iter().enumerate().filter(|(_, vm)| !vm.movable);
        let still: Vec<u32> = still.map(|(at, _)| at as u32).collect();
        if !still.is_empty() {
            constraints.push(Constraint::Root { items: still });
        }
        if home.len() == snapshot.vms.len() {
            snapshot.check_memory(&home, &mut findings);
        }
        (snapshot.home, snapshot.constraints) = (home, constraints);
        findings.unless_any(snapshot)
    }

    fn check_amounts(&self, findings: &mut Findings<'_>) {
        for host in &self.hosts {
            let field = |name: &str| format!("host {} {name}", host.name);
            for (name, value) in [
                ("cpu", host.cpu),
                ("ram_mb", host.ram_mb),
                ("idle_w", host.idle_w),
                ("peak_w", host.peak_w),
            ] {
                findings.amount(&field(name), value);
            }
            if host.cpu == 0.0 {
                let what = "is 0, expected what the host has".to_owned();
                findings.add("GLN-562", &field("cpu"), what, "Write a number above 0");
            }
            if host.peak_w < host.idle_w {
                let what = format!("{} W is below idle_w, {} W", host.peak_w, host.idle_w);
                findings.add("GLN-562", &field("peak_w"), what, "Mend one of the two");
            }
        }
        for vm in &self.vms {
            findings.amount(&format!("vm {} cpu", vm.name), vm.cpu);
            findings.amount(&format!("vm {} ram_mb", vm.name), vm.ram_mb);
        }
    }

    fn check_memory(&self, home: &[u32], findings: &mut Findings<'_>) {
        let mut held = vec![0.0; self.hosts.len()];
        self.vms.iter().zip(home).for_each(|(vm, &host)| held[host as usize] += vm.ram_mb);
        for (host, held) in self.hosts.iter().zip(held) {
            if held > host.ram_mb + 1e-6 {
                let what = format!("its VMs have {held} MB, it has {} MB", host.ram_mb);
                let field = format!("host {} ram_mb", host.name);
                findings.add("GLN-563", &field, what, "Mend the memory of host or VMs");
            }
        }
    }

    /// CPU used on each host under `assignment`.
    pub fn used(&self, assignment: &[u32]) -> Vec<f64> {
        let mut used = vec![0.0; self.hosts.len()];
        self.vms.iter().zip(assignment).for_each(|(vm, &host)| used[host as usize] += vm.cpu);
        used
    }

    /// Power of all hosts under `assignment`, W, and how many are on.
    pub fn power(&self, assignment: &[u32]) -> (f64, usize) {
        let mut on = vec![false; self.hosts.len()];
        assignment.iter().for_each(|&host| on[host as usize] = true);
        let used = self.used(assignment);
        let draw = |((host, used), on): ((&Host, f64), &bool)| {
            let share = (used / host.cpu).min(1.0);
            if *on { host.idle_w + share * (host.peak_w - host.idle_w) } else { 0.0 }
        };
        let watts = self.hosts.iter().zip(used).zip(&on).map(draw).sum();
        (watts, on.iter().filter(|&&on| on).count())
    }
}

fn places<'a>(
    kind: &str,
    names: impl Iterator<Item = &'a str>,
    findings: &mut Findings<'_>,
) -> Places<'a> {
    let mut places = Places::new();
    for (at, name) in names.enumerate() {
        if places.insert(name, at as u32).is_some() {
            let what = format!("there are two {kind}s of this name");
            findings.add("GLN-561", &format!("{kind} {name}"), what, "Give each its own name");
        }
    }
    places
}

/// The kinds of rules, for messages.
const KINDS: &str = "spread, gather, lonely, ban, fence, root, quarantine, max-online, \
                     running-capacity";

fn constraint(
    rule: &Rule,
    at: usize,
    vms: &Places<'_>,
    hosts: &Places<'_>,
    findings: &mut Findings<'_>,
) -> Option<Constraint> {
    let field = format!("rule {at} ({})", rule.kind);
    let mut look = |kind: &str, names: &[String], places: &Places<'_>| {
        let mut found = Vec::new();
        for name in names {
            match places.get(name.as_str()) {
                Some(place) => found.push(*place),
                None => {
                    let what = format!("names the {kind} {name}, which is not there");
                    findings.add("GLN-561", &field, what, "Name only what the snapshot has");
                }
            }
        }
        found
    };
    let items = look("vm", &rule.vms, vms);
    let machines = look("host", &rule.hosts, hosts);
    let most = rule.most;
    if most.is_some_and(|most| most < 0) {
        findings.add("GLN-562", &field, "most is below 0".to_owned(), "Write a number from 0 up");
    }
    Some(match (rule.kind.as_str(), most) {
        ("spread", _) => Constraint::Spread { items },
        ("gather", _) => Constraint::Gather { items },
        ("lonely", _) => Constraint::Lonely { items },
        ("ban", _) => Constraint::Ban { items, machines },
        ("fence", _) => Constraint::Fence { items, machines },
        ("root", _) => Constraint::Root { items },
        ("quarantine", _) => Constraint::Quarantine { machines },
        ("max-online", Some(most)) => Constraint::MaxOnline { machines, most },
        ("running-capacity", Some(most)) => Constraint::RunningCapacity { machines, most },
        ("max-online" | "running-capacity", None) => {
            let what = "has no limit `most`".to_owned();
            findings.add("GLN-564", &field, what, "Write one, such as \"most\": 10");
            return None;
        }
        (other, _) => {
            let what = format!("there is no rule `{other}`; known are {KINDS}");
            findings.add("GLN-564", &field, what, "Use one of these");
            return None;
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"hosts": [
        {"name": "a", "cpu": 10, "ram_mb": 100, "idle_w": 50, "peak_w": 150},
        {"name": "b", "cpu": 10, "ram_mb": 100, "idle_w": 50, "peak_w": 150}],
        "vms": [{"name": "v", "host": "a", "cpu": 5, "ram_mb": 40},
                {"name": "w", "host": "b", "cpu": 1, "ram_mb": 40, "movable": false}],
        "rules": [{"kind": "spread", "vms": ["v", "w"]}]}"#;

    #[test]
    fn a_snapshot_is_read_and_its_power_is_that_of_the_hosts_with_vms() {
        let snapshot = Snapshot::parse(GOOD.as_bytes(), "good").unwrap();
        assert_eq!(snapshot.home, [0, 1]);
        assert_eq!(snapshot.constraints.len(), 2, "spread, and root for w");
        assert_eq!(snapshot.power(&[0, 1]), (100.0 + 60.0, 2));
        assert_eq!(snapshot.power(&[1, 1]), (110.0, 1));
    }

    #[test]
    fn all_problems_are_told_with_their_place() {
        for (from, to, code, place) in [
            ("\"host\": \"b\"", "\"host\": \"c\"", "GLN-561", "vm w"),
            ("\"name\": \"b\"", "\"name\": \"a\"", "GLN-561", "host a"),
            ("\"cpu\": 5", "\"cpu\": -5", "GLN-562", "vm v cpu"),
            ("\"ram_mb\": 40}", "\"ram_mb\": 101}", "GLN-563", "host a ram_mb"),
            ("\"spread\"", "\"spraed\"", "GLN-564", "rule 0"),
            ("[\"v\", \"w\"]", "[\"v\", \"x\"]", "GLN-561", "rule 0"),
            ("\"peak_w\": 150}]", "\"peak_w\": 15}]", "GLN-562", "host b peak_w"),
            ("\"vms\": [{", "\"vm\": [{", "GLN-560", "line"),
        ] {
            let text = GOOD.replacen(from, to, 1);
            assert_ne!(text, GOOD, "{from}");
            let problems = Snapshot::parse(text.as_bytes(), "bad").unwrap_err().problems;
            let told = problems
                .iter()
                .any(|p| p.code == code && p.place.starts_with(&format!("bad, {place}")));
            assert!(told, "{to}: {problems:?}");
        }
    }
}
