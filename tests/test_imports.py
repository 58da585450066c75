"""Who may import whom: core never needs dash, and the page never needs torch."""

import ast
import functools
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

LOADED = """
import importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps(sorted({name.split(".")[0] for name in sys.modules})))
"""


def modules_of(package: str) -> list[str]:
    """The names of all modules of a package, as Python imports them."""
    paths = sorted((ROOT / package).rglob("*.py"))
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths]
    return [name.removesuffix(".__init__") for name in names]


@functools.cache  # all of core takes seconds
def loaded_by(*modules: str) -> set[str]:
    """Every top-level package that a fresh Python has loaded after importing these."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *modules],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def test_core_never_imports_dash_and_the_page_never_imports_torch() -> None:
    core, page = modules_of("core"), modules_of("dashboard")
    assert "core.service.service" in core
    assert {"dashboard.app", "dashboard.tabs.train.callbacks"} <= set(page)

    in_core, in_page = loaded_by(*core), loaded_by(*page)

    assert "torch" in in_core
    assert not in_core & {"dash", "dash_bootstrap_components", "plotly", "fastapi", "dashboard"}
    assert "dash" in in_page
    assert not in_page & {"torch", "torchvision"}


def test_settings_records_and_metric_files_load_without_torch() -> None:
    modules = (
        "core.config",
        "core.records.runs",
        "core.export.metrics",
        "core.analysis.mistakes",
        "core.records.layers",
    )
    loaded = loaded_by(*modules)

    assert not loaded & {"torch", "torchvision", "dash"}


def test_what_is_slow_to_load_and_seldom_needed_waits_until_it_is_needed() -> None:
    assert not loaded_by(*modules_of("core")) & {"captum", "matplotlib", "openTSNE", "sklearn"}


def test_the_command_line_is_read_before_anything_slow_is_loaded() -> None:
    assert not loaded_by("run") & {"torch", "dash", "uvicorn"}


def imports_of(folder: str) -> set[tuple[str, str]]:
    """Which file of a folder names which module in an import."""
    found = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                file = path.relative_to(ROOT).as_posix()
                found |= {(file, f"{node.module}.{name.name}") for name in node.names}
    return found


CORE = (
    {"errors", "names", "numbers"},
    {"config", "device", "disk", "drawing", "records"},
    {"data", "models"},
    {"training", "weight_files"},
    {"explain", "export", "inference", "runs"},
    {"analysis"},
    {"service"},
)
DASHBOARD = (
    {"formatting", "ids", "service", "theme", "urls", "values"},
    {"components", "live"},
    {"server"},
    {"guide_page", "tabs"},
    {"api", "navigation"},
    {"callbacks"},
    {"app"},
)
"""Packages and modules from the lowest layer to the highest; each may import lower ones alone."""


@pytest.mark.parametrize(("folder", "layers"), [("core", CORE), ("dashboard", DASHBOARD)])
def test_dependencies_point_one_way(folder: str, layers: tuple[set[str], ...]) -> None:
    layer = {name: number for number, names in enumerate(layers) for name in names}
    upwards = set()
    for file, module in imports_of(folder):
        importer = file.removesuffix(".py").split("/")[1]
        root, imported, *_ = module.split(".")
        if root == folder and imported != importer and layer[imported] >= layer[importer]:
            upwards.add((file, imported))
    # The command line saves the weights that it trained.
    assert upwards == ({("core/training/__main__.py", "export")} if folder == "core" else set())


def test_a_tab_imports_no_other_tab() -> None:
    between_tabs = {
        (file, module)
        for file, module in imports_of("dashboard/tabs")
        if module.startswith("dashboard.tabs.") and module.split(".")[2] != file.split("/")[2]
    }
    assert between_tabs == set()
