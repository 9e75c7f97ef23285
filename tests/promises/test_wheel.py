"""The wheel: what is in it, and that it works away from the checkout."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from support.paths import ROOT

ROOMS = ["metrics", "optimize", "programs", "seedbed", "signatures"]
HEAVY = ["dspy", "torch", "sentence_transformers", "datasets", "litellm"]


def run(*command: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, env=clean)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy: a build must leave nothing in the checkout."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for room in [*ROOMS, "data"]:
        shutil.copytree(ROOT / room, source / room, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source / file)
    built = run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, cwd=source)
    assert built.returncode == 0, built.stdout + built.stderr
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as file:
        return file.namelist()


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of a fresh environment that holds the wheel, and borrows its dependencies from this one."""
    venv = tmp_path_factory.mktemp("venv")
    run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=venv)
    site = next(venv.glob("lib/python*/site-packages"))
    pip = (sys.executable, "-m", "pip", "--python", venv / "bin" / "python", "install", "--quiet")
    done = run(*pip, "--no-deps", "--no-index", wheel, cwd=venv)
    assert done.returncode == 0, done.stderr
    (site / "borrowed.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    return venv / "bin"


def test_the_top_level_is_the_five_rooms(names: list[str]) -> None:
    assert sorted({name.split("/")[0] for name in names if ".dist-info/" not in name}) == ROOMS


@pytest.mark.parametrize("room", ROOMS)
def test_every_module_of_a_room_is_in_it(names: list[str], room: str) -> None:
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / room).rglob("*.py")}
    assert modules == {name for name in names if name.startswith(f"{room}/") and name.endswith(".py")}


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_is_typed(names: list[str], room: str) -> None:
    assert f"{room}/py.typed" in names


def test_the_data_is_in_it(names: list[str]) -> None:
    data = {f"seedbed/data/{path.relative_to(ROOT / 'data')}" for path in (ROOT / "data").rglob("*") if path.is_file()}
    assert data <= set(names)
    assert "metrics/calibration/shipped.json" in names


def test_the_page_of_the_report_is_in_it(names: list[str]) -> None:
    page = ROOT / "seedbed" / "reports" / "html" / "page"
    files = {str(path.relative_to(ROOT)) for path in page.iterdir() if path.is_file()}
    assert {path.rsplit(".")[-1] for path in files} == {"py", "html", "css", "js"}
    assert files <= set(names)


def test_the_licence_is_in_it(names: list[str]) -> None:
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


@pytest.mark.parametrize("command", ["--help", "recipes", "models", "init demo"])
def test_the_command_works_away_from_the_checkout(installed: Path, tmp_path: Path, command: str) -> None:
    done = run(installed / "seedbed", *command.split(), cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_command_runs_the_installed_package(installed: Path, tmp_path: Path) -> None:
    done = run(installed / "python", "-c", "import seedbed; print(seedbed.__file__)", cwd=tmp_path)
    assert Path(done.stdout.strip()).is_relative_to(installed.parent)


@pytest.mark.parametrize("module", HEAVY)
def test_starting_the_command_does_not_load(module: str) -> None:
    code = f"import sys, seedbed.cli.main; sys.exit({module!r} in sys.modules)"
    assert run(sys.executable, "-c", code, cwd=ROOT).returncode == 0
