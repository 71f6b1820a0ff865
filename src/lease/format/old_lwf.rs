//! The old form of LWF: a line of ten columns per lease.
//!
//! ```text
//! submit start requested-duration real-duration nodes cpus memory disk image-id image-size
//! ```
//!
//! Times in seconds, start -1 for best effort; cpus 1 for a whole core, memory, disk and image size
//! in MB. The disk column, always 0 in known files, is read as what each VM needs of disk. Lines
//! that are empty or begin with `#` are skipped.
//!
//! Source: the injected reservations published with Haizea (`traces/inj`).

use std::io::BufRead;

use super::error::{Error, unless, unreadable};
use crate::model::lease::{
    CPU, DISK, LeaseKind, LeaseRequest, MEMORY, NodeSet, RESOURCES, Software, Workload,
};
use crate::problem::Problem;
use crate::time::{Instant, Span};

/// Hundredths of a core in a core.
const CORE: f64 = 100.0;
const COLUMNS: usize = 10;

/// Reads a workload in old LWF; leases are numbered by line from 1.
///
/// # Errors
///
/// All problems of the file.
pub fn read_old_lwf(source: &str, input: impl BufRead) -> Result<Workload, Error> {
    let mut workload = Workload { name: source.to_owned(), ..Workload::default() };
    let mut problems = Vec::new();
    for (at, line) in input.lines().enumerate() {
        let line = line.map_err(|cause| unreadable(source, &cause))?;
        let text = line.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        match lease(text, workload.leases.len() as u64 + 1, &mut workload) {
            Ok(lease) => workload.leases.push(lease),
            Err(what) => {
                let remedy = "Write the ten columns that docs/leases.md lists";
                let place = format!("{source}:{}", at + 1);
                problems.push(Problem::new("GLN-143", place, what, remedy));
            }
        }
    }
    workload.leases.sort_by_key(|lease| lease.arrival);
    unless(problems, workload)
}

fn lease(text: &str, number: u64, workload: &mut Workload) -> Result<LeaseRequest, String> {
    let columns: Vec<&str> = text.split_whitespace().collect();
    if columns.len() != COLUMNS {
        return Err(format!("{} columns, expected {COLUMNS}", columns.len()));
    }
    let value = |column: usize, least: f64| -> Result<f64, String> {
        let value = columns[column].parse::<f64>().ok().filter(|value| value.is_finite());
        let value = value.filter(|&value| (least..1e12).contains(&value));
        value.ok_or_else(|| {
            format!("column {} is `{}`, expected at least {least}", column + 1, columns[column])
        })
    };
    let arrival = Instant::from_seconds(value(0, 0.0)?);
    let start = value(1, -1.0)?;
    let kind = if start < 0.0 {
        LeaseKind::BestEffort
    } else {
        LeaseKind::AdvanceReservation { start: Instant::from_seconds(start) }
    };
    let duration = Span::from_seconds(value(2, 1.0)?);
    let real = Span::from_seconds(value(3, 0.0)?);
    let mut need = [0; RESOURCES];
    need[CPU] = (value(5, 0.0)? * CORE).round() as i64;
    need[MEMORY] = value(6, 0.0)? as i64;
    need[DISK] = value(7, 0.0)? as i64;
    let count = value(4, 1.0)?.min(1e6) as u32;
    let image = columns[8].trim_matches(['\'', '"']);
    let size = value(9, 0.0)? as i64;
    let software = if size > 0 && !image.starts_with("NONE") && image != "none" {
        Software::Image { image: workload.image(image), size }
    } else {
        Software::None
    };
    Ok(LeaseRequest {
        number,
        arrival,
        kind,
        nodes: vec![NodeSet::new(count, need)],
        duration,
        real_duration: Some(real).filter(|&real| real < duration),
        preemptible: kind == LeaseKind::BestEffort,
        software,
        user: None,
        promised_percent: LeaseRequest::WHOLE,
        extras: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_lease_and_wrong_lines_are_all_named() {
        let text =
            "0 86400 7413 7413 35 1 1024 0 'NONE.img' 600\n# x\n5 -1 60 50 2 0.5 512 0 a 9\n";
        let workload = read_old_lwf("f", text.as_bytes()).expect("it is in order");
        let [reservation, waiting] = &workload.leases[..] else { panic!("two leases") };
        assert!(reservation.is_reservation() && waiting.is_best_effort());
        assert_eq!((reservation.vms(), reservation.real_duration), (35, None));
        assert_eq!(waiting.nodes[0].need[CPU], 50);
        assert_eq!(waiting.real_duration, Some(Span::from_seconds(50.0)));
        assert_eq!(workload.images, ["a"]);
        let wrong = read_old_lwf("f", "1 2 3\n-4 -1 60 50 2 1 512 0 a 9\n".as_bytes());
        let text = wrong.expect_err("both lines are wrong").to_string();
        assert!(text.contains("f:1: 3 columns, expected 10"), "{text}");
        assert!(text.contains("f:2: column 1 is `-4`"), "{text}");
    }
}
