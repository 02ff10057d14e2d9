"""Showers of photons in the layout of CaloChallenge's data set 1, drawn by a simple model.

    python3 Examples/showers.py showers.hdf5 --count 10000
    python3 Examples/showers.py showers.csv --count 1000 --seed 3

Writes `incident_energies` (N, 1) and `showers` (N, 368), float64, in MeV, as the published files
have them (Faucci Giannelli, Kasieczka, Krause, Nachman, Salamani, Shih, Zaborowska: "Fast Calorimeter
Simulation Challenge 2022", data set 1, photons): incident energies are the 15 powers of two from 2^8
to 2^22 MeV; five layers with radial x angular bins

    layer   0       1        2        3      12
    bins    8 x 1   16 x 10  19 x 10  5 x 1  5 x 1

one layer behind the other, in a layer one angular bin behind the other. The showers are not physics: a
share of the energy in each layer from a Dirichlet distribution whose mean goes deeper with the energy,
an exponential profile along the radius, and Gamma noise a bin; bins under a threshold are 0. They are for tests
and for trying configurations; the published files are at zenodo.org.

Without h5py `--format npz` and `csv` need numpy alone. Written with numpy 2 and h5py 3.
"""

import argparse

import numpy

LAYERS = [(0, 8, 1), (1, 16, 10), (2, 19, 10), (3, 5, 1), (12, 5, 1)]


def showers(count, seed):
    """Energies (count, 1) and showers (count, 368) in MeV."""
    random = numpy.random.default_rng(seed)
    energies = 2.0 ** random.integers(8, 23, size=(count, 1))
    depth = (numpy.log2(energies[:, 0]) - 8) / 14
    # Mean shares of the layers for the lowest and the highest energy.
    low = numpy.array([0.12, 0.45, 0.38, 0.03, 0.02])
    high = numpy.array([0.02, 0.18, 0.72, 0.06, 0.02])
    mean = low + (high - low) * depth[:, None]
    concentration = 20 + 60 * depth
    shares = random.gamma(mean * concentration[:, None])
    shares /= shares.sum(axis=1, keepdims=True)
    # What is seen of the energy.
    seen = energies[:, 0] * numpy.clip(random.normal(0.85, 0.3 / numpy.sqrt(energies[:, 0] / 100)), 0.05, 1.2)
    parts = []
    for index, (_, radial, angular) in enumerate(LAYERS):
        slope = random.normal(0.45, 0.05, size=(count, 1))
        profile = numpy.exp(-slope * numpy.arange(radial))
        bins = numpy.repeat(profile[:, None, :], angular, axis=1).reshape(count, angular * radial)
        bins = bins * random.gamma(0.8 + 3 * depth[:, None], size=bins.shape)
        bins /= numpy.maximum(bins.sum(axis=1, keepdims=True), 1e-12)
        parts.append(bins * (shares[:, index] * seen)[:, None])
    voxels = numpy.concatenate(parts, axis=1)
    # A cell's noise in MeV.
    voxels[voxels < 1e-2] = 0
    return energies, voxels


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", help="ends in .hdf5, .npz or .csv")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--contiguous", action="store_true", help="HDF5 without chunks, which is mapped and not read")
    options = parser.parse_args()
    energies, voxels = showers(options.count, options.seed)
    if options.file.endswith(".npz"):
        numpy.savez(options.file, incident_energies=energies, showers=voxels)
    elif options.file.endswith(".csv"):
        names = ["incident_energies"] + [f"showers_{index}" for index in range(voxels.shape[1])]
        with open(options.file, "w") as file:
            file.write(",".join(names) + "\n")
            for energy, row in zip(energies[:, 0], voxels):
                file.write(",".join(repr(float(value)) for value in [energy, *row]) + "\n")
    else:
        import h5py

        with h5py.File(options.file, "w") as file:
            settings = {} if options.contiguous else {"compression": "gzip", "chunks": True}
            file.create_dataset("incident_energies", data=energies, **settings)
            file.create_dataset("showers", data=voxels, **settings)


if __name__ == "__main__":
    main()
