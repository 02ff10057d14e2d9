"""Looks by gdb at where a running rank is, and changes its memory at a chosen place of its code."""

import subprocess

# Functions of the program, as the linker knows them: `nm PROGRAM | swift demangle`.
HASH = "$s8Networks7NetworkC8TrainingE13parameterHashs6UInt32Vvg"
COMPARISON = "$s4Runs10RunControlC11requireSame4hash2ofySd_SSSgtKF"
UPDATE = "$s8Training9OptimizerC6update9iterationySi_tKF"
STEPS = {
    "critic": "$s8Training7TrainerC10criticStep_11ofIteration_7observeAA12CriticLossesVSi_SixyAHKXEtK"
              "AA0D6InputsRzlF",
    "generator": "$s8Training7TrainerC13generatorStep11ofIteration_7observeAA15GeneratorLossesVSi_xyAH"
                 "KXEtKAA0D6InputsRzlF",
}


class Failed(Exception):
    """What gdb said instead of doing what it was asked."""


def gdb(lab, process, *commands, seconds=600):
    """Lets gdb do commands with a process, which goes on, or stays stopped, when gdb lets it go."""
    # Without debugging information, of which gdb does not understand all that Swift writes.
    program = lab.work / "without-debug"
    if not program.exists():
        subprocess.run(["strip", "--strip-debug", "-o", program, lab.program], check=True)
    words = ["gdb", "--nx", "--batch", "-iex", "set confirm off", "-iex", "set debuginfod enabled off",
             "-p", str(process), "-ex", "handle all nostop noprint pass", "-ex", "set language c"]
    for command in commands:
        words += ["-ex", command]
    result = subprocess.run(
        words + [program], capture_output=True, text=True, timeout=seconds, check=False)
    return result.stdout + result.stderr


def frames(lab, process):
    """The functions that the main thread of a process is in, as gdb prints them."""
    text = gdb(lab, process, "backtrace")
    found = [line for line in text.splitlines() if line.startswith("#")]
    if not any("$s4Runs11TrainingRunC" in line for line in found):
        raise Failed(" ".join(text.split())[-300:])
    return found


def is_in_step(lines, network):
    """Whether a network's step is being computed, at whose end it gets new values."""
    return any(STEPS[network] in line for line in lines)


def is_behind_comparison(lines, network):
    """Whether a network's hash is being taken or compared before its update, or it is updated."""
    return is_in_step(lines, network) and any(
        name in line for name in (HASH, COMPARISON, UPDATE) for line in lines)


def flip_at(lab, process, functions, address, bit):
    """Flips a bit when a process enters the last of some functions, entered in this order."""
    word, done = f"*(unsigned int *){address:#x}", "flipped at"
    stops = [command for name in functions for command in (f"tbreak *&'{name}'", "continue")]
    text = gdb(
        lab, process, *stops, f"set var {word} = {word} ^ {1 << bit:#x}", f'printf "{done} %p\\n", $pc',
        "backtrace 1")
    if done not in text or functions[-1] not in text:
        raise Failed(" ".join(text.split())[-300:])
