//! Tables as Arrow C streams, which polars, pandas and pyarrow read without a copy.

use std::sync::Arc;

use arrow_array::builder::{Int64Builder, ListBuilder, StringBuilder};
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, RecordBatchIterator, StringArray};
use arrow_schema::ArrowError;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use tvae_scan::table::{Column, Table};

/// The capsule that `__arrow_c_stream__` returns.
pub(crate) fn stream(py: Python<'_>, table: Table) -> PyResult<Bound<'_, PyCapsule>> {
    let batch = batch(table).map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
    let schema = batch.schema();
    let stream = FFI_ArrowArrayStream::new(Box::new(RecordBatchIterator::new([Ok(batch)], schema)));
    PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
}

fn batch(table: Table) -> Result<RecordBatch, ArrowError> {
    RecordBatch::try_from_iter_with_nullable(
        table.0.into_iter().map(|(name, column)| (name, array(column), true)),
    )
}

fn array(column: Column) -> ArrayRef {
    match column {
        Column::Text(values) => Arc::new(StringArray::from(values)),
        Column::Int(values) => Arc::new(Int64Array::from(values)),
        Column::Float(values) => Arc::new(Float64Array::from(values)),
        Column::Texts(rows) => {
            let mut builder = ListBuilder::new(StringBuilder::new());
            for row in rows {
                builder.append_value(row.into_iter().map(Some));
            }
            Arc::new(builder.finish())
        }
        Column::Ints(rows) => {
            let mut builder = ListBuilder::new(Int64Builder::new());
            for row in rows {
                builder.append_value(row.into_iter().map(Some));
            }
            Arc::new(builder.finish())
        }
    }
}
