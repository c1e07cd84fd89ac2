"""Faces are found and cut out upright: a generated one, turned, in a larger picture."""

from pathlib import Path

import numpy as np
from PIL import Image

from nobodies.engines import open_engine
from nobodies.generator import Generator
from nobodies.models import Model
from nobodies.settings import EngineSettings
from nobodies.training.building import BuildSettings, build, read_report
from nobodies.training.dataset import PictureDataset
from nobodies.training.faces import FaceCutter


def test_faces_are_cut_out_of_larger_pictures(tmp_path: Path, default_model: Model) -> None:
    generator = Generator(default_model, open_engine(default_model, EngineSettings(), compiled_folder=None))
    face = generator.face(seed=7).image.resize((256, 256))
    scene = Image.new("RGB", (640, 480), (90, 110, 90))
    scene.paste(face, (300, 120))
    (tmp_path / "in").mkdir()
    scene.rotate(12, resample=Image.Resampling.BICUBIC).save(tmp_path / "in" / "scene.png")
    Image.new("RGB", (300, 300), "grey").save(tmp_path / "in" / "wall.png")
    settings = BuildSettings(resolution=64, min_face=40)
    cutter = FaceCutter(size_px=64, min_face_px=40)
    for _ in build(tmp_path / "in", tmp_path / "faces.zip", settings, cut=cutter):
        pass
    report = read_report(tmp_path / "faces.zip")
    assert (report.num_pictures, dict(report.rejects)) == (1, {"no face": 1})
    made = PictureDataset(tmp_path / "faces.zip").picture(0).astype(float)
    upright = np.asarray(face.resize((64, 64))).transpose(2, 0, 1).astype(float)
    inner = np.s_[:, 16:48, 16:48]
    assert np.corrcoef(made[inner].ravel(), upright[inner].ravel())[0, 1] > 0.8
