"""Plots as SVG, by pygal: the same bytes for the same figures, and no script in them."""

from xml.etree import ElementTree

import pygal
from pygal.style import Style

from tests.bench.figures import number
from tests.bench.measure import Plot

_SVG = "http://www.w3.org/2000/svg"
_STYLE = Style(
    background="#ffffff",
    plot_background="#ffffff",
    font_family="sans-serif",
    colors=("#1f6feb", "#8b949e", "#d29922", "#2da44e", "#a475f9"),
    title_font_size=18,
    label_font_size=13,
    major_label_font_size=13,
    legend_font_size=13,
    value_font_size=13,
    guide_stroke_color="#d0d7de",
    major_guide_stroke_color="#d0d7de",
)


def svg(name: str, plot: Plot) -> str:
    """A plot as a document of its own; `name` is unique on the page."""
    kind = pygal.Line if plot.is_line else pygal.HorizontalBar
    height = 360 if plot.is_line else 120 + 34 * len(plot.labels) * len(plot.series)
    chart = kind(
        style=_STYLE,
        height=height,
        show_legend=len(plot.series) > 1,
        legend_at_bottom=True,
        print_values=not plot.is_line,
        value_formatter=lambda value: f"{number(value)} {plot.unit}",
        logarithmic=plot.is_logarithmic,
        include_x_axis=True,
        stroke_style={"width": 3},
        js=(),
    )
    chart.uuid = name
    chart.title = plot.title
    if plot.is_logarithmic:
        chart.y_labels = [10**power for power in range(6) if 10**power <= 10 * max(map(max, plot.series.values()))]
    # Bars are drawn from below.
    step = 1 if plot.is_line else -1
    chart.x_labels = list(plot.labels)[::step]
    for label, values in plot.series.items():
        chart.add(label, list(values)[::step])
    return _plain(chart.render_tree())


def _plain(tree: ElementTree.Element) -> str:
    """Without scripts, comments and what only they use."""
    for parent in list(tree.iter()):
        for child in list(parent):
            if not isinstance(child.tag, str) or child.tag.rpartition("}")[2] == "script":
                parent.remove(child)
    ElementTree.register_namespace("", _SVG)
    return ElementTree.tostring(tree, "unicode") + "\n"
