"""tests/fixtures/camera.json says where a camera takes a few points; web/camera.js is held to the same file."""

import json
from pathlib import Path

import pytest
import torch

from motion_core.controls.camera import Camera, camera_field
from motion_core.types import Size

FIXTURE = json.loads((Path(__file__).parent.parent / "fixtures" / "camera.json").read_text())
LAST_DECIMAL = 1e-5  # of the positions in the file


@pytest.mark.parametrize("case", FIXTURE["cases"], ids=lambda case: f"{case['preset']} {case['amount']}")
def test_a_camera_takes_the_middles_of_cells_where_the_fixture_says(case):
    columns, rows = FIXTURE["grid"]["columns"], FIXTURE["grid"]["rows"]
    width, height = case["size"]
    starts = [((cell % columns + 0.5) / columns, (cell // columns + 0.5) / rows) for cell in FIXTURE["cells"]]
    field = camera_field(Camera(**case["camera"]), size=Size(height=height, width=width), frames=FIXTURE["frames"])
    torch.testing.assert_close(
        field.at(torch.tensor(starts)),
        torch.tensor(case["positions"]),
        rtol=0,
        atol=LAST_DECIMAL,
    )
