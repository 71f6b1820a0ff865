//! A policy as a spec names it: one that comes with galerna, or one written in Python.

use serde::{Deserialize, Serialize};

use super::PythonPolicy;

/// Who answers one question of `[policy]`; `T` lists the built-ins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Choice<T> {
    /// Written in Python.
    Python(PythonPolicy),
    /// Comes with galerna.
    BuiltIn(T),
}

impl<T> Choice<T> {
    /// The built-in policy, if it is one.
    pub fn built_in(&self) -> Option<&T> {
        match self {
            Self::BuiltIn(policy) => Some(policy),
            Self::Python(_) => None,
        }
    }

    /// The policy written in Python, if it is one.
    pub fn python(&self) -> Option<&PythonPolicy> {
        match self {
            Self::Python(policy) => Some(policy),
            Self::BuiltIn(_) => None,
        }
    }
}

impl<T> From<T> for Choice<T> {
    fn from(policy: T) -> Self {
        Self::BuiltIn(policy)
    }
}
