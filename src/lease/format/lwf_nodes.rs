//! LWF: what VMs a lease has, and what hosts a site.
//!
//! A node-set of a lease may name an instance type, which says its CPU and memory unless `res` do:
//! so a file can be read again where the type is not known.

use super::lwf::Lwf;
use super::xml::Element;
use crate::model::company::Company;
use crate::model::lease::{CORE, CPU, MEMORY, NodeSet, RESOURCES};
use crate::problem::suggestion;

/// VMs of a lease and hosts of a site.
const MOST_NODES: u32 = 1_000_000;
const BYTES_PER_MB: u64 = 1_000_000;

impl Lwf<'_> {
    pub(super) fn resource_types(&mut self, element: &Element) {
        for name in element.attribute("names").unwrap_or_default().split_whitespace() {
            if !self.names.iter().any(|known| known == name) {
                self.names.push(name.to_owned());
            }
        }
        if self.names.len() > RESOURCES {
            let what = format!("{} kinds of resources, at most {RESOURCES}", self.names.len());
            self.names.truncate(RESOURCES);
            self.fault("GLN-144", element.line, what, "Leave out those that no lease asks for");
        }
    }

    pub(super) fn node_set(&mut self, element: &Element) {
        let Some(count) = self.number(element, "numnodes") else { return };
        if count == 0 || count > u64::from(MOST_NODES) {
            let what = format!("numnodes is {count}, expected 1 to {MOST_NODES}");
            return self.fault("GLN-143", element.line, what, "Give the number of nodes");
        }
        match &mut self.draft {
            Some(draft) => {
                draft.nodes.push(NodeSet::new(count as u32, [0; RESOURCES]));
                self.part(element);
            }
            None => self.hosts.extend(std::iter::repeat_n([0; RESOURCES], count as usize)),
        }
        if self.draft.is_none() {
            self.last_set = count as usize;
        }
    }

    pub(super) fn resource(&mut self, element: &Element) {
        let name = element.attribute("type").unwrap_or_default().to_owned();
        let Some(kind) = self.names.iter().position(|known| *known == name) else {
            let near = suggestion(&name, self.names.iter().map(String::as_str));
            let what = format!("unknown resource `{name}`{near}");
            let remedy = "Use a resource that the site lists in resource-types";
            return self.fault("GLN-144", element.line, what, remedy);
        };
        if element.attribute("amount").is_none() {
            return;
        }
        let Some(amount) = self.number(element, "amount") else { return };
        match &mut self.draft {
            Some(draft) => {
                if let Some(set) = draft.nodes.last_mut() {
                    set.need[kind] = amount as i64;
                    draft.unknown = None;
                }
            }
            None => {
                let from = self.hosts.len() - self.last_set.min(self.hosts.len());
                self.hosts[from..].iter_mut().for_each(|host| host[kind] = amount as i64);
            }
        }
    }

    /// What the attributes of a node-set of a lease say of its VMs.
    fn part(&mut self, element: &Element) {
        let Some(set) = self.draft.as_mut().and_then(|draft| draft.nodes.last_mut()) else {
            return;
        };
        set.part.name = element.attribute("name").map(str::to_owned);
        let after = element.attribute("after").unwrap_or_default().split_whitespace();
        set.part.after = after.map(str::to_owned).collect();
        let words = |attribute: &str| {
            let names = element.attribute(attribute).unwrap_or_default().split_whitespace();
            names.map(str::to_owned).collect()
        };
        (set.part.together, set.part.apart) = (words("together"), words("apart"));
        let Some(name) = element.attribute("instance") else { return };
        set.part.instance = Some(name.to_owned());
        match self.catalogue.instance(name) {
            Some(instance) => {
                set.need[CPU] = i64::from(instance.vcpus) * CORE;
                set.need[MEMORY] = (instance.memory().0 / BYTES_PER_MB) as i64;
            }
            None => {
                let unknown = Some((element.line, name.to_owned()));
                self.draft.iter_mut().for_each(|draft| draft.unknown.clone_from(&unknown));
            }
        }
    }

    /// Why the sets of a lease cannot begin in the order that they ask for.
    pub(super) fn disorder(&self, sets: &[NodeSet]) -> Option<String> {
        let names = || sets.iter().filter_map(|set| set.part.name.as_deref());
        if let Some(twice) = names().find(|name| names().filter(|other| other == name).count() > 1)
        {
            return Some(format!("two node-sets are called `{twice}`"));
        }
        for name in sets.iter().flat_map(|set| &set.part.after) {
            if !names().any(|known| known == name) {
                return Some(format!(
                    "no node-set is called `{name}`{}",
                    suggestion(name, names())
                ));
            }
        }
        // Whoever waits for nobody that is left begins; who never does waits in a circle.
        let mut left: Vec<&NodeSet> = sets.iter().collect();
        loop {
            let open: Vec<&str> = left.iter().filter_map(|set| set.part.name.as_deref()).collect();
            let before = left.len();
            left.retain(|set| set.part.after.iter().any(|name| open.contains(&name.as_str())));
            match left.first() {
                None => return None,
                Some(set) if left.len() == before => {
                    let name = set.part.name.as_deref().unwrap_or("one");
                    return Some(format!("node-set `{name}` waits for itself in the end"));
                }
                Some(_) => {}
            }
        }
    }

    /// Why the VMs of a lease cannot share hosts as its sets ask.
    pub(super) fn discord(sets: &[NodeSet]) -> Option<String> {
        let names = || sets.iter().filter_map(|set| set.part.name.as_deref());
        let twice = names().find(|name| names().filter(|other| other == name).count() > 1);
        let asked = sets.iter().flat_map(|set| set.part.together.iter().chain(&set.part.apart));
        let mut unknown = asked.filter(|name| names().all(|known| known != name.as_str()));
        if let Some(name) = unknown.next() {
            let near = suggestion(name, names());
            return Some(format!("no node-set is called `{name}`{near}"));
        }
        let company = Company::of(sets)?;
        if let Some(twice) = twice {
            return Some(format!("two node-sets are called `{twice}`"));
        }
        let (a, b) = company.contradiction()?;
        let name = |set: usize| sets[set].part.name.as_deref().unwrap_or("one without a name");
        let (a, b) = (name(a), name(b));
        Some(format!("VMs of `{a}` and `{b}` are to be together and apart"))
    }

    /// A node-set ends: by now it has a size.
    pub(super) fn end_node_set(&mut self) {
        let unknown = self.draft.as_mut().and_then(|draft| draft.unknown.take());
        let Some((line, name)) = unknown else { return };
        let known = self.catalogue.instances.iter().map(|known| known.name.as_str());
        let what = format!("unknown instance type `{name}`{}", suggestion(&name, known));
        let remedy = "`galerna catalogue instances` shows those that are known; or give res";
        self.fault("GLN-682", line, what, remedy);
    }
}
