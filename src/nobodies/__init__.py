"""nobodies: photorealistic portraits of people who do not exist, on an ordinary CPU.

>>> from nobodies import Generator                          # doctest: +SKIP
>>> Generator.load().face(seed=42).save("portrait.webp")    # doctest: +SKIP
"""

from typing import TYPE_CHECKING, Any

from nobodies._version import __version__

if TYPE_CHECKING:
    from nobodies.generator import Face, Generator, load

__all__ = ["Face", "Generator", "__version__", "load"]


def __getattr__(name: str) -> Any:
    # The generator brings numpy and Pillow with it. It is imported when first named, so that `import nobodies`
    # stays a matter of milliseconds.
    if name in {"Face", "Generator", "load"}:
        from nobodies import generator

        return getattr(generator, name)
    raise AttributeError(f"module 'nobodies' has no attribute {name!r}")
