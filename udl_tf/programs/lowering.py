"""A function of TensorFlow as one StableHLO program, and what its inputs and outputs are.

A program is a pure function. What the function captures becomes inputs: variables by their names, constants as arrays that travel
with the program. Variables that it assigns become outputs of the same names, which feed the inputs of the next call.
"""

import dataclasses
import re

import numpy as np
import tensorflow as tf

from pipelines import xla
from pipelines.errors import InputError

STAGE = "stablehlo_serialized"  # MLIR bytecode; TensorFlow 2.15 does not write it
ALIAS = re.compile(r"\{(\d+)\}: \((\d+), \{\}")  # in the head of XLA's text: output {n} updates parameter (n)


@dataclasses.dataclass(frozen=True)
class Value:
    """An input or output: its name, shape and dtype (a NumPy name)."""

    name: str
    shape: tuple
    dtype: str


@dataclasses.dataclass(frozen=True)
class Program:
    """A function in StableHLO.

    Attributes:
        code: MLIR bytecode of a module whose function `main` takes `inputs` and returns `outputs`, in this order.
        inputs, outputs: of `Value`. A name in both is state: that output feeds that input of the next call.
        constants: dict of arrays, by the names of the inputs that are always these.
    """

    code: bytes
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    constants: dict[str, np.ndarray]


def lower(function, arguments, variables) -> Program:
    """Lower a function.

    Args:
        function: takes the `arguments` by name, returns a dict of tensors; traced within `pipelines.xla.program`.
        arguments: dict of `tf.TensorSpec` of fixed shape, in the order of the program's inputs.
        variables: dict of names to the `tf.Variable` that the function may read and assign.

    Raises:
        InputError: this TensorFlow writes no StableHLO, or an operation of the function has no XLA version.
    """
    names = list(arguments)

    def positional(*values):
        with xla.program():
            return function(**dict(zip(names, values, strict=True)))

    compiled = tf.function(positional, jit_compile=True, autograph=False)
    concrete = compiled.get_concrete_function(*arguments.values())
    lowered = compiled.experimental_get_compiler_ir(*arguments.values())
    try:
        code = lowered(stage=STAGE)
        head = lowered(stage="hlo").split("\n", 1)[0]
    except ValueError as error:  # of the stage
        raise InputError(f"TensorFlow {tf.__version__} writes no StableHLO: expected 2.21 or later ({error})") from None
    except tf.errors.InvalidArgumentError as error:
        raise InputError(f"not a program of XLA: {str(error).splitlines()[0]}") from None
    inputs, constants = _inputs(arguments, concrete.captured_inputs, variables)
    updated = {int(output): int(parameter) for output, parameter in ALIAS.findall(head)}
    outputs = [_value(name, tensor) for name, tensor in sorted(concrete.structured_outputs.items())]
    outputs += [inputs[updated[number]] for number in range(len(outputs), len(outputs) + len(updated))]
    return Program(code, tuple(inputs), tuple(outputs), constants)


def _inputs(arguments, captured, variables):
    """The inputs of a program, and its constants."""
    known = {id(variable.handle): name for name, variable in variables.items()}
    inputs, constants = [_value(name, spec) for name, spec in arguments.items()], {}
    for tensor in captured:
        if tensor.dtype == tf.resource:
            name = known[id(tensor)]
            inputs.append(_value(name, variables[name]))
        else:
            name = f"constant/{len(constants)}"
            constants[name] = tensor.numpy()
            inputs.append(_value(name, tensor))
    return inputs, constants


def _value(name, tensor):
    return Value(name, tuple(tensor.shape.as_list()), tensor.dtype.as_numpy_dtype.__name__)
