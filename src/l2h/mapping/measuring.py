"""What is measured once for a project before it is mapped: `work/map/evidence.json`."""

from dataclasses import asdict
from pathlib import Path

from l2h.core.files import read_json, write_json
from l2h.core.tasks import Made
from l2h.mapping.engine import Engine, close
from l2h.mapping.evidence import expected_of_labels, shares_of
from l2h.mapping.heard import close_extras
from l2h.mapping.mapper import Readers


def measure_evidence(engine: Engine, readers: Readers, model: Path, out: Path) -> Made:
    """Measure what network and labels expect of themselves and how far they agree; write the decision on the prior."""
    settings = engine.settings
    mapper = engine.mapper(calibration=engine.default_calibration(prior=False))
    agreement, sums, windows = mapper.measure(readers)
    close_extras(readers.extras)
    close(readers.imagery, readers.posterior)
    labels = expected_of_labels(read_json(model), str(model))
    prior = agreement.wants_prior(labels, settings.prior_margin) if settings.prior == "auto" else settings.prior == "on"
    figures = {
        "agreement": round(agreement.agreement, 6),
        "label_accuracy": round(labels, 6),
        "posterior_accuracy": round(agreement.posterior_accuracy, 6),
        "network_accuracy": round(agreement.network_accuracy, 6),
        "trust": round(agreement.trust, 6),
        "windows": windows,
        "prior": prior,
        "shares": shares_of(mapper.values, sums),
    }
    write_json(out, {**asdict(agreement), **figures, "setting": settings.prior, "margin": settings.prior_margin})
    return Made(info=figures)
