"""Is a finished run what it says? An independent check, from its tables alone."""

from __future__ import annotations

import os
from typing import NamedTuple

from galerna import _core
from galerna.errors import Problem


class Report(NamedTuple):
    """What a check found."""

    findings: tuple[Problem, ...]
    """Everything that is wrong; empty for a sound run."""
    recomputed: dict[str, float]
    """The figures as they follow from the actions."""
    unverified: tuple[str, ...]
    """What could not be verified, and why."""
    text: str
    """All of it in words."""

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong with what could be verified."""
        return not self.findings

    def __str__(self) -> str:
        return self.text


def check(folder: str | os.PathLike[str]) -> Report:
    """Verify a folder that `Run.write` or `galerna run --out` wrote.

    >>> import galerna as gl, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     gl.run("mad-mmt").write(folder)
    ...     gl.check(folder).is_clean
    True
    """
    findings, recomputed, unverified, text = _core.check(folder)
    return Report(tuple(Problem(*f) for f in findings), dict(recomputed), tuple(unverified), text)
