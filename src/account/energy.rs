//! Energy and its emissions, by host and by the time in which their rate does not change.

use std::collections::BTreeMap;

use super::{Account, Entry, Subject};
use crate::id::HostId;
use crate::model::Costs;
use crate::model::costs::{MONTH, Rate, Tariff};
use crate::model::record::EnergyRecord;
use crate::time::Instant;
use crate::units::Joules;

const KG_PER_TONNE: f64 = 1000.0;
const G_PER_KG: f64 = 1000.0;

/// What some hosts pay for their energy.
struct Supply<'a> {
    price: &'a Rate,
    intensity: &'a Rate,
    pue: f64,
    used: Vec<&'a EnergyRecord>,
}

/// The entries of energy and of carbon, those of one site after the other; the run ended at `end`.
/// Who rents by the hour does not pay for energy.
pub(super) fn entries(costs: &Costs, used: &[EnergyRecord], end: Instant) -> Vec<Entry> {
    let supplies: Vec<Supply<'_>> = match &costs.tariffs {
        None => vec![Supply {
            price: &costs.energy_price,
            intensity: &costs.carbon_intensity,
            pue: costs.pue,
            used: used.iter().collect(),
        }],
        Some(tariffs) => {
            let own = |(_, tariff): &(u16, &Tariff)| tariff.rent.is_none();
            let supply = |(site, tariff)| {
                let Tariff { energy_price, carbon_intensity, pue, .. }: &Tariff = tariff;
                let here = |row: &&EnergyRecord| tariffs.site_of[row.host] == site;
                let used = used.iter().filter(here).collect();
                Supply { price: energy_price, intensity: carbon_intensity, pue: *pue, used }
            };
            (0..).zip(&tariffs.sites).filter(own).map(supply).collect()
        }
    };
    let energy = supplies.iter().flat_map(|supply| {
        by_rate(supply.price, supply, end).map(|(period, host, kwh, price)| {
            Entry::new(Account::Energy, period, Subject::Host(host.0), kwh, price)
        })
    });
    let price = costs.carbon_price / KG_PER_TONNE;
    let emitting = supplies.iter().filter(|supply| !supply.intensity.is_nothing());
    let carbon = emitting.flat_map(|supply| {
        by_rate(supply.intensity, supply, end).map(|(period, host, kwh, intensity)| {
            let kg = kwh * intensity / G_PER_KG;
            Entry::new(Account::Carbon, period, Subject::Host(host.0), kg, price)
        })
    });
    energy.chain(carbon).collect()
}

type Used = ((Instant, Instant), HostId, f64, f64);

/// Energy of the site (kWh) by stretch of time, then host, with the value of `rate` there.
fn by_rate<'a>(
    rate: &'a Rate,
    supply: &Supply<'_>,
    end: Instant,
) -> impl Iterator<Item = Used> + 'a {
    let stretches = stretches(rate, end);
    let mut sums: BTreeMap<(usize, HostId), f64> = BTreeMap::new();
    for row in &supply.used {
        let stretch = stretches.partition_point(|&(from, _)| from <= row.start) - 1;
        *sums.entry((stretch, row.host)).or_default() += row.joules;
    }
    let pue = supply.pue;
    sums.into_iter().map(move |((stretch, host), joules)| {
        let period = stretches[stretch];
        (period, host, Joules(joules).kwh() * pue, rate.at(period.0))
    })
}

/// The times in which `rate` keeps its value, divided at the ends of months.
fn stretches(rate: &Rate, end: Instant) -> Vec<(Instant, Instant)> {
    let mut stretches: Vec<(Instant, Instant)> = Vec::new();
    let mut start = Instant::START;
    loop {
        let month = Instant((start.0.div_euclid(MONTH.0) + 1) * MONTH.0);
        let next = rate.next_change(start).map_or(month, |change| change.min(month));
        let until = next.min(end);
        match stretches.last_mut() {
            Some(last) if start.0 % MONTH.0 != 0 && rate.at(last.0) == rate.at(start) => {
                last.1 = until;
            }
            _ => stretches.push((start, until)),
        }
        if next >= end {
            return stretches;
        }
        start = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::costs::{Series, Then};

    /// Values 1, 1, 2 by day, repeated: of 31 days, the 30th ends with a month.
    #[test]
    fn steps_of_one_value_are_one_stretch_but_for_months() {
        let day = 86_400.0;
        let steps = vec![(0.0, 1.0), (day, 1.0), (2.0 * day, 2.0)];
        let until_s = Some(3.0 * day);
        let series = Series { steps, until_s, then: Then::Repeat, ..Series::default() };
        let found = stretches(&Rate::Series(series), Instant::from_seconds(31.0 * day));
        let days: Vec<_> =
            found.iter().map(|(a, b)| (a.seconds() / day, b.seconds() / day)).collect();
        assert_eq!(days[..3], [(0.0, 2.0), (2.0, 3.0), (3.0, 5.0)]);
        assert_eq!(days[19..], [(29.0, 30.0), (30.0, 31.0)]);
        let constant = stretches(&Rate::Constant(1.0), Instant::from_seconds(31.0 * day));
        assert_eq!(constant.len(), 2);
    }
}
