//! Annotations: start, deadline, software and extras that are added to leases by number.
//!
//! ```text
//! lease-annotations/lease-annotation(id)
//!   start: empty | exact(time);  deadline(time);  software: none | disk-image(id, size)
//!   extra/attr(name, value)
//! ```
//!
//! A time that begins with `+` counts from the arrival of the lease, others from the start of the
//! trace. What an annotation does not say stays as it is.
//!
//! Source: Haizea 1.1, annotation files (`.lwfa`).

use std::collections::BTreeMap;
use std::io::BufRead;

use super::clock;
use super::error::{Error, unless};
use super::xml::{Element, Elements, Part};
use crate::model::lease::{LeaseKind, LeaseRequest, Software, Workload};
use crate::problem::Problem;
use crate::time::{Instant, Span};

/// A time from the arrival of the lease, or from the start of the trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    AfterArrival(Span),
    At(Instant),
}

impl When {
    fn for_lease(self, lease: &LeaseRequest) -> Instant {
        match self {
            Self::AfterArrival(span) => lease.arrival + span,
            Self::At(instant) => instant,
        }
    }
}

/// What is added to one lease.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Annotation {
    start: Option<Option<When>>,
    deadline: Option<When>,
    software: Option<Option<(String, i64)>>,
    extras: Vec<(String, String)>,
}

/// Annotations by the number of the lease.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Annotations {
    by_lease: BTreeMap<u64, Annotation>,
}

impl Annotations {
    /// Adds the annotations to the leases of `workload`; those for other numbers have no effect.
    pub fn apply(&self, workload: &mut Workload) {
        for at in 0..workload.leases.len() {
            let Some(note) = self.by_lease.get(&workload.leases[at].number) else { continue };
            let software = note.software.as_ref().map(|image| match image {
                None => Software::None,
                Some((name, size)) => Software::Image { image: workload.image(name), size: *size },
            });
            let lease = &mut workload.leases[at];
            lease.software = software.unwrap_or(lease.software);
            lease.kind = note.kind(lease);
            lease.extras.extend_from_slice(&note.extras);
        }
    }
}

impl Annotation {
    fn kind(&self, lease: &LeaseRequest) -> LeaseKind {
        let own = match lease.kind {
            LeaseKind::AdvanceReservation { start } => (Some(start), None),
            LeaseKind::Deadline { start, deadline } => (Some(start), Some(deadline)),
            LeaseKind::BestEffort | LeaseKind::Immediate => (None, None),
        };
        let start = match self.start {
            None => own.0,
            Some(start) => start.map(|start| start.for_lease(lease)),
        };
        let deadline = self.deadline.map(|deadline| deadline.for_lease(lease)).or(own.1);
        match (start, deadline) {
            (None, _) if self.start.is_none() => lease.kind,
            (None, _) => LeaseKind::BestEffort,
            (Some(start), None) => LeaseKind::AdvanceReservation { start },
            (Some(start), Some(deadline)) => LeaseKind::Deadline { start, deadline },
        }
    }
}

struct Reader<'a> {
    source: &'a str,
    path: Vec<String>,
    current: Option<(u64, Annotation)>,
    found: Annotations,
    problems: Vec<Problem>,
}

/// Reads annotations from `input`; `source` is its name in messages.
///
/// # Errors
///
/// All problems of the file. What is not well-formed ends the reading.
pub fn read_annotations(source: &str, input: impl BufRead) -> Result<Annotations, Error> {
    let mut elements = Elements::new(source, input);
    let mut reader = Reader {
        source,
        path: Vec::new(),
        current: None,
        found: Annotations::default(),
        problems: Vec::new(),
    };
    loop {
        match elements.next() {
            Ok(Some(Part::Open(element))) => {
                reader.open(&element);
                reader.path.push(element.name);
            }
            Ok(Some(Part::Close)) => reader.close(elements.line()),
            Ok(Some(Part::Text(text))) => {
                reader.fault("GLN-142", elements.line(), format!("text `{text}`"), "Remove it");
            }
            Ok(None) => break,
            Err(problem) => {
                reader.problems.push(problem);
                break;
            }
        }
    }
    unless(reader.problems, reader.found)
}

impl Reader<'_> {
    fn fault(&mut self, code: &'static str, line: usize, what: String, remedy: &str) {
        let place = format!("{}:{line}", self.source);
        self.problems.push(Problem::new(code, place, what, remedy));
    }

    fn open(&mut self, element: &Element) {
        let parent = self.path.last().map_or("", String::as_str).to_owned();
        match (parent.as_str(), element.name.as_str()) {
            ("", "lease-annotations") | ("lease-annotation", "software" | "extra") => {}
            ("lease-annotations", "lease-annotation") => {
                let id = element.attribute("id").and_then(|id| id.parse().ok());
                match id {
                    Some(id) => self.current = Some((id, Annotation::default())),
                    None => {
                        let what = "an annotation without a number `id`".to_owned();
                        self.fault("GLN-142", element.line, what, "Name the lease that it is for");
                    }
                }
            }
            ("lease-annotation", "start") => self.edit(|note| note.start = Some(None)),
            ("start", "exact") => {
                let when = self.when(element);
                self.edit(|note| note.start = Some(when));
            }
            ("lease-annotation", "deadline") => {
                let when = self.when(element);
                self.edit(|note| note.deadline = when);
            }
            ("software", "none") => self.edit(|note| note.software = Some(None)),
            ("software", "disk-image") => {
                let name = element.attribute("id").unwrap_or_default().to_owned();
                let size = element.attribute("size").and_then(|size| size.parse::<i64>().ok());
                match size.filter(|&size| size >= 0) {
                    Some(size) => self.edit(|note| note.software = Some(Some((name, size)))),
                    None => {
                        let what = "a disk image without a size in MB".to_owned();
                        self.fault("GLN-143", element.line, what, "Write a whole number");
                    }
                }
            }
            ("extra", "attr") => {
                let value = |name| element.attribute(name).unwrap_or_default().to_owned();
                let pair = (value("name"), value("value"));
                self.edit(|note| note.extras.push(pair));
            }
            _ => {
                let what = format!("`{}` within `{parent}`", element.name);
                let remedy = "See docs/leases.md for what may stand where";
                self.fault("GLN-142", element.line, what, remedy);
            }
        }
    }

    fn edit(&mut self, change: impl FnOnce(&mut Annotation)) {
        if let Some((_, note)) = &mut self.current {
            change(note);
        }
    }

    fn when(&mut self, element: &Element) -> Option<When> {
        let text = element.attribute("time").unwrap_or_default().to_owned();
        let when = match text.strip_prefix('+') {
            Some(offset) => clock::parse(offset).map(When::AfterArrival),
            None => clock::parse(&text).map(|span| When::At(Instant::START + span)),
        };
        if when.is_none() {
            let what = format!("{} time is `{text}`", element.name);
            let remedy = "Write a time as [+][[DD:]HH:]MM:SS";
            self.fault("GLN-143", element.line, what, remedy);
        }
        when
    }

    fn close(&mut self, line: usize) {
        if self.path.pop().as_deref() != Some("lease-annotation") {
            return;
        }
        let Some((id, note)) = self.current.take() else { return };
        if self.found.by_lease.insert(id, note).is_some() {
            let what = format!("lease {id} is annotated twice");
            self.fault("GLN-145", line, what, "Merge the two annotations");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::read_old_lwf;
    use super::*;

    #[test]
    fn offsets_count_from_the_arrival_of_the_lease() {
        let text = r#"<lease-annotations><lease-annotation id="2">
            <start><exact time="+01:00"/></start><deadline time="02:00:00"/>
            <software><disk-image id="a" size="40"/></software>
            <extra><attr name="k" value="v"/></extra></lease-annotation></lease-annotations>"#;
        let leases = "0 -1 60 60 1 1 1 0 x 0\n100 -1 60 60 1 1 1 0 x 0\n";
        let mut workload = read_old_lwf("w", leases.as_bytes()).expect("it is in order");
        let notes = read_annotations("n", text.as_bytes()).expect("it is in order");
        notes.apply(&mut workload);
        let kind = LeaseKind::Deadline {
            start: Instant::from_seconds(160.0),
            deadline: Instant::from_seconds(7200.0),
        };
        assert_eq!(workload.leases[0].kind, LeaseKind::BestEffort);
        assert_eq!(workload.leases[1].kind, kind);
        assert_eq!(workload.leases[1].software, Software::Image { image: 0, size: 40 });
        assert_eq!(workload.leases[1].extras.len(), 1);
        let wrong = text.replace("+01:00", "+1x");
        let text = read_annotations("n", wrong.as_bytes()).expect_err("no time").to_string();
        assert!(text.contains("GLN-143 n:2: exact time is `+1x`"), "{text}");
    }
}
