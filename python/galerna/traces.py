"""What is in a trace?"""

from __future__ import annotations

import json
import os
from typing import Any

from galerna import _core


def trace_info(path: str | os.PathLike[str], day: str | int | None = None) -> dict[str, Any]:
    """Size, faults, level and autocorrelation of a trace: a folder, an archive or a Parquet file.

    >>> import galerna as gl
    >>> info = gl.trace_info("sample")
    >>> info["vms"], info["samples_per_vm"]
    (1052, 288)
    """
    info: dict[str, Any] = json.loads(_core.trace_info(path, None if day is None else str(day)))
    return info


def trace_days(path: str | os.PathLike[str]) -> list[str]:
    """The days of a trace, ascending; empty where it does not tell days apart."""
    return _core.days(path)
