"""Every promise of safety, in the order in which they are judged."""

from simulator.checkers.archives import ArchivesArriveWhole
from simulator.checkers.base import Checker
from simulator.checkers.delivery import EveryExperimentComesOnce, OnlyTheChosenAreCalled
from simulator.checkers.durability import NothingAcknowledgedIsLost
from simulator.checkers.errors import ErrorsAreForPeople
from simulator.checkers.failures import ParticipantsMayFail
from simulator.checkers.identity import BadCertificatesStayOutside, NamesAreCertified
from simulator.checkers.metrics import FollowersSeeAll
from simulator.checkers.model import ModelsAreWhatWasLearnt
from simulator.checkers.monotone import NothingGoesBack
from simulator.checkers.names import NamesStay
from simulator.checkers.ownership import StrangersLearnNothing
from simulator.checkers.presence import OnlineMeansAlive
from simulator.checkers.registry import ListingIsExact, StrangersRegisterAgain
from simulator.checkers.server import EverythingIsGivenBack, NobodysCodeRuns, OthersAreAnswered
from simulator.checkers.status import StatusesFollowTheTable
from simulator.checkers.uploads import BadUploadsAreRefused, RefusedUploadsLeaveNothing

SAFETY: tuple[Checker, ...] = (
    ListingIsExact(),
    OnlineMeansAlive(),
    StrangersRegisterAgain(),
    NothingGoesBack(),
    ArchivesArriveWhole(),
    BadUploadsAreRefused(),
    RefusedUploadsLeaveNothing(),
    OnlyTheChosenAreCalled(),
    EveryExperimentComesOnce(),
    StatusesFollowTheTable(),
    ParticipantsMayFail(),
    StrangersLearnNothing(),
    FollowersSeeAll(),
    ModelsAreWhatWasLearnt(),
    NamesStay(),
    NamesAreCertified(),
    BadCertificatesStayOutside(),
    ErrorsAreForPeople(),
    OthersAreAnswered(),
    EverythingIsGivenBack(),
    NobodysCodeRuns(),
    NothingAcknowledgedIsLost(),
)
"""The promises of safety."""
