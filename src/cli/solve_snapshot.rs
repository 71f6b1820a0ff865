//! `galerna solve snapshot`: which moves would make this cluster better, and how sure is that?

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum, value_parser};
use serde::Serialize;
use serde_json::Value;

use super::solve::{interruptible, seconds, verified_or, write};
use super::{Answer, DONE, Failure, INTERRUPTED, NoPlan, plan_table};
use crate::check::{fragments, relocation};
use crate::cluster::defragment::{self, defragment};
use crate::cluster::{
    self, Front, Level, Order, Plan, Snapshot, Term, Unsolved, Wish, improve, improve_along_front,
    improve_in_order, improve_with, production,
};
use crate::frames::snapshot_text;
use crate::problem::{Problem, suggestion};
use crate::reassign::{self, Budget, Extras, gap, roadef};

/// Better placement of the VMs of a cluster, as a list of moves.
///
/// Reads galerna's own snapshots (docs/reassign.md) for the goals consolidate, balance, evacuate
/// and power-cap, and production snapshots with NUMA nodes (bytedance/DRL-based-VM-Rescheduling)
/// for the goal defragment. An own snapshot may also be a folder with hosts.parquet, vms.parquet
/// and perhaps rules.json. Packed files (.xz, .gz) are read as they are. The plan is verified by
/// code of its own before it is printed or written, and is never worse than making no move.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  galerna solve snapshot cluster.json --goal consolidate --horizon-s 3600 --time-s 10
  galerna solve snapshot cluster.json --goal evacuate --hosts h7,h8 --out plan.json
  galerna solve snapshot cluster.json --goal power-cap --cap-w 12000 --format md
  galerna solve snapshot cluster.json --order energy+overload,migrations,bandwidth
  galerna solve snapshot cluster.json --pareto energy,migrations --points 9
  galerna solve snapshot cluster/ --goal balance          hosts.parquet and vms.parquet in a folder
  galerna solve snapshot reset_vm_pm_id_clear2.json.xz --goal defragment --moves 50

What is printed: costs in J (fragment rates for defragment) by term, a bound below which no plan
lies, and every move with its reason, gain and cost, in the order in which to make them.

Exit codes: 0 done, 2 bad input, 130 interrupted (the best so far is printed and written).")]
pub(super) struct SolveSnapshot {
    /// The snapshot: a file, .xz and .gz are unpacked, or a folder of Parquet tables.
    snapshot: PathBuf,
    /// What is wanted: weights of the terms, and what must be reached [default: consolidate].
    #[arg(long, value_enum)]
    goal: Option<Goal>,
    /// What counts how much, on top of the weights of the goal: energy, overload and balance as
    /// factors, migrations in J per move, bandwidth in J per MB, such as
    /// energy=1,overload=1,balance=0.5,migrations=1000,bandwidth=0.32.
    #[arg(long, value_name = "NAME=X,..", value_parser = weight, value_delimiter = ',')]
    weights: Vec<(Term, f64)>,
    /// Terms in an order in place of their weighted sum: the first is made as small as possible,
    /// then the second without losing the first, and so on; `+` joins terms of one level by their
    /// weights, such as energy+overload,migrations,bandwidth.
    #[arg(long, value_name = "TERMS,..", value_parser = Level::from_str, value_delimiter = ',',
          conflicts_with = "pareto")]
    order: Vec<Level>,
    /// Part of the value of a level that later levels of --order may lose [default: 0.001].
    #[arg(long, value_name = "X", value_parser = part, requires = "order")]
    tolerance: Option<f64>,
    /// Two terms to trade against each other: plans of which none is better in one without being
    /// worse in the other; the moves are those of the one that costs least by the weights.
    #[arg(long, value_name = "A,B", value_parser = Term::from_str, value_delimiter = ',')]
    pareto: Vec<Term>,
    /// Points that --pareto looks for [default: 7].
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(2..=100),
          requires = "pareto")]
    points: Option<u16>,
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
    /// Moves at most, for defragment [default: 50].
    #[arg(long, value_name = "N")]
    moves: Option<u32>,
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

/// Moves of a defragmentation where nothing is said.
const MOVES: u32 = 50;

/// Part of a level that later ones may lose where nothing is said.
const TOLERANCE: f64 = 0.001;

/// Points of a front where nothing is said.
const POINTS: u16 = 7;

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

fn weight(text: &str) -> Result<(Term, f64), String> {
    let (name, value) = text.split_once('=').ok_or("expected name=number")?;
    let value = amount(value).map_err(|what| format!("{name}: {what}"))?;
    Ok((name.parse()?, value))
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
        self.check_options()?;
        let text = self.text()?;
        let report = match (self.goal(), production::is_one(&text)) {
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
            PlanFormat::Table => plan_table::table(&report.plan, report.time_s, false),
            PlanFormat::Md => plan_table::table(&report.plan, report.time_s, true),
        };
        Ok(Answer { text, code: if report.stopped { INTERRUPTED } else { DONE } })
    }

    fn goal(&self) -> Goal {
        self.goal.unwrap_or(Goal::Consolidate)
    }

    /// Refuses what would have no effect.
    fn check_options(&self) -> Result<(), Failure> {
        let goal = self.goal();
        let name = goal.to_possible_value().map(|value| value.get_name().to_owned());
        let is_sum = matches!(goal, Goal::Consolidate | Goal::Balance | Goal::Evacuate);
        let given = [
            ("--order", !self.order.is_empty(), is_sum),
            ("--pareto", !self.pareto.is_empty(), is_sum),
            ("--weights", !self.weights.is_empty(), goal != Goal::Defragment),
            ("--hosts", !self.hosts.is_empty(), goal == Goal::Evacuate),
            ("--cap-w", self.cap_w.is_some(), goal == Goal::PowerCap),
            ("--moves", self.moves.is_some(), goal == Goal::Defragment),
        ];
        let idle = given.iter().filter(|(_, given, fits)| *given && !fits);
        let idle: Vec<&str> = idle.map(|(option, ..)| *option).collect();
        if idle.is_empty() {
            return Ok(());
        }
        let what = format!("no effect beside the goal {}", name.unwrap_or_default());
        Err(refused(&idle.join(", "), what, "Leave it out, or name another goal"))
    }

    /// The plan by weights, by an order or along a front.
    fn planned(
        &self,
        snapshot: &Snapshot,
        wish: &Wish,
        options: reassign::Options,
        watch: &mut dyn FnMut(&reassign::Progress) -> ControlFlow<()>,
    ) -> Result<Plan, Failure> {
        let told = |error: reassign::Error| Failure::bad_input(error);
        if let &[first, second] = self.pareto.as_slice() {
            if first == second {
                let what = format!("{} is named twice", first.name());
                return Err(refused("--pareto", what, "Name two different terms"));
            }
            let points = usize::from(self.points.unwrap_or(POINTS));
            let front = Front { axes: [first, second], points };
            return improve_along_front(snapshot, wish, front, options, watch).map_err(told);
        }
        if !self.pareto.is_empty() {
            let what = format!("{} terms, expected 2", self.pareto.len());
            return Err(refused("--pareto", what, "Name two terms, such as energy,migrations"));
        }
        if self.order.is_empty() {
            return improve(snapshot, wish, options, watch).map_err(told);
        }
        let tolerance = self.tolerance.unwrap_or(TOLERANCE);
        let order = Order { levels: self.order.clone(), tolerance };
        if let Some(what) = order.problem(wish) {
            return Err(refused("--order", what, "Name each term once, with a weight above 0"));
        }
        improve_in_order(snapshot, wish, &order, options, watch).map_err(told)
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
            moves: self.moves.unwrap_or(MOVES) as usize,
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
        let options = self.options(begun);
        let plan = interruptible(|asked, line| {
            self.planned(&snapshot, &wish, options, &mut |now| {
                let part = 100.0 * gap(now.cost, now.lower_bound);
                let joules = now.cost as f64 / 1e6;
                line.show(|| format!("cost {joules:.0} J, gap {part:.3} %"));
                if asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
        });
        verified(text, &plan?, begun)
    }

    /// The plan as JSON with costs and rules of the caller's own.
    pub(super) fn with_extras(
        &self,
        extras: &Extras,
        watch: &mut dyn FnMut(&reassign::Progress) -> ControlFlow<()>,
    ) -> Result<String, NoPlan> {
        let begun = Instant::now();
        self.check_options()?;
        let is_sum = matches!(self.goal(), Goal::Consolidate | Goal::Balance | Goal::Evacuate);
        if !is_sum || !self.order.is_empty() || !self.pareto.is_empty() {
            let what = "costs and rules of one's own go with consolidate, balance and evacuate \
                        by weights";
            let remedy = "Leave out the order, the front or the goal";
            return Err(refused("costs, rules", what, remedy).into());
        }
        let text = self.text()?;
        let snapshot = Snapshot::parse(&text, &self.source()).map_err(Failure::bad_input)?;
        let wish = self.wish(&snapshot)?;
        let plan = improve_with(&snapshot, &wish, extras, self.options(begun), watch);
        let plan = plan.map_err(|error| match error {
            Unsolved::Snapshot(error) => NoPlan::from(Failure::bad_input(error)),
            Unsolved::Extra(error) => NoPlan::Extra(error),
        })?;
        let whole = super::json(&verified(&text, &plan, begun)?)?;
        if let Some(out) = &self.out {
            write(out, &whole).map_err(Failure::bad_input)?;
        }
        Ok(whole)
    }

    fn options(&self, begun: Instant) -> reassign::Options {
        let time = self.steps.is_none().then(|| self.time(begun));
        reassign::Options {
            budget: Budget { time, steps: self.steps },
            threads: usize::from(self.threads),
            seed: self.seed,
            gap: self.gap,
        }
    }

    /// The snapshot as text: of a file, or of a folder of tables.
    fn text(&self) -> Result<Vec<u8>, Failure> {
        if self.snapshot.is_dir() {
            let text = snapshot_text(&self.snapshot).map_err(Failure::bad_input)?;
            return Ok(text.into_bytes());
        }
        roadef::read_text(&self.snapshot).map_err(Failure::bad_input)
    }

    fn wish(&self, snapshot: &Snapshot) -> Result<Wish, Failure> {
        let goal = match self.goal() {
            Goal::Balance => cluster::Goal::Balance,
            Goal::Evacuate => cluster::Goal::Evacuate,
            Goal::PowerCap => cluster::Goal::PowerCap,
            Goal::Consolidate | Goal::Defragment => cluster::Goal::Consolidate,
        };
        let mut wish = Wish::of(goal);
        self.weights.iter().for_each(|&(term, weight)| wish.weights.set(term, weight));
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

/// `plan`, once code of its own agrees with it.
fn verified(text: &[u8], plan: &Plan, begun: Instant) -> Result<Report, Failure> {
    let value = serde_json::to_value(plan).map_err(Failure::bad_input)?;
    let judged = relocation::judge(&String::from_utf8_lossy(text), &value.to_string());
    let agreed = judged.and_then(|judged| {
        if (judged.power_w - plan.power_w).abs() > 1e-6 * plan.power_w.max(1.0) {
            return Err(format!("draws {} W, not {}", judged.power_w, plan.power_w));
        }
        agrees(&judged, plan)?;
        if judged.breaches.is_empty() { Ok(()) } else { Err(judged.breaches.join("; ")) }
    });
    verified_or("plan", agreed)?;
    let stopped = plan.status == reassign::Status::Stopped;
    Ok(Report { time_s: begun.elapsed().as_secs_f64(), plan: value, stopped })
}

/// An option that cannot be.
fn refused(option: &str, what: impl Into<String>, remedy: &str) -> Failure {
    Failure::bad_input(Problem::new("GLN-632", option, what, remedy))
}

/// Fails where the independent check makes something else of the levels of an order.
fn agrees(judged: &relocation::Judgement, plan: &Plan) -> Result<(), String> {
    for level in &plan.levels {
        let made = match level.level.as_str() {
            "migrations" => judged.moved as f64,
            "bandwidth" => judged.moved_mb,
            _ => continue,
        };
        if (made - level.value).abs() > 1e-6 * made.max(1.0) {
            return Err(format!("{} are {made}, not {}", level.level, level.value));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_read_and_misspelt_ones_are_told() {
        assert_eq!(weight("bandwidth=0.5"), Ok((Term::Bandwidth, 0.5)));
        assert!(weight("enery=2").unwrap_err().contains("energy"));
        assert!(weight("energy=-2").is_err());
        assert!(weight("energy").is_err());
    }
}
