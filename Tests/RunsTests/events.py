"""Reads a run's event files with TensorBoard's own reader and compares them: events.py RUN

tensorboard 2.21.
"""

import csv
import glob
import math
import os
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

run = sys.argv[1]
events = EventAccumulator(os.path.join(run, "tensorboard"), size_guidance={"scalars": 0, "images": 0})
events.Reload()
tags = events.Tags()

for group, table in (("train", "metrics.csv"), ("scores", "evaluation.csv")):
    with open(os.path.join(run, table)) as file:
        rows = list(csv.reader(file))
    for column, title in enumerate(rows[0][1:], 1):
        tag = group + "/" + title.split(" (")[0]
        found = {event.step: event.value for event in events.Scalars(tag)}
        expected = {int(row[0]): float(row[column]) for row in rows[1:]}
        assert found.keys() == expected.keys(), (tag, found, expected)
        assert all(math.isclose(found[i], expected[i], rel_tol=1e-6) for i in found), tag
    print(f"all of {table}: {len(rows) - 1} steps")

newest = max(glob.glob(os.path.join(run, "samples", "iteration-*.png")))
with open(newest, "rb") as file:
    assert events.Images("samples")[-1].encoded_image_string == file.read()
print("histograms:", len(tags["distributions"]))
assert len(tags["distributions"]) > 0
assert any("name: tiny" in e.tensor_proto.string_val[0].decode() for e in events.Tensors("configuration/text_summary"))
content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
hparams = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info.hparams
assert hparams["training.batch"].number_value == 12
assert hparams["optimizer.critic.adam.beta2"].number_value == 0.9
