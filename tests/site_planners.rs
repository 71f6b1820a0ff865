//! Planners weigh moves between sites by what the links between them carry.

mod runs;

use runs::{case, sound};

/// Two VMs at full rate fill a host each, one at either site; then they idle at a tenth of it, and
/// one host would do. With a disk of 0.5 GiB and 1 GB of memory a move takes some 15 s over a wide
/// link and some 170 s over one of 80 Mbit/s. At 100 J per million instructions that are not done
/// the one costs far less than the 330 kJ that an idle host draws in an hour, the other far more.
fn moved(place: &str, link: &str) -> u64 {
    let link = format!("sites.links=[{{ between = ['a', 'b'], {link}, rtt-ms = 2 }}]");
    let place = format!("policy.place={place}");
    let changes = [
        "fleet.hosts=[{ machine = 'hp-ml110-g5', count = 2 }]",
        "fleet.vms=[{ mips = 2660.0, ram-mb = 1000 }]",
        "migration.nic-mbit-s=2000.0",
        "sites.list=[{ name = 'a', hosts = '0' }, { name = 'b', hosts = '1' }]",
        "sites.disk-gib=0.5",
        &link,
        &place,
    ];
    let load = vec![[vec![100; 2], vec![10; 40]].concat(); 2];
    let (_, _, run) = sound(&case(&changes, load));
    run.summary.migrations
}

#[test]
fn optimise_moves_over_a_link_only_where_that_pays() {
    let place = "{ kind = 'optimise', shortage-j-per-mi = 100.0 }";
    assert_eq!(moved(place, "mbit-s = 10000"), 1);
    assert_eq!(moved(place, "mbit-s = 80"), 0);
    let cheap = "{ kind = 'optimise', shortage-j-per-mi = 0.3 }";
    assert_eq!(moved(cheap, "mbit-s = 80"), 1);
}

#[test]
fn cheapest_within_sla_moves_over_a_link_only_where_that_pays() {
    let place = "{ kind = 'cheapest-within-sla', shortage-j-per-mi = 100.0 }";
    assert_eq!(moved(place, "mbit-s = 10000"), 1);
    assert_eq!(moved(place, "mbit-s = 80"), 0);
}
