"""Exported scripts and notebooks: run without Digit Lab, they reproduce the run's numbers."""

import contextlib
import functools
import gzip
import http.server
import io
import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from core import models
from core.config import PRESETS, TrainConfig, parse_config
from core.data import synthetic
from core.data.dataset import Dataset
from core.data.mnist_download import mirrors
from core.device import choose_runtime
from core.errors import WrongStateError
from core.export.script import MAX_EVALUATIONS, SOURCES, VARIABLES, to_notebook, to_script
from core.records.metrics import BatchMetrics, EpochMetrics, LearningRateChange, Metrics
from core.records.preview import PreviewFrame
from core.records.runs import RunSnapshot, RunState
from core.training.loop import fit
from core.training.state import Checkpoint
from tests.core.service.test_run_manager import Halting
from tests.support import SECONDS, Finish, MakeService
from tools.tiny_datasets import make_tiny_dataset

# Few digits: a number is the run's own or it is not, however little was learned.
DIGITS = make_tiny_dataset(train=90, test=30)
STEPS = 6  # of an epoch of BASE

BASE = {"epochs": 2, "batch_size": 15, "model": "mlp", "precision": "fp32", "learning_rate": 3e-4}
FULL = BASE | {
    "model": "accurate_cnn",
    "schedule": "onecycle",
    "weight_decay": 0.05,
    "label_smoothing": 0.1,
    "augmentation": "affine",
    "weight_averaging": True,
    "evaluations_per_epoch": 3,
    "train_images": 55,
    "seed": 3,
}
QUICK = FULL | {"model": "speedrun_cnn"}  # without dropout and batch normalization

# For every setting, other values of it; a setting that has none here fails a test.
OTHERS: dict[str, list[dict[str, Any]]] = {
    "epochs": [{"epochs": 3}],
    "batch_size": [{"batch_size": 20}],
    "learning_rate": [{"learning_rate": 1e-3}],
    "optimizer": [{"optimizer": "adamw", "weight_decay": 0.2}, {"optimizer": "sgd"}],
    "model": [{"model": name} for name in models.MODELS if name != BASE["model"]],
    "dataset": [{"dataset": "mnist"}],
    "schedule": [{"schedule": "onecycle"}],
    "warmup": [{"schedule": "onecycle", "warmup": 0.7}],
    "beta1": [{"beta1": 0.5}, {"optimizer": "sgd", "beta1": 0.0, "learning_rate": 0.01}],
    "beta2": [{"beta2": 0.9}],
    "weight_decay": [{"weight_decay": 0.2}, {"weight_decay": 0.2, "optimizer": "adamw"}],
    "label_smoothing": [{"label_smoothing": 0.2}],
    "augmentation": [{"augmentation": "affine"}],
    "weight_averaging": [{"weight_averaging": True}],
    "train_images": [{"train_images": 50}],
    "seed": [{"seed": 11}],
    "precision": [{"precision": "bf16"}],
}
PRESETS_IN_SHORT = [{"preset": preset, "epochs": 2, "batch_size": 25} for preset in PRESETS]
CASES = [(name, changes) for name, others in OTHERS.items() for changes in others]

MNIST = {"dataset": "mnist", "dataset_title": "MNIST"}
"""The fields of a run that was trained on MNIST."""

pytestmark = pytest.mark.usefixtures("real_mlp")  # a script contains it

Execute = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def tiny_dataset() -> Dataset:
    """What services train on here, and what scripts find."""
    return DIGITS


@pytest.fixture
def execute(
    tmp_path: Path,
    synthetic_folder: Path,
    mnist_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Execute:
    """Runs a script where it finds its data, as `python script.py` would; all that it defined."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "data").symlink_to(mnist_folder)
    for file in synthetic_folder.iterdir():
        (mnist_folder / file.name).symlink_to(file)
    monkeypatch.chdir(folder)

    def run(script: str) -> dict[str, Any]:
        found: dict[str, Any] = {"__name__": "__main__"}
        exec(compile(script, "script.py", "exec"), found)
        found["printed"] = capsys.readouterr().out
        return found

    return run


@dataclass(frozen=True)
class Trained:
    """The events of a run, and its last checkpoint."""

    events: tuple[Metrics, ...]
    last: Checkpoint


@functools.cache
def trained(config: TrainConfig) -> Trained:
    """A run from its beginning, trained once for all tests: do not change it."""
    found = list(fit(config, DIGITS))
    return Trained(
        events=tuple(event for event in found if not isinstance(event, Checkpoint | PreviewFrame)),
        last=[event for event in found if isinstance(event, Checkpoint)][-1],
    )


def snapshot(config: TrainConfig, **facts: Any) -> RunSnapshot:
    usual = {"dataset": "synthetic", "dataset_title": "", "epochs": config.epochs}
    return RunSnapshot(
        run_id="20260101-120000-000-abcd",
        state=RunState.DONE,
        config=config.model_dump(),
        **{**usual, **choose_runtime(config.precision).to_dict(), **facts},
    )


def numbers(events: Sequence[Metrics]) -> dict[int, tuple[float, ...]]:
    """Those at the ends of epochs."""
    return {
        event.epoch: (event.train_loss, event.train_accuracy, event.test_loss, event.test_accuracy)
        for event in events
        if isinstance(event, EpochMetrics) and event.progress == event.epoch
    }


def losses(events: Sequence[Metrics]) -> list[float]:
    """Those of all batches, of which there are few."""
    return [event.loss for event in events if isinstance(event, BatchMetrics)]


def check_style(*scripts: str) -> None:
    """What people are given to read is clean, but for the lengths of numbers."""
    with tempfile.TemporaryDirectory() as folder:
        for number, script in enumerate(scripts):
            script = re.sub(r"^RUN = {\n.*?^}", "RUN = {}", script, flags=re.M | re.S)
            (Path(folder) / f"script_{number}.py").write_text(script)
        for command in (["check", "--select", "E,F,W,I,B,UP,SIM,C4"], ["format", "--diff"]):
            done = subprocess.run(
                [sys.executable, "-m", "ruff", *command, "--isolated", "--line-length", "100", "."],
                cwd=folder,
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stdout + done.stderr


# From beginning to end


def test_every_setting_is_known_and_tried() -> None:
    in_the_code = {"optimizer", "schedule", "augmentation", "weight_averaging", "precision"}
    in_the_code |= {"model", "dataset"}
    without_effect = {"evaluations_per_epoch"}
    assert not in_the_code & set(VARIABLES)
    assert in_the_code | set(VARIABLES) == set(OTHERS)
    assert set(OTHERS) | without_effect == set(TrainConfig.model_fields)
    assert set(models.MODELS) < set(SOURCES)


@pytest.mark.parametrize(("name", "changes"), CASES, ids=[str(changes) for _, changes in CASES])
def test_a_script_gives_the_runs_own_numbers(
    execute: Execute, name: str, changes: dict[str, Any]
) -> None:
    config = parse_config(BASE | changes)
    events = trained(config).events
    run = snapshot(config, **(MNIST if name == "dataset" else {}))
    script = to_script(run, events)

    found = execute(script)

    assert found["history"] == found["RUN"] == numbers(events)
    assert found["curve"] == pytest.approx(losses(events), rel=1e-6)
    assert found["printed"].count("is the same") == config.epochs
    assert "differs" not in found["printed"]
    if name != "dataset":  # the digits are the same
        without = {key: value for key, value in changes.items() if key != name}
        assert numbers(trained(parse_config(BASE | without)).events) != numbers(events)


@pytest.mark.parametrize("settings", [*PRESETS_IN_SHORT, FULL], ids=[*PRESETS, "full"])
def test_settings_together_give_the_runs_own_numbers_and_weights(
    execute: Execute, settings: dict[str, Any]
) -> None:
    config = parse_config(settings)
    events, last = trained(config).events, trained(config).last

    found = execute(to_script(snapshot(config), events))

    assert found["history"] == numbers(events)
    assert found["curve"] == pytest.approx(losses(events), rel=1e-6)
    saved = torch.load(f"{config.model}.pth", weights_only=True)
    assert saved.keys() == last.state_dict.keys()
    assert all(torch.equal(saved[key], last.state_dict[key]) for key in saved)


def test_scripts_are_in_clean_style() -> None:
    """For every setting alone and for all together."""

    def script(config: TrainConfig, **facts: Any) -> str:
        end = EpochMetrics(config.epochs, 9, config.epochs, 0.5, 0.5, 0.5, 0.5, 100.0, 1.0)
        return to_script(snapshot(config, **facts), [end])

    alone = [parse_config(BASE | changes) for _, changes in CASES]
    together = [parse_config(settings) for settings in (*PRESETS_IN_SHORT, FULL)]
    check_style(
        *(script(config) for config in (*alone, *together)),
        *(script(parse_config(settings), **MNIST) for settings in (BASE, FULL)),
        script(parse_config(BASE), dataset="mnist", dataset_title="Images in digits"),
    )


def test_a_script_has_the_parts_that_its_run_needs_and_no_others() -> None:
    plain = parse_config(BASE)
    short = to_script(snapshot(plain), trained(plain).events)
    full = parse_config(FULL | {"precision": "bf16"})
    long = to_script(snapshot(full), trained(full).events)

    for part in (
        "def affine",
        "OneCycleLR",
        "AveragedModel",
        "label_smoothing",
        "autocast",
        "weight_decay",
        "[:train_images]",
    ):
        assert part not in short
        assert part in long
    for model in models.MODELS.values():
        assert (f"class {model.__name__}" in short) == (model is models.MODELS["mlp"])
    assert "core." not in long
    assert "set_num_threads(1)" in short


# Forks, changes on the way and stops


@pytest.mark.parametrize("export", [to_script, to_notebook])
def test_a_fork_that_shares_epochs_with_its_parent_is_refused(export: Callable[..., str]) -> None:
    fork = snapshot(parse_config(BASE), parent="x", parent_epoch=1)
    with pytest.raises(WrongStateError, match="Run 0 is a fork that shares epochs"):
        export(fork, [])


def test_a_fork_from_the_beginning_is_trained_like_any_other_run() -> None:
    config = parse_config(BASE)
    events = trained(config).events
    fork = snapshot(config, parent="x", parent_epoch=0)
    assert to_script(fork, events) == to_script(snapshot(config), events)


def test_a_change_of_the_learning_rate_is_refused() -> None:
    config = parse_config(BASE)
    change = LearningRateChange(1, 3, 0.5, 1e-4, 1.0)

    with pytest.raises(WrongStateError, match="learning rate of Run 0 was changed"):
        to_script(snapshot(config), [*trained(config).events, change])


def test_a_cycle_that_begins_at_its_peak_is_refused() -> None:
    config = parse_config(BASE | {"schedule": "onecycle", "warmup": 1 / (2 * STEPS + 1)})

    with pytest.raises(WrongStateError, match="of Run 0 begins at its peak"):
        to_script(snapshot(config), trained(config).events)


@pytest.mark.parametrize("steps", [3, STEPS + 4])
def test_a_run_that_was_stopped_is_trained_to_its_end(
    make_service: MakeService, finish: Finish, execute: Execute, steps: int
) -> None:
    halting = Halting(steps)
    service = make_service(fit=halting)
    run_id = service.runs.start(parse_config(BASE))
    assert halting.reached.wait(SECONDS)
    service.runs.stop(run_id)
    halting.go_on.set()
    finish(service, run_id)
    events, _ = service.runs.events_since(run_id, 0)
    script = to_script(service.runs.snapshot(run_id), events)

    found = execute(script)

    assert list(found["history"]) == [1, 2]
    assert found.get("RUN", {}) == numbers(events)
    assert numbers(events).items() <= found["history"].items()
    assert found["curve"][: len(losses(events))] == pytest.approx(losses(events), rel=1e-6)
    check_style(script)


def test_a_run_that_waits_is_trained_whole(execute: Execute) -> None:
    script = to_script(snapshot(parse_config(BASE)), [])
    assert list(execute(script)["history"]) == [1, 2]
    check_style(script)


# What it says


def test_of_very_many_evaluations_some_are_written_down() -> None:
    config = parse_config(BASE)
    events = trained(config).events
    last = next(event for event in events[::-1] if isinstance(event, EpochMetrics))
    many = [replace(last, epoch=epoch, progress=epoch) for epoch in range(1, 2001)]
    script = to_script(snapshot(config, epochs=2000), many)

    found: dict[str, Any] = {}
    start = script.index("RUN = ")
    exec(script[start : script.index("}\n", start) + 1], found)

    assert 100 < len(found["RUN"]) <= MAX_EVALUATIONS
    assert 2000 in found["RUN"]


@pytest.mark.parametrize(
    "name",
    [
        "a\nraise SystemExit",
        "a\rraise SystemExit",
        "a\u2028b\x00c",
        '"""',
        "# %%\n1/0",
        "{{ 1/0 }}",
    ],
)
def test_a_name_is_only_ever_a_name(execute: Execute, name: str) -> None:
    config = parse_config(BASE | {"epochs": 1})
    events = trained(config).events
    run = snapshot(config, name=name)

    assert execute(to_script(run, events))["history"] == numbers(events)
    cells = json.loads(to_notebook(run, events))["cells"]
    assert len(cells) == len(json.loads(to_notebook(snapshot(config), events))["cells"])


def test_a_run_of_an_earlier_version_has_no_version_of_pytorch() -> None:
    config = parse_config(BASE)
    assert "with PyTorch on CPU" in to_script(snapshot(config, torch=""), trained(config).events)
    assert "with PyTorch 9.8 on CPU" in to_script(snapshot(config, torch="9.8"), [])


def test_a_name_is_no_markup_in_a_notebook() -> None:
    config = parse_config(BASE | {"epochs": 1})
    run = snapshot(config, name="*é* <img src=x> [a](b)")
    cells = json.loads(to_notebook(run, trained(config).events))["cells"]
    assert cells[0]["source"][0] == "# \\*é\\* \\<img src\\=x\\> \\[a\\]\\(b\\)\n"
    assert "# %% *é* <img src=x> a(b)\n" in to_script(run, trained(config).events)


@pytest.fixture
def mirror(mnist_folder: Path, tmp_path: Path) -> Path:
    """A folder with the packed files of `mnist_folder`, which has none of them any more."""
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    for file in (mnist_folder / "MNIST" / "raw").iterdir():
        (mirror / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    return mirror


@pytest.fixture
def mnist_script() -> str:
    config = parse_config(BASE | {"epochs": 1})
    return to_script(snapshot(config, **MNIST), trained(config).events)


def at_mirror(script: str, address: str) -> str:
    """A script that downloads from that address, which is one of MNIST's by itself."""
    (known,) = [mirror for mirror in mirrors() if mirror in script]
    return script.replace(known, address)


def test_packed_files_are_read_and_missing_ones_are_downloaded(
    execute: Execute, mnist_folder: Path, mirror: Path, mnist_script: str
) -> None:
    raw = mnist_folder / "MNIST" / "raw"
    labels = next(mirror.glob("train-labels*"))
    labels.rename(raw / labels.name)

    with serving(mirror) as address:
        found = execute(at_mirror(mnist_script, address))

    assert found["history"] == found["RUN"]
    assert len(list(raw.iterdir())) == 4
    shutil.rmtree(mirror)
    assert execute(at_mirror(mnist_script, address))["history"] == found["RUN"]


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("offline", "refused"),
        ("login page", "Not a gzipped file"),
        ("cut short", "invalid for input of size"),
        ("half packed", "ended before the end-of-stream marker"),
    ],
)
def test_data_that_cannot_be_had_leaves_nothing_behind(
    execute: Execute,
    mnist_folder: Path,
    mirror: Path,
    mnist_script: str,
    free_port: int,
    case: str,
    reason: str,
) -> None:
    images = "train-images-idx3-ubyte"
    raw = mnist_folder / "MNIST" / "raw"
    content = (mirror / f"{images}.gz").read_bytes()
    if case == "cut short":
        (raw / images).write_bytes(gzip.decompress(content)[:-500])
    if case == "half packed":
        (raw / f"{images}.gz").write_bytes(content[:-500])
    (mirror / f"{images}.gz").write_text("<html>Log in")
    before = list(raw.iterdir())

    with serving(mirror) as address:
        here = f"http://127.0.0.1:{free_port}/" if case == "offline" else address
        with pytest.raises((OSError, EOFError, RuntimeError), match=reason):
            execute(at_mirror(mnist_script, here))

    assert list(raw.iterdir()) == before


def test_a_script_for_other_images_downloads_nothing_and_says_which_files_it_needs(
    execute: Execute, mnist_folder: Path
) -> None:
    config = parse_config(BASE | {"epochs": 1})
    run = snapshot(config, dataset="mnist", dataset_title="Images in digits")
    script = to_script(run, trained(config).events)

    assert execute(script)["history"] == numbers(trained(config).events)
    assert "MNIST's" not in script
    assert "urllib" not in script
    (mnist_folder / "MNIST" / "raw" / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match="data/MNIST/raw/t10k-labels-idx1-ubyte"):
        execute(script)


def test_synthetic_digits_that_are_missing_are_named(execute: Execute, mnist_folder: Path) -> None:
    config = parse_config(BASE | {"epochs": 1})
    for file in mnist_folder.glob("*.npz"):
        file.unlink()

    with pytest.raises(FileNotFoundError, match=f"data/{synthetic.FILE_NAME}"):
        execute(to_script(snapshot(config), trained(config).events))


@contextlib.contextmanager
def serving(folder: Path) -> Any:
    """A web server for the files of a folder; its address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(folder))

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


# The notebook


def test_the_notebook_runs_and_prints_the_runs_own_numbers(
    synthetic_folder: Path, tmp_path: Path
) -> None:
    config = parse_config(QUICK | {"epochs": 1})
    events = trained(config).events
    (tmp_path / "data").symlink_to(synthetic_folder)
    import nbclient  # here, because it takes each test process a while
    import nbformat

    notebook = nbformat.reads(to_notebook(snapshot(config, name="Full"), events), as_version=4)
    nbformat.validate(notebook)

    nbclient.NotebookClient(
        notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()

    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    printed = "".join(output.get("text", "") for output in outputs)
    _, _, loss, accuracy = numbers(events)[1]
    assert printed.count(f"Test Loss={loss:.4f}, Acc={accuracy:.4f}") == 2
    assert "is the same\n" in printed
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == 2
    assert notebook.cells[0].source.startswith("# Full\n\nThis program trains")


def test_the_notebook_is_the_script_with_pictures() -> None:
    config = parse_config(FULL)
    events = trained(config).events
    script, notebook = to_script(snapshot(config), events), to_notebook(snapshot(config), events)
    cells = json.loads(notebook)["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]

    assert all(source in script for source in code[:-2])
    assert "imshow" in code[-1]
    assert "imshow" not in script
    for source in code:
        compile(source, "cell", "exec")
    assert io.StringIO(script).readline() == "# %% Run 0\n"
