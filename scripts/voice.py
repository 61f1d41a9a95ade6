"""Synthesises a track that a voice detector takes for speech in parts: seeded, so the same samples every time.

Voiced syllables come from a glottal pulse train through three formant resonances, with pauses of faint noise between.
"""

import numpy as np

RATE_HZ = 16000
SEED = 7
# First three formants, in Hz, of the vowels of "father", "see", "boot", "bed", "or".
VOWELS = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410))
BANDWIDTHS_HZ = (80, 100, 140)


def resonate(signal: np.ndarray, centre_hz: float, bandwidth_hz: float) -> np.ndarray:
    """A two-pole resonance."""
    radius = np.exp(-np.pi * bandwidth_hz / RATE_HZ)
    feedback = 2 * radius * np.cos(2 * np.pi * centre_hz / RATE_HZ)
    result = np.zeros_like(signal)
    before, last = 0.0, 0.0
    for index, sample in enumerate(signal):
        now = (1 - radius) * sample + feedback * last - radius * radius * before
        result[index] = now
        before, last = last, now
    return result


def syllable(rng: np.random.Generator, length: int) -> np.ndarray:
    """One vowel with a falling pitch and a soft start and end."""
    pitch_hz = rng.uniform(105, 140) * np.linspace(1.1, 0.9, length)
    phase = np.cumsum(pitch_hz / RATE_HZ)
    pulses = (np.diff(np.floor(phase), prepend=0) > 0).astype(np.float64)
    source = pulses + 0.01 * rng.standard_normal(length)
    for centre_hz, bandwidth_hz in zip(VOWELS[rng.integers(len(VOWELS))], BANDWIDTHS_HZ):
        source = resonate(source, centre_hz, bandwidth_hz)
    envelope = np.sin(np.pi * np.linspace(0, 1, length)) ** 0.5
    source *= envelope
    return source / np.abs(source).max()


def synthesise(seconds: float = 4.0) -> np.ndarray:
    """float32 samples at 16 kHz in [-1, 1]: half a second of near silence, then phrases and pauses."""
    rng = np.random.Generator(np.random.PCG64(SEED))
    total = int(seconds * RATE_HZ)
    track = 0.001 * rng.standard_normal(total)
    position = RATE_HZ // 2
    while position < total - RATE_HZ // 2:
        for _ in range(int(rng.integers(3, 6))):
            length = int(rng.uniform(0.14, 0.26) * RATE_HZ)
            end = min(position + length, total)
            if position >= end:
                break
            track[position:end] += 0.4 * syllable(rng, length)[: end - position]
            position = end + int(0.02 * RATE_HZ)
        position += int(rng.uniform(0.4, 0.7) * RATE_HZ)
    return np.clip(track, -1, 1).astype(np.float32)
