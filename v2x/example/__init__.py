"""The packaged example crossing: `crossing.json`, made by `v2x.importers.four_arms`."""
