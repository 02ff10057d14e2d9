"""Records what other programs give for quantities, histograms, distances and classifiers of arrays:
Fixtures/physics.json.

Both sides make the data by one integer hash (`hashed_data.py`, `HashedData` in the tests), so that
only results are kept. Recorded with CaloChallenge's HighLevelFeatures.py, XMLHandler.py and
binning_dataset_1_photons.xml (github.com/CaloChallenge/homepage, folder code, which is the
argument), jetnet 0.2.5, ROOT 6.40.00, scipy 1.17.1, scikit-learn 1.9.1 and numpy 2.4.6:

    python3 Tests/ScoresTests/make_physics_fixtures.py homepage/code
"""

import json
import os
import sys
import types

import numpy as np
import scipy.optimize
import sklearn.isotonic
import sklearn.metrics

from hashed_data import bits, hashed


def showers(stream, count):
    """368 values, a third of them 0."""
    values = hashed(stream, count * 368).reshape(count, 368)
    return np.where(values > 1 / 3, values * 1024, 0)


def quantities(code):
    sys.path.insert(0, code)
    import HighLevelFeatures

    features = HighLevelFeatures.HighLevelFeatures(
        "photon", filename=os.path.join(code, "binning_dataset_1_photons.xml"))
    data = showers(300, 5)
    # A shower without energy in layer 1: the sums that are divided by are 0.
    data[4, 8:168] = 0
    features.CalculateFeatures(data)
    found = {"total": features.GetEtot()}
    for layer, values in features.GetElayers().items():
        found[f"layer_{layer}"] = values
        found[f"sparsity_{layer}"] = features.GetSparsity()[layer]
        found[f"r_{layer}"] = features.EC_r[layer]
    for layer in features.layersBinnedInAlpha:
        found[f"eta_{layer}"] = features.GetECEtas()[layer]
        found[f"phi_{layer}"] = features.GetECPhis()[layer]
        found[f"eta_width_{layer}"] = features.GetWidthEtas()[layer]
        found[f"phi_width_{layer}"] = features.GetWidthPhis()[layer]
    edges = np.unique(features.bin_edges).tolist()
    assert edges == [0, 8, 168, 358, 363, 368], edges
    return {name: values.tolist() for name, values in found.items()}


def separation_power(hist1, hist2, bins):
    """CaloChallenge's evaluate_plotting_helper.py, eq. 15 of arXiv:2009.03796."""
    hist1, hist2 = hist1 * np.diff(bins), hist2 * np.diff(bins)
    return 0.5 * ((hist1 - hist2) ** 2 / (hist1 + hist2 + 1e-16)).sum()


def histograms():
    import ctypes

    import ROOT

    def chi_squared(reals, samples, bins):
        pair = []
        for name, values in (("a", reals), ("b", samples)):
            histogram = ROOT.TH1D(name, "", len(bins) - 1, np.asarray(bins))
            for value in values:
                histogram.Fill(value)
            histogram.Scale(1 / histogram.GetEntries())
            pair.append(histogram)
        chi2, ndf, good = ctypes.c_double(0), ctypes.c_int(0), ctypes.c_int(0)
        pair[0].Chi2TestX(pair[1], chi2, ndf, good, "WW")
        return [chi2.value, ndf.value]

    reals = hashed(310, 900) + hashed(311, 900)
    samples = 0.9 * (hashed(312, 700) + hashed(313, 700)) + 0.15
    out = {}
    for name, bins in (
        ("linear", np.linspace(0.25, 1.5, 26)),
        # With bins at the ends that are empty.
        ("log", np.logspace(np.log10(0.004), np.log10(5), 41)),
    ):
        counts = [np.histogram(x, bins=bins)[0] for x in (reals, samples)]
        density = [np.histogram(x, bins=bins, density=True)[0] for x in (reals, samples)]
        out[name] = {
            "reals": counts[0].tolist(), "samples": counts[1].tolist(),
            "separation": float(separation_power(*density, bins)),
            "chiSquared": chi_squared(reals, samples, bins)}
    # FastCaloGAN's range: the fullest of 100 bins, three deviations on both sides, 30 bins.
    coarse = ROOT.TH1D("h", "", 100, 0, 2)
    for value in reals:
        coarse.Fill(value)
    mode = coarse.GetBinCenter(coarse.GetMaximumBin())
    low, high = max(0, mode - 3 * coarse.GetRMS()), mode + 3 * coarse.GetRMS()
    out["around"] = {
        "ends": [low, high], "chiSquared": chi_squared(reals, samples, np.linspace(low, high, 31))}
    return out


class Drawn:
    """Draws by the hash what NumPy's generators are asked for: reals, samples, reals and so on."""

    calls = 0

    def choice(self, count, size):
        number = np.uint64(900 << 32) + np.uint64(Drawn.calls << 20)
        Drawn.calls += 1
        return (bits(np.arange(size, dtype=np.uint64) + number) % np.uint64(count)).astype(int)


def metrics():
    """jetnet.evaluation.gen_metrics without the packages that only its other functions need."""
    stubs = {
        "energyflow": {}, "energyflow.emd": {"emds": None},
        "numba": {"njit": lambda *a, **k: a[0] if a else lambda f: f, "prange": range,
                  "set_num_threads": None},
        "jetnet": {"utils": None, "__path__": []}, "jetnet.utils": {},
        "jetnet.datasets": {"JetNet": None},
    }
    for name, members in stubs.items():
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__dict__.update(members)
    import importlib.metadata
    import importlib.util

    files = importlib.metadata.distribution("jetnet").files
    path = next(f.locate() for f in files if f.name == "gen_metrics.py")
    specification = importlib.util.spec_from_file_location("gen_metrics", path)
    module = importlib.util.module_from_spec(specification)
    sys.modules["gen_metrics"] = module
    specification.loader.exec_module(module)
    return module


def features(stream, count, shift):
    """Seven features, the last but one always 0 and the last of single samples."""
    values = hashed(stream, count * 7).reshape(count, 7)
    values = values * np.array([1, 2, 3, 4, 5, 0, 6]) + values[:, :1] + shift
    values[:, 5] = 0
    values[:, 6] = np.where(values[:, 6] > 5, values[:, 6], 0)
    return values


def distances():
    module = metrics()
    module.np = types.ModuleType("numpy")
    module.np.__dict__.update(np.__dict__)
    module.np.random = types.SimpleNamespace(default_rng=lambda seed: Drawn())
    reals, samples = features(320, 600, 0), features(330, 500, 0.25)
    Drawn.calls = 0
    fpd = module.fpd(
        reals, samples, min_samples=100, max_samples=400, num_batches=5, num_points=6)
    Drawn.calls = 0
    kpd = module.kpd(reals, samples, num_batches=7, batch_size=200)
    fits = []
    # An intercept below 0, a slope below 0, and neither.
    x = 1 / np.array([100, 120, 150, 200, 400])
    for y in ([0.5, 0.41, 0.3, 0.2, 0.05], [0.5, 0.52, 0.56, 0.55, 0.6],
              [0.5, 0.46, 0.42, 0.36, 0.25]):
        found, covariance = scipy.optimize.curve_fit(
            module._linear, x, y, bounds=([0, 0], [np.inf, np.inf]))
        fits.append({
            "y": y, "intercept": found[0], "slope": found[1],
            "error": float(np.sqrt(np.diag(covariance)[0]))})
    return {"fpd": [float(v) for v in fpd], "kpd": [float(v) for v in kpd], "fits": fits}


def classifier():
    labels = hashed(340, 400) < 0.5
    # Ties, and a score that orders the classes a little.
    scores = np.round((hashed(341, 400) + 0.4 * labels) * 64) / 96
    places = np.round(hashed(342, 60) * 128) / 96 - 0.1
    fit = sklearn.isotonic.IsotonicRegression(out_of_bounds="clip", y_min=1e-6, y_max=1 - 1e-6)
    fit.fit(scores, labels.astype(float))
    rescaled = fit.predict(scores[:200])
    import torch

    entropy = torch.nn.BCELoss()(
        torch.tensor(rescaled), torch.tensor(labels[:200].astype(float))).item()
    return {
        "areaUnderCurve": float(sklearn.metrics.roc_auc_score(labels, scores)),
        "calibrated": fit.predict(places).tolist(),
        "divergence": float((np.log(2.0) - entropy) / np.log(2.0))}


def main():
    out = {
        "quantities": quantities(sys.argv[1]), "histograms": histograms(), **distances(),
        "classifier": classifier()}
    path = os.path.join(os.path.dirname(__file__), "Fixtures", "physics.json")
    with open(path, "w") as file:
        json.dump(out, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
