//! Does a plan of moves hold at every instant? By plain summation over all that is said, without
//! any of the code that makes plans.
//!
//! At every start, what is on each host is what was there, all that has begun to arrive, less all
//! that has left; and every link carries the moves under way. The steps of one VM follow one
//! another from host to host.

use std::collections::BTreeMap;

use crate::problem::Problem;

/// A host with what is on it at the start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlannedHost {
    /// Bytes of memory.
    pub memory: u64,
    /// Bytes in use at the start.
    pub used_memory: u64,
    /// CPU, any unit.
    pub cpu: f64,
    /// CPU in use at the start.
    pub used_cpu: f64,
}

/// A move with its time.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedStep {
    /// The VM; a VM may have several steps.
    pub vm: String,
    /// Host that it leaves.
    pub from: usize,
    /// Host where it arrives; a suspended VM stays at its own.
    pub to: usize,
    /// Bytes of its memory.
    pub memory: u64,
    /// Its CPU.
    pub cpu: f64,
    /// Bytes per second on each link.
    pub rate: f64,
    /// Links that it takes.
    pub links: Vec<usize>,
    /// When it begins and is over, s.
    pub span_s: (f64, f64),
    /// Whether it takes room at `to` from its start, and gives room back at `from` at its end.
    pub takes_gives: (bool, bool),
}

const ROUNDING: f64 = 1e-9;

/// Everything that does not hold, GLN-535; nothing when the plan is right.
pub fn plan(hosts: &[PlannedHost], links: &[f64], steps: &[PlannedStep]) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut wrong = |at: f64, what: String| {
        let remedy = "Do not carry it out";
        found.push(Problem::new("GLN-535", format!("plan, {at} s"), what, remedy));
    };
    for step in steps {
        let (start, end) = step.span_s;
        if !(start >= 0.0 && end > start && end.is_finite()) {
            wrong(start, format!("`{}` ends at {end} s", step.vm));
        }
    }
    let mut instants: Vec<f64> = steps.iter().map(|step| step.span_s.0).collect();
    instants.sort_by(f64::total_cmp);
    instants.dedup();
    for at in instants {
        rooms(hosts, steps, at).into_iter().for_each(|what| wrong(at, what));
        loads(links, steps, at).into_iter().for_each(|what| wrong(at, what));
    }
    for (at, what) in journeys(steps) {
        wrong(at, what);
    }
    found
}

/// Hosts that hold too much at `at`.
fn rooms(hosts: &[PlannedHost], steps: &[PlannedStep], at: f64) -> Vec<String> {
    let mut memory: Vec<i128> = hosts.iter().map(|host| i128::from(host.used_memory)).collect();
    let mut cpu: Vec<f64> = hosts.iter().map(|host| host.used_cpu).collect();
    let slack = ROUNDING * at.max(1.0);
    for step in steps {
        let ((start, end), (takes, gives)) = (step.span_s, step.takes_gives);
        if takes && start <= at + slack {
            memory[step.to] += i128::from(step.memory);
            cpu[step.to] += step.cpu;
        }
        if gives && end <= at + slack {
            memory[step.from] -= i128::from(step.memory);
            cpu[step.from] -= step.cpu;
        }
    }
    let full = hosts.iter().enumerate().filter(|&(i, host)| {
        memory[i] > i128::from(host.memory) || cpu[i] > host.cpu * (1.0 + ROUNDING) + ROUNDING
    });
    full.map(|(i, host)| format!("host {i} holds {} B of {} B", memory[i], host.memory)).collect()
}

/// Links that carry too much at `at`.
fn loads(links: &[f64], steps: &[PlannedStep], at: f64) -> Vec<String> {
    let mut load = vec![0.0; links.len()];
    let slack = ROUNDING * at.max(1.0);
    let under_way = |step: &&PlannedStep| step.span_s.0 <= at && step.span_s.1 > at + slack;
    for step in steps.iter().filter(under_way) {
        step.links.iter().for_each(|&link| load[link] += step.rate);
    }
    let over = (0..links.len()).filter(|&i| load[i] > links[i] * (1.0 + 1e-6));
    over.map(|i| format!("link {i} carries {} B/s of {} B/s", load[i], links[i])).collect()
}

/// Steps of a VM that overlap or do not begin where the last one ended.
fn journeys(steps: &[PlannedStep]) -> Vec<(f64, String)> {
    let mut of_vm: BTreeMap<&str, Vec<&PlannedStep>> = BTreeMap::new();
    steps.iter().for_each(|step| of_vm.entry(&step.vm).or_default().push(step));
    let mut found = Vec::new();
    for (vm, mut steps) in of_vm {
        steps.sort_by(|a, b| a.span_s.0.total_cmp(&b.span_s.0));
        for pair in steps.windows(2) {
            let (before, after) = (pair[0], pair[1]);
            if after.span_s.0 < before.span_s.1 * (1.0 - ROUNDING) {
                found.push((after.span_s.0, format!("`{vm}` moves twice at once")));
            }
            if after.from != before.to {
                let what = format!("`{vm}` leaves host {}, but is on {}", after.from, before.to);
                found.push((after.span_s.0, what));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(vm: &str, from: usize, to: usize, span_s: (f64, f64)) -> PlannedStep {
        let vm = vm.to_owned();
        let (links, takes_gives) = (vec![0], (true, true));
        PlannedStep { vm, from, to, memory: 2, cpu: 0.0, rate: 3.0, links, span_s, takes_gives }
    }

    #[test]
    fn a_plan_that_holds_has_no_problem_and_others_have_theirs() {
        let host = |used_memory| PlannedHost { memory: 3, used_memory, cpu: 1.0, used_cpu: 0.0 };
        let hosts = [host(2), host(2), host(0)];
        let good = [step("b", 1, 2, (0.0, 5.0)), step("a", 0, 1, (5.0, 10.0))];
        assert!(plan(&hosts, &[3.0], &good).is_empty());
        let told = |steps: &[PlannedStep]| {
            let words: Vec<String> =
                plan(&hosts, &[3.0], steps).iter().map(|problem| problem.what.clone()).collect();
            words.join("; ")
        };
        let early = [good[0].clone(), step("a", 0, 1, (4.0, 9.0))];
        assert_eq!(told(&early), "host 1 holds 4 B of 3 B; link 0 carries 6 B/s of 3 B/s");
        let twice = [good[0].clone(), step("b", 0, 2, (5.0, 6.0))];
        assert!(told(&twice).contains("`b` leaves host 0, but is on 2"), "{}", told(&twice));
        let overlap = [good[0].clone(), step("b", 2, 1, (3.0, 9.0))];
        assert!(told(&overlap).contains("`b` moves twice at once"));
        assert!(told(&[step("a", 0, 2, (5.0, 5.0))]).contains("ends at 5 s"));
    }
}
