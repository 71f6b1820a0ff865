"""Does a detector in Python decide as the same one in Rust, and see what it is told it sees?"""

from __future__ import annotations

import gc
from collections.abc import Sequence

import galerna as gl
import numpy as np
import pytest
from galerna.policy import BatchedDetector, PerItemDetector
from mad import Mad
from mad_batched import MadBatched


@pytest.mark.parametrize("spec", ["mad-mmt", "cloudsim-3.0.3/mad-mmt"])
def test_mad_in_python_gives_the_log_of_the_builtin(spec: str) -> None:
    built_in = gl.run(spec).event_log_blake3
    assert gl.run(spec, overload=Mad()).event_log_blake3 == built_in
    assert gl.run(spec, overload=MadBatched()).event_log_blake3 == built_in


@pytest.mark.parametrize("detector", [Mad, MadBatched])
def test_a_published_day_gives_the_log_of_the_builtin(
    planetlab: dict[str, object], detector: type
) -> None:
    spec = "cloudsim-3.0.3/mad-mmt"
    built_in = gl.run(spec, **planetlab)
    assert gl.run(spec, overload=detector(), **planetlab).event_log_blake3 == (
        built_in.event_log_blake3
    )


def test_the_examples_are_what_the_protocols_say() -> None:
    assert isinstance(Mad(), PerItemDetector)
    assert isinstance(MadBatched(), BatchedDetector)


def test_a_history_is_a_tuple_no_longer_than_the_window() -> None:
    lengths = set()

    class Probe:
        window = 7

        def is_overloaded(self, now: float, history: Sequence[float]) -> bool:
            assert type(now) is float
            assert type(history) is tuple
            lengths.add(len(history))
            return now > 0.9

    gl.run("mad-mmt", overload=Probe())
    assert max(lengths) == 7
    assert min(lengths) < 7


class Keep:
    """Keeps what it was lent, beyond the call."""

    window = 12

    def __init__(self) -> None:
        self.kept: list[tuple[str, np.ndarray, np.ndarray]] = []
        self.sizes: set[tuple[str, int]] = set()

    def assess(self, hosts: gl._core.HostLoads) -> np.ndarray:
        n = len(hosts)
        self.sizes.add((hosts.question, n))
        if len(self.kept) < 2000:
            self.kept.append((hosts.question, hosts.history, hosts.now))
        assert hosts.history.shape == (n, 12)
        missing = np.arange(12) < 12 - hosts.lengths[:, None]
        assert (np.isnan(hosts.history) == missing).all()
        assert hosts.ids.shape == hosts.copy_intervals.shape == hosts.now.shape == (n,)
        assert len(set(hosts.ids.tolist())) == n
        assert (hosts.copy_intervals >= 1).all()
        assert hosts.now is hosts.now
        return hosts.now > 0.8


def test_views_say_what_they_show_and_stay_valid() -> None:
    keep = Keep()
    gl.run("thr-mmt", overload=keep)
    gc.collect()
    assert {question for question, _ in keep.sizes} == {"now", "with-vm"}
    assert max(n for question, n in keep.sizes if question == "with-vm") == 8
    assert all(np.nanmin(h, initial=0.0) >= 0.0 and (now >= 0).all() for _, h, now in keep.kept)


@pytest.mark.parametrize("column", ["now", "history", "lengths", "ids", "copy_intervals"])
def test_views_are_read_only(column: str) -> None:
    class Vandal:
        def assess(self, hosts: gl._core.HostLoads) -> np.ndarray:
            getattr(hosts, column)[...] = 0
            return hosts.now > 0.8

    with pytest.raises(ValueError, match="read-only"):
        gl.run("mad-mmt", overload=Vandal())


def test_none_and_minus_one_leave_it_to_the_fallback() -> None:
    class Shy:
        def assess(self, hosts: gl._core.HostLoads) -> np.ndarray:
            return np.full(len(hosts), -1, np.int8)

    fallback = gl.run("thr-mmt", policy__overload__threshold=0.7).event_log_blake3
    assert gl.run("mad-mmt", overload=Shy()).event_log_blake3 == fallback
    assert gl.run("mad-mmt", overload=lambda now, past: None).event_log_blake3 == fallback


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int64", "float32"])
def test_answers_of_every_whole_type_will_do(dtype: str) -> None:
    class Threshold:
        def assess(self, hosts: gl._core.HostLoads) -> np.ndarray:
            return (hosts.now > 0.8).astype(dtype)

    if dtype == "float32":
        with pytest.raises(TypeError, match="an array of float32, expected a NumPy array"):
            gl.run("mad-mmt", overload=Threshold())
    else:
        same = gl.run("thr-mmt", policy__overload__threshold=0.8).event_log_blake3
        assert gl.run("mad-mmt", overload=Threshold()).event_log_blake3 == same


def test_a_strided_answer_and_a_numpy_bool_will_do() -> None:
    class Strided:
        def assess(self, hosts: gl._core.HostLoads) -> np.ndarray:
            return np.repeat(hosts.now > 0.8, 2)[::2]

    same = gl.run("thr-mmt", policy__overload__threshold=0.8).event_log_blake3
    assert gl.run("mad-mmt", overload=Strided()).event_log_blake3 == same
    numpy_bool = gl.run("mad-mmt", overload=lambda now, past: np.float64(now) > 0.8)
    assert numpy_bool.event_log_blake3 == same
