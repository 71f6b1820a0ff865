//! All entries of a run, by account, in a fixed order.

use super::{Account, CostSummary, Entry, Money, Subject, energy, instance_hours, service};
use crate::model::lease::{Guests, LeaseRequest};
use crate::model::lease_record::Stretch;
use crate::model::{Costs, Record};

/// Every entry of a run.
///
/// A host that draws 100 W for 10 h uses 1 kWh; at a PUE of 1.5 and 0.2 per kWh that costs 0.3.
///
/// ```
/// use galerna::account::{Ledger, Money};
/// use galerna::id::HostId;
/// use galerna::model::costs::Rate;
/// use galerna::model::record::EnergyRecord;
/// use galerna::model::{Costs, Record};
/// use galerna::time::Instant;
///
/// let costs = Costs { pue: 1.5, energy_price: Rate::Constant(0.2), ..Costs::default() };
/// let (start, end) = (Instant::START, Instant::from_seconds(36_000.0));
/// let used = EnergyRecord { host: HostId(0), start, end, joules: 3.6e6 };
/// let record = Record { energy: vec![used], end, ..Record::default() };
/// let ledger = Ledger::of_load(&costs, &record);
/// assert_eq!(ledger.balance(), Money(-300_000));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Ledger {
    /// Name of the currency.
    pub currency: String,
    /// By account, then as that orders them.
    pub entries: Vec<Entry>,
}

impl Ledger {
    /// The ledger of a run of load.
    pub fn of_load(costs: &Costs, record: &Record) -> Self {
        let presence = instance_hours::presence(&record.actions, record.vms.len(), record.end);
        let mut entries = energy::entries(costs, &record.energy, record.end);
        let hours = instance_hours::of_vms(costs, &presence);
        let owner = |vm: usize| Subject::Vm(vm as u32);
        let credits = service::credits(costs, record, &presence, &hours, owner);
        entries.extend(hours);
        entries.extend(credits);
        entries.extend(service::penalties(costs, record));
        Self { currency: costs.currency.clone(), entries }
    }

    /// The ledger of a run of leases: hours of instances, and what their load costs where they
    /// carry any: the record of that, and what the VMs in it stand for.
    pub fn of_leases(
        costs: &Costs,
        requests: &[LeaseRequest],
        stretches: &[Stretch],
        load: Option<(&Record, Guests)>,
    ) -> Self {
        let currency = costs.currency.clone();
        let hours = instance_hours::of_leases(costs, requests, stretches);
        let Some((record, each)) = load else { return Self { currency, entries: hours } };
        let owners = requests.iter().zip(0..);
        let owners: Vec<u32> =
            owners.flat_map(|(request, lease)| request.guests(each).map(move |_| lease)).collect();
        let presence = instance_hours::presence(&record.actions, record.vms.len(), record.end);
        let owner = |vm: usize| Subject::Lease(owners[vm]);
        let mut entries = energy::entries(costs, &record.energy, record.end);
        let credits = service::credits(costs, record, &presence, &hours, owner);
        entries.extend(hours);
        entries.extend(credits);
        entries.extend(service::penalties(costs, record));
        Self { currency, entries }
    }

    /// The entries of `account`.
    pub fn of(&self, account: Account) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.account == account)
    }

    /// What `account` comes to.
    pub fn total(&self, account: Account) -> Money {
        self.of(account).map(|entry| entry.amount).sum()
    }

    /// What the whole comes to.
    pub fn balance(&self) -> Money {
        self.entries.iter().map(|entry| entry.amount).sum()
    }

    /// The totals.
    pub fn summary(&self) -> CostSummary {
        CostSummary::of(self)
    }
}
