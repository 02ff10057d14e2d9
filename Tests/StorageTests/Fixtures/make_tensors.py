"""Makes the files of tensors that TensorFileTests reads: torch.save's and paddle.save's forms.

    python3 make_tensors.py    # numpy 2.4, torch 2.13

Element i of a tensor is i - 2.5, whatever its type; of integers i + 5.
"""

import os
import pickle
from collections import OrderedDict

import numpy as np
import torch

folder = os.path.dirname(os.path.abspath(__file__))


def path(name):
    return os.path.join(folder, name)


def ramp(*shape, dtype=torch.float32):
    return (torch.arange(int(np.prod(shape))) - 2.5).to(dtype).view(shape)


base = ramp(3, 4)
state = OrderedDict(
    single=ramp(2, 3),
    double=ramp(2, dtype=torch.float64),
    half=ramp(5, dtype=torch.float16),
    brain=ramp(5, dtype=torch.bfloat16),
    scalar=torch.tensor(-2.5),
    counter=torch.tensor(5),
    counts=(torch.arange(3) + 5).int(),
    flag=torch.tensor([True, False]),
    base=base,
    row=base[1],
    turned=base.t(),
    parameter=torch.nn.Parameter(ramp(2)),
    empty=torch.zeros(0, 3),
)
torch.save({"model": state, "epoch": 3, "optimizer": {"state": {0: {"step": ramp(1)}}, "betas": (0.5, 0.9)}}, path("tensors.pt"))
torch.save(state, path("tensors-legacy.pth"), _use_new_zipfile_serialization=False)
# Two references to one storage, of which one counts every element many times.
torch.save({"x": torch.zeros(1).expand(4, 4)}, path("expanded.pt"))

arrays = {
    "linear.weight": base.numpy(),
    "linear.bias": ramp(4, dtype=torch.float64).numpy(),
    "turned": np.asfortranarray(base.numpy()),
    "half": ramp(5, dtype=torch.float16).numpy(),
    "steps": np.arange(3) + 5,
    "StructuredToParameterName@@": {"linear.weight": "linear_0.w_0"},
}
for protocol in (2, 4):
    with open(path(f"arrays-{protocol}.pdparams"), "wb") as file:
        pickle.dump(arrays, file, protocol=protocol)
