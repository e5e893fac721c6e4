# Counts both in loops
def read_amplification(touched, chunks, selected):
    decoded = touched
    for n in chunks:
        decoded *= n
    wanted = 1
    for n in selected:
        wanted *= n
    return decoded / wanted
