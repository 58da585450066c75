"""The networks by name.

A model maps normalized images (N, 1, 28, 28) to logits (N, 10).
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CLASSES = 10


def _flatten(x: Tensor) -> Tensor:
    """Feature maps (N, C, H, W) as vectors (N, C * H * W)."""
    if x.requires_grad:
        # A gradient in the order of the vectors makes a step of SimpleCNN 7 % slower.
        x.register_hook(lambda gradient: gradient.contiguous(memory_format=torch.channels_last))
    return x.flatten(1)


class SimpleCNN(nn.Module):
    """The notebook's network: two 3x3 convolutions, one 2x2 max-pooling, two linear layers.

    Its `state_dict` has the notebook's keys and shapes, so each loads the other's weights.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, kernel_size=3, padding=1)
        self.pool = nn.MaxPool2d(2, 2)
        self.fc1 = nn.Linear(64 * 14 * 14, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv1(x), inplace=True)
        # The notebook applies ReLU before pooling. ReLU and maximum commute: this is the same
        # function with a quarter of the work.
        x = F.relu(self.pool(self.conv2(x)), inplace=True)
        x = F.relu(self.fc1(_flatten(x)))
        return self.fc2(x)


class SpeedrunCNN(nn.Module):
    """The network of train_mnist_fast (T. Schneider, github.com/tuomaso/train_mnist_fast)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 24, kernel_size=5)
        self.conv2 = nn.Conv2d(24, 32, kernel_size=3)
        self.pool = nn.MaxPool2d(2, 2)
        self.fc1 = nn.Linear(32 * 5 * 5, 256)
        self.fc2 = nn.Linear(256, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.pool(self.conv1(x)), inplace=True)
        x = F.relu(self.pool(self.conv2(x)), inplace=True)
        x = F.relu(self.fc1(_flatten(x)))
        return self.fc2(x)


class AccurateCNN(nn.Module):
    """Six convolutions with batch normalisation, most of them after the first pooling.

    At full resolution there is one input channel. Most of the time goes to layers with small
    feature maps and many channels.
    """

    def __init__(self) -> None:
        super().__init__()
        self.block1 = nn.Sequential(_conv(1, 32, 5), nn.MaxPool2d(2))
        self.block2 = nn.Sequential(_conv(32, 64), _conv(64, 64), nn.MaxPool2d(2))
        self.block3 = nn.Sequential(_conv(64, 128), _conv(128, 128))
        self.dropout = nn.Dropout(0.3)
        self.fc = nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.block3(self.block2(self.block1(x)))
        return self.fc(self.dropout(x.amax((2, 3))))


def _conv(inputs: int, outputs: int, size: int = 3) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class MLP(nn.Module):
    """A network without convolutions, with as many parameters as `SimpleCNN` (+0.02 %)."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(28 * 28, 1000)
        self.fc2 = nn.Linear(1000, 832)
        self.fc3 = nn.Linear(832, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.fc1(x.flatten(1)))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


MODELS: dict[str, Callable[[], nn.Module]] = {
    "simple_cnn": SimpleCNN,
    "speedrun_cnn": SpeedrunCNN,
    "accurate_cnn": AccurateCNN,
    "mlp": MLP,
}


def build(name: str) -> nn.Module:
    """A model with random weights from torch's global generator.

    Raises:
        KeyError: no model has that name.
    """
    return MODELS[name]()


def build_on_meta(name: str) -> nn.Module:
    """A model without weights. It leaves torch's global generator, which training uses, alone."""
    with torch.device("meta"):
        return build(name)


def parameter_count(name: str) -> int:
    """How many weights and biases a model has."""
    return sum(parameter.numel() for parameter in build_on_meta(name).parameters())


def load(name: str, state_dict: dict[str, Tensor]) -> nn.Module:
    """A model in evaluation mode whose weights are these tensors, without a copy."""
    model = build_on_meta(name)
    model.load_state_dict(state_dict, assign=True)
    return model.eval()
