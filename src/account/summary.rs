//! What a ledger adds up to.

use serde::{Deserialize, Serialize};

use super::{Account, Ledger, SiteTotal};

/// Totals by account: amounts gained, or spent where negative, in the currency.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CostSummary {
    /// Name of the currency.
    pub currency: String,
    /// Energy.
    pub energy: f64,
    /// Emissions.
    pub carbon: f64,
    /// Instance-hours.
    pub instance_hours: f64,
    /// Service credits.
    pub credits: f64,
    /// Penalties.
    pub penalties: f64,
    /// All of them together.
    pub balance: f64,
    /// Energy of the site, kWh.
    pub site_energy_kwh: f64,
    /// Emissions, kgCO2e.
    pub emissions_kg: f64,
    /// Hours of instances that have a price.
    pub billed_hours: f64,
    /// Rent of public sites, in a run with `[sites]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rent: Option<f64>,
    /// What each site comes to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sites: Vec<SiteTotal>,
}

impl CostSummary {
    /// The totals of `ledger`.
    pub(super) fn of(ledger: &Ledger) -> Self {
        let total = |account| ledger.total(account).units();
        let quantity = |account| ledger.of(account).map(|entry| entry.quantity).sum::<f64>() + 0.0;
        Self {
            currency: ledger.currency.clone(),
            energy: total(Account::Energy),
            carbon: total(Account::Carbon),
            instance_hours: total(Account::InstanceHours),
            credits: total(Account::Credits),
            penalties: total(Account::Penalties),
            balance: ledger.balance().units(),
            site_energy_kwh: quantity(Account::Energy),
            emissions_kg: quantity(Account::Carbon),
            billed_hours: quantity(Account::InstanceHours),
            rent: (!ledger.sites.is_empty()).then(|| total(Account::Rent)),
            sites: ledger.sites.clone(),
        }
    }

    /// Every figure by name.
    pub fn named(&self) -> Vec<(&'static str, f64)> {
        let figures = [
            ("energy", self.energy),
            ("carbon", self.carbon),
            ("instance_hours", self.instance_hours),
            ("credits", self.credits),
            ("penalties", self.penalties),
            ("balance", self.balance),
            ("site_energy_kwh", self.site_energy_kwh),
            ("emissions_kg", self.emissions_kg),
            ("billed_hours", self.billed_hours),
        ];
        figures.into_iter().chain(self.rent.map(|rent| ("rent", rent))).collect()
    }

    /// Every figure of every site by name.
    pub fn by_site(&self) -> impl Iterator<Item = (String, f64)> {
        self.sites.iter().flat_map(SiteTotal::named)
    }
}
