//! How many threads may a command use?

use std::num::NonZeroUsize;
use std::thread::available_parallelism;

/// The variable that polars reads before it makes its threads.
const POLARS: &str = "POLARS_MAX_THREADS";

/// A single run gains nothing from more.
const FEW: usize = 4;

/// How many threads many runs may use: `wanted`, or as many as there are processors.
pub(super) fn for_many_runs(wanted: Option<u16>) -> usize {
    let wanted = wanted.map(usize::from);
    limit(wanted);
    wanted.unwrap_or_else(processors)
}

fn processors() -> usize {
    available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Limits the threads of this process to `wanted`, or to a few; must come before their first use.
pub(super) fn limit(wanted: Option<usize>) {
    let threads = wanted.unwrap_or(processors().min(FEW));
    if wanted.is_some() || std::env::var_os(POLARS).is_none() {
        // SAFETY: a command calls this before it starts any thread that could read the environment.
        #[allow(unsafe_code, reason = "the only way to tell polars")]
        unsafe {
            std::env::set_var(POLARS, threads.to_string());
        }
    }
    // Fails when the pool exists already, in a host process that has made its own choice.
    let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
}
