"""Does the Python of the README and of the pages under `docs` run, and print what they show?"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[tuple[str, str]]:
    """Language and text of each block of code."""
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def program(page: Path) -> str:
    """All Python of a page, block after block."""
    return "\n\n".join(text for language, text in blocks(page) if language == "python")


# Other Python on the pages looks at files that a reader has made.
WITH_PYTHON = [page for page in PAGES if "import galerna" in program(page)]


def run(page: Path, folder: Path) -> str:
    """What the Python of a page prints."""
    script = folder / "steady.py"
    script.write_text(program(page), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, cwd=folder, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def shown(page: Path) -> list[str]:
    """What the page says that its Python prints."""
    consoles = (text.partition("\n") for language, text in blocks(page) if language == "console")
    return [printed for command, _, printed in consoles if command.endswith("python steady.py")]


def test_there_is_something_to_run() -> None:
    names = {page.name for page in WITH_PYTHON}
    assert {"README.md", "python-policies.md", "compare-and-sweep.md"} <= names
    table = shown(ROOT / "README.md")[0]
    assert table.startswith("5 policies against lr-mmt: 1 day x 10 seeds, 10 pairs each")


@pytest.mark.parametrize("page", WITH_PYTHON, ids=lambda page: page.name)
def test_the_python_of_a_page_runs_and_prints_what_it_shows(page: Path, tmp_path: Path) -> None:
    printed = run(page, tmp_path)
    assert all(printed == expected for expected in shown(page))
