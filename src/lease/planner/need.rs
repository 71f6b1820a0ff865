//! What a node needs, and how amounts are written in the file of a planner.
//!
//! ```text
//! [100,512]            CPU and memory; nothing else
//! [100,512,0,0,0,2]    and two of the first resource of the site's own
//! ```

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::lease::{Amounts, MEMORY, RESOURCES};

/// Amounts of the resources of a site, by position: CPU in hundredths of a core, memory and disk in
/// MB, traffic in Mbit/s, then the site's own.
pub type Need = Amounts;

/// `first` of the first resources, nothing of the others.
///
/// ```
/// use galerna::lease::planner::need;
///
/// assert_eq!(need([100, 512]), [100, 512, 0, 0, 0, 0, 0, 0]);
/// ```
pub fn need<const N: usize>(first: [i64; N]) -> Need {
    std::array::from_fn(|k| first.get(k).copied().unwrap_or(0))
}

/// Writes amounts up to the last that is not 0, CPU and memory in any case.
pub(super) fn serialize<S: Serializer>(need: &Need, serializer: S) -> Result<S::Ok, S::Error> {
    let used = need.iter().rposition(|&amount| amount != 0).unwrap_or(0);
    need[..=used.max(MEMORY)].serialize(serializer)
}

/// Reads what [`serialize`] wrote.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Need, D::Error> {
    let written = Vec::<i64>::deserialize(deserializer)?;
    if written.len() > RESOURCES {
        let what = format!("{} amounts, at most {RESOURCES} are possible", written.len());
        return Err(serde::de::Error::custom(what));
    }
    Ok(std::array::from_fn(|k| written.get(k).copied().unwrap_or(0)))
}
