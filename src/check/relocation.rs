//! Where a plan of moves leaves a cluster of hosts and VMs: who is where, what it draws, which of
//! the rules it breaks.
//!
//! Reads snapshot and plan as JSON itself and makes every move afresh, without any of the code that
//! searches.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// What a plan comes to, and everything that is wrong with it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Judgement {
    /// Power of all hosts after the moves, W.
    pub power_w: f64,
    /// Hosts with VMs after the moves.
    pub hosts_on: usize,
    /// VMs that end elsewhere than they began.
    pub moved: usize,
    /// Their memory, MB.
    pub moved_mb: f64,
    /// Moves that cannot be made in their turn, and rules that do not hold in the end.
    pub breaches: Vec<String>,
}

struct Vms {
    home: BTreeMap<String, String>,
    size: BTreeMap<String, (f64, f64)>,
    still: BTreeSet<String>,
}

/// Makes the moves of the plan on the snapshot.
///
/// # Errors
///
/// The name of the text that is not what is expected.
pub fn judge(snapshot: &str, plan: &str) -> Result<Judgement, String> {
    let file: Value = serde_json::from_str(snapshot).map_err(|_| "the snapshot is no JSON")?;
    let plan: Value = serde_json::from_str(plan).map_err(|_| "the plan is no JSON")?;
    let mut vms = read(&file).ok_or("the snapshot is not as expected")?;
    let start = vms.home.clone();
    let mut judgement = Judgement::default();
    for one in plan["moves"].as_array().ok_or("the plan has no moves")? {
        if let Err(what) = make(one, &file, &mut vms) {
            judgement.breaches.push(what);
        }
    }
    for rule in file["rules"].as_array().into_iter().flatten() {
        if !holds(rule, &start, &vms.home) {
            judgement.breaches.push(format!("rule does not hold: {rule}"));
        }
    }
    for (vm, _) in vms.home.iter().filter(|(vm, home)| start.get(*vm) != Some(home)) {
        judgement.moved += 1;
        judgement.moved_mb += vms.size[vm].1;
    }
    power(&file, &vms, &mut judgement);
    Ok(judgement)
}

fn read(file: &Value) -> Option<Vms> {
    let mut vms = Vms { home: BTreeMap::new(), size: BTreeMap::new(), still: BTreeSet::new() };
    for vm in file["vms"].as_array()? {
        let name = vm["name"].as_str()?.to_owned();
        vms.home.insert(name.clone(), vm["host"].as_str()?.to_owned());
        vms.size.insert(name.clone(), (vm["cpu"].as_f64()?, vm["ram_mb"].as_f64()?));
        if vm["movable"] == Value::Bool(false) {
            vms.still.insert(name);
        }
    }
    Some(vms)
}

/// Memory of the VMs on `host`, MB, and their use of CPU.
fn held(vms: &Vms, host: &str) -> (f64, f64) {
    let there = vms.home.iter().filter(|(_, home)| *home == host);
    there.fold((0.0, 0.0), |sum, (vm, _)| (sum.0 + vms.size[vm].1, sum.1 + vms.size[vm].0))
}

fn make(one: &Value, file: &Value, vms: &mut Vms) -> Result<(), String> {
    let word = |field: &str| one[field].as_str().unwrap_or_default().to_owned();
    let (vm, from, to) = (word("vm"), word("from"), word("to"));
    if vms.home.get(&vm) != Some(&from) {
        return Err(format!("{vm} is not on {from}"));
    }
    if vms.still.contains(&vm) {
        return Err(format!("{vm} may not move"));
    }
    let hosts = file["hosts"].as_array().into_iter().flatten();
    let Some(host) = hosts.into_iter().find(|host| host["name"] == one["to"]) else {
        return Err(format!("there is no host {to}"));
    };
    let (ram, used) = held(vms, &to);
    let (cpu, mb) = vms.size[&vm];
    let has = |field: &str| host[field].as_f64().unwrap_or(0.0) + 1e-6;
    let waits = one["waits"] == Value::Bool(true);
    if !waits && ram + mb > has("ram_mb") {
        return Err(format!("{vm} needs {mb} MB on {to}, which holds {ram} MB"));
    }
    if !waits && used + cpu > has("cpu") {
        return Err(format!("{vm} needs {cpu} of CPU on {to}, where {used} is used"));
    }
    vms.home.insert(vm, to);
    Ok(())
}

fn holds(rule: &Value, start: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> bool {
    let names = |field: &str| -> BTreeSet<&str> {
        rule[field].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    };
    let (vms, hosts) = (names("vms"), names("hosts"));
    let on: Vec<&str> = vms.iter().filter_map(|vm| now.get(*vm)).map(String::as_str).collect();
    let places: BTreeSet<&str> = on.iter().copied().collect();
    let inside = |home: &String| hosts.contains(home.as_str());
    let most = rule["most"].as_u64().unwrap_or(u64::MAX);
    match rule["kind"].as_str().unwrap_or_default() {
        "spread" => places.len() == on.len(),
        "gather" => places.len() <= 1,
        "lonely" => now
            .iter()
            .all(|(vm, home)| vms.contains(vm.as_str()) || !places.contains(home.as_str())),
        "ban" => places.is_disjoint(&hosts),
        "fence" => places.is_subset(&hosts),
        "root" => vms.iter().all(|vm| start.get(*vm) == now.get(*vm)),
        "quarantine" => {
            now.iter().all(|(vm, home)| &start[vm] == home || !(inside(home) || inside(&start[vm])))
        }
        "max-online" => {
            let open: BTreeSet<&String> = now.values().filter(|home| inside(home)).collect();
            open.len() as u64 <= most
        }
        "running-capacity" => now.values().filter(|home| inside(home)).count() as u64 <= most,
        _ => false,
    }
}

fn power(file: &Value, vms: &Vms, judgement: &mut Judgement) {
    for host in file["hosts"].as_array().into_iter().flatten() {
        let name = host["name"].as_str().unwrap_or_default();
        let number = |field: &str| host[field].as_f64().unwrap_or(0.0);
        if vms.home.values().any(|home| home == name) {
            let share = (held(vms, name).1 / number("cpu")).min(1.0);
            judgement.hosts_on += 1;
            judgement.power_w += number("idle_w") * (1.0 - share) + number("peak_w") * share;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SNAPSHOT: &str = r#"{"hosts": [
        {"name": "a", "cpu": 10, "ram_mb": 100, "idle_w": 50, "peak_w": 150},
        {"name": "b", "cpu": 10, "ram_mb": 100, "idle_w": 50, "peak_w": 150}],
        "vms": [{"name": "v", "host": "a", "cpu": 5, "ram_mb": 40},
                {"name": "w", "host": "b", "cpu": 1, "ram_mb": 40}], "rules": []}"#;
    const PLAN: &str = r#"{"moves": [{"vm": "v", "from": "a", "to": "b"}]}"#;

    #[test]
    fn a_good_plan_draws_what_its_hosts_do() {
        let judged = judge(SNAPSHOT, PLAN).unwrap();
        assert!(judged.breaches.is_empty(), "{judged:?}");
        assert_eq!((judged.power_w, judged.hosts_on), (110.0, 1));
        assert_eq!((judged.moved, judged.moved_mb), (1, 40.0));
    }

    #[test]
    fn moves_without_room_and_broken_rules_are_told() {
        let full = SNAPSHOT.replace("\"ram_mb\": 40}", "\"ram_mb\": 61}");
        assert!(judge(&full, PLAN).unwrap().breaches[0].contains("needs 61 MB"));
        for rule in [
            r#"{"kind": "spread", "vms": ["v", "w"]}"#,
            r#"{"kind": "lonely", "vms": ["v"]}"#,
            r#"{"kind": "ban", "vms": ["v"], "hosts": ["b"]}"#,
            r#"{"kind": "fence", "vms": ["w", "v"], "hosts": ["a"]}"#,
            r#"{"kind": "root", "vms": ["v"]}"#,
            r#"{"kind": "quarantine", "hosts": ["b"]}"#,
            r#"{"kind": "max-online", "hosts": ["b"], "most": 0}"#,
            r#"{"kind": "running-capacity", "hosts": ["b"], "most": 1}"#,
        ] {
            let text = SNAPSHOT.replace("\"rules\": []", &format!("\"rules\": [{rule}]"));
            assert_eq!(judge(&text, PLAN).unwrap().breaches.len(), 1, "{rule}");
        }
        let gather = r#""rules": [{"kind": "gather", "vms": ["v", "w"]}]"#;
        let text = SNAPSHOT.replace("\"rules\": []", gather);
        assert!(judge(&text, PLAN).unwrap().breaches.is_empty());
        assert_eq!(judge(&text, r#"{"moves": []}"#).unwrap().breaches.len(), 1);
    }
}
