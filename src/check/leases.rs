//! Is a finished schedule of leases possible, and was every promise kept?
//!
//! Worked out from the requests and from what was held when by whom, by code that shares nothing
//! with the scheduler:
//!
//! | code | what is wrong |
//! |---|---|
//! | GLN-640 | a lease did not end in a final state |
//! | GLN-641 | a host gives more than it has |
//! | GLN-642 | an accepted reservation did not run exactly when agreed |
//! | GLN-643 | a lease ran too long, too short, too early or with other VMs than agreed |
//! | GLN-644 | a lease ran again without its memory having been saved and loaded |
//! | GLN-645 | a deadline was missed |
//! | GLN-646 | a lease that nobody displaced started later than it was promised |
//! | GLN-216 | its VMs are not together, or apart, as its rules say |

use super::company;
use crate::id::{Id, LeaseId};
use crate::model::lease::{Amounts, CPU, LeaseKind, LeaseRequest, MEMORY, RESOURCES, Site};
use crate::model::lease_record::{LeaseOutcome, LeaseState, Stretch, Use};
use crate::problem::Problem;
use crate::time::{Instant, Span};

/// A finished schedule as it tells itself; nothing in it is trusted.
#[derive(Debug, Clone, Copy)]
pub struct LeaseEvidence<'a> {
    /// The site.
    pub site: &'a Site,
    /// What was asked for.
    pub requests: &'a [LeaseRequest],
    /// How each lease fared.
    pub outcomes: &'a [LeaseOutcome],
    /// What was held when by whom.
    pub stretches: &'a [Stretch],
    /// Whether suspensions and resumptions may hold more than their VMs do (oddities of Haizea);
    /// then only runs and shutdowns are held against the capacity.
    pub odd_overheads: bool,
    /// Whether a reservation is shut down within its time (an oddity of Haizea 1.0).
    pub shutdown_inside: bool,
}

/// Everything that is wrong with a schedule; nothing if it is sound.
pub fn check_leases(evidence: LeaseEvidence<'_>) -> Vec<Problem> {
    let mut findings = Vec::new();
    let mut runs: Vec<Vec<&Stretch>> = vec![Vec::new(); evidence.requests.len()];
    for stretch in evidence.stretches {
        runs[stretch.lease.index()].push(stretch);
    }
    let leases = evidence.requests.iter().zip(evidence.outcomes).enumerate();
    for (row, (request, outcome)) in leases {
        runs[row].sort_by_key(|stretch| (stretch.start, stretch.end));
        let length = agreed(request, &runs[row], evidence.shutdown_inside);
        let (stretches, odd) = (&runs[row][..], evidence.odd_overheads);
        let case = Case { request, outcome, length, stretches, odd };
        findings.extend(case.findings(LeaseId::from_index(row)));
    }
    findings.extend(capacity(evidence));
    findings
}

fn finding(code: &'static str, place: String, what: String) -> Problem {
    Problem::new(code, place, what, "Report it with the workload and the rules")
}

/// How long the VMs of a lease run if all goes well: a reservation that is shut down within its
/// time loses that of the shutdown.
pub(super) fn agreed(request: &LeaseRequest, held: &[&Stretch], shutdown_inside: bool) -> Span {
    if !(shutdown_inside && request.is_reservation()) {
        return request.length();
    }
    let shutdown = held.iter().find(|stretch| stretch.purpose == Use::Shutdown);
    let whole = request.duration - shutdown.map_or(Span::ZERO, |part| part.end - part.start);
    request.length().min(whole)
}

/// One lease.
struct Case<'a> {
    request: &'a LeaseRequest,
    outcome: &'a LeaseOutcome,
    /// How long it is to run.
    length: Span,
    /// By start.
    stretches: &'a [&'a Stretch],
    /// Whether overheads are odd; then a transfer may even have been planned too early.
    odd: bool,
}

impl Case<'_> {
    fn findings(&self, id: LeaseId) -> Vec<Problem> {
        let mut wrong = Vec::new();
        let state = self.outcome.state;
        if !state.is_final() {
            wrong.push(("GLN-640", format!("it is {state:?}")));
        }
        let runs = || self.stretches.iter().filter(|stretch| stretch.purpose == Use::Run);
        self.times(runs().copied(), &mut wrong);
        if state == LeaseState::Done {
            self.work(runs().copied().collect(), &mut wrong);
            self.memory(&mut wrong);
        }
        let company = company::of_holdings(self.request, self.outcome, self.stretches);
        wrong.extend(company.into_iter().map(|what| ("GLN-216", what)));
        let place = format!("lease {} ({id})", self.request.number);
        wrong.into_iter().map(|(code, what)| finding(code, place.clone(), what)).collect()
    }

    fn times<'b>(
        &self,
        mut runs: impl Iterator<Item = &'b Stretch>,
        wrong: &mut Vec<(&'static str, String)>,
    ) {
        let known = |stretch: &&&Stretch| stretch.start >= self.request.arrival;
        let may_be_early = |stretch: &&&Stretch| self.odd && stretch.purpose == Use::Transfer;
        let mut stretches = self.stretches.iter();
        let early = stretches.find(|stretch| !known(stretch) && !may_be_early(stretch));
        if let Some(stretch) = early {
            wrong.push(("GLN-643", format!("held at {}, before it was asked for", stretch.start)));
        }
        let (first, ran) = (runs.next(), self.outcome.state == LeaseState::Done);
        match self.request.kind {
            LeaseKind::AdvanceReservation { start } if ran => {
                let end = start + self.length;
                let kept = first.is_some_and(|run| run.start == start && run.end == end);
                if !kept || runs.next().is_some() {
                    wrong.push(("GLN-642", format!("agreed was {start} to {end}")));
                }
            }
            LeaseKind::Deadline { start, deadline } if ran => {
                let last = self.outcome.end.unwrap_or(Instant::START);
                if first.is_some_and(|run| run.start < start) || last > deadline {
                    wrong.push(("GLN-645", format!("ended {last}, agreed {start} to {deadline}")));
                }
            }
            _ => {}
        }
        let undisturbed = self.outcome.preemptions == 0 && self.outcome.suspensions == 0;
        if let (Some(promised), Some(first), true) = (self.outcome.promised, first, undisturbed)
            && first.start > promised
        {
            let what = format!("started {}, promised was {promised}", first.start);
            wrong.push(("GLN-646", what));
        }
    }

    fn work(&self, runs: Vec<&Stretch>, wrong: &mut Vec<(&'static str, String)>) {
        let total = runs.iter().fold(Span::ZERO, |sum, run| sum + (run.end - run.start));
        let length = self.length;
        // A run that was broken off is lost and repeated.
        let lost = self.outcome.preemptions > 0 && total > length;
        if total != length && !lost || self.outcome.run_time != length {
            let what = format!("ran {} s of {} s", total.seconds(), length.seconds());
            wrong.push(("GLN-643", what));
        }
        let needs = self.request.needs().fold([0; RESOURCES], |sum, need| plus(sum, need, 1));
        for run in &runs {
            let held = run.hosts.iter().fold([0; RESOURCES], |sum, part| plus(sum, part.1, 1));
            if held != needs {
                wrong.push(("GLN-643", format!("held {held:?} at {}, not {needs:?}", run.start)));
            }
        }
        if let Some(pair) = runs.windows(2).find(|pair| pair[0].end > pair[1].start) {
            wrong.push(("GLN-643", format!("ran twice at {}", pair[1].start)));
        }
    }

    /// Between two runs that count memory was saved after the one and loaded before the other.
    fn memory(&self, wrong: &mut Vec<(&'static str, String)>) {
        let (mut saved, mut loaded, mut runs) = (0_u32, 0_u32, 0_u32);
        for stretch in self.stretches {
            match stretch.purpose {
                Use::Run => runs += 1,
                Use::Suspend => saved += 1,
                Use::Resume => loaded += 1,
                _ => {}
            }
        }
        let breaks = runs.saturating_sub(1);
        if breaks > self.outcome.preemptions + self.outcome.suspensions
            || self.outcome.resumptions > 0 && loaded == 0
            || self.outcome.suspensions > saved
        {
            wrong.push(("GLN-644", format!("{runs} runs, saved {saved}, loaded {loaded} parts")));
        }
    }
}

fn plus(sum: Amounts, amounts: Amounts, sign: i64) -> Amounts {
    std::array::from_fn(|k| sum[k] + sign * amounts[k])
}

/// Adds up what every host gives, change by change.
fn capacity(evidence: LeaseEvidence<'_>) -> Vec<Problem> {
    let mut changes: Vec<Vec<(Instant, i64, Amounts, LeaseId)>> =
        vec![Vec::new(); evidence.site.hosts.len()];
    for stretch in evidence.stretches {
        let solid = matches!(stretch.purpose, Use::Run | Use::Shutdown);
        if evidence.odd_overheads && !solid {
            continue;
        }
        for &(host, amounts) in &stretch.hosts {
            let row = &mut changes[host as usize];
            row.push((stretch.start, 1, amounts, stretch.lease));
            row.push((stretch.end, -1, amounts, stretch.lease));
        }
    }
    let mut findings = Vec::new();
    for (host, (mut row, capacity)) in changes.into_iter().zip(&evidence.site.hosts).enumerate() {
        // At one instant what ends makes room for what begins.
        row.sort_by_key(|&(at, sign, _, lease)| (at, sign, lease));
        let mut used = [0; RESOURCES];
        for (at, sign, amounts, lease) in row {
            used = plus(used, amounts, sign);
            let over = (CPU..=MEMORY).chain(5..RESOURCES).find(|&k| used[k] > capacity[k]);
            if let Some(k) = over.filter(|_| sign > 0) {
                let what = format!(
                    "{} of resource {k} are held at {at}, it has {}; the last was {lease}",
                    used[k], capacity[k]
                );
                findings.push(finding("GLN-641", format!("host {host}"), what));
                break;
            }
        }
        if used != [0; RESOURCES] && findings.is_empty() {
            let what = format!("{used:?} are held after the end");
            findings.push(finding("GLN-641", format!("host {host}"), what));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::lease::{NodeSet, Software};

    fn s(seconds: f64) -> Instant {
        Instant::from_seconds(seconds)
    }

    fn request(number: u64, kind: LeaseKind) -> LeaseRequest {
        let mut need = [0; RESOURCES];
        (need[CPU], need[MEMORY]) = (60, 100);
        LeaseRequest {
            number,
            arrival: Instant::START,
            kind,
            nodes: vec![NodeSet::new(1, need)],
            duration: Span::from_seconds(100.0),
            real_duration: None,
            preemptible: true,
            software: Software::None,
            user: None,
            promised_percent: LeaseRequest::WHOLE,
            extras: Vec::new(),
        }
    }

    fn done(at: f64) -> LeaseOutcome {
        LeaseOutcome {
            state: LeaseState::Done,
            first_start: Some(s(at)),
            last_start: Some(s(at)),
            end: Some(s(at + 100.0)),
            run_time: Span::from_seconds(100.0),
            suspensions: 0,
            resumptions: 0,
            memory_migrations: 0,
            disk_migrations: 0,
            transfers: 0,
            preemptions: 0,
            price: None,
            promised: None,
            premature: false,
            first_hosts: vec![0],
            history: Vec::new(),
        }
    }

    fn run(lease: u32, start: f64, end: f64) -> Stretch {
        let mut amounts = [0; RESOURCES];
        (amounts[CPU], amounts[MEMORY]) = (60, 100);
        let hosts = vec![(0, amounts)];
        let lease = LeaseId(lease);
        Stretch { lease, purpose: Use::Run, start: s(start), end: s(end), hosts }
    }

    fn codes(
        requests: &[LeaseRequest],
        outcomes: &[LeaseOutcome],
        runs: &[Stretch],
    ) -> Vec<&'static str> {
        let site = Site::uniform(1, 100, 1024);
        let evidence = LeaseEvidence {
            site: &site,
            requests,
            outcomes,
            stretches: runs,
            odd_overheads: false,
            shutdown_inside: false,
        };
        check_leases(evidence).into_iter().map(|problem| problem.code).collect()
    }

    #[test]
    fn each_fault_is_found_and_a_sound_schedule_has_none() {
        let reserved = LeaseKind::AdvanceReservation { start: s(200.0) };
        let requests = [request(1, LeaseKind::BestEffort), request(2, reserved)];
        let outcomes = [done(0.0), done(200.0)];
        let sound = [run(0, 0.0, 100.0), run(1, 200.0, 300.0)];
        let none: [&str; 0] = [];
        assert_eq!(codes(&requests, &outcomes, &sound), none);
        let late = [run(0, 0.0, 100.0), run(1, 201.0, 301.0)];
        assert_eq!(codes(&requests, &outcomes, &late), ["GLN-642"]);
        let crowded = [run(0, 150.0, 250.0), run(1, 200.0, 300.0)];
        assert_eq!(codes(&requests, &outcomes, &crowded), ["GLN-641"]);
        let short = [run(0, 0.0, 99.0), run(1, 200.0, 300.0)];
        assert_eq!(codes(&requests, &outcomes, &short), ["GLN-643"]);
        let broken = [run(0, 0.0, 50.0), run(0, 60.0, 110.0), run(1, 200.0, 300.0)];
        assert_eq!(codes(&requests, &outcomes, &broken), ["GLN-644"]);
        let mut waits = outcomes.clone();
        waits[0].state = LeaseState::Queued;
        assert_eq!(codes(&requests, &waits, &sound), ["GLN-640"]);
        let mut promised = outcomes.clone();
        promised[0].promised = Some(s(0.0));
        let delayed = [run(0, 10.0, 110.0), run(1, 200.0, 300.0)];
        assert_eq!(codes(&requests, &promised, &delayed), ["GLN-646"]);
        let bound = LeaseKind::Deadline { start: s(0.0), deadline: s(90.0) };
        let tight = [request(1, bound), request(2, reserved)];
        assert_eq!(codes(&tight, &outcomes, &sound), ["GLN-645"]);
    }
}
