//! Policies written in Python: one bridge per trait of the engine.

mod host_loads;
mod overload_detector;

pub use host_loads::HostLoads;
pub use overload_detector::Detector;
