"""The checks as a pytest class; pytest itself is not imported."""

from __future__ import annotations

from typing import ClassVar

from nas.families import FAMILIES, load_plugin
from nas.testing import _checks
from nas.testing._checks import Subject


class FamilyTests:
    """What every block family has to fulfil; inherit it, and name the family.

    `class TestGhost(FamilyTests): plugin = "my_blocks/ghost.py"` is a whole test.
    """

    plugin: ClassVar[str | None] = None
    """File, module or entry point of a plug-in; of its families, the first is tested."""
    family: ClassVar[str | None] = None
    """Or the name of a family that is there."""
    _subjects: ClassVar[dict[str, Subject]] = {}

    @property
    def subject(self) -> Subject:
        """The family and its random networks, drawn once."""
        if self.plugin is not None:
            name = load_plugin(self.plugin)[0].name
        else:
            assert self.family is not None, "name a plugin or a family"
            name = self.family
        if name not in self._subjects:
            self._subjects[name] = Subject(FAMILIES[name])
        return self._subjects[name]

    def test_model_files_read_back(self) -> None:
        """See the check of that name; so it is with all."""
        _checks.model_files_read_back(self.subject)

    def test_records_travel(self) -> None:
        """Networks reach other processes."""
        _checks.records_travel(self.subject)

    def test_costs_are_measured(self) -> None:
        """Exact costs are those of the module."""
        _checks.costs_are_measured(self.subject)

    def test_memory_is_planned(self) -> None:
        """Working memory is known."""
        _checks.memory_is_planned(self.subject)

    def test_stages_have_their_shape(self) -> None:
        """Channels and stride are those of the stage."""
        _checks.stages_have_their_shape(self.subject)

    def test_networks_train(self) -> None:
        """Gradients reach everything."""
        _checks.networks_train(self.subject)

    def test_blocks_are_reused(self) -> None:
        """`reuse` works and costs are exact."""
        _checks.blocks_are_reused(self.subject)

    def test_kernels_come_from_rings(self) -> None:
        """`sharing` works and costs are exact."""
        _checks.kernels_come_from_rings(self.subject)

    def test_code_stands_alone(self) -> None:
        """Exported code needs torch alone."""
        _checks.code_stands_alone(self.subject)

    def test_onnx_computes_the_same(self) -> None:
        """ONNX Runtime agrees."""
        _checks.onnx_computes_the_same(self.subject)
