"""Makes arrays/: the same numbers in each format. numpy 2.4.6, h5py 3.16.0 (HDF5 2.0.0).

    python3 make_arrays.py
"""

import os

import h5py
import numpy

count = 6
rows = numpy.arange(count, dtype="f8")[:, None]
x = 10 * rows + numpy.arange(4) + 0.25
image = (100 * rows + numpy.arange(12)).reshape(count, 2, 3, 2)
energy = 2.0 ** numpy.arange(count)[:, None]
label = numpy.arange(count) % 3
folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "arrays")
os.makedirs(folder, exist_ok=True)


def path(name):
    return os.path.join(folder, name)


numpy.save(path("x.npy"), x.astype("<f4"))
numpy.save(path("x-big.npy"), x.astype(">f8"))
numpy.save(path("x-fortran.npy"), numpy.asfortranarray(x))
numpy.save(path("energy.npy"), energy)
numpy.save(path("label.npy"), label.astype("i4"))
numpy.savez(path("x.npz"), x=x, energy=energy, label=label, image=image.astype("i2"))
numpy.savez_compressed(path("x-deflated.npz"), x=numpy.asfortranarray(x), energy=energy, label=label)
with open(path("x.csv"), "w", newline="") as file:
    file.write('a,"b ""b""",c,d,energy,label\r\n')
    for i in range(count):
        file.write(",".join(repr(float(v)) for v in [*x[i], energy[i, 0]]) + f',"{label[i]}"\r\n')
for name, settings in [
    ("contiguous", {}),
    ("chunked", {"chunks": (4, 3)}),
    ("gzip", {"chunks": (4, 3), "compression": "gzip", "shuffle": True, "fletcher32": True}),
]:
    with h5py.File(path(f"{name}.h5"), "w") as file:
        file.create_dataset("x", data=x, **settings)
        file.create_dataset("energy", data=energy)
        file.create_dataset("label", data=label.astype("i2"))
        if name == "contiguous":
            group = file.create_group("group")
            group.create_dataset("half", data=x.astype("<f2"))
            group.create_dataset("big", data=x.astype(">f4"))
            group.create_dataset("byte", data=(x - 0.25).astype("i1"))
            group.create_dataset("image", data=image.astype(">u2"))
            group.create_dataset("words", data=numpy.array([b"ab", b"cd"]))
