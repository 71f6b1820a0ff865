//! Do the readers of published csv forms understand what their publishers describe, survive the
//! flaws that are known of them, and tell everything else with file, line and field?
//!
//! The files here are made by hand after the publishers' schemas: `AzurePublicDatasetV1.md` and the
//! repository's analysis notebook (Azure), `cluster-trace-v2018/schema.txt` (Alibaba), the format +
//! schema document of clusterdata-2011-2 (Google), the Grid Workloads Archive's GWA-T-12.

#[path = "trace_forms/given.rs"]
mod given;

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use galerna::trace::{
    ColumnName, Defect, Excess, Format, Gaps, Group, Offset, Order, Resource, Resources, Selection,
    Unit, VmSize, days, read,
};
use given::*;
use tempfile::TempDir;

fn any() -> Selection {
    Selection::default()
}

fn all() -> Selection {
    Selection { resources: Resources::EVERY, ..any() }
}

fn after(text: &str) -> Option<Offset> {
    Some(text.parse().expect("a time"))
}

mod bitbrains {
    use super::*;

    const HEADER: &str = "Timestamp [ms];\tCPU cores;\tCPU capacity provisioned [MHZ];\tCPU usage \
                          [MHZ];\tCPU usage [%];\tMemory capacity provisioned [KB];\tMemory usage \
                          [KB];\tDisk read throughput [KB/s];\tDisk write throughput [KB/s];\t\
                          Network received throughput [KB/s];\tNetwork transmitted throughput \
                          [KB/s]";

    fn line(time: i64, percent: &str, memory: u32) -> String {
        format!(
            "{time};\t2;\t5200.0;\t52.0;\t{percent};\t{memory}.0;\t1000.5;\t0.1;\t9.8;\t4.3;\t0.2\n"
        )
    }

    fn file(lines: &[(i64, &str)]) -> String {
        let lines: String = lines.iter().map(|(t, p)| line(1_375_308_176 + t, p, 4096)).collect();
        format!("{HEADER}\n{lines}")
    }

    /// Every defect that section 1 of the record names, in one month: ms that are seconds, jitter,
    /// a duplicate, disorder, a hole, more than 100 %, NaN, capacity 0, a stray copy.
    #[test]
    fn all_known_defects_are_survived_counted_and_handled_as_stated() {
        let one = file(&[(0, "10"), (301, "20"), (301, "40"), (1199, "50"), (1501, "182.5")]);
        let two = file(&[(300, "1"), (0, "2"), (600, "NaN"), (900, "4"), (1200, "5"), (1500, "6")]);
        let none = format!(
            "{HEADER}\n1375308176;\t0;\t0.0;\t0.0;\t0.0;\t0.0;\t0.0;\t0.0;\t0.0;\t0.0;\t0.0\n"
        );
        let folder = folder(&[
            ("rnd/2013-8/1.csv", &one),
            ("rnd/2013-8/1 (1).csv", &one),
            ("rnd/2013-8/2.csv", &two),
            ("rnd/2013-8/10.csv", &none),
        ]);
        let trace = read(folder.path(), &all()).unwrap();
        let names: Vec<&str> = (0..trace.vms()).map(|vm| trace.name(vm)).collect();
        assert_eq!(names, ["1", "10", "2"]);
        assert_eq!((trace.samples(), trace.step().seconds()), (6, 300.0));
        assert_eq!(row(&trace, 0), [0.1, 0.3, 0.3, 0.3, 0.5, 1.0]);
        assert_eq!(row(&trace, 1), [0.0; 6]);
        assert_eq!(row(&trace, 2), [0.02, 0.01, 0.01, 0.04, 0.05, 0.06]);
        for (defect, expected) in [
            (Defect::MislabelledTime, 4),
            (Defect::StrayCopy, 1),
            (Defect::NoCapacity, 1),
            (Defect::OutOfOrder, 1),
            (Defect::Duplicate, 1),
            (Defect::OffGrid, 4),
            (Defect::NoValue, 1),
            (Defect::AboveHundred, 1),
            (Defect::Gap, 3),
            (Defect::OutsideLife, 5),
        ] {
            assert_eq!(count(&trace, defect), expected, "{defect:?}: {:#?}", trace.defects());
        }
    }

    #[test]
    fn other_quantities_and_sizes_come_in_the_units_of_the_source() {
        let changing = format!("{HEADER}\n{}{}", line(0, "1", 4096), line(300, "2", 8192));
        let folder = folder(&[("7.csv", &changing)]);
        let trace = read(folder.path(), &all()).unwrap();
        let size = VmSize { cores: Some(2.0), cpu_mhz: Some(5200.0), memory_kb: Some(8192.0) };
        assert_eq!(trace.sizes(), Some(&[size][..]));
        assert_eq!(count(&trace, Defect::SizeChange), 1);
        for (resource, unit, value) in [
            (Resource::Memory, Unit::Kilobytes, 1000.5),
            (Resource::DiskRead, Unit::KilobytesPerSecond, 0.1),
            (Resource::DiskWrite, Unit::KilobytesPerSecond, 9.8),
            (Resource::NetIn, Unit::KilobytesPerSecond, 4.3),
            (Resource::NetOut, Unit::KilobytesPerSecond, 0.2),
        ] {
            assert_eq!(trace.metric(resource).unwrap().unit, unit);
            assert_eq!(other(&trace, resource, 0), [value; 2], "{resource}");
        }
        let memory = Resources::Only(vec![Resource::Memory]);
        let some = read(folder.path(), &Selection { resources: memory, ..any() }).unwrap();
        assert_eq!(some.metrics().len(), 1);
        assert!(read(folder.path(), &any()).unwrap().metrics().is_empty());
    }

    #[test]
    fn months_are_days_wherever_their_folders_lie() {
        let month = |value: &str| file(&[(0, value), (300, value)]);
        let folder = folder(&[
            ("rnd/2013-7/1.csv", &month("10")),
            ("rnd/2013-8/1.csv", &month("20")),
            ("README.md", "notes"),
        ]);
        let path = folder.path();
        assert_eq!(days(path).unwrap(), ["2013-7", "2013-8"]);
        let of = |day: &str| Selection { day: Some(day.into()), ..any() };
        assert_eq!(row(&read(path, &of("2013-8")).unwrap(), 0), [0.2, 0.2]);
        assert_eq!(row(&read(&path.join("rnd/2013-7"), &any()).unwrap(), 0), [0.1, 0.1]);
        holds(&told(path, &any())[0], &["GLN-107", "2013-7, 2013-8"]);
        holds(&told(path, &of("2013-9"))[0], &["GLN-108", "did you mean `2013-"]);
    }

    #[test]
    fn archives_hold_the_same_as_folders() {
        let folder = folder(&[]);
        let files: Vec<(String, String)> = (1..=12)
            .flat_map(|vm| {
                let month = |month| (format!("rnd/2013-{month}/{vm}.csv"), month);
                [month(7), month(8)]
            })
            .map(|(name, month)| (name, file(&[(0, "10"), (month * 300, "20")])))
            .collect();
        let mut tar = tar::Builder::new(Vec::new());
        for (name, text) in &files {
            let mut header = tar::Header::new_ustar();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            header.set_cksum();
            tar.append_data(&mut header, name, text.as_bytes()).unwrap();
            let path = folder.path().join("plain").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let packed = folder.path().join("a.tar");
        fs::write(&packed, tar.into_inner().unwrap()).unwrap();
        let august = Selection { day: Some("2013-8".into()), ..all() };
        let trace = read(&packed, &august).unwrap();
        assert_eq!((trace.vms(), trace.samples()), (12, 9));
        assert_eq!(trace, read(&folder.path().join("plain"), &august).unwrap());
        assert_eq!(days(&packed).unwrap(), ["2013-7", "2013-8"]);
        let listed = Selection { order: Order::Listed, ..august };
        assert_eq!(read(&packed, &listed).unwrap().name(1), "2");
    }

    #[test]
    fn wrong_lines_of_all_files_are_told_together() {
        let wrong = file(&[(0, "10"), (300, "much")]);
        let short = format!("{HEADER}\n1375308176;\t2;\t5200.0\n");
        let negative = file(&[(0, "-5")]);
        let folder = folder(&[("1.csv", &wrong), ("2.csv", &short), ("3.csv", &negative)]);
        let told = told(folder.path(), &any());
        assert_eq!(told.len(), 3, "{told:#?}");
        holds(
            &told[0],
            &["GLN-101", "1.csv:3, column `CPU usage [%]`: found `much`, expected a num"],
        );
        holds(&told[1], &["GLN-127", "2.csv:2: found 3 fields, expected 11"]);
        holds(&told[2], &["GLN-101", "3.csv:2, column `CPU usage [%]`: found `-5`"]);
    }

    #[test]
    fn a_step_of_an_hour_is_the_mean_of_its_samples() {
        let lines: Vec<(i64, String)> = (0..24).map(|k| (k * 300, k.to_string())).collect();
        let lines: Vec<(i64, &str)> = lines.iter().map(|(t, v)| (*t, v.as_str())).collect();
        let folder = folder(&[("1.csv", &file(&lines))]);
        let trace = read(folder.path(), &Selection { step_s: Some(3600), ..any() }).unwrap();
        assert_eq!(row(&trace, 0), [0.055, 0.175]);
        assert_eq!(trace.step().seconds(), 3600.0);
    }
}

mod azure {
    use super::*;

    const READINGS: &str = "0,+ZcrOp5/c/f,1.0,30.0,2.5\n0,vm-b,0,0,0\n\
                            300,+ZcrOp5/c/f,1.0,40.0,3.5\n900,+ZcrOp5/c/f,1.0,50.0,101.5\n\
                            300,vm-c,5,20,10\n";

    #[test]
    fn readings_of_several_files_and_the_table_of_vms_are_put_together() {
        let folder = folder(&[
            ("vm_cpu_readings-file-1-of-125.csv.gz", READINGS),
            ("vm_cpu_readings-file-2-of-125.csv.gz", "1200,vm-c,5,20,12\n600,vm-c,5,20,11\n"),
            ("vmtable.csv", "vm-c,s,d,300,1500,20,12,19,Interactive,4,7.0\n"),
        ]);
        let trace = read(folder.path(), &all()).unwrap();
        let names: Vec<&str> = (0..trace.vms()).map(|vm| trace.name(vm)).collect();
        assert_eq!(names, ["+ZcrOp5/c/f", "vm-b", "vm-c"]);
        assert_eq!(row(&trace, 0), [0.025, 0.035, 0.035, 1.0, 0.0]);
        assert_eq!(row(&trace, 2), [0.0, 0.1, 0.11, 0.11, 0.12]);
        assert_eq!(other(&trace, Resource::CpuPeak, 0), [0.3, 0.4, 0.4, 0.5, 0.0]);
        let sizes = trace.sizes().unwrap();
        assert!(sizes[0].is_unknown());
        assert_eq!((sizes[2].cores, sizes[2].memory_kb), (Some(4.0), Some(7.0 * 1_048_576.0)));
        assert_eq!(count(&trace, Defect::OutOfOrder), 1);
        assert_eq!(count(&trace, Defect::AboveHundred), 1);
        assert_eq!(count(&trace, Defect::OutsideLife), 1 + 4 + 1);
    }

    #[test]
    fn a_span_leaves_out_vms_that_are_not_in_it() {
        let folder = folder(&[("readings.csv", READINGS)]);
        let path = folder.path().join("readings.csv");
        let late = Selection { from: after("10m"), to: after("20m"), ..any() };
        let trace = read(&path, &late).unwrap();
        assert_eq!((trace.vms(), trace.samples()), (1, 2));
        assert_eq!(row(&trace, 0), [0.0, 1.0]);
        assert_eq!(count(&trace, Defect::EmptyVm), 1);
    }

    #[test]
    fn wrong_readings_and_tables_are_told() {
        let readings = folder(&[("r.csv", "0,a,1,2,3\nlater,a,1,2,3\n300,a,1,2\n600,a,1,x,-1\n")]);
        let told = told(&readings.path().join("r.csv"), &all());
        holds(&told[0], &["GLN-101", "r.csv:2, column 1: found `later`, expected a time"]);
        holds(&told[1], &["GLN-127", "r.csv:3: found 4 fields, expected 5"]);
        holds(&told[2], &["r.csv:4, column 4: found `x`"]);
        holds(&told[3], &["r.csv:4, column 5: found `-1`"]);
        let table =
            folder(&[("r.csv", READINGS), ("vmtable.csv", "a,b,c\nvm,s,d,0,1,2,3,4,5,x,y\n")]);
        let told = super::told(&table.path().join("r.csv"), &any());
        holds(&told[0], &["GLN-127", "vmtable.csv:1: found 3 fields, expected 11"]);
        holds(&told[1], &["GLN-101", "vmtable.csv:2", "found no number"]);
    }
}

mod alibaba {
    use super::*;

    /// Step 0 of a: 20 and 40 make 30; step 1: a failed measurement; step 2: nothing; step 3: 50.
    const USAGE: &str = "m_1,0,20,90,,,40.0,30.0,5\nm_1,150,40,92,,,42.0,30.0,101\n\
                         m_1,300,-1,93,,,43.0,33.0,-1\nm_1,910,50,94,1.5,2,44.0,34.0,7\n\
                         m_2,10,100,101,,,1.0,2.0,3\n";

    #[test]
    fn irregular_samples_become_means_of_steps_and_markers_become_gaps() {
        let folder = folder(&[("machine_usage.csv", USAGE)]);
        let trace = read(&folder.path().join("machine_usage.csv"), &all()).unwrap();
        assert_eq!((trace.vms(), trace.samples(), trace.step().seconds()), (2, 4, 300.0));
        assert_eq!(row(&trace, 0), [0.3, 0.3, 0.3, 0.5]);
        assert_eq!(other(&trace, Resource::Memory, 0), [0.91, 0.93, 0.93, 0.94]);
        assert_eq!(other(&trace, Resource::NetIn, 0), [0.41, 0.43, 0.43, 0.44]);
        assert_eq!(other(&trace, Resource::DiskIo, 0), [0.05, 0.05, 0.05, 0.07]);
        assert_eq!(row(&trace, 1), [1.0, 0.0, 0.0, 0.0]);
        assert_eq!(other(&trace, Resource::Memory, 1)[0], 0.0);
        assert_eq!(count(&trace, Defect::Marker), 4);
        assert_eq!(count(&trace, Defect::Gap), 2);
        assert_eq!(count(&trace, Defect::OffGrid), 0, "resampling moves nothing");
    }

    #[test]
    fn an_archive_a_header_and_another_step_are_read() {
        let folder = folder(&[]);
        let mut tar = tar::Builder::new(Vec::new());
        let named = "machine_id,time_stamp,cpu_util_percent,mem_util_percent,mem_gps,mkpi,net_in,\
                     net_out,disk_io_percent\n";
        let text = format!("{named}{USAGE}");
        let mut header = tar::Header::new_ustar();
        header.set_size(text.len() as u64);
        header.set_cksum();
        tar.append_data(&mut header, "machine_usage.csv", text.as_bytes()).unwrap();
        let path = folder.path().join("machine_usage.tar.gz");
        let mut packer = GzEncoder::new(fs::File::create(&path).unwrap(), Compression::fast());
        packer.write_all(&tar.into_inner().unwrap()).unwrap();
        packer.finish().unwrap();
        let trace = read(&path, &Selection { step_s: Some(150), ..any() }).unwrap();
        assert_eq!(row(&trace, 0), [0.2, 0.4, 0.4, 0.4, 0.4, 0.4, 0.5]);
        let gapless = Selection { gaps: Gaps::LeaveOut, ..any() };
        holds(&told(&path, &gapless)[0], &["GLN-105", "every VM has a gap"]);
    }
}

mod google {
    use super::*;

    /// begin s, end s, job, task, machine, CPU, memory, max CPU.
    fn row_of(b: u64, e: u64, job: u32, task: u32, m: u32, cpu: &str, memory: &str) -> String {
        format!(
            "{}000000,{}000000,{job},{task},{m},{cpu},{memory},0.07,0.001,0.001,0.06,0.25,0.0001,\
             0.5,0.0003,2.4,0.007,0,1,0\n",
            b, e
        )
    }

    fn usage() -> String {
        [
            row_of(600, 900, 1, 0, 10, "0.1", "0.2"),
            row_of(600, 900, 1, 1, 11, "0.3", "0.1"),
            // Half of the first step and a third of the second: 150 and 100 of 300 s.
            row_of(750, 1000, 2, 0, 10, "0.6", ""),
            row_of(1200, 1500, 1, 0, 10, "1.4", "0.2"),
            row_of(900, 1200, 3, 0, 11, "", "0.2"),
        ]
        .concat()
    }

    #[test]
    fn tasks_are_summed_by_job_over_the_time_that_they_cover() {
        let folder = folder(&[("part-00000-of-00500.csv.gz", &usage())]);
        let trace = read(folder.path(), &all()).unwrap();
        assert_eq!((trace.vms(), trace.samples()), (2, 3));
        assert_eq!(row(&trace, 0), [0.4, 0.4, 1.0]);
        assert_eq!(row(&trace, 1), [0.3, 0.2, 0.0]);
        assert_eq!(other(&trace, Resource::Memory, 0), [0.3, 0.3, 0.2]);
        assert_eq!(other(&trace, Resource::CpuPeak, 0), [1.0, 1.0, 0.5]);
        assert_eq!(other(&trace, Resource::DiskIo, 1), [0.125, 0.083333, 0.0]);
        assert_eq!(count(&trace, Defect::AboveHundred), 1);
        let kept = Selection { excess: Excess::Keep, ..any() };
        assert_eq!(row(&read(folder.path(), &kept).unwrap(), 0)[2], 1.4);
    }

    #[test]
    fn groups_may_be_tasks_or_machines_and_files_add_up() {
        let folder =
            folder(&[("part-00000-of-00500.csv", &usage()), ("part-00001-of-00500.csv", &usage())]);
        let of = |group| {
            let excess = Excess::Keep;
            read(folder.path(), &Selection { group, excess, ..any() }).unwrap()
        };
        let tasks = of(Group::Task);
        assert_eq!((tasks.vms(), tasks.name(0), row(&tasks, 1)[0]), (3, "1-0", 0.6));
        let machines = of(Group::Machine);
        assert_eq!((machines.vms(), machines.name(0)), (2, "10"));
        assert_eq!(row(&machines, 0), [0.8, 0.4, 2.8]);
    }

    #[test]
    fn wrong_rows_are_told() {
        let text = usage()
            + "1,2,3\n"
            + &row_of(900, 600, 1, 0, 10, "0.1", "0.2")
            + &row_of(600, 900, 1, 0, 10, "-0.1", "0.2");
        let folder = folder(&[("u.csv", &text)]);
        let told = told(&folder.path().join("u.csv"), &any());
        holds(&told[0], &["GLN-127", "u.csv:6: found 3 fields, expected 20"]);
        holds(&told[1], &["GLN-101", "u.csv:7, begin and end: found a measurement from 900000000"]);
        holds(&told[2], &["GLN-101", "u.csv:8, CPU rate: found `-0.1`"]);
    }
}

mod tables_of_ones_own {
    use super::*;

    fn named(pairs: &[(&str, &str)]) -> Selection {
        let columns = pairs.iter().map(|(role, name)| {
            let name = name
                .parse()
                .map_or_else(|_| ColumnName::Name((*name).into()), ColumnName::Position);
            ((*role).to_owned(), name)
        });
        Selection { columns: columns.collect(), ..all() }
    }

    fn file(text: &str) -> (TempDir, PathBuf) {
        let folder = folder(&[("load.csv", text)]);
        let path = folder.path().join("load.csv");
        (folder, path)
    }

    #[test]
    fn plain_names_need_no_map() {
        let (_folder, path) =
            file("day,vm,step,cpu_pct,memory_kb\n1,a,0,10,5\n2,a,0,20,6\n2,a,1,30,7\n");
        let second = Selection { day: Some("2".into()), ..all() };
        let trace = read(&path, &second).unwrap();
        assert_eq!(row(&trace, 0), [0.2, 0.3]);
        assert_eq!(other(&trace, Resource::Memory, 0), [6.0, 7.0]);
        holds(&told(&path, &any())[0], &["GLN-107", "found 2 days", "1, 2"]);
        holds(&told(&path, &Selection { day: Some("3".into()), ..any() })[0], &["GLN-108"]);
    }

    #[test]
    fn a_map_names_columns_or_numbers_them() {
        let (_folder, path) = file("host|ms|load\nx|0|0.5\nx|60000|0.25\n");
        let map = [("vm", "host"), ("time-ms", "ms"), ("cpu-fraction", "load")];
        let minute = Selection { step_s: Some(60), ..named(&map) };
        assert_eq!(row(&read(&path, &minute).unwrap(), 0), [0.5, 0.25]);
        let numbers = [("vm", "1"), ("time-ms", "2"), ("cpu-fraction", "3")];
        let minute = Selection { step_s: Some(60), ..named(&numbers) };
        assert_eq!(row(&read(&path, &minute).unwrap(), 0), [0.5, 0.25]);
        let wide = named(&[("time-ms", "ms"), ("cpu-fraction", "*")]);
        holds(&told(&path, &wide)[0], &["column `host`: found `x`"]);
    }

    #[test]
    fn what_a_map_lacks_or_mistakes_is_told_before_anything_is_read() {
        let (_folder, path) = file("host,load\nx,1\n");
        holds(&told(&path, &any())[0], &["GLN-120", "no column is known to hold vm", "host, load"]);
        let told_of = |pairs: &[(&str, &str)]| told(&path, &named(pairs)).join("\n");
        holds(&told_of(&[("vm", "host")]), &["step or time-s", "cpu-percent or cpu-fraction"]);
        holds(&told_of(&[("cpu-procent", "load")]), &["GLN-203", "did you mean `cpu-percent`?"]);
        let absent = [("vm", "host"), ("step", "t"), ("cpu-percent", "load")];
        holds(
            &told_of(&absent),
            &["GLN-120", "load.csv:1: column `t` is missing, found: host, load"],
        );
        let forced = Selection { format: Format::Bitbrains, ..any() };
        holds(&told(&path, &forced).join("\n"), &["column `CPU usage [%]` is missing"]);
        let span = Selection { from: after("2h"), to: after("1h"), ..any() };
        holds(&told(&path, &span)[0], &["GLN-109", "the span from 2h to 1h is empty"]);
    }

    #[test]
    fn an_empty_and_a_damaged_table_are_told() {
        let (_folder, path) = file("");
        holds(&told(&path, &any())[0], &["GLN-105", "an empty file"]);
        let (_folder, path) = file("vm,step,cpu\n");
        holds(&told(&path, &any())[0], &["GLN-105", "found no samples"]);
        let folder = folder(&[("a.csv.gz", &"vm,step,cpu\n".repeat(1000))]);
        let path = folder.path().join("a.csv.gz");
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 5]).unwrap();
        let told = told(&path, &any()).join("\n");
        assert!(told.contains("GLN-110") || told.contains("GLN-104"), "{told}");
    }
}
