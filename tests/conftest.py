"""Begins each process of the tests; what they share is in `tests.support`."""

import gc
import importlib
import os

import pytest

gc.disable()  # until all is imported, a quarter of which was looking for garbage

# Small batches gain nothing from several threads, and on a busy machine the threads wait for one
# another: up to thirty times as long, as was seen. numpy, torch and the programs that tests start
# look for this when they begin.
os.environ["OMP_NUM_THREADS"] = "1"


@pytest.hookimpl(tryfirst=True)  # before Hypothesis looks for the profile that is wanted
def pytest_configure(config: pytest.Config) -> None:
    """Imports what tests share, and torch with it, only where tests run.

    The process that hands them out to others would import it for two seconds, and all would wait.
    """
    if config.getoption("dist", "no") == "no":
        config.pluginmanager.register(importlib.import_module("tests.support"), "tests.support")
    else:
        gc.enable()
