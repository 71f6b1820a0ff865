//! The order in which VMs of one lease begin: read, kept, and verified.

mod loaded;

use galerna::check::check;
use galerna::id::VmId;
use galerna::lease::format;
use galerna::model::lease::Workload;
use galerna::model::{Action, ActionKind};
use galerna::random::{below, stream};
use galerna::spec::{LoadedLeases, fleet_of};
use galerna::time::Span;
use galerna::trace::{UtilisationTrace, Values};
use loaded::{evidence, inputs, run, spec_of};

/// A lease of two web servers that begin after a database, whose sets say so much further.
fn lwf(web: &str, database: &str) -> String {
    format!(
        r#"<lease-workload name="w"><lease-requests>
<lease-request arrival="00:00:00"><lease id="1"><nodes>
<node-set numnodes="2" {web}><res type="CPU" amount="100"/><res type="Memory" amount="512"/>
</node-set><node-set numnodes="1" {database}><res type="CPU" amount="100"/>
<res type="Memory" amount="2048"/></node-set></nodes><start/><duration time="01:00:00"/>
<software><disk-image id="deb" size="625"/></software></lease></lease-request>
</lease-requests></lease-workload>"#
    )
}

const ORDERED: [&str; 2] = ["name=\"web\" after=\"database\"", "name=\"database\""];

fn read(text: &str) -> Workload {
    format::read_lwf("f", text.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

fn steady() -> UtilisationTrace {
    let step = Span::from_seconds(300.0);
    UtilisationTrace::new(vec!["row".into()], step, Values::Percent(vec![10; 12]))
}

fn loaded_with(spec: &galerna::spec::RunSpec, workload: Workload) -> LoadedLeases {
    let mut all = inputs(spec, "", steady());
    all.load.fleet = fleet_of(spec, &workload.leases, 1);
    all.leases.workload = workload;
    all
}

#[test]
fn an_order_is_read_and_written() {
    let workload = read(&lwf(ORDERED[0], ORDERED[1]));
    let lease = &workload.leases[0];
    assert_eq!((lease.before(&lease.nodes[0]), lease.is_ordered()), (vec![1], true));
    let mut out = Vec::new();
    format::write_lwf(&workload, &mut out).expect("a vector takes everything");
    assert_eq!(format::read_lwf("g", &out[..]).expect("we wrote it"), workload);
    for (web, database, what) in [
        ("name=\"web\" after=\"dataase\"", ORDERED[1], "no node-set is called `dataase` (did you"),
        ("name=\"database\"", ORDERED[1], "two node-sets are called `database`"),
        (ORDERED[0], "name=\"database\" after=\"web\"", "`web` waits for itself in the end"),
        ("name=\"web\" after=\"web\"", ORDERED[1], "`web` waits for itself in the end"),
    ] {
        let error = format::read_lwf("f", lwf(web, database).as_bytes()).expect_err("it is wrong");
        let text = error.to_string();
        assert!(text.contains("GLN-688 f:2: ") && text.contains(what), "{what}\n{text}");
    }
}

/// All three wait 10 s for the image on one host; the copies of 5 s follow one another, those of
/// the web servers first: the database is ready last, at 10 + 15 + 3 + 20 = 48 s, and all begin.
#[test]
fn a_web_server_waits_for_its_database() {
    let text = loaded::site(1).replace(
        "[leases]\n",
        "[leases]\nprovision = { clone = \"full\", disk-mb-s = 125, customise-s = 3, \
         boot-s = 20 }\n",
    );
    let many_cores = "machine = \"own\", cores = 16, core-mips = 2660, \
                      watts = [100, 110, 120, 130, 140, 150, 160, 170, 180, 190, 200]";
    let text = text.replace("machine = \"hp-ml110-g5\"", many_cores);
    let spec = spec_of(&text, &[]);
    for (sets, expected) in [(ORDERED, [48.0, 48.0, 48.0]), (["", ""], [38.0, 43.0, 48.0])] {
        let all = loaded_with(&spec, read(&lwf(sets[0], sets[1])));
        let done = run(&spec, &all);
        let mut starts: Vec<(VmId, f64)> = done
            .1
            .record
            .actions
            .iter()
            .filter(|action| action.kind == ActionKind::VmStart)
            .map(|action| (action.vm.expect("of a VM"), action.at.seconds()))
            .collect();
        starts.sort_by_key(|&(vm, _)| vm);
        assert_eq!(starts.iter().map(|start| start.1).collect::<Vec<_>>(), expected);
        let mut told = evidence(&all, &done);
        assert!(check(&told).is_clean(), "{}", check(&told));
        // Web servers whose database does not begin are found out.
        let database = |a: &Action| a.kind == ActionKind::VmStart && a.vm == Some(VmId(2));
        told.record.actions.retain(|action| !database(action));
        let found = check(&told).findings.iter().any(|problem| problem.code == "GLN-696");
        assert_eq!(found, sets == ORDERED);
    }
}

/// Leases of some sets in a random order, consolidated or not, on hosts that sleep.
#[test]
fn random_groups_keep_their_order() {
    let mut waited = 0;
    for seed in 0..30 {
        let random = &mut stream(seed, "test.order");
        let how = ["off", "blind", "foresighted"][seed as usize % 3];
        let mut leases = String::new();
        for number in 0..12 {
            let at = number * 300 + below(300, random);
            let mut sets = String::new();
            for set in 0..3 {
                let after: Vec<String> =
                    (0..set).filter(|_| below(2, random) == 0).map(|of| format!("s{of}")).collect();
                sets += &format!(
                    "<node-set numnodes=\"{}\" name=\"s{set}\" after=\"{}\"><res type=\"CPU\" \
                     amount=\"100\"/><res type=\"Memory\" amount=\"512\"/></node-set>",
                    1 + below(2, random),
                    after.join(" ")
                );
            }
            let (hours, minutes) = (at / 3600, at / 60 % 60);
            leases += &format!(
                "<lease-request arrival=\"{hours:02}:{minutes:02}:{:02}\"><lease id=\"{}\"><nodes>\
                 {sets}</nodes><start/><duration time=\"00:30:00\"/><software><disk-image \
                 id=\"i{}\" size=\"625\"/></software></lease></lease-request>\n",
                at % 60,
                number + 1,
                below(3, random)
            );
        }
        let policy = if how == "off" { "" } else { "[policy]\noverload = \"thr\"\n" };
        let text = format!("{}{policy}", loaded::site(8)).replace(
            "[leases]\n",
            &format!(
                "[leases]\nconsolidate = \"{how}\"\npreemption = \"ar-preempts-best-effort\"\n\
                 provision = {{ clone = \"full\", boot-s = 20 }}\n"
            ),
        );
        let spec = spec_of(&text, &[]);
        let whole = format!(
            "<lease-workload name=\"w\"><lease-requests>{leases}</lease-requests></lease-workload>"
        );
        let all = loaded_with(&spec, read(&whole));
        let done = run(&spec, &all);
        let mut told = evidence(&all, &done);
        told.unknown_durations = spec.unknown_durations();
        let report = check(&told);
        assert!(report.is_clean(), "{how} {seed}\n{report}");
        let rows = done.1.record.provisions.iter();
        let begun = |vm: VmId| {
            let mut starts = done.1.record.actions.iter();
            starts.find(|a| a.kind == ActionKind::VmStart && a.vm == Some(vm)).map(|a| a.at)
        };
        waited += rows.filter(|row| row.ready.is_some() && begun(row.vm) > row.ready).count();
    }
    assert!(waited > 30, "{waited} VMs were ready and waited for others");
}
