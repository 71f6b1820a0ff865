//! `galerna solve snapshot`: which moves would make this cluster better, and how sure is that?

use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum, value_parser};
use serde::Serialize;
use serde_json::Value;

use super::solve::{interruptible, seconds, verified_or, write};
use super::{Answer, DONE, Failure, INTERRUPTED};
use crate::check::{fragments, relocation};
use crate::cluster::defragment::{self, defragment};
use crate::cluster::{self, Snapshot, Weights, Wish, improve, production};
use crate::problem::{Problem, suggestion};
use crate::reassign::{self, Budget, gap, roadef};

/// Better placement of the VMs of a cluster, as a list of moves.
///
/// Reads galerna's own snapshots (docs/reassign.md) for the goals consolidate, balance, evacuate
/// and power-cap, and production snapshots with NUMA nodes (bytedance/DRL-based-VM-Rescheduling)
/// for the goal defragment. Packed files (.xz, .gz) are read as they are. The plan is verified by
/// code of its own before it is printed or written, and is never worse than making no move.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  galerna solve snapshot cluster.json --goal consolidate --horizon-s 3600 --time-s 10
  galerna solve snapshot cluster.json --goal evacuate --hosts h7,h8 --out plan.json
  galerna solve snapshot cluster.json --goal power-cap --cap-w 12000 --format md
  galerna solve snapshot reset_vm_pm_id_clear2.json.xz --goal defragment --moves 50

What is printed: costs in J (fragment rates for defragment) by term, a bound below which no plan
lies, and every move with its reason, gain and cost, in the order in which to make them.

Exit codes: 0 done, 2 bad input, 130 interrupted (the best so far is printed and written).")]
pub(super) struct SolveSnapshot {
    /// The snapshot; .xz and .gz are unpacked.
    snapshot: PathBuf,
    /// What is wanted.
    #[arg(long, value_enum)]
    goal: Goal,
    /// What counts how much: energy and overload as factors, migrations in J per move, bandwidth in
    /// J per MB, such as energy=1,overload=1,migrations=1000,bandwidth=0.32.
    #[arg(long, value_name = "NAME=X,..", value_parser = weights)]
    weights: Option<Weights>,
    /// Seconds for which the cluster is expected to stay as it is; moves must pay within them.
    #[arg(long, value_name = "S", value_parser = seconds, default_value = "3600")]
    horizon_s: f64,
    /// Part of a host's CPU above which it is overloaded.
    #[arg(long, value_name = "X", value_parser = part, default_value = "0.8")]
    limit: f64,
    /// Hosts to evacuate, by name.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    hosts: Vec<String>,
    /// Power that is allowed, W, for power-cap.
    #[arg(long, value_name = "W", value_parser = amount)]
    cap_w: Option<f64>,
    /// Moves at most, for defragment.
    #[arg(long, value_name = "N", default_value_t = 50)]
    moves: u32,
    /// Also the front of power against moves: the time is shared by several prices of moves.
    #[arg(long)]
    front: bool,
    /// Seconds that it may take.
    #[arg(long, value_name = "S", value_parser = seconds, default_value = "10")]
    time_s: f64,
    /// Steps that each of two searches may take, for the same answer on every machine.
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    steps: Option<u64>,
    /// Threads to use.
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = value_parser!(u16).range(1..=1024))]
    threads: u16,
    /// Seed of all random draws.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Gap to the bound at which it is good enough.
    #[arg(long, value_name = "X", value_parser = part, default_value = "0.001")]
    gap: f64,
    /// Write the plan to this file as JSON, whole or not at all.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t = PlanFormat::Table)]
    format: PlanFormat,
}

/// What may be wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Goal {
    /// As little energy as moves are worth.
    Consolidate,
    /// Use as even as moves are worth.
    Balance,
    /// Free cores in whole blocks of 16 per NUMA node.
    Defragment,
    /// Nothing on some hosts.
    Evacuate,
    /// Power below a cap.
    PowerCap,
}

/// How a plan is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PlanFormat {
    /// For people.
    Table,
    /// For programs: one object.
    Json,
    /// For documents: tables in Markdown.
    Md,
}

fn amount(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|x| x.is_finite() && *x >= 0.0);
    number.ok_or_else(|| "expected a number from 0 up".to_owned())
}

fn part(text: &str) -> Result<f64, String> {
    amount(text).ok().filter(|x| *x <= 1.0).ok_or_else(|| "expected 0 to 1".to_owned())
}

fn weights(text: &str) -> Result<Weights, String> {
    let mut weights = Weights::default();
    let names = ["energy", "overload", "migrations", "bandwidth"];
    for entry in text.split(',') {
        let (name, value) = entry.split_once('=').ok_or("expected name=number")?;
        let value = amount(value).map_err(|what| format!("{name}: {what}"))?;
        let weight = match name {
            "energy" => &mut weights.energy,
            "overload" => &mut weights.overload,
            "migrations" => &mut weights.migrations,
            "bandwidth" => &mut weights.bandwidth,
            _ => return Err(format!("no weight `{name}`{}", suggestion(name, names))),
        };
        *weight = value;
    }
    Ok(weights)
}

/// A plan of either kind, ready to be shown.
#[derive(Debug, Serialize)]
struct Report {
    time_s: f64,
    #[serde(flatten)]
    plan: Value,
    #[serde(skip)]
    stopped: bool,
}

impl SolveSnapshot {
    pub(super) fn execute(&self) -> Result<Answer, Failure> {
        let begun = Instant::now();
        let text = roadef::read_text(&self.snapshot).map_err(Failure::bad_input)?;
        let report = match (self.goal, production::is_one(&text)) {
            (Goal::Defragment, true) => self.defragment(&text, begun)?,
            (Goal::Defragment, false) => {
                return Err(self.wrong("the goal defragment needs a snapshot with NUMA nodes"));
            }
            (_, true) => {
                let what = "this snapshot has no power figures; its goal is defragment";
                return Err(self.wrong(what));
            }
            (_, false) => self.improve(&text, begun)?,
        };
        let whole = super::json(&report)?;
        if let Some(out) = &self.out {
            write(out, &whole).map_err(Failure::bad_input)?;
        }
        let text = match self.format {
            PlanFormat::Json => whole,
            PlanFormat::Table => table(&report, false),
            PlanFormat::Md => table(&report, true),
        };
        Ok(Answer { text, code: if report.stopped { INTERRUPTED } else { DONE } })
    }

    fn source(&self) -> String {
        self.snapshot.display().to_string()
    }

    fn wrong(&self, what: &str) -> Failure {
        let remedy = "Name another goal, or another snapshot";
        Failure::bad_input(Problem::new("GLN-565", self.source(), what, remedy))
    }

    fn time(&self, begun: Instant) -> Duration {
        Duration::from_secs_f64(self.time_s).saturating_sub(begun.elapsed())
    }

    fn defragment(&self, text: &[u8], begun: Instant) -> Result<Report, Failure> {
        let clusters = production::parse(text, &self.source()).map_err(Failure::bad_input)?;
        let options = defragment::Options {
            moves: self.moves as usize,
            gap: self.gap,
            time: Some(self.time(begun)),
            seed: self.seed,
        };
        let plan = interruptible(|asked, line| {
            defragment(&clusters, options, &mut |rate, bound| {
                line.show(|| format!("fragment rate {rate:.5}, bound {bound:.5}"));
                if asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
        });
        let value = serde_json::to_value(&plan).map_err(Failure::bad_input)?;
        let judged = fragments::judge(&String::from_utf8_lossy(text), &value.to_string());
        let agreed = judged.and_then(|judged| {
            if (judged.after - plan.fragment_rate).abs() > 1e-9 {
                return Err(format!("leaves {}, not {}", judged.after, plan.fragment_rate));
            }
            if judged.breaches.is_empty() { Ok(()) } else { Err(judged.breaches.join("; ")) }
        });
        verified_or("plan", agreed)?;
        let stopped = plan.status == defragment::Status::Stopped;
        Ok(Report { time_s: begun.elapsed().as_secs_f64(), plan: value, stopped })
    }

    fn improve(&self, text: &[u8], begun: Instant) -> Result<Report, Failure> {
        let snapshot = Snapshot::parse(text, &self.source()).map_err(Failure::bad_input)?;
        let wish = self.wish(&snapshot)?;
        let time = self.steps.is_none().then(|| self.time(begun));
        let options = reassign::Options {
            budget: Budget { time, steps: self.steps },
            threads: usize::from(self.threads),
            seed: self.seed,
            gap: self.gap,
        };
        let plan = interruptible(|asked, line| {
            improve(&snapshot, &wish, options, self.front, &mut |now| {
                let part = 100.0 * gap(now.cost, now.lower_bound);
                let joules = now.cost as f64 / 1e6;
                line.show(|| format!("cost {joules:.0} J, gap {part:.3} %"));
                if asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
        });
        let plan = plan.map_err(Failure::bad_input)?;
        let value = serde_json::to_value(&plan).map_err(Failure::bad_input)?;
        let judged = relocation::judge(&String::from_utf8_lossy(text), &value.to_string());
        let agreed = judged.and_then(|judged| {
            if (judged.power_w - plan.power_w).abs() > 1e-6 * plan.power_w.max(1.0) {
                return Err(format!("draws {} W, not {}", judged.power_w, plan.power_w));
            }
            if judged.breaches.is_empty() { Ok(()) } else { Err(judged.breaches.join("; ")) }
        });
        verified_or("plan", agreed)?;
        let stopped = plan.status == reassign::Status::Stopped;
        Ok(Report { time_s: begun.elapsed().as_secs_f64(), plan: value, stopped })
    }

    fn wish(&self, snapshot: &Snapshot) -> Result<Wish, Failure> {
        let goal = match self.goal {
            Goal::Balance => cluster::Goal::Balance,
            Goal::Evacuate => cluster::Goal::Evacuate,
            Goal::PowerCap => cluster::Goal::PowerCap,
            Goal::Consolidate | Goal::Defragment => cluster::Goal::Consolidate,
        };
        let mut wish = Wish::of(goal);
        wish.weights = self.weights.unwrap_or_default();
        (wish.horizon_s, wish.limit) = (self.horizon_s, self.limit);
        for name in &self.hosts {
            match snapshot.hosts.iter().position(|host| host.name == *name) {
                Some(host) => wish.evacuate.push(host as u32),
                None => {
                    let names = snapshot.hosts.iter().map(|host| host.name.as_str());
                    let near = suggestion(name, names);
                    return Err(self.wrong(&format!("there is no host `{name}`{near}")));
                }
            }
        }
        if goal == cluster::Goal::Evacuate && wish.evacuate.is_empty() {
            return Err(self.wrong("the goal evacuate needs --hosts"));
        }
        match (goal, self.cap_w) {
            (cluster::Goal::PowerCap, None) => {
                return Err(self.wrong("the goal power-cap needs --cap-w"));
            }
            (_, cap) => wish.cap_w = cap.unwrap_or(f64::INFINITY),
        }
        Ok(wish)
    }
}

/// All figures of the plan, then its moves.
fn table(report: &Report, markdown: bool) -> String {
    let mut text = String::new();
    let bar = if markdown { "|" } else { "" };
    let mut line = |cells: &[String], widths: &[usize]| {
        let cells = cells.iter().zip(widths).map(|(cell, &width)| format!("{cell:<width$}"));
        let joined = cells.collect::<Vec<_>>().join(if markdown { " | " } else { "  " });
        let joined = if markdown { format!("| {joined} |") } else { joined.trim_end().to_owned() };
        writeln!(text, "{joined}").expect("a string takes any text");
    };
    let rule = |widths: &[usize]| vec!["---".to_owned(); widths.len()];
    let empty = serde_json::Map::new();
    let fields = report.plan.as_object().unwrap_or(&empty);
    let pair = [22, 24];
    line(&["figure".to_owned(), "value".to_owned()], &pair);
    if markdown {
        line(&rule(&pair), &pair);
    }
    for (name, value) in fields {
        match value {
            Value::Object(terms) => {
                for (term, value) in terms {
                    line(&[format!("{name}: {term}"), shown(value)], &pair);
                }
            }
            Value::Array(_) => {}
            value => line(&[name.replace('_', " "), shown(value)], &pair),
        }
    }
    line(&["time s".to_owned(), format!("{:.2}", report.time_s)], &pair);
    let rows = |name: &str| report.plan.get(name).and_then(Value::as_array);
    for name in ["front", "moves"] {
        let Some(rows) = rows(name).filter(|rows| !rows.is_empty()) else { continue };
        let cells = |row: &Value| -> Vec<String> {
            row.as_object().unwrap_or(&empty).values().map(shown).collect()
        };
        let head: Vec<String> = rows[0].as_object().unwrap_or(&empty).keys().cloned().collect();
        let widths = vec![if name == "front" { 10 } else { 16 }; head.len()];
        line(&[bar.to_owned()][..0], &[]);
        line(&head, &widths);
        if markdown {
            line(&rule(&widths), &widths);
        }
        rows.iter().for_each(|row| line(&cells(row), &widths));
    }
    text
}

/// A value of a plan in a cell.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => {
            let number = number.as_f64().unwrap_or(0.0);
            if number.abs() < 10.0 { format!("{number:.5}") } else { format!("{number:.1}") }
        }
        Value::Object(place) => {
            let nodes = place.get("nodes").and_then(Value::as_array);
            let nodes = nodes.into_iter().flatten().map(Value::to_string);
            let nodes: Vec<String> = nodes.collect();
            let host = place.get("host").and_then(Value::as_str).unwrap_or_default();
            format!("{host} node {}", nodes.join("+"))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_read_and_misspelt_ones_are_told() {
        let read = weights("energy=2,bandwidth=0").unwrap();
        assert_eq!((read.energy, read.bandwidth, read.overload), (2.0, 0.0, 1.0));
        assert!(weights("enery=2").unwrap_err().contains("energy"));
        assert!(weights("energy=-2").is_err());
        assert!(weights("energy").is_err());
    }
}
