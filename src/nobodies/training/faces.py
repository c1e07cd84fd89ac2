"""Cutting faces out of pictures as FFHQ does, with the nets of `nobodies.vision`."""

import threading

import numpy as np
from PIL import Image

from nobodies.errors import InputError
from nobodies.vision import Detector
from nobodies.vision.align import align
from nobodies.vision.landmarks import find_landmarks

_MIN_SCORE = 0.6


class FaceCutter:
    """Finds the faces in a picture and cuts each out, upright.

    Args:
        size_px: side of the crops.
        min_face_px: leave out faces narrower than this in the picture.
    """

    def __init__(self, *, size_px: int, min_face_px: int) -> None:
        self._detector = Detector.load()
        self._size_px, self._min_face_px = size_px, min_face_px
        self._lock = threading.Lock()  # one net at a time; decoding and encoding around it run in parallel

    def __call__(self, image: Image.Image) -> list[Image.Image]:
        """Give the faces of a picture, the widest first.

        Raises:
            InputError: there are faces, and all are too small.
        """
        pixels = np.asarray(image.convert("RGB"))
        with self._lock:
            faces = self._detector.detect(pixels, min_score=_MIN_SCORE, min_size_px=self._min_face_px or None)
            wide = [face for face in faces if face.width >= self._min_face_px]
            if faces and not wide:
                raise InputError(f"too small: {faces[0].width:.0f} px, want {self._min_face_px}")
            crops = [align(pixels, find_landmarks(pixels, face), size_px=self._size_px) for face in wide]
        return [Image.fromarray(crop) for crop in crops]
