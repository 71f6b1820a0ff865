"""Leased VMs that need an image, a disk and a boot before they run."""

from __future__ import annotations

from pathlib import Path

import galerna as gl
import pytest

PROVISION = {"clone": "full", "disk-mb-s": 200, "customise-s": 5, "boot-s": 30, "boot-cpu": 0.5}
IMAGES = {"count": 5, "size-mb": 600}


@pytest.fixture(scope="module")
def run() -> gl.Run:
    return gl.run("leases/loaded", leases__provision=PROVISION, leases__images=IMAGES)


def test_every_stage_is_in_the_tables(run: gl.Run) -> None:
    ready = run.provisions.drop_nulls("ready_us")
    assert ready.height > 10
    assert ((ready["ready_us"] - ready["customised_us"]) == 30_000_000).all()
    assert ((ready["customised_us"] - ready["cloned_us"]) == 5_000_000).all()
    assert run.image_sends.filter(run.image_sends["whole"] == 1)["bytes"].unique().to_list() == [
        6e8
    ]
    booted = run.actions.filter(run.actions["kind"] == "boot-end")
    assert booted.height >= ready.height


def test_the_summary_tells_means(run: gl.Run) -> None:
    summary = run.lease_summary
    assert summary is not None
    assert summary["mean_boot_s"] == 30
    assert summary["images_cached"] > 0


def test_a_folder_is_verified(tmp_path: Path) -> None:
    out = tmp_path / "run"
    gl.run("leases/loaded", out=out, leases__provision=PROVISION, leases__images=IMAGES)
    assert gl.check(out).is_clean
