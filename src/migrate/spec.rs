//! The built-in migration models by name.

use super::{
    Clark, FullRound, Hybrid, Liu, MigrationModel, Mvm, PostCopy, PreCopy, RamOverBandwidth,
    StopAndCopy, Storage, UsedOverBandwidth, Wan,
};
use crate::problem::{Problem, suggestion};

/// Every built-in model: the published ones first, by age of the idea.
pub const ALL: [&str; 15] = [
    "ram-over-half-bandwidth",
    "ram-over-bandwidth",
    "used-over-bandwidth",
    "clark-ram",
    "clark",
    "clark-capped",
    "liu",
    "mvm",
    "full-round",
    "pre-copy",
    "post-copy",
    "hybrid",
    "stop-and-copy",
    "storage",
    "wan",
];

/// The model `name` with its default parameters.
///
/// # Errors
///
/// GLN-314 where there is no such model.
pub fn named(name: &str) -> Result<Box<dyn MigrationModel>, Problem> {
    Ok(match name {
        "ram-over-half-bandwidth" => Box::new(RamOverBandwidth::halved()),
        "ram-over-bandwidth" => Box::new(RamOverBandwidth::default()),
        "used-over-bandwidth" => Box::new(UsedOverBandwidth),
        "clark-ram" => Box::new(Clark::ram()),
        "clark" => Box::new(Clark::used()),
        "clark-capped" => Box::new(Clark::capped()),
        "liu" => Box::new(Liu::default()),
        "mvm" => Box::new(Mvm),
        "full-round" => Box::new(FullRound),
        "pre-copy" => Box::new(PreCopy),
        "post-copy" => Box::new(PostCopy::default()),
        "hybrid" => Box::new(Hybrid::default()),
        "stop-and-copy" => Box::new(StopAndCopy),
        "storage" => Box::new(Storage::default()),
        "wan" => Box::new(Wan::default()),
        _ => {
            let what = format!("there is no migration model `{name}`{}", suggestion(name, ALL));
            let remedy = format!("Choose one of {}", ALL.join(", "));
            return Err(Problem::new("GLN-314", "model", what, remedy));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_answers_to_its_name() {
        for name in ALL {
            assert_eq!(named(name).expect("it is listed").name(), name);
        }
        let problem = named("pre-cpy").err().expect("there is none");
        assert!(problem.to_string().contains("did you mean `pre-copy`?"), "{problem}");
    }
}
