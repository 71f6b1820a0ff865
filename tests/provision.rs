//! Provisioning of leased VMs: hand-computed times, random worlds that the check confirms, and
//! changed records that it finds out.

mod loaded;

use std::fmt::Write;

use galerna::check::{Evidence, check};
use galerna::engine::Outcome;
use galerna::lease::Schedule;
use galerna::model::ActionKind;
use galerna::model::provision::ProvisionRecord;
use galerna::random::{Stream, below, stream};
use galerna::spec::{self, LoadedLeases, RunSpec};
use galerna::time::{Instant, Span};
use galerna::trace::{UtilisationTrace, Values};
use loaded::{evidence, inputs, run, spec_of};

/// `count` hosts of 2 x 2660 MIPS whose cards take 62.5 MB/s, and a repository of 125 MB/s; a clone
/// is copied at 125 MB/s, customising takes 3 s, booting 20 s.
fn site(count: usize, how: &str, further: &str) -> String {
    let policy = if how == "off" { "" } else { "[policy]\noverload = \"thr\"\n" };
    let provision = format!(
        "[leases]\nconsolidate = \"{how}\"\nprovision = {{ clone = \"full\", disk-mb-s = 125, \
         customise-s = 3, boot-s = 20, {further} }}\n"
    );
    format!("{}{policy}", loaded::site(count)).replace("[leases]\n", &provision)
}

/// VMs that ask for `percent` of their core at all times.
fn steady(percent: u8) -> UtilisationTrace {
    let step = Span::from_seconds(300.0);
    UtilisationTrace::new(vec!["row".into()], step, Values::Percent(vec![percent; 12]))
}

struct Ran {
    /// Why durations of migrations are unknown: images share the network.
    unknown: Option<String>,
    inputs: LoadedLeases,
    done: (Schedule, Outcome),
}

impl Ran {
    fn of(spec: &RunSpec, lwf: &str, trace: UtilisationTrace) -> Self {
        let inputs = inputs(spec, lwf, trace);
        let done = run(spec, &inputs);
        Self { unknown: spec.unknown_durations(), inputs, done }
    }

    fn evidence(&self) -> Evidence {
        let unknown_durations = self.unknown.clone();
        Evidence { unknown_durations, ..evidence(&self.inputs, &self.done) }
    }

    /// The same, found sound.
    fn sound(self) -> Self {
        let report = check(&self.evidence());
        assert!(report.is_clean(), "{report}\n{:#?}", self.done.1.record.provisions);
        self
    }

    fn rows(&self) -> &[ProvisionRecord] {
        &self.done.1.record.provisions
    }

    /// When VMs began, seconds.
    fn starts(&self) -> Vec<f64> {
        let actions = self.done.1.record.actions.iter();
        actions.filter(|a| a.kind == ActionKind::VmStart).map(|a| a.at.seconds()).collect()
    }
}

fn seconds(times: &[Option<Instant>]) -> Vec<f64> {
    times.iter().map(|time| time.map_or(-1.0, Instant::seconds)).collect()
}

/// 625 MB at 62.5 MB/s 10 s, copied in 5 s, customised in 3 s, booted in 20 s: 38 s. The second
/// lease finds the image on the host: 28 s.
#[test]
fn an_image_is_sent_once() {
    let spec = spec_of(&site(1, "off", ""), &[]);
    let lwf = "0 -1 600 600 1 1 1024 0 deb 625\n700 -1 600 600 1 1 1024 0 deb 625\n";
    let ran = Ran::of(&spec, lwf, steady(10)).sound();
    assert_eq!(ran.starts(), [38.0, 728.0]);
    let first = ran.rows()[0];
    let times = [first.imaged, first.cloned, first.customised, first.ready];
    assert_eq!(seconds(&times), [10.0, 15.0, 18.0, 38.0]);
    assert_eq!((ran.rows()[1].send, ran.rows()[1].image), (None, Some(0)));
    let (schedule, outcome) = &ran.done;
    let figures = schedule.provision.expect("it provisions");
    assert_eq!((figures.provisioned, figures.images_sent, figures.images_cached), (2, 1, 1));
    assert_eq!((figures.mean_image_s, figures.mean_clone_s), (5.0, 5.0));
    assert_eq!((figures.mean_customise_s, figures.mean_boot_s), (3.0, 20.0));
    assert_eq!(figures.image_bytes, 625e6);
    assert_eq!(schedule.late.map(|late| (late.others, late.late_s)), Some((2, 66.0)));
    assert_eq!(outcome.record.sends.len(), 1);
}

/// Two images to one card take twice as long, as do three hosts at a repository that can serve two;
/// two VMs of one image wait for the same transfer, and their disks are copied one after the other.
#[test]
fn transfers_share_cards_and_the_repository() {
    let two = "0 -1 600 600 1 1 1024 0 deb 625\n0 -1 600 600 1 1 1024 0 sles 625\n";
    let one_host = spec_of(&site(1, "off", ""), &[]);
    let ran = Ran::of(&one_host, two, steady(10)).sound();
    let imaged: Vec<_> = ran.rows().iter().map(|row| row.imaged).collect();
    assert_eq!(seconds(&imaged), [20.0, 20.0]);
    let ran = Ran::of(&one_host, "0 -1 600 600 2 1 1024 0 deb 625\n", steady(10)).sound();
    let rows = ran.rows();
    assert_eq!(seconds(&[rows[0].imaged, rows[1].imaged]), [10.0, 10.0]);
    assert_eq!(seconds(&[rows[0].cloned, rows[1].cloned]), [15.0, 20.0]);
    assert_eq!((rows[0].send, rows[1].send), (Some(0), Some(0)));
    let three = "0 -1 600 600 3 2 1024 0 deb 625\n";
    let ran = Ran::of(&spec_of(&site(3, "off", ""), &[]), three, steady(10)).sound();
    // VMs of two cores: three rows, six VMs of the fleet, 125 MB/s for three hosts.
    assert_eq!(ran.rows().len(), 3);
    let imaged: Vec<_> = ran.rows().iter().map(|row| row.imaged).collect();
    assert_eq!(seconds(&imaged), [15.0, 15.0, 15.0]);
    assert_eq!(ran.starts(), [43.0; 6]);
}

/// On a topology images take the way to the host from beside another one, or its last link alone:
/// half of 1000 Mbit/s wherever the repository stands, a quarter of that over thin uplinks.
#[test]
fn images_cross_a_topology() {
    let rate = |beside: u32, uplink: u32| {
        let topology = format!(
            "migration.topology={{ kind = \"two-tier\", racks = 2, hosts = 2, mbit_s = 1000, \
             uplink_mbit_s = {uplink} }}"
        );
        let further = format!("repository-host = {beside}");
        let spec = spec_of(&site(4, "foresighted", &further), &[&topology]);
        let ran = Ran::of(&spec, "0 -1 600 600 1 1 1024 0 deb 625\n", steady(10)).sound();
        let row = ran.rows()[0];
        assert_eq!(row.host.0, 0, "the first host is taken");
        row.imaged.expect("it arrives").seconds()
    };
    assert_eq!([rate(0, 1000), rate(1, 1000), rate(3, 1000)], [10.0; 3]);
    assert_eq!([rate(1, 250), rate(3, 250)], [10.0, 40.0]);
}

/// A reservation for 1000 s is provisioned before: 10 + 5 + 3 + 20 s, and what a host takes to shut
/// down and wake. With the card in use by another image at that time it is late, and reported.
#[test]
fn reservations_are_provisioned_ahead() {
    for how in ["off", "foresighted"] {
        let spec = spec_of(&site(2, how, ""), &["host.wake-s=60", "host.shutdown-s=0"]);
        let ran = Ran::of(&spec, "0 1000 600 600 1 1 1024 0 deb 625\n", steady(10)).sound();
        assert_eq!(ran.starts(), [1000.0], "{how}");
        let begun = if how == "off" { 902.0 } else { 962.0 };
        assert_eq!(ran.rows()[0].start.seconds(), begun, "{how}");
        assert_eq!(ran.done.0.late.map(|late| late.reserved), Some(0));
    }
    let tight = spec_of(&site(1, "off", ""), &["host.wake-s=0", "host.shutdown-s=0"]);
    let lwf = "0 1000 600 600 1 1 1024 0 deb 625\n960 -1 600 600 1 1 1024 0 sles 6250\n";
    let ran = Ran::of(&tight, lwf, steady(10)).sound();
    assert_eq!(ran.rows()[1].imaged.map(Instant::seconds), Some(982.0), "half of the card");
    assert_eq!(ran.starts()[0], 1010.0);
    assert_eq!(ran.done.0.late.map(|late| (late.reserved, late.others)), Some((1, 1)));
    let early = spec_of(&site(1, "off", "margin-s = 20"), &["host.wake-s=0", "host.shutdown-s=0"]);
    let ran = Ran::of(&early, lwf, steady(10)).sound();
    assert_eq!(ran.done.0.late.map(|late| late.reserved), Some(0), "it began 20 s earlier");
}

/// Half of a core of 2660 for 20 s on a host of 5320: a quarter of it, 103 W, instead of 93.7 W.
#[test]
fn booting_takes_cpu() {
    let lwf = "0 -1 600 600 1 1 1024 0 none 0\n";
    let energy = |further: &str| {
        let ran = Ran::of(&spec_of(&site(1, "off", further), &[]), lwf, steady(0)).sound();
        assert_eq!(ran.starts(), [23.0]);
        ran.done.1.summary.energy_kwh * 3.6e6
    };
    let more = energy("boot-cpu = 0.5") - energy("boot-cpu = 0");
    assert!((more - 20.0 * (103.0 - 93.7)).abs() < 1e-6, "{more} J");
}

/// A VM whose lease is over before its image is there never begins, and nothing more is sent.
#[test]
fn what_comes_too_late_is_given_up() {
    let spec = spec_of(&site(1, "off", ""), &[]);
    let lwf = "0 -1 5 5 1 1 1024 0 deb 625\n60 -1 600 600 1 1 1024 0 deb 625\n";
    let ran = Ran::of(&spec, lwf, steady(10)).sound();
    let first = &ran.done.1.record.sends[0];
    assert!(!first.whole && (first.bytes - 5.0 * 62.5e6).abs() < 1.0, "{first:?}");
    assert_eq!(ran.rows()[0].dropped, Some(Instant::from_seconds(5.0)));
    assert_eq!(ran.starts(), [98.0]);
    assert_eq!(ran.done.0.late.map(|late| late.never), Some(1));
}

/// The host has room for 1000 MB of images: the third needs the room of the one used last by none.
#[test]
fn unused_images_give_way() {
    let spec = spec_of(&site(1, "off", "cache-mb = 1000"), &[]);
    let mut lwf = String::new();
    for (turn, image) in ["a", "b", "a", "c", "b", "a"].iter().enumerate() {
        writeln!(lwf, "{} -1 300 300 1 1 1024 0 {image} 500", turn * 600).expect("a string");
    }
    let ran = Ran::of(&spec, &lwf, steady(10)).sound();
    let cached: Vec<bool> = ran.rows().iter().map(|row| row.send.is_none()).collect();
    // a, b, a again; c takes the place of b, b that of a, a that of c.
    assert_eq!(cached, [false, false, true, false, false, false]);
}

/// Leases of several kinds on a few hosts, with images of some sizes.
fn crowd(random: &mut Stream, how: &str) -> (RunSpec, String) {
    let clone = ["full", "copy-on-write"][below(2, random) as usize];
    let cache = ["", "cache-mb = 900, "][below(2, random) as usize];
    let part = below(3, random) as f64 / 2.0;
    let further = format!("{cache}boot-cpu = {part:?}, clone-s = 2");
    let text = site(5, how, &further).replace("clone = \"full\"", &format!("clone = \"{clone}\""));
    let text = text.replace("[fleet]", "preemption = \"ar-preempts-best-effort\"\n[fleet]");
    let mut lwf = String::new();
    let mut at = 0;
    for _ in 0..40 {
        at += below(240, random);
        let length = 30 + below(1500, random);
        let start = match below(3, random) {
            0 => (at + below(1200, random)).to_string(),
            _ => "-1".to_owned(),
        };
        let (nodes, image) = (1 + below(3, random), below(4, random));
        let (name, mb) = [("none", 0), ("deb", 625), ("sles", 300), ("win", 800)][image];
        writeln!(lwf, "{at} {start} {length} {length} {nodes} 1 1024 0 {name} {mb}")
            .expect("a string");
    }
    (spec_of(&text, &[]), lwf)
}

fn wave(random: &mut Stream) -> UtilisationTrace {
    let values = (0..10 * 12).map(|_| below(101, random) as u8).collect();
    let names = (0..10).map(|row| format!("row {row}")).collect();
    UtilisationTrace::new(names, Span::from_seconds(300.0), Values::Percent(values))
}

#[test]
fn random_worlds_are_confirmed() {
    let (mut late, mut joined, mut cached, mut dropped, mut moved) = (0, 0, 0, 0, 0);
    for seed in 0..40 {
        let random = &mut stream(seed, "test.provision");
        let how = ["off", "blind", "foresighted"][seed as usize % 3];
        let (spec, lwf) = crowd(random, how);
        let ran = Ran::of(&spec, &lwf, wave(random)).sound();
        let record = &ran.done.1.record;
        late += ran.done.0.late.map_or(0, |late| late.reserved);
        let sent = ran.rows().iter().filter(|row| row.send.is_some()).count();
        joined += sent - record.sends.len();
        cached += ran.done.0.provision.map_or(0, |figures| figures.images_cached);
        dropped += ran.rows().iter().filter(|row| row.dropped.is_some()).count();
        moved += record.moves.len();
    }
    let happened = [joined, cached as usize, dropped, moved];
    assert!(happened.iter().all(|&count| count > 5) && late > 0, "{late} {happened:?}");
}

/// Hosts fail while VMs are provisioned there: that is given up, and begun anew elsewhere.
#[test]
fn what_is_prepared_is_lost_with_its_host() {
    let mut lost = 0;
    for seed in 0..20 {
        let random = &mut stream(seed, "test.provision");
        let (spec, lwf) = crowd(random, ["blind", "foresighted"][seed as usize % 2]);
        let text = spec.to_toml();
        let spec = spec_of(
            &text,
            &["outages.host={ mtbf-h = 1, mttr-h = 0.1 }", &format!("run.seed={}", seed + 1)],
        );
        let ran = Ran::of(&spec, &lwf, wave(random)).sound();
        let failed = |row: &&ProvisionRecord| {
            let mut outages = ran.done.1.record.outages.iter();
            outages.any(|of| of.host == row.host && Some(of.start) == row.dropped)
        };
        lost += ran.rows().iter().filter(failed).count();
    }
    assert!(lost > 5, "{lost}");
}

#[test]
fn changed_records_are_found_out() {
    let random = &mut stream(1, "test.provision");
    let (spec, lwf) = crowd(random, "off");
    let sound = Ran::of(&spec, &lwf, wave(random)).sound().evidence();
    let codes = |change: &dyn Fn(&mut Evidence)| {
        let mut evidence = sound.clone();
        change(&mut evidence);
        let report = check(&evidence);
        let mut codes: Vec<&str> = report.findings.iter().map(|problem| problem.code).collect();
        codes.dedup();
        codes
    };
    let sent = |evidence: &Evidence| {
        let rows = &evidence.record.provisions;
        rows.iter().position(|row| row.send.is_some() && row.ready.is_some()).expect("one is sent")
    };
    let later = |time: &mut Option<Instant>, s: f64| {
        *time = time.map(|time| time + Span::from_seconds(s));
    };
    assert_eq!(codes(&|_| {}), Vec::<&str>::new());
    let wrong = codes(&|e| {
        let row = sent(e);
        later(&mut e.record.provisions[row].ready, 1.0);
    });
    assert!(wrong.contains(&"GLN-691") && wrong.contains(&"GLN-695"), "{wrong:?}");
    // It ran before it was ready.
    let wrong = codes(&|e| {
        let row = sent(e);
        e.record.provisions.remove(row);
    });
    assert!(wrong.contains(&"GLN-690"), "{wrong:?}");
    let wrong = codes(&|e| {
        let row = sent(e);
        let of = e.record.provisions[row].send.take().expect("it was sent");
        e.record.provisions[row].start = e.record.sends[of as usize].end.expect("it arrived");
        e.record.sends[of as usize].whole = false;
    });
    assert!(wrong.contains(&"GLN-693"), "{wrong:?}");
    let wrong = codes(&|e| e.record.sends.iter_mut().for_each(|send| send.bytes *= 3.0));
    assert!(wrong.contains(&"GLN-692"), "{wrong:?}");
    let boot = |action: &&galerna::model::Action| action.kind == ActionKind::BootStart;
    let wrong = codes(&|e| {
        let at = e.record.actions.iter().position(|action| boot(&action)).expect("one boots");
        e.record.actions[at].kind = ActionKind::BootEnd;
    });
    assert!(!wrong.is_empty());
    let mut claims = sound.clone();
    claims.rules.provision = None;
    assert!(!check(&claims).is_clean(), "rows without rules are found out");
    // Every boot that begins later than it did changes what the host draws.
    let wrong = codes(&|e| e.rules.provision.iter_mut().for_each(|rules| rules.boot_s += 1.0));
    assert!(wrong.contains(&"GLN-691"), "{wrong:?}");
}

#[test]
fn everything_wrong_with_it_is_told_at_once() {
    let refused = |text: &str| -> Vec<String> {
        let error = spec::parse(text, "x.toml", Vec::new()).expect_err("it is refused");
        error.problems.iter().map(ToString::to_string).collect()
    };
    let shown = refused(
        "[leases]\nload = \"replayed\"\npreparation = \"image-transfer\"\n\
         provision = { boot-s = -1, disk-mb-s = 0, boot-cpu = 2, repository-host = 800, \
         images = { deb = 0 } }\n",
    );
    let starts = [
        "GLN-203 x.toml, [leases] provision.disk-mb-s: must be above 0",
        "GLN-203 x.toml, [leases] provision.boot-s: must be at least 0",
        "GLN-687 x.toml, [leases] provision: sends images, and so does leases.preparation",
        "GLN-203 x.toml, [leases] provision.boot-cpu",
        "GLN-203 x.toml, [leases] provision.repository-host",
        "GLN-203 x.toml, [leases] provision.images.deb",
    ];
    for start in starts {
        assert!(shown.iter().any(|line| line.starts_with(start)), "{start}\n{shown:#?}");
    }
    assert_eq!(shown.len(), starts.len(), "{shown:#?}");
    let shown = refused("[leases]\nprovision = {}\n");
    assert!(shown[0].starts_with("GLN-687 x.toml, [leases] provision"), "{shown:#?}");
}

#[test]
fn images_that_are_missing_or_too_large_are_refused_together() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("w.txt");
    let lwf = "0 -1 600 600 1 1 1024 0 deb 1\n0 -1 600 600 1 1 1024 500 big 1\n\
               0 -1 600 600 1 1 1024 0 dep 1\n";
    std::fs::write(&file, lwf).expect("it can be written");
    let images = "images = { deb = 625, big = 600 }";
    let path = file.to_str().expect("a plain name");
    let text =
        site(1, "off", images).replace("[leases]\n", &format!("[leases]\nworkload = \"{path}\"\n"));
    let spec = spec_of(&text, &[]);
    let error = LoadedLeases::read(&spec, spec.leases.as_ref().expect("leases"));
    let shown = error.expect_err("two leases are wrong").to_string();
    assert!(shown.contains("GLN-685") && shown.contains("no image `dep` (did you mean `deb`?)"));
    assert!(shown.contains("lease 2: an image of 600 MB, and 500 MB of disk"), "{shown}");
    assert_eq!(shown.lines().count(), 2, "{shown}");
}
