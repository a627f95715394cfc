"""The shadow of a hand: its flesh, its long bones and its carpals, drawn on layers."""

import math

import numpy as np

from data.phantom.maturity import Bones, Floats
from data.phantom.proportions import CARPAL_SCALE, CARPALS, LONG_BONES, OVERLAID_ROWS, RAYS
from data.phantom.raster import OUTLINE_SAMPLES, PROFILE_SAMPLES, Canvas, empty_canvas, stamp_outline, stamp_profile
from data.phantom.skeleton import Axis, Pose, Skeleton

# Lengths in hand units.
GROWTH_PLATE = 0.017
ADULT_JOINT, INFANT_JOINT = 0.005, 0.016  # unossified cartilage at each end of a bone
GROWTH_ZONE = 1.25  # radius of what is called the growth zone of a plate, in the half width of its grown epiphysis

# Brightness of the shadow.
TISSUE_LEVEL, BONE_LEVEL = 0.49, 0.60
OVERLAY_LEVEL = 0.30
HALF_THICKNESS = 0.35  # of overlapping soft tissue, where its shadow is half as dark as it can get


def shadow_of(skeleton: Skeleton, bones: Bones, pose: Pose, image_px: int) -> Floats:
    """What the hand takes out of the beam: 0 for air, about 1 for bone under flesh."""
    tissue = empty_canvas(pose, image_px)
    draw_tissue(tissue, skeleton, bones, pose)
    bone = empty_canvas(pose, image_px)
    draw_long_bones(bone, skeleton, bones, pose)
    draw_carpals(bone, skeleton, bones)
    thickness = tissue.layer
    shadow: Floats = np.float32(TISSUE_LEVEL) * (thickness / (thickness + np.float32(HALF_THICKNESS)))
    shadow += np.float32(BONE_LEVEL) * bone.layer
    return shadow


def draw_tissue(canvas: Canvas, skeleton: Skeleton, bones: Bones, pose: Pose) -> None:
    flesh = pose.flesh * (1.10 - 0.10 * bones.growth)
    index, thumb = skeleton.metacarpals[1], skeleton.metacarpals[0]
    web_tip = tuple((a + b) / 2 for a, b in zip(index.at(0.20), thumb.at(0.20), strict=True))
    web = Axis((0.05, 0.10), math.degrees(math.atan2(web_tip[0] - 0.05, web_tip[1] - 0.10)), 0.17)
    capsules = [
        *((finger, ray.tissue * 1.12, ray.tissue * 0.80) for finger, ray in zip(skeleton.fingers, RAYS, strict=True)),
        *((metacarpal, 0.085, 0.066) for metacarpal in skeleton.metacarpals),
        (web, 0.09, 0.075),
        (skeleton.forearm, 0.150, 0.175),
    ]
    for axis, start, end in capsules:
        start, end = start * flesh, end * flesh
        # The table runs over the capsule with its round ends.
        whole = axis.length + start + end
        s = STEPS * np.float32(whole)
        half_width = np.float32(start) + np.float32(end - start) * (s / np.float32(whole))
        ends = np.maximum(np.maximum(1 - s / np.float32(start), 1 - (np.float32(whole) - s) / np.float32(end)), 0)
        half_width *= np.sqrt(np.maximum(1 - ends * ends, 0))
        moved = Axis(axis.at(-start), axis.angle_deg, whole)
        stamp_profile(canvas, moved, half_width, np.ones_like(s), 0.0, (1.0, -0.75), np.add)


STEPS = (np.arange(PROFILE_SAMPLES, dtype=np.float32) + np.float32(0.5)) / np.float32(PROFILE_SAMPLES)
SHAPES = np.array(LONG_BONES, dtype=np.float32)


def draw_long_bones(canvas: Canvas, skeleton: Skeleton, bones: Bones, pose: Pose) -> None:
    half_width, density, epiphysis = profiles(skeleton, bones, pose, canvas.unit_px)
    bends = SHAPES[:, 5] * (0.3 + 0.7 * bones.cap) * epiphysis
    for row, axis in enumerate(skeleton.bones):
        stamp_profile(canvas, axis, half_width[row], density[row], float(bends[row]), (0.70, 0.30), np.maximum)


def profiles(skeleton: Skeleton, bones: Bones, pose: Pose, unit_px: float) -> tuple[Floats, Floats, Floats]:
    """Half width and density along every long bone (rows), and the thickness of its epiphysis."""
    lengths = np.array([axis.length for axis in skeleton.bones], np.float32)[:, None]
    # Short bones in a small hand are stout.
    stout = np.float32(pose.slender * (1.08 - 0.08 * bones.growth))
    plate, shaft, end = (SHAPES[:, column, None] * stout for column in (1, 2, 3))
    joint = np.float32(INFANT_JOINT + (ADULT_JOINT - INFANT_JOINT) * bones.growth)
    width, fusion, scar = bones.width[:, None], bones.fusion[:, None], bones.scar[:, None]

    s = STEPS * lengths
    # Room for the grown epiphysis; a young one lies next to the growth plate.
    slot = SHAPES[:, 4, None] * np.float32(0.7 + 0.3 * bones.growth)
    thickness = slot * np.minimum(0.45 + 0.55 * width, 1)
    plate_start = ADULT_JOINT + slot
    plate_end = plate_start + np.float32(GROWTH_PLATE)
    epiphysis_start = plate_start - thickness
    shaft_end = lengths - joint

    near = np.maximum(1 - (s - plate_end) / (0.40 * lengths), 0)
    far = np.maximum(1 - (shaft_end - s) / (0.32 * lengths), 0)
    metaphysis = shaft + (plate - shaft) * np.minimum(near * near, 1) + (end - shaft) * np.minimum(far * far, 1)
    head = np.maximum(1 - (shaft_end - s) / (0.7 * end), 0)
    metaphysis *= np.sqrt(np.maximum(1 - 0.8 * head * head, 0))

    across = np.minimum(np.abs((s - epiphysis_start) / (0.5 * thickness) - 1), 1)
    oval = plate * width * np.sqrt(1 - across * across * across)
    in_shaft = s >= plate_end - np.float32(0.5 * GROWTH_PLATE)
    # Closing plate: the epiphysis and the shaft meet at full width.
    bridge = plate * np.where(fusion > 0, np.float32(0.97), np.float32(0))
    half_width = np.where(in_shaft, metaphysis, np.where(s > plate_start, np.maximum(oval, bridge), oval))

    soft = np.float32(1 / unit_px)
    shaft_density = box(s, plate_end, shaft_end, soft)
    epiphysis_density = box(s, epiphysis_start, plate_start, soft) * (width > 0) * np.float32(0.95)
    gap = box(s, plate_start, plate_end, soft)
    density = np.maximum(np.maximum(shaft_density, epiphysis_density), gap * fusion) + 0.35 * gap * scar
    return half_width.astype(np.float32), density.astype(np.float32), thickness[:, 0]


def box(s: Floats, start: Floats, end: Floats, soft: np.float32) -> Floats:
    """1 between start and end, with edges one pixel soft."""
    box: Floats = np.clip((s - start) / soft + 0.5, 0, 1) * np.clip((end - s) / soft + 0.5, 0, 1)
    return box


def draw_carpals(canvas: Canvas, skeleton: Skeleton, bones: Bones) -> None:
    for row, (place, adult) in enumerate(zip(skeleton.carpals, OUTLINES, strict=True)):
        size, facets = float(bones.size[row]), float(bones.facets[row])
        if size == 0:
            continue
        disc = np.float32(MEAN_RADII[row])
        outline = np.float32(size * CARPAL_SCALE) * (disc + np.float32(facets) * (adult - disc))
        if row in OVERLAID_ROWS:
            stamp_outline(canvas, place, outline, (OVERLAY_LEVEL, 0.0), np.add)
        else:
            stamp_outline(canvas, place, outline, (0.72, 0.26), np.maximum)


def draw_growth_zones(canvas: Canvas, skeleton: Skeleton, pose: Pose) -> None:
    """Discs: around each growth plate as wide as the grown epiphysis, and each carpal at its adult size."""
    plates = ADULT_JOINT + SHAPES[:, 4] + np.float32(GROWTH_PLATE / 2)
    ring = np.ones(OUTLINE_SAMPLES, np.float32)
    for row, axis in enumerate(skeleton.bones):
        half_width = SHAPES[row, 1] * np.float32(GROWTH_ZONE * pose.slender)
        stamp_outline(canvas, axis.at(float(plates[row])), ring * half_width, (1.0, 0.0), np.maximum)
    for place, adult in zip(skeleton.carpals, OUTLINES, strict=True):
        stamp_outline(canvas, place, adult * np.float32(CARPAL_SCALE), (1.0, 0.0), np.maximum)


def smooth_outline(radii: tuple[float, ...]) -> Floats:
    angles = np.arange(OUTLINE_SAMPLES) * (len(radii) / OUTLINE_SAMPLES)
    corner = angles.astype(np.intp)
    part = angles - corner
    part = part * part * (3 - 2 * part)
    ring = np.array([*radii, radii[0]])
    smooth: Floats = (ring[corner] * (1 - part) + ring[corner + 1] * part).astype(np.float32)
    return smooth


OUTLINES = tuple(smooth_outline(carpal.radii) for carpal in CARPALS)
MEAN_RADII = tuple(sum(carpal.radii) / len(carpal.radii) for carpal in CARPALS)
