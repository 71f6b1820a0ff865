//! Leases by host and time: a row per host, a bar per lease that held it.
//!
//! Colours tell kinds apart (those of Okabe and Ito, which colour-blind readers can tell apart);
//! best-effort leases that overtook an earlier one are lighter (backfilled). Saving and loading
//! memory is hatched; where memory lies while its lease is suspended runs a dashed line. Below are
//! the CPU in use and the length of the queue.
//!
//! A lease was backfilled if it started before a best-effort lease that was asked for earlier.
//!
//! Source: the three plots of scheduling papers (evalys, Batsim's tools); Okabe and Ito, "Color
//! universal design", 2008 (colours).

use std::collections::BTreeMap;
use std::fmt::Write;

use super::band;
use super::lanes::{self, Piece};
use super::page;
use super::scale::Scale;
use crate::frames::FoundLeases;
use crate::id::Id;
use crate::lease::LeaseSummary;
use crate::model::lease::{CPU, LeaseKind};
use crate::model::lease_record::{Stretch, Use};
use crate::time::Instant;

const LEFT: f64 = 76.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 44.0;
const WIDTH: f64 = 1200.0;
/// The rows of all hosts together are about as high as this.
const ROWS: f64 = 640.0;
const BAND: f64 = 54.0;
const GAP: f64 = 34.0;
/// Rows at least this high carry labels.
const READABLE: f64 = 11.0;

/// Kinds of bars with their words in the legend.
const LEGEND: [(&str, &str); 7] = [
    ("ar", "reservation"),
    ("be", "best effort"),
    ("bf", "backfilled"),
    ("im", "immediate"),
    ("dl", "deadline"),
    ("sr", "saving or loading memory"),
    ("off", "suspended: memory lies here"),
];

/// The style of a drawing; a page may darken it.
const STYLE: &str = "\
text{font:11px system-ui,sans-serif;fill:#333}\
.title{font-size:14px;font-weight:600}\
.grid{stroke:#ddd;stroke-width:1;fill:none}.axis{stroke:#888;stroke-width:1;fill:none}\
.row{fill:#f6f6f6}.odd{fill:#eee}\
.bar{stroke:#fff;stroke-width:.4}\
.ar{fill:#d55e00}.be{fill:#0072b2}.bf{fill:#56b4e9}.im{fill:#009e73}.dl{fill:#cc79a7}\
.sr{fill:url(#hatch)}.down{fill:#999}\
.off{stroke:#444;stroke-width:1.4;stroke-dasharray:4 3;fill:none}\
.band{fill:#0072b2;fill-opacity:.35;stroke:none}";

/// A drawing of a run of leases.
#[derive(Debug)]
pub struct Gantt<'a> {
    found: &'a FoundLeases,
    title: String,
    scale: Scale,
    row: f64,
    backfilled: Vec<bool>,
}

impl<'a> Gantt<'a> {
    /// A drawing of `found`, of all its time, called `title`.
    pub fn new(found: &'a FoundLeases, title: &str) -> Self {
        let ends = found.stretches.iter().map(|stretch| stretch.end.seconds());
        let end = ends.fold(1.0, f64::max);
        let row = (ROWS / found.site.hosts.len().max(1) as f64).clamp(3.0, 26.0);
        let scale = Scale { left: LEFT, width: WIDTH - LEFT - RIGHT, begin: 0.0, end };
        let backfilled = backfilled(found);
        Self { found, title: title.to_owned(), scale, row, backfilled }
    }

    /// Draws only what happens between `from` and `until`.
    #[must_use]
    pub fn between(mut self, from: Option<Instant>, until: Option<Instant>) -> Self {
        self.scale.begin = from.map_or(self.scale.begin, Instant::seconds);
        self.scale.end = until.map_or(self.scale.end, Instant::seconds);
        self
    }

    /// As an SVG document.
    pub fn svg(&self) -> String {
        let bottom = TOP + self.row * self.found.site.hosts.len() as f64;
        let height = bottom + GAP + 2.0 * (BAND + GAP);
        let mut svg = format!(
            "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height:.0}' \
             width='{WIDTH}' height='{height:.0}' role='img'><title>{title}</title>\
             <style>{STYLE}</style>\
             <defs><pattern id='hatch' width='5' height='5' patternUnits='userSpaceOnUse'>\
             <rect width='5' height='5' fill='#f0e442'/>\
             <path d='M0 5L5 0' stroke='#333' stroke-width='1'/></pattern></defs>\
             <text class='title' x='{LEFT}' y='17'>{title}</text>",
            title = page::escape(&self.title)
        );
        legend(&mut svg);
        self.rows(&mut svg);
        self.scale.grid(TOP, bottom, &mut svg);
        self.bars(&mut svg);
        self.suspended(&mut svg);
        let (used, waiting) = (band::utilisation(self.found), band::queue(self.found));
        let most = waiting.iter().map(|step| step.1).fold(1.0, f64::max);
        let (first, second) = (bottom + GAP, bottom + GAP + BAND + GAP);
        let percent = |share: f64| format!("{:.0} %", share * 100.0);
        band::draw(("CPU in use", percent), &used, 1.0, (self.scale, first, BAND), &mut svg);
        let count = |number: f64| format!("{number:.0}");
        band::draw(("waiting", count), &waiting, most, (self.scale, second, BAND), &mut svg);
        svg + "</svg>\n"
    }

    /// As a page that needs nothing but itself, with the figures of the run.
    pub fn page(&self, summary: &LeaseSummary) -> String {
        page::page(&self.title, &self.svg(), summary)
    }

    fn top(&self, host: usize) -> f64 {
        TOP + self.row * host as f64
    }

    fn rows(&self, svg: &mut String) {
        let hosts = self.found.site.hosts.len();
        let every = (READABLE / self.row).ceil().max(1.0) as usize;
        for host in 0..hosts {
            let (y, odd) = (self.top(host), if host % 2 == 1 { " odd" } else { "" });
            let (width, height) = (self.scale.width, self.row);
            write!(
                svg,
                "<rect class='row{odd}' x='{LEFT}' y='{y:.1}' width='{width:.1}' \
                 height='{height:.1}'/>"
            )
            .expect("a string");
            if host % every == 0 {
                let (x, y) = (LEFT - 6.0, y + height / 2.0 + 4.0);
                write!(svg, "<text x='{x}' y='{y:.1}' text-anchor='end'>host {host}</text>")
                    .expect("a string");
            }
        }
    }

    /// The class of the bars of a lease.
    fn class(&self, lease: usize) -> &'static str {
        match self.found.workload.leases[lease].kind {
            LeaseKind::AdvanceReservation { .. } => "ar",
            LeaseKind::BestEffort if self.backfilled[lease] => "bf",
            LeaseKind::BestEffort => "be",
            LeaseKind::Immediate => "im",
            LeaseKind::Deadline { .. } => "dl",
        }
    }

    fn bars(&self, svg: &mut String) {
        let places = self.places();
        for (index, stretch) in self.found.stretches.iter().enumerate() {
            let Some(class) = self.shown(stretch) else { continue };
            let number = self.found.workload.leases[stretch.lease.index()].number;
            write!(
                svg,
                "<g class='bar {class}' data-lease='{number}'><title>{}</title>",
                self.told(stretch)
            )
            .expect("a string");
            let (x, end) = (self.scale.x(stretch.start), self.scale.x(stretch.end));
            let width = (end - x).max(0.3);
            for (y, height) in self.boxes(stretch, &places[index]) {
                write!(
                    svg,
                    "<rect x='{x:.1}' y='{y:.1}' width='{width:.1}' height='{height:.1}'/>"
                )
                .expect("a string");
            }
            svg.push_str("</g>");
        }
    }

    /// How a stretch is drawn; not at all outside of the time, or if it takes no CPU.
    fn shown(&self, stretch: &Stretch) -> Option<&'static str> {
        let Scale { begin, end, .. } = self.scale;
        if stretch.end.seconds() <= begin || stretch.start.seconds() >= end {
            return None;
        }
        match stretch.purpose {
            Use::Run => Some(self.class(stretch.lease.index())),
            Use::Suspend | Use::Resume => Some("sr"),
            Use::Shutdown => Some("down"),
            Use::MoveMemory | Use::MoveDisk | Use::Transfer => None,
        }
    }

    /// Where each stretch stands in the row of each of its hosts, and how high it is, as shares.
    fn places(&self) -> Vec<Vec<(f64, f64)>> {
        let stretches = &self.found.stretches;
        let mut by_host: BTreeMap<u32, Vec<(usize, usize, Piece)>> = BTreeMap::new();
        let drawn = stretches.iter().enumerate().filter(|(_, s)| self.shown(s).is_some());
        for (index, stretch) in drawn {
            for (position, &(host, amounts)) in stretch.hosts.iter().enumerate() {
                let capacity = self.found.site.hosts[host as usize][CPU].max(1) as f64;
                let share = (amounts[CPU] as f64 / capacity).clamp(0.1, 1.0);
                let piece = Piece { start: stretch.start.0, end: stretch.end.0, share };
                by_host.entry(host).or_default().push((index, position, piece));
            }
        }
        let mut places: Vec<Vec<(f64, f64)>> =
            stretches.iter().map(|stretch| vec![(0.0, 0.0); stretch.hosts.len()]).collect();
        for mut pieces in by_host.into_values() {
            pieces.sort_by_key(|(index, _, piece)| (piece.start, piece.end, *index));
            let lows = lanes::place(&pieces.iter().map(|piece| piece.2).collect::<Vec<_>>());
            for ((index, position, piece), low) in pieces.into_iter().zip(lows) {
                places[index][position] = (low, piece.share);
            }
        }
        places
    }

    /// Top and height of the boxes of a stretch; hosts side by side that it takes whole are one.
    fn boxes(&self, stretch: &Stretch, places: &[(f64, f64)]) -> Vec<(f64, f64)> {
        let mut boxes: Vec<(f64, f64)> = Vec::new();
        let mut hosts: Vec<(u32, (f64, f64))> =
            stretch.hosts.iter().map(|on| on.0).zip(places.iter().copied()).collect();
        hosts.sort_by_key(|(host, _)| *host);
        let mut below: Option<u32> = None;
        for (host, (low, share)) in hosts {
            let whole = share >= 1.0;
            match boxes.last_mut().filter(|_| whole && below == Some(host)) {
                Some(last) => last.1 += self.row,
                None => {
                    let y = self.top(host as usize) + self.row * (1.0 - low - share);
                    boxes.push((y, self.row * share));
                }
            }
            below = whole.then_some(host + 1);
        }
        boxes
    }

    /// A stretch in words.
    fn told(&self, stretch: &Stretch) -> String {
        let lease = &self.found.workload.leases[stretch.lease.index()];
        let backfilled = if self.backfilled[stretch.lease.index()] { ", backfilled" } else { "" };
        format!(
            "lease {}: {}{backfilled}, {} VMs; {} from {} to {}",
            lease.number,
            lease.kind.name(),
            lease.vms(),
            stretch.purpose.name(),
            stretch.start,
            stretch.end
        )
    }

    /// Dashed lines where memory lies between being saved and being loaded.
    fn suspended(&self, svg: &mut String) {
        let mut saved: BTreeMap<(u32, u32), Instant> = BTreeMap::new();
        let mut order: Vec<&Stretch> = self.found.stretches.iter().collect();
        order.sort_by_key(|stretch| (stretch.end, stretch.start));
        for stretch in order {
            let lease = stretch.lease.0;
            match stretch.purpose {
                Use::Suspend => {
                    saved.extend(stretch.hosts.iter().map(|on| ((lease, on.0), stretch.end)));
                }
                Use::Resume => {
                    let range = (lease, 0)..=(lease, u32::MAX);
                    let hosts: Vec<u32> = saved.range(range).map(|((_, host), _)| *host).collect();
                    for host in hosts {
                        let Some(from) = saved.remove(&(lease, host)) else { continue };
                        let (x, end) = (self.scale.x(from), self.scale.x(stretch.start));
                        let y = self.top(host as usize) + self.row - 1.0;
                        if end > x {
                            write!(svg, "<path class='off' d='M{x:.1} {y:.1}H{end:.1}'/>")
                                .expect("a string");
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

fn legend(svg: &mut String) {
    let mut x = LEFT;
    for (class, words) in LEGEND {
        match class {
            "off" => write!(svg, "<path class='off' d='M{x} 31h14'/>"),
            _ => write!(svg, "<rect class='{class}' x='{x}' y='26' width='14' height='10'/>"),
        }
        .expect("a string");
        write!(svg, "<text x='{}' y='35'>{words}</text>", x + 19.0).expect("a string");
        x += 42.0 + 6.2 * words.len() as f64;
    }
}

/// Which best-effort leases started before one that was asked for earlier.
fn backfilled(found: &FoundLeases) -> Vec<bool> {
    let never = Instant(i64::MAX);
    let mut latest = Instant(i64::MIN);
    let leases = found.workload.leases.iter().zip(&found.outcomes);
    leases
        .map(|(request, outcome)| {
            if !request.is_best_effort() {
                return false;
            }
            let start = outcome.first_start.unwrap_or(never);
            let overtook = start < latest;
            latest = latest.max(start);
            overtook
        })
        .collect()
}
