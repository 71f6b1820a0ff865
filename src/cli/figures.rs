//! The metrics of a run as a table for people: name, value, unit, meaning, within 80 columns.

use std::fmt::Write;

use crate::account::CostSummary;
use crate::explain::Figures;
use crate::lease::LeaseSummary;
use crate::metric::{CapSummary, NetworkSummary, OutageSummary, PartFigures, SiteSummary, Summary};

/// Every metric of `summary`, one per line.
pub(super) fn table(summary: &Summary) -> String {
    let outages = summary.outages.iter().flat_map(OutageSummary::named);
    let outages = outages.map(|(name, value)| (name, Some(value)));
    let capped = summary.power_cap.iter().flat_map(CapSummary::named);
    let capped = capped.map(|(name, value)| (name, Some(value)));
    let table = lines(summary.named().into_iter().chain(outages).chain(capped), explained);
    let network = summary.network.as_ref().map_or_else(String::new, network_table);
    table + &network + &summary.sites.as_ref().map_or_else(String::new, site_table)
}

/// Switches and cables that are named: those that were out longest.
const PARTS: usize = 8;

/// What failures of the network came to, and which switches and cables were out longest.
fn network_table(network: &NetworkSummary) -> String {
    let NetworkSummary { cut_offs, cut_off_s, unreachable_vms, unreachable_s, parts } = network;
    let whole = [
        ("network.cut_offs", *cut_offs as f64, "", "hosts cut off, each as often as it was"),
        ("network.cut_off_s", *cut_off_s, "s", "all hosts together"),
        ("network.unreachable_vms", *unreachable_vms as f64, "", "VMs there, each as often"),
        ("network.unreachable_s", *unreachable_s, "s", "all VMs together"),
    ];
    let mut text = "\nnetwork, and what of it failed\n".to_owned();
    let mut line = |name: &str, value: f64, unit: &str, meaning: &str| {
        let line = format!("{name:<32} {:>12} {unit:<3} {meaning}", significant(value));
        writeln!(text, "{}", line.trim_end()).expect("a string takes any text");
    };
    whole.iter().for_each(|&(name, value, unit, meaning)| line(name, value, unit, meaning));
    let mut longest: Vec<&PartFigures> = parts.iter().collect();
    longest.sort_by(|a, b| b.out_s.total_cmp(&a.out_s));
    for PartFigures { part, failures, out_s } in longest.iter().take(PARTS) {
        let times = if *failures == 1 { "once".into() } else { format!("{failures} times") };
        line(part, *out_s, "s", &format!("out, {times}"));
    }
    if let Some(more @ 1..) = parts.len().checked_sub(PARTS) {
        let words = "more switches and cables failed: --format json, table network_outages";
        writeln!(text, "{more} {words}").expect("a string takes any text");
    }
    text
}

/// Every figure of sites and of what went between them, one per line.
fn site_table(sites: &SiteSummary) -> String {
    let mut text = "\nsites, and what went from one to another\n".to_owned();
    for (name, value) in sites.named() {
        let last = name.rsplit('.').next().unwrap_or_default();
        let (unit, meaning) = match last {
            "energy_kwh" => ("kWh", "of the hosts there"),
            "vm_hours" => ("h", "that VMs ran there"),
            "migrations" => ("", "begun between the two"),
            "moved" => ("", "that moved their VM"),
            "bytes" => ("B", "that passed the links"),
            "out_s" => ("s", "out as a whole"),
            "failures" => ("", "outages"),
            _ => ("", ""),
        };
        let line = format!("{name:<32} {:>12} {unit:<3} {meaning}", significant(value));
        writeln!(text, "{}", line.trim_end()).expect("a string takes any text");
    }
    text
}

/// The lower bound of the energy, as a line.
pub(super) fn bound(kwh: f64) -> String {
    lines([("energy_lower_bound_kwh", Some(kwh))], |_| ("kWh", "no placement uses less"))
}

/// Every metric of leases, one per line.
pub(super) fn lease_table(summary: &LeaseSummary) -> String {
    let figures = summary.named().into_iter().map(|(name, value)| (name, Some(value)));
    lines(figures, explained_of_leases)
}

/// Every total of the ledger, one per line.
pub(super) fn cost_table(costs: &CostSummary) -> String {
    let mut text = format!("\nledger, {}: gained, spent where negative\n", costs.currency);
    for (name, value) in costs.named() {
        let (unit, meaning) = explained_of_costs(name);
        let value = match unit {
            "" => format!("{value:.6}"),
            _ => significant(value),
        };
        let line = format!("{name:<20} {value:>24} {unit:<3} {meaning}");
        writeln!(text, "{}", line.trim_end()).expect("a string takes any text");
    }
    for (name, value) in costs.by_site() {
        writeln!(text, "{name:<32} {value:>12.6}").expect("a string takes any text");
    }
    text
}

/// Unit and meaning of a total; amounts have no unit.
fn explained_of_costs(name: &str) -> (&'static str, &'static str) {
    match name {
        "energy" => ("", "energy bought"),
        "carbon" => ("", "emissions paid for"),
        "instance_hours" => ("", "VMs sold by the hour"),
        "rent" => ("", "VMs at public sites"),
        "credits" => ("", "given back for downtime"),
        "penalties" => ("", "for VMs short of CPU"),
        "balance" => ("", "all of them"),
        "site_energy_kwh" => ("kWh", "hosts x PUE"),
        "emissions_kg" => ("kg", "CO2e"),
        "billed_hours" => ("h", "of instances"),
        _ => ("", ""),
    }
}

fn lines(
    figures: impl IntoIterator<Item = (&'static str, Option<f64>)>,
    explained: fn(&str) -> (&'static str, &'static str),
) -> String {
    let mut text = String::new();
    for (name, value) in figures {
        let (unit, meaning) = explained(name);
        let value = value.map_or_else(|| "-".to_owned(), significant);
        let line = format!("{name:<32} {value:>12} {unit:<3} {meaning}");
        writeln!(text, "{}", line.trim_end()).expect("a string takes any text");
    }
    text
}

/// The figures of two runs side by side, those that differ.
pub(super) fn difference(one: &Figures, other: &Figures, name: &str) -> String {
    let leases = |figures: &Figures| {
        let named = figures.leases.iter().flat_map(|leases| leases.named());
        named.map(|(name, value)| (name, Some(value))).collect::<Vec<_>>()
    };
    let mut text = format!("{:<32} {:>14} {name:>14} {:>14}\n", "", "as it was", "difference");
    let named = |figures: &Figures| {
        figures.summary.as_ref().map_or_else(Vec::new, |summary| summary.named())
    };
    let load = (named(one), named(other));
    let balance = |figures: &Figures| vec![("balance", figures.balance)];
    let groups = [load, (leases(one), leases(other)), (balance(one), balance(other))];
    let pairs = groups.into_iter().flat_map(|(one, other)| one.into_iter().zip(other));
    let mut same = 0;
    for ((figure, was), (_, would)) in pairs {
        if was == would {
            same += 1;
            continue;
        }
        let shown = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), significant);
        let change = was.zip(would).map(|(was, would)| would - was);
        let (was, would, change) = (shown(was), shown(would), shown(change));
        writeln!(text, "{figure:<32} {was:>14} {would:>14} {change:>14}").expect("a string");
    }
    writeln!(text, "{same} other figures are the same").expect("a string");
    text
}

/// Unit and meaning of a metric.
fn explained(name: &str) -> (&'static str, &'static str) {
    match name {
        "energy_kwh" => ("kWh", "energy of all hosts"),
        "migrations" => ("", "live migrations begun"),
        "slatah" => ("", "time overloaded / time on"),
        "pdm" => ("", "work lost to migrations"),
        "slav" => ("", "slatah x pdm"),
        "esv" => ("kWh", "energy x slav"),
        "overall_sla_violation" => ("", "demanded work not done"),
        "average_sla_violation" => ("", "mean shortage of short VMs"),
        "host_shutdowns" => ("", "hosts switched off"),
        "mean_time_before_host_shutdown_s" => ("s", "time on until then"),
        "sd_time_before_host_shutdown_s" => ("s", "its standard deviation"),
        "ping_pong_rate" => ("", "migrations undone in 1 h"),
        "active_hosts_mean" => ("", "hosts on, time-weighted"),
        "slatah_global" => ("", "slatah as ratio of totals"),
        "pdm_global" => ("", "pdm as ratio of totals"),
        "mean_migration_duration_s" => ("s", "time that a copy takes"),
        "sd_migration_duration_s" => ("s", "its standard deviation"),
        "wasted_migration_bytes" => ("B", "sent, and nothing moved"),
        "mean_decision_gap" => ("", "plans above their bounds"),
        "host_failures" => ("", "outages of hosts"),
        "vm_failures" => ("", "VMs down for them"),
        "vm_restarts" => ("", "that ran again"),
        "not_restarted" => ("", "that did not"),
        "downtime_s" => ("s", "of VMs, all together"),
        "mean_downtime_s" => ("s", "of one failure of a VM"),
        "max_downtime_s" => ("s", "of one failure of a VM"),
        "without_headroom_s" => ("s", "headroom was missing"),
        "above_cap_s" => ("s", "power above the cap"),
        "above_cap_kwh" => ("kWh", "energy above the cap"),
        "capped_s" => ("s", "hosts limited for the cap"),
        "capped_mi" => ("MI", "work not done for the cap"),
        "peak_w" => ("W", "highest power"),
        _ => ("", ""),
    }
}

/// Unit and meaning of a metric of leases.
fn explained_of_leases(name: &str) -> (&'static str, &'static str) {
    match name {
        "accepted_ar" => ("", "reservations that got their time"),
        "rejected_ar" => ("", "reservations refused"),
        "completed_best_effort" => ("", "best-effort leases done"),
        "all_best_effort_s" => ("s", "when the last was done"),
        "mean_wait_s" => ("s", "time that they waited"),
        "mean_bounded_slowdown" => ("", "time in all / time alone"),
        "utilisation" => ("", "share of the CPU in use"),
        "suspensions" => ("", "times that a lease was saved"),
        "resumptions" => ("", "times that it was loaded"),
        "image_transfers" => ("", "disk images sent"),
        "premature_ends" => ("", "leases that ended early"),
        "migrations" => ("", "times that saved memory moved"),
        "late_reserved" => ("", "reserved VMs that began late"),
        "late_others" => ("", "other VMs that began late"),
        "never_begun" => ("", "VMs whose lease was over first"),
        "late_s" => ("s", "delays of all of them"),
        "provisioned" => ("", "VMs made ready to run"),
        "mean_image_s" => ("s", "until their image was there"),
        "mean_clone_s" => ("s", "until they had a disk of it"),
        "mean_customise_s" => ("s", "until that was customised"),
        "mean_boot_s" => ("s", "until they had booted"),
        "images_sent" => ("", "images sent to a host"),
        "images_cached" => ("", "VMs whose image was there"),
        "image_bytes" => ("B", "sent by the repository"),
        _ => ("", ""),
    }
}

/// `value` with seven significant digits, whole numbers whole.
pub(super) fn significant(value: f64) -> String {
    let size = value.abs();
    if value == value.trunc() && size < 1e12 {
        return format!("{value:.0}");
    }
    if !(1e-4..1e9).contains(&size) {
        return format!("{value:.6e}");
    }
    let before_point = size.log10().floor() as i32 + 1;
    let digits = (7 - before_point).clamp(1, 10) as usize;
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_seven_significant_digits() {
        for (value, text) in [
            (27_859.0, "27859"),
            (163.477_217_1, "163.4772"),
            (0.050_312_345_6, "0.05031235"),
            (3.2e-7, "3.200000e-7"),
            (0.0, "0"),
            (123_456_789.5, "123456789.5"),
        ] {
            assert_eq!(significant(value), text);
        }
    }
}
