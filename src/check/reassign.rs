//! Does an assignment keep the rules of a reassignment problem, those of an operator included, and
//! what does it cost?
//!
//! Reads a problem as JSON text, sums everything afresh and looks at every rule by its definition,
//! without any of the code that searches.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// What an assignment costs, weights included, and every rule that it breaks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Judgement {
    /// The whole cost.
    pub cost: i128,
    /// Breaches of rules, in words; none when the assignment is feasible.
    pub breaches: Vec<String>,
}

#[derive(Deserialize)]
struct Problem {
    transient: Vec<bool>,
    load_weight: Vec<i128>,
    machines: Machines,
    items: Items,
    services: Services,
    balances: Vec<Balance>,
    weights: Weights,
    start: Vec<usize>,
    power: Power,
    tiers: Vec<Tier>,
    budgets: Budgets,
    constraints: Vec<Rule>,
}

#[derive(Deserialize)]
struct Machines {
    neighbourhood: Vec<usize>,
    location: Vec<usize>,
    capacity: Vec<i128>,
    safety: Vec<i128>,
    move_cost: Vec<i128>,
}

#[derive(Deserialize)]
struct Items {
    service: Vec<usize>,
    demand: Vec<i128>,
    move_cost: Vec<i128>,
    bytes: Vec<i128>,
    link_time: Vec<i128>,
}

#[derive(Deserialize)]
struct Services {
    spread: Vec<usize>,
    dependencies: Vec<Vec<usize>>,
}

#[derive(Deserialize)]
struct Balance {
    first: usize,
    second: usize,
    target: i128,
    weight: i128,
}

#[derive(Deserialize)]
struct Weights {
    item: i128,
    service: i128,
    machine: i128,
}

#[derive(Deserialize)]
struct Power {
    resource: usize,
    idle: Vec<i128>,
    curve: Vec<usize>,
    curves: Vec<Curve>,
}

#[derive(Deserialize)]
struct Curve {
    pieces: Vec<Piece>,
}

#[derive(Deserialize)]
struct Piece {
    from: i128,
    base: i128,
    slope: i128,
}

#[derive(Deserialize)]
struct Tier {
    resource: usize,
    threshold: Vec<i128>,
    weight: i128,
}

#[derive(Deserialize)]
struct Budgets {
    moves: Option<i128>,
    bytes: Option<i128>,
    link_time: Option<i128>,
    ingress: Vec<i128>,
    egress: Vec<i128>,
    ceilings: Vec<Ceiling>,
}

#[derive(Deserialize)]
struct Ceiling {
    prices: Problem,
    most: i128,
}

/// A rule of an operator; which of the fields there are depends on its kind.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Rule {
    kind: String,
    items: BTreeSet<usize>,
    machines: BTreeSet<usize>,
    sets: Vec<BTreeSet<usize>>,
    groups: Vec<BTreeSet<usize>>,
    resource: usize,
    amount: i128,
    percent: i128,
    most: i128,
}

/// Judges `assignment`, one machine per item, of the problem in `json`.
///
/// # Errors
///
/// What does not fit, in words.
///
/// ```
/// use galerna::check::reassign::judge;
/// use galerna::reassign::{Constraint, generate};
///
/// let mut instance = generate::consolidation(4, 6, 0)?;
/// instance.constraints = vec![Constraint::Gather { items: vec![0, 1] }];
/// let json = serde_json::to_string(&instance).expect("numbers and lists can be written");
/// let apart = judge(&json, &[0, 1, 2, 3, 0, 1]).expect("it fits the problem");
/// assert!(apart.breaches.iter().any(|breach| breach.contains("constraint 0 (gather)")));
/// # Ok::<(), galerna::reassign::Error>(())
/// ```
pub fn judge(json: &str, assignment: &[u32]) -> Result<Judgement, String> {
    let problem: Problem = serde_json::from_str(json).map_err(|cause| cause.to_string())?;
    let at: Vec<usize> = assignment.iter().map(|&machine| machine as usize).collect();
    let machines = problem.machines.location.len();
    if at.len() != problem.start.len() || at.iter().any(|&machine| machine >= machines) {
        return Err("the assignment does not fit the problem".into());
    }
    let view = View { problem: &problem, at: &at };
    let mut breaches = view.room();
    breaches.extend(view.services());
    breaches.extend(view.budgets());
    for (number, rule) in problem.constraints.iter().enumerate() {
        if !view.holds(rule) {
            breaches.push(format!("constraint {number} ({}) is broken", rule.kind));
        }
    }
    Ok(Judgement { cost: view.cost(), breaches })
}

/// A problem with an assignment.
struct View<'a> {
    problem: &'a Problem,
    at: &'a [usize],
}

impl View<'_> {
    fn width(&self) -> usize {
        self.problem.transient.len()
    }

    fn machine_count(&self) -> usize {
        self.problem.machines.location.len()
    }

    fn items(&self) -> std::ops::Range<usize> {
        0..self.at.len()
    }

    fn need(&self, item: usize, r: usize) -> i128 {
        self.problem.items.demand[item * self.width() + r]
    }

    fn used(&self, machine: usize, r: usize) -> i128 {
        self.on(machine).map(|item| self.need(item, r)).sum()
    }

    fn on(&self, machine: usize) -> impl Iterator<Item = usize> + '_ {
        self.items().filter(move |&item| self.at[item] == machine)
    }

    fn is_moved(&self, item: usize) -> bool {
        self.at[item] != self.problem.start[item]
    }

    /// What may be used of a resource of a machine.
    fn limit(&self, machine: usize, r: usize) -> i128 {
        let have = self.problem.machines.capacity[machine * self.width() + r];
        let rules = self.problem.constraints.iter();
        let own = rules.filter(|rule| {
            rule.kind == "overbook" && rule.resource == r && rule.machines.contains(&machine)
        });
        own.map(|rule| have * rule.percent / 100).min().unwrap_or(have)
    }

    fn room(&self) -> Vec<String> {
        let mut breaches = Vec::new();
        for machine in 0..self.machine_count() {
            for r in 0..self.width() {
                let counts = |&item: &usize| {
                    let was_here = self.problem.start[item] == machine;
                    self.at[item] == machine || (self.problem.transient[r] && was_here)
                };
                let held: i128 = self.items().filter(counts).map(|item| self.need(item, r)).sum();
                if held > self.limit(machine, r) {
                    breaches.push(format!("machine {machine} holds too much of resource {r}"));
                }
            }
        }
        breaches
    }

    fn services(&self) -> Vec<String> {
        let mut breaches = Vec::new();
        let service = |item: usize| self.problem.items.service[item];
        let machines = &self.problem.machines;
        let mut there: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        self.items().for_each(|item| there.entry(service(item)).or_default().push(self.at[item]));
        let none = Vec::new();
        let of = |s: usize| there.get(&s).unwrap_or(&none);
        for (s, least) in self.problem.services.spread.iter().enumerate() {
            let distinct: BTreeSet<_> = of(s).iter().collect();
            if distinct.len() < of(s).len() {
                breaches.push(format!("service {s} shares a machine with itself"));
            }
            let locations: BTreeSet<_> = of(s).iter().map(|&m| machines.location[m]).collect();
            if locations.len() < *least {
                breaches.push(format!("service {s} is in too few locations"));
            }
            let near = |s: usize| -> BTreeSet<usize> {
                of(s).iter().map(|&m| machines.neighbourhood[m]).collect()
            };
            let needs = self.problem.services.dependencies[s].iter();
            if needs.into_iter().any(|&other| !near(s).is_subset(&near(other))) {
                breaches.push(format!("service {s} misses another nearby"));
            }
        }
        breaches
    }

    fn budgets(&self) -> Vec<String> {
        let (budgets, items) = (&self.problem.budgets, &self.problem.items);
        let moved: Vec<usize> = self.items().filter(|&item| self.is_moved(item)).collect();
        let sum = |column: &[i128], of: &[usize]| -> i128 {
            if column.is_empty() { 0 } else { of.iter().map(|&item| column[item]).sum() }
        };
        let totals = [
            ("moves", moved.len() as i128, budgets.moves),
            ("bytes", sum(&items.bytes, &moved), budgets.bytes),
            ("link time", sum(&items.link_time, &moved), budgets.link_time),
        ];
        let over = totals.iter().filter(|(_, spent, most)| most.is_some_and(|most| *spent > most));
        let mut breaches: Vec<String> = over
            .map(|(what, spent, _)| format!("the {what} are {spent}, above the budget"))
            .collect();
        for machine in 0..self.machine_count() {
            let gone = |&&item: &&usize| self.problem.start[item] == machine;
            let come = |&&item: &&usize| self.at[item] == machine;
            let out: Vec<usize> = moved.iter().filter(gone).copied().collect();
            let into: Vec<usize> = moved.iter().filter(come).copied().collect();
            for (way, list, most) in
                [("out of", out, &budgets.egress), ("into", into, &budgets.ingress)]
            {
                let most = most.get(machine);
                if most.is_some_and(|&most| sum(&items.link_time, &list) > most) {
                    breaches.push(format!("the link {way} machine {machine} is above its budget"));
                }
            }
        }
        for (number, ceiling) in budgets.ceilings.iter().enumerate() {
            let cost = View { problem: &ceiling.prices, at: self.at }.cost();
            if cost > ceiling.most {
                breaches.push(format!("ceiling {number} is {cost}, above {}", ceiling.most));
            }
        }
        breaches
    }

    /// The machines of the items.
    fn places(&self, items: &BTreeSet<usize>) -> BTreeSet<usize> {
        items.iter().map(|&item| self.at[item]).collect()
    }

    /// The group inside which all items are, if there is one.
    fn group(&self, items: &BTreeSet<usize>, groups: &[BTreeSet<usize>]) -> Option<usize> {
        groups.iter().position(|group| self.places(items).is_subset(group))
    }

    fn holds(&self, rule: &Rule) -> bool {
        let Rule { items, machines, sets, groups, most, .. } = rule;
        let places = self.places(items);
        let inside = || self.items().filter(|&item| machines.contains(&self.at[item]));
        match rule.kind.as_str() {
            "spread" => places.len() == items.len(),
            "gather" => places.len() <= 1,
            "lonely" => self
                .items()
                .all(|other| items.contains(&other) || !places.contains(&self.at[other])),
            "split" => sets.iter().enumerate().all(|(n, set)| {
                sets[..n].iter().all(|other| self.places(other).is_disjoint(&self.places(set)))
            }),
            "split-among" => {
                let filled = || sets.iter().filter(|set| !set.is_empty());
                let found: Option<BTreeSet<usize>> =
                    filled().map(|set| self.group(set, groups)).collect();
                found.is_some_and(|found| found.len() == filled().count())
            }
            "among" => items.is_empty() || self.group(items, groups).is_some(),
            "ban" => places.is_disjoint(machines),
            "offline" => inside().count() == 0,
            "fence" => places.is_subset(machines),
            "root" => items.iter().all(|&item| !self.is_moved(item)),
            "quarantine" => self.items().filter(|&item| self.is_moved(item)).all(|item| {
                !machines.contains(&self.at[item]) && !machines.contains(&self.problem.start[item])
            }),
            "preserve" => (0..self.machine_count()).all(|machine| self.keeps(rule, machine)),
            "overbook" => true, // part of the room
            "running-capacity" => inside().count() as i128 <= *most,
            "resource-capacity" => {
                inside().map(|item| self.need(item, rule.resource)).sum::<i128>() <= *most
            }
            "max-online" => {
                let on: BTreeSet<usize> = self.at.iter().copied().collect();
                on.intersection(machines).count() as i128 <= *most
            }
            _ => false,
        }
    }

    /// Whether what all are promised on `machine` has room there, if one of `rule` is there.
    fn keeps(&self, rule: &Rule, machine: usize) -> bool {
        let r = rule.resource;
        let promised = |item: usize| {
            let rules = self.problem.constraints.iter();
            let own = rules.filter(|other| {
                other.kind == "preserve" && other.resource == r && other.items.contains(&item)
            });
            own.map(|other| other.amount).chain([self.need(item, r)]).max().unwrap_or(0)
        };
        let concerned = self.on(machine).any(|item| rule.items.contains(&item));
        !concerned || self.on(machine).map(promised).sum::<i128>() <= self.limit(machine, r)
    }

    fn cost(&self) -> i128 {
        let problem = self.problem;
        let mut cost = 0;
        for machine in 0..self.machine_count() {
            for r in 0..self.width() {
                let safety = problem.machines.safety[machine * self.width() + r];
                cost += problem.load_weight[r] * (self.used(machine, r) - safety).max(0);
            }
            let left = |r: usize| {
                problem.machines.capacity[machine * self.width() + r] - self.used(machine, r)
            };
            for b in &problem.balances {
                cost += b.weight * (b.target * left(b.first) - left(b.second)).max(0);
            }
            for tier in &problem.tiers {
                let over = self.used(machine, tier.resource) - tier.threshold[machine];
                cost += tier.weight * over.max(0);
            }
            if self.on(machine).next().is_some() {
                cost += self.power(machine);
            }
        }
        cost + self.moves()
    }

    /// What a machine costs that is on.
    fn power(&self, machine: usize) -> i128 {
        let power = &self.problem.power;
        let idle = power.idle.get(machine).copied().unwrap_or(0);
        let Some(&curve) = power.curve.get(machine) else { return idle };
        let used = self.used(machine, power.resource);
        let pieces = power.curves[curve].pieces.iter();
        let piece = pieces.filter(|piece| piece.from <= used).max_by_key(|piece| piece.from);
        idle + piece.map_or(0, |piece| piece.base + piece.slope * (used - piece.from))
    }

    fn moves(&self) -> i128 {
        let problem = self.problem;
        let (mut items, mut ways) = (0, 0);
        let mut of_service: BTreeMap<usize, i128> = BTreeMap::new();
        for item in self.items().filter(|&item| self.is_moved(item)) {
            items += problem.items.move_cost[item];
            let way = problem.start[item] * self.machine_count() + self.at[item];
            ways += problem.machines.move_cost.get(way).copied().unwrap_or(0);
            *of_service.entry(problem.items.service[item]).or_default() += 1;
        }
        let most = of_service.values().max().copied().unwrap_or(0);
        problem.weights.item * items
            + problem.weights.machine * ways
            + problem.weights.service * most
    }
}
