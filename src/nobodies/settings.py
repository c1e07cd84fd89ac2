"""Every default of nobodies, in one place.

Each group of settings is a frozen dataclass. Its fields carry their own help text and limits, from which the command
line, the site's forms and the reference pages are built; so a default, a limit or a sentence of help is written once.
"""

import os
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypedDict, get_args, get_origin, get_type_hints

from nobodies.errors import SettingError

DEFAULT_MODEL = "mobile-ffhq-1024"

Noise = Literal["stored", "none", "seeded"]
Precision = Literal["auto", "bf16", "f32"]
Layout = Literal["latency", "throughput"]
PictureFormat = Literal["jpeg", "png", "webp", "avif"]
Xmp = Literal["recipe", "declaration", "off"]
Watermark = Literal["seed", "digest", "off"]
C2pa = Literal["auto", "on", "off"]
Mark = Literal["box", "points", "blur", "pixelate"]
ShardKind = Literal["webdataset", "parquet"]
CrewKind = Literal["local", "ray"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a setting means and which values it takes."""

    text: str
    minimum: float | None = None
    maximum: float | None = None


def setting(
    default: Any,
    text: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    shown: bool = True,
) -> Any:
    """Declare one field of a settings class, with its help text and inclusive limits.

    What is not `shown`, since it may hold a password, is left out where a group of settings is printed.
    """
    return field(default=default, repr=shown, metadata={"limits": Limits(text, minimum, maximum)})


class Settings:
    """Base of all groups of settings: checks every field against its declared type and limits."""

    __slots__ = ()

    def __post_init__(self) -> None:
        for each in described(type(self)):
            each.check(getattr(self, each.name))


@dataclass(frozen=True, slots=True)
class Described:
    """One setting as a form, a command line or a reference page sees it."""

    name: str
    default: Any
    limits: Limits
    kind: type
    choices: tuple[Any, ...]
    optional: bool

    def check(self, value: Any) -> None:
        """Raise SettingError unless `value` is one that this setting takes."""
        if value is None and self.optional:
            return
        if self.choices:
            if value not in self.choices:
                raise SettingError(f"{self.name} is {value!r}: choose one of {', '.join(map(str, self.choices))}")
            return
        wanted = (int, float) if self.kind is float else self.kind
        if not isinstance(value, wanted) or (isinstance(value, bool) and self.kind is not bool):
            raise SettingError(f"{self.name} is {value!r}: it takes {_article(self.kind)}")
        self._check_range(value)

    def _check_range(self, value: Any) -> None:
        low, high = self.limits.minimum, self.limits.maximum
        # Written so that NaN, which compares false with everything, is refused too.
        if (low is not None and not value >= low) or (high is not None and not value <= high):
            raise SettingError(f"{self.name} is {value}: it must be {_range(low, high)}")


def described(group: Any) -> tuple[Described, ...]:
    """The settings of one group, in order of declaration."""
    return _described(group)


@cache  # every setting of every request is checked
def _described(group: Any) -> tuple[Described, ...]:
    hints = get_type_hints(group)
    return tuple(
        _describe(each.name, each.default, each.metadata["limits"], hints[each.name])
        for each in fields(group)
        if "limits" in each.metadata
    )


def _describe(name: str, default: Any, limits: Limits, hint: Any) -> Described:
    assert default is not MISSING, f"setting {name} has no default"
    optional = type(None) in get_args(hint)
    if optional:
        hint = next(arm for arm in get_args(hint) if arm is not type(None))
    choices = get_args(hint) if get_origin(hint) is Literal else ()
    return Described(name, default, limits, str if choices else hint, choices, optional)


def _article(kind: type) -> str:
    return {float: "a number", int: "a whole number", bool: "true or false", str: "text"}.get(kind, kind.__name__)


def _range(low: float | None, high: float | None) -> str:
    if low is None:
        return f"at most {high:g}"
    if high is None:
        return f"at least {low:g}"
    return f"between {low:g} and {high:g}"


@dataclass(frozen=True, kw_only=True)
class FaceSettings(Settings):
    """How a face is drawn from its seed. Together with seed and model, these fix the picture."""

    psi: float = setting(
        0.7,
        "truncation: 1 gives every face the model can make, 0 the average face, below 0 its opposite; "
        "lower is more regular and less varied",
        minimum=-1.5,
        maximum=1.5,
    )
    cutoff: int | None = setting(
        None, "truncate the first so many layers only (coarse ones come first); all if not given", minimum=0
    )
    noise: Noise = setting(
        "stored",
        "fine random detail: 'stored' as the model keeps it, the same on every face; 'none'; "
        "or 'seeded', drawn from the seed",
    )
    label: int | None = setting(None, "class to draw, for models that have classes and for no others", minimum=0)


class FaceOptions(TypedDict, total=False):
    """The fields of `FaceSettings` as keyword arguments."""

    psi: float
    cutoff: int | None
    noise: Noise
    label: int | None


@dataclass(frozen=True, kw_only=True)
class EngineSettings(Settings):
    """How a model is run. These change speed and memory; only precision changes pixels, imperceptibly."""

    precision: Precision = setting(
        "auto",
        "arithmetic: 'bf16' is faster where the processor has it, 'f32' exact; 'auto' picks bf16 where native",
    )
    layout: Layout = setting(
        "latency",
        "'latency' puts all threads on one face at a time, 'throughput' works on several faces at once",
    )
    threads: int = setting(
        0, "processor threads to use; 0 for every core this process may use", minimum=0, maximum=1024
    )
    streams: int = setting(0, "faces worked on at once; 0 lets the layout decide", minimum=0, maximum=1024)


@dataclass(frozen=True, kw_only=True)
class PictureSettings(Settings):
    """How a face is written to a file."""

    format: PictureFormat = setting("jpeg", "file format")
    size_px: int | None = setting(
        None, "side of the picture in pixels; the model's own if not given", minimum=16, maximum=8192
    )
    quality: int | None = setting(
        None,
        "1 to 100 for jpeg, webp and avif; the format's own default if not given",
        minimum=1,
        maximum=100,
    )


@dataclass(frozen=True, kw_only=True)
class MarkSettings(Settings):
    """How a picture says that it was generated. All marks are on by default; your law may ask for them."""

    xmp: Xmp = setting(
        "recipe",
        "metadata that declares the picture as generated: with the 'recipe' to make it again, seed included; "
        "'declaration' without; or 'off'. Only files with their recipe are recognised when a command is run again",
    )
    watermark: Watermark = setting(
        "seed",
        "invisible mark in the pixels: 'seed' carries the seed, 'digest' a checksum instead, or 'off'",
    )
    c2pa: C2pa = setting(
        "auto",
        "signed manifest (C2PA): 'on', 'off', or 'auto' for on where the extra nobodies[c2pa] is installed",
    )


@dataclass(frozen=True, kw_only=True)
class UniqueSettings(Settings):
    """When a face counts as one that was given out before."""

    distance: float = setting(
        0.307,
        "distance of identity embeddings below which two faces count as one person: at 0.307 about one pair "
        "of generated faces in 10,000 does, at 0.397 one in 1,000",
        minimum=0.01,
        maximum=1.5,
    )


_GATE_TEXT = (
    "leave out faces with visible faults, and faces that look like minors once drawn, wherever faces are chosen by "
    "chance or by wishes; a face that is named by its seed is always given"
)


@dataclass(frozen=True, kw_only=True)
class GateSettings(Settings):
    """Which faces may leave."""

    gate: bool = setting(True, _GATE_TEXT)


@dataclass(frozen=True, kw_only=True)
class ShardSettings(Settings):
    """What is written of the faces of a large set, and how it is cut into files."""

    shards: ShardKind = setting(
        "webdataset", "kind of file: 'webdataset', tar of pictures, records and style codes; or 'parquet', tables"
    )
    shard_mb: float = setting(
        32.0, "size of a file, in MB; what is under way when a worker is lost", minimum=0.01, maximum=8192
    )
    analyse: bool = setting(
        False, "measure each face too; its attributes are only predicted from its style code otherwise"
    )


@dataclass(frozen=True, kw_only=True)
class CrewSettings(Settings):
    """Who makes the faces of a large set. None of this changes a byte of them."""

    engine: CrewKind = setting("local", "'local', processes on this machine; or 'ray', a Ray cluster")
    address: str | None = setting(
        None, "of the Ray cluster, HOST:PORT or auto; one is started on this machine if not given"
    )
    workers: int = setting(
        0, "processes that draw; 0 for as many as the cores of machine or cluster take", minimum=0, maximum=100_000
    )
    worker_threads: int = setting(0, "cores of each of them; 0 for up to 4", minimum=0, maximum=1024)


@dataclass(frozen=True, kw_only=True)
class WebSettings(Settings):
    """Where the site listens, what it keeps ready, and how much it takes from outside."""

    host: str = setting("127.0.0.1", "address to listen on; the default is for this machine only")
    port: int = setting(8000, "port to listen on; 0 for any that is free", minimum=0, maximum=65535)
    workers: int = setting(1, "processes that serve; each has its own pool and memory cache", minimum=1, maximum=64)
    pool_faces: int = setting(64, "new faces kept ready in each process", minimum=0, maximum=10_000)
    gate: bool = setting(True, _GATE_TEXT)
    queue_limit: int = setting(32, "pictures that may wait to be drawn before visitors are turned away", minimum=1)
    wait_s: float = setting(20.0, "longest that a visitor waits for a picture", minimum=0.1, maximum=600)
    cache_mb: int = setting(256, "memory for finished pictures in each process", minimum=0)
    disk_cache: Path | None = setting(None, "folder for finished pictures; none are kept on disk if not given")
    disk_cache_mb: int = setting(2048, "most that the folder of finished pictures holds", minimum=1)
    batch_limit: int = setting(100, "most pictures in one archive", minimum=1, maximum=100_000)
    archives: int = setting(4, "archives made at once in each process", minimum=0)
    upload_mb: float = setting(12.0, "largest picture taken from a visitor", minimum=0.1, maximum=256)
    upload_megapixels: float = setting(32.0, "largest picture taken from a visitor", minimum=0.1, maximum=120)
    connections: int = setting(512, "requests worked on at once before more are turned away", minimum=1)
    live_limit: int = setting(8, "live detections at once in each process", minimum=0)
    live_s: float = setting(900.0, "longest that one live detection lasts", minimum=1)
    rate_per_minute: int = setting(0, "requests that a visitor may make in a minute; 0 for any number", minimum=0)
    keys_file: Path | None = setting(None, "file of API keys, one a line; with it, /api/v1 answers only to a key")
    cors_origins: str | None = setting(None, "sites whose scripts may call the API, separated by commas, or *")
    real_photos: Path | None = setting(None, "folder of real photographs, yours to show, for the guessing game")
    browser_page: Path | None = setting(
        None, "folder of a page made by 'nobodies models export NAME --to web', for visitors to make faces themselves"
    )
    shutdown_s: int = setting(30, "longest that a stop waits for what has begun", minimum=0, maximum=3600)
    drain_s: float = setting(
        0.0,
        "how long to serve on after SIGTERM, while /readyz says no, so that a balancer sends visitors elsewhere",
        minimum=0,
        maximum=600,
    )
    listen_late: bool = setting(
        False,
        "take connections only once model and ledger are read, so that a balancer sends nobody before; after two "
        "minutes in any case",
    )
    unique: bool = setting(
        False, "record new faces in the ledger, and hand out none that resembles one given before or a blocked person"
    )
    ledger: str | None = setting(
        None,
        "where faces given are recorded: a file, or postgresql://USER@HOST/DATABASE; if not given, the database of "
        "--shared, or a file in the data folder",
        shown=False,
    )
    shared: str | None = setting(
        None,
        "postgresql://USER@HOST/DATABASE that all servers of a site share, for rates, ledger and keys",
        shown=False,
    )
    shared_keys: bool = setting(
        False, "/api/v1 answers only to a key that is kept in the shared database; see 'nobodies keys'"
    )
    secret_file: Path | None = setting(
        None, "file with 32 bytes or more, secret and the same on all servers of a site, with which passes are signed"
    )
    trusted_proxies: str | None = setting(
        None,
        "addresses or networks of proxies, separated by commas, that are believed about whom they forward; this "
        "machine's own if not given",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectSettings(Settings):
    """How faces are looked for in pictures and videos."""

    every: int = setting(
        1, "look at every so many frames of a video; faces are moved in straight lines between them", minimum=1
    )
    min_size_px: float | None = setting(
        None,
        "width of the smallest face to look for; if not given, a fortieth of the longer side of a picture and a "
        "twentieth of that of a video, or a fortieth there too where faces are hidden. Smaller takes longer",
        minimum=4,
    )
    min_score: float = setting(
        0.5, "how sure the detector must be of a face when it first appears", minimum=0.05, maximum=0.95
    )


@dataclass(frozen=True, slots=True)
class Environment:
    """What nobodies takes from environment variables."""

    cache_dir: Path
    """Where downloaded models are kept (NOBODIES_CACHE)."""
    data_dir: Path
    """Where signing key and ledger of faces are kept (NOBODIES_DATA)."""


def environment(variables: Mapping[str, str] | None = None) -> Environment:
    """Read the environment. The only function of the package that does.

    Args:
        variables: names and values; the process environment if not given.
    """
    variables = os.environ if variables is None else variables
    import platformdirs

    cache = variables.get("NOBODIES_CACHE") or platformdirs.user_cache_path("nobodies", appauthor=False)
    data = variables.get("NOBODIES_DATA") or platformdirs.user_data_path("nobodies", appauthor=False)
    return Environment(cache_dir=Path(cache).expanduser(), data_dir=Path(data).expanduser())
