//! Do links between sites fail as they should, and is nothing sent over one that has?

use std::collections::BTreeSet;

use super::{Evidence, Report};
use crate::model::record::{LinkOutageRecord, MoveRecord, StageRecord};
use crate::model::sites::{Route, Sites};
use crate::problem::Problem;
use crate::time::Instant;

const REMEDY: &str = "Rerun the spec; if it happens again, report it with the run directory";

/// Whether the outage is one at `at` beyond doubt: it began before, and ended after.
fn covers(row: &LinkOutageRecord, at: Instant) -> bool {
    row.start < at && row.end.is_none_or(|end| at < end)
}

/// Which links are up at `at`; `None` where one fails or is repaired at that very instant.
pub(super) fn up(evidence: &Evidence, sites: &Sites, at: Instant) -> Option<Vec<bool>> {
    let rows = &evidence.record.link_outages;
    if rows.iter().any(|row| row.start == at || row.end == Some(at)) {
        return None;
    }
    let mut up = vec![true; sites.links.len()];
    for row in rows.iter().filter(|row| covers(row, at)) {
        up.iter_mut().skip(row.link as usize).take(1).for_each(|up| *up = false);
    }
    Some(up)
}

/// Verifies `link_outages`.
pub(super) fn check(evidence: &Evidence, out: &mut Report) {
    let rows = &evidence.record.link_outages;
    let mut refuse = |place: String, what: String| {
        out.findings.push(Problem::new("GLN-673", place, what, REMEDY));
    };
    let Some(sites) = &evidence.rules.sites else {
        if !rows.is_empty() {
            refuse("link_outages".into(), "links fail, and there is no [sites]".into());
        }
        return;
    };
    let listed = evidence.rules.outages.iter().flat_map(|outages| &outages.list);
    let run_end = evidence.record.actions.last().map_or(Instant::START, |action| action.at);
    let mut edges: BTreeSet<(u32, Instant)> = BTreeSet::new();
    for (row, outage) in listed.enumerate() {
        let Some(link) = outage.link else { continue };
        let [from, to] = [outage.start_s, outage.end_s].map(Instant::from_seconds);
        edges.extend([(link, from), (link, to)]);
        let holds = |found: &LinkOutageRecord| {
            found.link == link && found.start <= from && found.end.is_none_or(|end| end >= to)
        };
        if from < run_end && !rows.iter().any(holds) {
            let what = format!("link {link} does not fail at {from} for as long as it should");
            refuse(format!("[outages] list[{row}]"), what);
        }
    }
    let drawn = evidence.rules.outages.as_ref().is_some_and(|outages| outages.link.is_some());
    for (number, row) in rows.iter().enumerate() {
        let known = edges.contains(&(row.link, row.start))
            && row.end.is_none_or(|end| edges.contains(&(row.link, end)));
        let sound =
            (row.link as usize) < sites.links.len() && row.end.is_none_or(|end| row.start < end);
        if !sound || !(known || drawn) {
            let what = format!("link {} fails at {}, and nothing says so", row.link, row.start);
            refuse(format!("link_outages row {number}"), what);
        }
    }
    if drawn {
        let what = "link_outages: whether those at random are those that were drawn";
        out.unverified.push(what.into());
    }
}

/// What is sent over a link of `route` that fails meanwhile.
pub(super) fn sent_over(
    evidence: &Evidence,
    row: &MoveRecord,
    route: &Route,
    stages: &[&StageRecord],
) -> Option<String> {
    let fails = evidence.record.link_outages.iter().find(|outage| {
        let on_route = route.iter().any(|&(link, _)| link == outage.link as usize);
        let sends = |stage: &&&StageRecord| {
            let open = stage.end.is_none_or(|end| outage.start < end);
            stage.bytes > 0.0 && stage.start < outage.start && open
        };
        on_route && stages.iter().any(|stage| sends(&stage))
    })?;
    Some(format!("{} is sent over link {}, which fails at {}", row.vm, fails.link, fails.start))
}
