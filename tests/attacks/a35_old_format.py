"""A notebook of a format that never was."""

EXERCISE = "double"
EXPECT = "NS"
ALONE = True
CODE = """\
def task(values):
    return 2 * values
"""


def damage(path):
    path.write_bytes(b'{"nbformat": 99, "cells": 7}')


def mutate(book, folder):
    return damage
