//! How one host shares its CPU among its VMs.
//!
//! ```text
//! c = min(r, core)       asked of the host: c, or destination_load * c by an arriving VM
//! given: all of it, or the same fraction f = C / sum to each when the host is oversubscribed
//! a VM being copied loses `overhead` of what it is given; the host spends it all the same
//! ```
//!
//! `r`: demand of the VM, `core`: rate of one core, `C`: capacity (MIPS). The order of operations
//! is CloudSim's, in which a copy's overhead is taken off and put back by a product and a quotient.

use crate::model::rules::{ArrivingDemand, MigrationLoss, Oversubscription, Rules, Violation};

/// A VM on the host that is being shared.
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    /// Demand, MIPS.
    pub request: f64,
    /// What it is doing there.
    pub role: Role,
    /// Its place in the order in which requests are added up, equal for all that keep list order.
    pub rank: u32,
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
    overhead: f64,
    kept: f64,
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
            overhead: rules.migration.overhead,
            kept: 1.0 - rules.migration.overhead,
            destination_load: rules.migration.destination_load,
            floored: rules.host.oversubscription == Oversubscription::Floored,
            enough: 1.0 - rules.accounting.tolerance,
            too_much: 1.0 + rules.accounting.tolerance,
            violation: rules.accounting.violation,
            in_full: rules.accounting.arriving_demand == ArrivingDemand::InFull,
            loss: rules.accounting.migration_loss,
        }
    }

    /// What a VM gets on a host that has enough for all.
    #[inline]
    pub fn serve(&self, request: f64, core: f64, role: Role) -> Served {
        let capped = request.min(core);
        if role == Role::Arriving {
            let asked = self.destination_load * capped;
            let counted = if self.in_full { request } else { asked };
            return Served { asked, spent: asked, counted, grant: Grant::default() };
        }
        let leaving = role == Role::Leaving;
        let allocated = if leaving { capped * self.kept } else { capped };
        let spent = if leaving { allocated / self.kept } else { allocated };
        let grant = self.grant(request, spent, allocated, leaving);
        Served { asked: capped, spent, counted: request, grant }
    }

    /// Shares a host of `capacity` MIPS with cores of `core` MIPS, which is less than the `claims`
    /// ask for; `grant` is told, in order, what each VM that runs there gets.
    pub fn ration(
        &self,
        core: f64,
        capacity: f64,
        claims: &[Claim],
        mut grant: impl FnMut(usize, Grant),
    ) -> Usage {
        let fraction = self.fraction(core, capacity, claims);
        let (mut used, mut requested) = (0.0, 0.0);
        for (index, &claim) in claims.iter().enumerate() {
            let asked = self.asked(claim, core);
            let (spent, allocated) = self.rationed(asked * fraction, claim.role);
            used += spent;
            let arriving = claim.role == Role::Arriving;
            requested += if arriving && !self.in_full { asked } else { claim.request };
            if !arriving {
                let leaving = claim.role == Role::Leaving;
                grant(index, self.grant(claim.request, spent, allocated, leaving));
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
    fn rationed(&self, given: f64, role: Role) -> (f64, f64) {
        let whole = |mips: f64| if self.floored { mips.floor() } else { mips };
        if role != Role::Leaving {
            return (whole(given), whole(given));
        }
        let allocated = whole(given * self.kept);
        (allocated / self.kept, allocated)
    }

    #[inline]
    fn grant(&self, request: f64, spent: f64, allocated: f64, leaving: bool) -> Grant {
        let short = allocated < request * self.enough;
        let loss = match self.loss {
            _ if !leaving => 0.0,
            MigrationLoss::Overhead => spent * self.overhead,
            MigrationLoss::Shortage if allocated < request => request - allocated,
            MigrationLoss::Shortage => 0.0,
        };
        Grant { allocated, loss, short }
    }

    /// The fraction that all get of what they ask for.
    fn fraction(&self, core: f64, capacity: f64, claims: &[Claim]) -> f64 {
        let mut ranked: Vec<(u32, f64)> =
            claims.iter().map(|&claim| (claim.rank, self.asked(claim, core))).collect();
        ranked.sort_by_key(|&(rank, _)| rank);
        capacity / ranked.iter().map(|&(_, asked)| asked).sum::<f64>()
    }

    /// What `claim` asks of the host.
    #[inline]
    fn asked(&self, claim: Claim, core: f64) -> f64 {
        let capped = claim.request.min(core);
        if claim.role == Role::Arriving { self.destination_load * capped } else { capped }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(rules: &Rules, claims: &[(f64, Role)]) -> (Vec<f64>, Usage) {
        let sharing = Sharing::new(rules);
        let served: Vec<Served> =
            claims.iter().map(|&(request, role)| sharing.serve(request, 1860.0, role)).collect();
        if served.iter().map(|s| s.asked).sum::<f64>() <= 3720.0 {
            let used = served.iter().map(|s| s.spent).sum();
            let requested = served.iter().map(|s| s.counted).sum();
            let given = served.iter().map(|s| s.grant.allocated).collect();
            return (given, sharing.usage(used, requested, 3720.0));
        }
        let claims: Vec<Claim> =
            claims.iter().map(|&(request, role)| Claim { request, role, rank: 0 }).collect();
        let mut given = Vec::new();
        let usage = sharing.ration(1860.0, 3720.0, &claims, |_, g| given.push(g.allocated));
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
