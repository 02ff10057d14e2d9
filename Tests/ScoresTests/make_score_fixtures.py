"""Records what other programs give for the scores' test data: Fixtures/scores.json.

Both sides make the data by one integer hash (`hashed_data.py`, `HashedData` in the tests), so that
only results are kept. Recorded with torch-fidelity 0.4.0, torch 2.13.0, scipy 1.17.1, scikit-learn 1.9.1
and numpy 2.4.6:

    python3 Tests/ScoresTests/make_score_fixtures.py
"""

import json
import os

import numpy as np
import scipy.linalg
import scipy.ndimage
import scipy.optimize
import scipy.spatial.distance
import scipy.stats
import sklearn.metrics
import sklearn.neighbors
import torch

try:
    import tv_fix  # noqa: F401  (where torchvision's compiled operators do not load)
except ImportError:
    pass
from torch_fidelity import metric_fid, metric_isc, metric_kid, metric_prc

import hashed_data


def hashed(stream, count):
    """Multiples of 2^-24 in [0, 1) in single precision."""
    return hashed_data.hashed(stream, count).astype(np.float32)


def vectors(stream, count, dimension, shift=0.0, scale=1.0):
    """Vectors whose elements have other scales, and share a part by threes."""
    own = hashed(stream, count * dimension).reshape(count, dimension)
    common = hashed(stream + 1, count * 3).reshape(count, 3)
    scales = np.array([1 + j % 5 for j in range(dimension)], dtype=np.float32)
    places = np.arange(dimension) % 3
    values = own * scales + common[:, places]
    return values * np.float32(scale) + np.float32(shift)


def images(stream, count, height, width, channels, scale=1.0):
    """Images of smooth and rough parts: channels last."""
    fine = hashed(stream, count * height * width * channels)
    fine = fine.reshape(count, height, width, channels)
    coarse = hashed(stream + 1, count * height * width * channels)
    coarse = coarse.reshape(count, height, width, channels)
    rows = (np.arange(height) // 8 * 8)[:, None]
    columns = (np.arange(width) // 8 * 8)[None, :]
    return fine * np.float32(scale) + coarse[:, rows, columns, :]


def frechet_by_root(a, b):
    s1, s2 = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(s1 @ s2)
    difference = a.mean(axis=0) - b.mean(axis=0)
    return float(difference @ difference + np.trace(s1 + s2 - 2 * np.real(root)))


def density_and_coverage(samples, reals, k):
    """The formulas of github.com/clovaai/generative-evaluation-prdc (Naeem et al. 2020)."""
    between = sklearn.metrics.pairwise_distances(reals, samples, metric="euclidean")
    among = sklearn.metrics.pairwise_distances(reals, reals, metric="euclidean")
    radii = np.partition(among, k, axis=1)[:, k]
    density = (1.0 / k) * (between < radii[:, None]).sum(axis=0).mean()
    coverage = (between.min(axis=1) < radii).mean()
    return float(density), float(coverage)


def features():
    out = {}
    samples = vectors(10, 300, 24).astype(np.float64)
    reals = vectors(20, 280, 24, shift=0.05, scale=1.125).astype(np.float64)
    t = torch.from_numpy
    statistics = [metric_fid.fid_features_to_statistics(t(x)) for x in (samples, reals)]
    out["fid"] = metric_fid.fid_statistics_to_metric(*statistics, False)[metric_fid.KEY_METRIC_FID]
    root = frechet_by_root(samples, reals)
    assert abs(root / out["fid"] - 1) < 1e-9, (root, out["fid"])
    # Fewer vectors than features: |X Y^T| in the nuclear norm, of deviations over (n - 1)^(1/2).
    a, b = vectors(120, 40, 64).astype(np.float64), vectors(130, 30, 64).astype(np.float64)
    x, y = ((v - v.mean(axis=0)) / np.sqrt(len(v) - 1) for v in (a, b))
    d = a.mean(axis=0) - b.mean(axis=0)
    out["fidSingular"] = float(
        d @ d + (x * x).sum() + (y * y).sum()
        - 2 * np.linalg.svd(x @ y.T, compute_uv=False).sum())
    kid = metric_kid.kid_features_to_metric(
        t(samples), t(reals), kid_subsets=10, kid_subset_size=100, kid_degree=3, rng_seed=2020,
        verbose=False)
    out["kid"] = [kid[metric_kid.KEY_METRIC_KID_MEAN], kid[metric_kid.KEY_METRIC_KID_STD]]
    logits = (vectors(30, 203, 11) * np.float32(2)).astype(np.float64)
    isc = metric_isc.isc_features_to_metric(t(logits), splits=10, shuffle=False)
    out["inceptionScore"] = [
        isc[metric_isc.KEY_METRIC_ISC_MEAN], isc[metric_isc.KEY_METRIC_ISC_STD]]
    prc = metric_prc.prc_features_to_metric(
        t(samples), t(reals), prc_neighborhood=3, prc_batch_size=10000, save_cpu_ram=False,
        verbose=False)
    density, coverage = density_and_coverage(samples, reals, 5)
    out["prdc"] = [
        prc[metric_prc.KEY_METRIC_PRECISION], prc[metric_prc.KEY_METRIC_RECALL], density, coverage]
    random = np.random.RandomState(2020)
    out["permutations"] = [random.permutation(n).tolist() for n in (10, 7, 700)]
    out["permutations"][2] = out["permutations"][2][:8]
    return out


def points():
    out = {}
    a, b = vectors(40, 120, 2), vectors(50, 120, 2, shift=0.25)
    costs = scipy.spatial.distance.cdist(a.astype(np.float64), b.astype(np.float64))
    rows, columns = scipy.optimize.linear_sum_assignment(costs)
    out["wasserstein"] = float(costs[rows, columns].mean())
    out["assignment"] = columns.tolist()
    a, b = vectors(60, 150, 6), vectors(70, 150, 6, shift=0.125)
    directions = hashed(80, 20 * 6).reshape(20, 6) - np.float32(0.5)
    distance = scipy.stats.wasserstein_distance
    out["sliced"] = float(np.mean([
        distance(a.astype(np.float64) @ d, b.astype(np.float64) @ d)
        for d in directions.astype(np.float64)]))
    out["marginal"] = [float(distance(a[:, j], b[:, j])) for j in range(6)]
    median = float(np.median(scipy.spatial.distance.pdist(b.astype(np.float64))))
    out["median"] = median
    x, y = a[:140].astype(np.float64), b.astype(np.float64)
    gamma = 1 / (2 * median**2)
    kernel = sklearn.metrics.pairwise.rbf_kernel
    xx, yy, xy = kernel(x, x, gamma), kernel(y, y, gamma), kernel(x, y, gamma)
    m, n = len(x), len(y)
    out["mmd"] = float(
        (xx.sum() - np.trace(xx)) / (m * (m - 1)) + (yy.sum() - np.trace(yy)) / (n * (n - 1))
        - 2 * xy.mean())
    return out


KERNEL = np.float64([1, 4, 6, 4, 1])
KERNEL = KERNEL[:, None] * KERNEL / 256


def down(x):
    return scipy.ndimage.convolve(x, KERNEL[None, None], mode="mirror")[:, :, ::2, ::2]


def up(x, height, width):
    spread = np.zeros(x.shape[:2] + (height, width))
    spread[:, :, ::2, ::2] = x
    return scipy.ndimage.convolve(spread, KERNEL[None, None] * 4, mode="mirror")


def pyramid(x):
    """Karras et al. 2018, `sliced_wasserstein.py` and `laplacian_pyramid.py`: channels first."""
    levels = [x]
    while min(levels[-1].shape[2:]) // 2 >= 16:
        smaller = down(levels[-1])
        levels[-1] = levels[-1] - up(smaller, *levels[-1].shape[2:])
        levels.append(smaller)
    return levels


def descriptors(level, stream, count):
    """`count` patches of each image at hashed places, normalized by channel."""
    height, width = level.shape[2:]
    numbers = np.arange(2 * count * len(level), dtype=np.uint64) + np.uint64(stream << 32)
    places = (hashed_data.bits(numbers) >> np.uint64(33)).astype(np.int64)
    places = places.reshape(len(level), count, 2)
    patches = []
    for image, corners in zip(level, places):
        for row, column in corners:
            row, column = row % (height - 6), column % (width - 6)
            patches.append(image[:, row:row + 7, column:column + 7])
    patches = np.array(patches)
    patches -= patches.mean(axis=(0, 2, 3), keepdims=True)
    patches /= patches.std(axis=(0, 2, 3), keepdims=True)
    return patches.reshape(len(patches), -1)


def multiscale(a, b, count, directions):
    found = []
    levels = [pyramid(np.float64(x).transpose(0, 3, 1, 2)) for x in (a, b)]
    for number, pair in enumerate(zip(*levels)):
        x, y = (
            descriptors(level, 200 + 10 * number + which, count)
            for which, level in enumerate(pair))
        x, y = np.sort(x @ directions.T, axis=0), np.sort(y @ directions.T, axis=0)
        found.append(1000 * float(np.abs(x - y).mean()))
    return found


def spectrum(x):
    grey = np.float64(x).mean(axis=3)
    power = (np.abs(np.fft.fft2(grey)) ** 2).mean(axis=0)
    height, width = power.shape
    shorter = min(height, width)
    y = np.fft.fftfreq(height)[:, None] * shorter
    z = np.fft.fftfreq(width)[None, :] * shorter
    rings = np.rint(np.sqrt(y * y + z * z)).astype(int)
    return np.array([power[rings == r].mean() for r in range(1, shorter // 2 + 1)])


def pictures():
    out = {}
    a, b = images(90, 6, 32, 40, 3), images(95, 6, 32, 40, 3, scale=0.75)
    directions = np.float64(hashed(100, 16 * 147).reshape(16, 147) - np.float32(0.5))
    out["multiscale"] = multiscale(a, b, 12, directions)
    differences = np.abs(10 * np.log10(spectrum(a) / spectrum(b)))
    out["spectrum"] = [float(differences.mean()), float(differences.max())]
    training = images(110, 40, 12, 10, 1).reshape(40, -1).astype(np.float64)
    samples = images(115, 7, 12, 10, 1).reshape(7, -1).astype(np.float64)
    search = sklearn.neighbors.NearestNeighbors(n_neighbors=3, algorithm="brute").fit(training)
    distances, indices = search.kneighbors(samples)
    out["neighbours"] = indices.tolist()
    nearest = distances[:, 0] / np.sqrt(120)
    others = search.kneighbors(training[5:15])[0][:, 1] / np.sqrt(120)
    out["nearest"] = [float(nearest.mean()), float(nearest.mean() / others.mean())]
    return out


folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "Fixtures")
with open(os.path.join(folder, "scores.json"), "w") as file:
    json.dump({**features(), **points(), **pictures()}, file, indent=1, sort_keys=True)
    file.write("\n")
