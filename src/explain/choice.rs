//! One decision: why a VM had to leave, where it could have gone, what the move gains and costs.

use std::fmt;

use serde::Serialize;

use crate::id::{HostId, VmId};
use crate::model::record::Weighing;
use crate::time::Instant;

/// A VM that was to leave its host.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Choice {
    /// When it was decided.
    #[serde(serialize_with = "in_seconds", rename = "at_s")]
    pub at: Instant,
    /// The VM.
    pub vm: VmId,
    /// Its host.
    pub from: Option<HostId>,
    /// Where it was sent; `None` if it stayed for want of a place.
    pub to: Option<HostId>,
    /// Why it was to leave.
    pub cause: Cause,
    /// Every host with VMs, and what came of it; those that would take the VM first, by the power
    /// that it would add.
    pub possibilities: Vec<Possibility>,
    /// Hosts without VMs that would have had to wake.
    pub asleep: usize,
    /// Change of the power of its host when it leaves, W.
    pub source_change_w: f64,
    /// What the move costs.
    pub cost: Cost,
}

/// Why a VM was to leave.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// Its host was overloaded.
    Overload {
        /// What the detector saw.
        seen: String,
        /// The VMs that the selector chose among.
        among: Vec<VmId>,
    },
    /// Its host was to be emptied.
    Underload {
        /// Utilisation of the host, fraction of capacity.
        utilisation: f64,
        /// Whether all of its VMs found a place, so that it was emptied.
        emptied: bool,
    },
    /// Its host is to be out for maintenance.
    Maintenance,
    /// There may be room for it at a private site.
    Return,
    /// It is not there yet: its lease begins, or began and found no place so far.
    Begins,
    /// A planner weighed the whole step.
    Weighed(Weighing),
    /// A planner said so, and not why.
    Planned,
}

/// A host that could have been the destination.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Possibility {
    /// The host.
    pub host: HostId,
    /// What came of it.
    pub fate: Fate,
}

/// What came of a possible destination.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It had room and would not have been overloaded; the VM would have added so much power.
    Open {
        /// W.
        increase_w: f64,
    },
    /// The VM would have overloaded it.
    Overloaded {
        /// What the detector saw.
        seen: String,
    },
    /// It lacks a resource.
    NoRoom {
        /// Which.
        resource: &'static str,
        /// What the VM takes: MIPS, bytes or bytes per second.
        takes: f64,
        /// What is free.
        free: f64,
    },
    /// It might not receive: it was overloaded itself, or was being emptied.
    Excluded,
    /// The rules of `[sites]`, or of its lease, keep the VM from it, or no link leads there.
    Forbidden,
}

impl Choice {
    /// Whether the VM was not there before.
    pub fn begins(&self) -> bool {
        self.cause == Cause::Begins
    }

    fn source(&self) -> String {
        self.from.map_or_else(|| "?".to_owned(), |host| host.to_string())
    }

    /// What happened, in one line.
    pub fn headline(&self) -> String {
        let (at, vm, from) = (self.at, self.vm, self.source());
        let underload = matches!(self.cause, Cause::Underload { .. });
        match self.to {
            Some(to) if self.begins() => format!("{at}  {vm} begins on {to}"),
            None if self.begins() => format!("{at}  {vm} waits: no place for it"),
            Some(to) => format!("{at}  {vm} moves from {from} to {to}"),
            None if underload => {
                format!("{at}  {vm} stays on {from}: not all VMs there find a place")
            }
            None => format!("{at}  {vm} stays on {from}: no place for it"),
        }
    }
}

impl Fate {
    /// What to sort by: open hosts first, the least power first.
    pub(super) fn rank(&self) -> (u8, f64) {
        match self {
            Self::Open { increase_w } => (0, *increase_w),
            Self::Overloaded { .. } => (1, 0.0),
            Self::NoRoom { .. } => (2, 0.0),
            Self::Excluded => (3, 0.0),
            Self::Forbidden => (4, 0.0),
        }
    }
}

/// What a move costs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cost {
    /// Bytes sent.
    pub bytes: u64,
    /// Seconds that takes on free network cards.
    pub at_least_s: f64,
    /// Fraction of its CPU that the VM loses meanwhile.
    pub slowdown: f64,
}

impl Cost {
    /// That of no move.
    pub(super) const NONE: Self = Self { bytes: 0, at_least_s: 0.0, slowdown: 0.0 };
}

fn in_seconds<S: serde::Serializer>(at: &Instant, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(at.seconds())
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mb, percent) = (self.bytes as f64 / 1e6, self.slowdown * 100.0);
        let at_least_s = self.at_least_s;
        write!(f, "{mb:.0} MB, {at_least_s:.1} s or more at {percent:.0} % less CPU")
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { increase_w } => write!(f, "would take it for {increase_w:+.2} W"),
            Self::Overloaded { seen } => write!(f, "would be overloaded: {seen}"),
            Self::NoRoom { resource: resource @ "cpu", takes, free } => {
                write!(f, "no room: {resource} {takes:.0} MIPS, {:.0} free", free.max(0.0))
            }
            Self::NoRoom { resource, takes, free } => {
                write!(f, "no room: {resource} {:.0} MB, {:.0} free", takes / 1e6, free / 1e6)
            }
            Self::Excluded => write!(f, "may not receive: overloaded itself, or being emptied"),
            Self::Forbidden => {
                write!(f, "the rules of [sites], or of its lease, keep it from there")
            }
        }
    }
}

/// What a planned move is for, what it gains and costs, and what else there was.
fn told(weighing: &Weighing, from: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let &Weighing { empties, gain_j, cost_j, next } = weighing;
    let what = if empties { "is emptied" } else { "is relieved" };
    writeln!(f, "  why    {from} {what}: the plan is worth {:.1} kJ less without", gain_j / 1e3)?;
    writeln!(f, "  price  {:.1} kJ for the move, hysteresis included", cost_j / 1e3)?;
    match next {
        Some(next) => {
            writeln!(f, "  next   {} would cost {:.1} kJ more", next.host, next.more_j / 1e3)
        }
        None => writeln!(f, "  next   no other host has room for it"),
    }
}

/// How many VMs that could have left instead are named.
const NAMED: usize = 10;

/// How many hosts that would not take the VM are listed.
const SHOWN: usize = 8;

impl fmt::Display for Choice {
    /// A few lines: what happened, why, gain and cost, and the other possibilities.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, begins) = (self.source(), self.begins());
        writeln!(f, "{}", self.headline())?;
        match &self.cause {
            Cause::Overload { seen, among } => {
                writeln!(f, "  why    {from} is overloaded: {seen}")?;
                let names: Vec<String> =
                    among.iter().take(NAMED).map(ToString::to_string).collect();
                let more = match among.len().saturating_sub(NAMED) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                writeln!(f, "  picked among {}{more}", names.join(" "))?;
            }
            Cause::Underload { utilisation, emptied } => {
                let what = if *emptied { "is emptied" } else { "cannot be emptied" };
                writeln!(f, "  why    {from}, at {utilisation:.3} of its capacity, {what}")?;
            }
            Cause::Maintenance => writeln!(f, "  why    {from} is to be out for maintenance")?,
            Cause::Return => writeln!(f, "  why    {from} is rented, and it may come home")?,
            Cause::Begins => writeln!(f, "  why    its lease has begun, or begins")?,
            Cause::Weighed(weighing) => told(weighing, &from, f)?,
            Cause::Planned => writeln!(f, "  why    the planner said so")?,
        }
        let increase = self.possibilities.iter().find_map(|p| match p.fate {
            Fate::Open { increase_w } if Some(p.host) == self.to => Some(increase_w),
            _ => None,
        });
        if let (Some(to), Some(increase)) = (self.to, increase) {
            match begins {
                true => writeln!(f, "  power  {to} {increase:+.2} W")?,
                false => {
                    let change = self.source_change_w;
                    writeln!(f, "  power  {from} {change:+.2} W, {to} {increase:+.2} W")?;
                }
            }
        }
        if !begins {
            writeln!(f, "  cost   {}", self.cost)?;
        }
        let others = || self.possibilities.iter().filter(|p| Some(p.host) != self.to);
        for Possibility { host, fate } in others().take(SHOWN) {
            writeln!(f, "  {host:<6} {fate}", host = host.to_string())?;
        }
        let more = others().count().saturating_sub(SHOWN);
        if more > 0 {
            writeln!(f, "  and {more} more hosts that do not beat these")?;
        }
        if self.asleep > 0 {
            writeln!(f, "  {} hosts sleep", self.asleep)?;
        }
        Ok(())
    }
}
