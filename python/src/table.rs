//! A table that any Arrow library can take without copying it.

use polars::prelude::{ArrowField, CompatLevel, DataFrame};
use polars_arrow::array::{Array, StructArray};
use polars_arrow::datatypes::ArrowDataType;
use polars_arrow::ffi::{ArrowArrayStream, export_iterator};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

/// A result table, lent through the Arrow `PyCapsule` interface.
#[pyclass(frozen, module = "galerna._core")]
pub struct Table {
    inner: DataFrame,
}

impl From<DataFrame> for Table {
    fn from(mut inner: DataFrame) -> Self {
        inner.align_chunks();
        Self { inner }
    }
}

#[pymethods]
impl Table {
    /// The table as an Arrow stream. A requested schema is not obeyed, as the interface allows.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        drop(requested_schema);
        PyCapsule::new_with_value(py, stream(&self.inner), c"arrow_array_stream")
    }

    fn __len__(&self) -> usize {
        self.inner.height()
    }
}

/// One struct array per chunk of `frame`; the buffers are shared, not copied.
fn stream(frame: &DataFrame) -> ArrowArrayStream {
    let level = CompatLevel::newest();
    let columns = frame.columns().iter();
    let fields: Vec<ArrowField> = columns.map(|column| column.field().to_arrow(level)).collect();
    let dtype = ArrowDataType::Struct(fields);
    let field = ArrowField::new("".into(), dtype.clone(), false);
    let chunks: Vec<_> = frame
        .iter_chunks(level, false)
        .map(|chunk| {
            let rows = chunk.height();
            let array = StructArray::try_new(dtype.clone(), rows, chunk.into_arrays(), None)?;
            Ok(Box::new(array) as Box<dyn Array>)
        })
        .collect();
    export_iterator(Box::new(chunks.into_iter()), field)
}
