"""ONNX: the graph is written directly, so no PyTorch is needed."""

from typing import Final

from nobodies._version import __version__
from nobodies.exports.network import Network
from nobodies.exports.onnx_ops import OnnxOps
from nobodies.exports.plan import Plan

OPSET: Final = 17
_IR_VERSION: Final = 8


def build(plan: Plan) -> bytes:
    """Write a model as an ONNX file.

    Args:
        plan: what to export.

    Returns:
        The file.

    Raises:
        DependencyError: onnx is not installed.
    """
    from onnx import TensorProto, helper

    ops = OnnxOps(half=plan.half)
    network = Network(ops, plan.architecture, plan.model.tensors)
    nodes = plan.outputs(network, ops)
    batch = plan.batch or "N"
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, *shape] if shape else [])
        for name, shape in plan.inputs.items()
    ]
    side = plan.architecture.resolution
    shapes = {name: [batch, 3, side, side] if name == "image" else [batch, 1] for name in nodes}
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    last = [helper.make_node("Identity", [node], [name]) for name, node in nodes.items()]
    graph = helper.make_graph([*ops.nodes, *last], plan.model.name, inputs, outputs, ops.initializers)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=_IR_VERSION, producer_name="nobodies",
        producer_version=__version__, doc_string=plan.card(),
    )  # fmt: skip
    content: bytes = model.SerializeToString()
    return content
