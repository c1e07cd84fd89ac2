"""Measure `nobodies detect` on a video: frames a second and memory, decode to encode.

    python benchmarks/video.py                      a minute of 1280x720 with two faces and sound
    python benchmarks/video.py --seconds 600        memory over ten minutes
    python benchmarks/video.py --mode blur --every 3

The faces are generated, so that nobody real is in the clip. Figures go to docs/results-video.md; none is asserted.
"""

import argparse
import json
import math
import os
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]

RATE = 30
SOUND_RATE = 48_000
_RUN = "from nobodies.cli import main; main()"
LOOP = 10 * RATE
"""Frames until the movement begins anew."""


def make_clip(
    path: Path, faces: Sequence[Image.Image], *, seconds: float, size: tuple[int, int] = (1280, 720)
) -> None:
    """Write a clip in which faces drift over a background and grow and shrink, with a tone as its sound.

    Args:
        path: file to write, H.264 and AAC.
        faces: square pictures, one for each person.
        seconds: length.
        size: width and height.
    """
    with av.open(str(path), "w") as file:
        video = file.add_stream("libx264", rate=RATE, options={"preset": "veryfast", "crf": "20"})
        sound = file.add_stream("aac", rate=SOUND_RATE)
        assert isinstance(video, av.VideoStream)
        assert isinstance(sound, av.AudioStream)
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        sound.layout = "mono"
        loop = [packet for index in range(LOOP) for packet in video.encode(_frame(faces, index, size))]
        loop += video.encode(None)
        # The pictures are encoded once and written again and again; the sound goes on.
        for index in range(round(seconds * RATE)):
            file.mux(_again(loop[index % LOOP], index // LOOP))
            file.mux(sound.encode(_tone(index)))
        file.mux(sound.encode(None))


def _again(packet: Any, times: int) -> Any:
    """A packet of the loop, as often as the loop has gone round later."""
    ticks = round(times * LOOP / RATE / packet.time_base)
    copy: Any = av.Packet(bytes(packet))
    copy.stream, copy.time_base, copy.is_keyframe = packet.stream, packet.time_base, packet.is_keyframe
    copy.pts, copy.dts = packet.pts + ticks, packet.dts + ticks
    return copy


def _frame(faces: Sequence[Image.Image], index: int, size: tuple[int, int]) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(_scene(faces, index, size), "rgb24")
    frame.pts, frame.time_base = index, Fraction(1, RATE)
    return frame


def _scene(faces: Sequence[Image.Image], index: int, size: tuple[int, int]) -> Pixels:
    """One frame. Each face has its own part of the width, so that they never cover each other."""
    width, height = size
    scene = Image.fromarray(_background(width, height))
    lane = width // len(faces)
    for person, face in enumerate(faces):
        turn = 2 * math.pi * (index / LOOP + person / len(faces))
        side = round(height * (0.45 + 0.15 * math.sin(turn)))
        x = person * lane + (lane - side) / 2 * (1 + math.sin(2 * turn) * 0.8)
        y = (height - side) / 2 * (1 + math.cos(turn) * 0.8)
        scene.paste(face.convert("RGB").resize((side, side), Image.Resampling.BILINEAR), (round(x), round(y)))
    return np.array(scene)


@cache
def _background(width: int, height: int) -> Pixels:
    y, x = np.mgrid[:height, :width]
    waves = [128 + 60 * np.sin(x / (40 + 9 * c) + c) * np.cos(y / (55 - 7 * c)) for c in range(3)]
    return np.stack(waves, axis=-1).astype(np.uint8)


def _tone(index: int) -> av.AudioFrame:
    """The sound of one frame: 440 Hz."""
    num_samples = SOUND_RATE // RATE
    time_s = (index * num_samples + np.arange(num_samples)) / SOUND_RATE
    tone = av.AudioFrame.from_ndarray(
        (0.2 * np.sin(2 * np.pi * 440 * time_s))[None].astype(np.float32), "fltp", "mono"
    )
    tone.sample_rate, tone.pts, tone.time_base = SOUND_RATE, index * num_samples, Fraction(1, SOUND_RATE)
    return tone


def measure(command: Sequence[str]) -> tuple[float, list[int]]:
    """Run a command.

    Returns:
        Seconds it took, and its resident memory in MiB at every half second.
    """
    started = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    resident_mib: list[int] = []

    def watch() -> None:
        while process.poll() is None:
            resident_mib.append(_resident_mib(process.pid))
            time.sleep(0.5)

    watcher = threading.Thread(target=watch)
    watcher.start()
    code = process.wait()
    elapsed_s = time.perf_counter() - started
    watcher.join()
    if code:
        raise SystemExit(f"{' '.join(command)} failed with exit code {code}")
    return elapsed_s, resident_mib


def _spent_s() -> float:
    """Processor time of the commands that were run. Other work on the machine changes it far less than the speed."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _resident_mib(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) // 1024 if found else 0


def _faces(paths: Sequence[Path]) -> list[Image.Image]:
    if paths:
        return [Image.open(path) for path in paths]
    from nobodies import Generator

    generator = Generator.load()
    return [generator.face(seed=seed).image for seed in (1, 2)]


def main() -> None:
    """Parse, make the clip, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--mode", choices=("box", "points", "blur", "pixelate"), default="box")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--faces", type=Path, nargs="*", default=[], help="square pictures instead of generated ones")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clip, out, lines = (Path(folder) / name for name in ("clip.mp4", "out.mp4", "faces.jsonl"))
        make_clip(clip, _faces(chosen.faces), seconds=chosen.seconds)
        command = [sys.executable, "-c", _RUN, "detect", str(clip), "--out", str(out), "--json", str(lines)]
        elapsed_s, resident_mib = measure([*command, f"--{chosen.mode}", "--every", str(chosen.every)])
        records = [json.loads(line) for line in lines.read_text().splitlines()]
        num_bytes = out.stat().st_size
    found = [sum(face["evidence"] == "seen" for face in record["faces"]) for record in records]
    print(f"cores               {len(os.sched_getaffinity(0))}")
    print(f"frames              {len(records)}, with {np.mean(found):.2f} faces seen on average")
    print(f"tracks              {len({face['track'] for record in records for face in record['faces']})}")
    print(f"time                {elapsed_s:.1f} s, loading included")
    print(f"frames a second     {len(records) / elapsed_s:.1f}")
    print(f"processor time      {1000 * _spent_s() / len(records):.1f} ms a frame, on all cores together")
    print(f"output              {num_bytes / 2**20:.1f} MiB")
    print(f"resident memory     {_quarters(resident_mib)} MiB at most in each quarter of the time")


def _quarters(samples: Sequence[int]) -> str:
    return ", ".join(str(part.max()) for part in np.array_split(np.array(samples), 4) if len(part))


if __name__ == "__main__":
    main()
