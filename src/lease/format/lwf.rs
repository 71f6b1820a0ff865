//! LWF: a site and lease requests as XML.
//!
//! ```text
//! lease-workload(name)
//!   description, attributes/attr(name, value)
//!   site: resource-types(names), nodes/node-set(numnodes)/res(type, amount)
//!   lease-requests/lease-request(arrival)
//!     realduration(time)
//!     lease(id, preemptible, user)
//!       nodes/node-set(numnodes, instance, name, after)/res(type, amount)
//!       start: empty | now | exact(time);  duration(time);  deadline(time)
//!       software: none | disk-image(id, size);  extra/attr(name, value)
//! ```
//!
//! Times are `[[DD:]HH:]MM:SS[.ss]` from the start of the trace. CPU is in hundredths of a core,
//! memory and disk in MB. A resource of several instances (`res/instance`) is refused: the
//! scheduler places VMs on hosts, not on instances.
//!
//! Source: Haizea manual, appendix on the lease workload format; its 1.1 extensions from the files
//! of its tests.

use std::collections::BTreeSet;
use std::io::BufRead;

use super::clock;
use super::error::{Error, unless};
use super::xml::{Element, Elements, Part};
use crate::model::Catalogue;
use crate::model::lease::{
    Amounts, KNOWN_RESOURCES, LeaseKind, LeaseRequest, NodeSet, Site, Software, Workload,
};
use crate::problem::Problem;
use crate::time::{Instant, Span};

/// The extra attribute that says how many hundredths of its CPU are promised a lease.
pub(super) const PROMISED: &str = "promised-cpu-percent";

/// A lease as far as it has been read.
#[derive(Default)]
pub(super) struct Draft {
    line: usize,
    number: Option<u64>,
    preemptible: bool,
    user: Option<u64>,
    arrival: Instant,
    real_duration: Option<Span>,
    pub(super) nodes: Vec<NodeSet>,
    /// The line of a node-set whose instance type is unknown, and what it is called.
    pub(super) unknown: Option<(usize, String)>,
    start: Option<Start>,
    duration: Option<Span>,
    deadline: Option<Instant>,
    software: Option<Software>,
    extras: Vec<(String, String)>,
    broken: bool,
}

/// What `start` says.
#[derive(Clone, Copy)]
enum Start {
    Any,
    Now,
    Exact(Instant),
}

pub(super) struct Lwf<'a> {
    source: &'a str,
    pub(super) catalogue: &'a Catalogue,
    workload: Workload,
    pub(super) names: Vec<String>,
    pub(super) hosts: Vec<Amounts>,
    /// How many hosts the last node-set of the site has.
    pub(super) last_set: usize,
    has_site: bool,
    pub(super) draft: Option<Draft>,
    numbers: BTreeSet<u64>,
    path: Vec<String>,
    problems: Vec<Problem>,
}

/// Reads a workload in LWF from `input`; `source` is its name in messages.
///
/// # Errors
///
/// All problems of the file. What is not well-formed ends the reading.
pub fn read_lwf(source: &str, input: impl BufRead) -> Result<Workload, Error> {
    read_lwf_with(source, input, Catalogue::bundled())
}

/// As [`read_lwf`], where the instance types that leases name are those of `catalogue`.
///
/// # Errors
///
/// Those of [`read_lwf`].
pub fn read_lwf_with(
    source: &str,
    input: impl BufRead,
    catalogue: &Catalogue,
) -> Result<Workload, Error> {
    let mut elements = Elements::new(source, input);
    let mut lwf = Lwf {
        source,
        catalogue,
        workload: Workload::default(),
        names: KNOWN_RESOURCES.map(str::to_owned).to_vec(),
        hosts: Vec::new(),
        last_set: 0,
        has_site: false,
        draft: None,
        numbers: BTreeSet::new(),
        path: Vec::new(),
        problems: Vec::new(),
    };
    loop {
        match elements.next() {
            Ok(Some(part)) => lwf.take(part, elements.line()),
            Ok(None) => break,
            Err(problem) => {
                lwf.problems.push(problem);
                break;
            }
        }
    }
    lwf.finish()
}

impl Lwf<'_> {
    pub(super) fn fault(&mut self, code: &'static str, line: usize, what: String, remedy: &str) {
        let place = format!("{}:{line}", self.source);
        self.problems.push(Problem::new(code, place, what, remedy));
        if let Some(draft) = &mut self.draft {
            draft.broken = true;
        }
    }

    fn take(&mut self, part: Part, line: usize) {
        match part {
            Part::Open(element) => {
                self.open(&element);
                self.path.push(element.name);
            }
            Part::Close => {
                if let Some(name) = self.path.pop() {
                    self.close(&name);
                }
            }
            Part::Text(text) => match self.path.last().map(String::as_str) {
                Some("description") => self.workload.description += &text,
                _ => {
                    let what = format!("text `{}` where there is none", &text);
                    self.fault("GLN-142", line, what, "Remove it");
                }
            },
        }
    }

    fn open(&mut self, element: &Element) {
        let parent = self.path.last().map_or("", String::as_str);
        match (parent, element.name.as_str()) {
            ("", "lease-workload") => {
                self.workload.name = element.attribute("name").unwrap_or_default().to_owned();
            }
            ("lease-workload", "site") => self.has_site = true,
            ("site", "resource-types") => self.resource_types(element),
            ("lease-workload", "description" | "attributes" | "lease-requests")
            | ("site" | "lease", "nodes")
            | ("lease", "software" | "extra") => {}
            ("attributes", "attr") => {
                let pair = self.pair(element);
                self.workload.attributes.extend(pair);
            }
            ("lease-requests", "lease-request") => {
                let arrival = self.time(element, "arrival").map_or(Instant::START, since_start);
                self.draft = Some(Draft { arrival, ..Draft::default() });
            }
            ("nodes", "node-set") => self.node_set(element),
            ("node-set", "res") => self.resource(element),
            ("res", "instance") => {
                let what = "a resource of several instances".to_owned();
                let remedy = "Give the host one amount per resource";
                self.fault("GLN-143", element.line, what, remedy);
            }
            ("lease-request", "lease") => self.lease(element),
            _ if self.draft.is_some() => self.term(element),
            _ => self.misplaced(element),
        }
    }

    fn misplaced(&mut self, element: &Element) {
        let parent = self.path.last().map_or("the file", String::as_str).to_owned();
        let what = format!("`{}` within {parent}", element.name);
        self.fault("GLN-142", element.line, what, "See docs/leases.md for what may stand where");
    }

    /// What is agreed in a lease.
    fn term(&mut self, element: &Element) {
        let parent = self.path.last().map_or("", String::as_str);
        match (parent, element.name.as_str()) {
            ("lease-request", "realduration") => {
                let span = self.time(element, "time");
                self.edit(|draft| draft.real_duration = span);
            }
            ("lease", "start") => self.edit(|draft| draft.start = Some(Start::Any)),
            ("start", "now") => self.edit(|draft| draft.start = Some(Start::Now)),
            ("start", "exact") => {
                let start = self.time(element, "time").map(since_start);
                self.edit(|draft| draft.start = start.map(Start::Exact));
            }
            ("lease", "duration") => {
                let span = self.time(element, "time");
                self.edit(|draft| draft.duration = span);
            }
            ("lease", "deadline") => {
                let deadline = self.time(element, "time").map(since_start);
                self.edit(|draft| draft.deadline = deadline);
            }
            ("software", "none") => self.edit(|draft| draft.software = Some(Software::None)),
            ("software", "disk-image") => {
                let name = element.attribute("id").unwrap_or_default().to_owned();
                let size = self.number(element, "size");
                let image = self.workload.image(&name);
                let software = size.map(|size| Software::Image { image, size: size as i64 });
                self.edit(|draft| draft.software = software);
            }
            ("extra", "attr") => {
                let pair = self.pair(element);
                self.edit(|draft| draft.extras.extend(pair));
            }
            _ => self.misplaced(element),
        }
    }

    fn edit(&mut self, change: impl FnOnce(&mut Draft)) {
        if let Some(draft) = &mut self.draft {
            change(draft);
        }
    }

    fn lease(&mut self, element: &Element) {
        let given = element.attribute("id").is_some();
        let number = if given { self.number(element, "id") } else { None };
        let user = element.attribute("user").and_then(|user| user.parse().ok());
        let preemptible =
            element.attribute("preemptible").is_some_and(|word| word.eq_ignore_ascii_case("true"));
        let line = element.line;
        self.edit(|draft| {
            (draft.number, draft.user, draft.preemptible) = (number, user, preemptible);
            draft.line = line;
        });
    }

    fn pair(&mut self, element: &Element) -> Option<(String, String)> {
        match (element.attribute("name"), element.attribute("value")) {
            (Some(name), Some(value)) => Some((name.to_owned(), value.to_owned())),
            _ => {
                let what = "`attr` lacks name or value".to_owned();
                self.fault("GLN-142", element.line, what, "Give it both");
                None
            }
        }
    }

    fn time(&mut self, element: &Element, attribute: &str) -> Option<Span> {
        let text = element.attribute(attribute).unwrap_or_default().to_owned();
        let time = clock::parse(&text);
        if time.is_none() {
            let what = format!("{} {attribute} is `{text}`", element.name);
            let remedy = "Write a time as [[DD:]HH:]MM:SS, not negative";
            self.fault("GLN-143", element.line, what, remedy);
        }
        time
    }

    pub(super) fn number(&mut self, element: &Element, attribute: &str) -> Option<u64> {
        let text = element.attribute(attribute).unwrap_or_default().to_owned();
        let number = text.parse().ok().filter(|&number: &u64| number <= 1 << 40);
        if number.is_none() {
            let what = format!("{} {attribute} is `{text}`", element.name);
            self.fault("GLN-143", element.line, what, "Write a whole number, not negative");
        }
        number
    }

    fn close(&mut self, name: &str) {
        if name == "node-set" {
            self.end_node_set();
        }
        if name == "lease-request"
            && let Some(draft) = self.draft.take()
        {
            self.request(draft);
        }
    }

    /// Turns what was read into a lease.
    fn request(&mut self, mut draft: Draft) {
        let line = draft.line;
        if draft.broken {
            return;
        }
        let Some(duration) = draft.duration.filter(|duration| duration.0 > 0) else {
            let what = "a lease without a duration".to_owned();
            return self.fault("GLN-142", line, what, "Give a duration above 0");
        };
        if draft.nodes.is_empty() {
            let what = "a lease without nodes".to_owned();
            return self.fault("GLN-142", line, what, "Give at least one node-set");
        }
        if let Some(what) = self.disorder(&draft.nodes) {
            let remedy = "Let `after` name other node-sets of the lease, without a circle";
            return self.fault("GLN-688", line, what, remedy);
        }
        if let Some(what) = Self::discord(&draft.nodes) {
            let remedy = "Let `together` and `apart` name node-sets of the lease, and not the same";
            return self.fault("GLN-698", line, what, remedy);
        }
        let Some(kind) = self.kind(&draft, duration) else { return };
        let Some(promised_percent) = self.promised(&mut draft) else { return };
        let number = draft.number.unwrap_or(self.workload.leases.len() as u64 + 1);
        if !self.numbers.insert(number) {
            let what = format!("lease {number} is there twice");
            return self.fault("GLN-145", line, what, "Give each lease a number of its own");
        }
        self.workload.leases.push(LeaseRequest {
            number,
            arrival: draft.arrival,
            kind,
            nodes: draft.nodes,
            duration,
            real_duration: draft.real_duration,
            preemptible: draft.preemptible,
            software: draft.software.unwrap_or(Software::None),
            user: draft.user,
            promised_percent,
            extras: draft.extras,
        });
    }

    /// The hundredths of its CPU that are promised a lease.
    fn promised(&mut self, draft: &mut Draft) -> Option<i64> {
        let Some(at) = draft.extras.iter().position(|(name, _)| name == PROMISED) else {
            return Some(LeaseRequest::WHOLE);
        };
        let (_, value) = draft.extras.remove(at);
        let percent = value.parse().ok().filter(|percent| (1..=100).contains(percent));
        if percent.is_none() {
            let what = format!("the extra attribute `{PROMISED}` is `{value}`");
            self.fault("GLN-143", draft.line, what, "Write a whole number from 1 to 100");
        }
        percent
    }

    fn kind(&mut self, draft: &Draft, duration: Span) -> Option<LeaseKind> {
        match (draft.start.unwrap_or(Start::Any), draft.deadline) {
            (Start::Any, None) => Some(LeaseKind::BestEffort),
            (Start::Now, None) => Some(LeaseKind::Immediate),
            (Start::Exact(start), None) => Some(LeaseKind::AdvanceReservation { start }),
            (Start::Exact(start), Some(deadline)) => {
                if start + duration > deadline {
                    let what = "start and duration lead beyond the deadline".to_owned();
                    self.fault("GLN-143", draft.line, what, "Move the deadline or the start");
                    return None;
                }
                Some(LeaseKind::Deadline { start, deadline })
            }
            (_, Some(_)) => {
                let what = "a deadline without an exact start".to_owned();
                self.fault("GLN-142", draft.line, what, "Say from when on the lease may run");
                None
            }
        }
    }

    fn finish(mut self) -> Result<Workload, Error> {
        if self.workload.leases.is_empty() && self.hosts.is_empty() && self.problems.is_empty() {
            let what = "neither a lease nor a site".to_owned();
            self.fault("GLN-142", 1, what, "Check that the file is a lease workload");
        }
        if self.has_site {
            let site = Site { resources: self.names.clone(), hosts: self.hosts.clone() };
            self.workload.site = Some(site.with_plenty());
        }
        self.workload.leases.sort_by_key(|lease| lease.arrival);
        unless(self.problems, self.workload)
    }
}

fn since_start(span: Span) -> Instant {
    Instant::START + span
}
