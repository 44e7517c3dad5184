"""Templates to pages. Everything that goes in is escaped; the page's policy lets it load and run nothing."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from foundation.names import printable

_TEMPLATES = Path(__file__).parent / "templates"


def render_page(template: str, **values: Any) -> str:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_safe,
    )
    style = (_TEMPLATES / "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return environment.get_template(template).render(
        **values,
        style=Markup(style),
        policy=Markup(policy),  # both are ours, not a recording's
    )


def _safe(value: object) -> object:
    """What a browser would obey in plain text (changes of direction, control characters) is written out."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else printable(value)
