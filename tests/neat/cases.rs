//! The recorded calls.

use std::fs;

use serde_json::Value;

use crate::shared;

/// One call.
pub struct Case {
    /// The function, with its module.
    pub function: String,
    /// What its factory was called with; empty where there was none.
    pub factory: Vec<Value>,
    /// What it was called with.
    pub args: Vec<Value>,
    /// What it gave.
    pub result: Value,
}

/// All calls, or `None` with a message where the record is not on this machine.
pub fn all() -> Option<Vec<Case>> {
    let path = shared::file("reference/neat/cases.json")?;
    let text = fs::read_to_string(&path).expect("the record is text");
    let calls: Vec<Value> = serde_json::from_str(&text).expect("the record is JSON");
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let case = |call: &Value| Case {
        function: call["fn"].as_str().expect("a name").to_owned(),
        factory: list(&call["factory_args"]),
        args: list(&call["args"]),
        result: call["result"].clone(),
    };
    Some(calls.iter().map(case).collect())
}

/// The calls of the function with this name, `expected` in number; none where there is no record.
pub fn of(function: &str, expected: usize) -> Vec<Case> {
    let Some(all) = all() else { return Vec::new() };
    let of: Vec<Case> = all.into_iter().filter(|case| case.function == function).collect();
    assert_eq!(of.len(), expected, "calls of {function}");
    of
}

/// A number.
pub fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// A whole number.
pub fn whole(value: &Value) -> usize {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no whole number")) as usize
}

/// A list of numbers.
pub fn numbers(value: &Value) -> Vec<f64> {
    items(value).iter().map(number).collect()
}

/// A list of whole numbers.
pub fn wholes(value: &Value) -> Vec<usize> {
    items(value).iter().map(whole).collect()
}

/// A list.
pub fn items(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list"))
}

/// A map with whole numbers as keys.
pub fn map(value: &Value) -> Vec<(usize, Value)> {
    let pairs = items(&value["__map__"]).iter();
    pairs.map(|pair| (whole(&pair[0]), pair[1].clone())).collect()
}

/// The answer of a function, or that of what a factory made: the first of answer and state.
pub fn answer(case: &Case) -> &Value {
    if case.factory.is_empty() { &case.result } else { &case.result[0] }
}

/// Asserts that two lists of numbers are the same but for the last digit, which the JSON reader may
/// miss.
pub fn same(found: &[f64], expected: &[f64], what: &dyn std::fmt::Display) {
    let near = |a: f64, b: f64| (a - b).abs() <= 4.0 * f64::EPSILON * b.abs();
    let all = found.iter().zip(expected).all(|(&a, &b)| near(a, b));
    assert!(all && found.len() == expected.len(), "{found:?}, expected {expected:?}: {what}");
}
