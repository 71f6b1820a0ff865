//! The rules of the house, enforced: who may import whom, how big things are, what each file says
//! about itself. Every message names file and line, the rule, and the remedy.

#[path = "house_rules/source.rs"]
mod source;

use std::fs;
use std::path::{Path, PathBuf};

use source::{Token, functions, taken, tokens, without_tests};

const VOCABULARY: &[&str] =
    &["time", "id", "stats", "random", "problem", "whole_file", "units", "policy"];
const NOUNS: &[&str] = &["model", "calendar", "topology"];
const CONCEPTS: &[&str] = &[
    "power",
    "trace",
    "migrate",
    "forecast",
    "detect",
    "select",
    "reassign",
    "milp",
    "cluster",
    "place",
    "sequence",
    "provision",
    "lease",
    "metric",
    "account",
    "check",
];

/// Who may import whom. A row may list only rows above it: that proves that there is no cycle.
const IMPORTS: &[(&str, &[&[&str]])] = &[
    ("time", &[]),
    ("id", &[]),
    ("stats", &[]),
    ("random", &[]),
    ("problem", &[]),
    ("whole_file", &[]),
    ("units", &[&["time"]]),
    ("policy", &[&["time"]]),
    ("model", &[VOCABULARY]),
    ("calendar", &[VOCABULARY, &["model"]]),
    ("topology", &[VOCABULARY]),
    // Shows records, and nothing that made them.
    ("power", &[VOCABULARY, NOUNS]),
    ("trace", &[VOCABULARY, NOUNS]),
    ("migrate", &[VOCABULARY, NOUNS]),
    ("forecast", &[VOCABULARY, NOUNS]),
    ("detect", &[VOCABULARY, NOUNS, &["forecast"]]),
    ("select", &[VOCABULARY, NOUNS]),
    // The abstract problem knows machines and items, not hosts and VMs.
    ("reassign", &[VOCABULARY]),
    ("milp", &[VOCABULARY]),
    ("cluster", &[VOCABULARY, &["reassign", "milp"]]),
    ("place", &[VOCABULARY, NOUNS, &["power", "detect", "forecast"]]),
    ("provision", &[VOCABULARY, NOUNS]),
    ("lease", &[VOCABULARY, NOUNS, &["provision"]]),
    ("sequence", &[VOCABULARY, NOUNS, &["migrate"]]),
    ("metric", &[VOCABULARY, NOUNS]),
    ("account", &[VOCABULARY, NOUNS]),
    // An oracle shares no code with what it judges.
    ("check", &[VOCABULARY, &["model"]]),
    ("evaluate", &[VOCABULARY, NOUNS, &["trace", "forecast", "detect"]]),
    ("engine", &[VOCABULARY, NOUNS, CONCEPTS]),
    ("spec", &[VOCABULARY, NOUNS, CONCEPTS, &["engine"]]),
    ("explain", &[VOCABULARY, NOUNS, CONCEPTS, &["engine", "spec"]]),
    ("frames", &[VOCABULARY, NOUNS, &["trace", "lease", "metric", "account", "check", "spec"]]),
    ("report", &[VOCABULARY, NOUNS, &["lease", "frames"]]),
    ("batch", &[VOCABULARY, NOUNS, CONCEPTS, &["engine", "spec", "frames"]]),
    (
        "cli",
        &[
            VOCABULARY,
            NOUNS,
            CONCEPTS,
            &["engine", "spec", "evaluate", "explain", "frames", "report", "batch"],
        ],
    ),
    ("bin", &[&["cli"]]),
];

const FUNCTION_LINES: usize = 70;
const FILE_LINES: usize = 450;
const COLUMNS: usize = 100;
const FORBIDDEN_NAMES: [&str; 8] =
    ["util", "utils", "helper", "helpers", "common", "manager", "misc", "prelude"];

/// A Rust file of the repository.
struct File {
    /// Path from the root of the repository, with `/`.
    path: String,
    text: String,
}

impl File {
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// The top-level module it belongs to; none for `lib.rs` and files outside `src`.
    fn module(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("src/")?;
        let module = inside.split('/').next()?.trim_end_matches(".rs");
        (module != "lib").then_some(module)
    }

    /// Whether it is the file of a top-level module, where `super` is the crate.
    fn is_module_root(&self) -> bool {
        let depth = self.path.matches('/').count();
        depth == 1 || (depth == 2 && self.path.ends_with("/mod.rs"))
    }

    fn is_test(&self) -> bool {
        self.path.split('/').any(|part| part == "tests" || part == "tests.rs")
    }

    fn tokens(&self) -> Vec<Token> {
        without_tests(&tokens(&self.text))
    }

    /// Lines up to the unit tests, which stand at the end.
    fn untested_lines(&self) -> usize {
        let tests = self.text.lines().position(|line| line.trim_start() == "#[cfg(test)]");
        tests.unwrap_or(self.text.lines().count())
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files below `folder` with this ending.
fn files(folder: &str, ending: &str) -> Vec<File> {
    let mut found = Vec::new();
    collect(&root().join(folder), ending, &mut found);
    found.sort_by(|a: &File, b| a.path.cmp(&b.path));
    found
}

fn collect(folder: &Path, ending: &str, found: &mut Vec<File>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() && name != "target" && name != "__pycache__" {
            collect(&path, ending, found);
        } else if path.extension().is_some_and(|e| e == ending) {
            let shown = path.strip_prefix(root()).expect("it lies below the root");
            let shown = shown.to_string_lossy().replace('\\', "/");
            found.push(File::new(&shown, &fs::read_to_string(&path).expect("source is text")));
        }
    }
}

fn rust_files() -> Vec<File> {
    let folders = ["src", "tests", "benches", "examples", "python/src"];
    folders.into_iter().flat_map(|folder| files(folder, "rs")).collect()
}

fn assert_none(broken: Vec<String>) {
    let list = broken.join("\n");
    assert!(broken.is_empty(), "{} rules of the house broken:\n{list}\n", broken.len());
}

fn row(module: &str) -> Option<&'static [&'static [&'static str]]> {
    IMPORTS.iter().find(|(name, _)| *name == module).map(|(_, allowed)| *allowed)
}

/// Imports of `file` that its row does not allow.
fn forbidden_imports(file: &File) -> Vec<String> {
    let Some(module) = file.module().filter(|_| !file.is_test()) else { return Vec::new() };
    let Some(allowed) = row(module) else {
        let remedy = "add a row to IMPORTS in tests/house_rules.rs, below all that it imports";
        return vec![format!("{}:1: module `{module}` has no row; {remedy}", file.path)];
    };
    let tokens = file.tokens();
    let mut names = taken(&tokens, &["crate"]);
    let root: &[&str] = if file.is_module_root() { &["super"] } else { &["super", "::", "super"] };
    names.extend(taken(&tokens, root));
    if module == "bin" {
        names = taken(&tokens, &["galerna"]);
    }
    let is_module = |name: &str| row(name).is_some();
    let strange = names.into_iter().filter(|(name, _)| {
        name != module && is_module(name) && !allowed.iter().any(|names| names.contains(&&**name))
    });
    let word = |(name, line)| {
        let allowed = allowed.concat().join(", ");
        let remedy = "move what is shared down, or decide one level up";
        format!(
            "{}:{line}: `{module}` may not import `{name}`, only [{allowed}]; {remedy}",
            file.path
        )
    };
    strange.map(word).collect()
}

#[test]
fn modules_import_only_what_their_row_allows() {
    assert_none(files("src", "rs").iter().flat_map(forbidden_imports).collect());
}

#[test]
fn the_table_of_imports_has_no_cycle_and_no_dead_row() {
    for (at, (module, allowed)) in IMPORTS.iter().enumerate() {
        for name in allowed.concat() {
            let above = IMPORTS[..at].iter().any(|(earlier, _)| *earlier == name);
            assert!(above, "row `{module}` lists `{name}`, which is not above it: move the row");
        }
        let folder = root().join("src").join(module);
        let there = folder.is_dir() || folder.with_extension("rs").is_file();
        assert!(there, "row `{module}` has no module: remove the row");
    }
}

#[test]
fn a_planted_import_is_caught_however_it_is_written() {
    let planted = [
        "use crate::{\n    problem::Problem,\n    detect::{Mad, Thr},\n};",
        "use crate::engine;",
        "pub fn f() -> crate::place::Outcome { todo() }",
        "use crate::spec as s;\nuse crate::time::Instant;",
        "pub(in crate::trace) use super::super::select::Mmt;",
    ];
    for text in planted {
        let found = forbidden_imports(&File::new("src/trace/planted.rs", text));
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].starts_with("src/trace/planted.rs:"), "{found:?}");
    }
    let in_root = File::new("src/stats.rs", "\nuse super::detect::Verdict;");
    assert!(forbidden_imports(&in_root)[0].starts_with("src/stats.rs:2: `stats` may not"));
    assert!(forbidden_imports(&File::new("src/novel/mod.rs", ""))[0].contains("has no row"));
}

#[test]
fn tests_comments_and_strings_import_nothing() {
    let innocent = [
        "// use crate::engine;\n/* crate::spec */ const S: &str = \"crate::place::x\";",
        "const R: &str = r#\"use \"crate::spec\" \"#; const Q: char = '\"'; // crate::spec",
        "#[cfg(test)]\nmod tests {\n    use crate::engine::run;\n    fn f() { {} }\n}",
        "#[cfg(test)]\nuse crate::engine::run;\nuse crate::model::{engine, spec::{self}};",
        "fn f<'a>(x: &'a str) -> &'a str { x }",
    ];
    for text in innocent {
        let found = forbidden_imports(&File::new("src/trace/innocent.rs", text));
        assert!(found.is_empty(), "{text}: {found:?}");
    }
}

/// Functions, files and lines of `file` that are too long.
fn too_long(file: &File) -> Vec<String> {
    let path = &file.path;
    let mut broken = Vec::new();
    for (name, line, length) in functions(&tokens(&file.text)) {
        if length > FUNCTION_LINES {
            let remedy = "split it where its steps have names";
            let rule = format!("at most {FUNCTION_LINES}; {remedy}");
            broken.push(format!("{path}:{line}: fn `{name}` has {length} lines, {rule}"));
        }
    }
    let lines = file.untested_lines();
    if lines > FILE_LINES {
        let rule = format!("at most {FILE_LINES}; give its second concept a file");
        broken.push(format!("{path}:1: {lines} lines without tests, {rule}"));
    }
    for (number, line) in file.text.lines().enumerate() {
        let columns = line.chars().count();
        if columns > COLUMNS {
            let rule = format!("at most {COLUMNS}; break the line");
            broken.push(format!("{path}:{}: {columns} columns, {rule}", number + 1));
        }
    }
    broken
}

#[test]
fn functions_files_and_lines_are_short() {
    assert_none(rust_files().iter().flat_map(too_long).collect());
}

#[test]
fn what_is_too_long_is_found() {
    let long = format!("fn short() {{}}\nfn long() {{\n{}}}\n", "    f();\n".repeat(69));
    let found = too_long(&File::new("src/x.rs", &long));
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("src/x.rs:2: fn `long` has 71 lines"), "{found:?}");
    assert!(!too_long(&File::new("src/x.rs", &"x\n".repeat(451))).is_empty());
    let tested = "x\n".repeat(449) + "#[cfg(test)]\n" + &"x\n".repeat(100);
    assert!(too_long(&File::new("src/x.rs", &tested)).is_empty());
    assert!(too_long(&File::new("src/x.rs", &"x".repeat(101)))[0].contains("101 columns"));
}

#[test]
fn every_file_opens_with_its_story() {
    let untold = rust_files().into_iter().filter(|file| !file.text.starts_with("//! "));
    let remedy = "begin it with `//! ` and the question that it answers";
    assert_none(untold.map(|file| format!("{}:1: no story; {remedy}", file.path)).collect());
}

#[test]
fn every_policy_file_cites_its_source() {
    let policies: Vec<File> = ["src/detect", "src/select", "src/place", "src/migrate", "src/lease"]
        .into_iter()
        .flat_map(|folder| files(folder, "rs"))
        .filter(|file| !file.is_test() && implements_a_policy(&file.text))
        .collect();
    assert!(policies.len() >= 12, "only {} policy files were found", policies.len());
    let story = |file: &File| -> String {
        file.text.lines().take_while(|line| line.starts_with("//!")).collect()
    };
    let uncited = policies.iter().filter(|file| !story(file).contains("Source:"));
    let remedy = "name the paper or program behind `Source:` in the story";
    assert_none(uncited.map(|f| format!("{}:1: cites no source; {remedy}", f.path)).collect());
}

fn implements_a_policy(text: &str) -> bool {
    [
        "OverloadDetector",
        "UnderloadDetector",
        "VmSelector",
        "Placer",
        "MigrationModel",
        "AdmissionPolicy",
        "PreemptionPolicy",
        "HostSelection",
    ]
    .into_iter()
    .any(|policy| text.contains(&format!("\nimpl {policy} for ")))
}

#[test]
fn no_name_says_nothing() {
    let all = rust_files().into_iter().chain(files("python", "py"));
    let vague = all.filter(|file| {
        file.path
            .split('/')
            .any(|part| FORBIDDEN_NAMES.contains(&part.split('.').next().unwrap_or_default()))
    });
    let remedy = "look for the concept and call it what the field calls it";
    assert_none(vague.map(|f| format!("{}:1: a name without meaning; {remedy}", f.path)).collect());
}

#[test]
fn nothing_is_left_to_be_done_later() {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];
    let texts = rust_files()
        .into_iter()
        .chain(files("python", "py"))
        .chain(files("docs", "md"))
        .chain(files("policies", "toml"))
        .chain(files("notebooks", "py"));
    let mut broken = Vec::new();
    for file in texts {
        for (number, line) in file.text.lines().enumerate() {
            if let Some(mark) = marks.iter().find(|&&mark| line.contains(mark)) {
                let place = format!("{}:{}", file.path, number + 1);
                broken.push(format!("{place}: {mark}; do it, or open an issue instead"));
            }
        }
    }
    assert_none(broken);
}
