"""Runs exported modules and compares them with what `sample` gave: compare.py FOLDER

FOLDER has a folder for each run: model.py, generator and critic as .safetensors and .pt,
arrays.npz (samples, noise, labels or conditions), scores.safetensors, and the number of samples whose
statistics batch norm without running ones takes together. torch 2.13, safetensors 0.8.
"""

import importlib.util
import os
import sys

import numpy as np
import torch
from safetensors.torch import load_file

TOLERANCE = 1e-5
failed = False


def largest(found, expected):
    return ((found - expected).abs() / (1 + expected.abs())).max().item()


for name in sorted(os.listdir(sys.argv[1])):
    folder = os.path.join(sys.argv[1], name)
    spec = importlib.util.spec_from_file_location("model", os.path.join(folder, "model.py"))
    model = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(model)
    with np.load(os.path.join(folder, "arrays.npz")) as file:
        arrays = {key: torch.from_numpy(file[key]) for key in file.files}
    scores = load_file(os.path.join(folder, "scores.safetensors"))["scores"]
    with open(os.path.join(folder, "group")) as file:
        group = int(file.read())
    networks = {}
    for network in ("generator", "critic"):
        networks[network] = model.load(network)
        pickled = torch.load(os.path.join(folder, network + ".pt"), weights_only=True)
        stored = load_file(os.path.join(folder, network + ".safetensors"))
        assert list(pickled) == list(networks[network].state_dict()), network
        assert all(torch.equal(pickled[key], stored[key]) for key in stored), network
    generator, critic = networks["generator"], networks["critic"]
    labels = arrays.get("labels", arrays.get("conditions"))
    found = []
    with torch.no_grad():
        for first in range(0, len(arrays["noise"]), group):
            part = slice(first, first + group)
            noise = arrays["noise"][part].view(-1, *generator.input_shape)
            takes_labels = getattr(generator, "takes_labels", False)
            found.append(generator(noise, labels[part]) if takes_labels else generator(noise))
        images = torch.cat(found)
        samples = arrays["samples"].view(images.shape)
        difference = largest(images, samples)
        x = samples.view(-1, *critic.input_shape)
        told = arrays.get("conditions", torch.zeros(len(x), dtype=torch.long))
        judged = critic(x, told) if getattr(critic, "takes_labels", False) else critic(x)
        scored = largest(judged.flatten(1)[:, 0], scores)
    print(f"{name}: samples {difference:.1e}, scores {scored:.1e}")
    failed = failed or not (difference <= TOLERANCE and scored <= TOLERANCE)
sys.exit(1 if failed else 0)
