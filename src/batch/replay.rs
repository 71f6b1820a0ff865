//! The command that repeats one run of a batch alone.

use toml::Value;

use super::design::Change;
use crate::spec::Override;

/// `galerna run SPEC` with `changes`, as one types it in a shell.
pub(super) fn command(spec: &str, changes: &[Change]) -> String {
    let mut words = format!("galerna run {}", quoted(spec));
    for change in changes {
        words += &match (change.key.as_str(), &change.value) {
            ("run.seed", Value::Integer(seed)) => format!(" --seed {seed}"),
            _ => format!(" --set {}", quoted(&assignment(change))),
        };
    }
    words
}

/// `KEY=VALUE` such that `--set` reads the same value: text is written bare where it can be.
pub(super) fn assignment(change: &Change) -> String {
    let bare = change.value.as_str().map(|text| format!("{}={text}", change.key));
    let reads_back = |text: &String| {
        // A day may be read as a number: the spec takes both.
        let same_day = change.key == "trace.day"
            && Override::parse(text).is_ok_and(|read| read.into_parts().1.is_integer());
        same_day || Override::parse(text) == Ok(change.as_override())
    };
    bare.filter(reads_back).unwrap_or_else(|| format!("{}={}", change.key, change.value))
}

/// `word` for a POSIX shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./=:,+-@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use toml::Table;

    #[test]
    fn a_run_is_repeated_by_what_one_would_type() {
        let overload: Table = "kind = \"mad\"\nsafety = 3.0".parse().unwrap();
        let changes = [
            Change::new("policy.overload", overload),
            Change::new("trace.path", "my traces/day.parquet"),
            Change::new("trace.day", "20110303"),
            Change::new("migration.share", 0.25),
            Change::new("run.seed", 3),
        ];
        assert_eq!(
            command("lr-mmt", &changes),
            "galerna run lr-mmt --set 'policy.overload={ kind = \"mad\", safety = 3.0 }' \
             --set 'trace.path=my traces/day.parquet' --set trace.day=20110303 \
             --set migration.share=0.25 --seed 3"
        );
    }

    #[test]
    fn what_is_typed_reads_back_as_the_same_value() {
        let overload: Table = "kind = \"mad\"".parse().unwrap();
        let values: [Value; 6] =
            [1.into(), "1".into(), "it's".into(), true.into(), 0.1.into(), overload.into()];
        for value in values {
            let change = Change::new("a.b", value);
            assert_eq!(Override::parse(&assignment(&change)), Ok(change.as_override()));
        }
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
