"""Features to measure pictures by: those of EfficientNet-Lite0, trained on ImageNet.

They are not Inception's: a KID or Fréchet distance on them is comparable with others on them, and with nothing else.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pictures = NDArray[np.uint8]
Array = NDArray[Any]
Extract = Callable[[Pictures], Array]
"""Pictures [N, P, R, R] to features [N, F]."""

NAME: Final = "EfficientNet-Lite0"
INPUT_PX: Final = 224


def efficientnet_features(pictures: Pictures) -> Array:
    """Features of pictures [N, P, R, R], [N, 1280]. Small ones are enlarged to 224 px, alpha is left out."""
    from nobodies.vision.fetched import feature_net

    net = feature_net()
    return np.concatenate([net(as_rgb(picture))["features"] for picture in pictures])


def as_rgb(picture: Pictures) -> Pictures:
    """Bring a picture [P, R, R] to RGB bytes [224, 224, 3]."""
    planes = picture[:3] if picture.shape[0] >= 3 else np.repeat(picture[:1], 3, axis=0)
    image = Image.fromarray(np.ascontiguousarray(planes.transpose(1, 2, 0)))
    return np.asarray(image.resize((INPUT_PX, INPUT_PX), Image.Resampling.BICUBIC))


def features_of(batches: Iterable[Pictures], extract: Extract) -> Array:
    """Features of many batches, [N, F]."""
    return np.concatenate([extract(batch) for batch in batches])
