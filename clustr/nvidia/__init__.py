"""What NVIDIA makes and who has it: chips by their PCI ids, branches of the driver, which system gets which from where,
and the choice for one node. Pure data and pure functions; every row names its source."""
