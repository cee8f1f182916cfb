"""How an accuracy is worded: by the design its units were drawn by."""

from typing import Any

from l2h.accuracy.sampling.design import WORDS

WILSON = "Intervals of shares are Wilson's (1927) and keep a width at 0 and 100 %."
WEIGHTED = (
    "Every figure is a ratio of sums weighted by the design, its error that of the linearised ratio (Stehman 2014); "
    "Wilson's interval with the effective number of points."
)
ERRORS = {
    "simple_random": "Standard errors: p(1−p)/(n−1) for shares, conditional on the class's count for user's and "
    "producer's accuracy (Olofsson and others 2014); Fleiss, Cohen and Everitt (1969) for kappa; delta method for IoU "
    f"and F1. {WILSON}",
    "systematic": "Standard errors are those of a simple random sample, for a lattice allows no other: too large where "
    f"the map varies smoothly, too small where it repeats with the lattice's step. {WILSON}",
    "stratified": f"{WEIGHTED} Variances within strata, with the finite-population term.",
    "two_stage": f"{WEIGHTED} Variance between the blocks (Hansen and Hurwitz 1943), Student's t.",
    "none": "No standard error and no interval: the design of the points is not known.",
    "census": "Every pixel is counted: no sampling error, so no interval.",
}


def is_census(design: str) -> bool:
    return design == "census"


def headline_words(reference: dict[str, Any]) -> dict[str, str]:
    """`short`: how the number came about; `small`: what stands below it."""
    if is_census(reference["design"]):
        return {"short": "counted wall to wall", "unit": "pixels, no sampling error"}
    if reference["design"] == "none":
        return {"short": "share of points that agree", "unit": "points without a known design: no interval"}
    kind = reference["design"].replace("_", " ").replace("two stage", "two-stage")
    return {"short": "estimated from points", "unit": f"points, {kind} sample"}


def explanation(reference: dict[str, Any]) -> str:
    """A sentence or two on what a table of scores rests on."""
    design = reference["design"]
    if is_census(design):
        return "The truth is known everywhere: every pixel is counted, so there is no sampling error."
    if design == "none":
        return "Interpreted points whose design is not known. Shares of these points, and of nothing else."
    words = reference.get("words") or WORDS[design]
    return f"Interpreted points: {words}. ± is one standard error, brackets are 95 % intervals."
