"""Where a network computes, if that is not where its weights lie."""

from __future__ import annotations

from typing import NamedTuple

import torch


class Placement(NamedTuple):
    """The device and precision of a network's inputs. Its layers bring their weights there one by one."""

    device: torch.device
    dtype: torch.dtype
