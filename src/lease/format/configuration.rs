//! Haizea's configuration files: sections of options that become rules and inputs of a run.
//!
//! ```text
//! [section]
//! option: value        (or option = value; # and ; begin comments)
//! ```
//!
//! Options that say how Haizea itself works (logging, probes, data files, clocks, persistence) are
//! accepted and have no effect; options that nobody knows are problems. A run without
//! `policy-preemption` displaces nobody, as in Haizea.
//!
//! Source: Haizea manual, appendix on configuration options; 1.1 for what was added.

use std::io::BufRead;
use std::path::PathBuf;

use super::super::{
    Adjustment, AdmissionSpec, Backfilling, ColdMigration, Exclusion, HostSelectionSpec,
    LeaseRules, Lengthened, Mapping, PreemptionSpec, Suspension,
};
use super::error::{Error, unless, unreadable};
use crate::model::lease::Site;
use crate::problem::{Problem, suggestion};
use crate::provision::{ImageTransfer, Preparation};
use crate::time::Span;

/// Options that have no effect on decisions.
const WITHOUT_EFFECT: [&str; 19] = [
    "loglevel",
    "logfile",
    "mode",
    "lease-failure-handling",
    "persistence-file",
    "wakeup-interval",
    "non-schedulable-interval",
    "clock",
    "starttime",
    "stop-when",
    "status-message-interval",
    "sanity-check",
    "datafile",
    "probes",
    "attributes",
    "imagefile",
    "policy-pricing",
    "stop-when-no-more-leases",
    "type",
];

/// Options that have an effect.
const KNOWN: [&str; 32] = [
    "lease-preparation",
    "policy-admission",
    "policy-preemption",
    "policy-host-selection",
    "backfilling",
    "backfilling-reservations",
    "suspension",
    "suspend-rate",
    "resume-rate",
    "suspendresume-exclusion",
    "scheduling-threshold-factor",
    "force-scheduling-threshold",
    "override-suspend-time",
    "override-resume-time",
    "migration",
    "shutdown-time",
    "enactment-overhead",
    "resources",
    "imagetransfer-bandwidth",
    "transfer-mechanism",
    "avoid-redundant-transfers",
    "force-imagetransfer-time",
    "diskimage-reuse",
    "diskimage-cache-size",
    "tracefile",
    "injectionfile",
    "annotationfile",
    "override-memory",
    "add-overhead",
    "bootshutdown-overhead",
    "runtime-slowdown-overhead",
    "mapper",
];

/// A run as a configuration file describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Configuration {
    /// The rules of the site.
    pub rules: LeaseRules,
    /// The workload.
    pub trace: Option<PathBuf>,
    /// Leases to be merged into it.
    pub injection: Option<PathBuf>,
    /// Annotations for its leases.
    pub annotation: Option<PathBuf>,
    /// The site, if it is not the one in the trace.
    pub site: Option<Site>,
    /// What is changed of the leases before they are asked for.
    pub adjustment: Adjustment,
}

/// Reads a configuration; what it does not say is as `preset` has it.
///
/// # Errors
///
/// All problems of the file.
pub fn read_configuration(
    source: &str,
    input: impl BufRead,
    preset: LeaseRules,
) -> Result<Configuration, Error> {
    let mut rules = preset;
    rules.preemption = PreemptionSpec::None;
    let mut options = Options {
        images: ImageTransfer::default(),
        transfers: false,
        cache: None,
        reuse: false,
        reservations: None,
        found: Configuration {
            rules,
            trace: None,
            injection: None,
            annotation: None,
            site: None,
            adjustment: Adjustment::default(),
        },
    };
    let mut problems = Vec::new();
    for (at, line) in input.lines().enumerate() {
        let line = line.map_err(|cause| unreadable(source, &cause))?;
        let text = line.split(" #").next().unwrap_or_default().trim();
        if text.is_empty() || text.starts_with(['#', ';', '[']) {
            continue;
        }
        let place = format!("{source}:{}", at + 1);
        let Some((option, value)) = text.split_once([':', '=']) else {
            let what = format!("`{text}` is neither a section nor an option");
            problems.push(Problem::new("GLN-147", place, what, "Write `option: value`"));
            continue;
        };
        let (option, value) = (option.trim(), value.trim());
        if let Err(expected) = options.set(option, value) {
            let what = format!("{option} is `{value}`, expected {expected}");
            problems.push(Problem::new("GLN-147", place, what, "Mend or remove the option"));
        }
    }
    unless(problems, options.finish())
}

struct Options {
    images: ImageTransfer,
    transfers: bool,
    cache: Option<i64>,
    reuse: bool,
    reservations: Option<u32>,
    found: Configuration,
}

type Set = Result<(), String>;

fn number(value: &str) -> Result<f64, String> {
    let number = value.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
    number.ok_or_else(|| "a number, not negative".to_owned())
}

fn seconds(value: &str) -> Result<Span, String> {
    number(value).map(Span::from_seconds)
}

fn positive(value: &str) -> Result<f64, String> {
    number(value).and_then(|number| {
        if number > 0.0 { Ok(number) } else { Err("a number above 0".to_owned()) }
    })
}

/// The choice called `value`.
fn choice<T: Copy>(value: &str, choices: &[(&str, T)]) -> Result<T, String> {
    let found = choices.iter().find(|(name, _)| name.eq_ignore_ascii_case(value));
    let names: Vec<&str> = choices.iter().map(|choice| choice.0).collect();
    found.map(|found| found.1).ok_or_else(|| format!("one of {}", names.join(", ")))
}

fn truth(value: &str) -> Result<bool, String> {
    choice(value, &[("true", true), ("yes", true), ("false", false), ("no", false)])
}

impl Options {
    fn set(&mut self, option: &str, value: &str) -> Set {
        if WITHOUT_EFFECT.contains(&option) {
            return Ok(());
        }
        if self.set_scheduling(option, value)? || self.set_overheads(option, value)? {
            return Ok(());
        }
        self.set_inputs(option, value)
    }

    fn set_scheduling(&mut self, option: &str, value: &str) -> Result<bool, String> {
        let rules = &mut self.found.rules;
        match option {
            "policy-admission" => {
                let choices =
                    [("accept-all", AdmissionSpec::AcceptAll), ("no-ARs", AdmissionSpec::NoAr)];
                rules.admission = choice(value, &choices)?;
            }
            "policy-preemption" => {
                let choices = [
                    ("no-preemption", PreemptionSpec::None),
                    ("ar-preempts-everything", PreemptionSpec::ArPreemptsBestEffort),
                    ("ar-preempts-be", PreemptionSpec::ArPreemptsBestEffort),
                    ("deadline", PreemptionSpec::Deadline),
                ];
                rules.preemption = choice(value, &choices)?;
            }
            "mapper" => {
                let choices = [("greedy", Mapping::Greedy), ("deadline", Mapping::Deadline)];
                rules.mapping = choice(value, &choices)?;
            }
            "policy-host-selection" => {
                let choices =
                    [("no-policy", HostSelectionSpec::Any), ("greedy", HostSelectionSpec::Greedy)];
                rules.host_selection = choice(value, &choices)?;
            }
            "backfilling" => {
                let choices = [
                    ("off", Backfilling::None),
                    ("aggressive", Backfilling::Easy),
                    ("intermediate", Backfilling::Intermediate(1)),
                    ("conservative", Backfilling::Conservative),
                ];
                rules.backfilling = choice(value, &choices)?;
            }
            "backfilling-reservations" => self.reservations = Some(number(value)? as u32),
            "suspension" => {
                let choices = [
                    ("none", Suspension::None),
                    ("serial-only", Suspension::SerialOnly),
                    ("all", Suspension::All),
                ];
                rules.suspension = choice(value, &choices)?;
            }
            "migration" => {
                let choices = [
                    ("no", ColdMigration::No),
                    ("yes", ColdMigration::Yes),
                    ("yes-notransfer", ColdMigration::WithoutTransfer),
                ];
                rules.migration = choice(value, &choices)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn set_overheads(&mut self, option: &str, value: &str) -> Result<bool, String> {
        let rules = &mut self.found.rules;
        match option {
            "suspend-rate" => rules.suspend_rate = positive(value)?,
            "resume-rate" => rules.resume_rate = positive(value)?,
            "suspendresume-exclusion" => {
                let choices = [("local", Exclusion::Local), ("global", Exclusion::Global)];
                rules.exclusion = choice(value, &choices)?;
            }
            "scheduling-threshold-factor" => rules.threshold_factor = number(value)?,
            "force-scheduling-threshold" => rules.threshold = Some(seconds(value)?),
            "override-suspend-time" => rules.suspend_time = Some(seconds(value)?),
            "override-resume-time" => rules.resume_time = Some(seconds(value)?),
            "shutdown-time" => rules.shutdown = seconds(value)?,
            "enactment-overhead" => rules.enactment = seconds(value)?,
            "imagetransfer-bandwidth" => rules.bandwidth = positive(value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn set_inputs(&mut self, option: &str, value: &str) -> Set {
        match option {
            "lease-preparation" => {
                let choices = [("unmanaged", false), ("imagetransfer", true)];
                self.transfers = choice(value, &choices)?;
            }
            "transfer-mechanism" => {
                self.images.multicast = choice(value, &[("unicast", false), ("multicast", true)])?;
            }
            "avoid-redundant-transfers" => self.images.piggyback = truth(value)?,
            "force-imagetransfer-time" => self.images.fixed_time = Some(seconds(value)?),
            "diskimage-reuse" => {
                self.reuse = choice(value, &[("none", false), ("image-caches", true)])?;
            }
            "diskimage-cache-size" => {
                let size = value.parse::<i64>().map_err(|_| "a whole number of MB".to_owned())?;
                self.cache = Some(size);
            }
            "tracefile" => self.found.trace = Some(value.into()),
            "injectionfile" => self.found.injection = Some(value.into()),
            "annotationfile" => self.found.annotation = Some(value.into()),
            "resources" => return self.set_resources(value),
            "override-memory" => self.found.adjustment.memory = Some(number(value)? as i64),
            "add-overhead" => {
                let choices = [
                    ("none", Lengthened::None),
                    ("all", Lengthened::All),
                    ("besteffort", Lengthened::BestEffort),
                ];
                self.found.adjustment.lengthened = choice(value, &choices)?;
            }
            "runtime-slowdown-overhead" | "runtime-overhead" => {
                self.found.adjustment.slowdown_percent = number(value)?;
            }
            "bootshutdown-overhead" => self.found.adjustment.boot = seconds(value)?,
            _ => {
                let near = suggestion(option, KNOWN.into_iter().chain(WITHOUT_EFFECT));
                return Err(format!("a known option{near}"));
            }
        }
        Ok(())
    }

    /// `in-tracefile`, or `4 CPU:100 Memory:1024`.
    fn set_resources(&mut self, value: &str) -> Set {
        if value == "in-tracefile" {
            return Ok(());
        }
        let expected = || "`in-tracefile`, or such as `4 CPU:100 Memory:1024`".to_owned();
        let mut words = value.split_whitespace();
        let hosts = words.next().and_then(|word| word.parse::<usize>().ok());
        let hosts = hosts.filter(|hosts| (1..=1_000_000).contains(hosts)).ok_or_else(expected)?;
        let mut site = Site::uniform(hosts, 0, 0);
        for word in words {
            let (name, amount) = word.split_once(':').ok_or_else(expected)?;
            let amount = amount.parse::<i64>().ok().filter(|&amount| amount >= 0);
            let kind = site.resources.iter().position(|known| known == name);
            let (kind, amount) = kind.zip(amount).ok_or_else(expected)?;
            site.hosts.iter_mut().for_each(|host| host[kind] = amount);
        }
        self.found.site = Some(site);
        Ok(())
    }

    fn finish(mut self) -> Configuration {
        if self.reuse {
            self.images.cache_mb = Some(self.cache.unwrap_or(-1));
        }
        if self.transfers {
            self.found.rules.preparation = Preparation::ImageTransfer(self.images);
        }
        let rules = &mut self.found.rules;
        if let (Backfilling::Intermediate(limit), Some(more)) =
            (&mut rules.backfilling, self.reservations)
        {
            *limit = more;
        }
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_become_rules_and_unknown_ones_are_named() {
        let text = "[general]\nlease-preparation: imagetransfer\nloglevel: STATUS\n\
                    [scheduling]\nbackfilling: intermediate\nbackfilling-reservations: 4\n\
                    suspend-rate = 50 # MB/s\n[deploy-imagetransfer]\n\
                    diskimage-reuse: image-caches\ndiskimage-cache-size: 20480\n\
                    [simulation]\nresources: 4  CPU:100 Memory:1024\n\
                    [tracefile]\ntracefile: a b.lwf\nadd-overhead: besteffort\n\
                    runtime-slowdown-overhead: 5\nbootshutdown-overhead: 20\n";
        let read = read_configuration("c", text.as_bytes(), LeaseRules::haizea_1_1());
        let found = read.expect("it is in order");
        assert_eq!(found.rules.backfilling, Backfilling::Intermediate(4));
        assert_eq!(found.rules.suspend_rate, 50.0);
        assert_eq!(found.rules.preemption, PreemptionSpec::None, "Haizea's default");
        let images = ImageTransfer { cache_mb: Some(20480), ..ImageTransfer::default() };
        assert_eq!(found.rules.preparation, Preparation::ImageTransfer(images));
        assert_eq!(found.site, Some(Site::uniform(4, 100, 1024)));
        assert_eq!(found.trace, Some(PathBuf::from("a b.lwf")));
        let leases = "0 -1 100 50 1 1 1 0 x 0\n0 9 100 50 1 1 1 0 x 0\n";
        let read = super::super::read_old_lwf("w", leases.as_bytes());
        let mut workload = read.expect("it is in order");
        found.adjustment.apply(&mut workload);
        assert_eq!(workload.leases[0].duration, Span::from_seconds(125.0));
        assert_eq!(workload.leases[1].duration, Span::from_seconds(100.0));

        let wrong = "sharp\nsuspension: some\nsuspnsion: all\nsuspend-rate: 0\n";
        let read = read_configuration("c", wrong.as_bytes(), LeaseRules::default());
        let text = read.expect_err("four faults").to_string();
        assert_eq!(text.lines().count(), 4, "{text}");
        assert!(text.contains("c:2: suspension is `some`, expected one of none, serial-only, all"));
        assert!(text.contains("expected a known option (did you mean `suspension`?)"), "{text}");
    }
}
