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
    picture = plan.picture(network, ops)
    batch = plan.batch or "N"
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, *shape] if shape else [])
        for name, shape in plan.inputs.items()
    ]
    side = plan.architecture.resolution
    output = helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, 3, side, side])
    last = helper.make_node("Identity", [picture], ["image"])
    graph = helper.make_graph([*ops.nodes, last], plan.model.name, inputs, [output], ops.initializers)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=_IR_VERSION, producer_name="nobodies",
        producer_version=__version__, doc_string=plan.card(),
    )  # fmt: skip
    content: bytes = model.SerializeToString()
    return content
