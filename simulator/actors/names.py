"""Plausible hospitals and data sets, from a seed: the same seed and envoy, the same hospital."""

from faker import Faker

from simulator.actors.shard import DeviceSpec, ShardSpec

_KINDS = (
    "Chest CT scans",
    "Brain MRI volumes",
    "Mammograms",
    "Retina photographs",
    "Skin lesion images",
    "Histology slides",
    "Cardiac ultrasound loops",
    "Knee X-rays",
    "Colonoscopy frames",
    "Twelve-lead ECGs",
)
_HOSPITALS = ("{} Hospital", "{} University Hospital", "{} Clinic", "St. {} Medical Centre")
_DEVICES = (("A100", 40_960), ("L4", 23_034), ("T4", 15_360), ("RTX 4090", 24_564))

# Enough to learn from, and few enough that a fleet of thousands trains in no time.
_FEWEST_SAMPLES, _MOST_SAMPLES = 40, 200


class Names:
    """Invents what envoys say of themselves."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        # One instance for all, because it takes long to make; seeded anew for each envoy, so that
        # nobody's hospital depends on who else there is.
        self._faker = Faker("en_US")

    def shard(
        self, envoy: str, *, sample_shape: tuple[str, ...], target_shape: tuple[str, ...]
    ) -> ShardSpec:
        """Return an envoy's data set."""
        fake = self._faker
        fake.seed_instance(f"{self._seed}/{envoy}/names")
        hospital = str(fake.random_element(_HOSPITALS)).format(fake.last_name())
        kind, city, since = fake.random_element(_KINDS), fake.city(), fake.random_int(1998, 2023)
        return ShardSpec(
            envoy=envoy,
            description=f"{kind} of the {hospital}, {city}, since {since}",
            n_samples=fake.random_int(_FEWEST_SAMPLES, _MOST_SAMPLES),
            sample_shape=sample_shape,
            target_shape=target_shape,
            devices=self._devices(),
        )

    def _devices(self) -> tuple[DeviceSpec, ...]:
        # Every other hospital trains on the processor alone.
        count = self._faker.random_element((0, 0, 1, 2))
        name, memory_mib = self._faker.random_element(_DEVICES)
        return tuple(
            DeviceSpec(index=index, name=name, memory_total=memory_mib) for index in range(count)
        )
