//! Reservations, offers and refusals in words: tables for people, rows for programs.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use super::moment::shown;
use crate::lease::planner::{
    Healing, Offer, OfferKind, Planner, Refusal, Reserved, Standing, Tariff,
};
use crate::model::lease::{CPU, MEMORY};
use crate::time::Instant;

/// Columns of a terminal.
const WIDTH: usize = 80;
/// So many reservations in the way are named.
const BLOCKERS: usize = 8;

/// A reservation as a row.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Row {
    id: u64,
    name: String,
    standing: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    held_until: Option<String>,
    preemptible: bool,
    start: String,
    end: String,
    nodes: usize,
    cpu: i64,
    memory_mb: i64,
    /// What each node needs of other resources, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    others: BTreeMap<String, i64>,
    hosts: Vec<u32>,
}

impl Row {
    /// `reserved` is one of `planner`, or was.
    pub fn new(reserved: &Reserved, planner: &Planner) -> Self {
        let (standing, until) = standing(reserved.standing);
        Self {
            id: reserved.id,
            name: reserved.name.clone(),
            standing,
            held_until: until.map(shown),
            preemptible: reserved.preemptible,
            start: shown(reserved.start),
            end: shown(reserved.end),
            nodes: reserved.hosts.len(),
            cpu: reserved.need[CPU],
            memory_mb: reserved.need[MEMORY],
            others: planner.others_of(&reserved.need).collect(),
            hosts: reserved.hosts.clone(),
        }
    }
}

/// Its name, and until when it is held.
fn standing(standing: Standing) -> (&'static str, Option<Instant>) {
    match standing {
        Standing::Held(until) => ("held", Some(until)),
        Standing::Committed => ("committed", None),
        Standing::Maintenance => ("maintenance", None),
    }
}

/// Hosts as ranges, `0-3,7`, cut to `width` characters.
fn ranges(hosts: &[u32], width: usize) -> String {
    let mut sorted = hosts.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let runs = sorted.chunk_by(|a, b| a + 1 == *b).map(|run| match run {
        [one] => one.to_string(),
        [first, .., last] => format!("{first}-{last}"),
        [] => String::new(),
    });
    let text = runs.collect::<Vec<_>>().join(",");
    if text.len() <= width { text } else { format!("{}..", &text[..width.saturating_sub(2)]) }
}

/// Cuts `text` to `width` characters.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(2)).collect();
    format!("{kept}..")
}

/// Reservations, one per line.
pub(super) fn table<'r>(reserved: impl IntoIterator<Item = &'r Reserved>) -> String {
    let mut text = format!(
        "{:>5} {:<12} {:<11} {:<16} {:<16} {}\n",
        "id", "name", "standing", "start", "end", "hosts"
    );
    let mut rows = 0;
    for reserved in reserved {
        rows += 1;
        let Reserved { id, name, hosts, .. } = reserved;
        let (standing, _) = standing(reserved.standing);
        let (start, end) = (shown(reserved.start), shown(reserved.end));
        let mark = if reserved.preemptible { "*" } else { "" };
        let begin = format!(
            "{id:>5} {:<12} {standing:<11} {start:<16} {end:<16}",
            cut(&format!("{name}{mark}"), 12)
        );
        let room = WIDTH.saturating_sub(begin.len() + 1).max(6);
        writeln!(text, "{begin} {}", ranges(hosts, room)).expect("a string");
    }
    if rows == 0 { "nothing is reserved\n".to_owned() } else { text }
}

/// An offer as a row.
#[derive(Debug, Clone, Serialize)]
pub(super) struct OfferRow {
    kind: &'static str,
    parts: Vec<PartRow>,
    displaces: Vec<u64>,
    price: f64,
}

#[derive(Debug, Clone, Serialize)]
struct PartRow {
    start: String,
    end: String,
    nodes: usize,
    hosts: Vec<u32>,
}

pub(super) fn offer(planner: &Planner, offer: &Offer, tariff: Tariff) -> OfferRow {
    let kind = match offer.kind {
        OfferKind::AsAsked => "as asked",
        OfferKind::Displacing => "displacing",
        OfferKind::Later => "later",
        OfferKind::Split => "in two parts",
        OfferKind::Shorter => "shorter",
        OfferKind::FewerNodes => "fewer nodes",
    };
    let part = |part: &crate::lease::planner::Part| PartRow {
        start: shown(part.start),
        end: shown(part.end),
        nodes: part.hosts.len(),
        hosts: part.hosts.clone(),
    };
    let parts = offer.parts.iter().map(part).collect();
    OfferRow {
        kind,
        parts,
        displaces: offer.displaces.clone(),
        price: tariff.price(planner, offer),
    }
}

/// Offers, one line per part.
pub(super) fn offers(rows: &[OfferRow]) -> String {
    let mut text = format!(
        "{:<12} {:<16} {:<16} {:>5} {:>8}  {}\n",
        "offer", "start", "end", "nodes", "price", "hosts"
    );
    for OfferRow { kind, parts, displaces, price } in rows {
        for (turn, part) in parts.iter().enumerate() {
            let PartRow { start, end, nodes, hosts } = part;
            let price = if turn == 0 { format!("{price:.2}") } else { String::new() };
            let kind = if turn == 0 { kind } else { "" };
            let begin = format!("{kind:<12} {start:<16} {end:<16} {nodes:>5} {price:>8} ");
            let room = WIDTH.saturating_sub(begin.len() + 1).max(6);
            writeln!(text, "{begin} {}", ranges(hosts, room)).expect("a string");
        }
        if !displaces.is_empty() {
            let ids: Vec<String> = displaces.iter().map(u64::to_string).collect();
            writeln!(text, "{:<12} reservations that give way: {}", "", ids.join(", "))
                .expect("a string");
        }
    }
    text
}

/// Why there is no room, with the names of those in the way.
#[derive(Debug, Clone, Serialize)]
pub(super) struct RefusalRow {
    start: String,
    fitting: u32,
    wanted: u32,
    short_of: String,
    in_the_way: Vec<Row>,
}

pub(super) fn refusal(planner: &Planner, refusal: &Refusal) -> RefusalRow {
    let blockers = refusal.blockers.iter().filter_map(|&id| planner.reservation(id).ok());
    RefusalRow {
        start: shown(refusal.start),
        fitting: refusal.fitting,
        wanted: refusal.wanted,
        short_of: refusal.resource.clone(),
        in_the_way: blockers.map(|reserved| Row::new(reserved, planner)).collect(),
    }
}

impl RefusalRow {
    pub fn words(&self) -> String {
        let Self { start, fitting, wanted, short_of, in_the_way } = self;
        let mut text =
            format!("no room: at {start} {fitting} of {wanted} nodes fit, {short_of} is short\n");
        for row in in_the_way.iter().take(BLOCKERS) {
            let Row { id, name, start, end, nodes, .. } = row;
            let name = cut(name, 20);
            writeln!(text, "  in the way: {id} {name}, {nodes} nodes, {start} to {end}")
                .expect("a string");
        }
        if in_the_way.len() > BLOCKERS {
            writeln!(text, "  and {} more", in_the_way.len() - BLOCKERS).expect("a string");
        }
        text
    }
}

/// What became of reservations that lost their hosts.
#[derive(Debug, Clone, Serialize)]
pub(super) struct HealingRow {
    moved: Vec<u64>,
    lost: Vec<Row>,
}

impl HealingRow {
    /// `before` are the reservations as they were.
    pub fn new(healing: &Healing, before: &[Reserved], planner: &Planner) -> Self {
        let lost = before.iter().filter(|reserved| healing.lost.contains(&reserved.id));
        Self {
            moved: healing.moved.clone(),
            lost: lost.map(|one| Row::new(one, planner)).collect(),
        }
    }

    pub fn words(&self) -> String {
        let mut text = String::new();
        let ids: Vec<String> = self.moved.iter().map(u64::to_string).collect();
        let moved = if ids.is_empty() { "none".to_owned() } else { ids.join(", ") };
        writeln!(text, "moved to other hosts, same time: {moved}").expect("a string");
        for Row { id, name, start, end, nodes, .. } in &self.lost {
            writeln!(text, "cannot be kept: {id} {name}, {nodes} nodes, {start} to {end}")
                .expect("a string");
        }
        text
    }
}

/// When a hold is over, in words.
pub(super) fn until(expires: Instant) -> String {
    shown(expires)
}
