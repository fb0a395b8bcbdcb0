"""A day of many elders' devices, and the truth of it: what befell whom, and when. Seeded.

Nothing here knows a rule of the system, and nothing of the system reads the truth. Where a number describes people or
devices it carries its source; none of those is a source that the rules' thresholds come from.
"""
