//! The reference pages name everything that the code has.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use galerna::detect::{DetectorSpec, UnderloadSpec};
use galerna::place::PlacerSpec;
use galerna::select::SelectorSpec;
use galerna::spec::{Override, RunSpec, load, parse};
use toml::{Table, Value};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every key of `table` at any depth.
fn keys(table: &Table, found: &mut BTreeSet<String>) {
    for (key, value) in table {
        found.insert(key.clone());
        match value {
            Value::Table(inner) => keys(inner, found),
            Value::Array(items) => {
                items.iter().filter_map(Value::as_table).for_each(|inner| keys(inner, found));
            }
            _ => {}
        }
    }
}

#[test]
fn the_reference_of_the_run_spec_names_every_key() {
    let text = page("docs/run-spec.md");
    let spec: Table = RunSpec::default().to_toml().parse().expect("a spec is TOML");
    for section in spec.keys().map(String::as_str).chain(["leases"]) {
        assert!(text.contains(&format!("## `[{section}]`")), "no section [{section}]");
    }
    let mut found = BTreeSet::from(["day".to_owned()]);
    spec.values().filter_map(Value::as_table).for_each(|section| keys(section, &mut found));
    keys(&leases(), &mut found);
    let words: BTreeSet<&str> =
        text.split(|c: char| !c.is_alphanumeric() && c != '-' && c != '_').collect();
    let missing: Vec<&String> = found.iter().filter(|key| !words.contains(key.as_str())).collect();
    assert!(missing.is_empty(), "docs/run-spec.md does not name {missing:?}: add a row for each");
}

/// A run of leases with every optional key.
fn leases() -> Table {
    let text = "[leases]\nfirst = 1\nannotations = \"a\"\nsuspend-time-s = 1\nthreshold-s = 1\n\
                resume-time-s = 1\nbackfilling = { intermediate = 2 }\n\
                reservations = {}\nimages = {}\n\
                policies = { admission = \"m:C\", preemption = \"m:C\", mapping = \"m:C\", \
                host-selection = \"m:C\", pricing = \"m:C\", shifting = \"m:C\" }\n\
                hosts = [{ count = 1, cpu = 1, memory-mb = 1, disk-mb = 1, net-in-mbit-s = 1, \
                net-out-mbit-s = 1 }]\nadjust = { cpu = 1, memory-mb = 1 }\n\
                preparation = { kind = \"image-transfer\", fixed-time-s = 1, cache-mb = 1 }\n";
    let spec = parse(text, "test", Vec::new()).expect("it is in order").to_toml();
    let mut spec: Table = spec.parse().expect("a spec is TOML");
    let Some(Value::Table(mut leases)) = spec.remove("leases") else { panic!("no [leases]") };
    // Their names stand with their meaning in docs/leases.md.
    let Some(Value::Table(oddities)) = leases.remove("oddities") else { panic!("no oddities") };
    let told = page("docs/leases.md");
    let missing: Vec<&String> =
        oddities.keys().filter(|name| !told.contains(&format!("| `{name}` |"))).collect();
    assert!(missing.is_empty(), "docs/leases.md does not name {missing:?}: add a row for each");
    leases
}

#[test]
fn the_reference_of_the_run_spec_names_every_policy_and_its_parameters() {
    let text = page("docs/run-spec.md");
    let words: BTreeSet<&str> =
        text.split(|c: char| !c.is_alphanumeric() && c != '-' && c != '_').collect();
    let mut missing = Vec::new();
    for (key, kinds) in [
        ("overload", &DetectorSpec::KINDS[..]),
        ("underload", &UnderloadSpec::KINDS),
        ("select", &SelectorSpec::KINDS),
        ("place", &PlacerSpec::KINDS),
    ] {
        for kind in kinds {
            let spec = spec_with("lr-mmt", &format!("policy.{key}"), kind);
            let spec: Table = spec.to_toml().parse().expect("a spec is TOML");
            let policy = spec["policy"][key].as_table().expect("a table");
            let named = policy.keys().map(String::as_str).chain([*kind]);
            missing.extend(named.filter(|name| !words.contains(name)).map(str::to_owned));
        }
    }
    assert!(missing.is_empty(), "docs/run-spec.md does not name {missing:?}: add them");
}

/// The codes `GLN-nnn` in `text`.
fn codes(text: &str) -> BTreeSet<String> {
    let numbers = text.split("GLN-").skip(1).filter_map(|rest| rest.get(..3));
    let numbers = numbers.filter(|n| n.chars().all(|c| c.is_ascii_digit()));
    numbers.map(|n| format!("GLN-{n}")).collect()
}

fn codes_below(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("src is readable").flatten() {
        let path = entry.path();
        if path.is_dir() {
            codes_below(&path, found);
        } else {
            // Beside the sources lie compiled Python files.
            found.extend(codes(&fs::read_to_string(path).unwrap_or_default()));
        }
    }
}

#[test]
fn the_reference_of_errors_names_every_code_and_no_other() {
    let mut used = BTreeSet::new();
    ["src", "python/src", "python/galerna"]
        .into_iter()
        .for_each(|folder| codes_below(&root().join(folder), &mut used));
    let told = codes(&page("docs/errors.md"));
    let missing: Vec<&String> = used.difference(&told).collect();
    let stale: Vec<&String> = told.difference(&used).collect();
    assert!(missing.is_empty(), "docs/errors.md lacks {missing:?}: add a row for each");
    assert!(stale.is_empty(), "docs/errors.md has {stale:?}, which nothing reports: remove them");
}

#[test]
fn every_quirk_has_a_row() {
    let text = page("docs/quirks.md");
    for number in 1..=20 {
        assert!(text.contains(&format!("\n| Q{number} |")), "docs/quirks.md has no row Q{number}");
    }
}

/// Relative targets of the Markdown links in `text`, without their anchors.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let relative = targets.filter(|t| !t.contains("://") && !t.starts_with('#'));
    relative.map(|t| t.split('#').next().unwrap_or(t)).collect()
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut pages: Vec<PathBuf> =
        ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "traces/README.md"].map(Into::into).into();
    for folder in ["docs", "docs/decisions"] {
        let entries = fs::read_dir(root().join(folder)).expect("docs are readable").flatten();
        let markdown = entries.map(|e| PathBuf::from(folder).join(e.file_name()));
        pages.extend(markdown.filter(|path| path.extension().is_some_and(|e| e == "md")));
    }
    let mut broken = Vec::new();
    for name in pages {
        let text = page(&name.to_string_lossy());
        let folder = root().join(&name).parent().expect("a page lies in a folder").to_owned();
        for target in links(&text).into_iter().filter(|t| !folder.join(t).exists()) {
            broken.push(format!("{}: {target}", name.display()));
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
}

/// What `make demo` prints is what the command prints now.
#[test]
fn the_figures_of_the_readme_are_those_of_a_run() {
    let run = Command::new(env!("CARGO_BIN_EXE_galerna")).args(["run", "lr-mmt"]).output();
    let output = String::from_utf8(run.expect("galerna runs").stdout).expect("it prints text");
    let readme = page("README.md");
    let block = readme.split("```text\n").nth(1).expect("the README shows a run");
    let shown = block.split("...\n").next().unwrap_or_default();
    assert!(shown.lines().count() > 10, "the README shows too little of a run");
    assert!(output.starts_with(shown), "README.md shows\n{shown}\nand a run prints\n{output}");
}

/// The last of the README's commands on a site answers as shown there.
#[test]
fn the_reservations_of_the_readme_are_answered_as_shown() {
    let readme = page("README.md");
    let section = readme.split("## Leases and reservations").nth(1).expect("there is one");
    let block = |kind: &str| {
        let text = section.split(&format!("```{kind}\n")).nth(1).expect("a block");
        text.split("```").next().unwrap_or_default().to_owned()
    };
    let folder = tempfile::tempdir().expect("a folder");
    let mut answer = String::new();
    for line in block("sh").lines() {
        let words = line.split_whitespace().skip(1).chain(["--now", "2026-12-01"]);
        let mut galerna = Command::new(env!("CARGO_BIN_EXE_galerna"));
        let output = galerna.args(words).current_dir(&folder).output().expect("galerna runs");
        answer = String::from_utf8(output.stdout).expect("it prints text");
    }
    assert_eq!(answer, block("text"));
}

/// The assignments `a.b = value` that `text` quotes.
fn assignments(text: &str) -> Vec<(&str, &str)> {
    let quoted = text.split('`').skip(1).step_by(2);
    let pairs = quoted.filter_map(|quote| quote.split_once(" = "));
    pairs.filter(|(key, _)| key.contains('.') && !key.contains(' ')).collect()
}

fn spec_with(name: &str, key: &str, value: &str) -> RunSpec {
    let change = Override::parse(&format!("{key}={value}")).expect("it is an assignment");
    let spec = load(Path::new(name), vec![change]);
    spec.unwrap_or_else(|error| panic!("{key} = {value}: {error}"))
}

#[test]
fn the_rules_of_the_model_page_are_the_defaults() {
    let text = page("docs/model.md");
    let rules = assignments(&text);
    assert!(rules.len() > 30, "only {} rules were found", rules.len());
    let plain = load(Path::new("lr-mmt"), Vec::new()).expect("it is bundled");
    for (key, value) in rules {
        assert_eq!(spec_with("lr-mmt", key, value), plain, "{key} = {value} is no default");
    }
}

#[test]
fn every_quirk_can_be_switched_on_alone() {
    let text = page("docs/quirks.md");
    let quirks = assignments(&text);
    assert!(quirks.len() > 25, "only {} quirks were found", quirks.len());
    for (key, value) in quirks {
        let name = if key.starts_with("policy.select") { "lr-rs" } else { "lr-mmt" };
        spec_with(name, key, value);
    }
}
