"""What comes with galerna: policies, and machines and instance types by name."""

from __future__ import annotations

import json
import os
from typing import Any

from galerna import _core

Path = str | os.PathLike[str]


def policies() -> list[str]:
    """Names of the bundled policies; `run` takes each of them.

    >>> import galerna as gl
    >>> "cloudsim-3.0.3/lr-mmt" in gl.policies()
    True
    """
    return [name for name, _story in _core.policies()]


def describe(name: str) -> str:
    """The spec file of a bundled policy, whose comments tell what it is.

    >>> import galerna as gl
    >>> print(gl.describe("mad-mmt").splitlines()[0])
    # MAD-MMT: overload by MAD, the median absolute deviation; selection by minimum migration time; PABFD placement.
    """  # noqa: E501
    return _core.describe(name)


def hosts(file: Path | None = None) -> list[dict[str, Any]]:
    """The machines that a spec may name: cores, MIPS of a core, watts at 0, 10, .., 100 % load.

    `file` is a catalogue of one's own, whose rows come first.

    >>> import galerna as gl
    >>> [(host["name"], host["cores"]) for host in gl.catalogue.hosts()][0]
    ('hp-ml110-g4', 2)
    """
    rows: list[dict[str, Any]] = json.loads(_core.catalogue_hosts(file))
    return rows


def instances(file: Path | None = None) -> list[dict[str, Any]]:
    """The instance types that a spec or a lease may name: vCPUs, memory, ECU, price of an hour.

    `ecu`, `hour-price` and `priced` (the date of the price) are there where they were published.

    >>> import galerna as gl
    >>> {row["name"]: row["vcpus"] for row in gl.catalogue.instances()}["m1.large"]
    2
    """
    rows: list[dict[str, Any]] = json.loads(_core.catalogue_instances(file))
    return rows
