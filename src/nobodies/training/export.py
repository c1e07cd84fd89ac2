"""A trained generator as a native model, which the engines run without torch."""

from nobodies.errors import SettingError
from nobodies.models import Description, LicenceLink, Model
from nobodies.models.architectures.stylegan2 import StyleGan2, describe
from nobodies.networks.config import block_resolutions
from nobodies.networks.generator import Generator


def to_model(generator: Generator, *, name: str, title: str, source: str, licence: str) -> Model:
    """Turn a generator into a native model.

    Args:
        generator: in the skip form, the one that engines run.
        name: to know the model by.
        title: a line on what it makes.
        source: where it comes from.
        licence: terms of the pictures it was trained on, which users of the model are shown.

    Raises:
        SettingError: the generator has another form, or makes pictures with alpha.
    """
    config = generator.config
    if config.architecture != "skip" or config.img_channels == 4:
        raise SettingError(
            f"a generator of form {config.architecture!r} with {config.img_channels} channels cannot be run by the "
            "engines: they take 'skip' with 1 or 3"
        )
    architecture = StyleGan2(
        z_dim=config.z_dim,
        w_dim=config.w_dim,
        c_dim=config.c_dim,
        num_mapping_layers=config.mapping_layers,
        resolution=config.resolution,
        channels={side: config.channels(side) for side in block_resolutions(config.resolution)},
        img_channels=config.img_channels,
        conv_clamp=config.conv_clamp,
    )
    state = generator.state_dict()
    description = Description(
        name=name,
        title=title,
        network=describe(architecture),
        source=source,
        licence_chain=(LicenceLink("the pictures it was trained on", "their authors", licence),),
    )
    wanted = (tensor_name for tensor_name, _ in architecture.tensor_shapes())
    return Model(description, {each: state[each].detach().float().cpu().numpy() for each in wanted})
