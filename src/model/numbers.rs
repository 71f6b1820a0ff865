//! Numbers of hosts or VMs as people write them: `"0-39, 52"`, or a list.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// Some numbers.
///
/// ```
/// use galerna::model::numbers::Numbers;
///
/// let some = Numbers::Text("0-2, 7".into());
/// assert_eq!(some.ranges().unwrap(), [0..=2, 7..=7]);
/// assert_eq!(some.below(8).collect::<Vec<_>>(), [0, 1, 2, 7]);
/// assert!(Numbers::Text("3-1".into()).ranges().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected numbers, such as \"0-39, 52\" or [0, 1, 52]")]
pub enum Numbers {
    /// Numbers and ranges, with commas between them; both ends of a range belong to it.
    Text(String),
    /// One by one.
    List(Vec<u32>),
}

impl Default for Numbers {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl Numbers {
    /// The ranges, in the order given.
    ///
    /// # Errors
    /// The part that is neither a number nor a range that ascends.
    pub fn ranges(&self) -> Result<Vec<RangeInclusive<u32>>, String> {
        match self {
            Self::List(all) => Ok(all.iter().map(|&number| number..=number).collect()),
            Self::Text(text) => text.split(',').map(|part| range(part.trim())).collect(),
        }
    }

    /// The numbers below `limit`, in the order given; none where the text cannot be read.
    pub fn below(&self, limit: usize) -> impl Iterator<Item = usize> {
        let ranges = self.ranges().unwrap_or_default().into_iter();
        ranges.flat_map(move |range| {
            let (first, last) = range.into_inner();
            first as usize..(last as usize + 1).min(limit)
        })
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::List(all) if all.is_empty())
    }
}

/// `7` or `0-39`.
fn range(part: &str) -> Result<RangeInclusive<u32>, String> {
    let number = |text: &str| text.trim().parse::<u32>().map_err(|_| part.to_owned());
    match part.split_once('-') {
        None => number(part).map(|number| number..=number),
        Some((first, last)) => {
            let (first, last) = (number(first)?, number(last)?);
            if first <= last { Ok(first..=last) } else { Err(part.to_owned()) }
        }
    }
}
