"""OpenVINO: an .xml and a .bin beside it."""

from pathlib import Path
from typing import Any

import numpy as np
import openvino
from openvino import opset13 as op

from nobodies.exports.network import Network
from nobodies.exports.openvino_ops import OpenVinoOps
from nobodies.exports.plan import Plan


def build(plan: Plan) -> openvino.Model:
    """Make a model's graph.

    Args:
        plan: what to export.
    """
    ops = OpenVinoOps()
    batch = plan.batch or -1
    inputs = {
        name: op.parameter([batch, *shape] if shape else [], np.float32, name=name)
        for name, shape in plan.inputs.items()
    }
    for name, node in inputs.items():
        node.output(0).set_names({name})
    network = Network[Any](ops, plan.architecture, plan.model.tensors)
    result = op.result(plan.picture(network, ops, inputs), name="image")
    result.output(0).set_names({"image"})
    return openvino.Model([result], list(inputs.values()), plan.model.name)


def save(plan: Plan, path: Path) -> None:
    """Write a model's graph to `path`, .xml, and its weights beside it, .bin."""
    openvino.save_model(build(plan), path, compress_to_fp16=plan.half)
