//! `galerna policies`: which runs are bundled, what does each of them say, and how does one of
//! one's own begin?

use std::ffi::OsStr;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use toml::{Table, Value};

use super::meaning::meaning;
use super::{Answer, Failure};
use crate::model::Costs;
use crate::problem::{Problem, suggestion};
use crate::spec::{self, Entry, LeaseSpec, RunSpec};
use crate::whole_file;

/// Show the bundled policy files.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  galerna policies list
  galerna policies describe cloudsim-3.0.3/lr-mmt
  galerna policies describe my-policy.toml
  galerna policies new select my_policy.py")]
pub(super) struct Policies {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Names and what each is, by folder.
    List,
    /// The text of a policy file, and how its rules differ from the defaults.
    Describe {
        /// A bundled name, as `policies list` shows it, or a file.
        name: PathBuf,
    },
    /// Write a Python policy to start from, which runs as it is.
    New {
        /// What it decides: a key of [policy] or [leases.policies].
        #[arg(value_parser = PossibleValuesParser::new(ROLES))]
        role: String,
        /// The file to write, e.g. my_policy.py; it must not be there yet.
        file: PathBuf,
    },
}

/// What a policy in Python may decide, by its key in `[policy]`, then in `[leases.policies]`.
const ROLES: [&str; 11] = [
    "overload",
    "underload",
    "select",
    "place",
    "plan",
    "admission",
    "preemption",
    "host-selection",
    "mapping",
    "pricing",
    "shifting",
];

impl Policies {
    pub(super) fn execute(&self) -> Result<Answer, Failure> {
        match &self.command {
            Command::List => Ok(Answer::done(listed(&spec::catalogue()))),
            Command::Describe { name } => described(name).map(Answer::done),
            Command::New { role, file } => begun(role, file).map(Answer::done),
        }
    }
}

fn folder(entry: &Entry) -> &'static str {
    entry.name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn listed(entries: &[Entry]) -> String {
    let mut folders: Vec<&str> = entries.iter().map(folder).collect();
    folders.sort_unstable();
    folders.dedup();
    let width = entries.iter().map(|entry| entry.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for name in folders {
        let title = match name {
            "" => "galerna's own rules:",
            "leases" => "\nleases, by galerna's own rules:",
            _ => &format!("\nas {name} computes it:"),
        };
        text += &format!("{title}\n");
        for entry in entries.iter().filter(|entry| folder(entry) == name) {
            writeln!(text, "  {:<width$}  {}", entry.name, kind(entry)).expect("a string");
        }
    }
    text + "\n`galerna policies describe NAME` shows one in full.\n"
}

/// What an entry is, without what all of its folder have in common.
fn kind(entry: &Entry) -> &'static str {
    let story = entry.story();
    story.split_once(": ").map_or(story, |(_, rest)| rest)
}

fn described(path: &Path) -> Result<String, Failure> {
    let text = match spec::named(path) {
        Some(entry) if !path.is_file() => entry.text.to_owned(),
        _ => {
            std::fs::read_to_string(path).map_err(|cause| Failure::bad_input(none(path, &cause)))?
        }
    };
    let spec = spec::load(path, Vec::new()).map_err(Failure::bad_input)?;
    let differences = differences(&spec);
    let mut answer = format!("{}\n\n", text.trim_end());
    answer += match differences.is_empty() {
        true => "# Every value is the default.\n",
        false => "# What differs from the defaults:\n",
    };
    for (key, value) in differences {
        let line = format!("{key:<36} {value:<22}");
        writeln!(answer, "{}", line.trim_end()).expect("a string");
        if let Some(meaning) = meaning(&key, &value) {
            writeln!(answer, "    {meaning}").expect("a string");
        }
    }
    Ok(answer)
}

/// Writes the policy of `role` to start from, and says how to go on.
fn begun(role: &str, file: &Path) -> Result<String, Failure> {
    let refuse = |what: &str, remedy: &str| {
        let problem = Problem::new("GLN-207", file.display().to_string(), what, remedy);
        Err(Failure::bad_input(problem))
    };
    let module = file.file_stem().and_then(OsStr::to_str).unwrap_or_default();
    let legal = module.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !module.is_empty()
        && !module.starts_with(|c: char| c.is_ascii_digit());
    if !legal || file.extension() != Some(OsStr::new("py")) {
        let what = "Python could not import a module of that name";
        return refuse(what, "Use letters, digits and _, and end it in .py, e.g. my_policy.py");
    }
    if file.exists() {
        return refuse("is there already", "Name a file that is not, or remove it");
    }
    let template = spec::template(role).expect("every role has a template");
    whole_file::replace(file, template).map_err(|cause| {
        let at = file.display().to_string();
        let remedy = "Check that the folder is there and may be written";
        Failure::bad_input(Problem::new("GLN-621", at, cause.to_string(), remedy))
    })?;
    let keyword = role.replace('-', "_");
    let of_leases = ROLES.iter().position(|known| *known == role) >= Some(5);
    let spec = if of_leases { "leases/easy" } else { "lr-mmt" };
    let section = if of_leases { "leases.policies" } else { "policy" };
    Ok(format!(
        "{} holds a policy that runs as it is. From its folder:\n\n  \
         python -c \"import galerna as gl, {module}; \
         print(gl.run('{spec}', {keyword}={module}.MyPolicy()))\"\n  \
         python -c \"from galerna.testing import check_policy; import {module}; \
         print(check_policy({module}.MyPolicy()))\"\n\n\
         In a spec: [{section}] {role} = \"{module}:MyPolicy\"\n",
        file.display()
    ))
}

fn none(path: &Path, cause: &std::io::Error) -> Problem {
    let name = path.display().to_string();
    let hint = suggestion(&name, spec::catalogue().iter().map(|entry| entry.name));
    let what = format!("no bundled policy of that name, and no such file ({cause}){hint}");
    Problem::new("GLN-201", name, what, "`galerna policies list` shows the bundled ones")
}

/// Every key of `spec` whose value is not the default, dotted, with its value.
fn differences(spec: &RunSpec) -> Vec<(String, String)> {
    let table = |spec: &RunSpec| spec.to_toml().parse::<Table>().unwrap_or_default();
    let (mut found, mut defaults) = (Vec::new(), Vec::new());
    flatten("", &table(spec), &mut found);
    let leases = spec.leases.as_ref().map(|leases| LeaseSpec {
        load: leases.load,
        consolidate: leases.consolidate,
        ..LeaseSpec::default()
    });
    let costs = spec.costs.as_ref().map(|_| Costs::default());
    flatten("", &table(&RunSpec { leases, costs, ..RunSpec::default() }), &mut defaults);
    found.retain(|pair| !defaults.contains(pair));
    found
}

fn flatten(prefix: &str, table: &Table, into: &mut Vec<(String, String)>) {
    for (key, value) in table {
        let dotted = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            Value::Table(inner) => flatten(&dotted, inner, into),
            other => into.push((dotted, other.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quirk_of_the_bundled_files_has_a_meaning() {
        for entry in spec::catalogue() {
            let spec = spec::load(Path::new(entry.name), Vec::new()).unwrap();
            for (key, value) in differences(&spec) {
                assert!(meaning(&key, &value).is_some(), "{}: {key} = {value}", entry.name);
            }
        }
    }

    #[test]
    fn the_honest_lr_mmt_is_the_default_run() {
        let spec = spec::load(Path::new("lr-mmt"), Vec::new()).unwrap();
        assert!(differences(&spec).is_empty());
    }
}
