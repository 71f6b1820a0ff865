//! Instances of VM consolidation, drawn by a recipe: which hosts can be emptied at what cost?
//!
//! | what | value |
//! |---|---|
//! | hosts | even ones 3,720 MIPS (as HP ProLiant G4), odd ones 5,320 MIPS (G5); 8,192 MB each |
//! | VMs | 2,500 MIPS with 870 MB, 2,000 with 1,740, 1,000 with 1,740, 500 with 613, alike often |
//! | use of CPU | Beta(0.9, 5) of the VM's MIPS, in whole MIPS; RAM is used in full |
//! | start | by falling RAM, each on a host drawn alike among those with room up to 80 % of MIPS |
//! | energy | 86 W and 31 W more at full use (G4), 93.7 W and 41.3 W more (G5), over 300 s |
//! | overload | 25 J per MIPS above 80 % |
//! | a move | RAM at 62.5 MB/s; 20 J per second, and 10 % of the CPU for so long, as overload |
//! | links | 120 s of moves into and out of each host |
//!
//! Units: MIPS and MB, cost in mJ, time on links in ms. Resource 0 is CPU, resource 1 RAM. The idle
//! draw of an empty host is saved. Draws come from the stream `reassign.generate` of the seed.
//!
//! Source: hosts and VMs as in Beloglazov and Buyya, Concurrency and Computation 24(13), 2012, with
//! twice the RAM; power at the ends of the SPECpower_ssj2008 tables used there. Beta draws: Johnk,
//! Metrika 8, 1964. The weights are ours.

use super::error::Error;
use super::instance::{Budgets, Instance, Items, Machines, MoveWeights, Services};
use super::lists::Lists;
use super::power::{Curve, Power};
use crate::problem::Problem;
use crate::random::{self, Stream, stream};

/// Host types: MIPS, idle cost (mJ per interval), cost of a MIPS (mJ per interval).
const HOSTS: [(i64, i64, i64); 2] = [(3_720, 25_800_000, 2_500), (5_320, 28_110_000, 2_329)];

/// RAM of every host, MB.
const HOST_RAM: i64 = 8_192;

/// VM types: MIPS and MB.
const VMS: [(i64, i64); 4] = [(2_500, 870), (2_000, 1_740), (1_000, 1_740), (500, 613)];

/// Shape of the use of CPU.
const BETA: (f64, f64) = (0.9, 5.0);

/// Part of the MIPS above which use is overload, in per cent.
const SAFE_PER_CENT: i64 = 80;

/// Cost of a MIPS above that, mJ.
const OVERLOAD: i64 = 25_000;

/// Milliseconds that a MB takes at 62.5 MB/s.
const MS_PER_MB: i64 = 16;

/// Cost of a millisecond of a link, mJ.
const LINK: i64 = 20;

/// MIPS times milliseconds of a move that cost 1 mJ: 10 % of the MIPS as overload, of 300 s.
const SLOWED: i64 = 300_000 * 10 / OVERLOAD;

/// Milliseconds of moves into and out of each host.
const LINK_BUDGET: i64 = 120_000;

/// Draws of a host before the first with room is taken.
const TRIES: usize = 1_000;

/// A cluster of `hosts` with `vms` scattered over them.
///
/// # Errors
///
/// GLN-548 when a VM finds no room on any host.
///
/// ```
/// use galerna::reassign::generate;
///
/// let instance = generate::consolidation(20, 60, 1)?;
/// assert_eq!((instance.machine_count(), instance.item_count()), (20, 60));
/// assert_eq!(instance, generate::consolidation(20, 60, 1)?);
/// # Ok::<(), galerna::reassign::Error>(())
/// ```
pub fn consolidation(hosts: usize, vms: usize, seed: u64) -> Result<Instance, Error> {
    let draws = &mut stream(seed, "reassign.generate");
    let types: Vec<usize> = (0..hosts).map(|host| host % HOSTS.len()).collect();
    let mut instance = Instance {
        transient: vec![false; 2],
        load_weight: vec![OVERLOAD, 0],
        machines: machines(&types),
        services: Services {
            spread: vec![0; vms],
            dependencies: Lists::from_iter(vec![Vec::new(); vms]),
        },
        weights: MoveWeights { item: 1, service: 0, machine: 0 },
        power: Power {
            resource: 0,
            idle: types.iter().map(|&t| HOSTS[t].1).collect(),
            curve: types.iter().map(|&t| t as u32).collect(),
            curves: HOSTS.iter().map(|&(_, _, slope)| Curve::linear(slope)).collect(),
        },
        budgets: Budgets {
            ingress: vec![LINK_BUDGET; hosts],
            egress: vec![LINK_BUDGET; hosts],
            ..Budgets::default()
        },
        ..Instance::default()
    };
    (0..vms).for_each(|vm| add_vm(&mut instance.items, vm, draws));
    instance.start = scattered(&instance, draws)?;
    Ok(instance)
}

fn machines(types: &[usize]) -> Machines {
    let hosts = types.len() as u32;
    let rows = |mips: fn(i64) -> i64| {
        types.iter().flat_map(|&t| [mips(HOSTS[t].0), HOST_RAM]).collect::<Vec<i64>>()
    };
    Machines {
        neighbourhood: vec![0; types.len()],
        location: (0..hosts).collect(),
        capacity: rows(|mips| mips),
        safety: rows(|mips| mips * SAFE_PER_CENT / 100),
        move_cost: Vec::new(),
    }
}

fn add_vm(items: &mut Items, vm: usize, draws: &mut Stream) {
    let (mips, ram) = VMS[random::below(VMS.len(), draws)];
    let used = (mips as f64 * beta(BETA, draws)).round() as i64;
    let time = ram * MS_PER_MB;
    items.service.push(vm as u32);
    items.demand.extend([used, ram]);
    items.move_cost.push(time * LINK + used * time / SLOWED);
    items.bytes.push(ram * 1_000_000);
    items.link_time.push(time);
}

/// A draw from the Beta distribution.
fn beta((a, b): (f64, f64), draws: &mut Stream) -> f64 {
    let mut uniform = || (random::below(1 << 32, draws) as f64 + 0.5) / (1_u64 << 32) as f64;
    loop {
        let (x, y) = (uniform().powf(1.0 / a), uniform().powf(1.0 / b));
        if x + y <= 1.0 && x + y > 0.0 {
            return x / (x + y);
        }
    }
}

/// A host for each VM.
fn scattered(instance: &Instance, draws: &mut Stream) -> Result<Vec<u32>, Error> {
    let hosts = instance.machine_count();
    let mut room = instance.machines.safety.clone();
    let mut order: Vec<u32> = (0..instance.item_count() as u32).collect();
    order.sort_by_key(|&vm| std::cmp::Reverse(instance.demand(vm)[1]));
    let mut start = vec![0; order.len()];
    for vm in order {
        let demand = instance.demand(vm);
        let fits =
            |host: usize| demand.iter().zip(&room[host * 2..]).all(|(need, have)| need <= have);
        let drawn = (0..TRIES.min(hosts * TRIES)).map(|_| random::below(hosts, draws));
        let host =
            drawn.into_iter().find(|&host| fits(host)).or_else(|| (0..hosts).find(|&h| fits(h)));
        let Some(host) = host else {
            let what = format!("VM {vm} finds no room on any of {hosts} hosts");
            let remedy = "Ask for more hosts or fewer VMs";
            return Err(Problem::new("GLN-548", "generated cluster", what, remedy).into());
        };
        demand.iter().zip(&mut room[host * 2..]).for_each(|(need, have)| *have -= need);
        start[vm as usize] = host as u32;
    }
    Ok(start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reassign::State;

    #[test]
    fn a_drawn_cluster_keeps_its_rules_and_is_as_the_recipe_says() {
        let instance = consolidation(400, 2_000, 7).expect("there is room");
        instance.check("generated").expect("its columns fit");
        let state = State::at_start(&instance).expect("it keeps all rules");
        let terms = state.terms();
        assert_eq!((terms.load, terms.item_moves, terms.tiers), (0, 0, 0));
        let used: i64 = instance.items.demand.iter().step_by(2).sum();
        // The mean VM has 1,500 MIPS and uses 0.9 / 5.9 of them.
        let mean = used as f64 / 2_000.0;
        assert!((mean - 1_500.0 * 0.9 / 5.9).abs() < 20.0, "{mean}");
    }

    #[test]
    fn a_cluster_that_is_too_small_is_refused() {
        let error = consolidation(1, 20, 0).expect_err("20 VMs need more than 8,192 MB");
        assert_eq!(error.problems[0].code, "GLN-548");
    }

    #[test]
    fn a_move_costs_what_the_recipe_says() {
        let instance = consolidation(20, 60, 1).expect("there is room");
        let vm =
            (0..60).find(|&vm| instance.demand(vm)[1] == 870).expect("one of four kinds") as usize;
        let mips = instance.demand(vm as u32)[0];
        assert_eq!(instance.items.link_time[vm], 13_920);
        // 20 J/s for 13.92 s; a tenth of the MIPS at 25 J each for 13.92 of 300 s.
        let slowed = mips as f64 * 0.1 * 25_000.0 * 13_920.0 / 300_000.0;
        let expected = 278_400.0 + slowed;
        assert!((instance.items.move_cost[vm] as f64 - expected).abs() <= 1.0);
    }
}
