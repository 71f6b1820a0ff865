//! N+k headroom at several data centres: whoever is protected can be restarted where its rules let
//! it be.

mod loaded;
mod runs;

use galerna::id::HostId;
use galerna::random::{below, stream};
use galerna::spec::LoadedLeases;
use galerna::time::Span;
use runs::{Case, case, pick, sound};

/// A VM that must stay at home runs on h2. Spare is h3, which is at home as well, and not one of
/// the hosts with lower numbers: when h2 fails at 1000 s the VM is up again after 30 + 60 s.
#[test]
fn a_spare_host_is_kept_where_the_vm_may_be() {
    let changes = [
        "policy.overload={ kind = 'never' }",
        "policy.underload={ kind = 'never' }",
        "fleet.hosts=[{ machine = 'hp-ml110-g5', count = 5 }]",
        "fleet.vms=[{ mips = 1000.0, ram-mb = 1000 }]",
        "sites.list=[{ name = 'b', hosts = '0-1' }, { name = 'home', hosts = '2-4' }]",
        "sites.rules=[{ vms = '0', sites = ['home'] }]",
        "outages.list=[{ start-s = 1000, end-s = 9000, host = 2 }]",
        "outages.headroom=1",
    ];
    let (_, _, run) = sound(&case(&changes, vec![vec![30; 8]]));
    let restart = run.record.restarts[0];
    assert_eq!((restart.from, restart.to), (HostId(2), Some(HostId(3))));
    assert_eq!((restart.until(run.record.end) - restart.failed).seconds(), 90.0);
}

/// Two VMs on a host each. Where both are of one tenant either host has room for the other's VM,
/// and no spare host is on; where they are of two, a third host is.
#[test]
fn room_beside_another_tenant_is_no_headroom() {
    let up = |tenants: &str| {
        let changes = [
            "policy.overload={ kind = 'never' }",
            "policy.underload={ kind = 'never' }",
            "policy.place={ kind = 'worst-fit' }",
            "fleet.hosts=[{ machine = 'hp-ml110-g5', count = 4 }]",
            "fleet.vms=[{ mips = 1000.0, ram-mb = 1000 }]",
            "sites.list=[{ name = 'a', hosts = '0-3' }]",
            tenants,
            "outages.list=[{ start-s = 1000, end-s = 9000, host = 0 }]",
            "outages.headroom=1",
        ];
        let (_, _, run) = sound(&case(&changes, vec![vec![30; 8]; 2]));
        let restart = run.record.restarts[0];
        ((restart.until(run.record.end) - restart.failed).seconds(), restart.to)
    };
    assert_eq!(up("sites.tenants=['0-1']"), (90.0, Some(HostId(1))));
    assert_eq!(up("sites.tenants=['0']"), (90.0, Some(HostId(2))));
}

/// Two private sites, one with zones, and a rented one; equal hosts, VMs of little memory.
fn world(number: u64, headroom: usize) -> Case {
    let draws = &mut stream(number, "site headroom");
    let vms = 8 + below(6, draws);
    let load = (0..vms).map(|_| (0..36).map(|_| 5 + below(60, draws) as u8).collect()).collect();
    let rules = format!(
        "sites.rules=[{{ vms = '0-1', private = true }}, {{ vms = '2', sites = ['b'] }}, \
         {{ vms = '3-5', at-most = {}, per = '{}' }}]",
        1 + below(2, draws),
        pick(&["host", "zone", "site"], draws),
    );
    let changes = vec![
        "fleet.hosts=[{ machine = 'hp-ml110-g5', count = 14, ram-gib = 4 }]".into(),
        "sites.list=[{ name = 'a', hosts = '0-5', zones = [{ name = 'a1', hosts = '0-2' }] }, \
         { name = 'b', hosts = '6-9' }, { name = 'c', hosts = '10-13', kind = 'public' }]"
            .into(),
        "sites.links=[{ between = ['a', 'b'], mbit-s = 1000, rtt-ms = 9 }]".into(),
        rules,
        format!("sites.tenants={}", pick(&["[]", "['0-2', '7']"], draws)),
        format!("policy.overload={{ kind = '{}' }}", pick(&["thr", "mad", "lr"], draws)),
        format!("migration.nic-mbit-s={}", pick(&["1000.0", "50.0"], draws)),
        format!("outages.headroom={headroom}"),
    ];
    Case { base: "lr-mmt", changes, load, step_s: 300.0 }
}

/// Whether headroom is missing at some time of `case`, in which nothing fails.
fn is_short(case: &Case) -> bool {
    let figures = sound(case).2.summary.figures();
    let missing = figures.into_iter().find(|(name, _)| name == "without_headroom_s");
    missing.expect("it asks for headroom").1 > 0.0
}

/// Where headroom is never missing, all VMs of any host that fails alone are up again after 30 + 60
/// s, whenever that is and whatever the rules; without it, in these same worlds, some are not.
#[test]
fn with_n_plus_1_every_single_failure_restarts_all_where_they_may_be() {
    let mut waited = [0, 0];
    let (mut all, mut short) = (0, 0);
    for number in 0..20 {
        if is_short(&world(number, 1)) {
            short += 1;
            continue;
        }
        let draws = &mut stream(number, "failures");
        for _ in 0..6 {
            let (host, at) = (below(10, draws), 1.0 + below(10_600, draws) as f64);
            for headroom in [0, 1] {
                let mut case = world(number, headroom);
                let list = format!("[{{ start-s = {at}, end-s = 99999, host = {host} }}]");
                case.changes.push(format!("outages.list={list}"));
                let (_, _, run) = sound(&case);
                let end = run.record.end;
                let rows = run.record.restarts.iter();
                let due = rows.filter(|row| row.failed + Span::from_seconds(90.0) < end);
                let down: Vec<f64> =
                    due.map(|row| (row.until(end) - row.failed).seconds()).collect();
                all += down.len();
                let late = down.iter().filter(|down| **down != 90.0).count();
                waited[headroom] += late;
                assert!(headroom == 0 || late == 0, "world {number} h{host} {at}: {down:?}");
            }
        }
    }
    let counts = format!("{all} {waited:?}, {short} worlds without");
    println!("{counts}");
    assert!(all > 60 && waited[0] > 10 && waited[1] == 0 && short < 10, "{counts}");
}

/// The calendar keeps the largest host of each kind as headroom: of two sites with two hosts each,
/// of which a rule names one, a host each is left.
#[test]
fn the_calendar_keeps_headroom_of_each_kind() {
    let folder = tempfile::tempdir().expect("a folder");
    let workload = folder.path().join("one.lwf");
    std::fs::write(&workload, "0 600 600 600 2 2 512 0 none 0\n").expect("it is writable");
    let text = "[leases]\nload = \"replayed\"\nconsolidate = \"foresighted\"\n[fleet]\n\
                hosts = [{ machine = \"hp-ml110-g5\", count = 4, ram-gib = 8 }]\n[sites]\n\
                list = [{ name = \"a\", hosts = \"0-1\" }, { name = \"b\", hosts = \"2-3\" }]\n\
                rules = [{ vms = \"0\", sites = [\"a\"] }]\n[outages]\nheadroom = 1\n";
    let change = format!("leases.workload='{}'", workload.display());
    let spec = loaded::spec_of(text, &[&change]);
    let leases = spec.leases.clone().expect("it has leases");
    let (inputs, fleet) = LoadedLeases::beside(&spec, &leases, 4).expect("one host of each");
    let cpu: Vec<i64> = inputs.site.hosts.iter().map(|host| host[0]).collect();
    assert_eq!((cpu, fleet.vms()), (vec![200, 0, 200, 0], 2));
}
