"""Energy of one image through the network on the target; modelled where no counter can be read."""

from searches import objectives
from searches.objectives.objective import Objective


@objectives.register("energy")
class Energy(Objective):
    title = "energy of one image"
    unit = "mJ"
    measured_as = "energy_mj"
