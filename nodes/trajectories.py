"""Draw Trajectories (the canvas); trajectories from others' tracks and back; camera motion."""

from __future__ import annotations

from typing import get_args

import torch.nn.functional as F
from comfy_api.latest import io, ui
from comfy_execution.graph_utils import ExecutionBlocker
from torch import Tensor

from ..motion_core import tracks as track_formats
from ..motion_core.controls.camera import Camera, camera_field
from ..motion_core.controls.stride import FRAMES
from ..motion_core.drawing import Drawing
from ..motion_core.errors import MotionError
from ..motion_core.tracks import Tracks, read_tracks, to_tracks_dict, write_tracks
from ..motion_core.tracks.reading import SUFFIXES
from ..motion_core.types import Easing, Size
from .io_types import MotionField, Trajectories, images_from, picture_from
from .io_types import Tracks as TracksSocket
from .user_files import OURS, fingerprint, new_path, offered, path_of, prefix_input, refused

COORDINATES = {"auto": None, "pixels": False, "0 to 1": True}  # read_tracks' normalised
TEXTS = [name for name, format in track_formats.FORMATS.items() if format.suffix in (".json", ".csv")]
FILES = [name for name, format in track_formats.FORMATS.items() if format.suffix]
LARGEST = 16384  # pixels of a picture's side
LONGEST = 1024  # frames of a clip
SHOWN = 2048  # pixels of the longer side, at most, of the picture that the canvas shows
SIZE = Size(height=320, width=512)  # of a picture that nobody has said anything about


class DrawTrajectories(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        schema = io.Schema(
            node_id="MotionI2V_DrawTrajectories",
            display_name="Draw Trajectories",
            category="Motion-I2V/draw",
            description="Where things in the image should go, and where anything may move at all.",
            inputs=[
                io.Image.Input("image", tooltip="The still image to draw on."),
                io.String.Input(  # without a tooltip, which the page would show while one draws
                    "drawing", default="", socketless=True, extra_dict={"widgetType": "MOTION_I2V_DRAWING"}
                ),
            ],
            outputs=[
                Trajectories.Output(
                    display_name="trajectories", tooltip="To Draft Motion Field or Apply Trajectory ControlNet."
                ),
                io.Mask.Output(
                    display_name="motion_brush", tooltip="1 where things may move; everywhere if nothing is painted."
                ),
                io.String.Output(display_name="text", tooltip="The drawing as JSON, to keep or to load elsewhere."),
            ],
        )
        # A page opened anew then hears of the picture of a run that was kept (ComfyUI 0.18).
        if hasattr(schema, "has_intermediate_output"):
            schema.has_intermediate_output = True
        return schema

    @classmethod
    def validate_inputs(cls, drawing: str | None = None) -> bool | str:
        try:
            Drawing.parse(drawing or "")  # None: it comes from another node and is not there yet
        except MotionError as error:
            return str(error)
        return True

    @classmethod
    def execute(cls, image: Tensor, drawing: str) -> io.NodeOutput:
        picture = picture_from(image)
        size = Size.of(picture)
        drawn = Drawing.parse(drawing).on(size)
        return io.NodeOutput(
            drawn.tracks, drawn.region(size)[None], drawn.text, ui={"motion_i2v_picture": _saved(picture)}
        )


def _saved(picture: Tensor) -> list[dict]:
    """Where in the temp folder the canvas finds the picture. Under a key of its own: it is no preview of the node."""
    height, width = Size.of(picture)
    scale = SHOWN / max(height, width, SHOWN)
    size = max(round(height * scale), 1), max(round(width * scale), 1)
    smaller = F.interpolate(picture[None], size, mode="bilinear", antialias=True)
    return ui.PreviewImage(images_from(smaller)).as_dict()["images"]


def _coordinates() -> io.Combo.Input:
    return io.Combo.Input(
        "coordinates",
        options=list(COORDINATES),
        default="auto",
        tooltip="What positions count: pixels, or 0 to 1 of the picture. auto goes by the format, or looks at the "
        "numbers and says so in the summary.",
    )


def _image_of_tracks() -> io.Image.Input:
    return io.Image.Input(
        "image",
        optional=True,
        tooltip="The picture that pixels are counted in. Needed only for formats that do not say its size.",
    )


def _read_outputs() -> list[io.Output]:
    return [
        Trajectories.Output(
            display_name="trajectories", tooltip="To Draft Motion Field or Apply Trajectory ControlNet."
        ),
        io.String.Output(display_name="summary", tooltip="What was recognised, assumed and repaired."),
    ]


def _read(source: object, coordinates: str, image: Tensor | None) -> io.NodeOutput:
    size = None if image is None else Size.of(picture_from(image))
    found = read_tracks(source, size=size, normalised=COORDINATES[coordinates])
    return io.NodeOutput(found, found.summary)


class TrajectoriesFromTracks(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MotionI2V_TrajectoriesFromTracks",
            display_name="Trajectories from Tracks",
            category="Motion-I2V/draw",
            description="Takes what other nodes draw and track: TRACKS, coordinate strings of KJ and ATI, lists of "
            "texts (Tora, CoTracker), and what drawing editors keep.",
            is_input_list=True,  # a node that makes a list of texts means one track by each
            inputs=[
                io.String.Input(
                    "text", default="", multiline=True, tooltip="Coordinates as text, pasted or from another node."
                ),
                _coordinates(),
                TracksSocket.Input("tracks", optional=True, tooltip="In place of text: TRACKS of Wan-Move's nodes."),
                _image_of_tracks(),
            ],
            outputs=_read_outputs(),
        )

    @classmethod
    def execute(
        cls,
        text: list[str | list[str]],
        coordinates: list[str],
        tracks: list[dict] | None = None,
        image: list[Tensor] | None = None,
    ) -> io.NodeOutput:
        entries = [one for entry in text for one in (entry if isinstance(entry, list) else [entry])]
        texts = [one for one in entries if not isinstance(one, str) or one.strip()]
        sources = [*(tracks or []), *([_one(texts)] if texts else [])]
        if len(sources) != 1:
            raise MotionError(
                f"Wanted either one text or one TRACKS to make trajectories of; got {len(sources)} of them. "
                "Paste or connect a text, or leave it empty and connect tracks."
            )
        return _read(sources[0], coordinates[0], image[0] if image else None)


def _one(texts: list) -> object:
    """What read_tracks takes for one text, or a list of them; a text with a line break is never taken for a path."""
    return f"{texts[0]}\n" if len(texts) == 1 and isinstance(texts[0], str) else texts


class LoadTracks(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MotionI2V_LoadTracks",
            display_name="Load Tracks",
            category="Motion-I2V/draw",
            description="Trajectories from a file: point trackers, video models, drawing editors, Save Tracks.",
            inputs=[
                io.Combo.Input(
                    "file",
                    options=offered(SUFFIXES),
                    tooltip="A file of ComfyUI's input folder, .json .csv .txt .npz .npy or .pth, or one that Save "
                    f"Tracks made in output/{OURS}.",
                ),
                _coordinates(),
                _image_of_tracks(),
            ],
            outputs=_read_outputs(),
        )

    @classmethod
    def fingerprint_inputs(cls, file: str, **_others: object) -> str:
        return fingerprint(file)

    @classmethod
    def execute(cls, file: str, coordinates: str, image: Tensor | None = None) -> io.NodeOutput:
        return _read(path_of(file), coordinates, image)


def _write_inputs(formats: list[str], default: str) -> list[io.Input]:
    told = "; ".join(f"{name}: {track_formats.FORMATS[name].reads_it}" for name in formats)
    of_trajectories = "0: of the picture that the trajectories were drawn on."
    return [
        Trajectories.Input("trajectories", tooltip="From Draw Trajectories, Load Tracks or Trajectories from Tracks."),
        io.Combo.Input("format", options=formats, default=default, tooltip=f"Who reads it. {told}."),
        io.Int.Input("width", default=0, min=0, max=LARGEST, tooltip=f"Of the picture it is for. {of_trajectories}"),
        io.Int.Input("height", default=0, min=0, max=LARGEST, tooltip=f"Of the picture it is for. {of_trajectories}"),
        io.Int.Input(
            "frames", default=0, min=0, max=LONGEST, tooltip="Of the clip. 0: as many as the tracks came with, "
            f"else {FRAMES}.",
        ),
    ]  # fmt: skip


def _order(trajectories: Tracks, width: int, height: int, frames: int) -> tuple[Size, int]:
    """For a picture of which size, and for how many frames, tracks are written."""
    if width and height:
        return Size(height=height, width=width), frames or trajectories.frames or FRAMES
    if width or height or trajectories.size is None:
        raise MotionError(
            f"Wanted the width and height of the picture that the tracks are for; got {width}×{height}, and the "
            "trajectories do not say. Give both."
        )
    return trajectories.size, frames or trajectories.frames or FRAMES


class ExportTracks(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MotionI2V_ExportTracks",
            display_name="Export Tracks",
            category="Motion-I2V/draw",
            description="Hands trajectories on to other nodes: as TRACKS (Wan-Move) and as text (KJ, ATI, Tora, …).",
            inputs=_write_inputs(TEXTS, "kj"),
            outputs=[
                TracksSocket.Output(display_name="tracks", tooltip="To Wan-Move's nodes, of ComfyUI and of KJ."),
                io.String.Output(display_name="text", tooltip="In the chosen format. tora is a list of texts."),
                io.String.Output(display_name="notes", tooltip="What was changed or lost on the way."),
            ],
        )

    @classmethod
    def execute(cls, trajectories: Tracks, format: str, width: int, height: int, frames: int) -> io.NodeOutput:
        size, count = _order(trajectories, width, height, frames)
        written = write_tracks(trajectories, format=format, size=size, frames=count)
        try:
            tracks, notes = to_tracks_dict(trajectories, size=size, frames=count)
        except MotionError as error:  # of no concern to whoever wants the text; told to whoever is connected to tracks
            tracks, notes = ExecutionBlocker(str(error)), (str(error),)
        return io.NodeOutput(tracks, written.value, "\n".join(dict.fromkeys([*written.notes, *notes])))


class SaveTracks(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MotionI2V_SaveTracks",
            display_name="Save Tracks",
            category="Motion-I2V/draw",
            description="Writes trajectories as a file into ComfyUI's output folder, in a format that others read.",
            is_output_node=True,
            inputs=[
                *_write_inputs(FILES, "json"),
                prefix_input("tracks"),
            ],
            outputs=[io.String.Output(display_name="path", tooltip="Of the file; of a pair, of both, a line each.")],
        )

    @classmethod
    def validate_inputs(cls, filename_prefix: str | None = None) -> bool | str:
        return (filename_prefix is not None and refused(filename_prefix)) or True

    @classmethod
    def execute(
        cls, trajectories: Tracks, format: str, width: int, height: int, frames: int, filename_prefix: str
    ) -> io.NodeOutput:
        size, count = _order(trajectories, width, height, frames)
        path = new_path(filename_prefix, track_formats.FORMATS[format].suffix)
        written = write_tracks(trajectories, path, format=format, size=size, frames=count)
        paths = "\n".join(map(str, written.paths))
        return io.NodeOutput(paths, ui=ui.PreviewText("\n".join([paths, *written.notes])))


def camera_inputs() -> list[io.Input]:
    """The numbers of a camera, for every node that has one."""
    pan = "of the picture's {}, by the last frame. The content moves; 0.1 is a tenth."
    return [
        io.Float.Input(
            "zoom",
            default=1.0,
            min=1 / Camera.LARGEST_ZOOM,
            max=Camera.LARGEST_ZOOM,
            step=0.01,
            tooltip="How much larger the picture becomes by the last frame; 1 is no zoom, below 1 zooms out.",
        ),
        io.Float.Input(
            "pan_x", default=0.0, min=-Camera.FURTHEST, max=Camera.FURTHEST, step=0.01,
            tooltip=f"To the right, {pan.format('width')}",
        ),
        io.Float.Input(
            "pan_y", default=0.0, min=-Camera.FURTHEST, max=Camera.FURTHEST, step=0.01,
            tooltip=f"Down, {pan.format('height')}",
        ),
        io.Float.Input(
            "rotate", default=0.0, min=-Camera.MOST_TURNS * 360, max=Camera.MOST_TURNS * 360, step=0.5,
            tooltip="Degrees, clockwise, by the last frame.",
        ),
        io.Float.Input(
            "centre_x", default=0.5, min=-Camera.FURTHEST, max=Camera.FURTHEST, step=0.01,
            tooltip="The point that zoom and rotation leave in place: 0 is the left border, 1 the right.",
        ),
        io.Float.Input(
            "centre_y", default=0.5, min=-Camera.FURTHEST, max=Camera.FURTHEST, step=0.01,
            tooltip="The point that zoom and rotation leave in place: 0 is the upper border, 1 the lower.",
        ),
        easing_input(),
    ]  # fmt: skip


def easing_input() -> io.Combo.Input:
    return io.Combo.Input(
        "easing",
        options=list(get_args(Easing)),
        default="linear",
        tooltip="How time passes: evenly (linear), starting slowly (in), ending slowly (out), or both (in_out).",
    )


class CameraMotion(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        unless = "Not used if an image is connected."
        return io.Schema(
            node_id="MotionI2V_CameraMotion",
            display_name="Camera Motion",
            category="Motion-I2V/draw",
            description="Zoom, pan and rotation as a motion field of their own. To add them to a motion field that is "
            "there already, use Add Camera.",
            inputs=[
                *camera_inputs(),
                io.Int.Input("frames", default=FRAMES, min=1, max=LONGEST, tooltip="Counting the image."),
                io.Int.Input("width", default=SIZE.width, min=1, max=LARGEST, tooltip=f"Of the field. {unless}"),
                io.Int.Input("height", default=SIZE.height, min=1, max=LARGEST, tooltip=f"Of the field. {unless}"),
                io.Image.Input("image", optional=True, tooltip="The still image; the field gets its size."),
            ],
            outputs=[MotionField.Output(display_name="motion_field", tooltip="To look at, edit, save and render.")],
        )

    @classmethod
    def execute(
        cls,
        zoom: float,
        pan_x: float,
        pan_y: float,
        rotate: float,
        centre_x: float,
        centre_y: float,
        easing: Easing,
        frames: int,
        width: int,
        height: int,
        image: Tensor | None = None,
    ) -> io.NodeOutput:
        size = Size(height=height, width=width) if image is None else Size.of(picture_from(image))
        camera = Camera(pan_x, pan_y, zoom, rotate, (centre_x, centre_y), easing)
        return io.NodeOutput(camera_field(camera, size=size, frames=frames))


NODES: list[type[io.ComfyNode]] = [
    DrawTrajectories,
    TrajectoriesFromTracks,
    LoadTracks,
    ExportTracks,
    SaveTracks,
    CameraMotion,
]
