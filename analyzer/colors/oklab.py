"""Colours as the eye takes them: OKLab, how different two look, and how they look to a colour-blind viewer."""

from __future__ import annotations

import torch

JUST_NOTICEABLE = 0.02
"""Distance in OKLab below which two colours pass for the same (CSS Color Module Level 4, deltaEOK)."""

# Ottosson 2020, "A perceptual color space for image processing": linear sRGB -> cone responses -> (L, a, b).
_TO_CONES = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_TO_LAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)

# Machado, Oliveira & Fernandes 2009, severity 1.0, on linear sRGB.
_DEFICIENCIES = {
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
}
DEFICIENCIES = tuple(_DEFICIENCIES)
"""Red-blind and green-blind: of a hundred men, two see so, and six more in between (Birch 2012)."""


def srgb_to_linear(rgb: torch.Tensor) -> torch.Tensor:
    return torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb.clamp(min=0.0) + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(linear: torch.Tensor) -> torch.Tensor:
    return torch.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear.clamp(min=1e-9) ** (1 / 2.4) - 0.055)


def srgb_to_oklab(rgb: torch.Tensor) -> torch.Tensor:
    """(…, 3) sRGB in [0, 1] -> (…, 3) OKLab."""
    cones = srgb_to_linear(rgb) @ torch.tensor(_TO_CONES).to(rgb).T
    return cones.clamp(min=0.0) ** (1 / 3) @ torch.tensor(_TO_LAB).to(rgb).T


def oklab_to_linear(lab: torch.Tensor) -> torch.Tensor:
    """(…, 3) OKLab -> (…, 3) linear sRGB, outside [0, 1] where a screen cannot show it."""
    cones = lab @ torch.linalg.inv(torch.tensor(_TO_LAB, dtype=torch.float64)).to(lab).T
    return cones**3 @ torch.linalg.inv(torch.tensor(_TO_CONES, dtype=torch.float64)).to(lab).T


def oklab_to_srgb(lab: torch.Tensor) -> torch.Tensor:
    """(…, 3) OKLab -> (…, 3) sRGB in [0, 1], clipped into the gamut."""
    return linear_to_srgb(oklab_to_linear(lab).clamp(0.0, 1.0))


def bytes_to_oklab(rgb: torch.Tensor) -> torch.Tensor:
    """(…, 3) uint8 sRGB -> (…, 3) float32 OKLab."""
    return srgb_to_oklab(rgb.float() / 255)


def seen_with(rgb: torch.Tensor, deficiency: str) -> torch.Tensor:
    """(…, 3) sRGB in [0, 1] as a viewer with one of `DEFICIENCIES` sees it, in the same units."""
    matrix = torch.tensor(_DEFICIENCIES[deficiency]).to(rgb)
    return linear_to_srgb((srgb_to_linear(rgb) @ matrix.T).clamp(0.0, 1.0))
