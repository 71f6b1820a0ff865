//! One line of the ledger.

use super::Money;
use crate::time::Instant;

/// What an entry is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// Energy bought.
    Energy,
    /// Emissions paid for.
    Carbon,
    /// VMs sold by the hour.
    InstanceHours,
    /// VMs at public sites, rented by the hour.
    Rent,
    /// What is given back for lack of availability.
    Credits,
    /// What is paid for VMs that got less than they asked for.
    Penalties,
}

impl Account {
    /// Every account, in the order of the ledger.
    pub const ALL: [Self; 6] = [
        Self::Energy,
        Self::Carbon,
        Self::InstanceHours,
        Self::Rent,
        Self::Credits,
        Self::Penalties,
    ];

    /// The name used in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Energy => "energy",
            Self::Carbon => "carbon",
            Self::InstanceHours => "instance-hours",
            Self::Rent => "rent",
            Self::Credits => "credits",
            Self::Penalties => "penalties",
        }
    }

    /// In what its quantities are measured: for credits, in shares of the month's price.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Energy => "kWh",
            Self::Carbon => "kgCO2e",
            Self::InstanceHours | Self::Rent => "h",
            Self::Credits => "month",
            Self::Penalties => "s",
        }
    }
}

/// Whom an entry concerns, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A host.
    Host(u32),
    /// A VM of the fleet.
    Vm(u32),
    /// A lease, by its row.
    Lease(u32),
}

impl Subject {
    /// What it is, and its number.
    pub fn parts(self) -> (&'static str, u32) {
        match self {
            Self::Host(id) => ("host", id),
            Self::Vm(id) => ("vm", id),
            Self::Lease(id) => ("lease", id),
        }
    }
}

/// One line of the ledger.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry {
    /// What for.
    pub account: Account,
    /// From when on.
    pub start: Instant,
    /// Until when.
    pub end: Instant,
    /// Whom it concerns.
    pub subject: Subject,
    /// How much, in the unit of the account.
    pub quantity: f64,
    /// Price of one unit.
    pub unit_price: f64,
    /// What the operator gains, or spends where it is negative.
    pub amount: Money,
}

impl Entry {
    /// The entry whose amount is quantity times price, spent unless instance-hours are sold.
    pub(super) fn new(
        account: Account,
        (start, end): (Instant, Instant),
        subject: Subject,
        quantity: f64,
        unit_price: f64,
    ) -> Self {
        let value = Money::of(quantity, unit_price);
        let amount = if account == Account::InstanceHours { value } else { -value };
        Self { account, start, end, subject, quantity, unit_price, amount }
    }
}
