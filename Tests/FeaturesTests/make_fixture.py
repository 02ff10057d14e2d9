"""Records what PyTorch's Inception-v3 networks and three programs' resizing give, for FeaturesTests.

Weights are 95 MB, so both sides make them from one integer hash of a tensor's name and an element's
number (HashedTensors.swift); the file has outputs only. Made with torch 2.13.0, torchvision 0.29.2,
torch-fidelity 0.4.0, Pillow 13.0.0 and numpy 2.4.6:

    python make_fixture.py Fixtures/inception.safetensors
"""

import json
import math
import struct
import sys
import tempfile

import numpy as np
import torch
import torch.nn.functional as F

try:
    import tv_fix  # noqa: F401  (where torchvision's compiled operators do not load)
except ImportError:
    pass
import torchvision
from PIL import Image
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x

MASK = (1 << 64) - 1


def uniforms(name, count):
    """Numbers in [0, 1) with 24 bits: splitmix64 of the name's FNV-1a hash and the place."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = (seed ^ byte) * 0x100000001B3 & MASK
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float64) / (1 << 24)


def tensor(name, shape):
    """Weights of He's variance (a linear layer's of half of it), statistics near those of N(0, 1)."""
    u = uniforms(name, math.prod(shape))
    if name.endswith("running_var") or name.endswith("bn.weight"):
        values = 0.8 + 0.4 * u
    elif len(shape) == 1:
        values = 0.1 * (2 * u - 1)
    else:
        fan_in = math.prod(shape[1:])
        values = (2 * u - 1) * math.sqrt((6 if len(shape) == 4 else 3) / fan_in)
    return torch.from_numpy(values.astype(np.float32).reshape(shape))


def hashed(state):
    return {
        name: value if name.endswith("num_batches_tracked") else tensor(name, tuple(value.shape))
        for name, value in state.items()
    }


def image(name, height, width):
    """Bytes, channels last."""
    values = np.floor(uniforms(name, height * width * 3) * 256)
    return values.astype(np.uint8).reshape(height, width, 3)


def write(path, tensors):
    """A safetensors file of Floats."""
    header, blobs, offset = {}, [], 0
    for name, values in tensors.items():
        values = np.ascontiguousarray(values, dtype="<f4")
        header[name] = {
            "dtype": "F32", "shape": list(values.shape),
            "data_offsets": [offset, offset + values.nbytes],
        }
        blobs.append(values.tobytes())
        offset += values.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def networks():
    """Features and logits of two images of 32 x 32."""
    images = np.stack([image("image.0", 32, 32), image("image.1", 32, 32)]).transpose(0, 3, 1, 2)
    images = torch.from_numpy(np.ascontiguousarray(images))
    found = {}
    with torch.no_grad():
        names = ["2048", "logits_unbiased"]
        with tempfile.NamedTemporaryFile() as file:
            # Its initializer wants a file: the first one is only of the right names and shapes.
            network = FeatureExtractorInceptionV3.__new__(FeatureExtractorInceptionV3)
            state = torchvision.models.Inception3(
                num_classes=1008, aux_logits=False, init_weights=False).state_dict()
            torch.save(hashed(state), file.name)
            network = FeatureExtractorInceptionV3("inception", names, file.name)
        found["fid.features"], found["fid.logits"] = network(images)

        network = torchvision.models.Inception3(aux_logits=True, init_weights=False)
        network.load_state_dict(hashed(network.state_dict()))
        network.eval()
        kept = []
        network.avgpool.register_forward_hook(lambda module, x, y: kept.append(y.flatten(1)))
        x = F.interpolate(images.float(), size=(299, 299), mode="bilinear", align_corners=False)
        found["torchvision.logits"] = network((x / 255 - 0.5) / 0.5)
        found["torchvision.features"] = kept[0]
    for name, value in found.items():
        print(name, tuple(value.shape), "deviation", float(value.std()), "mean", float(value.mean()))
    return {name: value.numpy() for name, value in found.items()}


def resized(picture, height, width):
    """One image by every method, channels last."""
    planes = torch.from_numpy(picture.astype(np.float32)).permute(2, 0, 1)[None]
    found = {
        "tensorflow1": interpolate_bilinear_2d_like_tensorflow1x(
            planes, size=(height, width), align_corners=False)[0].permute(1, 2, 0).numpy(),
        "pytorch": F.interpolate(
            planes, size=(height, width), mode="bilinear", align_corners=False
        )[0].permute(1, 2, 0).numpy(),
    }
    for name, resampling in [
        ("Bilinear", Image.Resampling.BILINEAR), ("Bicubic", Image.Resampling.BICUBIC)
    ]:
        found[f"pillow{name}"] = np.asarray(
            Image.fromarray(picture).resize((width, height), resampling))
        # As clean-fid: a channel at a time, in mode F.
        found[f"pillow{name}Float"] = np.stack([
            np.asarray(Image.fromarray(picture[:, :, c].astype(np.float32)).resize(
                (width, height), resampling)).clip(0, 255)
            for c in range(3)], axis=2)
    return found


def resizings():
    found = {}
    # Sizes that Pillow 13 takes along rows first, as older ones take all.
    for source, target in [((9, 13), (20, 32)), ((40, 31), (7, 5))]:
        picture = image("picture", *source)
        for method, values in resized(picture, *target).items():
            found[f"{method}.{source[0]}x{source[1]}.{target[0]}x{target[1]}"] = values
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)
    write(sys.argv[1], {**networks(), **resizings()})
