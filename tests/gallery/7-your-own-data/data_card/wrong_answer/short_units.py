# message: 's' for the axis t
data_card = """
title: Neuropixels recording of the olfactory bulb
source: our own, rig 3, recorded by Ada on 2026-01-05
licence: CC-BY-4.0
question: Which units fire together while the mouse learns?
path: D:/recordings/g0_t0.imec0.ap.bin
kind: raw
axes: [t, channel]
shape: [108000000, 384]
dtype: int16
bytes: 82944000000
spacing: [0.0000333, 1]
units: [s, index]
access: traces
chunks: [30000, 64]
"""
