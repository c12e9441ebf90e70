"""`--format parquet`: the records as they are, nested columns included."""

from __future__ import annotations

from collections.abc import Sequence

from tvae.errors import DependencyError


def parquet_bytes(table: object, rows: Sequence[int] | None) -> bytes:
    """A file of Parquet.

    Args:
        table: whatever has an Arrow C stream.
        rows: the rows of it that are kept, in this order; all of them if None.

    Raises:
        DependencyError: if pyarrow is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError as error:
        raise DependencyError(
            "--format parquet needs pyarrow", path="pyarrow", hint="pip install 'tvae[parquet]'"
        ) from error
    found = pyarrow.table(table)
    if rows is not None:
        found = found.take(pyarrow.array(rows, pyarrow.int64()))
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(found, sink, compression="zstd")
    return bytes(sink.getvalue())
