"""What an episode's actions depend on, as the page shows it: sentences, bars beside their controls, shares."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from analyzer.dependence.record import Dependence
from analyzer.report.contents import Assessed
from analyzer.report.plots.dependence import Erased, erasure


@dataclass(frozen=True)
class Share:
    """Of attribution, for one instance."""

    name: str
    share: str
    area: str


@dataclass(frozen=True)
class DependenceView:
    """What the action depends on."""

    sentences: tuple[str, ...]
    plots: tuple[Markup, ...]
    attribution: tuple[Share, ...]
    not_assessed: tuple[str, ...]


def dependence_view(episode: Assessed, dependence: Dependence) -> DependenceView | None:
    """None where nothing was found out; why not is told with what else was not assessed in the episode."""
    if not (dependence.instances or dependence.sentences):
        return None
    colours = {one.id: one.color for one in episode.findings.instances}

    def named(id_: int) -> str:
        return f"{id_} {episode.instance_name(id_)}"

    plots = []
    for quantity in dict.fromkeys(
        effect.quantity for one in dependence.instances for effect in one.effects if effect.signed is None
    ):
        bars = [
            Erased(named(one.instance), colours.get(one.instance, (128, 128, 128)), effect)
            for one in dependence.instances
            for effect in one.effects
            if effect.quantity == quantity
        ]
        told = ", ".join(f"{bar.name} {bar.effect.value:.3g} (background {bar.effect.control:.3g})" for bar in bars)
        plots.append(erasure(bars, f"Change of {quantity} when an instance is erased: {told}"))
    shares = tuple(
        Share(
            named(one.instance),
            f"{one.attribution:.0%}",
            "–" if one.attribution_area is None else f"{one.attribution_area:.0%}",
        )
        for one in dependence.instances
        if one.attribution is not None
    )
    reasons = [f"{named(one.instance)}: {one.reason}" for one in dependence.instances if one.reason]
    return DependenceView(dependence.sentences, tuple(plots), shares, (*dependence.not_assessed, *reasons))
