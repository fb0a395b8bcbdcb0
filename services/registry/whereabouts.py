"""Where an elder is found, in words: the address, and in a care home the bed. SQL for elders `p`."""

PLACE_P = "CASE WHEN p.bed IS NULL THEN p.address ELSE concat_ws(' ', p.address, p.bed) END AS address"
