"""Who may import whom: core never needs dash, and the page never needs torch."""

import functools
import json
import subprocess
import sys
from pathlib import Path

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
