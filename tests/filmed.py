"""Videos whose motion is known exactly: photographs carried about, and where every pixel really goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from motion_core.picture_file import read_picture
from motion_core.types import Size

RACCOON = Path(__file__).parent / "fixtures" / "raccoon.jpg"  # 768×576; public domain
SIZE = Size(height=320, width=512)

Way = Callable[[float], np.ndarray]  # an instant 0…1 → [2, 3]: where the place (x, y, 1) px of frame 0 is then


@dataclass(frozen=True)
class Layer:
    """One thing in front of the layers before it: a photograph [3, H', W'] seen through an outline, on its way.

    corner: (x, y) px of the photograph that lies in the top-left corner of frame 0.
    outline: [H, W] bool in frame 0; None fills the picture. way: where its places go; it rests when not given.
    """

    photo: Tensor
    way: Way
    corner: tuple[float, float] = (128.0, 128.0)
    outline: Tensor | None = None


@dataclass(frozen=True)
class Film:
    """A video and its truth: F frames of layers, the last one in front."""

    name: str
    layers: Sequence[Layer]
    frames: int = 16
    size: Size = SIZE

    def __iter__(self) -> Iterator[Tensor]:
        return (self.frame(i) for i in range(self.frames))

    def __len__(self) -> int:
        return self.frames

    def frame(self, number: int) -> Tensor:
        """[3, H, W], 0…1."""
        picture = torch.zeros(3, *self.size)
        for layer in self.layers:
            place = self._in_frame_0(layer, number)
            shown = _fetched(layer.photo, place + torch.tensor(layer.corner), "bicubic").clamp(0, 1)
            picture = torch.lerp(picture, shown, self._cover(layer, place))
        return picture

    def truth(self, number: int) -> tuple[Tensor, Tensor]:
        """Displacement [2, H, W] px from frame 0 to this one, and visible [H, W] bool: shown there, not covered."""
        owner = self._owner(0)
        places = _places(self.size)
        displacement = torch.zeros(2, *self.size)
        for index, layer in enumerate(self.layers):
            way = torch.from_numpy(self._way(layer, number)).float()
            moved = places @ way[:, :2].T + way[:, 2] - places
            displacement = torch.where(owner == index, moved.permute(2, 0, 1), displacement)
        lands = (places + displacement.permute(1, 2, 0)).round()
        inside = ((lands >= 0) & (lands < torch.tensor([self.size.width, self.size.height]))).all(dim=-1)
        column, row = lands.long().clamp(min=0).unbind(-1)
        there = self._owner(number)[row.clamp(max=self.size.height - 1), column.clamp(max=self.size.width - 1)]
        return displacement, inside & (there == owner)

    def things(self) -> Tensor:
        """[H, W] bool: where frame 0 shows what lies before the ground."""
        return self._owner(0) > 0

    def _owner(self, number: int) -> Tensor:
        """[H, W]: the layer that is in front."""
        owner = torch.zeros(self.size, dtype=torch.long)
        for index, layer in enumerate(self.layers):
            owner[self._cover(layer, self._in_frame_0(layer, number)) > 0.5] = index
        return owner

    def _cover(self, layer: Layer, place: Tensor) -> Tensor:
        if layer.outline is None:
            return torch.ones(self.size)
        inside = ((place >= 0) & (place <= torch.tensor([self.size.width - 1.0, self.size.height - 1.0]))).all(dim=-1)
        return _fetched(layer.outline[None].float(), place, "bilinear")[0] * inside

    def _in_frame_0(self, layer: Layer, number: int) -> Tensor:
        """[H, W, 2]: which place of frame 0 is shown by every pixel of a frame."""
        way = self._way(layer, number)
        back = torch.from_numpy(np.linalg.inv(way[:, :2])).float()
        return (_places(self.size) - torch.from_numpy(way[:, 2]).float()) @ back.T

    def _way(self, layer: Layer, number: int) -> np.ndarray:
        return layer.way(number / max(self.frames - 1, 1))


def resting(_: float) -> np.ndarray:
    return np.eye(2, 3)


def moved(x: float, y: float = 0.0) -> Way:
    """Steadily, by so many pixels in all."""
    return lambda instant: np.array([[1.0, 0.0, x * instant], [0.0, 1.0, y * instant]])


def turned(degrees: float, *, zoom: float = 1.0, about: tuple[float, float] = (255.5, 159.5)) -> Way:
    """Turned and zoomed about a place, steadily."""

    def way(instant: float) -> np.ndarray:
        angle = np.deg2rad(degrees * instant)
        turn = zoom**instant * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        return np.concatenate([turn, (about - turn @ about)[:, None]], axis=1)

    return way


def shaken(degrees: float, zoom: float, x: float, y: float, about: tuple[float, float] = (255.5, 159.5)) -> Way:
    """A camera held by hand: it turns, zooms, pans, and trembles by a pixel or two."""

    def way(instant: float) -> np.ndarray:
        matrix = turned(degrees, zoom=zoom, about=about)(instant)
        tremble = np.array([np.sin(25 * instant), np.cos(31 * instant) - 1.0]) * 1.5
        matrix[:, 2] += np.array([x, y]) * instant + tremble
        return matrix

    return way


def disc(x: float, y: float, radius: float, size: Size = SIZE) -> Tensor:
    """[H, W] bool."""
    rows, columns = torch.meshgrid(torch.arange(size.height), torch.arange(size.width), indexing="ij")
    return (columns - x) ** 2 + (rows - y) ** 2 <= radius**2


def texture(height: int = 576, width: int = 768, seed: int = 0) -> Tensor:
    """A procedural picture [3, height, width] with detail at every scale, unlike the photograph."""
    generator, picture = torch.Generator().manual_seed(seed), torch.zeros(1, 3, height, width)
    for cells in (4, 8, 16, 32, 64, 128):
        noise = torch.rand(1, 3, cells * height // width, cells, generator=generator)
        picture += F.interpolate(noise, (height, width), mode="bicubic") / cells**0.5
    return ((picture - picture.mean()) / (5 * picture.std()) + 0.5).clamp(0, 1)[0]


def sky(height: int = 576, width: int = 768) -> Tensor:
    """[3, height, width]: a slow gradient, in which there is nothing to be seen."""
    return torch.lerp(
        torch.tensor([0.45, 0.6, 0.9])[:, None, None],
        torch.tensor([0.75, 0.8, 0.8])[:, None, None],
        torch.linspace(0, 1, height)[:, None],
    ).expand(3, height, width)


def films() -> list[Film]:
    """What optical flow is judged by: simple camera moves, things that cross, that hide, and that go far."""
    ground, other = read_picture(RACCOON), texture()
    still = Layer(ground, resting)
    half = torch.cat([sky()[:, :288], ground[:, 144:432]], dim=1)  # the horizon runs through the middle

    def thing(x: float, y: float, radius: float, way: Way, corner: tuple[float, float] = (0.0, 0.0)) -> Layer:
        return Layer(other, way, corner, disc(x, y, radius))

    return [
        Film("translation, 20 px", [replace(still, way=moved(16.3, 11.6))]),
        Film("rotation, 6°", [replace(still, way=turned(6))]),
        Film("zoom, 1.1×", [replace(still, way=turned(0, zoom=1.1))]),
        Film("two objects crossing, 20 px", [still, thing(190, 150, 50, moved(20)), thing(300, 190, 40, moved(-20))]),
        Film("occlusion, 20 px", [replace(still, way=moved(-20)), thing(256, 160, 70, resting)]),
        Film("thing on a plain sky, 20 px", [Layer(sky(), resting), thing(200, 160, 50, moved(20))]),
        Film("under half a sky, 20 px", [Layer(half, moved(16.3, -11.6))]),
        Film("translation, 60 px", [replace(still, way=moved(51.7, 30.4))]),
        Film("rotation, 20°", [replace(still, way=turned(20))]),
        Film("small object, 60 px", [still, thing(200, 160, 25, moved(60))]),
        Film("two objects crossing, 60 px", [still, thing(180, 150, 45, moved(60)), thing(320, 175, 30, moved(-60))]),
        Film("occlusion, 60 px", [replace(still, way=moved(-60)), thing(256, 160, 50, resting)]),
    ]


def _places(size: Size) -> Tensor:
    """[H, W, 2]: the column and row of every pixel."""
    rows, columns = torch.meshgrid(torch.arange(size.height), torch.arange(size.width), indexing="ij")
    return torch.stack([columns, rows], dim=-1).float()


def _fetched(picture: Tensor, place: Tensor, mode: str) -> Tensor:
    scale = torch.tensor([picture.shape[2] - 1.0, picture.shape[1] - 1.0])
    return F.grid_sample(picture[None], (place / scale * 2 - 1)[None], mode, "border", align_corners=True)[0]
