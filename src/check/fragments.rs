//! Can a plan that defragments NUMA nodes be made move by move, and what is left in fragments?
//!
//! Reads snapshot and plan as JSON itself and makes every move afresh, without any of the code that
//! searches.

use std::collections::BTreeMap;

use serde_json::Value;

/// What a plan comes to, and everything that keeps it from being made.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Judgement {
    /// Fragment rate before the moves.
    pub before: f64,
    /// Fragment rate after them.
    pub after: f64,
    /// How many moves there are.
    pub moves: usize,
    /// Moves that cannot be made when their turn comes, in words.
    pub breaches: Vec<String>,
}

/// Free cores and memory of a node, by cluster, host and number.
type Nodes = BTreeMap<(usize, String, u64), (f64, f64)>;

struct Guest {
    cluster: usize,
    host: String,
    /// Number of the node, cores and memory.
    parts: Vec<(u64, f64, f64)>,
    movable: bool,
}

/// Makes the moves of the plan on the snapshot.
///
/// # Errors
///
/// The name of the text that is not what is expected.
pub fn judge(snapshot: &str, plan: &str) -> Result<Judgement, String> {
    let (mut nodes, mut guests) = (Nodes::new(), BTreeMap::new());
    let mut closed = Vec::new();
    read(snapshot, &mut nodes, &mut guests, &mut closed)
        .ok_or("the snapshot is not as expected")?;
    let plan: Value = serde_json::from_str(plan).map_err(|_| "the plan is no JSON")?;
    let moves = plan.get("moves").and_then(Value::as_array).ok_or("the plan has no moves")?;
    let mut judgement = Judgement { before: rate(&nodes), ..Judgement::default() };
    for (at, one) in moves.iter().enumerate() {
        judgement.moves += 1;
        if let Err(what) = make(one, &mut nodes, &mut guests, &closed) {
            judgement.breaches.push(format!("move {at}: {what}"));
        }
    }
    judgement.after = rate(&nodes);
    Ok(judgement)
}

fn read(
    text: &str,
    nodes: &mut Nodes,
    guests: &mut BTreeMap<String, Guest>,
    closed: &mut Vec<String>,
) -> Option<()> {
    let file: Value = serde_json::from_str(text).ok()?;
    for (cluster, group) in file["cluster_list"].as_array()?.iter().enumerate() {
        for host in group["host_info"].as_array()? {
            let name = host["node_id"].as_str()?;
            if host["status"].as_str()? != "ACTIVE" {
                closed.push(name.to_owned());
            }
            for node in host["numa"].as_array()? {
                let free = (node["free_cpu"].as_f64()?, node["memory_huge_free_mb"].as_f64()?);
                nodes.insert((cluster, name.to_owned(), node["node"].as_u64()?), free);
            }
        }
        for vm in group["vm_instance"].as_array()? {
            let part = |part: &Value| {
                let node = part["node"].as_u64()?;
                Some((node, part["cpu"].as_f64()?, part["mem_mb"].as_f64()?))
            };
            let parts = vm["numa"].as_array()?.iter().map(part).collect::<Option<Vec<_>>>()?;
            let host = vm["host_id"].as_str()?.to_owned();
            let movable = vm["allow_migration"].as_bool()?;
            let guest = Guest { cluster, host, parts, movable };
            guests.insert(vm["instance_id"].as_str()?.to_owned(), guest);
        }
    }
    Some(())
}

/// Cores above whole blocks of 16, as a part of the free cores.
fn rate(nodes: &Nodes) -> f64 {
    let free: f64 = nodes.values().map(|(cores, _)| cores).sum();
    let fragments: f64 = nodes.values().map(|(cores, _)| cores % 16.0).sum();
    if free == 0.0 { 0.0 } else { fragments / free }
}

fn make(
    one: &Value,
    nodes: &mut Nodes,
    guests: &mut BTreeMap<String, Guest>,
    closed: &[String],
) -> Result<(), String> {
    let name = one["vm"].as_str().ok_or("names no VM")?;
    let guest = guests.get_mut(name).ok_or_else(|| format!("there is no VM {name}"))?;
    let place = |side: &str| -> Option<(String, Vec<u64>)> {
        let host = one[side]["host"].as_str()?.to_owned();
        let numbers = one[side]["nodes"].as_array()?.iter().map(Value::as_u64);
        Some((host, numbers.collect::<Option<Vec<_>>>()?))
    };
    let (from, from_nodes) = place("from").ok_or("says not where from")?;
    let (to, to_nodes) = place("to").ok_or("says not where to")?;
    let on: Vec<u64> = guest.parts.iter().map(|part| part.0).collect();
    if !guest.movable {
        return Err(format!("{name} may not migrate"));
    }
    if guest.host != from || on != from_nodes {
        return Err(format!("{name} is on {} {on:?}, not {from} {from_nodes:?}", guest.host));
    }
    if closed.contains(&to) {
        return Err(format!("{to} is not active"));
    }
    let mut distinct = to_nodes.clone();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() != guest.parts.len() || to_nodes.len() != guest.parts.len() {
        return Err(format!("{name} takes {} nodes, not {to_nodes:?}", guest.parts.len()));
    }
    for (part, number) in guest.parts.iter().zip(&to_nodes) {
        let free = nodes.get(&(guest.cluster, to.clone(), *number));
        let (cores, mb) = free.ok_or_else(|| format!("no {to} {number} in {name}'s cluster"))?;
        // A VM that changes nodes of its own host frees nothing before it is there.
        if *cores + 1e-9 < part.1 || *mb + 1e-6 < part.2 {
            return Err(format!("{name} needs {part:?}, {to} {number} has {cores} and {mb} MB"));
        }
    }
    for (part, number) in guest.parts.iter_mut().zip(to_nodes) {
        for (host, node, sign) in [(&from, part.0, 1.0), (&to, number, -1.0)] {
            let key = (guest.cluster, host.clone(), node);
            let free = nodes.get_mut(&key).ok_or_else(|| format!("no {host} {node}"))?;
            free.0 += sign * part.1;
            free.1 += sign * part.2;
        }
        part.0 = number;
    }
    guest.host = to;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SNAPSHOT: &str = r#"{"cluster_list": [{"host_info": [
        {"node_id": "a", "status": "ACTIVE",
         "numa": [{"node": 0, "free_cpu": 12, "memory_huge_free_mb": 10}]},
        {"node_id": "b", "status": "ACTIVE",
         "numa": [{"node": 0, "free_cpu": 4, "memory_huge_free_mb": 10}]}],
        "vm_instance": [{"instance_id": "v", "host_id": "a", "allow_migration": true,
         "numa": [{"node": 0, "cpu": 4, "mem_mb": 10}]}]}]}"#;
    const PLAN: &str = r#"{"moves": [{"vm": "v", "from": {"host": "a", "nodes": [0]},
        "to": {"host": "b", "nodes": [0]}}]}"#;

    #[test]
    fn a_good_plan_has_the_rate_that_it_leads_to() {
        let judged = judge(SNAPSHOT, PLAN).unwrap();
        assert_eq!((judged.before, judged.after, judged.moves), (1.0, 0.0, 1));
        assert!(judged.breaches.is_empty());
    }

    #[test]
    fn what_cannot_be_made_is_told() {
        for (snapshot, plan, what) in [
            (SNAPSHOT.replace("\"free_cpu\": 4", "\"free_cpu\": 3"), PLAN.to_owned(), "needs"),
            (SNAPSHOT.replace("free_mb\": 10}", "free_mb\": 9}"), PLAN.to_owned(), "needs"),
            (SNAPSHOT.replace("true", "false"), PLAN.to_owned(), "may not migrate"),
            (SNAPSHOT.to_owned(), PLAN.replace("\"vm\": \"v\"", "\"vm\": \"w\""), "no VM"),
            (SNAPSHOT.to_owned(), PLAN.replace("{\"host\": \"a\"", "{\"host\": \"b\""), "is on a"),
            (
                SNAPSHOT.to_owned(),
                PLAN.replace("\"b\", \"nodes\": [0]", "\"b\", \"nodes\": [0, 1]"),
                "takes 1",
            ),
            (
                SNAPSHOT.to_owned(),
                PLAN.replace("\"b\", \"nodes\": [0]", "\"c\", \"nodes\": [0]"),
                "no c 0",
            ),
        ] {
            let judged = judge(&snapshot, &plan).unwrap();
            assert!(judged.breaches.iter().any(|b| b.contains(what)), "{what}: {judged:?}");
        }
        assert!(judge("{}", PLAN).is_err());
    }
}
