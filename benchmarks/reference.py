"""What Digit Lab is measured against: the classic notebook's loop, and train_mnist_fast's.

Both are written afresh from their descriptions and share nothing with `core`, whose every saving
they would otherwise inherit. They know nothing of how they are measured, except to report.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import DataLoader

if "cpu" in torch.__version__ and "cpu" not in version("torchvision"):
    # torchvision's CUDA build cannot be imported beside a CPU build of torch: that lacks these.
    schemas = torch.library.Library("torchvision", "FRAGMENT")
    for operator in ("nms", "qnms"):
        schemas.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
from torchvision import datasets, transforms

MEAN, STD = 0.1307, 0.3081


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to: training speed, test accuracy, seconds since the start."""

    images_per_second: float
    test_accuracy: float
    seconds: float


class NotebookCNN(nn.Module):
    """The notebook's network, with its ReLU before the pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
        self.pool = nn.MaxPool2d(2, 2)
        self.fc1 = nn.Linear(64 * 14 * 14, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(F.relu(self.conv2(F.relu(self.conv1(x)))))
        x = F.relu(self.fc1(x.view(x.size(0), -1)))
        return self.fc2(x)


def notebook(
    data_dir: Path, epochs: int, seed: int, after_step: Callable[[], None]
) -> Iterator[Epoch]:
    """The notebook's training: a DataLoader, transforms image by image, plain Adam, batch 64."""
    torch.manual_seed(seed)
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((MEAN,), (STD,))])
    train = DataLoader(datasets.MNIST(data_dir, True, transform), batch_size=64, shuffle=True)
    test = DataLoader(datasets.MNIST(data_dir, False, transform), batch_size=64)
    model = NotebookCNN()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    started = time.perf_counter()
    for _ in range(epochs):
        began = time.perf_counter()
        model.train()
        loss_sum = accuracy_sum = 0.0
        for images, labels in train:
            optimizer.zero_grad()
            outputs = model(images)
            loss = criterion(outputs, labels)
            loss.backward()
            optimizer.step()
            loss_sum += loss.item()
            accuracy_sum += (outputs.argmax(1) == labels).float().mean().item()
            after_step()
        speed = len(train.dataset) / (time.perf_counter() - began)  # type: ignore[arg-type]
        model.eval()
        correct = 0
        with torch.no_grad():
            for images, labels in test:
                outputs = model(images)
                loss_sum += criterion(outputs, labels).item()
                correct += int((outputs.argmax(1) == labels).sum())
        accuracy = correct / len(test.dataset)  # type: ignore[arg-type]
        yield Epoch(speed, accuracy, time.perf_counter() - started)


class PublishedCNN(nn.Module):
    """The network of train_mnist_fast's last notebook."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 24, 5)
        self.conv2 = nn.Conv2d(24, 32, 3)
        self.fc1 = nn.Linear(800, 256)
        self.fc2 = nn.Linear(256, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        x = F.relu(self.fc1(x.flatten(1)))
        return F.log_softmax(self.fc2(x), dim=1)


def published(data_dir: Path, seed: int) -> Epoch:
    """train_mnist_fast's recipe (github.com/tuomaso/train_mnist_fast): data in memory, in the
    file's order, batch 256, one epoch of one-cycle Adam; its time includes the evaluation."""
    train, test = datasets.MNIST(data_dir, True), datasets.MNIST(data_dir, False)
    images, test_images = (
        ((data.data.float() / 255 - MEAN) / STD).unsqueeze(1) for data in (train, test)
    )
    torch.manual_seed(seed)
    started = time.perf_counter()
    model = PublishedCNN()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, betas=(0.7, 0.9))
    batches = list(zip(images.split(256), train.targets.split(256), strict=True))
    schedule = OneCycleLR(optimizer, max_lr=1e-2, total_steps=len(batches), cycle_momentum=False)
    model.train()
    for batch, labels in batches:
        optimizer.zero_grad()
        F.nll_loss(model(batch), labels).backward()
        optimizer.step()
        schedule.step()
    speed = len(images) / (time.perf_counter() - started)
    model.eval()
    correct = 0
    with torch.no_grad():
        for batch, labels in zip(test_images.split(2000), test.targets.split(2000), strict=True):
            correct += int((model(batch).argmax(1) == labels).sum())
    return Epoch(speed, correct / len(test_images), time.perf_counter() - started)
