import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def photo(tmp_path):
    """A red disc on a grey ground, 120×80."""
    y, x = np.mgrid[:80, :120]
    pixels = np.full((80, 120, 3), 190, np.uint8)
    pixels[(x - 40) ** 2 + (y - 40) ** 2 < 15**2] = (220, 30, 30)
    path = tmp_path / "photo.png"
    Image.fromarray(pixels).save(path)
    return path
