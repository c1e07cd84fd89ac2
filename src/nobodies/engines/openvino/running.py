"""Requests in flight: the coarse graph, then the fine one, without anybody waiting in between."""

from collections import deque
from collections.abc import Sequence
from threading import Event
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray

Array = NDArray[np.float32]


class Pair:
    """One picture's place of work: a request to each graph, the second fed by the first."""

    def __init__(self, coarse: openvino.CompiledModel, fine: openvino.CompiledModel) -> None:
        self._coarse = coarse.create_infer_request()
        self._fine = fine.create_infer_request()
        self._num_handed_on = len(coarse.outputs)
        for index in range(self._num_handed_on):
            self._fine.set_input_tensor(index, self._coarse.get_output_tensor(index))
        self._shape = tuple(fine.output(0).get_shape())
        self._dtype = fine.output(0).get_element_type().to_dtype()
        self._handed_over = Event()
        # The callback knows nothing of this object: a cycle through a request would never be collected.
        self._coarse.set_callback(_hand_over, (self._fine, self._handed_over))
        self._arrays: tuple[Any, ...] = ()

    def start(self, coarse_inputs: Sequence[Array], fine_inputs: Sequence[Array]) -> None:
        """Begin to draw a picture; the arrays must not change until it has landed."""
        picture = np.empty(self._shape, self._dtype)
        # The requests work on these arrays in place and do not own them.
        self._arrays = (picture, coarse_inputs, fine_inputs)
        for index, values in enumerate(coarse_inputs):
            self._coarse.set_input_tensor(index, openvino.Tensor(values, shared_memory=True))
        for index, values in enumerate(fine_inputs, self._num_handed_on):
            self._fine.set_input_tensor(index, openvino.Tensor(values, shared_memory=True))
        self._fine.set_output_tensor(0, openvino.Tensor(picture, shared_memory=True))
        self._handed_over.clear()
        self._coarse.start_async()

    def land(self) -> NDArray[Any]:
        """Wait for the picture and give it."""
        self._coarse.wait()
        self._handed_over.wait()
        self._fine.wait()
        picture: NDArray[Any] = self._arrays[0]
        self._arrays = ()
        return picture


def _hand_over(request_and_event: tuple[openvino.InferRequest, Event]) -> None:
    request, event = request_and_event
    try:
        request.start_async()
    finally:
        event.set()


class Runner:
    """Two compiled graphs and the requests that run them. May be shared by several threads."""

    def __init__(self, coarse: openvino.CompiledModel, fine: openvino.CompiledModel) -> None:
        self._graphs = coarse, fine
        self._idle: deque[Pair] = deque()
        # One picture for each stream, and one in waiting so that no stream pauses while a picture is handed over.
        self.num_ahead = int(fine.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))

    def start(self, coarse_inputs: Sequence[Array], fine_inputs: Sequence[Array]) -> Pair:
        """Begin to draw a picture with a pair of requests that is free, or with a new one."""
        try:
            pair = self._idle.pop()
        except IndexError:
            pair = Pair(*self._graphs)
        pair.start(coarse_inputs, fine_inputs)
        return pair

    def land(self, pair: Pair) -> NDArray[Any]:
        """Wait for the picture; its requests are then free for another."""
        picture = pair.land()
        self._idle.append(pair)
        return picture
