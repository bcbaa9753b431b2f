"""Recording and alerting rules in the shape that Sloth generates, and a unit test of them."""
from agreement import RATIOS, SLOS, TIERS, WINDOWS

SEVERITIES = {s: [tier for tier in TIERS if tier[0] == s] for s in ("page", "ticket")}


def rules(slo):
    miss = float(SLOS[slo])
    name = f"slo:sli_error:ratio_rate%s{{slo={slo!r}}}".replace("'", '"')
    out = [f"groups:\n- name: {slo}\n  rules:\n"]
    for w in WINDOWS:
        out.append(f"  - record: slo:sli_error:ratio_rate{w}\n"
                   f"    expr: '{RATIOS[slo].replace('%s', w)}'\n    labels: {{slo: {slo}}}\n")
    for severity, tiers in SEVERITIES.items():
        sides = [" and ".join(f"{name % w} > ({float(factor):g} * {miss:g})" for w in (short, long))
                 for _, long, short, factor in tiers]
        out.append(f"  - alert: {severity}\n    expr: '({sides[0]}) or ({sides[1]})'\n"
                   f"    labels: {{slo: {slo}}}\n")
    return "".join(out)


# After 7 h without a failure half an hour of errors, of 1000 requests a minute. In minutes behind
# 7 h: when the page first fires, or never, and when it no longer does. 14.4 over 1 h is 14.4 per
# mille: 0.864, 5.76 and 43.2 minutes of errors in whole scrapes. Once 6 over 6 h has 2.16, 14.4 or
# 108 minutes of them it holds on for as long as 30 minutes have 6 per mille.
OUTAGES = {1000: (1, 60), 150: (6, 59), 20: (None, None)}
BEFORE, LASTS = 7 * 60, 30


def unit_test(slo, errors):
    """For promtool: `errors` of 1000 requests fail."""
    fires, ends = OUTAGES[errors]
    expected = []
    for minute in range(0, 65):
        firing = fires is not None and fires <= minute < ends
        expected.append(f"  - eval_time: {BEFORE + minute}m\n    alertname: page\n    exp_alerts: "
                        + (f"[{{exp_labels: {{slo: {slo}}}}}]\n" if firing else "[]\n"))
    passed = 1000 - errors
    first = BEFORE * 1000 + passed
    requests = (f"0+1000x{BEFORE} {first}+{passed}x{LASTS - 1} "
                f"{first + passed * (LASTS - 1) + 1000}+1000x60")
    failed = f"0x{BEFORE} {errors}+{errors}x{LASTS - 1} {errors * LASTS}x90"
    return ("rule_files: [rules.yml]\nevaluation_interval: 1m\ntests:\n- interval: 1m\n"
            "  input_series:\n"
            f"  - {{series: 'http_requests_total{{code=\"500\"}}', values: '{failed}'}}\n"
            f"  - {{series: 'http_requests_total{{code=\"200\"}}', values: '{requests}'}}\n"
            "  alert_rule_test:\n" + "".join(expected))
