"""What can go wrong, apart from exceptions of your own policies: those come out unchanged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Problem(NamedTuple):
    """One fault of an input: stable code, place, what is wrong, and what to do about it."""

    code: str
    place: str
    what: str
    remedy: str


class GalernaError(Exception):
    """A run was refused or stopped; `problems` holds every fault that was found.

    >>> import galerna as gl
    >>> try:
    ...     gl.run("lr-mmt", policy__overload__saftey=1.3)
    ... except gl.SpecError as error:
    ...     print(error.problems[0].what)
    unknown parameter `saftey` (did you mean `safety`?)
    """

    problems: tuple[Problem, ...]

    def __init__(self, message: str, problems: Iterable[tuple[str, str, str, str]] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(Problem(*problem) for problem in problems)


class SpecError(GalernaError, ValueError):
    """The spec says something impossible or unknown."""


class TraceError(GalernaError, ValueError):
    """The trace cannot be read as it is."""


class ForecastError(GalernaError, ValueError):
    """A forecast cannot be made, learned or judged like that."""


class RunFolderError(GalernaError, ValueError):
    """The folder of a run cannot be written or read as it is."""


class InfeasibleError(GalernaError, RuntimeError):
    """The fleet cannot hold the VMs."""


class ReservationError(GalernaError, ValueError):
    """A reservation cannot be made or changed like that; nothing was changed."""


class NoRoomError(ReservationError):
    """Other reservations are in the way; nothing was changed."""


class PolicyError(GalernaError, RuntimeError):
    """A policy that is not Python could not answer, or a plan holds a move that cannot be made."""
