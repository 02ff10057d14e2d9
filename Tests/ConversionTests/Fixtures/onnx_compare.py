"""Checks ONNX models and runs them in ONNX Runtime: onnx_compare.py FOLDER

FOLDER has NAME.onnx and NAME.safetensors, with the inputs and the expected outputs of some samples,
all in single precision. onnx 1.23, onnxruntime 1.32.
"""

import json
import os
import struct
import sys

import numpy as np
import onnx
import onnxruntime

TOLERANCE = 1e-5
failed = False


def tensors(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header, data = json.loads(file.read(length)), file.read()
    return {
        name: np.frombuffer(data[slice(*entry["data_offsets"])], "<f4").reshape(entry["shape"])
        for name, entry in header.items()
        if name != "__metadata__"
    }


for name in sorted(n[:-5] for n in os.listdir(sys.argv[1]) if n.endswith(".onnx")):
    path = os.path.join(sys.argv[1], name)
    model = onnx.load(path + ".onnx")
    onnx.checker.check_model(model, full_check=True)
    values = tensors(path + ".safetensors")
    expected = values.pop("expected")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path + ".onnx", options, ["CPUExecutionProvider"])
    asked = {i.name: i.type for i in session.get_inputs()}
    feeds = {n: values[n].astype(np.int64 if t == "tensor(int64)" else np.float32) for n, t in asked.items()}
    found = np.concatenate([o.reshape(len(expected), -1) for o in session.run(None, feeds)], 1)
    difference = (np.abs(found - expected) / (1 + np.abs(expected))).max()
    print(f"{name}: {difference:.1e}")
    failed = failed or not (found.shape == expected.shape and difference <= TOLERANCE)
sys.exit(1 if failed else 0)
