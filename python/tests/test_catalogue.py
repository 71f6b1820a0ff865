"""Machines and instance types by name."""

from __future__ import annotations

from pathlib import Path

import galerna as gl
import pytest

OWN = """
[[host]]
name = "own"
cores = 4
core-mips = 3000
watts = [50, 55, 60, 65, 70, 75, 80, 85, 90, 95, 100]

[[instance]]
name = "own.small"
vcpus = 1
memory-gib = 2
ecu = 1
hour-price = 0.5
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.toml"
    path.write_text(OWN)
    return path


def test_every_row_says_where_it_is_from() -> None:
    rows = gl.catalogue.hosts() + gl.catalogue.instances()
    assert len(rows) > 20
    assert all(row["source"] for row in rows)


def test_ones_own_file_comes_first(own: Path) -> None:
    assert gl.catalogue.instances(own)[0]["name"] == "own.small"
    assert gl.catalogue.hosts(own)[0]["core-mips"] == 3000.0


def test_a_run_of_types_is_billed_by_the_catalogue(own: Path) -> None:
    spec = {
        "fleet": {
            "catalogue": str(own),
            "hosts": [{"machine": "own", "count": 3}],
            "vms": [{"instance": "own.small", "count": 2}, {"instance": "m1.large", "count": 3}],
        },
        "costs": {"vm-hour-price": "catalogue"},
    }
    run = gl.run(spec)
    assert run.vms.height == 2 + 3 * 2
    assert run.costs is not None
    # A day: 24 h x (2 x 0.5 + 3 x 0.24).
    assert run.costs["instance_hours"] == pytest.approx(24 * 1.72)


def test_what_is_unknown_is_refused_at_once() -> None:
    spec = {"fleet": {"vms": [{"instance": "m1.lage", "count": 1}, {"instance": "t3.large"}]}}
    with pytest.raises(gl.SpecError) as refused:
        gl.run(spec)
    assert [problem.code for problem in refused.value.problems] == ["GLN-682", "GLN-683"]
