"""TensorFlow: a SavedModel with a serving signature, and LiteRT made of the same function."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

from nobodies.exports.network import Network
from nobodies.exports.plan import Plan
from nobodies.exports.tensorflow_ops import TensorFlowOps


def save(plan: Plan, folder: Path) -> None:
    """Write a SavedModel into `folder`; `tf.saved_model.load` and TensorFlow Serving read it."""
    module = tf.Module()
    module.draw = _function(plan)
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.draw})


def convert(plan: Plan) -> bytes:
    """Make a LiteRT file, whose weights are in 16 bits if the plan says so."""
    module = tf.Module()
    module.draw = _function(plan)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([module.draw.get_concrete_function()], module)
    if plan.half:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    content: bytes = converter.convert()
    return content


def _function(plan: Plan) -> Any:
    ops = TensorFlowOps()
    network = Network[Any](ops, plan.architecture, plan.model.tensors)
    specs = [
        tf.TensorSpec([plan.batch, *shape] if shape else [], tf.float32, name) for name, shape in plan.inputs.items()
    ]

    def draw(*inputs: Any) -> dict[str, Any]:
        picture = plan.picture(network, ops, dict(zip(plan.inputs, inputs, strict=True)))
        return {"image": tf.transpose(picture, [0, 3, 1, 2])}

    traced: Callable[..., Any] = tf.function(draw, input_signature=specs, autograph=False)
    return traced
