"""Are policies found by the name of their code, and is it told what is imported?"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import galerna as gl
import pytest
from galerna import loading
from galerna.testing import tiny_world

CODE = """
class Above:
    def __init__(self, limit_now=0.8):
        self.limit_now = limit_now
    def is_overloaded(self, now, history):
        return now > self.limit_now

def above(now, history, limit=0.8):
    return now > limit

def smallest(host, vms):
    return min(vms, key=lambda vm: vm.ram_bytes)

class Late:
    calls = 0
    def pick(self, host, vms):
        self.calls += 1
        if self.calls == 9:
            raise KeyError("late")
        return vms[0]

class Strict:
    def __init__(self, must):
        self.must = must

made = Above()
"""


@pytest.fixture
def folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Path]:
    """A folder that is the current one and holds the module `mine`."""
    (tmp_path / "mine.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    loading.announced.clear()
    yield tmp_path
    sys.modules.pop("mine", None)


def spec(folder: Path, policy: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(f"[policy]\nselect = 'mmt'\n{policy}\n")
    return path


THR = {"kind": "thr", "threshold": 0.9}


@pytest.mark.parametrize(
    "overload",
    [
        '{ kind = "python", entry = "mine:Above", params = { limit-now = 0.9 } }',
        '{ kind = "python", entry = "mine:above", params = { limit = 0.9 } }',
    ],
)
def test_a_spec_file_names_code_and_says_so(
    folder: Path, capfd: pytest.CaptureFixture[str], overload: str
) -> None:
    run = gl.run(spec(folder, f"overload = {overload}"))
    same = gl.run({"policy": {"select": "mmt", "overload": THR}})
    assert run.event_log_blake3 == same.event_log_blake3
    told = capfd.readouterr().err
    assert "galerna: policy.overload is Python code, importing mine:" in told
    assert f"from {folder / 'mine.py'}" in told
    assert run.spec["policy"]["overload"]["params"]
    gl.run(spec(folder, f"overload = {overload}"))
    assert capfd.readouterr().err == "", "it is told once"


def test_code_may_be_named_wherever_a_policy_is_expected(folder: Path) -> None:
    expected = gl.run("mad-mmt").event_log_blake3
    for run in (
        gl.run("mad-mmt", select="mine:smallest"),
        gl.run("mad-mmt", select={"kind": "python", "entry": "mine:smallest"}),
        gl.run("mad-mmt", set={"policy.select": "mine:smallest"}),
        gl.run("mad-mu", policy__select="mine:smallest"),
    ):
        assert run.event_log_blake3 == expected
        assert run.spec["policy"]["select"] == {"kind": "python", "entry": "mine:smallest"}


def test_each_run_gets_a_fresh_instance(folder: Path) -> None:
    for _ in range(2):
        with pytest.raises(KeyError) as caught:
            gl.run("mad-mmt", select="mine:Late")
        assert "policy `Late` at t = " in caught.value.__notes__[0]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("mine:Abov", r"`mine:Abov`: mine has no `Abov` \(did you mean `Above`\?\)"),
        ("mine:made", "`mine:made` is an object of Above, which runs would share. Name its class"),
        ("mine:f.<locals>.g", "was made inside a function"),
        ("stedy", "no installed package offers a policy `stedy`"),
    ],
)
def test_code_that_is_not_there_is_a_spec_error(folder: Path, entry: str, words: str) -> None:
    with pytest.raises(gl.SpecError, match=rf"GLN-403 \[policy\] select: .*{words}") as caught:
        gl.run("mad-mmt", select={"kind": "python", "entry": entry})
    assert caught.value.problems[0].code == "GLN-403"


def test_faults_of_the_code_itself_come_out_unchanged(folder: Path) -> None:
    with pytest.raises(ModuleNotFoundError, match="No module named 'mein'") as caught:
        gl.run("mad-mmt", overload="mein:Above")
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'must'"):
        gl.run("mad-mmt", overload="mine:Strict")
    with pytest.raises(TypeError, match="is no selector"):
        gl.run("mad-mmt", select="mine:Above")
    assert "policy.overload" in caught.value.__notes__[0]
    assert "mein:Above" in caught.value.__notes__[0]


def test_an_installed_package_offers_policies_by_entry_points(folder: Path) -> None:
    info = folder / "mine-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[galerna.policies]\nsteady = mine:smallest\n")
    sys.path.append(str(folder))
    run = gl.run("mad-mmt", select={"kind": "python", "entry": "steady"})
    assert run.event_log_blake3 == gl.run("mad-mmt").event_log_blake3
    with pytest.raises(gl.SpecError, match=r"`stedy` \(did you mean `steady`\?\)\. Known: steady"):
        gl.run("mad-mmt", select={"kind": "python", "entry": "stedy"})


def command(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """The console script's way in, where the current directory is not on the path."""
    code = "import sys; sys.path.remove(''); from galerna.__main__ import main; sys.exit(main())"
    program = [sys.executable, "-c", code, *args]
    return subprocess.run(program, capture_output=True, text=True, cwd=folder, check=False)


def test_the_command_runs_specs_that_name_python_code(folder: Path) -> None:
    out = folder / "out"
    path = spec(folder, 'overload = { kind = "python", entry = "mine:above" }')
    done = command(folder, "run", os.fspath(path), "--out", os.fspath(out))
    assert done.returncode == 0, done.stderr
    assert "policy.overload is Python code, importing mine:above from" in done.stderr
    expected = gl.run({"policy": {"overload": "thr", "select": "mmt"}}).event_log_blake3
    assert f"event log {expected}" in done.stdout
    assert gl.check(out).is_clean


def test_policies_in_python_compete_on_all_threads(folder: Path) -> None:
    with tiny_world([[20 + 3 * (k % 25), 30] * 12 for k in range(12)], hosts=6) as world:
        path = spec(folder, "overload = 'mine:Above'")
        trace = ["--set", f"trace.path={world['trace']['path']}"]
        done = command(folder, "compare", "thr-mmt", os.fspath(path), "--seeds", "6", *trace)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("importing mine:Above from") == 1
    assert "identical" in done.stdout


def test_the_command_tells_what_code_raised_with_its_traceback(folder: Path) -> None:
    failed = command(folder, "run", "mad-mmt", "--set", "policy.select=mine:Late")
    assert failed.returncode == 4
    assert "GLN-401 policy `Late` at t = " in failed.stderr
    assert 'raise KeyError("late")' in failed.stderr
    assert failed.stderr.rstrip().endswith("KeyError: 'late'")
    missing = command(folder, "run", "mad-mmt", "--set", "policy.select=mein:Late")
    assert missing.returncode == 4
    assert "GLN-403 policy `mein:Late`, policy.select: " in missing.stderr
    assert "No module named 'mein'" in missing.stderr
