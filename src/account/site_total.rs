//! What each site comes to: its energy and emissions, or its rent.

use serde::{Deserialize, Serialize};

use super::{Account, Entry, Money, Subject};
use crate::model::costs::Tariffs;

/// The totals of one site, spent where negative, in the currency.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SiteTotal {
    /// Its name.
    pub site: String,
    /// Energy.
    pub energy: f64,
    /// Emissions.
    pub carbon: f64,
    /// Rent.
    pub rent: f64,
    /// Energy of the site, kWh; of a public one nobody pays for it.
    pub energy_kwh: f64,
    /// Emissions, kgCO2e.
    pub emissions_kg: f64,
    /// Hours of VMs that are rented.
    pub rented_hours: f64,
}

impl SiteTotal {
    /// The totals of every site, from the entries of hosts and those of rent with their sites.
    pub(super) fn all(tariffs: &Tariffs, hosts: &[Entry], rent: &[(u16, Entry)]) -> Vec<Self> {
        let total = |(number, name): (u16, &str)| {
            let here = |entry: &&Entry| match entry.subject {
                Subject::Host(host) => tariffs.site_of.as_slice()[host as usize] == number,
                Subject::Vm(_) | Subject::Lease(_) => false,
            };
            let of = |account| {
                let all = hosts.iter().filter(here);
                all.filter(move |entry| entry.account == account)
            };
            let rented = || rent.iter().filter(|(site, _)| *site == number).map(|(_, entry)| entry);
            Self {
                site: name.to_owned(),
                energy: amount(of(Account::Energy)),
                carbon: amount(of(Account::Carbon)),
                rent: amount(rented()),
                energy_kwh: quantity(of(Account::Energy)),
                emissions_kg: quantity(of(Account::Carbon)),
                rented_hours: quantity(rented()),
            }
        };
        (0..).zip(tariffs.sites.iter().map(|tariff| tariff.site.as_str())).map(total).collect()
    }

    /// Every figure by name, that of the site in front.
    pub fn named(&self) -> impl Iterator<Item = (String, f64)> {
        let figures = [
            ("energy", self.energy),
            ("carbon", self.carbon),
            ("rent", self.rent),
            ("energy_kwh", self.energy_kwh),
            ("emissions_kg", self.emissions_kg),
            ("rented_hours", self.rented_hours),
        ];
        figures.into_iter().map(|(name, value)| (format!("{}.{name}", self.site), value))
    }
}

fn amount<'e>(entries: impl Iterator<Item = &'e Entry>) -> f64 {
    entries.map(|entry| entry.amount).sum::<Money>().units()
}

fn quantity<'e>(entries: impl Iterator<Item = &'e Entry>) -> f64 {
    entries.map(|entry| entry.quantity).sum::<f64>() + 0.0
}
