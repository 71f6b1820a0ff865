//! How one host shares its CPU among its VMs.
//!
//! ```text
//! c = min(r, n core)     asked of the host: c, or destination_load * c by an arriving VM
//! given: all of it, or the same fraction f = C / sum to each when the host is oversubscribed;
//!        those with a reservation come first, and the others share what these leave
//! a VM being copied loses a part of what it is given; the host spends it all the same
//! a VM that is stopped gets nothing, and neither does its copy elsewhere
//! ```
//!
//! `r`: demand of the VM, `n`: its cores, `core`: rate of one core, `C`: capacity (MIPS). The order
//! of operations is CloudSim's, in which a copy's overhead is taken off and put back by a product
//! and a quotient.

use crate::model::rules::{ArrivingDemand, MigrationLoss, Oversubscription, Rules, Violation};

/// A VM on the host that is being shared.
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    /// Demand, MIPS.
    pub request: f64,
    /// The most that the host can give it: one core for each of its own, MIPS.
    pub most: f64,
    /// What it is doing there.
    pub role: Role,
    /// What its migration takes, where it has one.
    pub toll: Toll,
    /// Its place in the order in which requests are added up, equal for all that keep list order.
    pub rank: u32,
    /// Whether it is served before those that have no reservation.
    pub reserved: bool,
}

/// What a migration takes of what its VM is given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Toll {
    /// Fraction that the VM keeps.
    pub kept: f64,
    /// Fraction that it loses.
    pub lost: f64,
}

impl Toll {
    /// Nothing.
    pub const NONE: Self = Self { kept: 1.0, lost: 0.0 };

    /// The fraction `lost`.
    pub fn of(lost: f64) -> Self {
        Self { kept: 1.0 - lost, lost }
    }

    /// What is not `kept`, to the last digit.
    pub fn leaving(kept: f64) -> Self {
        Self { kept, lost: 1.0 - kept }
    }

    /// What the host spends on a VM that keeps `allocated` of `given`.
    #[inline]
    fn spent(self, given: f64, allocated: f64) -> f64 {
        if self.kept > 0.0 { allocated / self.kept } else { given }
    }
}

/// What a VM does on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It runs there.
    Running,
    /// It runs there and is being copied away.
    Leaving,
    /// It is being copied to here and runs elsewhere.
    Arriving,
    /// It is stopped here while the rest of it is copied away.
    Paused,
    /// It runs elsewhere, and its pages are still here.
    Held,
    /// It runs here, and its pages follow.
    Settling,
}

impl Role {
    /// Whether this host serves it.
    #[inline]
    pub fn is_here(self) -> bool {
        !matches!(self, Self::Arriving | Self::Held)
    }

    /// Whether a migration takes some of what it is given here.
    #[inline]
    fn pays(self) -> bool {
        matches!(self, Self::Leaving | Self::Settling)
    }
}

/// What a VM is given.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Grant {
    /// MIPS given.
    pub allocated: f64,
    /// MIPS lost to its migration.
    pub loss: f64,
    /// Whether it gets less than it asks for.
    pub short: bool,
}

/// What one VM does to a host that has enough for all.
#[derive(Debug, Clone, Copy)]
pub struct Served {
    /// MIPS asked of the host.
    pub asked: f64,
    /// MIPS that the host spends.
    pub spent: f64,
    /// MIPS that count as requested of the host.
    pub counted: f64,
    /// What the VM gets there; nothing while it arrives.
    pub grant: Grant,
}

/// What the host does.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// MIPS in use.
    pub used: f64,
    /// Whether the host violates its SLA.
    pub violating: bool,
}

/// The rules of sharing, with the numbers they need.
#[derive(Debug, Clone)]
pub struct Sharing {
    destination_load: f64,
    floored: bool,
    enough: f64,
    too_much: f64,
    violation: Violation,
    in_full: bool,
    loss: MigrationLoss,
}

impl Sharing {
    /// Sharing by `rules`.
    pub fn new(rules: &Rules) -> Self {
        Self {
            destination_load: rules.migration.destination_load,
            floored: rules.host.oversubscription == Oversubscription::Floored,
            enough: 1.0 - rules.accounting.tolerance,
            too_much: 1.0 + rules.accounting.tolerance,
            violation: rules.accounting.violation,
            in_full: rules.accounting.arriving_demand == ArrivingDemand::InFull,
            loss: rules.accounting.migration_loss,
        }
    }

    /// What a VM that just runs gets on a host that has enough for all, and can give it `most`.
    #[inline]
    pub fn serve_running(&self, request: f64, most: f64) -> Served {
        let capped = request.min(most);
        let grant = self.grant(request, capped, capped, None);
        Served { asked: capped, spent: capped, counted: request, grant }
    }

    /// What a VM gets on a host that has enough for all, and can give it `most`.
    pub fn serve(&self, request: f64, most: f64, role: Role, toll: Toll) -> Served {
        let capped = request.min(most);
        match role {
            Role::Running => self.serve_running(request, most),
            Role::Leaving | Role::Settling => {
                let allocated = capped * toll.kept;
                let spent = toll.spent(capped, allocated);
                let grant = self.grant(request, spent, allocated, Some(toll));
                Served { asked: capped, spent, counted: request, grant }
            }
            Role::Arriving => {
                let asked = self.destination_load * capped;
                let counted = if self.in_full { request } else { asked };
                Served { asked, spent: asked, counted, grant: Grant::default() }
            }
            Role::Paused => {
                let grant = self.nothing(request, most);
                Served { asked: 0.0, spent: 0.0, counted: 0.0, grant }
            }
            Role::Held => Served { asked: 0.0, spent: 0.0, counted: 0.0, grant: Grant::default() },
        }
    }

    /// Shares a host of `capacity` MIPS, which is less than the `claims` ask for; `grant` is told,
    /// in order, what each VM that runs there gets.
    pub fn ration(
        &self,
        capacity: f64,
        claims: &[Claim],
        mut grant: impl FnMut(usize, Grant),
    ) -> Usage {
        let (reserved, others) = self.fractions(capacity, claims);
        let (mut used, mut requested) = (0.0, 0.0);
        for (index, &claim) in claims.iter().enumerate() {
            let asked = self.asked(claim);
            let fraction = if claim.reserved { reserved } else { others };
            let (spent, allocated) = self.rationed(asked * fraction, claim);
            used += spent;
            requested += match claim.role {
                Role::Running | Role::Leaving | Role::Settling => claim.request,
                Role::Arriving if self.in_full => claim.request,
                Role::Arriving | Role::Paused | Role::Held => asked,
            };
            if claim.role == Role::Paused {
                grant(index, self.nothing(claim.request, claim.most));
            } else if claim.role.is_here() {
                let toll = claim.role.pays().then_some(claim.toll);
                grant(index, self.grant(claim.request, spent, allocated, toll));
            }
        }
        self.usage(used, requested, capacity)
    }

    /// What a host of `capacity` MIPS does that spends `used` where `requested` is asked for.
    #[inline]
    pub fn usage(&self, used: f64, requested: f64, capacity: f64) -> Usage {
        let violating = match self.violation {
            Violation::DemandAboveCapacity => requested > capacity * self.too_much,
            Violation::Short => used < requested * self.enough,
        };
        Usage { used, violating }
    }

    /// What the host spends and what the VM gets when its part is `given`.
    fn rationed(&self, given: f64, claim: Claim) -> (f64, f64) {
        let whole = |mips: f64| if self.floored { mips.floor() } else { mips };
        if !claim.role.pays() {
            return (whole(given), whole(given));
        }
        let allocated = whole(given * claim.toll.kept);
        (claim.toll.spent(given, allocated), allocated)
    }

    #[inline]
    fn grant(&self, request: f64, spent: f64, allocated: f64, toll: Option<Toll>) -> Grant {
        let short = allocated < request * self.enough;
        let loss = match (toll, self.loss) {
            (None, _) => 0.0,
            (Some(toll), MigrationLoss::Overhead) => spent * toll.lost,
            (Some(_), MigrationLoss::Shortage) if allocated < request => request - allocated,
            (Some(_), MigrationLoss::Shortage) => 0.0,
        };
        Grant { allocated, loss, short }
    }

    /// What a VM gets while it is stopped: nothing, and all that it could use is lost.
    fn nothing(&self, request: f64, most: f64) -> Grant {
        let loss = match self.loss {
            MigrationLoss::Overhead => request.min(most),
            MigrationLoss::Shortage => request,
        };
        Grant { allocated: 0.0, loss, short: 0.0 < request * self.enough }
    }

    /// The fractions that VMs with a reservation, and all others, get of what they ask for.
    fn fractions(&self, capacity: f64, claims: &[Claim]) -> (f64, f64) {
        let sum = |reserved: bool| {
            let alike = claims.iter().filter(|claim| claim.reserved == reserved);
            let mut ranked: Vec<(u32, f64)> =
                alike.map(|&claim| (claim.rank, self.asked(claim))).collect();
            ranked.sort_by_key(|&(rank, _)| rank);
            ranked.iter().map(|&(_, asked)| asked).sum::<f64>()
        };
        let (first, rest) = (sum(true), sum(false));
        if first == 0.0 {
            return (1.0, capacity / rest);
        }
        let left = (capacity - first).max(0.0);
        ((capacity / first).min(1.0), if rest > left { left / rest } else { 1.0 })
    }

    /// What `claim` asks of the host.
    #[inline]
    fn asked(&self, claim: Claim) -> f64 {
        let capped = claim.request.min(claim.most);
        match claim.role {
            Role::Running | Role::Leaving | Role::Settling => capped,
            Role::Arriving => self.destination_load * capped,
            Role::Paused | Role::Held => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(rules: &Rules, claims: &[(f64, Role)]) -> (Vec<f64>, Usage) {
        let sharing = Sharing::new(rules);
        let toll = Toll::of(rules.migration.overhead);
        let served: Vec<Served> = claims
            .iter()
            .map(|&(request, role)| sharing.serve(request, 1860.0, role, toll))
            .collect();
        if served.iter().map(|s| s.asked).sum::<f64>() <= 3720.0 {
            let used = served.iter().map(|s| s.spent).sum();
            let requested = served.iter().map(|s| s.counted).sum();
            let given = served.iter().map(|s| s.grant.allocated).collect();
            return (given, sharing.usage(used, requested, 3720.0));
        }
        let (most, rank, reserved) = (1860.0, 0, false);
        let claim = |&(request, role)| Claim { request, most, role, toll, rank, reserved };
        let claims: Vec<Claim> = claims.iter().map(claim).collect();
        let mut given = Vec::new();
        let usage = sharing.ration(3720.0, &claims, |_, g| given.push(g.allocated));
        (given, usage)
    }

    /// 2000 is capped at one core, 1860; the VM being copied loses 10 % of 1000.
    #[test]
    fn a_vm_gets_at_most_one_core_and_a_copy_costs_a_tenth() {
        let rules = Rules::default();
        let (given, usage) = share(&rules, &[(2000.0, Role::Running), (1000.0, Role::Leaving)]);
        assert_eq!(given, [1860.0, 900.0]);
        assert_eq!(usage, Usage { used: 2860.0, violating: false });
    }

    /// A VM that is stopped takes nothing of its host, and loses all of one core; where its pages
    /// are held it takes nothing either.
    #[test]
    fn a_vm_that_is_stopped_gets_nothing() {
        let sharing = Sharing::new(&Rules::default());
        let paused = sharing.serve(2000.0, 1860.0, Role::Paused, Toll::of(1.0));
        assert_eq!(paused.grant, Grant { allocated: 0.0, loss: 1860.0, short: true });
        let held = sharing.serve(2000.0, 1860.0, Role::Held, Toll::NONE);
        assert_eq!((paused.asked, held.asked, held.counted), (0.0, 0.0, 0.0));
    }

    /// A guest whose pages are all waited for asks its host for 1000 MIPS and loses them all.
    #[test]
    fn a_vm_that_waits_for_its_pages_costs_its_host_what_it_asks_for() {
        let sharing = Sharing::new(&Rules::default());
        let waits = sharing.serve(1000.0, 1860.0, Role::Settling, Toll::of(1.0));
        assert_eq!(waits.grant, Grant { allocated: 0.0, loss: 1000.0, short: true });
        assert_eq!(waits.spent, 1000.0);
    }

    /// 1860 + 1860 + 1000 = 4720 on 3720: all get 3720 / 4720 of what they ask for.
    #[test]
    fn an_oversubscribed_host_gives_all_the_same_fraction() {
        let claims = [(1860.0, Role::Running), (1860.0, Role::Running), (1000.0, Role::Running)];
        let (given, usage) = share(&Rules::default(), &claims);
        let expected = 1000.0 * (3720.0 / 4720.0);
        assert!((given[2] - expected).abs() < 1e-9 && (usage.used - 3720.0).abs() < 1e-9);
        assert!(usage.violating);
        let mut floored = Rules::default();
        floored.host.oversubscription = Oversubscription::Floored;
        assert_eq!(share(&floored, &claims).0[2], 788.0);
    }

    /// 1500 of 3720 go to the reservation; the others share 2220 of the 2500 that they ask for.
    #[test]
    fn reservations_come_first() {
        let sharing = Sharing::new(&Rules::default());
        let claim = |request, reserved| Claim {
            request,
            most: 1860.0,
            role: Role::Running,
            toll: Toll::NONE,
            rank: 0,
            reserved,
        };
        let claims = [claim(1000.0, false), claim(1500.0, true), claim(1500.0, false)];
        let mut given = Vec::new();
        let usage = sharing.ration(3720.0, &claims, |_, g| given.push(g));
        let expected = [1000.0 * (2220.0 / 2500.0), 1500.0, 1500.0 * (2220.0 / 2500.0)];
        for (found, expected) in given.iter().zip(expected) {
            assert!((found.allocated - expected).abs() < 1e-9);
        }
        assert_eq!([given[0].short, given[1].short], [true, false]);
        assert!(usage.violating && (usage.used - 3720.0).abs() < 1e-9);
        // Reservations that are too much for the host leave nothing, and share it.
        let claims = [claim(1860.0, true), claim(1860.0, true), claim(1860.0, true)];
        let usage = sharing.ration(3720.0, &claims, |_, _| {});
        assert!((usage.used - 3720.0).abs() < 1e-9);
    }

    /// Of an arriving VM the destination serves a tenth; counted in full, that is a violation (Q4).
    #[test]
    fn an_arriving_vm_violates_only_when_its_demand_counts_in_full() {
        let mut rules = Rules::default();
        rules.migration.destination_load = 0.1;
        rules.accounting.violation = Violation::Short;
        let claims = [(500.0, Role::Running), (1000.0, Role::Arriving)];
        assert_eq!(share(&rules, &claims).1, Usage { used: 600.0, violating: false });
        rules.accounting.arriving_demand = ArrivingDemand::InFull;
        assert!(share(&rules, &claims).1.violating);
    }
}
