"""How to write an overload detector: a plain class or function, no base class needed.

The engine asks a detector about every host that runs VMs at each sample, again after each VM it
takes away, and about each destination it considers: would that host be overloaded with this VM?

**Host by host** is the simple form. `is_overloaded(now, history)` gets the utilisation now (above 1
when oversubscribed) and the past, oldest first, as a tuple. It answers `True`, `False`, or `None`
while it cannot tell; then the fallback of the spec answers.

>>> class Jumpy:
...     '''Overloaded above 90 %, or above 70 % and rising.'''
...     window = 2
...     def is_overloaded(self, now, history):
...         return now > 0.9 or (now > 0.7 and now > history[0])
>>> import galerna as gl
>>> gl.run("mad-mmt", overload=Jumpy()).spec["policy"]["overload"]["kind"]
'python'

A function with the same parameters will do too:

>>> run = gl.run("mad-mmt", overload=lambda now, history: now > 0.8)
>>> same = gl.run("mad-mmt", overload=gl.Thr(threshold=0.8))
>>> run.event_log_blake3 == same.event_log_blake3
True

**Batched** is the form for NumPy, used when present: `assess(hosts)` is asked about many hosts at
once and answers with one array, see `HostLoads`. It pays where a judgement needs NumPy (a call
costs as much for eight hosts as for one) or a model; for a few comparisons plain Python is faster.

>>> class Static:
...     window = 0
...     def assess(self, hosts):
...         return hosts.now > 0.8
>>> gl.run("mad-mmt", overload=Static()).event_log_blake3 == same.event_log_blake3
True

Two optional attributes: `window`, how many samples of history are wanted (0 to 30, default 30), and
`name`, by which messages call the detector (default: the class or function). State that a detector
keeps lasts as long as the object: pass a fresh one to each run. An exception ends the run and comes
out of `galerna.run` unchanged, with a note that names policy, simulated time and host.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from galerna.spec import Detector

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from galerna._core import HostLoads

MAX_WINDOW = 30


@runtime_checkable
class PerItemDetector(Protocol):
    """Judges one host at a time."""

    def is_overloaded(self, now: float, history: Sequence[float]) -> bool | None:
        """Will a host of this load run short? `None` when that cannot be told yet."""


@runtime_checkable
class BatchedDetector(Protocol):
    """Judges many hosts at once."""

    def assess(self, hosts: HostLoads) -> npt.NDArray[np.bool_] | npt.NDArray[np.signedinteger]:
        """One answer per row: 1 or `True` overloaded, 0 or `False` normal, -1 cannot tell yet."""


JudgeFunction: TypeAlias = Callable[[float, Sequence[float]], "bool | None"]
"""A function that judges one host at a time."""

OverloadDetector: TypeAlias = PerItemDetector | BatchedDetector | JudgeFunction
"""A detector written in Python."""

Overload: TypeAlias = OverloadDetector | Detector | Mapping[str, Any] | str
"""Whatever `overload=` of `galerna.run` takes: a Python detector, or a built-in one."""

Resolved: TypeAlias = "tuple[Callable[..., Any], str, int, bool]"


def resolve(detector: OverloadDetector) -> Resolved:
    """What is called, the detector's name, its window, and whether it is batched.

    >>> def above_80(now, history): return now > 0.8
    >>> resolve(above_80)[1:]
    ('above_80', 30, False)
    """
    if isinstance(detector, type):
        raise TypeError(
            f"overload={detector.__name__} is a class, expected a detector: "
            f"write overload={detector.__name__}()"
        )
    name = name_of(detector)
    batched = callable(getattr(detector, "assess", None))
    if batched:
        call = detector.assess  # type: ignore[union-attr]
    elif callable(getattr(detector, "is_overloaded", None)):
        call = detector.is_overloaded  # type: ignore[union-attr]
    elif callable(detector):
        call = detector
    else:
        raise TypeError(
            f"overload={detector!r} is no detector: expected a class with "
            "is_overloaded(now, history) or assess(hosts), a function (now, history), or a "
            "built-in such as gl.Mad(safety=2.5), {'kind': 'mad'} or 'mad'"
        )
    return call, name, window_of(detector, name), batched


def name_of(detector: object) -> str:
    """The detector's `name`, or that of its class or function."""
    name = getattr(detector, "name", None) or getattr(detector, "__name__", None)
    return name if isinstance(name, str) else type(detector).__name__


def window_of(detector: object, name: str) -> int:
    """The detector's `window`, checked."""
    window = getattr(detector, "window", MAX_WINDOW)
    if isinstance(window, bool) or not hasattr(window, "__index__"):
        raise TypeError(f"policy `{name}`: window is {window!r}, expected a whole number")
    if not 0 <= window <= MAX_WINDOW:
        raise ValueError(f"policy `{name}`: window is {window}, expected 0 to {MAX_WINDOW} samples")
    return int(window)


def entry_of(detector: object) -> str:
    """Where the detector's code is: `module:name`."""
    code = detector if hasattr(detector, "__qualname__") else type(detector)
    return f"{code.__module__}:{code.__qualname__}"
