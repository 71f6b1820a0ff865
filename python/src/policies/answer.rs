//! Answers of Python policies: how they are read, and what is said of wrong ones.

use galerna::id::HostId;
use numpy::{PyArray1, PyArrayDescrMethods, PyArrayMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBool;

/// An answer of the wrong type or shape.
pub fn mistyped(policy: &str, what: &str) -> PyErr {
    PyTypeError::new_err(format!("GLN-404 policy `{policy}`: {what}"))
}

/// An array of the wrong length.
pub fn misshapen(policy: &str, what: &str) -> PyErr {
    PyValueError::new_err(format!("GLN-404 policy `{policy}`: {what}"))
}

/// An answer that cannot be: a strange number, NaN, somebody who was not asked about.
pub fn impossible(policy: &str, what: &str) -> PyErr {
    PyValueError::new_err(format!("GLN-405 policy `{policy}`: {what}"))
}

/// A value and its type, in words.
pub fn described(value: &Bound<'_, PyAny>) -> String {
    let kind = value.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string());
    let text = value.repr().map_or_else(|_| "?".to_owned(), |text| text.to_string());
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{short} ({kind})")
}

/// About whom was asked, in words.
pub fn subject(hosts: &[HostId]) -> String {
    const SHOWN: usize = 8;
    let ids: Vec<String> = hosts.iter().take(SHOWN).map(|host| host.0.to_string()).collect();
    let plural = if hosts.len() == 1 { "host" } else { "hosts" };
    let more = match hosts.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{plural} {}{more}", ids.join(", "))
}

/// A number that names a host or VM: a whole number, or a view of one; not `True`.
pub fn id(value: &Bound<'_, PyAny>) -> Option<i64> {
    if value.is_instance_of::<PyBool>() { None } else { value.extract().ok() }
}

/// The one-dimensional array of whole numbers, or the sequence of them, that `value` is.
pub fn ids(value: &Bound<'_, PyAny>) -> Option<Vec<i64>> {
    match value.cast::<PyUntypedArray>() {
        Ok(array) if array.ndim() == 1 && matches!(array.dtype().kind(), b'i' | b'u') => {
            let wide = array.call_method1("astype", (numpy::dtype::<i64>(value.py()),)).ok()?;
            let wide = wide.cast_into::<PyArray1<i64>>().ok()?;
            Some(wide.readonly().as_array().to_vec())
        }
        // An empty array has some type, often float64.
        Ok(array) if array.shape() == [0] => Some(Vec::new()),
        Ok(_) => None,
        Err(_) => value.try_iter().ok()?.map(|item| id(&item.ok()?)).collect(),
    }
}

/// The one-dimensional array of numbers that `value` is.
pub fn numbers(value: &Bound<'_, PyAny>) -> Option<Vec<f64>> {
    let array = value.cast::<PyUntypedArray>().ok()?;
    if array.ndim() != 1 || !matches!(array.dtype().kind(), b'i' | b'u' | b'f') {
        return None;
    }
    let wide = array.call_method1("astype", (numpy::dtype::<f64>(value.py()),)).ok()?;
    let wide = wide.cast_into::<PyArray1<f64>>().ok()?;
    Some(wide.readonly().as_array().to_vec())
}

/// A read-only array of `values`.
pub fn read_only<T: numpy::Element>(py: Python<'_>, values: Vec<T>) -> Py<PyArray1<T>> {
    let array = PyArray1::from_vec(py, values);
    array.readwrite().make_nonwriteable();
    array.unbind()
}

/// An iterator over a sequence that is indexed from 0.
pub fn rows<'py>(sequence: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: the pointer is that of a live object, and the result is a new reference or null.
    unsafe {
        let iterator = pyo3::ffi::PySeqIter_New(sequence.as_ptr());
        Bound::from_owned_ptr_or_err(sequence.py(), iterator)
    }
}
