"""Pictures by what was asked: from the cache, from a request under way, or drawn now."""

import hashlib
from functools import partial
from typing import Final

import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from nobodies._version import __version__
from nobodies.errors import SettingError
from nobodies.generator import Face, Generator, checked_size, picture_recipe
from nobodies.imaging import resize
from nobodies.latents.mixing import layers_of, mix
from nobodies.provenance import encode_marked, mark_recipe
from nobodies.settings import MarkSettings
from nobodies.web.asked import Asked, Portrait
from nobodies.web.cache import ByteCache, DiskCache
from nobodies.web.exclusive import Look
from nobodies.web.features import Features
from nobodies.web.pool import Ready
from nobodies.web.workshop import Flights, Workshop

Array = NDArray[np.float32]

_FACES_BYTES: Final = 96 << 20
_SMOOTH_EDGE: Final = 4


class Pictures:
    """Makes pictures, each once, and keeps them."""

    def __init__(
        self,
        generator: Generator,
        features: Features,
        workshop: Workshop,
        *,
        memory: ByteCache[str, bytes],
        disk: DiskCache | None = None,
        marks: MarkSettings | None = None,
        looks: bool = False,
    ) -> None:
        """Join generator, workshop and caches.

        Args:
            generator: draws.
            features: changes of attributes, and cutting out.
            workshop: where drawing and encoding run.
            memory: finished pictures by their addresses.
            disk: finished pictures on disk, or None.
            marks: how pictures say that they were generated; all marks that can be made if None.
            looks: say of new faces whom they show, so that they can be claimed.
        """
        self.memory = memory
        self.flights = Flights()
        self._faces: ByteCache[Portrait, Face] = ByteCache(_FACES_BYTES, lambda face: face.pixels.nbytes)
        self._generator = generator
        self._features = features
        self._workshop = workshop
        self._disk = disk
        self._marks = marks or MarkSettings()
        self._looks = looks
        model, engine = generator.model, generator.engine
        made_by = (__version__, PIL.__version__, model.fingerprint, engine.precision, str(self._marks))
        self._version = "\n".join(made_by)

    def check(self, asked: Asked) -> None:
        """Refuse what this server cannot make, before any work.

        Raises:
            SettingError: the model makes no pictures of that size, or a part is missing.
        """
        checked_size(asked.picture, self._generator.engine.resolution, self._generator.model.name)
        if asked.picture.format == "png" and asked.picture.quality is not None:
            raise SettingError("png is lossless and takes no quality: leave it out or choose another format")
        if asked.background == "transparent" and self._features.cut_out is None:
            raise SettingError("this server cannot cut people out: leave out background")
        if asked.portrait.edits and self._features.attributes is None:
            raise SettingError("this server has no attribute model: leave out edit")
        if asked.portrait.edits and asked.portrait.face.noise == "seeded":
            raise SettingError("seeded noise belongs to the face of a seed: leave out edit, or noise")
        if asked.portrait.mix and asked.portrait.face.noise == "seeded":
            raise SettingError("seeded noise belongs to the face of a seed: leave out mix, or noise")

    def is_of(self, model: object, weights: object) -> bool:
        """Tell whether these pictures show the faces of a model of that name and fingerprint, mended or not."""
        ours = self._generator.model
        return model == ours.name and weights in (ours.fingerprint, ours.origin)

    def etag(self, asked: Asked) -> str:
        """Give the entity tag of a picture, without making it: the picture is fixed by what is asked and by whom.

        It is a weak one, since marks in the file may hold a time.
        """
        digest = hashlib.blake2b(f"{asked.address}\n{self._version}".encode(), digest_size=12)
        return f'W/"{digest.hexdigest()}"'

    async def get(self, asked: Asked) -> bytes:
        """Give a picture.

        Raises:
            SettingError: it cannot be made as asked.
            BusyError: too much is going on.
        """
        if (found := self.memory.get(asked.address)) is not None:
            return found
        return await self.flights.once(asked.address, lambda: self._workshop.run(partial(self.draw, asked)))

    async def get_new(self, asked: Asked, *, spare: bool = False, gated: bool = True) -> Ready | None:
        """Draw a face that came up by chance; None if the gate does not let it leave.

        Args:
            asked: with a seed that nobody has had.
            spare: make it when nobody waits for another one.
            gated: ask the gate, where there is one.

        Raises:
            SettingError: it cannot be made as asked.
            BusyError: too much is going on.
        """
        run = self._workshop.run_spare if spare else self._workshop.run
        return await run(partial(self._draw_new, asked, gated=gated))

    def _draw_new(self, asked: Asked, *, gated: bool) -> Ready | None:
        face, gate = self.face(asked.portrait), self._features.gate
        if gated and gate is not None and not gate.accepts(face):
            return None
        return Ready(asked.portrait.seed, self.draw(asked), Look.of(face) if self._looks else None)

    def keep(self, asked: Asked, picture: bytes) -> None:
        """Put a finished picture into the memory cache."""
        self.memory.put(asked.address, picture)

    def face(self, portrait: Portrait) -> Face:
        """Draw a portrait, or give one that was drawn a moment ago. Runs in threads of the workshop.

        Raises:
            SettingError: it cannot be drawn as asked.
        """
        if (found := self._faces.get(portrait)) is not None:
            return found
        if portrait.edits or portrait.mix:
            face = next(self._generator.draw([(None, self._styles(portrait))], portrait.face))
        else:
            codes = self._generator.styles_of_seed(portrait.seed, portrait.face)
            face = next(self._generator.draw([(portrait.seed, codes)], portrait.face))
        self._faces.put(portrait, face)
        return face

    def _styles(self, portrait: Portrait) -> Array:
        """Style codes after mixing and editing, [L, W]."""
        ws = self._generator.styles_of_seed(portrait.seed, portrait.face)
        if portrait.mix:
            other = self._generator.styles_of_seed(portrait.mix.seed, portrait.face)
            ws = mix(ws, other, layers_of(portrait.mix.layers, len(ws)), strength=portrait.mix.amount)
        if portrait.edits and self._features.attributes:
            ws = self._features.attributes.edit(ws, dict(portrait.edits))
        return ws

    def draw(self, asked: Asked) -> bytes:
        """Take a picture from the disk or make it, now. Runs in threads of the workshop."""
        key = f"{asked.address}\n{self._version}"
        if self._disk and (found := self._disk.get(key)) is not None:
            self.keep(asked, found)
            return found
        picture = self._encoded(asked, self.face(asked.portrait))
        self.keep(asked, picture)
        if self._disk:
            self._disk.put(key, picture)
        return picture

    def _encoded(self, asked: Asked, face: Face) -> bytes:
        picture = asked.picture
        if asked.shape == "square" and asked.background == "own":
            return face.encode(
                format=picture.format, size_px=picture.size_px, quality=picture.quality, marks=self._marks
            )
        image = face.image
        if asked.background == "transparent" and self._features.cut_out:
            image = Image.fromarray(self._features.cut_out(face.pixels), "RGBA")
        image = resize(image, picture.size_px or face.size_px)
        if asked.shape == "circle":
            image = circled(image)
        made = face.recipe() | picture_recipe(picture) | {"shape": asked.shape, "background": asked.background}
        return encode_marked(
            image, made | mark_recipe(self._marks), format=picture.format, quality=picture.quality, marks=self._marks
        )


def circled(image: Image.Image) -> Image.Image:
    """Make everything outside of the inscribed circle transparent, with a smooth edge."""
    side = image.width
    mask = Image.new("L", (side * _SMOOTH_EDGE, side * _SMOOTH_EDGE))
    ImageDraw.Draw(mask).ellipse((0, 0, mask.width - 1, mask.height - 1), fill=255)
    mask = mask.resize((side, side), Image.Resampling.BOX)
    shaped = image.convert("RGBA")
    alpha = np.asarray(shaped.getchannel("A"), np.uint16) * np.asarray(mask, np.uint16) // 255
    shaped.putalpha(Image.fromarray(alpha.astype(np.uint8)))
    return shaped
