"""Rewrite a TensorFlow.js graph model as a TensorFlow GraphDef, which OpenVINO can read. numpy alone.

A TF.js graph model is a GraphDef in JSON with its constants in a binary beside it. Two things stand between that and
a GraphDef that other readers take: the protocol-buffer encoding, and operations that TF.js fused (convolution, bias
and activation in one node), which are taken apart again here.

Source: the TensorFlow protocol buffers (graph.proto, node_def.proto, attr_value.proto, tensor.proto).
"""

import base64
import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_TYPES = {"DT_FLOAT": 1, "DT_DOUBLE": 2, "DT_INT32": 3, "DT_UINT8": 4, "DT_STRING": 7, "DT_INT64": 9, "DT_BOOL": 10}
_STORED = {"float32": "<f4", "int32": "<i4", "bool": "?", "uint8": "u1", "uint16": "<u2", "float16": "<f2"}
_FUSED = {
    "_FusedConv2D": ("Conv2D", ("strides", "padding", "data_format", "dilations")),
    "FusedDepthwiseConv2dNative": ("DepthwiseConv2dNative", ("strides", "padding", "data_format", "dilations")),
    "_FusedMatMul": ("MatMul", ("transpose_a", "transpose_b")),
}


def graph_def(model_json: Path) -> bytes:
    """Encode a TF.js graph model as a serialised GraphDef.

    Args:
        model_json: the model's JSON file; its weight shards lie beside it.

    Raises:
        ValueError: the shards do not have the promised length, or a fused operation is unknown.
    """
    model = json.loads(model_json.read_text())
    shards = read_shards(model["weightsManifest"], model_json.parent)
    weights = {name: np.asarray(weight) for name, weight in shards}
    return b"".join(_nodes(node, weights) for node in model["modelTopology"]["node"])


@dataclass(frozen=True)
class Weight:
    """One named array, as stored: `values * scale + minimum` is what it means."""

    values: Array
    scale: float = 1.0
    minimum: float = 0.0

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        if self.scale == 1.0 and self.minimum == 0.0:
            return np.asarray(self.values, dtype)
        values = self.values.astype(np.float32) * np.float32(self.scale) + np.float32(self.minimum)
        return np.asarray(values, dtype)


def read_shards(manifest: list[Any], folder: Path) -> Iterator[tuple[str, Weight]]:
    """Read the named arrays of a TF.js weights manifest."""
    for group in manifest:
        shards = b"".join((folder / path).read_bytes() for path in group["paths"])
        offset = 0
        for entry in group["weights"]:
            meant, quantized = np.dtype(_STORED[entry["dtype"]]), entry.get("quantization", {})
            read_as = np.dtype(_STORED[quantized.get("dtype", entry["dtype"])])
            values = np.frombuffer(shards, read_as, int(np.prod(entry["shape"])), offset).reshape(entry["shape"])
            offset += values.nbytes
            if "scale" in quantized:
                yield entry["name"], Weight(values, quantized["scale"], quantized["min"])
            else:
                yield entry["name"], Weight(values.astype(meant))
        if offset != len(shards):
            raise ValueError(f"{folder}: the manifest describes {offset} bytes, the shards hold {len(shards)}")


def _nodes(node: Mapping[str, Any], weights: Mapping[str, Array]) -> bytes:
    """Encode one TF.js node as the node or nodes that it stands for."""
    name, kind, inputs = node["name"], node["op"], node.get("input", [])
    if kind == "Const":
        value, data_type = _tensor(weights[name])
        return _node(name, kind, [], {"value": value, "dtype": _type(data_type)})
    attributes = {key: _attribute(value) for key, value in node.get("attr", {}).items()}
    if kind in _FUSED:
        steps = [base64.b64decode(step).decode() for step in node["attr"]["fused_ops"]["list"]["s"]]
        plain, kept = _FUSED[kind]
        chosen = {key: attributes[key] for key in kept if attributes.get(key)}
        return _unfused(name, plain, inputs, chosen, steps)
    if kind == "Prelu":
        return _prelu(name, inputs[0], inputs[1])
    return _node(name, kind, inputs, attributes)


def _unfused(name: str, plain: str, inputs: list[str], attributes: dict[str, bytes], steps: list[str]) -> bytes:
    """A fused node as its plain operation followed by bias and activation; the last node keeps the name."""
    current, extra = f"{name}/plain", list(inputs[2:])
    encoded = _node(current, plain, inputs[:2], {**attributes, "T": _type(1)})
    for number, step in enumerate(steps, start=1):
        target = name if number == len(steps) else f"{name}/step_{number}"
        if step == "BiasAdd":
            encoded += _node(target, "AddV2", [current, extra.pop(0)], {"T": _type(1)})
        elif step == "Prelu":
            encoded += _prelu(target, current, extra.pop(0))
        elif step in {"Relu", "Relu6", "Elu", "Sigmoid"}:
            encoded += _node(target, step, [current], {"T": _type(1)})
        else:
            raise ValueError(f"{name}: fused with {step!r}, which is not known here")
        current = target
    return encoded


def _prelu(name: str, x: str, slope: str) -> bytes:
    """Relu(x) - slope * Relu(-x)."""
    kind = {"T": _type(1)}
    return b"".join(
        [
            _node(f"{name}/positive", "Relu", [x], kind),
            _node(f"{name}/negated", "Neg", [x], kind),
            _node(f"{name}/negative", "Relu", [f"{name}/negated"], kind),
            _node(f"{name}/scaled", "Mul", [f"{name}/negative", slope], kind),
            _node(name, "Sub", [f"{name}/positive", f"{name}/scaled"], kind),
        ]
    )


def _varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    return bytes([*encoded, number])


def _tag(field: int, wire: int) -> bytes:
    return _varint(field << 3 | wire)


def _integer(field: int, number: int) -> bytes:
    return _tag(field, 0) + _varint(number)


def _bytes(field: int, content: bytes | str) -> bytes:
    content = content.encode() if isinstance(content, str) else content
    return _tag(field, 2) + _varint(len(content)) + content


def _type(number: int) -> bytes:
    return _integer(6, number)


def _type_number(value: str | int) -> int:
    return _TYPES[value] if isinstance(value, str) else value


def _shape(shape: Mapping[str, Any]) -> bytes:
    if shape.get("unknownRank"):
        return _integer(3, 1)
    return b"".join(_bytes(2, _integer(1, int(dim.get("size", 0)))) for dim in shape.get("dim", []))


def _attribute(value: Mapping[str, Any]) -> bytes:
    """Encode an AttrValue. TF.js writes byte strings in base64."""
    [(key, content)] = value.items()
    match key:
        case "s":
            return _bytes(2, bytes(content) if isinstance(content, list) else base64.b64decode(content))
        case "i":
            return _integer(3, int(content))
        case "f":
            return _tag(4, 5) + struct.pack("<f", float(content))
        case "b":
            return _integer(5, int(bool(content)))
        case "type":
            return _type(_type_number(content))
        case "shape":
            return _bytes(7, _shape(content))
        case "list":
            return _bytes(1, _list(content))
    raise ValueError(f"attribute of kind {key!r} is not known here")


def _list(content: Mapping[str, Any]) -> bytes:
    return b"".join(
        [
            *(_bytes(2, base64.b64decode(text)) for text in content.get("s", [])),
            *(_integer(3, int(number)) for number in content.get("i", [])),
            *(_tag(4, 5) + struct.pack("<f", float(number)) for number in content.get("f", [])),
            *(_type(_type_number(kind)) for kind in content.get("type", [])),
        ]
    )


def _tensor(values: Array) -> tuple[bytes, int]:
    """Encode an array as an AttrValue holding a TensorProto; also its type number."""
    number = {"f": 1, "i": 3, "b": 10}[values.dtype.kind]
    shape = b"".join(_bytes(2, _integer(1, size)) for size in values.shape)
    return _bytes(8, _integer(1, number) + _bytes(2, shape) + _bytes(4, values.tobytes())), number


def _node(name: str, kind: str, inputs: list[str], attributes: Mapping[str, bytes]) -> bytes:
    content = _bytes(1, name) + _bytes(2, kind) + b"".join(_bytes(3, each) for each in inputs)
    for key, value in attributes.items():
        content += _bytes(5, _bytes(1, key) + _bytes(2, value))
    return _bytes(1, content)
