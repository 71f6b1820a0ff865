//! Topologies from TOML files.
//!
//! ```toml
//! [[switch]]
//! name = "tor"
//!
//! [[host]]
//! name = "a"                  # rack, zone and site may be given as well
//! rack = "r0"
//!
//! [[cable]]
//! between = ["a", "tor"]
//! mbit_s = 10_000             # each way; `back_mbit_s` where the second direction differs
//! latency_us = 5              # default 0
//! loss = 0.0                  # fraction of packets, default 0
//! ```
//!
//! Instead of nodes and cables a file may name a generator with its sizes:
//!
//! ```toml
//! [generate]
//! kind = "fat-tree"           # star, two-tier, fat-tree, wan
//! k = 16
//! mbit_s = 10_000
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::{Cable, Link, Place, Topology, generate};
use crate::problem::{Problem, listed, suggestion};
use crate::time::Span;
use crate::units::BytesPerSecond;

/// Why there is no topology: every problem of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", listed(.problems))]
pub struct TopologyError {
    /// At least one.
    pub problems: Vec<Problem>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    generate: Option<Generator>,
    #[serde(default, rename = "switch")]
    switches: Vec<NodeRow>,
    #[serde(default, rename = "host")]
    hosts: Vec<NodeRow>,
    #[serde(default, rename = "cable")]
    cables: Vec<CableRow>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
enum Generator {
    Star {
        hosts: usize,
        mbit_s: f64,
        #[serde(default)]
        latency_us: i64,
    },
    TwoTier {
        racks: usize,
        hosts: usize,
        mbit_s: f64,
        uplink_mbit_s: f64,
    },
    FatTree {
        k: usize,
        mbit_s: f64,
        #[serde(default)]
        latency_us: i64,
    },
    Wan {
        sites: usize,
        racks: usize,
        hosts: usize,
        mbit_s: f64,
        uplink_mbit_s: f64,
        wan_mbit_s: f64,
        wan_latency_us: i64,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NodeRow {
    name: String,
    rack: Option<String>,
    zone: Option<String>,
    site: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CableRow {
    between: [String; 2],
    mbit_s: f64,
    back_mbit_s: Option<f64>,
    #[serde(default)]
    latency_us: i64,
    #[serde(default)]
    loss: f64,
}

/// Reads the topology file at `path`.
///
/// # Errors
///
/// GLN-301 where the file cannot be read, else what [`parse`] says.
pub fn read(path: &Path) -> Result<Topology, TopologyError> {
    let place = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|cause| {
        let remedy = "Check path and permissions";
        TopologyError { problems: vec![Problem::new("GLN-301", &place, cause.to_string(), remedy)] }
    })?;
    parse(&text, &place)
}

/// The topology that `text` describes; problems name `place`.
///
/// # Errors
///
/// GLN-302 for TOML that is not a topology, GLN-303 for a value out of range, GLN-304 for a name
/// that is unknown or there twice.
pub fn parse(text: &str, place: &str) -> Result<Topology, TopologyError> {
    let file: File = toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(0, |span| text[..span.start].matches('\n').count()) + 1;
        let what = error.message().to_owned();
        let remedy = "Write [[switch]], [[host]] and [[cable]] tables, or one [generate]";
        let place = format!("{place}:{line}");
        TopologyError { problems: vec![Problem::new("GLN-302", place, what, remedy)] }
    })?;
    let mut problems = Vec::new();
    let topology = match &file.generate {
        Some(generator) => generated(generator, &file, place, &mut problems),
        None => built(&file, place, &mut problems),
    };
    if problems.is_empty() { Ok(topology) } else { Err(TopologyError { problems }) }
}

fn out_of_range(place: String, found: f64, expected: &str) -> Problem {
    let what = format!("found {found}, expected {expected}");
    Problem::new("GLN-303", place, what, "Write a value in that range")
}

fn check_rate(place: &str, field: &str, mbit_s: f64, problems: &mut Vec<Problem>) {
    if !(mbit_s > 0.0 && mbit_s.is_finite()) {
        problems.push(out_of_range(format!("{place}, {field}"), mbit_s, "above 0 and finite"));
    }
}

/// Nodes that a generator may make; more are certainly a slip.
const MOST_HOSTS: usize = 1 << 20;

fn generated(made: &Generator, file: &File, place: &str, problems: &mut Vec<Problem>) -> Topology {
    let place = format!("{place}, [generate]");
    if !(file.switches.is_empty() && file.hosts.is_empty() && file.cables.is_empty()) {
        let what = "a generator stands beside hosts, switches or cables";
        problems.push(Problem::new("GLN-303", &place, what, "Keep one of the two"));
    }
    let (hosts, rates): (usize, Vec<(&str, f64)>) = match *made {
        Generator::Star { hosts, mbit_s, .. } => (hosts, vec![("mbit_s", mbit_s)]),
        Generator::TwoTier { racks, hosts, mbit_s, uplink_mbit_s } => (
            racks.saturating_mul(hosts),
            vec![("mbit_s", mbit_s), ("uplink_mbit_s", uplink_mbit_s)],
        ),
        Generator::FatTree { k, mbit_s, .. } => {
            if k % 2 == 1 {
                let field = format!("{place} k");
                problems.push(out_of_range(field, k as f64, "an even number of ports"));
            }
            (k.saturating_mul(k).saturating_mul(k) / 4, vec![("mbit_s", mbit_s)])
        }
        Generator::Wan { sites, racks, hosts, mbit_s, uplink_mbit_s, wan_mbit_s, .. } => (
            sites.saturating_mul(racks).saturating_mul(hosts),
            vec![("mbit_s", mbit_s), ("uplink_mbit_s", uplink_mbit_s), ("wan_mbit_s", wan_mbit_s)],
        ),
    };
    rates.iter().for_each(|&(field, rate)| check_rate(&place, field, rate, problems));
    if hosts == 0 || hosts > MOST_HOSTS {
        let expected = format!("1 to {MOST_HOSTS} hosts in all");
        problems.push(out_of_range(place, hosts as f64, &expected));
    }
    if problems.is_empty() { make(made) } else { Topology::default() }
}

fn make(generator: &Generator) -> Topology {
    match *generator {
        Generator::Star { hosts, mbit_s, latency_us } => {
            generate::star(hosts, Cable::mbit(mbit_s, latency_us))
        }
        Generator::TwoTier { racks, hosts, mbit_s, uplink_mbit_s } => {
            generate::two_tier(racks, hosts, Cable::mbit(mbit_s, 0), Cable::mbit(uplink_mbit_s, 0))
        }
        Generator::FatTree { k, mbit_s, latency_us } => {
            generate::fat_tree(k, Cable::mbit(mbit_s, latency_us))
        }
        Generator::Wan {
            sites,
            racks,
            hosts,
            mbit_s,
            uplink_mbit_s,
            wan_mbit_s,
            wan_latency_us,
        } => {
            let lan = (Cable::mbit(mbit_s, 0), Cable::mbit(uplink_mbit_s, 0));
            let wide = Cable::mbit(wan_mbit_s, wan_latency_us);
            generate::wan(sites, (racks, hosts), (lan.0, lan.1, wide))
        }
    }
}

fn built(file: &File, place: &str, problems: &mut Vec<Problem>) -> Topology {
    let mut topology = Topology::default();
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    let switches = file.switches.iter().map(|row| (row, false));
    for (row, is_host) in switches.chain(file.hosts.iter().map(|row| (row, true))) {
        let stands =
            Place { rack: row.rack.clone(), zone: row.zone.clone(), site: row.site.clone() };
        let node = if is_host {
            topology.add_host(&row.name, stands)
        } else {
            topology.add_switch(&row.name, stands)
        };
        if names.insert(&row.name, node).is_some() {
            let what = format!("the name `{}` is there twice", row.name);
            problems.push(Problem::new("GLN-304", place, what, "Rename one of the two"));
        }
    }
    if file.hosts.is_empty() {
        let what = "there is no host";
        problems.push(Problem::new("GLN-303", place, what, "Add a [[host]] or a [generate]"));
    }
    for (number, row) in file.cables.iter().enumerate() {
        add_cable(
            &mut topology,
            &names,
            row,
            &format!("{place}, [[cable]] {}", number + 1),
            problems,
        );
    }
    topology
}

fn add_cable(
    topology: &mut Topology,
    names: &BTreeMap<&str, usize>,
    row: &CableRow,
    place: &str,
    problems: &mut Vec<Problem>,
) {
    check_rate(place, "mbit_s", row.mbit_s, problems);
    check_rate(place, "back_mbit_s", row.back_mbit_s.unwrap_or(row.mbit_s), problems);
    if row.latency_us < 0 {
        problems.push(out_of_range(
            format!("{place}, latency_us"),
            row.latency_us as f64,
            "0 or more",
        ));
    }
    if !(0.0..1.0).contains(&row.loss) {
        problems.push(out_of_range(format!("{place}, loss"), row.loss, "0 to below 1"));
    }
    let mut ends = [0; 2];
    for (end, name) in ends.iter_mut().zip(&row.between) {
        match names.get(name.as_str()) {
            Some(&node) => *end = node,
            None => {
                let hint = suggestion(name, names.keys().copied());
                let what = format!("there is no host or switch `{name}`{hint}");
                problems.push(Problem::new("GLN-304", place, what, "Name a node of this file"));
            }
        }
    }
    if row.between[0] == row.between[1] {
        let what = format!("`{}` is connected to itself", row.between[0]);
        problems.push(Problem::new("GLN-304", place, what, "Name two nodes"));
    }
    let link = |mbit_s: f64| Link {
        capacity: BytesPerSecond(mbit_s * 1e6 / 8.0),
        latency: Span(row.latency_us),
        loss: row.loss,
    };
    if problems.is_empty() {
        topology.connect_one_way(ends[0], ends[1], link(row.mbit_s));
        topology.connect_one_way(ends[1], ends[0], link(row.back_mbit_s.unwrap_or(row.mbit_s)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::HostId;

    #[test]
    fn a_file_of_nodes_and_cables_is_read() {
        let text = "[[switch]]\nname = \"s\"\n[[host]]\nname = \"a\"\nrack = \"r\"\n\
                    [[host]]\nname = \"b\"\n[[cable]]\nbetween = [\"a\", \"s\"]\nmbit_s = 8\n\
                    back_mbit_s = 16\nlatency_us = 3\n[[cable]]\nbetween = [\"s\", \"b\"]\n\
                    mbit_s = 8\nloss = 0.25\n";
        let topology = parse(text, "t.toml").expect("it is whole");
        assert_eq!(topology.capacities(), [1e6, 2e6, 1e6, 1e6]);
        assert_eq!(topology.link(0).latency, Span(3));
        assert_eq!(topology.link(3).loss, 0.25);
        assert_eq!(topology.host(HostId(0)).and_then(|h| h.place.rack.clone()), Some("r".into()));
    }

    #[test]
    fn a_generator_is_named_with_its_sizes() {
        let text = "[generate]\nkind = \"fat-tree\"\nk = 4\nmbit_s = 1000";
        assert_eq!(parse(text, "t").expect("it is whole").hosts(), 16);
        let text = "[generate]\nkind = \"wan\"\nsites = 2\nracks = 1\nhosts = 2\nmbit_s = 1\n\
                    uplink_mbit_s = 1\nwan_mbit_s = 1\nwan_latency_us = 9";
        assert_eq!(parse(text, "t").expect("it is whole").hosts(), 4);
    }

    #[test]
    fn all_problems_are_told_at_once_with_place_and_remedy() {
        let text = "[[host]]\nname = \"alpha\"\n[[host]]\nname = \"alpha\"\n[[cable]]\n\
                    between = [\"alpha\", \"alpah\"]\nmbit_s = -1\nloss = 1\nlatency_us = -4";
        let error = parse(text, "t.toml").unwrap_err();
        let codes: Vec<&str> = error.problems.iter().map(|problem| problem.code).collect();
        assert_eq!(codes, ["GLN-304", "GLN-303", "GLN-303", "GLN-303", "GLN-303", "GLN-304"]);
        assert!(
            error.to_string().contains("t.toml, [[cable]] 1: there is no host or switch `alpah`")
        );
        assert!(error.to_string().contains("did you mean `alpha`?"));
        let error = parse("[[hots]]\nname = 1", "t.toml").unwrap_err();
        assert!(error.to_string().starts_with("GLN-302 t.toml:1: unknown field `hots`"), "{error}");
        for text in ["", "[generate]\nkind = \"fat-tree\"\nk = 3\nmbit_s = 1"] {
            assert_eq!(parse(text, "t").unwrap_err().problems[0].code, "GLN-303");
        }
        assert_eq!(read(Path::new("no/such")).unwrap_err().problems[0].code, "GLN-301");
    }
}
