//! Energy by host and by the time between two changes of its price.
//!
//! ```text
//! E[k, h] += E (t_k+1 - a) / (b - a)    the part of [a, b] that lies in period k
//! ```
//!
//! Power holds between two evaluations of a host, so what it uses from `a` to `b` is divided at the
//! edges in proportion to time; that is exact. What is used at an instant counts before an edge
//! there. Memory is only taken when time first enters a period.

use crate::id::{HostId, Id};
use crate::model::Costs;
use crate::model::record::EnergyRecord;
use crate::time::Instant;

/// Energy by period and host.
#[derive(Debug, Clone)]
pub struct EnergySeries {
    costs: Costs,
    hosts: usize,
    /// When each period begins, and the last one ends.
    edges: Vec<Instant>,
    /// The same in seconds.
    seconds: Vec<f64>,
    /// Joules, per period and host.
    joules: Vec<Vec<f64>>,
}

impl EnergySeries {
    /// Nothing used yet by so many `hosts`; periods are those of `costs`.
    pub fn new(costs: &Costs, hosts: usize) -> Self {
        let (edges, seconds) = (vec![Instant::START], vec![0.0]);
        let mut series = Self { costs: costs.clone(), hosts, edges, seconds, joules: Vec::new() };
        series.grow();
        series
    }

    fn grow(&mut self) {
        let last = self.edges.last().copied().unwrap_or_default();
        let next = self.costs.next_edge(last);
        assert!(next > last, "periods have a length");
        self.edges.push(next);
        self.seconds.push(next.seconds());
        self.joules.push(vec![0.0; self.hosts]);
    }

    /// Adds `joules` that `host` used evenly between two times, seconds from the start.
    pub fn add(&mut self, host: HostId, from: f64, to: f64, joules: f64) {
        while self.seconds[self.seconds.len() - 1] < to {
            self.grow();
        }
        let latest = self.joules.len() - 1;
        if from >= self.seconds[latest] && (to > from || from > self.seconds[latest]) {
            self.joules[latest][host.index()] += joules;
            return;
        }
        if to <= from {
            let period = self.seconds.partition_point(|&edge| edge < to).saturating_sub(1);
            self.joules[period][host.index()] += joules;
            return;
        }
        let mut period = self.seconds.partition_point(|&edge| edge <= from) - 1;
        let (mut since, mut left) = (from, joules);
        while self.seconds[period + 1] < to {
            let until = self.seconds[period + 1];
            let part = joules * ((until - since) / (to - from));
            self.joules[period][host.index()] += part;
            (since, left, period) = (until, left - part, period + 1);
        }
        self.joules[period][host.index()] += left;
    }

    /// Forgets what `host` used.
    pub fn clear(&mut self, host: HostId) {
        self.joules.iter_mut().for_each(|period| period[host.index()] = 0.0);
    }

    /// One row per period and host that used anything; the run ends at `end`.
    pub fn records(&self, end: Instant) -> Vec<EnergyRecord> {
        let periods = self.edges.windows(2).zip(&self.joules);
        let rows = periods.flat_map(|(edges, used)| {
            let (start, end) = (edges[0], edges[1].min(end));
            let hosts = used.iter().enumerate().filter(|(_, joules)| **joules > 0.0);
            hosts.map(move |(host, &joules)| EnergyRecord {
                host: HostId::from_index(host),
                start,
                end,
                joules,
            })
        });
        rows.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::costs::{Rate, Series, Then};

    fn series() -> EnergySeries {
        let steps = vec![(0.0, 0.1), (100.0, 0.2), (150.0, 0.3)];
        let series = Series { steps, then: Then::Hold, ..Series::default() };
        let costs = Costs { energy_price: Rate::Series(series), ..Costs::default() };
        EnergySeries::new(&costs, 2)
    }

    /// 10 W from 80 to 170 s: 200 J, 500 J and 200 J; 7 J at 100 s count before the edge, 5 J at
    /// 0 s in the first period.
    #[test]
    fn what_is_used_across_edges_is_divided_by_time() {
        let mut series = series();
        series.add(HostId(1), 80.0, 170.0, 900.0);
        series.add(HostId(1), 100.0, 100.0, 7.0);
        series.add(HostId(0), 0.0, 0.0, 5.0);
        let rows = series.records(Instant::from_seconds(170.0));
        let told: Vec<_> =
            rows.iter().map(|r| (r.host.0, r.start.seconds(), r.end.seconds(), r.joules)).collect();
        let expected = [
            (0, 0.0, 100.0, 5.0),
            (1, 0.0, 100.0, 207.0),
            (1, 100.0, 150.0, 500.0),
            (1, 150.0, 170.0, 200.0),
        ];
        for (found, expected) in told.iter().zip(expected) {
            assert_eq!((found.0, found.1, found.2), (expected.0, expected.1, expected.2));
            assert!((found.3 - expected.3).abs() < 1e-9, "{found:?}");
        }
        assert_eq!(told.len(), 4);
    }
}
