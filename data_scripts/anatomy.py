"""The invented brain that the whole-organ stack shows: its outline, tissue, vessels and cells, as a few tables.

Lengths are micrometres (order z, y, x) or normalised so that the volume reaches from -1 to 1 on each axis; sizes
follow the volume, so tiny and full volumes show the same organ. Shapes and sizes are our choice, for the eye. Values
that come from sines, square roots and the like are rounded before use, so that the last bit of a mathematical
library does not decide about a grey level.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

VOXEL_SIZE_UM = (5.0, 2.0, 2.0)
"""Size of a voxel in micrometres (z, y, x): light-sheet stacks are coarser along the axis of the objective."""

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Shape = tuple[int, int, int]

# Ellipsoids (centre z, y, x; radii z, y, x), normalised: hemispheres, cerebellum, olfactory bulbs, brain stem.
_ELLIPSOIDS = (
    (0.02, -0.33, -0.02, 0.80, 0.50, 0.64),
    (0.02, 0.33, -0.02, 0.80, 0.50, 0.64),
    (-0.05, 0.0, 0.62, 0.62, 0.62, 0.27),
    (0.10, -0.17, -0.66, 0.42, 0.15, 0.22),
    (0.10, 0.17, -0.66, 0.42, 0.15, 0.22),
    (0.30, 0.0, 0.45, 0.50, 0.30, 0.50),
)
_MODES = 28  # waves that make up the slow variation of the tissue
_TEXTURE_SHAPE = (24, 160, 176)  # a tile of fine tissue texture; it repeats, far enough apart not to be seen
_LARGEST_RADIUS_UM = 4000.0


@dataclass(frozen=True, eq=False)
class Anatomy:
    """Tables from which any plane can be drawn; a few MiB at most.

    `step` is the spacing in voxels of the coarse grid. `waves_y` and `waves_x` are complex128 (mode, coarse y or x):
    factors of plane waves; `waves_z` holds per mode the cycles along z and `weights` (2, mode) the amplitudes for
    outline and tissue. `vessels` is float32 (n, 8): start (z, y, x) and end in um, radius in um, brightness; `cells`
    is float32 (n, 5): centre in um, radius in um, brightness. `stripes` is float32 (y,): shadows along the light
    sheet. `texture` is int8 (z, y, x), a tile with mean near 0.
    """

    shape: Shape
    step: int
    nodes_y: Floats
    nodes_x: Floats
    waves_z: Floats
    waves_y: npt.NDArray[np.complex128]
    waves_x: npt.NDArray[np.complex128]
    weights: Floats
    vessels: Singles
    cells: Singles
    stripes: Singles
    texture: npt.NDArray[np.int8]

    def coarse(self, z: int) -> tuple[Singles, Singles]:
        """Outline (positive inside, about the normalised depth below the surface) and tissue brightness of plane `z`.

        Both float32 on the coarse grid (y, x).
        """
        depth_z = 2 * (z + 0.5) / self.shape[0] - 1
        ripple, slow = np.zeros((2, self.nodes_y.size, self.nodes_x.size))
        phases = np.exp(1j * self.waves_z * depth_z)
        for mode in range(_MODES):  # not a matrix product: its rounding depends on the number of threads
            wave = np.real((phases[mode] * self.waves_y[mode])[:, None] * self.waves_x[mode][None, :])
            ripple += self.weights[0, mode] * wave
            slow += self.weights[1, mode] * wave
        inside = outline(depth_z, self.nodes_y[:, None], self.nodes_x[None, :]) + ripple
        cortex = _band(inside, centre=0.075, width=0.06)
        tract = _band(inside + 0.25 * ripple, centre=0.20, width=0.035)
        core = np.clip((inside - 0.26) * 6, 0, 1)
        tissue = 1.0 + 0.30 * slow + 0.35 * cortex - 0.42 * tract + 0.18 * core
        ventricle = _band(inside + 0.6 * slow * 0.2, centre=0.335, width=0.022)
        tissue -= 0.45 * ventricle
        return _rounded(inside), _rounded(np.maximum(tissue, 0.15))


@functools.lru_cache(maxsize=4)
def anatomy(shape: Shape, seed: int) -> Anatomy:
    """The anatomy of one volume; a pure function of (shape, seed), remembered for the last few."""
    _nz, ny, nx = shape
    step = max(4, math.ceil(max(ny, nx) / 88))
    nodes_y = 2 * (step * np.arange((ny - 1) // step + 2) + 0.5) / ny - 1
    nodes_x = 2 * (step * np.arange((nx - 1) // step + 2) + 0.5) / nx - 1
    rng = _rng(seed, "modes")
    cycles = np.sort(rng.uniform(0.6, 5.0, _MODES))
    direction = rng.standard_normal((_MODES, 3))
    direction /= np.sqrt((direction**2).sum(axis=1, keepdims=True))
    waves = np.pi * cycles[:, None] * direction
    phase = rng.uniform(0, 2 * np.pi, _MODES)
    amplitude = rng.uniform(0.5, 1.0, _MODES) / cycles
    weights = np.stack([0.016 * amplitude * cycles**0.6, amplitude * 0.5])
    texture = _texture(_rng(seed, "texture"))
    return Anatomy(
        shape=shape,
        step=step,
        nodes_y=nodes_y,
        nodes_x=nodes_x,
        waves_z=waves[:, 0],
        waves_y=np.exp(1j * (waves[:, 1, None] * nodes_y + phase[:, None])),
        waves_x=np.exp(1j * waves[:, 2, None] * nodes_x),
        weights=weights,
        vessels=_grow_vessels(_rng(seed, "vessels"), shape=shape),
        cells=_place_cells(_rng(seed, "cells"), shape=shape),
        stripes=_stripes(_rng(seed, "stripes"), size=ny),
        texture=texture,
    )


def outline(z: Any, y: Any, x: Any) -> Floats:
    """Smooth union of the organ's ellipsoids at normalised positions: positive inside, rising with depth.

    Arguments broadcast; float64 out. About the distance to the surface in normalised units, never exactly.
    """
    inside: Any = None
    for centre_z, centre_y, centre_x, radius_z, radius_y, radius_x in _ELLIPSOIDS:
        squared = ((z - centre_z) / radius_z) ** 2 + ((y - centre_y) / radius_y) ** 2 + ((x - centre_x) / radius_x) ** 2
        each = (1 - np.sqrt(squared)) * min(radius_z, radius_y, radius_x)
        if inside is None:
            inside = each
        else:  # polynomial smooth maximum
            blend = np.maximum(0.05 - np.abs(inside - each), 0) / 0.05
            inside = np.maximum(inside, each) + blend * blend * 0.0125
    return np.asarray(inside, dtype=np.float64)


def _grow_vessels(rng: np.random.Generator, *, shape: Shape) -> Singles:
    """Branching tubes: trunks wander through the organ, and each parts into thinner ones, level by level."""
    extent = np.array(shape) * VOXEL_SIZE_UM
    radius = float(np.clip(0.0125 * min(extent[1:]), 1.8, _LARGEST_RADIUS_UM))
    levels = int(np.clip(round(math.log(max(radius / 4.5, 1)) / math.log(1 / 0.7)) + 2, 2, 7))
    starts = _positions_inside(rng, count=8, least=0.04, most=0.3) * extent / 2 + extent / 2
    directions = extent / 2 - starts + 0.4 * extent.mean() * rng.standard_normal(starts.shape)
    pieces, step_count = [], 12
    for _level in range(levels):
        points = [starts]
        heading = _unit(directions)
        turn = 0.12 * rng.standard_normal(heading.shape)
        for _step in range(step_count):
            here = points[-1]
            turn = 0.7 * turn + 0.13 * rng.standard_normal(heading.shape)
            home = np.where(outline(*(2 * here / extent - 1).T)[:, None] < 0.03, 0.6, 0.0)
            heading = _unit(heading + turn + home * _unit(extent / 2 - here))
            points.append(here + heading * 4.0 * radius)
        path = np.stack(points)  # (step + 1, vessel, 3)
        brightness = np.broadcast_to(rng.uniform(0.7, 1.3, len(starts)), path.shape[:1] + path.shape[1:2])
        thinner = radius * np.linspace(1.0, 0.8, step_count)[:, None] * np.ones(len(starts))
        pieces.append(
            np.concatenate(
                [
                    path[:-1].reshape(-1, 3),
                    path[1:].reshape(-1, 3),
                    thinner.reshape(-1, 1),
                    brightness[1:].reshape(-1, 1),
                ],
                axis=1,
            )
        )
        middle = path[step_count // 2]
        starts = np.concatenate([path[-1], path[-1], middle])
        directions = np.concatenate([heading, heading, heading]) + 0.9 * rng.standard_normal((3 * len(heading), 3))
        radius *= 0.72
    return _rounded(np.concatenate(pieces), steps=64)


def _place_cells(rng: np.random.Generator, *, shape: Shape) -> Singles:
    """Small bright bodies, a few hundred at laptop scale, some 10 um across as neurons are, most near the surface."""
    voxels = math.prod(shape)
    count = int(np.clip(voxels // 150_000, 12, 20_000))
    near = _positions_inside(rng, count=count - count // 3, least=0.03, most=0.14)
    deep = _positions_inside(rng, count=count // 3, least=0.03, most=1.0)
    extent = np.array(shape) * VOXEL_SIZE_UM
    centre = np.concatenate([near, deep]) * extent / 2 + extent / 2
    radius, brightness = rng.uniform(5.5, 8.5, count), rng.uniform(0.5, 1.5, count)  # the rim of the profile is dim
    return _rounded(np.concatenate([centre, radius[:, None], brightness[:, None]], axis=1), steps=64)


def _positions_inside(rng: np.random.Generator, *, count: int, least: float, most: float) -> Floats:
    """`count` normalised positions (n, 3) whose outline lies in [least, most]; drawn again until enough are inside."""
    found = np.empty((0, 3))
    while len(found) < count:
        drawn = rng.uniform(-1, 1, (8 * count + 64, 3))
        inside = outline(*drawn.T)
        found = np.concatenate([found, drawn[(inside >= least) & (inside <= most)]])
    return found[:count]


def _texture(rng: np.random.Generator) -> npt.NDArray[np.int8]:
    """A tile of blurred noise, int8, standard deviation about 32; it fits its own copies at every face."""
    noise = rng.standard_normal(_TEXTURE_SHAPE)
    for axis, passes in ((0, 1), (1, 3), (2, 3)):
        for _pass in range(passes):
            noise = (np.roll(noise, 1, axis) + 2 * noise + np.roll(noise, -1, axis)) / 4
    return np.asarray(np.clip(np.rint(noise * (32 / noise.std())), -127, 127), dtype=np.int8)


def _stripes(rng: np.random.Generator, *, size: int) -> Singles:
    """Brightness along y, about 1: shadows that absorbing spots throw along the light sheet (x)."""
    noise = rng.standard_normal(size + 16)
    fine = np.convolve(noise, np.ones(3) / 3, mode="same")
    wide = np.convolve(noise, np.ones(13) / 13, mode="same")
    return _rounded(1 + (0.018 * fine + 0.05 * wide)[8 : 8 + size])


def _band(value: Floats, *, centre: float, width: float) -> Floats:
    """A smooth bump, 1 at `centre` and 0 beyond `width` of it."""
    inner = np.clip(1 - ((value - centre) / width) ** 2, 0, 1)
    return inner * inner


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.sqrt((vectors**2).sum(axis=-1, keepdims=True) + 1e-12))


def _rounded(values: Floats, *, steps: int = 4096) -> Singles:
    return (np.rint(values * steps) / steps).astype(np.float32)


def _rng(seed: int, part: str) -> np.random.Generator:
    """The random numbers of one part of the organ: parts do not disturb each other."""
    return np.random.default_rng([seed, *part.encode()])
