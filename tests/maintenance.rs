//! Outages that are known beforehand: hosts are emptied in time, and nothing comes to them.

mod runs;

use galerna::engine::Outcome;
use galerna::id::HostId;
use galerna::model::ActionKind;
use galerna::model::record::{MoveEnding, Reason};
use runs::{case, sound};

/// With notice a host is emptied by migration before it goes out: nobody is down. Without, all of
/// its VMs are. So by heuristics and by planners.
#[test]
fn a_host_is_evacuated_before_its_maintenance() {
    let load: Vec<Vec<u8>> = (0..12).map(|vm| vec![20 + vm as u8; 24]).collect();
    for place in ["pabfd", "optimise", "balance"] {
        for (notice_s, evacuated) in [(0, false), (1200, true)] {
            let (place, list) = (
                format!("policy.place={place}"),
                format!(
                    "outages.list=[{{ start-s = 3600, end-s = 5400, host = 0, notice-s = \
                     {notice_s} }}]"
                ),
            );
            let (_, _, run) = sound(&case(&[&place, &list], load.clone()));
            let maintained = run.record.actions.iter().filter(|action| {
                action.kind == ActionKind::MigrationStart && action.reason == Reason::Maintenance
            });
            let (moves, down) = (maintained.count(), run.record.restarts.len());
            assert_eq!((moves > 0, down > 0), (evacuated, !evacuated), "{place} {moves} {down}");
            let outages = run.summary.outages.expect("it has [outages]");
            assert_eq!(outages.downtime_s == 0.0, evacuated, "{place}");
        }
    }
}

/// The host that receives most in twenty minutes receives nothing in them when it is known to go
/// out after them.
#[test]
fn nothing_comes_to_a_host_that_is_to_go_out() {
    let load =
        |vm: usize| (0..24).map(|k| if (k + vm).is_multiple_of(3) { 95 } else { 45 }).collect();
    let load: Vec<Vec<u8>> = (0..20).map(load).collect();
    let moves_to = |more: &[&str]| {
        let thr = "policy.overload={ kind = 'thr', threshold = 0.6 }";
        let (_, fleet, run) = sound(&case(&[&[thr], more].concat(), load.clone()));
        let mut moves = vec![0; fleet.hosts()];
        let rows = run.record.moves.iter();
        let then = rows.filter(|row| (2401.0..3600.0).contains(&row.start.seconds()));
        then.for_each(|row| moves[row.to.0 as usize] += 1);
        moves
    };
    let before = moves_to(&[]);
    let host = (0..before.len()).max_by_key(|&host| before[host]).unwrap();
    let known = format!(
        "outages.list=[{{ start-s = 3600, end-s = 5400, host = {host}, notice-s = 1200 }}]"
    );
    let after = moves_to(&[&known]);
    assert!(before[host] > 0 && after.iter().sum::<usize>() > 0, "{before:?} {after:?}");
    assert_eq!(after[host], 0);
}

/// An outage from the start on has no time before it: its host is open again once it is repaired.
/// One that overlaps with the notice of another leaves that one known.
#[test]
fn a_host_is_closed_for_as_long_as_an_outage_is_known() {
    let outage = |start: u32, end: u32, subject: &str| {
        format!("{{ start-s = {start}, end-s = {end}, {subject} = 0, notice-s = 1200 }}")
    };
    let runs = |list: &[String]| {
        let list = format!("outages.list=[{}]", list.join(", "));
        let changes = [
            "fleet.hosts=[{ machine = 'hp-ml110-g5', count = 3, ram-gib = 16 }]",
            "fleet.vms=[{ mips = 2500.0, ram-mb = 1000 }]",
            "policy.overload={ kind = 'thr', threshold = 0.7 }",
            &list,
        ];
        let racks = list.contains("rack").then_some("outages.rack-hosts=1");
        let load = (0..24).map(|k| if (k / 2_u8).is_multiple_of(2) { 60 } else { 95 }).collect();
        sound(&case(&[&changes[..], racks.as_slice()].concat(), vec![load; 4])).2
    };
    let comes = |run: &Outcome, from: f64, to: f64| {
        let rows = run.record.moves.iter().filter(|row| row.to == HostId(0));
        rows.filter(|row| (from..to).contains(&row.start.seconds())).count()
    };
    let repaired = runs(&[outage(0, 600, "host")]);
    assert!(comes(&repaired, 600.0, 7200.0) > 0, "it is open again");
    let twice = runs(&[outage(3000, 3300, "host"), outage(3900, 4500, "rack")]);
    assert_eq!(comes(&twice, 1801.0, 4500.0), 0);
    assert!(comes(&twice, 4500.0, 7200.0) > 0, "and again");
}

/// What is left when the time has come goes down like any other VM, and copies are not begun to a
/// host that is known to go out.
#[test]
fn a_short_notice_is_better_than_none() {
    let load: Vec<Vec<u8>> = (0..40).map(|vm| vec![30 + (vm % 7) as u8; 24]).collect();
    let list = "outages.list=[{ start-s = 3600, end-s = 5400, rack = 0, notice-s = 301 }]";
    let slow = "migration.nic-mbit-s=40";
    let (_, _, run) = sound(&case(&["outages.rack-hosts=2", list, slow], load));
    let ended = |ending| run.record.moves.iter().filter(|row| row.ending == ending).count();
    assert!(run.record.restarts.len() > 1, "some are down: {}", run.record.restarts.len());
    assert!(ended(MoveEnding::Moved) > 0 && run.summary.outages.unwrap().not_restarted == 0);
}
