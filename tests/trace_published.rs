//! Do the readers find in the real traces what the READMEs beside them say?
//!
//! The data are never part of the project: they are found by `GALERNA_SHARED` (default
//! `../shared`), and these tests say so and stop where they are not there.
#![cfg(feature = "frames")]

mod shared;

use galerna::trace::{
    Defect, Excess, Finding, Gaps, Offset, Order, Resource, Resources, Selection, TraceInfo, Unit,
    UtilisationTrace, info, read, write_parquet,
};

fn published() -> Selection {
    Selection::default().published()
}

fn of_day(day: &str) -> Selection {
    Selection { day: Some(day.into()), ..Selection::default() }
}

fn count(trace: &UtilisationTrace, defect: Defect) -> u64 {
    let of = |f: &&Finding| f.defect == defect;
    trace.defects().iter().find(of).map_or(0, |finding| finding.count)
}

/// Samples that have a value.
fn valued(info: &TraceInfo) -> usize {
    info.samples - info.gaps
}

fn close(found: Option<f64>, expected: f64, tolerance: f64) {
    let found = found.expect("there is one");
    assert!((found - expected).abs() <= tolerance, "{found}, expected {expected}");
}

mod bitbrains {
    use super::*;

    const CSV: &str = "traces/bitbrains-rnd/original_layout_2013-8_10vms.tar.xz";
    const MONTHS: &str = "traces/bitbrains-rnd/cpu_mem_2013-07_08.parquet";
    const WEEK: &str = "traces/bitbrains-rnd/all_metrics_2013-08_first_week.parquet";

    /// The README: 500 VMs, a grid of 8,640 slots, July with a hole of 396 slots and 13 % missing,
    /// 9 values of memory saturated and 337 above capacity in both months together. Rows (3,745,008
    /// and 4,291,581) and values above 100 % (49,349 and 94,602) as counted in the file.
    #[test]
    fn both_months_have_the_stated_counts() {
        let Some(path) = shared::file(MONTHS) else { return };
        let mut above = 0;
        for (month, rows, excess, mean) in
            [("7", 3_745_008, 49_349, 5.314_086), ("8", 4_291_581, 94_602, 6.973_821)]
        {
            let trace = read(&path, &of_day(month).published()).unwrap();
            let info = info(&trace);
            assert_eq!((info.vms, info.samples_per_vm, info.step_s), (500, 8640, 300.0));
            assert_eq!(valued(&info), rows);
            assert_eq!(info.out_of_range, excess);
            close(info.mean_percent, mean, 1e-5);
            let missing = count(&trace, Defect::Gap) + count(&trace, Defect::OutsideLife);
            assert_eq!(missing as usize, info.gaps);
            if month == "7" {
                close(Some(info.gaps as f64 / info.samples as f64), 0.13, 0.005);
                assert_eq!(empty_slots(&trace), 396);
            }
            above += count(&trace, Defect::ResourceAboveHundred);
            above += count(&trace, Defect::Saturated);
            let sizes = info.sizes.expect("vms.csv is beside it");
            assert_eq!(sizes.vms, 500);
        }
        assert_eq!(above, 337);
    }

    /// Slots in which most VMs have no value.
    fn empty_slots(trace: &UtilisationTrace) -> usize {
        let lacking = |slot: &usize| {
            (0..trace.vms()).filter(|&vm| trace.fraction(vm, *slot).is_nan()).count()
        };
        (0..trace.samples()).filter(|slot| lacking(slot) * 2 > trace.vms()).count()
    }

    /// The csv files and the Parquet form of the same ten VMs: the same values up to the rounding
    /// that the README states (0.1 % of CPU, 0.1 % of the memory's capacity), but for time stamps
    /// halfway between two slots.
    #[test]
    fn the_published_layout_and_the_parquet_form_agree() {
        let (Some(csv), Some(parquet)) = (shared::file(CSV), shared::file(MONTHS)) else { return };
        let csv = read(&csv, &published()).unwrap();
        let table = read(&parquet, &of_day("8").published()).unwrap();
        assert_eq!((csv.vms(), csv.samples()), (10, 8640));
        assert_eq!(valued(&info(&csv)), 86_222, "every row of the ten files has a step");
        assert_eq!(count(&csv, Defect::MislabelledTime), 10);
        for none in [Defect::Merged, Defect::Duplicate, Defect::OutOfOrder, Defect::NoValue] {
            assert_eq!(count(&csv, none), 0, "{none:?}");
        }
        let memory = csv.metric(Resource::Memory).unwrap();
        let permille = table.metric(Resource::Memory).unwrap();
        assert_eq!((memory.unit, permille.unit), (Unit::Kilobytes, Unit::Fraction));
        for vm in 0..csv.vms() {
            let names: Vec<&str> = (0..table.vms()).map(|row| table.name(row)).collect();
            let row = names.iter().position(|name| *name == csv.name(vm)).unwrap();
            let apart = apart(&csv, vm, &table, row);
            assert!(apart <= 66, "VM {}: {apart} slots differ", csv.name(vm));
            let (known, listed) = (csv.sizes().unwrap()[vm], table.sizes().unwrap()[row]);
            assert_eq!(known.cores, listed.cores);
            assert_eq!(known.memory_kb, listed.memory_kb);
            assert_eq!(known.cpu_mhz.map(f64::round), listed.cpu_mhz);
        }
        // One VM whose capacity does not change: usage over capacity is what the table has.
        let (vm, row) = (0, (0..500).find(|&row| table.name(row) == csv.name(0)).unwrap());
        let capacity = csv.sizes().unwrap()[vm].memory_kb.unwrap();
        let differs = |slot: &usize| {
            let exact = memory.values.value(vm * 8640 + slot) / capacity;
            let rounded = permille.values.value(row * 8640 + slot);
            !exact.is_nan() && (rounded.is_nan() || (exact - rounded).abs() >= 0.000_501)
        };
        assert!((0..8640).filter(differs).count() <= 66);
    }

    /// Slots of a VM that differ by more than rounding. Where a time stamp lies halfway between two
    /// slots, the Parquet form rounds it to the even one and the reader to the later one: there an
    /// even slot of the table has what the next one, or both together, have in the csv, and the odd
    /// one has nothing. No other difference is allowed.
    fn apart(csv: &UtilisationTrace, vm: usize, table: &UtilisationTrace, row: usize) -> usize {
        let equal = |a: f64, b: f64| (a.is_nan() && b.is_nan()) || (a - b).abs() < 0.000_501;
        let differs = |slot: &usize| !equal(csv.fraction(vm, *slot), table.fraction(row, *slot));
        let slots: Vec<usize> = (0..8640).filter(differs).collect();
        for &slot in &slots {
            let rounded = table.fraction(row, slot);
            let (own, next) = (csv.fraction(vm, slot), csv.fraction(vm, slot + 1));
            let explained = match slot % 2 {
                0 => equal(rounded, next) || equal(rounded, (own + next) / 2.0),
                _ => rounded.is_nan(),
            };
            assert!(explained, "VM {}, slot {slot}: {own} {rounded}", csv.name(vm));
        }
        slots.len()
    }

    /// The README: 499 VMs, one week, all metrics; 1,001,750 rows as counted in the file.
    #[test]
    fn the_week_has_all_quantities() {
        let Some(path) = shared::file(WEEK) else { return };
        let trace = read(&path, &published()).unwrap();
        let info = info(&trace);
        assert_eq!((info.vms, info.samples_per_vm), (499, 2016));
        assert_eq!(valued(&info), 1_001_750);
        close(info.mean_percent, 5.573_55, 1e-4);
        let names: Vec<&str> = info.resources.iter().map(|r| r.resource.as_str()).collect();
        assert_eq!(names, ["memory", "disk-read", "disk-write", "net-in", "net-out"]);
        close(info.resources[1].greatest, 779_240.0, 0.5);
        close(info.resources[3].mean, 44.398_914, 1e-3);
        assert!(info.resources.iter().all(|r| r.missing == info.gaps));
        assert_eq!(trace.sizes().map(<[_]>::len), Some(499));
    }

    /// What is written is read again: the copy of the raw trace gives the same run input, under
    /// either rule for gaps and excess.
    #[test]
    fn a_copy_is_the_same_trace_under_every_rule() {
        let Some(path) = shared::file(CSV) else { return };
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy.parquet");
        let raw = read(&path, &published()).unwrap();
        write_parquet(&raw, &copy).unwrap();
        assert_eq!(read(&copy, &published()).unwrap(), raw);
        for (gaps, excess) in [(Gaps::Hold, Excess::Clip), (Gaps::Zero, Excess::Keep)] {
            let resources = Resources::EVERY;
            let rule = Selection { gaps, excess, resources, ..Selection::default() };
            let (ours, theirs) = (read(&copy, &rule).unwrap(), read(&path, &rule).unwrap());
            assert_eq!(ours, theirs);
            assert_eq!(ours.blake3(), theirs.blake3());
        }
        let again = folder.path().join("again.parquet");
        write_parquet(&read(&copy, &published()).unwrap(), &again).unwrap();
        assert_eq!(std::fs::read(copy).unwrap(), std::fs::read(again).unwrap());
    }
}

/// The README: 900 VMs in the file-name order of the source, 288 steps, memory above 100 % in
/// places. Means and counts as reckoned from the file. (Its remark that CPU reaches 127.6 % holds
/// of memory: CPU ends at 88.9 %.)
#[test]
fn google_has_the_stated_counts() {
    let Some(path) = shared::file("traces/google-2011-gcd/cpu_mem.parquet") else { return };
    let trace = read(&path, &published()).unwrap();
    let info = info(&trace);
    assert_eq!((info.vms, info.samples_per_vm, info.gaps), (900, 288, 0));
    close(info.mean_percent, 22.586_430, 1e-5);
    close(info.resources[0].mean, 0.199_556_9, 1e-6);
    close(info.resources[0].greatest, 1.276_33, 1e-6);
    assert_eq!(info.out_of_range, 0);
    assert!(count(&trace, Defect::ResourceAboveHundred) > 0);
    // Section 1 of the record, for all 1,600 VMs: 0.76 / 0.56 / 0.50, differences -0.32.
    close(info.autocorrelation_lag_1, 0.76, 0.03);
    close(info.difference_autocorrelation_lag_1, -0.32, 0.03);
}

/// The README: 60 VMs, 5-minute steps, 27.8 days.
#[test]
fn azure_has_the_stated_counts() {
    let Some(path) = shared::file("traces/azure-2017-100/cpu.parquet") else { return };
    let trace = read(&path, &published()).unwrap();
    let info = info(&trace);
    assert_eq!((info.vms, info.samples_per_vm, info.gaps), (60, 8004, 0));
    close(Some(info.span_s / 86_400.0), 27.8, 0.05);
    close(info.mean_percent, 10.250_816, 1e-5);
    assert_eq!(info.resources[0].resource, "cpu-peak");
    close(info.resources[0].mean, 0.197_370, 1e-5);
    // Section 1 of the record, for 100 VMs: mean 10.6 %, lag 1 0.80, differences -0.32.
    close(info.autocorrelation_lag_1, 0.80, 0.03);
    close(info.difference_autocorrelation_lag_1, -0.32, 0.03);
}

/// The README: 16 machines m_1932 to m_1947, the first and last incomplete, 8 days; values of -1
/// and 101 are abnormal. Six and ten of them in the file.
#[test]
fn alibaba_has_the_stated_counts() {
    let Some(path) = shared::file("traces/alibaba-2018-sample/machine_usage.parquet") else {
        return;
    };
    let trace = read(&path, &published()).unwrap();
    let info = info(&trace);
    assert_eq!((trace.name(0), trace.name(15)), ("m_1932", "m_1947"));
    assert_eq!((info.vms, info.samples_per_vm, info.span_s), (16, 2304, 8.0 * 86_400.0));
    assert_eq!(count(&trace, Defect::Marker), 16);
    close(info.mean_percent, 34.8, 0.5);
    // At the source's own resolution every sample has a step of its own.
    let fine = Selection { step_s: Some(10), ..published() };
    let fine = galerna::trace::info(&read(&path, &fine).unwrap());
    assert_eq!(valued(&fine), 100_002);
    close(fine.mean_percent, 34.776_154, 1e-5);
}

#[test]
fn planetlab_is_read_by_its_form_and_by_the_general_one_alike() {
    let Some(path) = shared::file("traces/planetlab/planetlab_long.parquet") else { return };
    let day = read(&path, &of_day("20110303")).unwrap();
    let format = galerna::trace::Format::Long;
    let general = read(&path, &Selection { format, ..of_day("20110303") }).unwrap();
    assert_eq!((general.vms(), general.samples()), (1052, 288));
    for vm in [0, 500, 1051] {
        assert_eq!(day.name(vm), general.name(vm));
        for step in 0..288 {
            assert!((day.fraction(vm, step) - general.fraction(vm, step)).abs() < 1e-7);
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.parquet");
    write_parquet(&day, &copy).unwrap();
    assert_eq!(read(&copy, &Selection::default()).unwrap(), day);
    let listed = Selection { order: Order::Listed, ..Selection::default() };
    assert_eq!(read(&copy, &listed).unwrap(), day, "written in the order of the trace");
    let noon: Offset = "12h".parse().unwrap();
    let half = read(&path, &Selection { from: Some(noon), ..of_day("20110303") }).unwrap();
    assert_eq!((half.samples(), half.fraction(3, 0)), (144, day.fraction(3, 144)));
}
