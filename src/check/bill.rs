//! Does the ledger follow from what happened, and do its totals balance?
//!
//! Tariffs, months, presence and downtime are worked out again: times between two edges (a step of
//! a series, the end of a month) are listed one by one, and the walk over all instants divides what
//! each host uses among them. An amount must be quantity times price, rounded to a millionth;
//! totals must be the sums of the amounts to the last millionth.
//!
//! | code | what is wrong |
//! |---|---|
//! | GLN-618 | an entry of the ledger does not follow, is missing or is not due |
//! | GLN-619 | a total is not the sum of its entries |

use std::collections::{BTreeMap, BTreeSet};

use crate::model::costs::{Costs, HourPrice, Rate, Then};
use crate::problem::Problem;
use crate::time::Instant;

/// Microseconds of a month of 30 days.
const MONTH_US: i64 = 2_592_000_000_000;
const HOUR_US: f64 = 3.6e9;
const JOULES_PER_KWH: f64 = 3.6e6;
/// Sums of many doubles, taken in another order than by the run.
const TOLERANCE: f64 = 1e-9;

const REMEDY: &str = "Rerun the spec; if it happens again, report it with the run directory";

/// One row of the ledger, as its table tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct BillRow {
    /// `energy`, `carbon`, `instance-hours`, `rent`, `credits` or `penalties`.
    pub account: String,
    /// `host`, `vm` or `lease`, and its number.
    pub subject: (String, u32),
    /// From when on.
    pub start: Instant,
    /// Until when.
    pub end: Instant,
    /// How much.
    pub quantity: f64,
    /// In what.
    pub unit: String,
    /// Price of a unit.
    pub unit_price: f64,
    /// Gain in millionths of the currency, negative where it is spent.
    pub amount_micro: i64,
}

/// Time in which VMs of a lease ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRun {
    /// Row of the lease.
    pub lease: u32,
    /// How many VMs it has.
    pub vms: usize,
    /// Its VMs by instance type, where they have one.
    pub instances: Vec<(String, u32)>,
    /// From when on.
    pub start: Instant,
    /// Until when.
    pub end: Instant,
}

/// A ledger and its totals; nothing in it is trusted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bill {
    /// The entries.
    pub rows: Vec<BillRow>,
    /// The totals, by name.
    pub totals: Vec<(String, f64)>,
    /// When the VMs of leases ran, in a run of leases: they are billed, not the VMs of the fleet.
    pub runs: Option<Vec<LeaseRun>>,
}

/// Account, subject, start and end.
type Key = (&'static str, (&'static str, u32), Instant, Instant);

/// What is due: quantity and price.
pub(super) type Due = BTreeMap<Key, (f64, f64)>;

/// What a VM or a lease stood for in a month.
type Standing = BTreeMap<(i64, (&'static str, u32)), (i64, i64)>;

/// Spans of time, by VM.
pub(super) type Spans = Vec<Vec<(Instant, Instant)>>;

/// Every instant up to `end` at which a rate of `costs` may change or a month ends, with 0 and
/// `end`.
pub(super) fn edges(costs: &Costs, end: Instant) -> Vec<Instant> {
    let mut edges: BTreeSet<Instant> = changes(&costs.energy_price, end);
    edges.extend(changes(&costs.carbon_intensity, end));
    edges.into_iter().collect()
}

/// The same for one rate.
fn changes(rate: &Rate, end: Instant) -> BTreeSet<Instant> {
    let mut edges: BTreeSet<Instant> =
        (0..=end.0 / MONTH_US).map(|month| Instant(month * MONTH_US)).collect();
    edges.insert(end);
    if let Rate::Series(series) = rate {
        let period = series.until_s.filter(|_| series.then == Then::Repeat);
        let period = period.map(|seconds| Instant::from_seconds(seconds).0);
        let rounds = period.map_or(0, |period| end.0 / period.max(1));
        for round in 0..=rounds {
            let since = round * period.unwrap_or(0);
            edges.extend(
                series
                    .steps
                    .iter()
                    .map(|(at, _)| Instant::from_seconds(*at).0 + since)
                    .map(Instant),
            );
        }
    }
    edges.into_iter().filter(|edge| *edge <= end).collect()
}

/// The value of a rate at `at`: that of the last step that is not after it.
fn value(rate: &Rate, at: Instant) -> f64 {
    match rate {
        Rate::Constant(value) => *value,
        Rate::Series(series) => {
            let mut time = at.0;
            if let (Then::Repeat, Some(until_s)) = (series.then, series.until_s) {
                time %= Instant::from_seconds(until_s).0.max(1);
            }
            let mut begun =
                series.steps.iter().filter(|(from, _)| Instant::from_seconds(*from).0 <= time);
            begun.next_back().map_or(0.0, |(_, value)| *value)
        }
    }
}

/// Adds what hosts used (joules by host and the edge before) to what is due.
pub(super) fn energy(
    costs: &Costs,
    used: &BTreeMap<(Instant, usize), f64>,
    end: Instant,
    due: &mut Due,
) {
    let accounts = [("energy", &costs.energy_price), ("carbon", &costs.carbon_intensity)];
    for (account, rate) in accounts {
        if account == "carbon" && *rate == Rate::Constant(0.0) {
            continue;
        }
        // Where this rate takes another value, or a month begins; the end comes last.
        let mut marks: Vec<Instant> = Vec::new();
        for edge in changes(rate, end) {
            let same = marks.last().is_some_and(|last| value(rate, *last) == value(rate, edge));
            if edge == end || edge.0 % MONTH_US == 0 || !same {
                marks.push(edge);
            }
        }
        for span in marks.windows(2) {
            let mut hosts: BTreeMap<usize, f64> = BTreeMap::new();
            for (&(_, host), joules) in used.range((span[0], 0)..(span[1], 0)) {
                *hosts.entry(host).or_default() += joules;
            }
            for (host, joules) in hosts {
                let kwh = joules / JOULES_PER_KWH * costs.pue;
                let row = match account {
                    "energy" => (kwh, value(rate, span[0])),
                    _ => (kwh * value(rate, span[0]) / 1000.0, costs.carbon_price / 1000.0),
                };
                due.insert((account, ("host", host as u32), span[0], span[1]), row);
            }
        }
    }
}

/// The parts of a span, month by month.
pub(super) fn by_month(start: Instant, end: Instant) -> Vec<(i64, Instant, Instant)> {
    let mut parts = Vec::new();
    let mut since = start;
    while since < end {
        let month = since.0 / MONTH_US;
        let until = end.min(Instant((month + 1) * MONTH_US));
        parts.push((month, since, until));
        since = until;
    }
    parts
}

/// Adds the hours of instances: of leases, or of the VMs that were there.
pub(super) fn hours(costs: &Costs, runs: Option<&[LeaseRun]>, there: &Spans, due: &mut Due) {
    if costs.vm_hour_price == HourPrice::All(0.0) {
        return;
    }
    let mut add = |subject, count: f64, span: (Instant, Instant), price: f64| {
        for (_, start, end) in by_month(span.0, span.1) {
            let hours = count * ((end - start).0 as f64 / HOUR_US);
            due.entry(("instance-hours", subject, start, end)).or_insert((0.0, price)).0 += hours;
        }
    };
    let price = |vm: usize| match &costs.vm_hour_price {
        HourPrice::All(price) => *price,
        // Equal blocks, one per type, the last of which may be shorter.
        HourPrice::ByType(prices) => prices[vm / there.len().div_ceil(prices.len())],
        HourPrice::ByCount(prices) => {
            let mut each = prices.iter().flat_map(|p| std::iter::repeat_n(p.price, p.count));
            each.nth(vm).unwrap_or(0.0)
        }
        HourPrice::Catalogue(_) | HourPrice::ByInstance(_) => 0.0,
    };
    match runs {
        Some(runs) => runs.iter().for_each(|run| {
            let price = match &costs.vm_hour_price {
                HourPrice::ByInstance(prices) => mean_price(run, prices),
                _ => price(0),
            };
            add(("lease", run.lease), run.vms as f64, (run.start, run.end), price);
        }),
        None => there.iter().enumerate().for_each(|(vm, spans)| {
            spans.iter().for_each(|span| add(("vm", vm as u32), 1.0, *span, price(vm)));
        }),
    }
}

/// What an hour of a VM of the lease costs in the mean.
fn mean_price(run: &LeaseRun, prices: &BTreeMap<String, f64>) -> f64 {
    let paid = run.instances.iter();
    let paid = paid.map(|(name, vms)| prices.get(name).unwrap_or(&0.0) * f64::from(*vms));
    paid.sum::<f64>() / run.vms as f64
}

/// Adds the credits: `there` and `down` by VM, whose price is paid by `owner`.
pub(super) fn credits(
    costs: &Costs,
    (there, down): (&Spans, &Spans),
    owner: impl Fn(usize) -> (&'static str, u32),
    end: Instant,
    due: &mut Due,
) {
    let mut standing = Standing::new();
    for (vm, (there, down)) in there.iter().zip(down).enumerate() {
        for (month, from, to) in there.iter().flat_map(|span| by_month(span.0, span.1)) {
            standing.entry((month, owner(vm))).or_default().0 += (to - from).0;
        }
        let mut covered = Instant::START;
        let mut spans = down.clone();
        spans.sort_unstable();
        for (from, to) in spans {
            for (month, from, to) in by_month(from.max(covered), to) {
                standing.entry((month, owner(vm))).or_default().1 += (to - from).0;
            }
            covered = covered.max(to);
        }
    }
    for ((month, subject), (present, down)) in standing {
        let up = (present - down) as f64 * 100.0;
        let tiers = costs.sla.iter().filter(|tier| up >= tier.from * present as f64);
        let highest = tiers.reduce(|best, tier| if tier.from > best.from { tier } else { best });
        let share = highest.map_or(0.0, |tier| tier.credit) / 100.0;
        if share > 0.0 {
            let (from, to) = (Instant(month * MONTH_US), Instant((month + 1) * MONTH_US));
            let billed = due.iter().filter(|((account, whose, start, _), _)| {
                *account == "instance-hours" && *whose == subject && (from..to).contains(start)
            });
            let micro: i64 = billed.map(|(_, (hours, price))| micro(*hours, *price)).sum();
            let row = (share, micro as f64 / 1e6);
            due.insert(("credits", subject, from, to.min(end)), row);
        }
    }
}

/// Adds the penalties: seconds short, by VM.
pub(super) fn penalties(
    costs: &Costs,
    short_s: impl Iterator<Item = f64>,
    end: Instant,
    due: &mut Due,
) {
    if costs.penalty_per_s > 0.0 {
        for (vm, seconds) in (0..).zip(short_s).filter(|(_, seconds)| *seconds > 0.0) {
            let key = ("penalties", ("vm", vm), Instant::START, end);
            due.insert(key, (seconds, costs.penalty_per_s));
        }
    }
}

fn micro(quantity: f64, price: f64) -> i64 {
    (quantity * price * 1e6).round() as i64
}

fn near(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= TOLERANCE * expected.abs().max(1.0)
}

/// What is wrong with `bill` where `due` is what follows from the run, and its totals again.
pub(super) fn compare(bill: &Bill, due: Due) -> (Vec<Problem>, Vec<(String, f64)>) {
    let mut findings = Vec::new();
    let mut rest: BTreeMap<_, _> = due
        .into_iter()
        .map(|((account, (kind, id), start, end), row)| {
            ((account.to_owned(), kind.to_owned(), id, start, end), row)
        })
        .collect();
    let totals = totals(&bill.rows);
    for (row, found) in bill.rows.iter().enumerate() {
        let (kind, id) = &found.subject;
        let place =
            format!("ledger row {row}: {} of {kind} {id} from {}", found.account, found.start);
        let mut wrong = |what: String| {
            findings.push(Problem::new("GLN-618", place.clone(), what, REMEDY));
        };
        let key = (found.account.clone(), kind.clone(), *id, found.start, found.end);
        match rest.remove(&key) {
            None if found.quantity.abs() <= TOLERANCE => {}
            None => wrong(format!("nothing is due until {}", found.end)),
            Some((quantity, price)) => {
                if !near(found.quantity, quantity) {
                    wrong(format!("quantity found {}, expected {quantity}", found.quantity));
                }
                if !near(found.unit_price, price) {
                    wrong(format!("unit_price found {}, expected {price}", found.unit_price));
                }
            }
        }
        let sign = if found.account == "instance-hours" { 1 } else { -1 };
        let amount = sign * micro(found.quantity, found.unit_price);
        if found.amount_micro != amount {
            wrong(format!("amount found {}, expected {amount} millionths", found.amount_micro));
        }
        if found.unit != unit(&found.account) {
            wrong(format!("unit found `{}`, expected `{}`", found.unit, unit(&found.account)));
        }
    }
    for ((account, kind, id, start, end), (quantity, _)) in rest {
        if quantity > TOLERANCE {
            let place = format!("ledger: {account} of {kind} {id} from {start}");
            let what = format!("there is no such entry until {end}, expected {quantity}");
            findings.push(Problem::new("GLN-618", place, what, REMEDY));
        }
    }
    for (name, expected) in &totals {
        let found = bill.totals.iter().find(|(found, _)| found == name).map(|(_, value)| *value);
        let exact = !name.ends_with("_kwh") && !name.ends_with("_kg") && !name.ends_with("_hours")
            || name == "costs.instance_hours";
        let agrees = found
            .is_some_and(|found| if exact { found == *expected } else { near(found, *expected) });
        if !agrees {
            let found = found.map_or_else(|| "nothing".to_owned(), |found| found.to_string());
            let what = format!("found {found}, the entries add up to {expected}");
            findings.push(Problem::new("GLN-619", name.clone(), what, REMEDY));
        }
    }
    (findings, totals)
}

fn unit(account: &str) -> &'static str {
    match account {
        "energy" => "kWh",
        "carbon" => "kgCO2e",
        "instance-hours" | "rent" => "h",
        "credits" => "month",
        _ => "s",
    }
}

/// The totals of the rows, by name.
fn totals(rows: &[BillRow]) -> Vec<(String, f64)> {
    let of = |account: &'static str| rows.iter().filter(move |row| row.account == account);
    let micro = |account| of(account).map(|row| row.amount_micro).sum::<i64>() as f64 / 1e6;
    let quantity = |account| of(account).map(|row| row.quantity).sum::<f64>();
    let all = rows.iter().map(|row| row.amount_micro).sum::<i64>() as f64 / 1e6;
    [
        ("energy", micro("energy")),
        ("carbon", micro("carbon")),
        ("instance_hours", micro("instance-hours")),
        ("credits", micro("credits")),
        ("penalties", micro("penalties")),
        ("balance", all),
        ("site_energy_kwh", quantity("energy")),
        ("emissions_kg", quantity("carbon")),
        ("billed_hours", quantity("instance-hours")),
    ]
    .map(|(name, value)| (format!("costs.{name}"), value))
    .to_vec()
}

/// Everything that is wrong with the bill of a run of leases without load, and its totals again.
pub fn check_lease_bill(costs: &Costs, bill: &Bill) -> (Vec<Problem>, Vec<(String, f64)>) {
    let mut due = Due::new();
    hours(costs, bill.runs.as_deref(), &vec![Vec::new()], &mut due);
    compare(bill, due)
}
