//! Blocks completed one by one: the node that the fewest moves bring to its next whole block goes
//! first, and its VMs into the tightest gaps of others.
//!
//! A gap is what a node has free above its whole blocks; filling it costs no block.

use super::counts::{BLOCK, Counts, Step, blocks};

/// Moves in an order in which they can be made, at most `moves`; `counts` ends where they lead.
pub(super) fn complete_blocks(counts: &mut Counts, moves: usize) -> Vec<Step> {
    let mut steps = Vec::new();
    // What is at each place as the steps go on: those that came may go again.
    let mut here = residents(counts);
    loop {
        let left = moves - steps.len();
        let plans = (0..counts.cores.len()).filter_map(|node| plan(counts, &here, node, left));
        let Some(plan) = plans.min_by_key(Vec::len) else { return steps };
        for &step in &plan {
            counts.apply(step);
            *here[step.flavour].entry(step.from).or_insert(0) -= 1;
            *here[step.flavour].entry(step.to).or_insert(0) += 1;
        }
        steps.extend(plan);
    }
}

/// Movable VMs per flavour and place.
type Residents = Vec<std::collections::BTreeMap<usize, usize>>;

fn residents(counts: &Counts) -> Residents {
    let of = |flavour: &super::counts::Flavour| {
        flavour.at.iter().map(|(place, vms)| (*place, vms.len())).collect()
    };
    counts.flavours.iter().map(of).collect()
}

/// Cores above whole blocks.
fn gap(free: f64) -> f64 {
    free - BLOCK * blocks(free)
}

/// The fewest VMs, largest first, that bring `node` to its next block, each with a gap to go to.
fn plan(counts: &Counts, here: &Residents, node: usize, most: usize) -> Option<Vec<Step>> {
    let mut missing = BLOCK - gap(counts.cores[node]);
    let mut taken = vec![0; counts.flavours.len()];
    let mut filled: Vec<(usize, f64, f64)> = Vec::new();
    let mut steps = Vec::new();
    while missing > 1e-9 {
        if steps.len() == most {
            return None;
        }
        let (flavour, to) = next(counts, here, node, missing, &taken, &filled)?;
        let Step { from, .. } = Step { flavour, from: node, to };
        taken[flavour] += 1;
        let kind = &counts.flavours[flavour];
        missing -= kind.cores;
        filled.push((to, kind.cores, kind.mb));
        steps.push(Step { flavour, from, to });
    }
    Some(steps)
}

/// The next VM to leave `node`: the smallest that is enough, or else the largest; with the tightest
/// gap for it.
fn next(
    counts: &Counts,
    here: &Residents,
    node: usize,
    missing: f64,
    taken: &[usize],
    filled: &[(usize, f64, f64)],
) -> Option<(usize, usize)> {
    let there = |f: usize| here[f].get(&node).copied().unwrap_or(0) > taken[f];
    let narrow = (0..taken.len()).filter(|&f| counts.flavours[f].width == 1 && there(f));
    let mut candidates: Vec<usize> = narrow.collect();
    let rank = |f: usize| {
        let cores = counts.flavours[f].cores;
        if cores + 1e-9 >= missing { (0, cores) } else { (1, -cores) }
    };
    candidates.sort_by(|&a, &b| rank(a).partial_cmp(&rank(b)).expect("cores are numbers"));
    candidates.into_iter().find_map(|f| tightest(counts, f, node, filled).map(|to| (f, to)))
}

/// The node with the smallest gap that holds a VM of `flavour`.
fn tightest(
    counts: &Counts,
    flavour: usize,
    from: usize,
    filled: &[(usize, f64, f64)],
) -> Option<usize> {
    let kind = &counts.flavours[flavour];
    let room = |&node: &usize| {
        let (mut cores, mut mb) = (counts.cores[node], counts.mb[node]);
        for (_, c, m) in filled.iter().filter(|(to, ..)| *to == node) {
            cores -= c;
            mb -= m;
        }
        let gap = gap(cores);
        (node != from && gap + 1e-9 >= kind.cores && mb + 1e-6 >= kind.mb).then_some((gap, node))
    };
    let rooms = kind.places.iter().filter_map(room);
    let best = rooms.min_by(|a, b| a.partial_cmp(b).expect("gaps are numbers"));
    best.map(|(_, node)| node)
}
