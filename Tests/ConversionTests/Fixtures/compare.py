"""Runs exported modules and compares them with what the program gave: compare.py FOLDER

FOLDER has a folder for each run: model.py, and of each of its networks NAME.safetensors, NAME.pt
and NAME-probe.safetensors: input, labels and condition where they are taken, and the expected
output, all in single precision. torch 2.13, safetensors 0.8.
"""

import importlib.util
import os
import sys

import torch
from safetensors.torch import load_file

TOLERANCE = 1e-5
# Feature networks are some fifty convolutions deep, here by Winograd's form: 1.0e-5 was seen.
DEEP_TOLERANCE = 3e-5
failed = False

for folder in sorted(os.scandir(sys.argv[1]), key=lambda entry: entry.name):
    spec = importlib.util.spec_from_file_location("model", os.path.join(folder, "model.py"))
    model = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(model)
    for name in model.NETWORKS:
        path = os.path.join(folder, name)
        module = model.load(name)
        pickled = torch.load(path + ".pt", weights_only=True)
        stored = load_file(path + ".safetensors")
        label = f"{folder.name}-{name}"
        assert sorted(pickled) == sorted(module.state_dict()), label
        assert all(torch.equal(pickled[key], stored[key]) for key in stored), label
        probe = load_file(path + "-probe.safetensors")
        x = probe["input"].view(-1, *module.input_shape)
        told = [probe["labels"].long()] if "labels" in probe else []
        told += [probe["condition"]] if "condition" in probe else []
        takes_labels = told and getattr(module, "takes_labels", False)
        labels = told[0] if len(told) == 1 else tuple(told)
        with torch.no_grad():
            found = module(x, labels) if takes_labels else module(x)
        expected = probe["expected"]
        difference = ((found.flatten(1) - expected).abs() / (1 + expected.abs())).max().item()
        print(f"{label}: {difference:.1e}")
        tolerance = DEEP_TOLERANCE if folder.name.startswith("inception-") else TOLERANCE
        failed = failed or not difference <= tolerance
sys.exit(1 if failed else 0)
