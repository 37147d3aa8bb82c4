"""How an envoy gets an archive: it downloads, looks through it, and tries again where it is bad."""

from simulator.actors.envoy_client import Download, EnvoyClient
from simulator.actors.hands import Hands
from simulator.actors.plan import ReadPlan
from simulator.actors.profile import Profile
from simulator.actors.recording import CallError


class ArchiveError(Exception):
    """What was downloaded cannot be worked with."""


class DownloadError(Exception):
    """The archive could not be had."""

    def __init__(self, cause: CallError) -> None:
        super().__init__(f"GetExperimentData: {cause}")
        self.cause = cause


async def downloaded(
    client: EnvoyClient, *, experiment: str, name: str, profile: Profile, hands: Hands
) -> ReadPlan:
    """Download an archive until it is good, as often as the profile has patience; return its plan.

    Raises:
        DownloadError: the last attempt broke off, or was refused.
        ArchiveError: the last attempt brought something useless.
    """
    attempt = 0
    while True:
        try:
            return await _attempt(client, experiment, name, hands)
        except (DownloadError, ArchiveError) as error:
            attempt += 1
            is_refused = isinstance(error, DownloadError) and error.cause.is_refusal
            if is_refused or attempt == profile.download_attempts:
                raise
        await hands.sleep(profile.retry.draw(attempt - 1, hands.random))


async def _attempt(client: EnvoyClient, experiment: str, name: str, hands: Hands) -> ReadPlan:
    def on_chunk(download: Download) -> None:
        hands.note(
            "download.chunk",
            {"experiment": experiment, "nth": download.chunks},
            call=download.call,
        )

    try:
        download, found = await client.download(experiment, name, on_chunk)
    except CallError as error:
        raise DownloadError(error) from error
    if download.mismatched:
        raise ArchiveError(f"{download.mismatched} chunks are not as long as they say")
    if found.problem or found.plan is None:
        raise ArchiveError(found.problem)
    hands.note("download.done", {"experiment": experiment}, call=download.call)
    return found.plan
