//! Are all forms of a trace the same trace, and does every wrong one say what is wrong with it?

mod shared;

use std::fs;
use std::path::{Path, PathBuf};

use galerna::trace::{self, Error, Selection, days, read, write_archive};

fn any() -> Selection {
    Selection::default()
}

fn of_day(day: &str) -> Selection {
    Selection { day: Some(day.into()), ..any() }
}

fn vm(value: &str, lines: usize) -> String {
    format!("{value}\n").repeat(lines)
}

/// The text of the error that reading `path` ends in.
fn told(path: &Path, selection: &Selection) -> String {
    read(path, selection).expect_err("this is no trace").to_string()
}

fn holds(text: &str, pieces: &[&str]) {
    for piece in pieces {
        assert!(text.contains(piece), "no `{piece}` in:\n{text}");
    }
}

mod folders {
    use super::*;

    #[test]
    fn every_problem_of_every_file_is_told_at_once() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("a_short", vm("5", 287)),
            ("b_long", vm("5", 289)),
            ("c_letter", vm("5", 11) + "x\n" + &vm("5", 276)),
            ("d_negative", "-3\n".to_owned() + &vm("5", 287)),
            ("e_above", vm("5", 287) + "101"),
            ("f_empty", String::new()),
            ("g_right", vm("5", 288)),
        ] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        fs::write(folder.path().join("h_bytes"), [b"\xff\xfe\n", vm("5", 287).as_bytes()].concat())
            .unwrap();
        let error: Error = read(folder.path(), &any()).unwrap_err();
        assert_eq!(error.problems.len(), 7);
        let leave = "leave it out of the folder.";
        let correct = "Correct the line or leave the file out of the folder.";
        let expected = "expected a whole number 0 to 100 (per cent)";
        holds(&error.to_string(), &["GLN-102", "GLN-101", "GLN-103", leave, correct, expected]);
        for (problem, tail, what) in [
            (0, "a_short:288", "found 287 lines, expected 288 (a day of 5-minute samples)"),
            (1, "b_long:289", "found 289 lines, expected 288 (a day of 5-minute samples)"),
            (2, "c_letter:12", "found `x`, expected a whole number 0 to 100 (per cent)"),
            (3, "d_negative:1", "found `-3`, expected a whole number 0 to 100 (per cent)"),
            (4, "e_above:288", "found `101`, expected a whole number 0 to 100 (per cent)"),
            (5, "f_empty:1", "found an empty file, expected 288 (a day of 5-minute samples)"),
            (6, "h_bytes:1", "found bytes that are not UTF-8 text, expected a whole number"),
        ] {
            let problem = &error.problems[problem];
            assert!(problem.place.ends_with(tail), "{problem}");
            assert!(problem.what.starts_with(what), "{problem}");
        }
    }

    #[test]
    fn an_empty_folder_is_told() {
        let folder = tempfile::tempdir().unwrap();
        holds(&told(folder.path(), &any()), &["GLN-105", "found no VM files", "one file per VM"]);
    }

    #[test]
    fn days_are_listed_chosen_and_suggested() {
        let folder = tempfile::tempdir().unwrap();
        for (day, value) in [("20110306", "2"), ("20110303", "1")] {
            fs::create_dir(folder.path().join(day)).unwrap();
            fs::write(folder.path().join(day).join("vm"), vm(value, 288)).unwrap();
        }
        let path = folder.path();
        assert_eq!(days(path).unwrap(), ["20110303", "20110306"]);
        assert_eq!(read(path, &of_day("20110306")).unwrap().fraction(0, 0), 0.02);
        holds(&told(path, &any()), &["GLN-107", "found 2 days", "20110303, 20110306", "`day`"]);
        let wrong = told(path, &of_day("20110305"));
        holds(&wrong, &["GLN-108", "`20110305` (did you mean `2011030", "20110303, 20110306"]);
    }

    #[test]
    fn folders_within_days_and_files_beside_days_are_told() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("day/deeper")).unwrap();
        let path = folder.path();
        holds(&told(path, &any()), &["GLN-114", "day/deeper", "a folder inside a day folder"]);
        fs::write(path.join("stray"), "").unwrap();
        holds(&told(path, &any()), &["GLN-114", "stray", "beside day folder `day`"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_dangling_link_is_told() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("nowhere", folder.path().join("vm")).unwrap();
        holds(&told(folder.path(), &any()), &["GLN-104", "vm", "cannot be read", "Check that"]);
    }
}

mod archives {
    use super::*;

    /// A tar archive of `entries`: raw name, kind, content.
    fn tar_of(entries: &[(&str, tar::EntryType, &[u8])]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, kind, content) in entries {
            let mut header = tar::Header::new_ustar();
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(*kind);
            header.set_mode(0o644);
            header.set_size(content.len() as u64);
            header.set_cksum();
            tar.append(&header, *content).unwrap();
        }
        tar.into_inner().unwrap()
    }

    fn told_of(entries: &[(&str, tar::EntryType, &[u8])]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar");
        fs::write(&path, tar_of(entries)).unwrap();
        told(&path, &any())
    }

    const FILE: tar::EntryType = tar::EntryType::Regular;

    #[test]
    fn names_that_lead_out_of_the_archive_are_refused() {
        let text = vm("5", 288);
        for name in ["/etc/passwd", "../vm", "day/../../vm"] {
            let told = told_of(&[(name, FILE, text.as_bytes())]);
            holds(&told, &["GLN-111", name, "leads out of the archive", "Do not trust"]);
        }
    }

    #[test]
    fn links_duplicates_depth_and_size_are_refused_together() {
        let text = vm("5", 288);
        let huge = vec![b'1'; 1 << 20];
        let told = told_of(&[
            ("day/link", tar::EntryType::Symlink, b""),
            ("day/vm", FILE, text.as_bytes()),
            ("./day/vm", FILE, text.as_bytes()),
            ("a/b/c", FILE, text.as_bytes()),
            ("day/huge", FILE, &huge),
        ]);
        holds(&told, &["GLN-112", "day/link: found a link or a special file"]);
        holds(&told, &["GLN-113", "day/vm: the VM file is in the archive twice"]);
        holds(&told, &["GLN-114", "a/b/c: the file lies 3 folders deep, expected at most 1"]);
        holds(&told, &["GLN-115", "day/huge: the file has 1048576 bytes, expected at most 65536"]);
    }

    #[test]
    fn hidden_files_headers_and_dot_prefixes_do_not_matter() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar");
        let text = vm("5", 288);
        let entries = [
            ("pax_global_header", tar::EntryType::XGlobalHeader, &b"11 comment=\n"[..]),
            ("./day/", tar::EntryType::Directory, b""),
            ("./day/.DS_Store", FILE, b"\0\xff"),
            ("./day/vm", FILE, text.as_bytes()),
        ];
        fs::write(&path, tar_of(&entries)).unwrap();
        let trace = read(&path, &any()).unwrap();
        assert_eq!((trace.vms(), trace.name(0)), (1, "vm"));
    }

    #[test]
    fn a_wrong_line_is_told_with_archive_entry_and_line() {
        let text = "5\nx\n".to_owned() + &vm("5", 286);
        let told = told_of(&[("day/vm", FILE, text.as_bytes())]);
        holds(&told, &["GLN-101", "a.tar/day/vm:2: found `x`"]);
    }

    #[test]
    fn cut_and_corrupt_archives_are_told_wherever_they_are_cut() {
        let folder = tempfile::tempdir().unwrap();
        let sample = read("sample".as_ref(), &any()).unwrap();
        for ending in ["tar.xz", "tar.gz", "tar"] {
            let path = folder.path().join(format!("a.{ending}"));
            write_archive(&sample, "day", &path).unwrap();
            let bytes = fs::read(&path).unwrap();
            for kept in [0, 1, 512, bytes.len() / 2, bytes.len() - 700] {
                fs::write(&path, &bytes[..kept]).unwrap();
                holds(&told(&path, &any()), &["GLN-110", "damaged or cut short", "Fetch"]);
            }
            fs::write(&path, b"this is no archive at all").unwrap();
            holds(&told(&path, &any()), &["GLN-110"]);
        }
    }

    #[test]
    fn a_decompression_bomb_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bomb.tar.gz");
        let file = fs::File::create(&path).unwrap();
        let mut packer = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        let zeros = vec![0u8; 1 << 20];
        for _ in 0..257 {
            std::io::Write::write_all(&mut packer, &zeros).unwrap();
        }
        packer.finish().unwrap();
        holds(&told(&path, &any()), &["GLN-115", "unpacks to more than 256 MiB"]);
    }
}

#[cfg(feature = "frames")]
mod tables {
    use super::*;
    use galerna::trace::{Order, Values};
    use polars::prelude::*;

    fn written(folder: &Path, mut frame: DataFrame) -> PathBuf {
        let path = folder.join("t.parquet");
        ParquetWriter::new(fs::File::create(&path).unwrap()).finish(&mut frame).unwrap();
        path
    }

    fn frame() -> DataFrame {
        df!(
            "vm" => ["b", "b", "a", "a"],
            "step" => [0u16, 1, 0, 1],
            "cpu_pct" => [1u8, 2, 3, 100],
        )
        .unwrap()
    }

    fn told_of(frame: DataFrame) -> String {
        let folder = tempfile::tempdir().unwrap();
        told(&written(folder.path(), frame), &any())
    }

    #[test]
    fn rows_are_ordered_by_name_or_as_listed() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path(), frame());
        let trace = read(&path, &any()).unwrap();
        assert_eq!(trace.values(), &Values::Percent(vec![3, 100, 1, 2]));
        let listed = read(&path, &Selection { order: Order::Listed, ..any() }).unwrap();
        assert_eq!((listed.name(0), listed.values()), ("b", &Values::Percent(vec![1, 2, 3, 100])));
        holds(&told(&path, &of_day("x")), &["GLN-108", "does not tell days apart", "`day` out"]);
    }

    #[test]
    fn days_that_lie_apart_and_fractions_and_integer_names_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let frame = df!(
            "day" => [1i32, 2, 1, 2],
            "vm" => [7i64, 7, 7, 7],
            "step" => [1i32, 0, 0, 1],
            "cpu" => [0.25f64, 0.5, 0.0, 1.0],
        )
        .unwrap();
        let path = written(folder.path(), frame);
        assert_eq!(days(&path).unwrap(), ["1", "2"]);
        let trace = read(&path, &of_day("1")).unwrap();
        assert_eq!((trace.name(0), trace.values()), ("7", &Values::Fraction(vec![0.0, 0.25])));
        holds(&told(&path, &any()), &["GLN-107", "found 2 days", "1, 2"]);
    }

    #[test]
    fn missing_columns_are_told_with_those_found() {
        let frame = df!("name" => ["a"], "step" => [0u16]).unwrap();
        let told = told_of(frame);
        holds(&told, &["GLN-120", "column `vm` is missing, found: name, step"]);
        holds(&told, &["column `cpu_pct` or `cpu` is missing", "Name the columns"]);
    }

    #[test]
    fn nulls_types_values_and_steps_are_told() {
        let with = |column: &str, values: Column| {
            let mut frame = frame();
            frame.replace(column, values).unwrap();
            told_of(frame)
        };
        let nulls = Column::new("step".into(), [Some(0u16), None, Some(0), Some(1)]);
        holds(&with("step", nulls), &["GLN-122", "column `step`, row 1", "no value (1 in all)"]);
        let text = Column::new("step".into(), ["0", "1", "0", "1"]);
        holds(&with("step", text), &["GLN-121", "column `step`", "expected an integer"]);
        let high = Column::new("cpu_pct".into(), [1u8, 2, 101, 4]);
        holds(&with("cpu_pct", high), &["GLN-101", "VM `a`, step 0: found 101, expected 0 to 100"]);
        let twice = Column::new("step".into(), [0u16, 1, 1, 1]);
        let told = with("step", twice);
        holds(&told, &["GLN-123", "VM `a`, step 1: the step is there more than once"]);
        holds(&told, &["VM `a`, step 0: the step is missing (1 in all)"]);
    }

    #[test]
    fn a_damaged_file_is_told_and_does_not_panic() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path(), frame());
        let bytes = fs::read(&path).unwrap();
        for kept in [0, 3, 20, bytes.len() - 1] {
            fs::write(&path, &bytes[..kept]).unwrap();
            holds(&told(&path, &any()), &["GLN-110", "Parquet file is damaged", "fetch"]);
        }
    }
}

mod published_days {
    use super::*;

    const MEANS: [(&str, usize, f64); 6] = [
        ("20110303", 1052, 12.31),
        ("20110306", 898, 11.44),
        ("20110309", 1061, 10.70),
        ("20110322", 1516, 9.26),
        ("20110325", 1078, 10.56),
        ("20110403", 1463, 12.39),
    ];

    #[test]
    fn the_archive_has_the_published_sizes_means_and_noise() {
        let Some(path) = shared::file("traces/planetlab/planetlab_original_layout.tar.xz") else {
            return;
        };
        assert_eq!(days(&path).unwrap(), MEANS.map(|(day, ..)| day));
        for (day, vms, mean) in MEANS {
            let info = trace::info(&read(&path, &of_day(day)).unwrap());
            assert_eq!((info.vms, info.samples_per_vm, info.out_of_range), (vms, 288, 0));
            assert!((info.mean_percent.unwrap() - mean).abs() < 0.005, "{day}:\n{info}");
            let difference = info.difference_autocorrelation_lag_1.unwrap();
            assert!((difference + 0.49).abs() < 0.03, "{day}:\n{info}");
            let lags = [
                (info.autocorrelation_lag_1, 0.05),
                (info.autocorrelation_lag_6, 0.03),
                (info.autocorrelation_lag_12, 0.05),
            ];
            for (found, stated) in lags {
                assert!((found.unwrap() - stated).abs() < 0.05, "{day}:\n{info}");
            }
        }
    }

    /// The published count is 532: the reference repeats the last sample after the day's end, so
    /// that it also counts the one VM whose only such pair is sample 287 and its copy.
    #[test]
    fn on_the_first_day_531_vms_have_two_zeros_in_a_row_half_of_them_by_step_10() {
        let Some(path) = shared::file("traces/planetlab/planetlab_original_layout.tar.xz") else {
            return;
        };
        let info = trace::info(&read(&path, &of_day("20110303")).unwrap());
        assert_eq!((info.vms_with_zero_runs, info.median_first_zero_run), (531, Some(10.0)));
    }

    #[cfg(feature = "frames")]
    #[test]
    fn archive_and_table_are_the_same_trace() {
        let Some(archive) = shared::file("traces/planetlab/planetlab_original_layout.tar.xz")
        else {
            return;
        };
        let Some(table) = shared::file("traces/planetlab/planetlab_long.parquet") else { return };
        assert_eq!(days(&archive).unwrap(), days(&table).unwrap());
        for (day, ..) in MEANS {
            let read = |path| read(path, &of_day(day)).unwrap();
            assert_eq!(read(&archive), read(&table), "{day}");
        }
    }
}
