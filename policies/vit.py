"""A plain vision transformer whose parameter names are those of timm, and so of the OpenVLA checkpoints.

Nothing is mapped or merged on loading: a checkpoint's tensors go in under their own names. The network returns patch
tokens after the blocks asked for and stops at the deepest of them.

Architecture: Dosovitskiy et al. 2021 (ViT, pre-norm blocks); Oquab et al. 2023 (DINOv2: layer scale); Darcet et al.
2023 (registers); Perez et al. 2018 (FiLM).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass(frozen=True)
class VitShape:
    """Everything that fixes the sizes of a tower."""

    dim: int
    """Channels of a token."""
    depth: int
    """Blocks."""
    heads: int
    mlp: int
    """Hidden channels of a block's perceptron."""
    patch: int
    """Side of a square patch, in pixels."""
    grid: tuple[int, int]
    """(rows, cols) that `pos_embed` was trained for."""
    class_token: bool = False
    registers: int = 0
    class_position: bool = False
    """True: `pos_embed` begins with a position for the class token."""
    layer_scale: bool = False
    film: int | None = None
    """Channels of the condition that scales and shifts every block; None: there is none."""
    eps: float = 1e-6
    """Of every LayerNorm."""

    def __post_init__(self) -> None:
        if self.dim % self.heads:
            raise ValueError(f"{self.heads} heads do not divide {self.dim} channels.")
        if self.class_position and not self.class_token:
            raise ValueError("A position for the class token needs a class token.")

    @property
    def prefix(self) -> int:
        """Tokens before the patches."""
        return int(self.class_token) + self.registers

    def flops(self, grid: tuple[int, int], block: int) -> float:
        """Operations of one image with `grid` patches up to and including `block`; a multiply-add counts as 2."""
        patches = grid[0] * grid[1]
        tokens = patches + self.prefix
        embedding = 2 * patches * 3 * self.patch**2 * self.dim
        linear = 2 * tokens * (4 * self.dim**2 + 2 * self.dim * self.mlp)
        attention = 4 * tokens**2 * self.dim
        film = 4 * (self.film or 0) * self.dim
        return float(embedding + (block + 1) * (linear + attention + film))


class Attention(nn.Module):
    """Self-attention of every token to every token."""

    def __init__(self, shape: VitShape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.qkv = nn.Linear(shape.dim, 3 * shape.dim)
        self.proj = nn.Linear(shape.dim, shape.dim)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, tokens, dim] -> [B, tokens, dim]."""
        batch, tokens, dim = x.shape
        qkv = self.qkv(x).view(batch, tokens, 3, self.heads, dim // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = F.scaled_dot_product_attention(q, k, v)
        return self.proj(mixed.transpose(1, 2).reshape(batch, tokens, dim))


class Mlp(nn.Module):
    """Two linear layers around an exact (erf) GELU."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class Residual(nn.Module):
    """A branch added to the stream."""

    def forward(self, x: torch.Tensor, branch: torch.Tensor) -> torch.Tensor:
        return x + branch


class ScaledResidual(nn.Module):
    """A branch added to the stream, with one learned factor a channel (layer scale), in one pass over memory."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.scale_factor = nn.Parameter(torch.ones(dim))

    def forward(self, x: torch.Tensor, branch: torch.Tensor) -> torch.Tensor:
        return torch.addcmul(x, branch, self.scale_factor)


class Block(nn.Module):
    """Attention and perceptron, each normalised before and added to the stream."""

    def __init__(self, shape: VitShape) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(shape.dim, eps=shape.eps)
        self.attn = Attention(shape)
        self.ls1 = ScaledResidual(shape.dim) if shape.layer_scale else Residual()
        self.norm2 = nn.LayerNorm(shape.dim, eps=shape.eps)
        self.mlp = Mlp(shape.dim, shape.mlp)
        self.ls2 = ScaledResidual(shape.dim) if shape.layer_scale else Residual()

    def forward(self, x: torch.Tensor, film: tuple[torch.Tensor, torch.Tensor] | None = None) -> torch.Tensor:
        """[B, tokens, dim] -> the same; `film` = (scale, shift), [B, 1, dim] each, acts between the two halves."""
        x = self.ls1(x, self.attn(self.norm1(x)))
        if film is not None:
            x = torch.addcmul(film[1], x, 1 + film[0])
        return self.ls2(x, self.mlp(self.norm2(x)))


class FilmBlock(nn.Module):
    """A block whose channels are scaled and shifted by a condition, equally at every patch."""

    def __init__(self, shape: VitShape, condition: int) -> None:
        super().__init__()
        self.block = Block(shape)
        self.scale = nn.Linear(condition, shape.dim)
        self.shift = nn.Linear(condition, shape.dim)

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """`condition`: [B, C]."""
        return self.block(x, (self.scale(condition)[:, None], self.shift(condition)[:, None]))


class PatchEmbed(nn.Module):
    """A linear map of each patch, written as the convolution that checkpoints store."""

    def __init__(self, dim: int, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, dim, kernel_size=patch, stride=patch)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """[B, 3, H, W] -> [B, dim, rows, cols]."""
        return self.proj(pixels)


class VisionTransformer(nn.Module):
    """Pixels to patch tokens after chosen blocks; no head and no final norm."""

    def __init__(self, shape: VitShape) -> None:
        super().__init__()
        self.shape = shape
        self.patch_embed = PatchEmbed(shape.dim, shape.patch)
        if shape.class_token:
            self.cls_token = nn.Parameter(torch.zeros(1, 1, shape.dim))
        if shape.registers:
            self.reg_token = nn.Parameter(torch.zeros(1, shape.registers, shape.dim))
        positions = shape.grid[0] * shape.grid[1] + int(shape.class_position)
        self.pos_embed = nn.Parameter(torch.zeros(1, positions, shape.dim))
        self.blocks = nn.ModuleList(
            Block(shape) if shape.film is None else FilmBlock(shape, shape.film) for _ in range(shape.depth)
        )

    def forward(
        self, pixels: torch.Tensor, blocks: Iterable[int], condition: torch.Tensor | None = None
    ) -> dict[int, torch.Tensor]:
        """Run up to the deepest of `blocks`.

        Args:
            pixels: [B, 3, H, W], normalised, sides multiples of the patch.
            blocks: indices from 0; block k means the stream after it.
            condition: [B, film], for a tower that has it.

        Returns:
            block -> [B, rows, cols, dim]: patch tokens alone, the tokens before them are dropped.
        """
        wanted = set(blocks)
        x, grid = self._embed(pixels)
        features = {}
        for index in range(max(wanted) + 1):
            x = self.blocks[index](x) if condition is None else self.blocks[index](x, condition)
            if index in wanted:
                features[index] = x[:, self.shape.prefix :].unflatten(1, grid)
        return features

    def _embed(self, pixels: torch.Tensor) -> tuple[torch.Tensor, tuple[int, int]]:
        """[B, 3, H, W] -> tokens in the order class, registers, patches; and (rows, cols)."""
        patches = self.patch_embed(pixels)
        grid = (patches.shape[2], patches.shape[3])
        x = patches.flatten(2).transpose(1, 2)
        first = int(self.shape.class_position)
        x = x + self._positions(grid)
        prefix = []
        if self.shape.class_token:
            prefix.append(self.cls_token + self.pos_embed[:, :first] if first else self.cls_token)
        if self.shape.registers:
            prefix.append(self.reg_token)
        return torch.cat([*(token.expand(len(x), -1, -1) for token in prefix), x], dim=1), grid

    def _positions(self, grid: tuple[int, int]) -> torch.Tensor:
        """Positions of the patches, [1, rows * cols, dim]; resampled where `grid` is not the trained one.

        Bicubic with a = -0.75, pixel centres at one half, no antialiasing and no offset: the convention of
        transformers' Dinov2 and of the exported graph we check against. (DINOv2's own code once added 0.1 to the
        target size before computing the scale; the difference is below one hundredth of a patch.)
        """
        patches = self.pos_embed[:, int(self.shape.class_position) :]
        if grid == self.shape.grid:
            return patches
        image = patches.float().unflatten(1, self.shape.grid).permute(0, 3, 1, 2)
        resampled = F.interpolate(image, size=grid, mode="bicubic", align_corners=False)
        return resampled.flatten(2).transpose(1, 2).to(patches.dtype)
