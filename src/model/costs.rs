//! What energy, carbon, instances and service are worth (`[costs]`): prices, tariffs, a contract.
//!
//! ```text
//! energy:  kWh x PUE x price(t)          carbon: kWh x PUE x intensity(t) x price
//! ```
//!
//! A series is a list of steps: each value holds from its time on until the next one. The last
//! holds until the series ends (`until-s`; without it as long as the step before it), and what
//! comes then is said by `then`. Months have 30 days and are counted from the start of the run.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::lease::{LeaseRequest, NodeSet};
pub use super::made_series::MadeSeries;
use crate::id::{HostId, IdVec};
use crate::time::{Instant, Span};

/// The billing period: 30 days.
pub const MONTH: Span = Span(30 * 86_400 * 1_000_000);

/// `[costs]`: all amounts are in one currency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Costs {
    /// Name of the currency.
    pub currency: String,
    /// Price of energy, per kWh.
    pub energy_price: Rate,
    /// Power usage effectiveness: energy of the site per energy of its hosts, from 1 on.
    pub pue: f64,
    /// Carbon intensity of the energy, gCO2e per kWh.
    pub carbon_intensity: Rate,
    /// Price of emissions, per tonne of CO2e.
    pub carbon_price: f64,
    /// What a VM brings in, per hour.
    pub vm_hour_price: HourPrice,
    /// What is given back of a month's price, by availability; empty: nothing.
    pub sla: Vec<Tier>,
    /// Price of a second in which a VM gets less than it asks for.
    pub penalty_per_s: f64,
    /// What differs from site to site, in a run with `[sites]`.
    #[serde(skip)]
    pub tariffs: Option<Tariffs>,
}

/// What energy and instances cost at every site.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tariffs {
    /// The site of every host.
    pub site_of: IdVec<HostId, u16>,
    /// By site.
    pub sites: Vec<Tariff>,
}

/// What energy and instances cost at one site.
#[derive(Debug, Clone, PartialEq)]
pub struct Tariff {
    /// Its name.
    pub site: String,
    /// Price of energy, per kWh.
    pub energy_price: Rate,
    /// Power usage effectiveness.
    pub pue: f64,
    /// Carbon intensity, gCO2e per kWh.
    pub carbon_intensity: Rate,
    /// What an hour of a VM costs where it is rented; there its energy is not paid for.
    pub rent: Option<f64>,
}

impl Default for Costs {
    fn default() -> Self {
        Self {
            currency: "EUR".into(),
            energy_price: Rate::Constant(0.0),
            pue: 1.0,
            carbon_intensity: Rate::Constant(0.0),
            carbon_price: 0.0,
            vm_hour_price: HourPrice::All(0.0),
            sla: Vec::new(),
            penalty_per_s: 0.0,
            tariffs: None,
        }
    }
}

/// A number that may change with time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a number, { steps = [[seconds, value], ..] }, { file = \"a.csv\" } or \
                 { made = { mean = 300, swing = 0.3 } }, with until-s and then = \"end\", \
                 \"hold\" or \"repeat\" if need be"
)]
pub enum Rate {
    /// It never changes.
    Constant(f64),
    /// It changes at times.
    Series(Series),
}

/// A number by time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Series {
    /// A file of steps, which take the place of `steps` when the spec is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// What its steps are made by when the spec is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made: Option<MadeSeries>,
    /// From when on (seconds from the start of the run) which value holds.
    pub steps: Vec<(f64, f64)>,
    /// When the series ends, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until_s: Option<f64>,
    /// What comes after its end.
    pub then: Then,
}

/// What comes after the end of a series.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Then {
    /// Nothing: the run must be over.
    #[default]
    End,
    /// The last value holds.
    Hold,
    /// The series begins again.
    Repeat,
}

/// What an hour of a VM costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a price, a list with one for each VM type of [fleet], or \"catalogue\""
)]
pub enum HourPrice {
    /// The same for all.
    All(f64),
    /// One for each type of `fleet.vms`.
    ByType(Vec<f64>),
    /// One for so many VMs after the others.
    ByCount(Vec<CountedPrice>),
    /// That of the instance types of the catalogue, which take its place when the spec is read.
    Catalogue(CatalogueWord),
    /// One for each instance type that leases name.
    ByInstance(BTreeMap<String, f64>),
}

/// The word `catalogue`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CatalogueWord {
    /// It.
    Catalogue,
}

/// The price of an hour of so many VMs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountedPrice {
    /// How many VMs.
    pub count: usize,
    /// Price of an hour of each.
    pub price: f64,
}

/// What is given back where availability is at least `from` and below that of the tier before.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Tier {
    /// Least availability, per cent of the time that the VM was there.
    pub from: f64,
    /// Where the tier ends; if it is said, it must be where the tier before begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<f64>,
    /// Share of the month's price that is given back, per cent.
    pub credit: f64,
}

impl Rate {
    /// Whether it is never anything but 0.
    pub fn is_nothing(&self) -> bool {
        *self == Self::Constant(0.0)
    }

    /// The value from `at` on.
    pub fn at(&self, at: Instant) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Series(series) => series.at(at),
        }
    }

    /// When it may change next after `at`.
    pub fn next_change(&self, at: Instant) -> Option<Instant> {
        match self {
            Self::Constant(_) => None,
            Self::Series(series) => series.next_change(at),
        }
    }
}

impl Series {
    /// When it ends; none without steps, or with a single one and no end.
    pub fn end(&self) -> Option<Instant> {
        let stated = self.until_s.map(Instant::from_seconds);
        stated.or_else(|| match self.steps[..] {
            [.., (before, _), (last, _)] => Some(Instant::from_seconds(2.0 * last - before)),
            _ => None,
        })
    }

    /// Time within the series, and when that began anew.
    fn folded(&self, at: Instant) -> (Instant, Span) {
        match (self.then, self.end()) {
            (Then::Repeat, Some(Instant(period))) if period > 0 => {
                (Instant(at.0.rem_euclid(period)), Span(at.0.div_euclid(period) * period))
            }
            _ => (at, Span::ZERO),
        }
    }

    fn at(&self, at: Instant) -> f64 {
        let (at, _) = self.folded(at);
        let later = self.steps.partition_point(|&(from, _)| Instant::from_seconds(from) <= at);
        self.steps.get(later.saturating_sub(1)).map_or(0.0, |&(_, value)| value)
    }

    fn next_change(&self, at: Instant) -> Option<Instant> {
        let (within, since) = self.folded(at);
        let later = self.steps.partition_point(|&(from, _)| Instant::from_seconds(from) <= within);
        let next = self.steps.get(later).map(|&(from, _)| Instant::from_seconds(from));
        let again = if self.then == Then::Repeat { self.end() } else { None };
        next.or(again).map(|next| next + since)
    }
}

impl Costs {
    /// When a month ends or a rate may change next after `at`.
    pub fn next_edge(&self, at: Instant) -> Instant {
        let month = Instant((at.0.div_euclid(MONTH.0) + 1) * MONTH.0);
        let sites = self.tariffs.iter().flat_map(|tariffs| &tariffs.sites);
        let of_sites = sites.flat_map(|site| [&site.energy_price, &site.carbon_intensity]);
        let rates = [&self.energy_price, &self.carbon_intensity].into_iter().chain(of_sites);
        rates.filter_map(|rate| rate.next_change(at)).fold(month, Instant::min)
    }

    /// Price of an hour of VM `vm` of `vms`, whose types follow each other in equal blocks.
    pub fn hour_price(&self, vm: usize, vms: usize) -> f64 {
        match &self.vm_hour_price {
            HourPrice::All(price) => *price,
            HourPrice::ByType(prices) => {
                let block = vms.div_ceil(prices.len().max(1)).max(1);
                prices.get(vm / block).copied().unwrap_or(0.0)
            }
            HourPrice::ByCount(prices) => {
                let mut counted = 0;
                let of = prices.iter().find(|counted_price| {
                    counted += counted_price.count;
                    vm < counted
                });
                of.map_or(0.0, |of| of.price)
            }
            HourPrice::Catalogue(_) | HourPrice::ByInstance(_) => 0.0,
        }
    }

    /// Mean price of an hour of the VMs of `lease`.
    pub fn lease_hour_price(&self, lease: &LeaseRequest) -> f64 {
        let HourPrice::ByInstance(prices) = &self.vm_hour_price else {
            return self.hour_price(0, 1);
        };
        let of = |set: &NodeSet| {
            let price = set.part.instance.as_ref().and_then(|name| prices.get(name));
            price.copied().unwrap_or(0.0) * f64::from(set.count)
        };
        lease.nodes.iter().map(of).sum::<f64>() / lease.vms() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(hours: f64) -> Instant {
        Instant::from_seconds(hours * 3600.0)
    }

    fn tariff(then: Then) -> Rate {
        let steps = vec![(0.0, 0.1), (6.0 * 3600.0, 0.3), (22.0 * 3600.0, 0.1)];
        Rate::Series(Series { steps, until_s: Some(86_400.0), then, ..Series::default() })
    }

    /// Night, day from 6 to 22 h, night: on the third day as on the first.
    #[test]
    fn a_step_holds_until_the_next_and_a_repeated_series_begins_again() {
        let rate = tariff(Then::Repeat);
        for (at, value, next) in [
            (0.0, 0.1, 6.0),
            (5.99, 0.1, 6.0),
            (6.0, 0.3, 22.0),
            (23.0, 0.1, 24.0),
            (48.0, 0.1, 54.0),
            (60.0, 0.3, 70.0),
        ] {
            assert_eq!(
                (rate.at(hours(at)), rate.next_change(hours(at))),
                (value, Some(hours(next)))
            );
        }
        let once = tariff(Then::Hold);
        assert_eq!((once.at(hours(60.0)), once.next_change(hours(60.0))), (0.1, None));
    }

    #[test]
    fn the_last_step_holds_as_long_as_the_one_before_unless_it_is_said() {
        let steps = vec![(0.0, 1.0), (3600.0, 2.0)];
        let series = Series { steps, ..Series::default() };
        assert_eq!(series.end(), Some(hours(2.0)));
        assert_eq!(Series { until_s: Some(9.0), ..series }.end(), Some(Instant(9_000_000)));
    }

    #[test]
    fn an_edge_is_a_change_or_the_end_of_a_month() {
        let costs = Costs { carbon_intensity: tariff(Then::Hold), ..Costs::default() };
        assert_eq!(costs.next_edge(hours(1.0)), hours(6.0));
        assert_eq!(costs.next_edge(hours(22.0)), hours(720.0));
        assert_eq!(costs.next_edge(hours(720.0)), hours(1440.0));
    }
}
