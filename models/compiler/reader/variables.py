"""Variables of a model: what lasts from one inference to the next, and how it begins.

A variable becomes a tensor with an initial value: what the subgraph that is called once assigns to
it, else zero. That subgraph is read here and not compiled; others are never called.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from tinybench.errors import ModelError

from ..graph import Operator, Tensor
from .tables import options_of, read_calls, read_tensor, text, zeros

Name = tuple[bytes, bytes]
"""Container and name of a variable."""
HANDLE, READ, ASSIGN, ONCE = "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "CALL_ONCE"


def keep_variables(
    model: Any, subgraphs: Sequence[Any], calls: list[Operator]
) -> tuple[list[Operator], list[Tensor]]:
    """Return the operators that are left for run time, and a tensor for each variable.

    A read then has the variable's tensor as its input, an assignment has it as its output.
    Raises ModelError for an initialiser that computes, and for values that do not fit.
    """
    main, initial = subgraphs[0], dict[Name, bytes]()
    read: list[tuple[Any, Sequence[Operator]]] = [(main, calls)]
    for call in calls:
        if call.name == ONCE:
            number = _called_once(subgraphs, call)
            read.append((subgraphs[number], read_calls(model, subgraphs[number])))
            initial |= _initialised(model, *read[-1], number)
    handles = _handles(main, calls)
    check_assigned(read)
    variables, kept = dict[Name, Tensor](), list[Operator]()
    for assigned in (True, False):  # the reference takes the form of what is assigned
        for call in calls:
            if call.name != (ASSIGN if assigned else READ):
                continue
            name, value = _ends(call, handles)
            if name not in variables:
                index = main.TensorsLength() + len(variables)
                form = read_tensor(model, main, value)
                variables[name] = _variable(form, index, name, initial.get(name))
    for call in calls:
        if call.name in (READ, ASSIGN):
            name, value = _ends(call, handles)
            variable, form = variables[name], read_tensor(model, main, value)
            if (form.type, form.size_b) != (variable.type, variable.size_b):
                raise ModelError(
                    f"{call}: {form} is {form.type} of {form.size_b} bytes, its variable "
                    f"'{variable.name}' {variable.type} of {variable.size_b}"
                )
            ends = (variable.index, value) if call.name == READ else (value, variable.index)
            kept.append(msgspec.structs.replace(call, inputs=ends[:1], outputs=ends[1:]))
        elif call.name not in (HANDLE, ONCE):
            kept.append(call)
    return kept, list(variables.values())


def check_assigned(read: Iterable[tuple[Any, Sequence[Operator]]]) -> None:
    """Raise ModelError for a variable that is read and that no subgraph ever assigns.

    `read`: each subgraph with its operators. The reference has no memory for such a variable: it
    makes room where one is assigned, and fills it with the zero point, which is what is read
    before. Ref: micro_resource_variable.cc, Allocate, Read.
    """
    reads, assigned = dict[Name, Operator](), set[Name]()
    for subgraph, each in read:
        handles = _handles(subgraph, each)
        for call in each:
            if call.name == READ:
                reads.setdefault(_ends(call, handles)[0], call)
            elif call.name == ASSIGN:
                assigned.add(_ends(call, handles)[0])
    for name, call in reads.items():
        if name not in assigned:
            raise ModelError(
                f"{call} reads variable '{text(name[1])}', which nothing ever assigns: it has no "
                "value; convert the model again with what assigns it (ASSIGN_VARIABLE, or a "
                "subgraph that is called once)"
            )


def _handles(subgraph: Any, calls: Sequence[Operator]) -> dict[int, Name]:
    """Return which variable each handle stands for."""
    found = dict[int, Name]()
    for call in calls:
        if call.name == HANDLE:
            if len(call.outputs) != 1:
                raise ModelError(f"{call} has {len(call.outputs)} outputs; 1 is needed")
            options = options_of(subgraph, call, "VarHandleOptions")
            found[call.outputs[0]] = (options.Container() or b"", options.SharedName() or b"")
    return found


def _ends(call: Operator, handles: dict[int, Name]) -> tuple[Name, int]:
    """Return the variable of a read or an assignment, and the tensor on its other side."""
    others = call.outputs if call.name == READ else call.inputs[1:]
    if not call.inputs or call.inputs[0] not in handles or len(others) != 1:
        raise ModelError(f"{call} has no handle of a variable")
    return handles[call.inputs[0]], others[0]


def _variable(form: Tensor, index: int, name: Name, value: bytes | None) -> Tensor:
    """Return the tensor of a variable."""
    variable = msgspec.structs.replace(form, index=index, name=text(name[1]), data=None)
    value = zeros(variable) if value is None else value
    if len(value) != variable.size_b:
        raise ModelError(
            f"variable '{variable.name}' begins with {len(value)} bytes; it holds {variable.size_b}"
        )
    return msgspec.structs.replace(variable, initial=value)


def _called_once(subgraphs: Sequence[Any], once: Operator) -> int:
    """Return the number of the subgraph that is called once."""
    number = options_of(subgraphs[0], once, "CallOnceOptions").InitSubgraphIndex()
    if not 0 < number < len(subgraphs):
        raise ModelError(f"{once} calls subgraph {number} of {len(subgraphs)}")
    return number


def _initialised(
    model: Any, subgraph: Any, calls: Sequence[Operator], number: int
) -> dict[Name, bytes]:
    """Return what a subgraph that is called once assigns."""
    handles = _handles(subgraph, calls)
    found = dict[Name, bytes]()
    for call in calls:
        if call.name == HANDLE:
            continue
        if call.name != ASSIGN:
            raise ModelError(f"subgraph {number}, which is called once, computes: {call}; only "
                             "assignments of constants are supported")  # fmt: skip
        name, value = _ends(call, handles)
        tensor = read_tensor(model, subgraph, value)
        if tensor.data is None:
            raise ModelError(f"subgraph {number} assigns {tensor}, which is no constant")
        found[name] = tensor.data
    return found
