//! The event loop: what happens next, to load, to leases, or to leases that carry load.
//!
//! ```text
//! finish -> release -> leases -> sample -> decide          within one instant
//! ```
//!
//! What ends makes room before a lease begins, and a sample sees the VMs of the leases that begin
//! with it. A run without leases and a run without load are the two ends of the same thing.

use std::ops::ControlFlow;

use super::leases::{LeaseSide, Leases};
use super::run::Engine;
use super::tenants::ConsolidateLeases;
use super::{Error, Outcome, Policies};
use crate::lease::{LateStarts, LeasePolicies, LeaseRules, Schedule};
use crate::model::lease::{LeaseRequest, Site};
use crate::model::provision::ProvisionSummary;
use crate::model::site_law::SiteLaw;
use crate::model::{Fleet, Rules};
use crate::time::Instant;
use crate::topology::Routes;
use crate::trace::UtilisationTrace;

/// Asked before each sample and before each instant of leases; [`ControlFlow::Break`] stops the
/// run.
pub type Watch<'w> = dyn FnMut(Instant) -> ControlFlow<()> + 'w;

/// What a run of load is made of.
pub struct LoadSide<'a> {
    /// Hosts and VMs.
    pub fleet: &'a Fleet,
    /// What the VMs replay.
    pub trace: &'a UtilisationTrace,
    /// The rules.
    pub rules: &'a Rules,
    /// Who decides.
    pub policies: Policies,
}

/// Runs `policies` on `fleet`, whose VMs replay `trace`, by `rules`.
///
/// # Errors
/// [`Error::Policy`] when a policy fails, [`Error::Infeasible`] when the fleet cannot hold the VMs
/// at the start, [`Error::Interrupted`] when `watch` says so.
///
/// # Panics
/// When the topology has no path between two hosts: building a spec checks that first.
pub fn run(
    fleet: &Fleet,
    trace: &UtilisationTrace,
    rules: &Rules,
    policies: Policies,
    watch: &mut Watch<'_>,
) -> Result<Outcome, Error> {
    with_load(LoadSide { fleet, trace, rules, policies }, None, watch).map(|(outcome, _)| outcome)
}

/// Serves `requests`, which are in the order of their arrival, on `site`.
///
/// # Errors
/// [`Error::Policy`] when a policy fails, [`Error::Interrupted`] when `watch` says so.
pub fn run_leases(
    site: &Site,
    requests: &[LeaseRequest],
    rules: &LeaseRules,
    policies: LeasePolicies,
    watch: &mut Watch<'_>,
) -> Result<Schedule, Error> {
    let consolidate = ConsolidateLeases::Off;
    let side = LeaseSide { site, requests, rules, policies, consolidate, spare_hosts: 0 };
    let mut leases = Leases::new(side, false);
    work(None, Some(&mut leases), watch)?;
    Ok(leases.finish())
}

/// Serves leases whose VMs replay a trace: VM `v` of the fleet is the `v`-th core of their VMs by
/// arrival, or the `v`-th VM where they are consolidated, and is there while its lease runs. The
/// trace begins again when it is over, and the run ends with the last lease.
///
/// # Errors
/// As [`run`] and [`run_leases`].
///
/// # Panics
/// When the fleet does not have the hosts of the site and the VMs of the leases: what builds both
/// from one spec sees to that.
pub fn run_leases_with_load(
    leases: LeaseSide<'_>,
    load: LoadSide<'_>,
    watch: &mut Watch<'_>,
) -> Result<(Schedule, Outcome), Error> {
    let each = leases.consolidate.guests();
    let guests = leases.requests.iter().flat_map(|lease| lease.guests(each)).count();
    assert_eq!(load.fleet.vms(), guests, "every VM of every lease is in the fleet");
    assert_eq!(
        load.fleet.hosts(),
        leases.site.hosts.len(),
        "the hosts of the site are the fleet's"
    );
    let mut leases = Leases::new(leases, true);
    let law = load.rules.sites.as_ref().map(|sites| SiteLaw::new(sites, load.fleet));
    law.into_iter().for_each(|law| leases.keep_rules(law));
    let provisioned = load.rules.provision.is_some();
    let (outcome, late) = with_load(load, Some(&mut leases), watch)?;
    let Outcome { record, .. } = &outcome;
    let provision = provisioned.then(|| ProvisionSummary::of(&record.provisions, &record.sends));
    Ok((Schedule { late, provision, ..leases.finish() }, outcome))
}

fn with_load(
    side: LoadSide<'_>,
    leases: Option<&mut Leases<'_>>,
    watch: &mut Watch<'_>,
) -> Result<(Outcome, Option<LateStarts>), Error> {
    let LoadSide { fleet, trace, rules, mut policies } = side;
    let topology = policies.migration.topology.clone();
    let routes = topology.as_deref().map(Routes::new);
    let mut engine = Engine::new(fleet, trace, rules, &policies, routes);
    let started = match leases {
        Some(&mut ref leases) => {
            engine.start_empty(leases);
            Ok(())
        }
        None => engine.start(&mut policies),
    };
    let ended = started.and_then(|()| work(Some((&mut engine, &mut policies)), leases, watch));
    ended.map_err(|error| match error {
        Error::Policy(error) => Error::Policy(error.at(engine.now())),
        other => other,
    })?;
    let late = engine.late_starts();
    Ok((engine.finish(trace), late))
}

/// Lets everything happen in order, until all leases are over or nothing is left to happen.
fn work(
    mut load: Option<(&mut Engine<'_>, &mut Policies)>,
    mut leases: Option<&mut Leases<'_>>,
    watch: &mut Watch<'_>,
) -> Result<(), Error> {
    loop {
        let next_lease = leases.as_mut().and_then(|leases| leases.next_instant());
        let next_event = load.as_ref().and_then(|(engine, _)| engine.next_event());
        let event_is_first = match (next_event, next_lease) {
            (Some((at, early)), Some(lease)) => at < lease || (at == lease && early),
            (next_event, None) => next_event.is_some() && leases.is_none(),
            (None, Some(_)) => false,
        };
        if let (true, Some((engine, policies))) = (event_is_first, load.as_mut()) {
            if engine.happen(policies, watch)?.is_break() {
                return Ok(());
            }
            continue;
        }
        let (Some(leases), Some(at)) = (leases.as_mut(), next_lease) else { break };
        if watch(at).is_break() {
            return Err(Error::Interrupted { at });
        }
        leases.step(at)?;
        match load.as_mut() {
            None => {}
            Some((engine, _)) if engine.tenants.is_none() => engine.follow(at, leases.turns())?,
            Some((engine, policies)) => {
                engine.follow_consolidated(at, leases, policies)?;
            }
        }
    }
    if let Some((engine, _)) = load.as_mut() {
        engine.describe();
    }
    Ok(())
}
