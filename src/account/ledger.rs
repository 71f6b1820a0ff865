//! All entries of a run, by account, in a fixed order.

use super::{
    Account, CostSummary, Entry, Money, SiteTotal, Subject, energy, instance_hours, rent, service,
};
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
    /// What each site comes to, in a run with `[sites]`.
    pub sites: Vec<SiteTotal>,
}

impl Ledger {
    /// The ledger of a run of load.
    pub fn of_load(costs: &Costs, record: &Record) -> Self {
        let presence = instance_hours::presence(&record.actions, record.vms.len(), record.end);
        let hours = instance_hours::of_vms(costs, &presence);
        let owner = |vm: usize| Subject::Vm(vm as u32);
        let credits = service::credits(costs, record, &presence, &hours, owner);
        Self::with(costs, record, hours, credits)
    }

    /// Energy, carbon, rent and penalties of `record`, with the rest.
    fn with(costs: &Costs, record: &Record, hours: Vec<Entry>, credits: Vec<Entry>) -> Self {
        let mut entries = energy::entries(costs, &record.energy, record.end);
        let rent = rent::entries(costs, record);
        let tariffs = costs.tariffs.iter();
        let sites = tariffs.flat_map(|tariffs| SiteTotal::all(tariffs, &entries, &rent)).collect();
        entries.extend(hours);
        entries.extend(rent.into_iter().map(|(_, entry)| entry));
        entries.extend(credits);
        entries.extend(service::penalties(costs, record));
        Self { currency: costs.currency.clone(), entries, sites }
    }

    /// The ledger of a run of leases: hours of instances, and what their load costs where they
    /// carry any: the record of that, and what the VMs in it stand for.
    pub fn of_leases(
        costs: &Costs,
        requests: &[LeaseRequest],
        stretches: &[Stretch],
        load: Option<(&Record, Guests)>,
    ) -> Self {
        let hours = instance_hours::of_leases(costs, requests, stretches);
        let Some((record, each)) = load else {
            let (currency, sites) = (costs.currency.clone(), Vec::new());
            return Self { currency, entries: hours, sites };
        };
        let owners = requests.iter().zip(0..);
        let owners: Vec<u32> =
            owners.flat_map(|(request, lease)| request.guests(each).map(move |_| lease)).collect();
        let presence = instance_hours::presence(&record.actions, record.vms.len(), record.end);
        let owner = |vm: usize| Subject::Lease(owners[vm]);
        let credits = service::credits(costs, record, &presence, &hours, owner);
        Self::with(costs, record, hours, credits)
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
