//! How do policies differ, and how sure is that? Paired over days and seeds.
//!
//! Every policy runs on the same days and seeds. A seed other than 0 permutes which trace drives
//! which VM (and seeds the policy's own draws), so that seeds are repetitions even for policies
//! that draw nothing. Of two policies on the same day and seed the difference is taken; it is free
//! of all that makes one day harder than another. `stats::SignedRanks` tells whether the
//! differences centre on zero and `stats::Centre` on what; Holm's correction covers all
//! comparisons of the table together.
//!
//! **What is claimed.** Seeds of one day repeat that day, they are no new days. So the interval and
//! the p-value speak of the days that were run. Whether other days would show the same is for the
//! days themselves to say, each being one witness: a difference is called lower or higher only if
//! the days agree on its sign, all of them, or of six and more so many that a coin would do so in
//! at most `1 - confidence` of the cases (sign test). Else it depends on the day, and is called so.

mod contrast;
mod frame;
mod question;
mod text;

pub use contrast::{Contrast, Verdict};
pub use question::{Comparison, Entrant, Question, metric};
