#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""test_pages.py - the code that pages of docs/ show compiles, runs, and prints what they say it prints.

usage: test_pages.py COMPILER LIBRARY PAGE...    LIBRARY is libbramble.so

All C blocks of a page become one program. In a block, what begins at the margin (functions, types) stays outside of
functions; what is indented becomes a function of its own, of br_context *ctx. A block with a main is a program of its
own. A block without a language that follows is the output on four ranks. Python blocks must be Python. Each run begins
with the files that the page is about, which page_files.py makes, and no others.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import page_files  # noqa: E402

TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
MARK = "== block of line "
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


def blocks_of(text):
    """(language, line of its first line, text) of each block."""
    return [(m[1], text.count("\n", 0, m.start()) + 2, m[2]) for m in BLOCK.finditer(text)]


def split(page, line, code):
    """What stands outside of functions, and what inside one, each line with its number in the page."""
    outside, inside, depth = [], [], 0
    for number, text in enumerate(code.splitlines(), line):
        indented = depth == 0 and text.startswith(" ") and (not outside or outside[-1][-1] in ";}/")
        if text:
            (inside if indented else outside).append(f'#line {number} "{page}"\n{text}')
        if not indented:
            depth += text.count("{") - text.count("}")
    return outside, inside


def program_of(page, blocks):
    """One program of all blocks that have no main."""
    outside, calls = [], []
    for language, line, code in blocks:
        if language == "c" and "int main(" not in code:
            declared, done = split(page, line, code)
            outside += declared
            if done:
                outside.append(f"static void block_{line}(br_context *ctx)\n{{\n" + "\n".join(done) + "\n}")
                calls.append(f'    printf("{MARK}{line}\\n");\n    block_{line}(ctx);')
    return ("#include <bramble/bramble.h>\n#include <math.h>\n#include <stdlib.h>\n#include <string.h>\n"
            + "\n".join(outside) + "\nint main(int argc, char **argv)\n{\n    br_context *ctx = br_open(&argc, &argv);\n"
            + "\n".join(calls) + "\n    return br_close(ctx);\n}\n")


def build(compiler, library, source, directory, name):
    path = os.path.join(directory, name)
    with open(path + ".c", "w", encoding="utf-8") as file:
        file.write(source)
    subprocess.run([compiler, "-std=gnu11", "-O1", "-g", "-Wall", "-Werror", "-I", os.path.join(TOP, "include"), path + ".c",
                    "-o", path, library, "-lm", "-Wl,-rpath," + os.path.dirname(os.path.abspath(library))], check=True)
    return path


def run(program, files, ranks):
    """What it prints: on so many ranks, or on threads."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("BRAMBLE_")}
    if os.geteuid() == 0:
        environment.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    if ranks:
        environment.update(BRAMBLE_NUM_THREADS="1")  # then main's thread runs what rank 0 gets, and messages say so
    words = ["mpirun", "--oversubscribe", "-np", str(ranks)] if ranks else []
    with tempfile.TemporaryDirectory() as directory:
        shutil.copytree(files, directory, dirs_exist_ok=True)
        done = subprocess.run(words + [program], cwd=directory, env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, text=True, timeout=400, check=False)
    if done.returncode != 0:
        sys.exit(f"{program} on {ranks or 'no'} ranks ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def compare(page, line, expected, printed):
    """Places in programs and blanks at ends of lines don't count."""
    plain = [re.sub(r" +$", "", re.sub(r"\(\S+:\d+\)", "(file:line)", text), flags=re.M) for text in (expected, printed)]
    if plain[0] != plain[1]:
        sys.exit(f"{page}:{line}: says\n{expected}but it prints\n{printed}")


def check(compiler, library, page, directory):
    """Builds, runs and compares; returns how many blocks printed what the page says."""
    with open(page, encoding="utf-8") as file:
        blocks = blocks_of(file.read())
    files = os.path.join(directory, "files")
    os.mkdir(files)
    page_files.write(page, files)
    outputs = {}
    if any(language == "c" and "int main(" not in code for language, _, code in blocks):
        common = build(compiler, library, program_of(page, blocks), directory, "blocks")
        run(common, files, 0)
        outputs = dict((int(part.split("\n", 1)[0]), part.split("\n", 1)[1])
                       for part in run(common, files, 4).split(MARK)[1:])
    compared, last = 0, ""
    for (language, line, code), (after, _, said) in zip(blocks, blocks[1:] + [("none", 0, "")]):
        if language == "python":
            compile("\n" * (line - 1) + code, page, "exec")
            page_files.compare(page, code, files, last)
        if language != "c":
            continue
        if "int main(" in code:
            program = build(compiler, library, f'#line {line} "{page}"\n{code}', directory, f"program_{line}")
            run(program, files, 0)
            outputs[line] = run(program, files, 4)
        last = outputs.get(line, "")
        if after == "":
            compare(page, line, said, outputs[line])
            compared += 1
    return compared


def main():
    compiler, library, *pages = sys.argv[1:]
    for page in pages:
        with tempfile.TemporaryDirectory() as directory:
            compared = check(compiler, library, page, directory)
        print(f"{page}: {compared} outputs are as they say")
        if compared == 0:
            sys.exit(f"{page}: nothing compared")


if __name__ == "__main__":
    main()
