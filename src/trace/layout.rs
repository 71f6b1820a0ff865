//! Which files of a folder or archive are VM files, of which day, and which of them are wanted?
//!
//! The published layout is `<day>/<VM name>`; a single day may also lie there without its folder.

use super::error::Error;
use super::selection::{Order, Selection};
use crate::problem::{self, Problem};

/// How many days an error lists before it only counts them.
const LISTED_DAYS: usize = 20;

/// A VM file that was found but not yet parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member<C> {
    /// The folder it lies in, if the source has day folders.
    pub(super) day: Option<String>,
    /// File name, which is the VM's name.
    pub(super) name: String,
    /// Where its text is.
    pub(super) content: C,
}

impl<C> Member<C> {
    /// `source/day/name`, as a problem names it.
    pub(super) fn place(&self, source: &str) -> String {
        match &self.day {
            Some(day) => format!("{source}/{day}/{}", self.name),
            None => format!("{source}/{}", self.name),
        }
    }
}

/// Whether a file or folder is not part of the trace: hidden, or the publisher's notes.
pub(super) fn is_beside_the_trace(name: &str) -> bool {
    let notes = ["README", "LICENSE", "LICENCE", "CITATION"];
    name.starts_with('.') || notes.iter().any(|note| name.starts_with(note))
}

/// The day that `wanted` means among the ascending `days`; `None` where there are no day folders.
pub(super) fn chosen_day<'a>(
    place: &str,
    days: &'a [String],
    wanted: Option<&str>,
) -> Result<Option<&'a str>, Error> {
    match (wanted, days) {
        (None, []) => Ok(None),
        (None, [only]) => Ok(Some(only)),
        (None, _) => Err(Error::one(
            "GLN-107",
            place,
            format!("found {} days, expected one to be selected: {}", days.len(), listing(days)),
            "Select one of them with `day`",
        )),
        (Some(wanted), []) => Err(Error::one(
            "GLN-108",
            place,
            format!("day `{wanted}` is selected, but the source does not tell days apart"),
            "Leave `day` out",
        )),
        (Some(wanted), _) => days
            .iter()
            .find(|day| *day == wanted)
            .map(|day| Some(day.as_str()))
            .ok_or_else(|| no_such_day(place, days, wanted)),
    }
}

/// Checks the choice among the `days` that a column of a table holds; none means no such column or
/// that the folders were days.
pub(super) fn chosen_day_of_column(
    place: &str,
    days: &[String],
    wanted: Option<&str>,
) -> Result<(), Error> {
    if days.is_empty() {
        return Ok(());
    }
    chosen_day(place, days, wanted).map(drop)
}

fn no_such_day(place: &str, days: &[String], wanted: &str) -> Error {
    let near = problem::suggestion(wanted, days.iter().map(String::as_str));
    Error::one(
        "GLN-108",
        place,
        format!("there is no day `{wanted}`{near}, expected one of: {}", listing(days)),
        "Select one of them with `day`",
    )
}

fn listing(days: &[String]) -> String {
    let shown = days[..days.len().min(LISTED_DAYS)].join(", ");
    match days.len().saturating_sub(LISTED_DAYS) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// The days of `members`, ascending, each once.
pub(super) fn days_of<C>(members: &[Member<C>]) -> Vec<String> {
    let mut days: Vec<String> = members.iter().filter_map(|m| m.day.clone()).collect();
    days.sort_unstable();
    days.dedup();
    days
}

/// The error of a source that has VM files both with and without a day folder.
pub(super) fn mixed_depth(place: &str, loose: &str, day: &str) -> Problem {
    Problem::new(
        "GLN-114",
        format!("{place}/{loose}"),
        format!("a file lies beside day folder `{day}`, expected either VM files or day folders"),
        "Move the file into its day folder or out of the trace",
    )
}

/// The members of the day that `selection` means, in its order.
pub(super) fn selected<C>(
    place: &str,
    members: Vec<Member<C>>,
    selection: &Selection,
) -> Result<Vec<Member<C>>, Error> {
    let days = days_of(&members);
    let loose = members.iter().find(|member| member.day.is_none());
    if let (Some(loose), Some(day)) = (loose, days.first()) {
        return Err(mixed_depth(place, &loose.name, day).into());
    }
    let day = chosen_day(place, &days, selection.day.as_deref())?;
    let mut members: Vec<_> = members.into_iter().filter(|m| m.day.as_deref() == day).collect();
    if members.is_empty() {
        return Err(no_vms(place));
    }
    if selection.order == Order::Name {
        members.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    }
    Ok(members)
}

/// The error of a folder or archive without VM files.
pub(super) fn no_vms(place: &str) -> Error {
    Error::one(
        "GLN-105",
        place,
        "found no VM files, expected at least one",
        "Give the folder or archive that holds one file per VM, or day folders of such files",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(day: Option<&str>, name: &str) -> Member<()> {
        Member { day: day.map(str::to_owned), name: name.to_owned(), content: () }
    }

    fn names(members: &[Member<()>]) -> Vec<&str> {
        members.iter().map(|m| m.name.as_str()).collect()
    }

    #[test]
    fn name_order_is_by_bytes_and_listed_order_is_kept() {
        let listed = vec![member(None, "b"), member(None, "B"), member(None, "a")];
        let kept = Selection { order: Order::Listed, ..Selection::default() };
        let by_name = selected("p", listed.clone(), &Selection::default()).unwrap();
        assert_eq!(names(&by_name), ["B", "a", "b"]);
        assert_eq!(names(&selected("p", listed, &kept).unwrap()), ["b", "B", "a"]);
    }

    #[test]
    fn several_days_want_a_choice_and_a_wrong_choice_gets_a_suggestion() {
        let days = ["20110303".to_owned(), "20110306".to_owned()];
        let none = chosen_day("p", &days, None).unwrap_err().to_string();
        assert_eq!(
            none,
            "GLN-107 p: found 2 days, expected one to be selected: 20110303, 20110306. \
             Select one of them with `day`."
        );
        let wrong = chosen_day("p", &days, Some("20110304")).unwrap_err().to_string();
        assert!(wrong.contains("no day `20110304` (did you mean `20110303`?)"), "{wrong}");
        assert_eq!(chosen_day("p", &days, Some("20110306")).unwrap(), Some("20110306"));
        assert_eq!(chosen_day("p", &days[..1], None).unwrap(), Some("20110303"));
    }

    #[test]
    fn a_day_without_day_folders_is_refused() {
        let error = chosen_day("p", &[], Some("x")).unwrap_err();
        assert_eq!(error.problems[0].code, "GLN-108");
    }

    #[test]
    fn files_beside_day_folders_are_refused() {
        let mixed = vec![member(Some("d"), "a"), member(None, "stray")];
        let error = selected("p", mixed, &Selection::default()).unwrap_err();
        assert_eq!(error.problems[0].code, "GLN-114");
        assert_eq!(error.problems[0].place, "p/stray");
    }

    #[test]
    fn hidden_files_and_notes_are_not_vms() {
        assert!(is_beside_the_trace(".DS_Store") && is_beside_the_trace("README.md"));
        assert!(!is_beside_the_trace("planetlab1_example_org_slice"));
    }
}
