//! From where does a trace come, and in which form? [`read`] and [`days`].
//!
//! | path | form |
//! |---|---|
//! | the word `sample` | the bundled synthetic day |
//! | a folder | VM files in the published `PlanetLab` layout, or csv files |
//! | `.tar.xz`, `.tar.gz`, `.tgz`, `.tar` | the same, read without unpacking |
//! | `.csv`, `.tsv`, `.txt`, also `.gz` or `.xz` | one table |
//! | `.parquet` | one table |
//!
//! Of csv files the first line says which publisher's they are, of Parquet the names of the
//! columns; `format` overrules that.

use std::io::Read;
use std::path::Path;

use super::archive::{self, Packing};
use super::delimited::{Fields, Lines, number, separator};
use super::error::{Error, unreadable};
use super::members::{self, Container};
use super::selection::{Format, Selection};
use super::{
    UtilisationTrace, alibaba, azure, bitbrains, directory, google, long_csv, parquet, sample,
    tables, wide,
};

/// How much of a file is looked at to find out its form.
const LOOKED_AT: u64 = 1 << 16;

/// Reads the part of the trace at `path` that `selection` asks for.
///
/// The result does not depend on the number of threads, and not on the form of the source where
/// both forms hold the same values. What was odd in the source is in
/// [`UtilisationTrace::defects`].
///
/// ```
/// use galerna::trace::{Selection, read};
/// let trace = read("sample".as_ref(), &Selection::default()).unwrap();
/// assert_eq!((trace.vms(), trace.samples()), (1052, 288));
/// assert_eq!(trace.step().seconds(), 300.0);
/// ```
///
/// # Errors
/// All problems of the source together, each with code, file and line: see the codes `GLN-1xx`.
pub fn read(path: &Path, selection: &Selection) -> Result<UtilisationTrace, Error> {
    selection.checked(path)?;
    match Source::of(path, selection)? {
        Source::Sample => cut(path, sample::read(selection)?, selection),
        Source::VmFiles(None) => cut(path, directory::read(path, selection)?, selection),
        Source::VmFiles(Some(packing)) => {
            cut(path, archive::read(path, packing, selection)?, selection)
        }
        Source::Parquet => parquet::read(path, selection),
        Source::Tables { container, format, header } => match format {
            Format::Bitbrains => bitbrains::read(path, container, selection),
            Format::Azure => azure::read(path, container, selection),
            Format::Alibaba => alibaba::read(path, container, selection),
            Format::Google => google::read(path, container, selection),
            Format::Wide => wide::read(path, container, selection),
            _ => long_csv::read(path, container, &header, selection),
        },
    }
}

/// The days of the trace at `path`, ascending; empty where the source does not tell days apart.
///
/// ```
/// assert_eq!(galerna::trace::days("sample".as_ref()).unwrap(), ["sample"]);
/// ```
///
/// # Errors
/// What keeps the source from being listed; the samples themselves are not checked.
pub fn days(path: &Path) -> Result<Vec<String>, Error> {
    match Source::of(path, &Selection::default())? {
        Source::Sample => sample::days(),
        Source::VmFiles(None) => directory::days(path),
        Source::VmFiles(Some(packing)) => archive::days(path, packing),
        Source::Parquet => parquet::days(path),
        Source::Tables { container, .. } => tables::days(path, container),
    }
}

/// The span of a trace of VM files that `selection` asks for.
pub(super) fn cut(
    path: &Path,
    trace: UtilisationTrace,
    selection: &Selection,
) -> Result<UtilisationTrace, Error> {
    let place = || path.display().to_string();
    let own = trace.step().seconds();
    if selection.step_s.is_some_and(|step| f64::from(step) != own) {
        let what = format!("the trace has a sample every {own} s, and no other step can be made");
        return Err(Error::one("GLN-109", place(), what, "Leave `step-s` out"));
    }
    if selection.from.is_none() && selection.to.is_none() {
        return Ok(trace);
    }
    let step = trace.step().0;
    let first = selection.from.map_or(0, |from| from.span().0 / step) as usize;
    let all = trace.samples();
    let last = selection.to.map_or(all, |to| ((to.span().0 + step - 1) / step) as usize).min(all);
    if first >= last {
        let covered = own * all as f64;
        let what =
            format!("the span holds no samples, the trace covers {covered} s from its start");
        return Err(Error::one(
            "GLN-109",
            place(),
            what,
            "Choose `from` and `to` within the trace",
        ));
    }
    Ok(trace.between(first, last))
}

/// What a path turned out to be.
enum Source {
    Sample,
    /// VM files in a folder, or in an archive.
    VmFiles(Option<Packing>),
    /// Tables as text; the header is that of the first one.
    Tables {
        container: Container,
        format: Format,
        header: Vec<String>,
    },
    Parquet,
}

impl Source {
    fn of(path: &Path, selection: &Selection) -> Result<Self, Error> {
        if path == Path::new(sample::WORD) {
            return Ok(Self::Sample);
        }
        let Some(container) = container(path) else {
            if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("parquet")) {
                return Ok(Self::Parquet);
            }
            return Err(unknown(path));
        };
        let vm_files = match container {
            Container::Archive(packing) => Self::VmFiles(Some(packing)),
            _ => Self::VmFiles(None),
        };
        match selection.format {
            Format::Planetlab => Ok(vm_files),
            Format::Auto if !has_tables(path, container)? => Ok(vm_files),
            asked => {
                let header = first_line(path, container)?;
                let format = match asked {
                    Format::Auto => recognised(&header, selection),
                    asked => asked,
                };
                Ok(Self::Tables { container, format, header })
            }
        }
    }
}

fn container(path: &Path) -> Option<Container> {
    if path.is_dir() {
        return Some(Container::Folder);
    }
    if let Some(packing) = Packing::of(path) {
        return Some(Container::Archive(packing));
    }
    let name = path.file_name().and_then(|name| name.to_str())?;
    (members::stem(name).is_some() && path.is_file()).then_some(Container::File)
}

/// Whether the source holds tables and not VM files.
fn has_tables(path: &Path, container: Container) -> Result<bool, Error> {
    match container {
        // A zip archive may hold nothing else.
        Container::File | Container::Archive(Packing::Zip) => Ok(true),
        Container::Archive(packing) => {
            // A damaged archive is told by the reader that goes through all of it.
            let first = archive::first_file(path, packing).ok().flatten();
            Ok(first.is_some_and(|name| members::stem(&name).is_some()))
        }
        Container::Folder => members::begins_with_table(path),
    }
}

/// The fields of the first line of the first table.
fn first_line(path: &Path, container: Container) -> Result<Vec<String>, Error> {
    let place = path.display().to_string();
    let cannot = |cause| Error::from(unreadable(&place, &cause));
    let mut start = Vec::new();
    match container {
        Container::Archive(packing) => start = archive::first_bytes(path, packing)?,
        _ => {
            let tables = members::tables(path, container)?;
            let text = members::open(&tables[0])?;
            text.take(LOOKED_AT).read_to_end(&mut start).map_err(cannot)?;
        }
    }
    let (mut lines, mut fields) = (Lines::of(start.as_slice()), Fields::default());
    let Some((_, line)) = lines.next().map_err(cannot)? else {
        let what = "found an empty file, expected a table";
        return Err(Error::one("GLN-105", place, what, "Give the table itself"));
    };
    fields.split(line, separator(line));
    Ok(fields.texts(line))
}

/// Whose table it is that begins with the fields `first`.
fn recognised(first: &[String], selection: &Selection) -> Format {
    let is_number = |at: usize| first.get(at).is_some_and(|f| number(f.as_bytes()).is_some());
    let is = |at: usize, name: &str| first.get(at).is_some_and(|f| f.eq_ignore_ascii_case(name));
    if super::columns::Map::of(&selection.columns).is_wide() {
        return Format::Wide;
    }
    if !selection.columns.is_empty() {
        return Format::Long;
    }
    if first.iter().any(|field| field == bitbrains::TELLTALE) {
        return Format::Bitbrains;
    }
    let named = is(0, "machine_id") && is(1, "time_stamp");
    if first.len() == alibaba::FIELDS && (named || (!is_number(0) && is_number(1) && is_number(2)))
    {
        return Format::Alibaba;
    }
    if first.len() == azure::FIELDS && is_number(0) && !is_number(1) && (2..5).all(is_number) {
        return Format::Azure;
    }
    if google::FIELDS.contains(&first.len()) && (0..5).all(is_number) {
        return Format::Google;
    }
    Format::Long
}

fn unknown(path: &Path) -> Error {
    let found = if path.exists() { "a file of unknown form" } else { "nothing" };
    Error::one(
        "GLN-106",
        path.display().to_string(),
        format!("found {found}, expected a trace"),
        "Give a folder, an archive (.tar.xz, .tar.gz, .tgz, .tar), a .csv or .parquet file or \
         `sample`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_no_trace_is_told_what_a_trace_is() {
        let error = read("no/such/thing".as_ref(), &Selection::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "GLN-106 no/such/thing: found nothing, expected a trace. Give a folder, an archive \
             (.tar.xz, .tar.gz, .tgz, .tar), a .csv or .parquet file or `sample`."
        );
    }

    #[test]
    fn the_first_line_says_whose_table_it_is() {
        let of = |line: &str| {
            let mut fields = Fields::default();
            fields.split(line.as_bytes(), separator(line.as_bytes()));
            recognised(&fields.texts(line.as_bytes()), &Selection::default())
        };
        let usage = "600000000,900000000,3418309,0,4155527081,0.001562,0.06787,0.07568,0.001156,\
                     0.001503,0.06787,2.861e-06,0.0001869,0.03967,0.0003567,2.445,0.007243,0,1,0";
        assert_eq!(of("Timestamp [ms];\tCPU cores;\tCPU usage [%]"), Format::Bitbrains);
        assert_eq!(of("m_1932,386640,41,92,,,43.04,33.08,5"), Format::Alibaba);
        assert_eq!(
            of("0,+ZcrOp5/c/fJ6mVgP5qMZlOAGDwyjaaDNM0WoWOt2IDb47g,2.052803,3.911587,2.86199"),
            Format::Azure
        );
        assert_eq!(of(usage), Format::Google);
        assert_eq!(of("vm,step,cpu"), Format::Long);
    }

    #[test]
    fn a_span_of_the_sample_is_cut_out() {
        let selection = Selection {
            from: Some("1h".parse().unwrap()),
            to: Some("2h".parse().unwrap()),
            ..Selection::default()
        };
        let (all, hour) = (
            read("sample".as_ref(), &Selection::default()).unwrap(),
            read("sample".as_ref(), &selection).unwrap(),
        );
        assert_eq!((hour.vms(), hour.samples()), (1052, 12));
        assert_eq!(hour.fraction(7, 0), all.fraction(7, 12));
        let other = Selection { step_s: Some(60), ..Selection::default() };
        assert_eq!(read("sample".as_ref(), &other).unwrap_err().problems[0].code, "GLN-109");
    }
}
