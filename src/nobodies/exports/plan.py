"""What is to be exported, whatever the target: one graph from latent codes, or from style codes, to pictures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nobodies.exports.network import Network
from nobodies.exports.ops import Ops
from nobodies.models import CATALOGUE, Model, architectures, licence_text
from nobodies.models.architectures import Architecture

Inputs = Literal["z", "ws"]


@dataclass(frozen=True, slots=True)
class Reading:
    """A number that is read from a style code w: weights · w + offset."""

    weights: NDArray[np.float32]
    """[1, W]."""
    offset: float


@dataclass(frozen=True, slots=True)
class Plan:
    """A model and the form of its graph."""

    model: Model
    architecture: Architecture
    takes: Inputs = "z"
    """Latent codes "z" with truncation "psi", or a style code a layer, "ws", as they are."""
    batch: int | None = 1
    """Pictures a run; None leaves it open."""
    half: bool = False
    """Keep the weights in 16 bits."""
    readings: Mapping[str, Reading] = field(default_factory=dict)
    """Outputs besides the picture, read from the truncated style code; for ONNX, with latent codes."""
    is_shifted: bool = False
    """Whether "shift" is an input, which is added to the style codes of all layers; for ONNX, with latent codes."""

    @property
    def inputs(self) -> Mapping[str, tuple[int, ...]]:
        """Shapes of the inputs by name, without the number of pictures; psi is one number."""
        sizes = self.architecture
        if self.takes == "ws":
            return {"ws": (sizes.num_ws, sizes.w_dim)}
        label = {"label": (sizes.c_dim,)} if sizes.c_dim else {}
        shift = {"shift": (sizes.num_ws, sizes.w_dim)} if self.is_shifted else {}
        return {"z": (sizes.z_dim,), **label, "psi": (), **shift}

    def picture(self, network: Network[Any], ops: Ops[Any], nodes: Mapping[str, Any] | None = None) -> Any:
        """Give the node of the picture, [N, 3, R, R]; arguments as for `outputs`."""
        return self.outputs(network, ops, nodes)["image"]

    def outputs(self, network: Network[Any], ops: Ops[Any], nodes: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Join mapping, truncation and synthesis.

        Args:
            network: in the operations of the target.
            ops: the same operations.
            nodes: the inputs by name; their names stand for them if None.

        Returns:
            Nodes by name: "image", [N, 3, R, R], and the readings, [N, 1].
        """
        given = nodes or {name: name for name in self.inputs}
        if self.takes == "ws":
            return {"image": network.synthesize(lambda layer: ops.layer_code(given["ws"], layer))}
        truncated = network.truncate(network.map(given["z"], given.get("label")), given["psi"])
        readings = {
            name: ops.add(ops.matmul(truncated, each.weights), ops.constant(np.full((1, 1), each.offset, np.float32)))
            for name, each in self.readings.items()
        }

        def code(layer: int) -> Any:
            return ops.add(truncated, ops.layer_code(given["shift"], layer)) if self.is_shifted else truncated

        return {"image": network.synthesize(code), **readings}

    def card(self) -> str:
        """Write what travels with the export: what it is, how to call it, where it comes from."""
        described = self.model.description
        sizes = self.architecture
        shapes = [
            f"- `{name}`: float32 {['N', *shape] if shape else '[] (one number)'}"
            for name, shape in self.inputs.items()
        ]
        about = CATALOGUE[self.model.name].card if self.model.name in CATALOGUE else ""
        return "\n".join(
            [
                f"# {described.name}: {described.title}",
                "",
                "Exported by nobodies. Its pictures show people who do not exist; mark them as generated.",
                about,
                "",
                "## Inputs and output",
                "",
                *shapes,
                f"- output `image`: float32 ['N', 3, {sizes.resolution}, {sizes.resolution}], RGB, about -1 to 1",
                *(f"- output `{name}`: float32 ['N', 1], as predicted from the style code" for name in self.readings),
                "",
                "`z` is standard normal; `psi` is truncation: 1 gives every face, 0 the average one; 0.7 is usual."
                if self.takes == "z"
                else "`ws` holds one style code a layer, truncation already applied.",
                "",
                "## Where it comes from",
                "",
                f"Source: {described.source}",
                f"Weights sha256: {described.weights_sha256}",
                "",
                licence_text(described.licence_chain),
                "",
            ]
        )


def plan_for(model: Model, *, takes: Inputs = "z", batch: int | None = 1, half: bool = False) -> Plan:
    """Plan the export of a model.

    Raises:
        WeightsError: its architecture is unknown, or its weights do not fit.
    """
    architecture = architectures.read(model.description.network)
    architectures.check_tensors(architecture, model.tensors)
    return Plan(model, architecture, takes, batch, half)
