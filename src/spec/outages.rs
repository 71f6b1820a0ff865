//! `[outages]`: its file is read, and everything is checked before anything runs.

use std::collections::BTreeMap;
use std::path::Path;

use super::RunSpec;
use super::limits::{Bound, Number, out_of_bounds};
use crate::model::Outages;
use crate::model::outages::{Hazard, Outage, Priority};
use crate::model::rules::{
    Average, BetweenSamples, ClockKind, EnergyIntegral, IdleVms, PowerPolicy, Shutdowns, Window,
};
use crate::problem::Problem;

/// No outage ends later, seconds (some 300 years).
const LATEST_S: f64 = 1e10;
const TOPOLOGY: &str = "Write a number from 0 on, in the order of migration.topology";
/// Shapes of Weibull's distribution that are believed.
const SHAPES: std::ops::RangeInclusive<f64> = 0.1..=10.0;

type Place<'p> = &'p dyn Fn(&str) -> String;

/// How many there are of what may fail.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stand {
    hosts: usize,
    sites: usize,
    links: usize,
    switches: usize,
    cables: usize,
}

impl Stand {
    /// Those of `spec`, whose outages need not be known yet.
    pub(super) fn of(spec: &RunSpec) -> Self {
        let hosts = spec.fleet.count();
        let sites = spec.sites.as_ref();
        let (sites, links) = sites.map_or((0, 0), |sites| (sites.list.len(), sites.links.len()));
        let (switches, cables) = spec.migration.parts(hosts);
        Self { hosts, sites, links, switches, cables }
    }
}

/// Puts the rows of the file in the place of the list.
pub(super) fn read_file(
    outages: &mut Outages,
    stand: Stand,
    place: Place<'_>,
    problems: &mut Vec<Problem>,
) {
    let Some(file) = outages.file.take() else { return };
    let at = place("[outages] file");
    if !outages.list.is_empty() {
        let what = "stands beside `list`";
        return problems.push(Problem::new("GLN-210", at, what, "Leave one of them out"));
    }
    match std::fs::read_to_string(&file) {
        Ok(text) => {
            let lines;
            (outages.list, lines) = rows(&file, &text, problems);
            let words = |row: usize| format!("{}:{}", file.display(), lines[row]);
            problems.extend(order_problems(&outages.list, &words));
            problems.extend(missing(outages, stand, &words));
        }
        Err(cause) => {
            let what = format!("`{}` cannot be read ({cause})", file.display());
            let remedy = "Name a file with lines of start_s,end_s,host";
            problems.push(Problem::new("GLN-210", at, what, remedy));
        }
    }
}

/// The outages that `text` lists, with their lines; the first line may be a head.
fn rows(file: &Path, text: &str, problems: &mut Vec<Problem>) -> (Vec<Outage>, Vec<usize>) {
    let (mut list, mut numbers) = (Vec::new(), Vec::new());
    let whole = text.strip_prefix('\u{feff}').unwrap_or(text);
    let filled = whole.lines().map(str::trim).zip(1_usize..);
    let filled = filled.filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
    for (turn, (line, number)) in filled.enumerate() {
        match row(line) {
            Some(outage) => {
                list.push(outage);
                numbers.push(number);
            }
            None if turn == 0 && is_head(line) => {}
            None => {
                let at = format!("{}:{number}", file.display());
                let what = format!("found `{line}`, expected start_s,end_s,host");
                let remedy = "Write e.g. 3600,7200,5 or, with notice, 3600,7200,5,1800";
                problems.push(Problem::new("GLN-210", at, what, remedy));
            }
        }
    }
    (list, numbers)
}

fn is_head(line: &str) -> bool {
    line.split(',').all(|field| field.trim().parse::<f64>().is_err())
}

/// `3600,7200,5`, or `3600,7200,rack 5`, and perhaps the seconds of notice.
fn row(line: &str) -> Option<Outage> {
    let fields: Vec<&str> = line.split(',').map(str::trim).collect();
    let (start, end, subject, notice) = match fields[..] {
        [start, end, subject] => (start, end, subject, "0"),
        [start, end, subject, notice] => (start, end, subject, notice),
        _ => return None,
    };
    let notice_s = notice.parse().ok()?;
    let (start_s, end_s) = (start.parse().ok()?, end.parse().ok()?);
    let numbered = |word: &str| {
        let number = subject.strip_prefix(word)?;
        number.trim().parse::<u32>().ok()
    };
    let [rack, site, link, switch, cable] =
        ["rack", "site", "link", "switch", "cable"].map(numbered);
    let named = [rack, site, link, switch, cable].iter().any(Option::is_some);
    let host = if named { None } else { Some(subject.parse().ok()?) };
    Some(Outage { start_s, end_s, host, rack, site, link, switch, cable, notice_s })
}

/// Outages that are out of order, end before they begin, or overlap; `at` words where each is.
fn order_problems(list: &[Outage], at: &dyn Fn(usize) -> String) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut wrong = |row: usize, what: String, remedy: &str| {
        problems.push(Problem::new("GLN-210", at(row), what, remedy));
    };
    let mut last: BTreeMap<[Option<u32>; 6], f64> = BTreeMap::new();
    let mut before = 0.0;
    for (row, outage) in list.iter().enumerate() {
        let Outage { start_s, end_s, host, rack, site, link, switch, cable, notice_s } = *outage;
        let subject = [host, rack, site, link, switch, cable];
        if !((0.0..=LATEST_S).contains(&start_s) && (0.0..=LATEST_S).contains(&end_s)) {
            let what = format!("found {start_s} s to {end_s} s, expected 0 to {LATEST_S:e} s");
            wrong(row, what, "Write seconds from the start of the run");
            continue;
        }
        if !(0.0..=LATEST_S).contains(&notice_s) {
            let what = format!("notice is {notice_s} s, expected 0 to {LATEST_S:e}");
            wrong(row, what, "Write seconds before the start, or leave it out");
        }
        if end_s < start_s + 1.0 {
            let what = format!("ends at {end_s} s, begins at {start_s} s");
            wrong(row, what, "Let it last a second at least");
        }
        if start_s < before {
            let what = format!("begins at {start_s} s, after one that begins at {before} s");
            wrong(row, what, "Order the outages by their start");
        }
        if let Some(end) = last.get(&subject).filter(|end| start_s <= **end) {
            let what = format!("begins at {start_s} s, its last outage ends at {end} s");
            wrong(row, what, "Write outages that overlap as one");
        }
        before = start_s.max(before);
        last.insert(subject, end_s);
    }
    problems
}

/// Outages of what is not there; `at` words where each is.
fn missing(outages: &Outages, stand: Stand, at: &dyn Fn(usize) -> String) -> Vec<Problem> {
    let Stand { hosts, sites, links, switches, cables } = stand;
    let mut problems = Vec::new();
    for (row, outage) in outages.list.iter().enumerate() {
        let lines = [(outage.link, "link"), (outage.switch, "switch"), (outage.cable, "cable")];
        let line = lines.into_iter().find(|(number, _)| number.is_some());
        if let Some((_, word)) = line.filter(|_| outage.notice_s > 0.0) {
            let what = format!("a {word} has no VMs that could leave beforehand");
            problems.push(Problem::new("GLN-211", at(row), what, "Leave out notice-s"));
        }
        let subjects = [
            (outage.host, hosts, "host", "Write a host from 0 on"),
            (
                outage.rack,
                outages.racks(hosts),
                "rack",
                "Set rack-hosts, and write a rack from 0 on",
            ),
            (outage.site, sites, "site", "Write the number of a site of [sites], from 0 on"),
            (outage.link, links, "link", "Write the number of a link of [sites], from 0 on"),
            (outage.switch, switches, "switch", TOPOLOGY),
            (outage.cable, cables, "cable", TOPOLOGY),
        ];
        let named =
            subjects.into_iter().filter_map(|(id, of, word, how)| Some((id?, of, word, how)));
        let named: Vec<_> = named.collect();
        let (what, remedy) = match named[..] {
            [(id, of, ..)] if (id as usize) < of => continue,
            [(id, of, "host", how)] => (format!("there is no host {id}, [fleet] has {of}"), how),
            [(id, of, word, how)] => (format!("there is no {word} {id}, there are {of}"), how),
            _ if line.is_some() || outage.site.is_some() => {
                let what = "names several of host, rack, site, link, switch and cable".to_owned();
                (what, "Write one of them")
            }
            _ => {
                let what = "names both or neither of host and rack".to_owned();
                (what, "Write one of them")
            }
        };
        problems.push(Problem::new("GLN-211", at(row), what, remedy));
    }
    problems
}

impl RunSpec {
    /// What is wrong with `[outages]`, as far as can be said without trace and workload.
    pub(super) fn outages_problems(&self, place: Place<'_>) -> Vec<Problem> {
        let Some(outages) = &self.outages else { return Vec::new() };
        let mut problems = out_of_bounds(numbers(outages), place);
        let at = |row: usize| place(&format!("[outages] list[{row}]"));
        problems.extend(order_problems(&outages.list, &at));
        let stand = Stand::of(self);
        problems.extend(missing(outages, stand, &at));
        problems.extend(self.idle_sites(outages, place));
        problems.extend(self.network_problems(outages, stand, place));
        problems.extend(idle_problems(outages, place));
        problems.extend(shape_problems(outages, place));
        problems.extend(self.priority_problems(outages, place));
        let hosts = self.fleet.count();
        if outages.headroom >= hosts && outages.headroom > 0 {
            let what = format!("found {}, [fleet] has {hosts} hosts", outages.headroom);
            let remedy = "Write fewer than there are hosts, such as 1";
            problems.push(Problem::new("GLN-203", place("[outages] headroom"), what, remedy));
        }
        problems.extend(self.dishonest(place));
        problems
    }

    /// Sites and links that fail, where there are none.
    fn idle_sites(&self, outages: &Outages, place: Place<'_>) -> Vec<Problem> {
        let links = self.sites.as_ref().is_some_and(|sites| !sites.links.is_empty());
        let idle = [
            ("site", outages.site.is_some() && self.sites.is_none(), "there is no [sites]"),
            ("link", outages.link.is_some() && !links, "no links connect sites"),
        ];
        let idle = idle.into_iter().filter(|(_, idle, _)| *idle);
        idle.map(|(key, _, what)| {
            let at = place(&format!("[outages] {key}"));
            Problem::new("GLN-211", at, what, "Leave it out, or add them under [sites]")
        })
        .collect()
    }

    /// Switches and cables that fail, where there are none or they go with something else not yet.
    fn network_problems(&self, outages: &Outages, stand: Stand, place: Place<'_>) -> Vec<Problem> {
        let mut problems = Vec::new();
        let random = [
            ("switch", outages.switch.is_some() && stand.switches == 0),
            ("cable", outages.cable.is_some() && stand.cables == 0),
        ];
        for (key, _) in random.into_iter().filter(|(_, idle)| *idle) {
            let (at, what) = (place(&format!("[outages] {key}")), "there is no topology");
            let remedy = "Leave it out, or give migration.topology";
            problems.push(Problem::new("GLN-676", at, what, remedy));
        }
        if !outages.hits_network() {
            return problems;
        }
        let provisioned = self.loaded_leases().is_some_and(|leases| leases.provision.is_some());
        let refused = [
            ("[outages] headroom", outages.headroom > 0, "headroom does not see who is cut off"),
            ("[leases] provision", provisioned, "images do not find other ways through a network"),
        ];
        for (key, _, what) in refused.into_iter().filter(|(_, stands, _)| *stands) {
            let remedy = "Leave it out, or switches and cables that fail";
            problems.push(Problem::new("GLN-677", place(key), what, remedy));
        }
        problems
    }

    fn priority_problems(&self, outages: &Outages, place: Place<'_>) -> Option<Problem> {
        let at = place("[outages] priority");
        if self.leases.is_some() {
            let what = "VMs of leases have no types: reservations are protected, others are not";
            let stated = outages.priority != Priority::default();
            return stated.then(|| Problem::new("GLN-206", at, what, "Leave it out"));
        }
        let Priority::ByType(all) = &outages.priority else { return None };
        let types = self.fleet.vms.len();
        if self.fleet.counts_types() {
            let what = "lists priorities by type, and [fleet] vms says how many there are of each";
            return Some(Problem::new("GLN-203", at, what, "Write one priority for all"));
        }
        (all.len() != types).then(|| {
            let what = format!("has {} priorities, [fleet] vms has {types} types", all.len());
            Problem::new("GLN-203", at, what, "Write one for each type")
        })
    }

    /// Oddities of published simulators, which know no outages.
    fn dishonest(&self, place: Place<'_>) -> Vec<Problem> {
        let accounting = &self.accounting;
        let demand = &self.demand;
        let held = demand.between_samples == BetweenSamples::Hold;
        let rules = [
            ("[demand] between-samples", held, "hold"),
            ("[demand] clock", demand.clock == ClockKind::Exact, "exact"),
            ("[demand] idle-vms", demand.idle_vms == IdleVms::Keep, "keep"),
            ("[host] power", self.host.power == PowerPolicy::Managed, "managed"),
            ("[accounting] window", accounting.window == Window::Whole, "whole"),
            ("[accounting] energy", accounting.energy == EnergyIntegral::Exact, "exact"),
            ("[accounting] average", accounting.average == Average::TimeWeighted, "time-weighted"),
            ("[accounting] shutdowns", accounting.shutdowns == Shutdowns::Observed, "observed"),
        ];
        let odd = rules.into_iter().filter(|(_, honest, _)| !honest);
        odd.map(|(field, _, honest)| {
            let what = "is an oddity that does not go with [outages]";
            let remedy = format!("Write \"{honest}\", or remove [outages]");
            Problem::new("GLN-212", place(field), what, remedy)
        })
        .collect()
    }
}

/// What has no effect: racks to which nothing happens, and a section in which nothing does.
fn idle_problems(outages: &Outages, place: Place<'_>) -> Option<Problem> {
    let of_racks = outages.rack.is_some() || outages.list.iter().any(|o| o.rack.is_some());
    let nothing = outages.list.is_empty() && hazards(outages).next().is_none();
    let (field, what, remedy) = if outages.rack.is_some() && outages.rack_hosts == 0 {
        let what = "racks fail, and it is not said how many hosts they have";
        ("[outages] rack-hosts", what, "Write e.g. rack-hosts = 20")
    } else if outages.rack_hosts > 0 && !of_racks {
        ("[outages] rack-hosts", "no rack ever fails", "Leave it out, or say how racks fail")
    } else if nothing && outages.headroom == 0 {
        let remedy = "Write list, file, host, rack, site, link, switch, cable or headroom, or \
                      remove it";
        ("[outages]", "nothing fails, and no headroom is asked for", remedy)
    } else {
        return None;
    };
    Some(Problem::new("GLN-211", place(field), what, remedy))
}

fn hazards(outages: &Outages) -> impl Iterator<Item = (&'static str, Hazard)> {
    let all = [
        ("host", outages.host),
        ("rack", outages.rack),
        ("site", outages.site),
        ("link", outages.link),
        ("switch", outages.switch),
        ("cable", outages.cable),
    ];
    all.into_iter().filter_map(|(name, hazard)| Some((name, hazard?)))
}

fn numbers(outages: &Outages) -> Vec<Number> {
    let number = |field: String, value, bound, example| (field, value, bound, example);
    let own = [
        number("[outages] detect-s".into(), outages.detect_s, Bound::AtLeastZero, "30"),
        number("[outages] boot-s".into(), outages.boot_s, Bound::AtLeastZero, "60"),
    ];
    let hazards = hazards(outages).flat_map(|(name, hazard)| {
        let field = |key: &str| format!("[outages] {name}.{key}");
        [
            number(field("mtbf-h"), hazard.mtbf_h, Bound::AboveZero, "2000"),
            number(field("mttr-h"), hazard.mttr_h, Bound::AboveZero, "4"),
        ]
    });
    own.into_iter().chain(hazards).collect()
}

fn shape_problems(outages: &Outages, place: Place<'_>) -> Vec<Problem> {
    let odd = hazards(outages).filter(|(_, hazard)| !SHAPES.contains(&hazard.shape));
    odd.map(|(name, hazard)| {
        let (least, most) = SHAPES.into_inner();
        let what = format!("must be between {least} and {most}, found {}", hazard.shape);
        let at = place(&format!("[outages] {name}.shape"));
        Problem::new("GLN-203", at, what, "Write 1, or leave it out")
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use crate::spec::parse;

    fn shown(text: &str) -> Vec<String> {
        let error = parse(text, "x.toml", Vec::new()).expect_err("it is wrong");
        error.problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_trace_of_failures_is_read_and_all_its_problems_are_told_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("outages.csv");
        let spec = format!("[outages]\nfile = \"{}\"\nrack-hosts = 40\n", file.display());
        std::fs::write(&file, "start_s,end_s,host\n# a week\n60,120,3\n60.5,99,rack 19\n").unwrap();
        let found = parse(&spec, "x.toml", Vec::new()).unwrap().outages.unwrap();
        assert_eq!((found.list.len(), found.list[1].rack, found.file), (2, Some(19), None));
        std::fs::write(
            &file,
            "60,120,3\n100,200,3\n50,70,rack 2\n170,170,4\n9,x,4\n\n300,400,801\n",
        )
        .unwrap();
        let problems = shown(&spec);
        let name = file.display().to_string();
        assert_eq!(problems.len(), 5, "{problems:#?}");
        let missing = format!("GLN-211 {name}:7: there is no host 801, [fleet] has 800");
        assert!(problems[4].starts_with(&missing), "{problems:#?}");
        assert!(problems[0].starts_with(&format!("GLN-210 {name}:5: found `9,x,4`")));
        assert!(problems[1].contains(":2: begins at 100 s, its last outage ends at 120 s"));
        assert!(problems[2].contains(":3: begins at 50 s, after one that begins at 100 s"));
        assert!(problems[3].contains(":4: ends at 170 s, begins at 170 s"));
    }

    #[test]
    fn what_is_not_there_or_has_no_effect_is_refused() {
        let problems = shown(
            "[outages]\nlist = [{ start-s = 0, end-s = 9, host = 800 }, \
             { start-s = 0, end-s = 9, rack = 0 }, { start-s = 1, end-s = 9 }]\n\
             host = { mtbf-h = 0, mttr-h = 1, shape = 99 }\npriority = [1]\nheadroom = 800\n\
             detect-s = -1\n[demand]\nidle-vms = \"retire\"\n",
        );
        let expected = [
            "GLN-203 x.toml, [outages] detect-s: must be at least 0",
            "GLN-203 x.toml, [outages] host.mtbf-h: must be above 0",
            "GLN-211 x.toml, [outages] list[0]: there is no host 800, [fleet] has 800",
            "GLN-211 x.toml, [outages] list[1]: there is no rack 0, there are 0",
            "GLN-211 x.toml, [outages] list[2]: names both or neither",
            "GLN-203 x.toml, [outages] host.shape: must be between 0.1 and 10",
            "GLN-203 x.toml, [outages] priority: has 1 priorities",
            "GLN-203 x.toml, [outages] headroom: found 800, [fleet] has 800 hosts",
            "GLN-212 x.toml, [demand] idle-vms: is an oddity",
        ];
        assert_eq!(problems.len(), expected.len(), "{problems:#?}");
        for (found, expected) in problems.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found} is not {expected}");
        }
        assert!(shown("[outages]\n")[0].contains("nothing fails"));
        let racks = shown("[outages]\nheadroom = 1\nrack-hosts = 20\n");
        assert!(racks[0].contains("no rack ever fails"), "{racks:?}");
        let racks = shown("[outages]\nrack = { mtbf-h = 1, mttr-h = 1 }\n");
        assert!(racks[0].starts_with("GLN-211 x.toml, [outages] rack-hosts"), "{racks:?}");
    }

    #[test]
    fn leases_that_stay_where_they_are_cannot_be_restarted() {
        let stays = shown("[leases]\nload = \"replayed\"\n[outages]\nheadroom = 1\n");
        assert!(stays[0].starts_with("GLN-206 x.toml, [outages]"), "{stays:?}");
        let unloaded = shown("[leases]\n[outages]\nheadroom = 1\n");
        assert!(unloaded[0].starts_with("GLN-206 x.toml, [outages]"), "{unloaded:?}");
        let text = "[leases]\nload = \"replayed\"\nconsolidate = \"foresighted\"\n\
                    [outages]\nheadroom = 1\n";
        assert!(parse(text, "x.toml", Vec::new()).is_ok());
    }
}
