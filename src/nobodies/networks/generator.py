"""Generator: mapping and synthesis under one roof."""

import torch
from torch import Tensor, nn

from nobodies.networks.config import GeneratorConfig
from nobodies.networks.mapping import MappingNetwork
from nobodies.networks.synthesis import NoiseMode, SynthesisNetwork


class Generator(nn.Module):
    """z [N, Z] and label c [N, C] to pictures [N, P, R, R] in about [-1, 1].

    Parameter names are those of the official release, so that its weights load as they are.

    Source: StyleGAN2, arXiv:1912.04958.
    """

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.mapping = MappingNetwork(config.z_dim, config.c_dim, config.w_dim, config.mapping_layers)
        self.synthesis = SynthesisNetwork(config)

    def forward(
        self,
        z: Tensor,
        c: Tensor | None = None,
        *,
        psi: float = 1.0,
        cutoff: int | None = None,
        noise_mode: NoiseMode = "const",
        dtype: torch.dtype = torch.float32,
    ) -> Tensor:
        """Draw pictures from latent codes; the arguments are those of `styles` and of `SynthesisNetwork`."""
        ws = self.styles(z, c, psi=psi, cutoff=cutoff)
        return self.synthesis(ws, noise_mode=noise_mode, dtype=dtype)  # type: ignore[no-any-return]

    def styles(self, z: Tensor, c: Tensor | None = None, *, psi: float = 1.0, cutoff: int | None = None) -> Tensor:
        """Map latent codes to style codes, one a layer.

        Args:
            z: [N, Z], standard normal.
            c: one-hot labels, [N, C]; None if unconditional.
            psi: truncation; 1 is none, 0 the average.
            cutoff: truncate layers [0, cutoff) only; None all.

        Returns:
            ws, [N, L, W].
        """
        ws: Tensor = self.mapping(z, c)[:, None].expand(-1, self.config.num_ws, -1)
        return ws if psi == 1.0 else self.mapping.truncate(ws, psi=psi, cutoff=cutoff)
