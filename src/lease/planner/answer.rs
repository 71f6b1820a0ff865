//! What the planner answers: room, or what is in the way and what could be had instead.

use std::cmp::Reverse;
use std::fmt;

use serde::Serialize;

use super::{Need, PlanError, Planner, Request};
use crate::model::lease::{CPU, RESOURCES};
use crate::time::Instant;

/// Hosts for some time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// From when on.
    pub start: Instant,
    /// Until when.
    pub end: Instant,
    /// The host of each node.
    pub hosts: Vec<u32>,
}

/// In what an offer differs from the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OfferKind {
    /// In nothing.
    AsAsked,
    /// Others give way.
    Displacing,
    /// It starts later than allowed.
    Later,
    /// The time is cut in two, the second part comes later.
    Split,
    /// It is shorter.
    Shorter,
    /// It has fewer nodes.
    FewerNodes,
}

/// What could be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Offer {
    /// In what it differs.
    pub kind: OfferKind,
    /// Its parts, one after the other.
    pub parts: Vec<Part>,
    /// Reservations that would be displaced.
    pub displaces: Vec<u64>,
}

impl Offer {
    fn of(kind: OfferKind, parts: Vec<Part>) -> Self {
        Self { kind, parts, displaces: Vec::new() }
    }
}

/// Why there is no room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// At the start that was asked for,
    pub start: Instant,
    /// so many nodes would fit,
    pub fitting: u32,
    /// of so many.
    pub wanted: u32,
    /// What is short on most hosts: a resource of the site, such as `CPU` or `Memory`.
    pub resource: String,
    /// Reservations in the way, those on the most hosts first.
    pub blockers: Vec<u64>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { start, fitting, wanted, resource, blockers } = self;
        write!(f, "{fitting} of {wanted} nodes fit at {start}, {resource} is short")?;
        let shown: Vec<String> = blockers.iter().take(5).map(u64::to_string).collect();
        if !shown.is_empty() {
            write!(f, "; in the way: {}", shown.join(", "))?;
        }
        if blockers.len() > shown.len() {
            write!(f, " and {} more", blockers.len() - shown.len())?;
        }
        Ok(())
    }
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// There is room.
    Room(Offer),
    /// There is none, but this could be had, the least different first.
    Refused(Refusal, Vec<Offer>),
}

impl Planner {
    /// Whether there is room, and up to `count` alternatives if not. Nothing is changed: that it
    /// borrows the planner as if is because displacing is tried out.
    ///
    /// # Errors
    ///
    /// The request may make no sense.
    pub fn ask(&mut self, request: &Request, count: usize) -> Result<Answer, PlanError> {
        self.check(request, Instant(i64::MIN))?;
        match self.earliest(request) {
            Ok(part) => Ok(Answer::Room(Offer::of(OfferKind::AsAsked, vec![part]))),
            Err(PlanError::NoRoom(refusal)) => {
                let mut offers = Vec::new();
                if let Some((part, displaces)) = self.displacing(request) {
                    let (kind, parts) = (OfferKind::Displacing, vec![part]);
                    offers.push(Offer { kind, parts, displaces });
                }
                offers.extend(self.alternatives(request));
                offers.truncate(count);
                Ok(Answer::Refused(refusal, offers))
            }
            Err(error) => Err(error),
        }
    }

    fn alternatives(&self, request: &Request) -> Vec<Offer> {
        let mut offers = Vec::new();
        let forever = Request { latest: Instant(i64::MAX), ..request.clone() };
        let mut after = request.latest;
        for _ in 0..2 {
            let later = Request { earliest: after, ..forever.clone() };
            let Ok(part) = self.earliest(&later) else { break };
            after = part.end;
            offers.push(Offer::of(OfferKind::Later, vec![part]));
        }
        if let Some(first) = self.longest_at(request) {
            let rest = request.duration - (first.end - first.start);
            let next = Request { duration: rest, earliest: first.end, ..forever };
            let shorter = vec![first.clone()];
            if let Ok(second) = self.earliest(&next) {
                offers.push(Offer::of(OfferKind::Split, vec![first, second]));
            }
            offers.push(Offer::of(OfferKind::Shorter, shorter));
        }
        let (start, end) = (request.earliest, request.earliest + request.duration);
        let hosts = self.fitting(request.need, request.nodes, start, end);
        if !hosts.is_empty() {
            offers.push(Offer::of(OfferKind::FewerNodes, vec![Part { start, end, hosts }]));
        }
        offers
    }

    /// All nodes of `request` at its earliest start, for as long as that goes.
    fn longest_at(&self, request: &Request) -> Option<Part> {
        let start = request.earliest;
        let mut ends = Vec::new();
        for (calendar, host) in self.free.iter().zip(0..) {
            for nodes in 1..=self.most_nodes(host, request) {
                match calendar.free_until(start, times(request.need, nodes)) {
                    Some(until) if until <= start => break,
                    until => ends.push((until.unwrap_or(Instant(i64::MAX)), host)),
                }
            }
        }
        let nodes = request.nodes as usize;
        if ends.len() < nodes {
            return None;
        }
        ends.sort_by_key(|&(until, host)| (Reverse(until), host));
        let end = ends[nodes - 1].0.min(start + request.duration);
        ends.truncate(nodes);
        let mut hosts: Vec<u32> = ends.into_iter().map(|(_, host)| host).collect();
        hosts.sort_unstable();
        Some(Part { start, end, hosts })
    }

    /// Why `request` does not fit at its earliest start.
    pub(super) fn refusal(&self, request: &Request) -> Refusal {
        let (start, end) = (request.earliest, request.earliest + request.duration);
        let fitting = self.fitting(request.need, request.nodes, start, end);
        let mut short = [0; RESOURCES];
        let mut full = vec![false; self.free.len()];
        for (host, calendar) in self.free.iter().enumerate() {
            let free = calendar.min_during(start, request.duration);
            for k in (0..RESOURCES).filter(|&k| free[k] < request.need[k]) {
                short[k] += 1;
                full[host] = true;
            }
        }
        let overlapping = self.overlapping(start, end);
        let mut blockers: Vec<(usize, u64)> = overlapping
            .into_iter()
            .map(|r| (r.hosts.iter().filter(|&&host| full[host as usize]).count(), r.id))
            .filter(|&(hosts, _)| hosts > 0)
            .collect();
        blockers.sort_by_key(|&(hosts, id)| (Reverse(hosts), id));
        let scarcest = (0..RESOURCES).max_by_key(|&k| (short[k], Reverse(k))).unwrap_or(CPU);
        Refusal {
            start,
            fitting: fitting.len() as u32,
            wanted: request.nodes,
            resource: self.site.resources[scarcest].clone(),
            blockers: blockers.into_iter().map(|(_, id)| id).collect(),
        }
    }
}

/// What so many nodes need.
pub(super) fn times(need: Need, nodes: u32) -> Need {
    need.map(|amount| amount * i64::from(nodes))
}
