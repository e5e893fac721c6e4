"""Words for a memory measurement: what is right, the gap, the line, what it means at real size, one thing to try."""

from __future__ import annotations

from collections.abc import Sequence

from .habits import SLABS, habit_of
from .types import FORGIVEN_PART, TIB, Kept, Line, Measurement, format_bytes, format_two

__all__ = ["explain_kept", "explain_memory", "summarize"]


def _where(line: Line) -> str:
    place = f"Line {line.number}"
    if line.function:
        place += f" of `{line.function}`"
    elif line.cell:
        place += f" of cell `{line.cell}`"
    text = line.text if len(line.text) <= 90 else line.text[:87] + "..."
    return f"{place}, `{text}`,"


def summarize(measurement: Measurement) -> str:
    """One line: the peak, what is allowed, the time, the meter."""
    peak, allowed = format_two(measurement.peak_bytes, measurement.ceiling_bytes)
    parts = [f"peak {peak}"]
    if measurement.growth is not None:
        parts[0] += f" ({format_bytes(measurement.growth.small_peak_bytes)} with less data)"
    if measurement.ceiling_bytes is not None:
        parts[0] += f" of {allowed} allowed"
    if measurement.predicted_bytes is not None:
        parts.append(f"you predicted {format_bytes(measurement.predicted_bytes)}")
    parts.append(f"{measurement.wall_seconds:.1f} s")
    parts.append(f"meter: {measurement.meter}")
    return ", ".join(parts)


def explain_memory(measurement: Measurement, *, right: bool | None = None) -> str:
    """What a student reads when a ceiling is broken.

    `right`: the result is known to be right (True), or nothing is known of it (None).
    """
    peak, ceiling = format_two(measurement.peak_bytes, measurement.ceiling_bytes)
    if measurement.peak_bytes is None:
        return (
            "The memory of this block could not be measured, and a missing measurement is not a pass. "
            "Try: restart the kernel and run again; if it stays, tell your instructor (`autograde doctor` shows why)."
        )
    own_bytes = measurement.peak_bytes - (measurement.before_bytes or 0)
    named_bytes = sum(size for _, size in measurement.leftovers)
    leftover = (
        measurement.ceiling_bytes is not None
        and measurement.growth is None
        and not measurement.stopped
        and measurement.before_bytes is not None
        and own_bytes <= measurement.ceiling_bytes
    )
    if leftover:
        names = ", ".join(f"`{name}` ({format_bytes(size)})" for name, size in measurement.leftovers)
        remedy = (
            f"write `del {', '.join(name for name, _ in measurement.leftovers)}` at the end of the cell that makes it, "
            "or take the line out that does; then restart the kernel and run all cells"
        )
        if named_bytes < (measurement.before_bytes or 0) / 2:  # these names are not to blame
            names, remedy = "", "restart the kernel and run again; if it stays, look for what an earlier cell keeps"
        return (
            f"Your function used only {format_bytes(max(own_bytes, 0))}, well done. But before it was called the "
            f"notebook already held {format_bytes(max(measurement.before_bytes or 0, named_bytes))}"  # part is forgiven
            f"{': ' + names if names else ''}; "
            f"{ceiling} are allowed together. Try: {remedy}."
        )
    sentences = []
    prefix = "Right answer, too much memory" if right else "Too much memory"
    growth = measurement.growth
    if growth is not None:
        begin = "Right answer, but its memory grows with the data" if right else "Memory grows with the data"
        sentences.append(
            f"{begin}: {format_bytes(growth.small_peak_bytes)} for {format_bytes(growth.small_data_bytes)} of data, "
            f"{peak}{' and more (it was stopped)' if measurement.stopped else ''} for "
            f"{format_bytes(measurement.data_bytes)}; {ceiling} are allowed for that."
        )
    elif measurement.stopped and measurement.ceiling_bytes is None:
        free = f" ({format_bytes(measurement.available_bytes)})" if measurement.available_bytes is not None else ""
        sentences.append(
            f"Too much memory for this computer: stopped at {peak}, before it took most of what was free{free}."
        )
    elif measurement.stopped:
        sentences.append(f"Too much memory: stopped at {peak}, before it got worse; {ceiling} are allowed.")
    else:
        sentences.append(f"{prefix}: {peak}, {ceiling} allowed.")
    habit = None if measurement.line is None else habit_of(measurement.line.text)
    if measurement.line is not None:
        sentences.append(f"{_where(measurement.line)} {habit.does if habit else 'ran when most was held'}.")
    if (
        measurement.line is None  # a line of their own says more than a function of a library
        and measurement.allocations
        and measurement.allocations[0].bytes > measurement.peak_bytes / 4
    ):
        top = measurement.allocations[0]
        place = f" ({top.file})" if top.file else ""  # native code has no file that would mean anything
        sentences.append(f"{format_bytes(top.bytes)} of it came from `{top.function}`{place}.")
    if measurement.child_bytes and measurement.child_bytes > measurement.peak_bytes / 4:
        sentences.append(f"{format_bytes(measurement.child_bytes)} of it are in child processes, which count too.")
    if measurement.shared_bytes and measurement.shared_bytes > measurement.peak_bytes / 4:
        sentences.append(f"{format_bytes(measurement.shared_bytes)} of it are shared memory, which counts too.")
    if measurement.per_byte and not measurement.stopped:
        cost = f"{measurement.per_byte:.2g}"
        sentences.append(
            f"Each further byte of data costs {cost} byte{'s' * (cost != '1')} of memory: "
            f"a 1 TiB recording would need {format_bytes(measurement.per_byte * TIB)}."
        )
    # less than the data may be a constant number of slabs, and what was stopped may have had no end
    elif measurement.data_bytes and measurement.peak_bytes >= 0.75 * measurement.data_bytes and not measurement.stopped:
        factor = measurement.peak_bytes / measurement.data_bytes
        sentences.append(f"At this rate a 1 TiB recording would need {format_bytes(factor * TIB)} of memory.")
    sentences.append(f"Try: {habit.instead if habit else SLABS}.")
    return " ".join(sentences)


def explain_kept(measurement: Measurement, kept: Sequence[Kept]) -> str:
    """What a student reads in JupyterLab below a ceiling that held, where it will not when earlier cells count; or "".

    `kept`: the arrays that the notebook keeps, largest first.
    """
    if measurement.peak_bytes is None or measurement.ceiling_bytes is None or measurement.exceeded:
        return ""
    kept_bytes = sum(one.bytes for one in kept)
    together = measurement.peak_bytes + kept_bytes
    forgiven = min(kept_bytes, measurement.ceiling_bytes // FORGIVEN_PART)
    if measurement.growth is not None or together - forgiven <= measurement.ceiling_bytes:
        return ""
    most = kept[:2]
    rows = []
    for one in most:
        where = "" if one.cell is None else f", made in cell [{one.cell}] by `{one.line}`"
        rows.append(f"`{one.name}` ({format_bytes(one.bytes)}{where})")
    more = f" and {len(kept) - len(most)} more" if len(kept) > len(most) else ""
    return (
        f"Your function needs only {format_bytes(measurement.peak_bytes)}, well done. But when this notebook is judged, "
        f"what other cells keep counts, too: {', '.join(rows)}{more}. That is {format_bytes(together)} together, and "
        f"{format_bytes(measurement.ceiling_bytes)} are allowed. "
        f"Try: write `del {', '.join(one.name for one in most)}` at the end of that cell, run it, and run this test again."
    )
