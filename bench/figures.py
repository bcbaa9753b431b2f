"""What a bench gives back: figures, and the table they make."""
import dataclasses
import json

@dataclasses.dataclass
class Figure:
    """One line of the table. `ratio` is what `bar` is about when there is a
    reference, else `value` is; `bar` is ("<=", 1.5), (">=", 8000), ("±", 0.1), which
    a ratio of 0.9 to 1.1 meets, or None."""
    name: str                # stable, for the JSON
    title: str
    value: float
    unit: str
    reference: float = None
    against: str = ""        # what the reference is
    ratio: float = None
    bar: tuple = None
    detail: dict = dataclasses.field(default_factory=dict)  # more for the JSON
    lines: list = dataclasses.field(default_factory=list)   # printed below the table

    def judged(self):
        return self.value if self.ratio is None else self.ratio

    def met(self):
        if self.bar is None or self.judged() is None:
            return None
        sign, limit = self.bar
        return {"<=": self.judged() <= limit, ">=": self.judged() >= limit,
                "±": abs(self.judged() - 1) <= limit}[sign]

    def as_json(self):
        out = {"title": self.title, "value": self.value, "unit": self.unit}
        if self.reference is not None:
            out |= {"reference": self.reference, "against": self.against}
        if self.ratio is not None:
            out["ratio"] = self.ratio
        if self.bar:
            out |= {"bar": " ".join(map(str, self.bar)), "met": self.met()}
        return out | self.detail


def number(value):
    """Three digits that matter, thousands apart."""
    if value is None:
        return ""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def row(figure):
    unit = figure.unit
    bar, ratio = "", ""
    if figure.ratio is not None:
        ratio = number(figure.ratio) + " x"
    if figure.bar:
        sign, limit = figure.bar
        bar = {"<=": "≤ ", ">=": "≥ ", "±": "1 ± "}[sign] + number(limit) + (
            " x" if figure.ratio is not None else f" {unit}")
    reference = ""
    if figure.reference is not None:
        reference = f"{number(figure.reference)} {unit} {figure.against}".rstrip()
    met = {True: "yes", False: "NO", None: ""}[figure.met()]
    return [figure.title, f"{number(figure.value)} {unit}", reference, ratio, bar, met]


HEAD = ["figure", "nines", "reference", "ratio", "bar", "met"]


def table(figures):
    """As Markdown: readable as it is, and in a page."""
    rows = [HEAD] + [row(f) for f in figures]
    widths = [max(len(r[i]) for r in rows) for i in range(len(HEAD))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(r, widths)) + " |" for r in rows]
    lines.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    for figure in figures:
        lines += ["", *figure.lines] if figure.lines else []
    return "\n".join(lines)


def to_json(about, figures, failures):
    return json.dumps({"about": about, "figures": {f.name: f.as_json() for f in figures},
                       "failures": failures}, indent=1)
