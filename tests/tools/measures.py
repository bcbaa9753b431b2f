"""What a run of an agent keeps of a promise about its answer, and what runs add up to, by
docs/numbers.md alone: exact fractions of the lines of an import file."""
import fractions
import functools

F = fractions.Fraction
fraction = functools.lru_cache(maxsize=None)(F)  # reports are compared at many instants
TOKENS = ("tokens_in", "tokens_out", "tokens_cached", "tokens_reasoning")


def ms(answer, key):
    return fraction(answer[key]) if key in answer else None


def speed(answer):
    """Tokens a second, or None."""
    last, out = ms(answer, "last_token_ms"), answer.get("tokens_out")
    mixed = "reasoned" in answer.get("flags", ()) and "tokens_reasoning" not in answer
    if last is None or out is None or mixed:
        return None
    tokens = max(int(out) - int(answer.get("tokens_reasoning", 0)), 0)
    first = ms(answer, "first_token_ms")
    return F(tokens * 1000) / (last - first if last > first else last)


def gap(answer):
    return fraction(answer.get("gap_ms", 0)) if "last_event_ms" in answer else None


def cost(answer):
    return fraction(answer["cost"]) if "cost" in answer else None


class Measure:
    """Stands where a Slo has its faster_than; the bound is in ms, tokens a second or money."""

    KEYS = {"ttft_faster_than": lambda a: ms(a, "first_token_ms"), "gap_below": gap,
            "tokens_per_second_at_least": speed, "cost_at_most": cost}

    def __init__(self, key, bound, text):
        self.key, self.bound, self.text = key, bound, text
        self.kinds = {}  # by what an answer is, with that answer: nobody else gets its id
        self.reason = "cost" if key == "cost_at_most" else "latency"

    def kind(self, answer):
        """Of a good run."""
        if id(answer) not in self.kinds:
            self.kinds[id(answer)] = (answer, self.judge(answer))
        return self.kinds[id(answer)][1]

    def judge(self, answer):
        value = self.KEYS[self.key](answer) if answer is not None else None
        if value is None:
            return "excluded"
        kept = value >= self.bound if "least" in self.key else value <= self.bound
        return "good" if kept else "bad"


def sums(results):
    """Of the field `answers` of a report, what is added up."""
    ran = [r for r in results if r.answer is not None]
    told = {key: [int(r.answer[key]) for r in ran if key in r.answer] for key in TOKENS}
    costs = [cost(r.answer) for r in ran if "cost" in r.answer]
    return {
        "runs": sum(r.outcome in ("good", "bad") for r in ran),
        "good": sum(r.outcome == "good" for r in ran),
        "tokens": {key[7:]: sum(told[key]) for key in TOKENS},
        "tokens_unknown": sum("tokens_in" not in r.answer or "tokens_out" not in r.answer
                              for r in ran),
        "cost": sum(costs),
        "cost_unknown": len(ran) - len(costs),
        "held_back": sum(r.answer is None and r.reason == "spend_cap" and r.outcome != "good"
                         for r in results),
        "limited": sum(r.reason in ("rate_limited", "overloaded") and r.outcome != "good"
                       for r in results),
    }


def ranked(results, key):
    """Values in ms, rising, a failed run above all: [(censored, value)]."""
    value = {"ttft": lambda a: ms(a, "first_token_ms"), "gap": gap}[key]
    found = []
    for r in results:
        v = value(r.answer) if r.answer is not None else None
        if r.answer is not None and r.outcome == "bad":
            least = F(r.total, 1000) if key == "ttft" else F(0)
            found.append((True, least if v is None else v))
        elif r.outcome == "good" and v is not None:
            found.append((False, v))
    return sorted(found, key=lambda one: (one[0], float(one[1])))  # exact for whole us
