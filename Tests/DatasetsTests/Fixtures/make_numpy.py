# Makes the NumPy files of `numpy`: `python3 make_numpy.py FOLDER` (3.11 with numpy 2.4.6). Element i of image n
# is (7 n + 3 i) mod 251, i counted channels last; numbers are these over 255, or 2 x/255 - 1.
import sys, zipfile
import numpy as np

folder = sys.argv[1]


def images(count, height, width, channels):
    n = np.arange(count).reshape(count, 1, 1, 1)
    i = np.arange(height * width * channels).reshape(1, height, width, channels)
    return ((7 * n + 3 * i) % 251).astype(np.uint8)


colour = images(4, 5, 6, 3)
grey = images(4, 5, 6, 1)
np.save(folder + "/nhwc.npy", colour)
np.save(folder + "/fortran.npy", np.asfortranarray(colour))
np.save(folder + "/grey.npy", grey[..., 0])
np.save(folder + "/unit.npy", (colour / 255).astype("<f8"))
np.save(folder + "/big-endian.npy", (colour.transpose(0, 3, 1, 2) / np.float32(255)).astype(">f4"))
np.save(folder + "/half.npy", (2 * (grey / 255) - 1).astype("<f2"))
np.save(folder + "/int64.npy", colour.astype("<i8"))
np.save(folder + "/objects.npy", np.array([{}, 1], dtype=object), allow_pickle=True)
np.save(folder + "/records.npy", np.zeros(3, dtype=[("a", "<f4"), ("b", "<i2")]))
np.savez(folder + "/stored.npz", colour.transpose(0, 3, 1, 2))
np.savez_compressed(folder + "/deflated.npz", samples=colour, labels=np.arange(4))
with open(folder + "/version2.npy", "wb") as file:
    np.lib.format.write_array(file, colour, version=(2, 0))
