"""The networks by name.

A model maps normalized images (N, 1, 28, 28) to logits (N, 10). It is a chain of modules, so that
others can go through it module by module: see `leaves`.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

CLASSES = 10


class SimpleCNN(nn.Sequential):
    """The notebook's network: two 3x3 convolutions, one 2x2 max-pooling, two linear layers.

    Its `state_dict` has the notebook's keys and shapes, so each loads the other's weights.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, kernel_size=3, padding=1)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(32, 64, kernel_size=3, padding=1)
        # The notebook applies ReLU before pooling. ReLU and maximum commute: this is the same
        # function with a quarter of the work.
        self.pool = nn.MaxPool2d(2)
        self.relu2 = nn.ReLU(inplace=True)
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(64 * 14 * 14, 128)
        self.relu3 = nn.ReLU()
        self.fc2 = nn.Linear(128, 10)


class SpeedrunCNN(nn.Sequential):
    """The network of train_mnist_fast (T. Schneider, github.com/tuomaso/train_mnist_fast)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 24, kernel_size=5)
        self.pool1 = nn.MaxPool2d(2)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(24, 32, kernel_size=3)
        self.pool2 = nn.MaxPool2d(2)
        self.relu2 = nn.ReLU(inplace=True)
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(32 * 5 * 5, 256)
        self.relu3 = nn.ReLU()
        self.fc2 = nn.Linear(256, 10)


class AccurateCNN(nn.Sequential):
    """Six convolutions with batch normalisation, most of them after the first pooling.

    At full resolution there is one input channel. Most of the time goes to layers with small
    feature maps and many channels.
    """

    def __init__(self) -> None:
        super().__init__()
        self.block1 = nn.Sequential(_conv(1, 32, 5), nn.MaxPool2d(2))
        self.block2 = nn.Sequential(_conv(32, 64), _conv(64, 64), nn.MaxPool2d(2))
        self.block3 = nn.Sequential(_conv(64, 128), _conv(128, 128))
        self.maximum = GlobalMax()
        self.dropout = nn.Dropout(0.3)
        self.fc = nn.Linear(128, 10)


def _conv(inputs: int, outputs: int, size: int = 3) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class GlobalMax(nn.Module):
    """The largest number of each map: (N, C, H, W) to (N, C)."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps.amax((2, 3))


class MLP(nn.Sequential):
    """A network without convolutions, with as many parameters as `SimpleCNN` (+0.02 %)."""

    def __init__(self) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(28 * 28, 1000)
        self.relu1 = nn.ReLU()
        self.fc2 = nn.Linear(1000, 832)
        self.relu2 = nn.ReLU()
        self.fc3 = nn.Linear(832, 10)


MODELS: dict[str, Callable[[], nn.Sequential]] = {
    "simple_cnn": SimpleCNN,
    "speedrun_cnn": SpeedrunCNN,
    "accurate_cnn": AccurateCNN,
    "mlp": MLP,
}


def build(name: str) -> nn.Sequential:
    """A model with random weights from torch's global generator.

    Raises:
        KeyError: no model has that name.
    """
    return MODELS[name]()


def build_on_meta(name: str) -> nn.Sequential:
    """A model without weights. It leaves torch's global generator, which training uses, alone."""
    with torch.device("meta"):
        return build(name)


def build_apart(name: str, generator: torch.Generator) -> nn.Sequential:
    """A model with random weights from this generator; the global one may belong to a run.

    They are as PyTorch draws those of convolutions and linear layers.
    """
    model = build_on_meta(name).to_empty(device="cpu")
    for module in model.modules():
        for values in module.parameters(recurse=False):
            bound = module.get_parameter("weight")[0].numel() ** -0.5
            values.data.copy_((2 * torch.rand(values.shape, generator=generator) - 1) * bound)
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
    return model


def parameter_count(name: str) -> int:
    """How many weights and biases a model has."""
    return sum(parameter.numel() for parameter in build_on_meta(name).parameters())


def load(name: str, state_dict: dict[str, Tensor]) -> nn.Sequential:
    """A model in evaluation mode whose weights are these tensors, without a copy."""
    model = build_on_meta(name)
    model.load_state_dict(state_dict, assign=True)
    return model.eval()


def leaves(model: nn.Sequential) -> list[tuple[str, nn.Module]]:
    """The modules of a model that have no parts, by name, in the order of its forward pass."""
    return [(name, part) for name, part in model.named_modules() if not list(part.children())]
