"""How does the package behave as a process: imports, Ctrl-C, threads, the command, the stubs?"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import galerna as gl
import pytest

IMPORT = """
import sys, time
start = time.perf_counter()
import galerna
took = time.perf_counter() - start
heavy = {"numpy", "polars", "pyarrow", "pandas"} & set(sys.modules)
assert not heavy, heavy
galerna.run("dvfs").summary
assert "polars" not in sys.modules
print(took)
"""

NATIVE = "while True: gl.run('mad-mmt')"
PYTHON = """
class Slow:
    def is_overloaded(self, now, history):
        sum(range(2000))
        return now > 0.8
gl.run('mad-mmt', overload=Slow())
"""
BATCHED = """
import numpy as np
class Slow:
    def assess(self, hosts):
        np.sort(np.random.default_rng(1).random(20000))
        return hosts.now > 0.8
gl.run('mad-mmt', overload=Slow())
"""


PLACER = """
class Slow:
    def choose(self, vm, hosts):
        sum(range(2000))
        return next((host for host in hosts if not host.would_be_overloaded()), None)
gl.run('mad-mmt', place=Slow())
"""
PLANNER = """
class Slow:
    def plan(self, snapshot):
        sum(range(200_000))
        snapshot.vms.history.mean()
while True: gl.run('mad-mmt', plan=Slow())
"""


def python(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *args]
    around = os.environ | env
    return subprocess.run(command, capture_output=True, text=True, check=False, env=around)


IDS = ["native", "per item", "batched", "placer", "planner"]


def test_import_is_fast_and_lazy(tmp_path: Path) -> None:
    times = []
    # An installed package has its bytecode.
    cached = {"PYTHONPYCACHEPREFIX": str(tmp_path), "PYTHONDONTWRITEBYTECODE": ""}
    for _ in range(5):
        result = python("-c", IMPORT, **cached)
        assert result.returncode == 0, result.stderr
        times.append(float(result.stdout))
    assert min(times) < 0.2


@pytest.mark.parametrize("code", [NATIVE, PYTHON, BATCHED, PLACER, PLANNER], ids=IDS)
def test_ctrl_c_ends_a_run_within_a_second(code: str) -> None:
    program = f"import galerna as gl\nprint('ready', flush=True)\n{code}"
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(1.0)
    assert process.poll() is None, "the run is long enough to be interrupted"
    start = time.perf_counter()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert time.perf_counter() - start < 1.0
    assert "KeyboardInterrupt" in errors


def test_runs_go_on_in_threads_and_are_alike() -> None:
    hashes: list[str] = []
    work = [
        threading.Thread(target=lambda: hashes.append(gl.run("mad-mmt").event_log_blake3))
        for _ in range(4)
    ]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    assert len(hashes) == 4
    assert len(set(hashes)) == 1


def test_the_command_is_that_of_the_binary() -> None:
    listed = python("-m", "galerna", "policies", "list")
    assert listed.returncode == 0
    assert "cloudsim-3.0.3/lr-mmt" in listed.stdout
    wrong = python("-m", "galerna", "run", "lr-mtt")
    assert wrong.returncode == 2
    assert "did you mean `lr-mmt`" in wrong.stderr


def test_the_stubs_match_the_compiled_half() -> None:
    pytest.importorskip("mypy", reason="skipped: mypy is not installed")
    result = python("-m", "mypy.stubtest", "galerna._core")
    assert result.returncode == 0, result.stdout + result.stderr
