"""Draws one small picture per rule of a reassignment problem: python3 docs/pictures/rules.py

Each shows machines as boxes with items in them: on the left the rule holds, on the right it is
broken. Items that the rule names are filled, others are white; machines that it names have a thick
rim. Writes rules/NAME.svg beside this file.
"""

from html import escape
from pathlib import Path

CELL, GAP, ITEM = 54, 10, 16
BLUE, ORANGE, WHITE = "#3b6ea8", "#d9822b", "#ffffff"
RIM, INK, GOOD, BAD = "#9aa5b1", "#1f2933", "#2f855a", "#c53030"


def machine(x, y, items, named=False, dark=False, note=""):
    """A box with items, each a pair of letter and colour."""
    rim = f'stroke="{INK}" stroke-width="3"' if named else f'stroke="{RIM}" stroke-width="1.2"'
    fill = "#e4e7eb" if dark else "#f9fafb"
    parts = [f'<rect x="{x}" y="{y}" width="{CELL}" height="{CELL}" rx="5" fill="{fill}" {rim}/>']
    for at, (letter, colour) in enumerate(items):
        ix, iy = x + 7 + (at % 2) * 23, y + 7 + (at // 2) * 23
        text = INK if colour == WHITE else "#ffffff"
        parts.append(
            f'<rect x="{ix}" y="{iy}" width="{ITEM}" height="{ITEM}" rx="3" fill="{colour}" '
            f'stroke="{INK}" stroke-width="0.8"/>'
            f'<text x="{ix + ITEM / 2}" y="{iy + 12}" font-size="10" text-anchor="middle" '
            f'fill="{text}">{letter}</text>'
        )
    if note:
        parts.append(
            f'<text x="{x + CELL / 2}" y="{y + CELL + 13}" font-size="10" text-anchor="middle" '
            f'fill="{INK}">{escape(note)}</text>'
        )
    return "".join(parts)


def side(left, machines, kept):
    """Machines in a row under the word whether the rule holds."""
    colour, word = (GOOD, "holds") if kept else (BAD, "broken")
    parts = [f'<text x="{left}" y="16" font-size="12" fill="{colour}">{word}</text>']
    for at, box in enumerate(machines):
        parts.append(machine(left + at * (CELL + GAP), 24, **box))
    return "".join(parts)


def box(letters="", named=False, dark=False, note=""):
    """A machine: `a` is an item of a first set, `B` one of a second, `.` any other."""
    colours = {".": ("", WHITE)}
    items = [colours.get(c, (c.lower(), ORANGE if c.isupper() else BLUE)) for c in letters]
    return {"items": items, "named": named, "dark": dark, "note": note}


PICTURES = {
    "spread": ([box("a."), box("a"), box("a.")], [box("aa"), box("."), box("a.")]),
    "gather": ([box("aaa"), box("."), box("..")], [box("aa"), box("a."), box("..")]),
    "lonely": ([box("aa"), box("a"), box("..")], [box("aa"), box("a."), box(".")]),
    "split": ([box("aa"), box("B"), box("B.")], [box("aB"), box("a"), box("B.")]),
    "split-among": (
        [box("aa", note="group 1"), box("a", note="group 1"), box("BB", note="group 2")],
        [box("aa", note="group 1"), box("B", note="group 1"), box("aB", note="group 2")],
    ),
    "among": (
        [box("aa", note="group 1"), box("a", note="group 1"), box(".", note="group 2")],
        [box("aa", note="group 1"), box("", note="group 1"), box("a", note="group 2")],
    ),
    "ban": (
        [box("aa"), box("a"), box(".", named=True)],
        [box("a"), box("a"), box("a", named=True)],
    ),
    "fence": (
        [box("aa", named=True), box("a.", named=True), box(".")],
        [box("a", named=True), box("a.", named=True), box("a")],
    ),
    "root": (
        [box("a", note="a: home"), box("."), box(".")],
        [box("", note="a: home"), box("a."), box(".")],
    ),
    "quarantine": (
        [box("..", named=True, note="as before"), box("."), box(".")],
        [box(".", named=True, note="one left"), box(".."), box(".")],
    ),
    "offline": (
        [box("...", note=""), box("."), box("", named=True, dark=True, note="drained")],
        [box(".."), box("."), box(".", named=True, dark=True)],
    ),
    "preserve": (
        [box("a", note="3 of 4 kept"), box(".."), box(".")],
        [box("a..", note="3 + 1 + 1 > 4"), box("."), box("")],
    ),
    "overbook": (
        [box("....", named=True, note="8 of 5 x 2"), box(".."), box(".")],
        [box("....", named=True, note="8 of 5 x 1"), box(".."), box(".")],
    ),
    "running-capacity": (
        [box("..", named=True), box("..", named=True, note="4 of at most 4"), box(".")],
        [box("...", named=True), box("..", named=True, note="5 of at most 4"), box("")],
    ),
    "resource-capacity": (
        [box(".", named=True, note="3 kW"), box("..", named=True, note="+ 4 <= 8"), box("..")],
        [box("..", named=True, note="5 kW"), box("..", named=True, note="+ 4 > 8"), box(".")],
    ),
    "max-online": (
        [
            box("..", named=True),
            box("", named=True, dark=True),
            box("...", named=True, note="2 of 2"),
        ],
        [box("..", named=True), box(".", named=True), box("..", named=True, note="3 of 2")],
    ),
    "move-budget": (
        [box(".", note="1 moved"), box("a."), box("..", note="budget 1")],
        [box("", note="2 moved"), box("a."), box("a..", note="budget 1")],
    ),
    "link-budget": (
        [box("a", note="in 100 s"), box("a.", note="in 90 s"), box(".", note="of 120 s")],
        [box("aa", note="in 190 s"), box(".", note="0 s"), box(".", note="of 120 s")],
    ),
}


def picture(name):
    """The picture of one rule."""
    kept, broken = PICTURES[name]
    width = 3 * CELL + 2 * GAP
    body = side(8, kept, True) + side(8 + width + 40, broken, False)
    total = 2 * width + 56
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{total}" height="98" '
        f'viewBox="0 0 {total} 98" font-family="sans-serif" role="img">'
        f"<title>{name}: holds, and broken</title>"
        f'<rect width="{total}" height="98" fill="#ffffff"/>{body}</svg>\n'
    )


def main():
    """Writes all pictures."""
    folder = Path(__file__).parent / "rules"
    folder.mkdir(exist_ok=True)
    for name in PICTURES:
        (folder / f"{name}.svg").write_text(picture(name), encoding="utf-8")


if __name__ == "__main__":
    main()
