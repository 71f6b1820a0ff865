//! How little can hosts draw that serve so much CPU and hold so much memory, whichever they are and
//! however it is divided among them?
//!
//! ```text
//! least(D, M) = max over (a, b) >= 0 of a D + b M,    where  P_k(u) >= a u C_k + b R_k
//!                                                     for every kind k and every u in [0, 1]
//! ```
//!
//! `D`: CPU to be served, MIPS; `M`: memory to be held, bytes; `P_k`, `C_k`, `R_k`: power curve
//! (W), capacity (MIPS) and memory (bytes) of a host of kind `k`; `a`: W per MIPS, `b`: W per byte.
//!
//! **Proof.** Let hosts that are on serve `x_h <= C_h` with `sum x_h = D` and hold `m_h <= R_h`
//! with `sum m_h = M`. Host by host `P_h(x_h / C_h) >= a x_h + b R_h >= a x_h + b m_h`, and the sum
//! of that over the hosts is `a D + b M`. Nothing is said of how many hosts there are, of VMs that
//! do not fit beside each other, of cores or of moves, so no placement draws less.
//!
//! Which pairs: between two points of its table a curve is a straight line, so the condition holds
//! for every `u` if it holds at the points. At `u = 0` it says `b <= P_k(0) / R_k`, at each other
//! point `a <= (P - b R) / (u C)`. The largest `a` is so the least of some straight lines in `b`,
//! and `a D + b M` is greatest at an end of the range of `b` or where two of them cross. These are
//! found once.
//!
//! Source: own; it is the dual of the linear relaxation of the placement of one step.

use crate::model::Fleet;

/// The pairs among which the best is.
#[derive(Debug, Clone, PartialEq)]
pub struct PooledPower {
    /// W per MIPS, W per byte.
    pairs: Vec<(f64, f64)>,
}

/// A point of a curve: power (W), load (MIPS) and the host's memory (bytes).
#[derive(Debug, Clone, Copy)]
struct Point {
    watts: f64,
    mips: f64,
    ram: f64,
}

impl Point {
    /// The largest `a` that it allows beside `b`.
    fn most(self, b: f64) -> f64 {
        (self.watts - b * self.ram) / self.mips
    }

    /// The `b` at which it allows as much as `other`.
    fn crossing(self, other: Self) -> f64 {
        let across = self.watts * other.mips - other.watts * self.mips;
        across / (self.ram * other.mips - other.ram * self.mips)
    }
}

impl PooledPower {
    /// Of the hosts of `fleet`.
    pub fn of(fleet: &Fleet) -> Self {
        let (mut points, mut highest) = (Vec::new(), f64::INFINITY);
        for machine in &fleet.machines {
            let (capacity, ram) = (machine.capacity().0, machine.ram.0 as f64);
            let steps = machine.power.len() - 1;
            highest = highest.min(machine.power[0].0 / ram);
            points.extend((1..=steps).map(|step| Point {
                watts: machine.power[step].0,
                mips: capacity * step as f64 / steps as f64,
                ram,
            }));
        }
        let pairs = points
            .iter()
            .enumerate()
            .flat_map(|(at, point)| points[at + 1..].iter().map(|other| point.crossing(*other)));
        let inside = pairs.filter(|b| (0.0..=highest).contains(b));
        let ends = [0.0, highest].into_iter().filter(|b| b.is_finite());
        let most = |b: f64| points.iter().map(|point| point.most(b)).fold(f64::INFINITY, f64::min);
        let all = ends.chain(inside).map(|b| (most(b).max(0.0), b));
        Self { pairs: all.filter(|(a, _)| a.is_finite()).collect() }
    }

    /// The least power of any hosts that serve `mips` and hold `bytes`, W.
    ///
    /// A G5 serves 5320 MIPS at 135 W, and no host serves a MIPS for less.
    ///
    /// ```
    /// use galerna::model::{Fleet, Machine};
    /// use galerna::power::PooledPower;
    /// use galerna::units::Bytes;
    ///
    /// let g5 = Machine::named("hp-ml110-g5", Bytes::from_gib(32)).unwrap();
    /// let pooled = PooledPower::of(&Fleet::of_hosts(vec![g5], [0; 4]));
    /// assert!((pooled.least(2.0 * 5320.0, 0.0) - 270.0).abs() < 1e-9);
    /// ```
    pub fn least(&self, mips: f64, bytes: f64) -> f64 {
        self.pairs.iter().map(|&(a, b)| a * mips + b * bytes).fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Machine, VmType};
    use crate::power::PowerTable;
    use crate::random::{below, stream};
    use crate::units::{Bytes, Mips};

    /// The least power of all placements of `vms` (MIPS, bytes) on `fleet`; none if they do not
    /// fit.
    fn tried(fleet: &Fleet, vms: &[(f64, f64)]) -> Option<f64> {
        let hosts = fleet.hosts();
        let placements = (0..hosts.pow(vms.len() as u32)).filter_map(|mut code| {
            let mut sums = vec![(0.0, 0.0, 0_u32); hosts];
            for &(mips, bytes) in vms {
                let host = &mut sums[code % hosts];
                *host = (host.0 + mips, host.1 + bytes, host.2 + 1);
                code /= hosts;
            }
            let machine =
                |host: usize| &fleet.machines[usize::from(fleet.machine.as_slice()[host])];
            let fits = |(host, sum): (usize, &(f64, f64, u32))| {
                sum.0 <= machine(host).capacity().0 && sum.1 <= machine(host).ram.0 as f64
            };
            sums.iter().enumerate().all(fits).then(|| {
                let on = sums.iter().enumerate().filter(|(_, sum)| sum.2 > 0);
                on.map(|(host, sum)| {
                    let machine = machine(host);
                    PowerTable::of(machine).power(sum.0 / machine.capacity().0).0
                })
                .sum::<f64>()
            })
        });
        placements.reduce(f64::min)
    }

    /// No placement of five VMs on four hosts draws less, and some draw hardly more.
    #[test]
    fn no_placement_draws_less() {
        let random = &mut stream(1, "test.pooled");
        let (mut found, mut nearest) = (0, f64::INFINITY);
        for _ in 0..200 {
            let ram = |gib: usize| Bytes::from_gib(1 + gib as u64);
            let g4 = Machine::named("hp-ml110-g4", ram(below(8, random))).unwrap();
            let g5 = Machine::named("hp-ml110-g5", ram(below(8, random))).unwrap();
            let kinds: Vec<u16> = (0..4).map(|_| below(2, random) as u16).collect();
            let fleet = Fleet::of_hosts(vec![g4, g5], kinds);
            let vms: Vec<(f64, f64)> = (0..5)
                .map(|_| (below(2600, random) as f64, 1e9 * below(4, random) as f64))
                .collect();
            let Some(least) = tried(&fleet, &vms) else { continue };
            let (mips, bytes) = vms.iter().fold((0.0, 0.0), |s, vm| (s.0 + vm.0, s.1 + vm.1));
            let bound = PooledPower::of(&fleet).least(mips, bytes);
            assert!(bound <= least + 1e-9, "{bound} {least}");
            found += 1;
            nearest = nearest.min(least / bound);
        }
        assert!(found > 100 && nearest < 1.1, "{found} {nearest}");
    }

    /// Idle VMs that fill the memory of two hosts of 4 GiB keep two on: 2 x 93.7 W.
    #[test]
    fn memory_alone_keeps_hosts_on() {
        let g5 = Machine::named("hp-ml110-g5", Bytes::from_gib(4)).unwrap();
        let mut fleet = Fleet::of_hosts(vec![g5], [0; 4]);
        fleet.add_vm(VmType::new(Mips(1.0), Bytes::from_gib(1)), 0);
        let pooled = PooledPower::of(&fleet);
        assert!((pooled.least(0.0, 2.0 * 4.0 * 2f64.powi(30)) - 187.4).abs() < 1e-9);
        assert_eq!(pooled.least(0.0, 0.0), 0.0);
    }
}
