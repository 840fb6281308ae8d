"""An IPython shell without a kernel: it runs a cell and returns the outputs that Jupyter would show."""

import io
import re
import sys

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.formatters import DisplayFormatter
from IPython.core.inputtransformer2 import TransformerManager
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

MOST_OUTPUT = 1 << 20  # characters of one cell
SHOWN = ("text/plain", "text/html", "text/latex", "image/png", "image/jpeg")
MAGIC = re.compile(r"^\s*[%!?/,;]|\?|=\s*[%!]")  # in every line that IPython's own syntax begins or ends in


class Stream(io.TextIOBase):
    """stdout or stderr of a cell."""

    encoding = "utf-8"

    def __init__(self, shell, name):
        self.shell, self.called = shell, name

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"write() takes a text, not {type(text).__name__}")
        if text:
            self.shell.add({"output_type": "stream", "name": self.called, "text": text})
        return len(text)

    def writable(self):
        return True


class Publisher(DisplayPublisher):
    """display(…) and figures."""

    def publish(self, data, metadata=None, *, transient=None, update=False, **_):
        output = {"output_type": "display_data", "data": dict(data), "metadata": dict(metadata or {})}
        self.shell.add(output, (transient or {}).get("display_id"), update)

    def clear_output(self, wait=False):
        self.shell.outputs.clear()


class Hook(DisplayHook):
    """The value of a cell's last expression."""

    def write_output_prompt(self):
        pass

    def write_format_data(self, format_dict, md_dict=None):
        self.shell.add(
            {
                "output_type": "execute_result",
                "execution_count": self.shell.number,
                "data": dict(format_dict),
                "metadata": dict(md_dict or {}),
            }
        )


class Formatter(DisplayFormatter):
    """The forms of a value, those that are shown later."""

    def format(self, obj, include=None, exclude=None):
        return super().format(obj, include or SHOWN, exclude)


class Transformer(TransformerManager):
    """From IPython's syntax to Python's; a cell that has none of it is spared the look at every token."""

    def do_token_transforms(self, lines):
        return super().do_token_transforms(lines) if any(map(MAGIC.search, lines)) else lines


class Shell(InteractiveShell):
    """InteractiveShell whose output goes to a list."""

    displayhook_class = Hook
    display_pub_class = Publisher

    def __init__(self, **kwargs):
        self.outputs, self.shown, self.room = [], {}, MOST_OUTPUT
        super().__init__(input_transformer_manager=Transformer(), **kwargs)

    def init_display_formatter(self):
        self.display_formatter = Formatter(parent=self)
        self.configurables.append(self.display_formatter)

    def add(self, output, display_id=None, update=False):
        """Append one output of the present cell; what goes beyond MOST_OUTPUT is dropped, and that is said once."""
        if update:
            if display_id in self.shown:
                self.shown[display_id].update(output)
            return
        last = self.outputs[-1] if self.outputs else None
        stream = output["output_type"] == "stream"
        size = len(output["text"]) if stream else sum(len(str(v)) for v in output.get("data", {}).values())
        if self.room <= 0:
            return
        if stream:
            output["text"] = output["text"][: self.room]
        self.room -= size
        if stream and last and last["output_type"] == "stream" and last["name"] == output["name"]:
            last["pieces"].append(output["text"])
        else:
            self.outputs.append(output | ({"pieces": [output["text"]]} if stream else {}))
        if self.room <= 0:
            text = f"\n… the rest of the output was cut: {MOST_OUTPUT:,} characters are kept\n"
            self.outputs.append({"output_type": "stream", "name": "stdout", "pieces": [text]})
        if display_id:
            self.shown[display_id] = self.outputs[-1]

    def _showtraceback(self, etype, evalue, stb):
        try:
            said = str(evalue)
        except Exception:
            said = "an exception that cannot be shown"
        self.outputs.append(
            {"output_type": "error", "ename": etype.__name__, "evalue": said, "traceback": [str(s) for s in stb]}
        )

    def enable_gui(self, gui=None):
        pass

    def run(self, source):
        """Run one cell.

        Returns its outputs, a list of dicts as nbformat has them, and IPython's result with .success and .result.
        """
        self.outputs, self.room, self.number = [], MOST_OUTPUT, self.execution_count
        before = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = Stream(self, "stdout"), Stream(self, "stderr")
        try:
            result = self.run_cell(source, store_history=True)
        finally:
            sys.stdout, sys.stderr = before
        for output in self.outputs:
            if "pieces" in output:
                output["text"] = "".join(output.pop("pieces"))
        return self.outputs, result


def make(namespace):
    """A Shell whose cells run in namespace, a dict."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.banner1 = ""
    config.InteractiveShell.enable_tip = False
    shell = Shell(user_ns=namespace, config=config)
    Shell._instance = InteractiveShell._instance = shell
    return shell
