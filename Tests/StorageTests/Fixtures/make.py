# Makes python.safetensors of this folder: `python3 make.py FOLDER`, with safetensors 0.8.0 and numpy
# 2.4.6. The test computes the same values.
import sys
import numpy
from safetensors.numpy import save_file

save_file(
    {
        # Thirds of e, no number of which is exact, and a power of two that only 32 bits hold.
        "main.0.weight": (numpy.arange(24) / numpy.float32(3)).astype(numpy.float32).reshape(2, 3, 4),
        "scalar": numpy.array(2.0**-130, numpy.float32),
        "double": numpy.array([-0.75, 1e6], numpy.float64),
        "num_batches_tracked": numpy.array(2**40 + 1, numpy.int64),
        "steps": numpy.array([-5, 7], numpy.int32),
        "empty": numpy.zeros((0, 4), numpy.float32),
    },
    sys.argv[1] + "/python.safetensors",
    metadata={"format": "pt", "note": "caf\u00e9"},
)
