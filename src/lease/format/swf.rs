//! SWF: the standard workload format of batch systems, a line of 18 numbers per job.
//!
//! ```text
//! field  1 number   2 submit s   4 run time s   5 allocated   8 requested processors
//!        9 requested time s     12 user         -1: unknown
//! ```
//!
//! A job becomes a best-effort lease: one VM per processor, duration = requested time, real
//! duration = run time if that is shorter (so a longer run is cut). A run time of 0, or an unknown
//! one of a job whose request is known, counts as 1 s.
//! Where requested processors or time are unknown, the allocated processors and the run time
//! stand in. Jobs of which neither is known are left out and counted.
//!
//! Source: Chapin et al., JSSPP 1999 (the format); Haizea 1.1, `swf2lwf` (the conversion).

use std::io::BufRead;

use super::error::{Error, unless, unreadable};
use crate::model::lease::{
    CPU, LeaseKind, LeaseRequest, MEMORY, NodeSet, RESOURCES, Software, Workload,
};
use crate::problem::Problem;
use crate::time::{Instant, Span};

/// What a processor becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SwfRules {
    /// CPU of a VM, hundredths of a core.
    pub cpu: i64,
    /// Memory of a VM, MB.
    pub memory: i64,
    /// Jobs that are read at most.
    pub jobs: usize,
}

impl Default for SwfRules {
    /// Whole hosts as Haizea's reference site has them: one core, 1024 MB.
    fn default() -> Self {
        Self { cpu: 100, memory: 1024, jobs: usize::MAX }
    }
}

/// What the comments at the head of the file say of the site.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SwfSite {
    /// Processors (`MaxProcs`).
    pub processors: Option<usize>,
    /// Nodes (`MaxNodes`).
    pub nodes: Option<usize>,
    /// Jobs that were left out.
    pub left_out: usize,
}

/// Reads a workload in SWF, and what its head says of the site.
///
/// # Errors
///
/// All problems of the file.
pub fn read_swf(
    source: &str,
    input: impl BufRead,
    rules: SwfRules,
) -> Result<(Workload, SwfSite), Error> {
    let mut workload = Workload { name: source.to_owned(), ..Workload::default() };
    let mut site = SwfSite::default();
    let mut problems = Vec::new();
    for (at, line) in input.lines().enumerate() {
        let line = line.map_err(|cause| unreadable(source, &cause))?;
        let text = line.trim();
        if let Some(comment) = text.strip_prefix(';') {
            note(&mut site, comment);
            continue;
        }
        if text.is_empty() {
            continue;
        }
        if workload.leases.len() >= rules.jobs {
            break;
        }
        match job(text, rules) {
            Ok(Some(lease)) => workload.leases.push(lease),
            Ok(None) => site.left_out += 1,
            Err(what) => {
                let remedy = "Write the 18 fields of the standard workload format";
                let place = format!("{source}:{}", at + 1);
                problems.push(Problem::new("GLN-143", place, what, remedy));
            }
        }
    }
    workload.leases.sort_by_key(|lease| lease.arrival);
    unless(problems, (workload, site))
}

/// Reads `; Key: value` of the head.
fn note(site: &mut SwfSite, comment: &str) {
    let Some((key, value)) = comment.split_once(':') else { return };
    let number = value.split_whitespace().next().and_then(|word| word.parse().ok());
    match key.trim() {
        "MaxProcs" => site.processors = number,
        "MaxNodes" => site.nodes = number,
        _ => {}
    }
}

fn job(text: &str, rules: SwfRules) -> Result<Option<LeaseRequest>, String> {
    let mut fields = [0.0; 18];
    let mut found = 0;
    for (field, word) in fields.iter_mut().zip(text.split_whitespace()) {
        found += 1;
        let number = word.parse::<f64>().ok().filter(|number| number.abs() < 1e12);
        *field = number.ok_or_else(|| format!("field {found} is `{word}`, expected a number"))?;
    }
    if found < fields.len() {
        return Err(format!("{found} fields, expected {}", fields.len()));
    }
    let [number, submit, _, run, allocated, _, _, processors, requested, ..] = fields;
    if submit < 0.0 || number < 0.0 {
        return Err("number or time of submission is negative".to_owned());
    }
    let count = if processors > 0.0 { processors } else { allocated };
    // As in the published conversion a run time below a second, or unknown, counts as a second.
    let known = run > 0.0 || requested > 0.0 || run == 0.0;
    let run = run.max(1.0);
    let duration = if requested > 0.0 { requested } else { run };
    if count < 1.0 || !known {
        return Ok(None);
    }
    let real = Some(run).filter(|&run| run < duration);
    let mut need = [0; RESOURCES];
    (need[CPU], need[MEMORY]) = (rules.cpu, rules.memory);
    Ok(Some(LeaseRequest {
        number: number as u64,
        arrival: Instant::from_seconds(submit),
        kind: LeaseKind::BestEffort,
        nodes: vec![NodeSet::new(count.min(1e6) as u32, need)],
        duration: Span::from_seconds(duration),
        real_duration: real.map(Span::from_seconds),
        preemptible: true,
        software: Software::None,
        user: (fields[11] >= 0.0).then_some(fields[11] as u64),
        promised_percent: LeaseRequest::WHOLE,
        extras: Vec::new(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_requests_are_replaced_by_what_was_used() {
        let head = "; MaxProcs: 64\n; MaxNodes: 8 (of 8)\n";
        let jobs = "1 5 0 100 4 -1 -1 2 60 -1 1 7 -1 -1 3 -1 -1 -1\n\
                    2 6 0 0 4 -1 -1 -1 -1 -1 1 -1 -1 -1 3 -1 -1 -1\n\
                    3 7 0 -1 -1 -1 -1 -1 -1 -1 1 7 -1 -1 3 -1 -1 -1\n\
                    4 8 0 30 1 -1 -1 1 60 -1 1 7 -1 -1 3 -1 -1 -1\n";
        let text = format!("{head}{jobs}");
        let (workload, site) =
            read_swf("f", text.as_bytes(), SwfRules::default()).expect("it is in order");
        assert_eq!((site.processors, site.nodes, site.left_out), (Some(64), Some(8), 1));
        let figures: Vec<_> = workload
            .leases
            .iter()
            .map(|l| (l.vms(), l.duration.seconds(), l.real_duration.map(Span::seconds), l.user))
            .collect();
        let expected =
            [(2, 60.0, None, Some(7)), (4, 1.0, None, None), (1, 60.0, Some(30.0), Some(7))];
        assert_eq!(figures, expected);
        let wrong = read_swf("f", "1 2\n".as_bytes(), SwfRules::default());
        assert!(wrong.expect_err("too short").to_string().contains("f:1: 2 fields, expected 18"));
    }
}
