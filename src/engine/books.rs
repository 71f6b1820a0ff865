//! What a run writes down: a row for each decision, and the books at its end.

use super::Outcome;
use super::run::Engine;
use crate::metric::{NetworkSummary, OutageSummary, Summary};
use crate::model::Outages;
use crate::model::record::{ActionKind, HostRecord, SampleRecord, VmRecord};
use crate::model::rules::PowerPolicy;
use crate::topology::Routes;
use crate::trace::UtilisationTrace;

impl Engine<'_> {
    /// Writes down the state after the last decision and all that came with it.
    pub fn describe(&mut self) {
        let Some((sample, overloaded, migrations)) = self.decided.take() else { return };
        let world = &self.world;
        let mut row = SampleRecord {
            sample: sample as u32,
            seconds: world.now.seconds,
            overloaded: overloaded as u32,
            migrations: migrations as u32,
            ..SampleRecord::default()
        };
        for (vm, _) in world.home.iter().filter(|(_, home)| home.is_some()) {
            row.vms += 1;
            row.demand_mips += world.meter.vms[vm].request;
            row.allocated_mips += world.meter.vms[vm].allocated;
        }
        for &(vm, _) in &world.down {
            row.demand_mips += world.meter.vms[vm].request;
        }
        for (host, meter) in world.meter.hosts.iter() {
            row.hosts_on += u32::from(meter.active);
            row.power_w += match world.rules.host.power {
                PowerPolicy::Managed => meter.watts,
                PowerPolicy::AlwaysPeak => world.peak_watts(host),
            };
        }
        self.world.record.samples.push(row);
    }

    /// Closes the books.
    pub fn finish(mut self, trace: &UtilisationTrace) -> Outcome {
        let end = self.world.now.seconds;
        let fleet = self.world.fleet;
        let world = &mut self.world;
        for host in fleet.capacity.ids() {
            world.evaluate(host);
        }
        world.down.clone().into_iter().for_each(|(vm, _)| world.rise(vm));
        world.meter.close();
        if world.rules.host.power == PowerPolicy::AlwaysPeak {
            for host in fleet.capacity.ids() {
                world.meter.draw_throughout(host, world.peak_watts(host), end);
            }
        }
        let mut record = std::mem::take(&mut world.record);
        record.end = world.now.instant;
        let by_time = world.meter.by_time.take();
        record.energy = by_time.map_or_else(Vec::new, |series| series.records(record.end));
        let mut migrations = vec![0u32; fleet.vms()];
        let starts = record.actions.iter().filter(|a| a.kind == ActionKind::MigrationStart);
        starts.filter_map(|a| a.vm).for_each(|vm| migrations[vm.0 as usize] += 1);
        record.hosts = world
            .meter
            .hosts
            .iter()
            .map(|(host, meter)| HostRecord {
                machine: fleet.machine_of(host).name.clone(),
                on_s: meter.on_s,
                transition_s: meter.transition_s,
                violation_s: meter.violation_s,
                energy_j: meter.energy_j,
                shutdowns: meter.shutdowns,
            })
            .collect();
        record.vms = world
            .meter
            .vms
            .iter()
            .map(|(vm, meter)| VmRecord {
                trace: trace.name(fleet.trace_row[vm]).to_owned(),
                demanded_mi: meter.demanded_mi,
                allocated_mi: meter.allocated_mi,
                lost_to_migration_mi: meter.lost_mi,
                short_s: meter.short_s,
                migrations: migrations[vm.0 as usize],
            })
            .collect();
        let rules = world.rules;
        let mut summary = Summary::of(&world.meter, &record, rules, end);
        let net = self.moves.routes.as_ref().map(Routes::topology);
        let net = net.filter(|_| rules.outages.as_ref().is_some_and(Outages::hits_network));
        summary.network = net.map(|topology| NetworkSummary::of(&record, topology));
        summary.outages = self.outages.map(|outages| {
            let wanted = outages.rules.headroom > 0;
            let missing_s = wanted.then(|| outages.headroom.missing_s(record.end));
            OutageSummary::of(&record, missing_s)
        });
        Outcome { record, summary }
    }
}
