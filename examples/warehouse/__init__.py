"""A warehouse that packs parcels: it takes orders on at once and reports each when it is packed."""
