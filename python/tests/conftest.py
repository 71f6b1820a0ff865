"""What the tests share: the example policies, and the published traces where they are at hand."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "policies" / "python"))


@pytest.fixture(scope="session")
def planetlab() -> dict[str, object]:
    """Overrides that select the first published day; skips where the traces are not there."""
    shared = Path(os.environ.get("GALERNA_SHARED") or ROOT.parent / "shared")
    path = shared / "traces" / "planetlab" / "planetlab_long.parquet"
    if not path.exists():
        message = f"skipped: there is no {path} (set GALERNA_SHARED)"
        if os.environ.get("GALERNA_REQUIRE_SHARED"):
            pytest.fail(message)
        pytest.skip(message)
    return {"trace__path": path, "trace__day": "20110303"}
