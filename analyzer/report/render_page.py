"""Templates to pages. Everything that goes in is escaped; the page's policy lets it load and run nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from foundation.names import printable

_TEMPLATES = Path(__file__).parent / "templates"


def render_page(template: str, *, extra_styles: Sequence[str] = (), scripts: Sequence[str] = (), **values: Any) -> str:
    """A page whose policy allows its own styles, pictures within it, and these scripts by their digest; nothing else."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_safe,
    )
    styles = [(_TEMPLATES / "report.css").read_text(encoding="utf-8"), *extra_styles]
    allowed = ["default-src 'none'", "img-src data:", f"style-src {_digests(styles)}"]
    if scripts:
        # The player plays a video that the page carries.
        allowed[1] += " blob:"
        allowed += ["media-src blob: data:", f"script-src {_digests(scripts)}"]
    return environment.get_template(template).render(
        **values,
        # Ours, not a recording's.
        styles=[Markup(style) for style in styles],
        scripts=[Markup(script) for script in scripts],
        policy=Markup("; ".join([*allowed, "base-uri 'none'", "form-action 'none'"])),
    )


def _digests(texts: Sequence[str]) -> str:
    """As a policy names inline elements: by their content."""
    hashed = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts)
    return " ".join(f"'sha256-{one}'" for one in hashed)


def _safe(value: object) -> object:
    """What a browser would obey in plain text (changes of direction, control characters) is written out."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else printable(value)
