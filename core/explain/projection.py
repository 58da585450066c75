"""A network's features in two dimensions: PCA at once, t-SNE in a few seconds, and new points.

The features are what the last layer is given (`core.explain.activations.Network.features`). Plain numpy, and
openTSNE, which is imported when it is first needed, because it takes a while. This module does not
know which images the features come from.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from core.errors import TsneUnavailableError

PERPLEXITY = 30.0
"""How many neighbours t-SNE tries to keep near each point, roughly."""
EARLY_ITERATIONS, LATE_ITERATIONS = 250, 500
REPORT_EVERY = 10
_START_WIDTH = 1e-4


class Layout(Protocol):
    """Points in the plane, and a way to place others among them."""

    @property
    def points(self) -> np.ndarray:
        """(N, 2) float32."""

    def place(self, features: np.ndarray) -> np.ndarray:
        """Where other images would stand, (M, 2) float32, by their features (M, F)."""


@dataclass(frozen=True, eq=False)
class Pca:
    """A projection on a plane; `explained` is the plane's share in the features' variance."""

    points: np.ndarray
    explained: float
    _mean: np.ndarray
    _axes: np.ndarray

    def place(self, features: np.ndarray) -> np.ndarray:
        return _float32((features - self._mean) @ self._axes)


@dataclass(frozen=True, eq=False)
class Tsne:
    """An embedding by t-SNE. New points are moved; those that are there stay."""

    points: np.ndarray
    _embedding: Any

    def place(self, features: np.ndarray) -> np.ndarray:
        return _float32(self._embedding.transform(np.asarray(features, np.float64)))


def choose(images: int, count: int, seed: int = 0) -> np.ndarray:
    """Which of so many test images to embed: places in rising order, always the same for a seed."""
    return np.sort(np.random.default_rng(seed).permutation(images)[:count])


def pca(features: np.ndarray, reference: np.ndarray | None = None) -> Pca:
    """Projects features (N, F) on the plane in which they vary the most.

    PCA leaves open which way an axis points, and where two axes explain about as much they may
    change places from one epoch to the next. So the points are turned (and mirrored where that
    fits better, but never stretched) to lie as near to `reference` as they can: the orthogonal
    Procrustes problem (P. Schönemann, 1966). Without one, each axis points to where its largest
    component is positive.

    Args:
        reference: (N, 2), where the same images stood at another epoch.
    """
    mean = features.mean(0, dtype=np.float64)
    centred = features - mean
    variances, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, :-3:-1]  # eigh sorts upwards
    axes = axes * np.sign(axes[np.abs(axes).argmax(0), [0, 1]])
    if reference is not None:
        left, _, right = np.linalg.svd((centred @ axes).T @ (reference - reference.mean(0)))
        axes = axes @ left @ right
    total = float(variances.sum())
    return Pca(
        points=_float32(centred @ axes),
        explained=float(variances[-2:].sum()) / total if total > 0 else 0.0,
        _mean=mean,
        _axes=axes,
    )


def tsne(
    features: np.ndarray,
    start: np.ndarray | None = None,
    seed: int = 0,
    progress: Callable[[float], None] = lambda share: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Tsne | None:
    """Embeds features (N, F) by t-SNE (L. van der Maaten, G. Hinton, 2008), on one thread.

    The same features, start and seed give the same points on one machine.

    Args:
        start: (N, 2), points to begin with, for instance those of another epoch, so that groups
            stay where they were; by default those of PCA, which keeps what is far apart apart
            (D. Kobak, P. Berens, The art of using t-SNE, 2019). Their scale does not matter.
        progress: told the share of the iterations that are done, from 0 to 1.
        should_stop: asked after every few iterations.

    Returns:
        None if it was told to stop.

    Raises:
        TsneUnavailableError: openTSNE is not installed.
    """
    try:
        from openTSNE import TSNE
    except ImportError as error:
        raise TsneUnavailableError(
            "t-SNE needs the package openTSNE, which is not installed here. PCA works without it."
        ) from error

    stopped = False
    calls = 0

    def report(iteration: int, error: float, embedding: np.ndarray) -> bool:
        nonlocal stopped, calls
        calls += 1
        progress(min(1.0, calls * REPORT_EVERY / (EARLY_ITERATIONS + LATE_ITERATIONS)))
        stopped = should_stop()
        return stopped

    if start is None:
        start = pca(features).points
    start = np.asarray(start, np.float64)
    if should_stop():
        return None
    embedding = TSNE(
        perplexity=min(PERPLEXITY, (len(features) - 1) / 3),
        initialization=start * (_START_WIDTH / max(float(start.std(0).max()), 1e-30)),
        early_exaggeration_iter=EARLY_ITERATIONS,
        n_iter=LATE_ITERATIONS,
        neighbors="exact",
        negative_gradient_method="bh",
        n_jobs=1,
        random_state=seed,
        callbacks=report,
        callbacks_every_iters=REPORT_EVERY,
    ).fit(np.asarray(features, np.float64))
    if stopped:
        return None
    # Placing a point goes on with the parameters of the embedding, and would report it too.
    embedding.gradient_descent_params["callbacks"] = None
    return Tsne(_float32(embedding), embedding)


def _float32(points: np.ndarray) -> np.ndarray:
    return np.asarray(points, np.float32)
