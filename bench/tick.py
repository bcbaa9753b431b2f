"""The evaluation of 1,000 SLOs with four tiers, which happens every ten seconds."""
from figures import Figure


def run(setting):
    setting.show("tick: 1,000 SLOs")
    seen = setting.run_json([setting.program("tick")])
    title = f"tick of {seen['slos']:,} SLOs, {seen['tiers']} tiers"
    week, quarter = seen["tick_us_7d"] / 1000, seen["tick_us_90d"] / 1000
    yield Figure("tick_7d", f"{title}, 7-day windows", week, "ms", bar=("<=", 1))
    yield Figure("tick_90d", f"{title}, 90-day windows", quarter, "ms", week, "7-day windows",
                 bar=("<=", 1))
    yield Figure("tick_outage", f"{title}, all of them failing", seen["tick_us_outage"] / 1000,
                 "ms", bar=("<=", 1), detail={"bytes_per_sli": seen["bytes_per_sli"]})
