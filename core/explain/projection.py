"""Features projected to two dimensions: PCA, which is immediate, and t-SNE, which takes seconds.

The features are the input of the last layer (`core.explain.activations.Network.features`).
openTSNE is imported when it is first used, because that takes a while.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.errors import CancelledError, DigitLabError

PERPLEXITY = 30.0
"""Roughly the number of neighbours that t-SNE keeps near each point."""
EARLY_ITERATIONS, LATE_ITERATIONS = 250, 500
REPORT_EVERY = 10
_START_WIDTH = 1e-4


@dataclass(frozen=True, eq=False)
class Layout:
    """Points (N, 2), float32, of images.

    `place` gives the points (M, 2) of other images with features (M, F), and moves none. Of a
    linear projection, `explained` is the plane's share of the features' variance.
    """

    points: np.ndarray
    place: Callable[[np.ndarray], np.ndarray]
    explained: float | None = None


def choose(images: int, count: int, seed: int = 0) -> np.ndarray:
    """A random sample of `count` indices below `images`, in rising order."""
    return np.sort(np.random.default_rng(seed).permutation(images)[:count])


def pca(features: np.ndarray, reference: np.ndarray | None = None) -> Layout:
    """Projects features (N, F) on the plane of their first two principal components.

    The signs of the components are arbitrary, and two components that explain about as much may
    swap from one epoch to the next. So the points are rotated and mirrored, but not scaled, to be
    as close to `reference` as possible: the orthogonal Procrustes problem (P. Schönemann, 1966).
    Without a reference, the largest coefficient of each component is positive.

    Args:
        reference: (N, 2), the points of the same images at another epoch.
    """
    mean = features.mean(0, dtype=np.float64)
    centred = features - mean
    variances, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, :-3:-1]  # eigh sorts in ascending order
    axes = axes * np.sign(axes[np.abs(axes).argmax(0), [0, 1]])
    if reference is not None:
        left, _, right = np.linalg.svd((centred @ axes).T @ (reference - reference.mean(0)))
        axes = axes @ left @ right
    total = float(variances.sum())
    return Layout(
        points=_float32(centred @ axes),
        place=lambda others: _float32((others - mean) @ axes),
        explained=float(variances[-2:].sum()) / total if total > 0 else 0.0,
    )


def tsne(
    features: np.ndarray,
    start: np.ndarray | None = None,
    seed: int = 0,
    progress: Callable[[float], None] = lambda share: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Layout:
    """Embeds features (N, F) by t-SNE (L. van der Maaten, G. Hinton, 2008), on one thread.

    The same features, start and seed give the same points on one machine.

    Args:
        start: (N, 2), the initial points at any scale. Those of another epoch keep groups in
            their places. By default those of PCA, which preserve large distances (D. Kobak,
            P. Berens, "The art of using t-SNE for single-cell transcriptomics", 2019).
        progress: called with the share of the iterations that are done, from 0 to 1.
        should_stop: called every few iterations; True ends the computation.

    Raises:
        CancelledError: `should_stop` returned True.
        DigitLabError: openTSNE is not installed.
    """
    try:
        from openTSNE import TSNE
    except ImportError as error:
        raise DigitLabError(
            "t-SNE needs the package openTSNE, which is not installed here. PCA works without it."
        ) from error

    calls = 0

    def report(iteration: int, error: float, embedding: np.ndarray) -> None:
        nonlocal calls
        calls += 1
        progress(min(1.0, calls * REPORT_EVERY / (EARLY_ITERATIONS + LATE_ITERATIONS)))
        if should_stop():
            raise CancelledError

    if start is None:
        start = pca(features).points
    start = np.asarray(start, np.float64)
    if should_stop():
        raise CancelledError
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
    # transform() reuses these parameters; it must not call report().
    embedding.gradient_descent_params["callbacks"] = None
    return Layout(
        points=_float32(embedding),
        place=lambda others: _float32(embedding.transform(np.asarray(others, np.float64))),
    )


def _float32(points: np.ndarray) -> np.ndarray:
    return np.asarray(points, np.float32)
