"""One self-contained HTML page: the figure, and the metrics beside their ceilings."""

from __future__ import annotations

from html import escape

from tvae.checkpoint.card import ceiling_of, in_order, meaning
from tvae.report.picture import Picture

_STYLE = """
body { margin: 0; background: #eef0f6; color: #1f2433; font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1000px; margin: 2rem auto; padding: 0 1rem; }
section { background: #fff; border-radius: 10px; padding: 1rem 1.5rem 1.5rem; margin-bottom: 1.5rem; }
svg { width: 100%; height: auto; display: block; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .6rem; border-bottom: 1px solid #e3e6ee; text-align: left; }
th { font-weight: 600; color: #6b7285; }
.number { text-align: right; }
.quiet { color: #6b7285; }
"""


def page(picture: Picture, svg: str) -> str:
    """The page that shows `svg` and the metrics of `picture`.

    Example:
        >>> html = page(Picture("run <1>", metrics={"coverage": 1.0}), "<svg></svg>")
        >>> "<title>run &lt;1&gt;</title>" in html, html.count("<svg")
        (True, 1)
    """
    title = escape(picture.title)
    measured = [
        (name, value) for name in in_order(picture.metrics) if (value := picture.metrics[name]) is not None
    ]
    rows = "\n".join(_row(name, value, picture) for name, value in measured)
    table = (
        '<section>\n<table>\n<tr><th>metric</th><th class="number">value</th>'
        f'<th class="number">ceiling</th><th>meaning</th></tr>\n{rows}\n</table>\n</section>\n'
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f'<section role="img" aria-label="{title}">\n{svg}\n</section>\n'
        f"{table if rows else ''}</main>\n</body>\n</html>\n"
    )


def _row(name: str, value: float, picture: Picture) -> str:
    best = ceiling_of(name, picture.ceilings)
    return (
        f'<tr><td>{escape(name)}</td><td class="number">{value:.7g}</td>'
        f'<td class="number quiet">{"" if best is None else f"{best:.7g}"}</td>'
        f'<td class="quiet">{escape(meaning(name))}</td></tr>'
    )
