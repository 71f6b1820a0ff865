//! What a plan may be good or bad at, term by term: the weights of a weighted sum, and the levels
//! of a lexicographic order.
//!
//! | term | what it is | unit |
//! |---|---|---|
//! | energy | of all hosts with VMs, over the horizon | J |
//! | overload | CPU above the limit, at its price over the horizon | J |
//! | balance | use above the mean of all hosts, at the price of overload | J |
//! | migrations | moved VMs | 1 (J by its weight) |
//! | bandwidth | memory of the moved VMs | MB (J by its weight) |

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::goal::Goal;
use crate::problem::suggestion;

/// A term of what a plan costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Term {
    /// Energy of the hosts that are on.
    Energy,
    /// CPU above the limit.
    Overload,
    /// Use above the mean.
    Balance,
    /// Moved VMs.
    Migrations,
    /// Memory of moved VMs.
    Bandwidth,
}

impl Term {
    /// All terms.
    pub const ALL: [Self; 5] =
        [Self::Energy, Self::Overload, Self::Balance, Self::Migrations, Self::Bandwidth];

    /// Its name in options and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Energy => "energy",
            Self::Overload => "overload",
            Self::Balance => "balance",
            Self::Migrations => "migrations",
            Self::Bandwidth => "bandwidth",
        }
    }

    /// The unit in which a level that has no other term is told.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Migrations => "moves",
            Self::Bandwidth => "MB",
            Self::Energy | Self::Overload | Self::Balance => "J",
        }
    }
}

impl FromStr for Term {
    type Err = String;

    /// ```
    /// use galerna::cluster::Term;
    ///
    /// assert_eq!("overload".parse(), Ok(Term::Overload));
    /// assert!("overlaod".parse::<Term>().unwrap_err().contains("overload"));
    /// ```
    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|term| term.name() == name);
        let names = Self::ALL.map(Self::name);
        known.ok_or_else(|| {
            let near = suggestion(name, names);
            format!("there is no term `{name}`{near}; known are {}", names.join(", "))
        })
    }
}

/// What counts how much.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// Of energy.
    pub energy: f64,
    /// Of overload.
    pub overload: f64,
    /// Of imbalance.
    pub balance: f64,
    /// J per move.
    pub migrations: f64,
    /// J per MB that is moved.
    pub bandwidth: f64,
}

impl Weights {
    /// Nothing counts.
    pub const NONE: Self =
        Self { energy: 0.0, overload: 0.0, balance: 0.0, migrations: 0.0, bandwidth: 0.0 };

    /// Those of a goal, where nothing else is said: overload and moves always count, energy or
    /// balance where that is what the goal is about.
    pub fn of(goal: Goal) -> Self {
        let always = Self { overload: 1.0, migrations: 1000.0, bandwidth: 0.32, ..Self::NONE };
        match goal {
            Goal::Consolidate | Goal::PowerCap => Self { energy: 1.0, ..always },
            Goal::Balance => Self { balance: 1.0, ..always },
            Goal::Evacuate => always,
        }
    }

    /// That of a term.
    pub fn get(&self, term: Term) -> f64 {
        match term {
            Term::Energy => self.energy,
            Term::Overload => self.overload,
            Term::Balance => self.balance,
            Term::Migrations => self.migrations,
            Term::Bandwidth => self.bandwidth,
        }
    }

    /// Sets that of a term.
    pub fn set(&mut self, term: Term, weight: f64) {
        let place = match term {
            Term::Energy => &mut self.energy,
            Term::Overload => &mut self.overload,
            Term::Balance => &mut self.balance,
            Term::Migrations => &mut self.migrations,
            Term::Bandwidth => &mut self.bandwidth,
        };
        *place = weight;
    }

    /// With moves `thrift` times as dear.
    pub(super) fn thrifty(mut self, thrift: f64) -> Self {
        self.migrations *= thrift;
        self.bandwidth *= thrift;
        self
    }
}

/// One level of an order: a term, or the weighted sum of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level(Vec<Term>);

impl Level {
    /// The weighted sum of `terms`, each named once.
    pub fn of(terms: Vec<Term>) -> Self {
        Self(terms)
    }

    /// Its terms.
    pub fn terms(&self) -> &[Term] {
        &self.0
    }

    /// The unit in which it is told.
    pub fn unit(&self) -> &'static str {
        if let [term] = self.0.as_slice() { term.unit() } else { "J" }
    }

    /// Its weights: 1 for a term alone, so that it is told in its unit, else those of `weights`.
    pub(super) fn weights(&self, weights: &Weights) -> Weights {
        let mut own = Weights::NONE;
        for &term in &self.0 {
            own.set(term, if self.0.len() == 1 { 1.0 } else { weights.get(term) });
        }
        own
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|term| term.name()).collect();
        f.write_str(&names.join("+"))
    }
}

impl FromStr for Level {
    type Err = String;

    /// ```
    /// use galerna::cluster::Level;
    ///
    /// let level: Level = "energy+overload".parse()?;
    /// assert_eq!(level.to_string(), "energy+overload");
    /// assert!("energy+energy".parse::<Level>().is_err());
    /// # Ok::<(), String>(())
    /// ```
    fn from_str(text: &str) -> Result<Self, String> {
        let mut terms = Vec::new();
        for name in text.split('+') {
            let term = name.parse()?;
            if terms.contains(&term) {
                return Err(format!("{name} is named twice in `{text}`; name it once"));
            }
            terms.push(term);
        }
        Ok(Self(terms))
    }
}
