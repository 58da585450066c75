"""The notebook's training as a command: its lines, its file, and its answers to bad settings."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from core.config import TrainConfig
from core.data import mnist_download
from core.data.dataset import normalize
from core.training import __main__ as cli
from tests.support import NotebookCNN
from tools.tiny_datasets import make_tiny_dataset

LINE = re.compile(
    r"Epoch (\d+): Train Loss=(\d+\.\d{4}), Acc=([01]\.\d{4}) \| "
    r"Test Loss=(\d+\.\d{4}), Acc=([01]\.\d{4})"
)


@pytest.fixture
def quick(mnist_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Options for a quick training on tiny data; the working folder is pytest's own."""
    monkeypatch.setattr(cli, "ROOT", tmp_path / "project")
    monkeypatch.chdir(tmp_path)
    return ["--data-dir", str(mnist_folder), "--model", "mlp", "--batch-size", "30"]


def refusal(arguments: list[str], capsys: pytest.CaptureFixture[str], code: int = 2) -> str:
    """What is said on stderr when the command ends with that code, and no traceback."""
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == code
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return said


def test_each_epoch_prints_the_notebooks_line(
    quick: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    cli.main([*quick, "--epochs", "3", "--precision", "fp32"])

    lines = capsys.readouterr().out.splitlines()
    epochs = [LINE.fullmatch(line) for line in lines if line.startswith("Epoch")]
    assert [match[1] for match in epochs if match] == ["1", "2", "3"]
    assert lines[0] == f"Using device: {'cuda' if torch.cuda.is_available() else 'cpu'} (fp32)"
    assert lines[-1] == "Model saved to mlp.pth"
    last = epochs[-1]
    assert last is not None
    assert float(last[5]) > 0.9


@pytest.mark.parametrize(("asked", "used"), [("0", 300), ("120", 120), ("2000", 300)])
def test_it_says_how_many_images_it_trains_on(
    quick: list[str], capsys: pytest.CaptureFixture[str], asked: str, used: int
) -> None:
    cli.main([*quick, "--epochs", "1", "--train-images", asked])

    assert f"Training mlp on Images in data, {used} images" in capsys.readouterr().out


def test_the_saved_file_is_one_that_the_notebook_reads(
    quick: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [
        "--model",
        "simple_cnn",
        "--epochs",
        "1",
        "--batch-size",
        "10",
        "--precision",
        "fp32",
    ]
    cli.main([*quick, *options])

    notebook = NotebookCNN().eval()
    notebook.load_state_dict(torch.load(tmp_path / "simple_cnn.pth", weights_only=True))
    data = make_tiny_dataset()
    with torch.no_grad():
        read = notebook(normalize(data.test_images)).argmax(1)
    accuracy = (read == data.test_labels).float().mean().item()
    printed = LINE.search(capsys.readouterr().out)
    assert printed is not None
    assert float(printed[5]) == pytest.approx(accuracy, abs=0.01)


def test_the_weights_go_where_they_are_told(quick: list[str], tmp_path: Path) -> None:
    cli.main([*quick, "--epochs", "1", "--output", str(tmp_path / "here.pth")])

    assert "fc1.weight" in torch.load(tmp_path / "here.pth", weights_only=True)
    assert not (tmp_path / "mlp.pth").exists()


def test_evaluations_within_an_epoch_are_lines_of_their_own(
    quick: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    cli.main([*quick, "--epochs", "1", "--evaluations-per-epoch", "2"])

    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Epoch")]
    assert [line.split(":")[0] for line in lines] == ["Epoch 0.5", "Epoch 1"]


@pytest.mark.parametrize("option", ["--lr", "--learning-rate"])
def test_the_learning_rate_has_a_short_name(
    quick: list[str], capsys: pytest.CaptureFixture[str], option: str
) -> None:
    cli.main([*quick, "--epochs", "1", option, "1e-9"])

    line = LINE.search(capsys.readouterr().out)
    assert line is not None
    assert float(line[5]) < 0.5, "so small a rate learns nothing"


def test_every_setting_is_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])

    text = capsys.readouterr().out
    assert ended.value.code == 0
    for name in TrainConfig.model_fields:
        assert f"--{name.replace('_', '-')}" in text


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--epochs", "0"], "epochs: This must be a whole number"),
        (["--lr", "fast"], "learning_rate: This must be a number"),
        (["--seed", "-1"], "seed: "),
        (["--batch-size", "1.5"], "batch_size: "),
        (["--optimizer", "magic"], "invalid choice: 'magic'"),
        (["--what", "1"], "unrecognized arguments"),
    ],
)
def test_a_bad_setting_is_refused_in_a_sentence(
    quick: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    named: str,
) -> None:
    assert named in refusal([*quick, *options], capsys)
    assert not list(tmp_path.glob("*.pth"))


def test_a_data_set_that_cannot_be_had_is_told_in_a_sentence(
    quick: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(mnist_download, "mirrors", list)

    said = refusal([*quick, "--dataset", "mnist", "--data-dir", str(tmp_path / "none")], capsys)

    assert "could not be downloaded" in said


def test_a_file_that_cannot_be_written_is_told_in_a_sentence(
    quick: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = str(tmp_path / "no such folder" / "mlp.pth")

    said = refusal([*quick, "--epochs", "1", "--output", output], capsys)

    assert "no such folder" in said


def test_ctrl_c_ends_without_a_traceback(
    quick: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "fit", interrupted)

    assert "Nothing was saved" in refusal(quick, capsys, code=130)


def test_the_training_module_is_a_command(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[3]
    command = [sys.executable, "-m", "core.training", "--epochs", "0"]

    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120)

    assert done.returncode == 2
    assert "epochs: " in done.stderr
    assert "Traceback" not in done.stderr
