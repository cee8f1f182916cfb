import pytest
from pydantic import ValidationError

from l2h.learning.regimes import REGIMES
from l2h.learning.settings import LearningSettings


def test_recipes_set_defaults_and_explicit_keys_override_them() -> None:
    assert LearningSettings().network == "unet"
    l2h = LearningSettings(recipe="l2h")
    assert (l2h.network, l2h.labels, l2h.loss, l2h.cas, l2h.dva_gamma) == ("l2hnet", "label", "ce", "confidence", 0.01)
    changed = LearningSettings(recipe="l2h", width=64, cas="agreement")
    assert (changed.width, changed.cas, changed.loss) == (64, "agreement", "ce")
    control = LearningSettings(recipe="ce")
    assert (control.network, control.labels, control.loss, control.split_weight) == ("unet", "posterior", "ce", 1.0)


def test_a_regime_sets_sizes_and_explicit_keys_override_them() -> None:
    assert LearningSettings(regime="small") == LearningSettings()
    standard = LearningSettings(regime="standard", recipe="l2h", chip_px=320)
    assert (standard.width, standard.chip_px, standard.network, standard.loss) == (64, 320, "l2hnet", "ce")
    assert LearningSettings(**standard.model_dump(mode="json")) == standard
    assert LearningSettings(regime="large").devices == 0


@pytest.mark.parametrize(
    ("regime", "km2", "megapixels"),
    [
        ("small", 0.1, 20.0),
        ("small", 2, 80.0),
        ("small", 1e5, 120.0),
        ("standard", 1, 40.0),
        ("standard", 100, 1500.0),
        ("standard", 1e5, 20_000.0),
        ("large", 9.6e6, 100_000.0),
    ],
)
def test_how_much_a_regime_sees_of_an_area(regime: str, km2: float, megapixels: float) -> None:
    settings = LearningSettings(regime=regime)  # type: ignore[arg-type]
    assert settings.sized(int(km2 * 1e6)).megapixels == megapixels


def test_a_regime_is_no_more_than_the_values_it_sets() -> None:
    standard = LearningSettings(regime="standard")
    spelt_out = {**REGIMES["standard"], "regime": "small", "megapixels": 40}
    assert LearningSettings(**spelt_out).what() == standard.sized(1_000_000).what()


def test_settings_survive_writing_down() -> None:
    chosen = LearningSettings(recipe="l2h", seed=3, megapixels=1.5)
    assert LearningSettings(**chosen.model_dump(mode="json")) == chosen


def test_steps_see_the_pixels_asked_for() -> None:
    assert LearningSettings(megapixels=20).steps == 391  # of 8 chips of 80 × 80 px
    assert LearningSettings(megapixels=0.001).steps == 1


def test_execution_is_no_part_of_what_is_learned() -> None:
    a = LearningSettings(threads=1, readers=3, devices=2, save_every_steps=5)
    assert a.what() == LearningSettings().what()
    assert a.what() != LearningSettings(seed=1).what()
    assert a.what() != LearningSettings(log_every_steps=1).what()  # the log is a file of the result


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"loss": "cell", "labels": "label"}, "needs labels = 'posterior'"),
        ({"cas": "agreement"}, "needs loss = 'ce'"),
        ({"dva_gamma": 0.01}, "set cas"),
        ({"devices": 3}, "multiple of devices"),
        ({"network": "surround", "chip_px": 120}, "chip_px must be a multiple of 80, got 120"),
        ({"width": 30}, "multiple of 4"),
        ({"learning_rate": 1}, "Extra inputs"),
        ({"recipe": "best"}, "'default', 'l2h' or 'ce'"),
        ({"seed": -1}, "greater than or equal to 0"),
    ],
)
def test_what_does_not_fit_together_is_refused(keys: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        LearningSettings(**keys)
