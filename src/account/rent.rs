//! Hours of VMs at public sites, stay by stay.

use super::instance_hours::hours;
use super::months::months;
use super::{Account, Entry, Subject};
use crate::model::stays::{Stay, stays};
use crate::model::{Costs, Record};

/// The entries of rent, by stays in the order of their ends, each with its site.
pub(super) fn entries(costs: &Costs, record: &Record) -> Vec<(u16, Entry)> {
    let Some(tariffs) = &costs.tariffs else { return Vec::new() };
    let mut entries = Vec::new();
    let all = stays(&tariffs.site_of, &record.actions, record.vms.len(), record.end);
    for Stay { vm, site, from, until } in all {
        let Some(price) = tariffs.sites[usize::from(site)].rent else { continue };
        entries.extend(months(from, until).map(|(_, period)| {
            let hours = hours(period.1 - period.0);
            (site, Entry::new(Account::Rent, period, Subject::Vm(vm.0), hours, price))
        }));
    }
    entries
}
