"""A plan's policy for stragglers: when a round stops waiting for collaborators that live.

OpenFL has two.  `CutoffTimeBasedStragglerHandling` waits for everybody for a while, and then for
a minimum; `PercentageBasedStragglerHandling` waits for a share, and a minimum, from the start.
"""

import math

from director.core.model import Haste
from director.errors import InvalidArchiveError
from director.workspace.plan import check_template, openfl_class, settings_of
from director.workspace.plan_text import PLAN_MEMBER, Config

_SECTION = "straggler_handling_policy"
_CUTOFF = "CutoffTimeBasedStragglerHandling"
_PERCENTAGE = "PercentageBasedStragglerHandling"

_Settings = dict[object, object]


def haste_of(config: Config) -> Haste | None:
    """Return the policy; None where it comes to waiting for everybody.

    Raises:
        UnsupportedPlanError: it is not one of OpenFL's; the message names it.
        InvalidArchiveError: its settings make no sense.
    """
    check_template(config, _SECTION, (_CUTOFF, _PERCENTAGE))
    template = config.get(_SECTION, {}).get("template")
    if template is None:
        return None
    settings = settings_of(config, _SECTION)
    minimum = _minimum(settings)
    if openfl_class(template) == _CUTOFF:
        after_s = _number(settings, "straggler_cutoff_time", math.inf)
        if after_s < 0:
            raise _senseless("straggler_cutoff_time", "a number of seconds")
        return None if math.isinf(after_s) else Haste(after_s=after_s, minimum=minimum)
    share = _number(settings, "percent_collaborators_needed", 1.0)
    if not 0 <= share <= 1:
        raise _senseless("percent_collaborators_needed", "a share from 0 to 1")
    return None if share == 1 else Haste(share=share, minimum=minimum)


def _minimum(settings: _Settings) -> int:
    minimum = settings.get("minimum_reporting", 1)
    if isinstance(minimum, bool) or not isinstance(minimum, int) or minimum < 1:
        raise _senseless("minimum_reporting", "a whole number from 1 on")
    return minimum


def _number(settings: _Settings, name: str, default: float) -> float:
    number = settings.get(name, default)
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise _senseless(name, "a number")
    try:
        value = float(number)
    except OverflowError:
        raise _senseless(name, "a number that is small enough") from None
    if math.isnan(value):
        raise _senseless(name, "a number")
    return value


def _senseless(name: str, wanted: str) -> InvalidArchiveError:
    return InvalidArchiveError(f"{PLAN_MEMBER}: {_SECTION}.settings.{name} is not {wanted}")
