//! The snapshots of ByteDance's production clusters, in JSON.
//!
//! ```text
//! cluster_list[]: cluster_name
//!   host_info[]: node_id, status, numa[]: node, total_cpu, free_cpu, memory_huge_free_mb
//!   vm_instance[]: instance_id, host_id, allow_migration, numa[]: node, cpu, mem_mb
//!   other_requirement: deployment_set[]
//! ```
//!
//! Other fields are passed over. VMs move only inside their cluster. What is free is what the file
//! says, not what the VMs leave: hosts keep memory for themselves. Hosts whose status is not ACTIVE
//! receive nothing. Deployment sets would forbid some moves; none has been published, and a file
//! with one is refused rather than read wrongly.
//!
//! Source: bytedance/DRL-based-VM-Rescheduling (reset_vm_pm_id_clear2.json).

use std::collections::HashMap;

use serde::Deserialize;

use super::error::{Error, Findings};
use super::numa::{Cluster, Host, Node, Part, Vm};

#[derive(Deserialize)]
struct File {
    cluster_list: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    cluster_name: String,
    host_info: Vec<HostInfo>,
    vm_instance: Vec<Instance>,
    #[serde(default)]
    other_requirement: Requirement,
}

#[derive(Deserialize, Default)]
struct Requirement {
    #[serde(default)]
    deployment_set: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct HostInfo {
    node_id: String,
    status: String,
    numa: Vec<NodeInfo>,
}

#[derive(Deserialize)]
struct NodeInfo {
    node: u32,
    total_cpu: f64,
    free_cpu: f64,
    memory_huge_free_mb: f64,
}

#[derive(Deserialize)]
struct Instance {
    instance_id: String,
    host_id: String,
    numa: Vec<Share>,
    allow_migration: bool,
}

#[derive(Deserialize)]
struct Share {
    node: u32,
    cpu: f64,
    mem_mb: f64,
}

/// Whether `text` looks like such a snapshot: JSON with a list of clusters.
pub fn is_one(text: &[u8]) -> bool {
    text.windows(14).take(4096).any(|word| word == b"\"cluster_list\"")
}

/// The clusters of `text`; `source` is its name in messages.
///
/// # Errors
///
/// GLN-560 to GLN-564, all problems of the file together.
pub fn parse(text: &[u8], source: &str) -> Result<Vec<Cluster>, Error> {
    let mut findings = Findings::of(source);
    let file: File = match serde_json::from_slice(text) {
        Ok(file) => file,
        Err(cause) => return Err(findings.shape(&cause)),
    };
    let mut names = Names::default();
    let clusters = file.cluster_list.into_iter().map(|g| cluster(g, &mut names, &mut findings));
    let clusters = clusters.collect();
    findings.unless_any(clusters)
}

/// Names of hosts and VMs that were seen.
#[derive(Default)]
struct Names(HashMap<String, ()>);

impl Names {
    fn enter(&mut self, kind: &str, name: &str, findings: &mut Findings<'_>) {
        if self.0.insert(format!("{kind} {name}"), ()).is_some() {
            let what = format!("there are two {kind}s of this name");
            findings.add("GLN-561", &format!("{kind} {name}"), what, "Give each its own name");
        }
    }
}

fn cluster(group: Group, names: &mut Names, findings: &mut Findings<'_>) -> Cluster {
    let name = group.cluster_name;
    if !group.other_requirement.deployment_set.is_empty() {
        let what = "there are deployment sets, whose rules are not known".to_owned();
        let remedy = "Remove them, or let VMs that they name not migrate";
        findings.add("GLN-564", &format!("cluster {name}"), what, remedy);
    }
    let hosts: Vec<Host> = group.host_info.into_iter().map(|h| host(h, names, findings)).collect();
    let places: HashMap<String, usize> =
        hosts.iter().enumerate().map(|(at, host)| (host.name.clone(), at)).collect();
    let instances = group.vm_instance.into_iter();
    let vms: Vec<Vm> = instances.filter_map(|i| vm(i, &hosts, &places, names, findings)).collect();
    check_cores(&hosts, &vms, findings);
    Cluster { name, hosts, vms }
}

fn host(info: HostInfo, names: &mut Names, findings: &mut Findings<'_>) -> Host {
    names.enter("host", &info.node_id, findings);
    let mut numbers: Vec<u32> = Vec::new();
    let mut nodes = Vec::new();
    for node in info.numa {
        let field = format!("host {} node {}", info.node_id, node.node);
        if numbers.contains(&node.node) {
            findings.add("GLN-561", &field, "is there twice".to_owned(), "Number each once");
        }
        for (name, value) in [
            ("total_cpu", node.total_cpu),
            ("free_cpu", node.free_cpu),
            ("memory_huge_free_mb", node.memory_huge_free_mb),
        ] {
            findings.amount(&format!("{field} {name}"), value);
        }
        numbers.push(node.node);
        let (cores, free_cores) = (node.total_cpu, node.free_cpu);
        nodes.push(Node { cores, free_cores, free_mb: node.memory_huge_free_mb });
    }
    Host { name: info.node_id, receives: info.status == "ACTIVE", nodes, numbers }
}

fn vm(
    instance: Instance,
    hosts: &[Host],
    places: &HashMap<String, usize>,
    names: &mut Names,
    findings: &mut Findings<'_>,
) -> Option<Vm> {
    let field = format!("vm {}", instance.instance_id);
    names.enter("vm", &instance.instance_id, findings);
    let Some(&host) = places.get(&instance.host_id) else {
        let what = format!("its host {} is not in its cluster", instance.host_id);
        findings.add("GLN-561", &field, what, "Name a host of the cluster");
        return None;
    };
    let mut parts: Vec<Part> = Vec::new();
    for share in instance.numa {
        let at = hosts[host].numbers.iter().position(|&number| number == share.node);
        let fresh = at.filter(|&node| parts.iter().all(|part| part.node != node));
        let Some(node) = fresh else {
            let what = format!("node {} is not on its host, or named twice", share.node);
            findings.add("GLN-561", &field, what, "Name each node of the host at most once");
            continue;
        };
        findings.amount(&format!("{field} cpu"), share.cpu);
        findings.amount(&format!("{field} mem_mb"), share.mem_mb);
        parts.push(Part { node, cores: share.cpu, mb: share.mem_mb });
    }
    Some(Vm { name: instance.instance_id, host, parts, movable: instance.allow_migration })
}

/// VMs of a node and what is free of it must fit in it.
fn check_cores(hosts: &[Host], vms: &[Vm], findings: &mut Findings<'_>) {
    let mut taken: Vec<Vec<f64>> = hosts.iter().map(|host| vec![0.0; host.nodes.len()]).collect();
    for vm in vms {
        vm.parts.iter().for_each(|part| taken[vm.host][part.node] += part.cores);
    }
    for (host, taken) in hosts.iter().zip(&taken) {
        for ((node, number), taken) in host.nodes.iter().zip(&host.numbers).zip(taken) {
            if taken + node.free_cores > node.cores + 1e-6 {
                let (free, has) = (node.free_cores, node.cores);
                let what = format!("VMs take {taken} cores and {free} are free, of {has}");
                let field = format!("host {} node {number}", host.name);
                findings.add("GLN-563", &field, what, "Mend free_cpu, or the VMs of the host");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"cluster_list": [{"cluster_name": "c", "host_info": [
        {"node_id": "a", "status": "ACTIVE", "numa": [
            {"node": 0, "total_cpu": 44, "free_cpu": 36.0, "memory_huge_free_mb": 100.0}]}],
        "vm_instance": [{"instance_id": "v", "host_id": "a", "allow_migration": true,
            "numa": [{"node": 0, "cpu": 8, "mem_mb": 50.0}]}]}]}"#;

    #[test]
    fn a_snapshot_is_read() {
        assert!(is_one(GOOD.as_bytes()));
        let clusters = parse(GOOD.as_bytes(), "good").unwrap();
        assert_eq!(clusters[0].hosts[0].nodes[0].free_cores, 36.0);
        assert_eq!(clusters[0].vms[0].parts, [Part { node: 0, cores: 8.0, mb: 50.0 }]);
    }

    #[test]
    fn all_problems_are_told_with_their_place() {
        for (from, to, code, place) in [
            ("\"host_id\": \"a\"", "\"host_id\": \"b\"", "GLN-561", "vm v"),
            ("\"free_cpu\": 36.0", "\"free_cpu\": 37", "GLN-563", "host a node 0"),
            ("\"mem_mb\": 50.0", "\"mem_mb\": -1", "GLN-562", "vm v mem_mb"),
            ("\"node\": 0, \"cpu\"", "\"node\": 3, \"cpu\"", "GLN-561", "vm v"),
            ("\"vm_instance\"", "\"vms\"", "GLN-560", "line"),
            (
                "\"vm_instance\"",
                "\"other_requirement\": {\"deployment_set\": [1]}, \"vm_instance\"",
                "GLN-564",
                "cluster c",
            ),
        ] {
            let text = GOOD.replace(from, to);
            assert_ne!(text, GOOD);
            let problems = parse(text.as_bytes(), "bad.json").unwrap_err().problems;
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert_eq!(problems[0].code, code);
            assert!(problems[0].place.starts_with(&format!("bad.json, {place}")), "{problems:?}");
        }
        let text = GOOD.replace("36.0", "-1").replace("50.0", "-2");
        assert_eq!(parse(text.as_bytes(), "x").unwrap_err().problems.len(), 2);
    }
}
