"""The default engine: OpenVINO on a CPU, without torch."""

from nobodies.engines.openvino.engine import OpenVinoEngine

__all__ = ["OpenVinoEngine"]
